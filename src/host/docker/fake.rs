//! A fake engine that gives the answers of a test.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};

pub(crate) struct Fake {
    _place: tempfile::TempDir,
    pub(crate) socket: String,
    /// The heads of the HTTP requests so far.
    heads: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// Starts an engine. `answer` gets the path of each request, and may write an answer.
    pub(crate) fn new(answer: impl Fn(&str, &mut UnixStream) + Send + Sync + 'static) -> Self {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("docker.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let heads = Arc::default();
        let (seen, answer) = (Arc::clone(&heads), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, seen, answer) = (stream.unwrap(), Arc::clone(&seen), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &seen, &*answer));
            }
        });
        Self { _place: place, socket: path.to_str().unwrap().to_owned(), heads }
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.heads().iter().map(|head| head.split(' ').nth(1).unwrap().to_owned()).collect()
    }
}

/// Answers with JSON, and with its length in the head.
pub(crate) fn say(stream: &mut UnixStream, body: &str) {
    say_with("200 OK", stream, body);
}

pub(crate) fn say_nothing_known(stream: &mut UnixStream) {
    say_with("404 Not Found", stream, r#"{"message":"no such one"}"#);
}

pub(crate) fn say_with(status: &str, stream: &mut UnixStream, body: &str) {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
    // The client may have closed the connection after it had read enough.
    let _ = stream.write_all((head + body).as_bytes());
}

fn serve(mut stream: UnixStream, heads: &Mutex<Vec<String>>, answer: &dyn Fn(&str, &mut UnixStream)) {
    let mut requests = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if !matches!(requests.read_line(&mut head), Ok(1..)) {
                return;
            }
        }
        let path = head.split(' ').nth(1).unwrap().to_owned();
        heads.lock().unwrap().push(head);
        answer(&path, &mut stream);
    }
}
