use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use super::super::fake::{Fake, say, say_nothing_known, say_with};
use super::*;

/// A limit of time that is long enough for every machine. A test whose engine answers never waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

const VERSION: &str = r#"{"ApiVersion":"1.41","MinAPIVersion":"1.12","Version":"20.10.24"}"#;

type Answer = fn(&mut UnixStream);

/// Starts an engine of version 1.41 that gives one answer to all other questions.
fn engine(answer: Answer) -> Fake {
    Fake::new(move |path, stream| if path == "/version" { say(stream, VERSION) } else { answer(stream) })
}

fn ask(fake: &Fake, patience: Duration) -> Result<Vec<u32>, EngineError> {
    converse(&fake.socket, patience, async |engine| engine.get("/question").await)
}

#[test]
fn paths_bear_the_newest_version_that_both_speak() {
    let prefix = |versions: &'static str| {
        let fake = Fake::new(move |_, stream| say(stream, versions));
        converse(&fake.socket, PATIENCE, async |engine| Ok(engine.prefix)).ok()
    };
    for (versions, expected) in [
        (VERSION, Some("/v1.41")),
        (r#"{"ApiVersion":"1.99","MinAPIVersion":"1.44"}"#, Some("/v1.56")),
        (r#"{"ApiVersion":"2.3","MinAPIVersion":"2.1"}"#, Some("/v2.1")),
        // Engines before version 1.25 do not give their oldest version.
        (r#"{"ApiVersion":"1.9"}"#, Some("/v1.9")),
        (r#"{"ApiVersion":"1.9","MinAPIVersion":null}"#, Some("/v1.9")),
        (r#"{"ApiVersion":"1.9","MinAPIVersion":"old"}"#, Some("/v1.9")),
        (r#"{"ApiVersion":"1.41/../x"}"#, None),
        (r#"{"ApiVersion":"newest"}"#, None),
        (r#"{"ApiVersion":null}"#, None),
        ("{}", None),
    ] {
        assert_eq!(prefix(versions).as_deref(), expected, "{versions}");
    }
}

#[test]
fn only_the_version_is_asked_for_without_one_and_every_request_names_a_host() {
    let fake = engine(|stream| say(stream, "[1,2]"));
    assert_eq!(ask(&fake, PATIENCE), Ok(vec![1, 2]));
    let expected =
        ["/version", "/v1.41/question"].map(|path| format!("GET {path} HTTP/1.1\r\nhost: docker\r\n\r\n"));
    assert_eq!(fake.heads(), expected);
}

#[test]
fn answers_in_chunks_and_up_to_the_end_of_the_connection_are_read() {
    let answers: [Answer; 2] = [
        |stream| {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.write_all(format!("{head}3\r\n[1,\r\n2;x=y\r\n2]\r\n0\r\n\r\n").as_bytes()).unwrap();
        },
        |stream| {
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n[1,2]").unwrap();
            stream.shutdown(Shutdown::Both).unwrap();
        },
    ];
    for answer in answers {
        assert_eq!(ask(&engine(answer), PATIENCE), Ok(vec![1, 2]));
    }
}

#[test]
fn an_answer_that_is_refused_does_not_end_the_conversation() {
    let fake = Fake::new(|path, stream| match path {
        "/version" => say(stream, VERSION),
        "/v1.41/second" => say(stream, "[2]"),
        _ => say_nothing_known(stream),
    });
    let said = converse(&fake.socket, PATIENCE, async |engine| {
        let first: Result<Vec<u32>, EngineError> = engine.get("/first").await;
        let second: Result<Vec<u32>, EngineError> = engine.get("/second").await;
        Ok((first, second))
    });
    assert_eq!(said, Ok((Err(EngineError::Unknown), Ok(vec![2]))));
}

fn broken(cause: &str) -> EngineError {
    EngineError::Broken(cause.to_owned())
}

#[test]
fn an_answer_with_another_status_or_without_json_is_an_error_of_its_kind() {
    const BROKEN_OFF: &str = "it broke off, or is no HTTP";
    let answers: [(Answer, EngineError); 9] = [
        // These would be answers if they had another status.
        (|stream| say_with("404 Not Found", stream, "[1,2]"), EngineError::Unknown),
        (|stream| say_with("403 Forbidden", stream, "[1,2]"), EngineError::Denied),
        (|stream| say_with("201 Created", stream, "[1,2]"), broken("status 201")),
        (|stream| say_with("301 Moved\r\nLocation: /elsewhere", stream, "[1,2]"), broken("status 301")),
        (|stream| say_with("503 Service Unavailable", stream, "[1,2]"), broken("status 503")),
        // These are no JSON, no HTTP, half an answer, and none at all.
        (|stream| say(stream, "<html>"), broken("it is not the JSON of an engine")),
        (|stream| stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").unwrap(), broken(BROKEN_OFF)),
        (
            |stream| {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[1,").unwrap();
                stream.shutdown(Shutdown::Both).unwrap();
            },
            broken(BROKEN_OFF),
        ),
        (|stream| stream.shutdown(Shutdown::Both).unwrap(), broken(BROKEN_OFF)),
    ];
    for (answer, error) in answers {
        let fake = engine(answer);
        assert_eq!((ask(&fake, PATIENCE), fake.heads().len()), (Err(error), 2));
    }
}

#[test]
fn a_socket_without_an_engine_is_told_from_one_that_is_silent() {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("docker.sock");
    let socket = socket.to_str().unwrap();
    let ask = |socket: &str| converse(socket, Duration::from_millis(300), async |_| Ok(()));
    assert_eq!(ask(socket), Err(EngineError::Absent), "no file");
    assert_eq!(ask(&format!("{socket}/docker.sock")), Err(EngineError::Absent), "no folder");
    let listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    assert_eq!(ask(socket), Err(EngineError::Late(Duration::from_millis(300))), "nobody accepts");
    drop(listener);
    assert_eq!(ask(socket), Err(EngineError::Absent), "the engine has stopped");
}

#[test]
fn an_engine_that_has_no_room_for_one_more_is_waited_for() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("docker.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    // The queue is as short as it can be, so that the second connection finds it full.
    nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
    let _first = UnixStream::connect(&path).unwrap();
    let said = converse(path.to_str().unwrap(), Duration::from_millis(300), async |_| Ok(()));
    assert_eq!(said, Err(EngineError::Late(Duration::from_millis(300))));
}

#[test]
fn a_program_without_versions_is_no_engine_that_knows_nothing() {
    let fake = Fake::new(|_, stream| say_nothing_known(stream));
    assert_eq!(ask(&fake, PATIENCE), Err(broken("it gives no version")));
}

#[test]
fn a_path_that_a_url_cannot_hold_is_not_asked_for() {
    let fake = engine(|stream| say(stream, "[1,2]"));
    let said = converse(&fake.socket, PATIENCE, async |engine| engine.get::<Vec<u32>>("/a b\r\n").await);
    assert_eq!((said, fake.heads().len()), (Err(broken("the path is none that can be asked for")), 1));
}

const TOO_LONG: &str = "the answer is longer than 8 MiB";

#[test]
fn an_answer_without_an_end_is_dropped_when_it_is_too_long() {
    let start = Instant::now();
    let fake = engine(|stream| {
        let chunk = format!("8000\r\n{}\r\n", " ".repeat(0x8000));
        let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while sent.is_ok() {
            sent = stream.write_all(chunk.as_bytes());
        }
    });
    assert_eq!((ask(&fake, PATIENCE), fake.heads().len()), (Err(broken(TOO_LONG)), 2));
    assert!(start.elapsed() < PATIENCE, "patience ended it");
}

#[test]
fn an_answer_of_the_greatest_length_is_read_and_a_longer_one_is_not() {
    fn say_long(stream: &mut UnixStream, length: usize) {
        say(stream, &format!("[7{}]", " ".repeat(length - 3)));
    }
    assert_eq!(ask(&engine(|stream| say_long(stream, LONGEST)), PATIENCE), Ok(vec![7]));
    assert_eq!(ask(&engine(|stream| say_long(stream, LONGEST + 1)), PATIENCE), Err(broken(TOO_LONG)));
}

#[test]
fn one_patience_holds_for_an_engine_that_is_silent_or_slow() {
    const SHORT: Duration = Duration::from_millis(300);
    let silent = Fake::new(|_, _| {});
    let silent_after_its_version = engine(|_| {});
    let slow = engine(|stream| {
        let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        while sent.is_ok() {
            std::thread::sleep(Duration::from_millis(20));
            sent = stream.write_all(b" ");
        }
    });
    for fake in [silent, silent_after_its_version, slow] {
        let start = Instant::now();
        assert_eq!(ask(&fake, SHORT), Err(EngineError::Late(SHORT)));
        assert!(start.elapsed() >= SHORT && start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    }
}

#[test]
fn a_socket_that_may_not_be_opened_is_no_missing_engine() {
    for (kind, error) in [
        (io::ErrorKind::PermissionDenied, EngineError::Denied),
        (io::ErrorKind::NotFound, EngineError::Absent),
        (io::ErrorKind::ConnectionRefused, EngineError::Absent),
    ] {
        assert_eq!(EngineError::unconnected(&kind.into()), error);
    }
    let other = EngineError::unconnected(&io::Error::from_raw_os_error(24));
    assert_eq!(other, broken("connect to its socket: too many open files"));
}
