//! The answers of a Docker Engine: HTTP, and the JSON in it, as they are read for the swarm and for names.
//!
//! The first byte says who puts the answers into HTTP, this target or the input. Then comes one answer for each request, with a byte
//! 0xff between two.
#![no_main]

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, process, slice, thread};

use libfuzzer_sys::fuzz_target;
use library::{host, keeper};
use ovlsniff::{escape, packet};

#[allow(dead_code, missing_docs, unreachable_pub, unused_imports)]
#[path = "../../src"]
mod library {
    pub(crate) mod keeper;
    pub(crate) mod host {
        pub(crate) mod docker;
    }
}

use host::docker::{engine, names, swarm_at};

/// An answer, and true if the connection is closed behind it, so that nobody waits for more of it.
type Answer = (Vec<u8>, bool);

/// The answers that are still to be given.
static ANSWERS: Mutex<VecDeque<Answer>> = Mutex::new(VecDeque::new());

/// The socket of an engine that gives [`ANSWERS`].
static SOCKET: LazyLock<String> = LazyLock::new(|| {
    let path = env::temp_dir().join(format!("ovlsniff-engine-{}", process::id()));
    let _ = fs::remove_file(&path);
    let listener = UnixListener::bind(&path).expect("a socket of our own");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    path.to_str().expect("a path in UTF-8").to_owned()
});

/// Answers requests until there are no more answers, and then closes the connection, so that nobody waits for one.
fn serve(mut stream: UnixStream) {
    let Ok(requests) = stream.try_clone() else { return };
    let mut requests = BufReader::new(requests);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if !matches!(requests.read_line(&mut head), Ok(1..)) {
                return;
            }
        }
        let next = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some((answer, closes)) = next else { return };
        if stream.write_all(&answer).is_err() || closes {
            return;
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((form, data)) = data.split_first() else { return };
    let wrapped = |body: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let is_raw = form & 1 != 0;
    let answer = |answer: &[u8]| if is_raw { (answer.to_vec(), true) } else { (wrapped(answer), false) };
    let answers: VecDeque<Answer> = data.split(|byte| *byte == 0xff).map(answer).collect();
    let give = || ANSWERS.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&answers);
    let begun = Instant::now();
    give();
    if form & 2 == 0 {
        let _ = swarm_at(&SOCKET);
    } else if let Ok(opened) = engine::Opened::open(slice::from_ref(&SOCKET), Duration::from_secs(5)) {
        let asked = opened.talk(async |mut engine| names::ask::table(&mut engine).await);
        if let Some(missing) = asked.ok().and_then(Result::ok).and_then(|asked| asked.missing) {
            everything::assert_plain(missing.as_bytes());
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "an engine that answers at once was waited for");
});
