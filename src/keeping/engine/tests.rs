use std::io::Write as _;
use std::os::unix::net::UnixListener;

use super::*;
use crate::host::docker::fake::{Fake, say, say_with};
use crate::host::docker::{self, EngineError};

#[test]
fn the_questions_of_the_program_are_passed_on() {
    for path in [
        "/version",
        "/_ping",
        "/v1.41/info",
        "/v1.56/networks?filters=%7B%22driver%22%3A%5B%22overlay%22%5D%7D",
        "/v1.41/networks/secure",
        "/v1.41/networks/0f3b2a?verbose=true",
        "/v1.41/containers/json",
        "/v1.41/containers/0f3b2a/json",
        "/v1.41/services",
        "/v1.41/tasks?filters=%7B%22desired-state%22%3A%5B%22running%22%5D%7D",
        "/v1.41/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D",
    ] {
        let head = format!("GET {path} HTTP/1.1\r\nhost: docker");
        assert_eq!(question(head.as_bytes()).map(|(path, _)| path), Some(path));
    }
}

#[test]
fn questions_that_give_root_or_secrets_away_are_not_passed_on() {
    for path in [
        "/v1.41/containers/create",
        "/v1.41/containers/0f3b2a/archive?path=/etc/shadow",
        "/v1.41/containers/0f3b2a/attach/ws",
        "/v1.41/containers/../configs/json",
        "/v1.41/containers/..%2f..%2fconfigs/json",
        "/v1.41/configs",
        "/v1.41/secrets",
        "/v1.41/images/debian/get",
        "/v1.41/plugins/json",
        "/v1.41//networks/a",
        "/v1.41/networks/",
        "/networks",
        "/v1/networks",
        "version",
        "",
    ] {
        assert_eq!(told_of(path), None, "{path}");
    }
    for head in [
        "POST /v1.41/containers/create HTTP/1.1",
        "GET /version HTTP/1.0",
        "GET /version\r\nGET /v1.41/configs HTTP/1.1",
        "GET /version HTTP/1.1 HTTP/1.1",
        "get /version HTTP/1.1",
        "",
    ] {
        assert_eq!(question(head.as_bytes()), None, "{head}");
    }
    assert_eq!(question(b"GET /version\xff HTTP/1.1"), None);
}

/// Returns what a keeper tells of an answer.
pub(crate) fn told(path: &str, answer: &str) -> String {
    match told_of(path) {
        Some(Told::Parts(shape)) => shape.of(answer).unwrap(),
        other => panic!("{path}: {other:?}"),
    }
}

/// Begins a conversation with an engine through a keeper.
fn begin(engine: &Fake) -> UnixStream {
    let (program, here) = UnixStream::pair().unwrap();
    let there = UnixStream::connect(&engine.socket).unwrap();
    thread::spawn(move || converse(&here, &there));
    program
}

/// Passes on what is said to a socket beside that of an engine, as a keeper does, and returns its path.
pub(crate) fn kept(engine: &str) -> String {
    let (engine, beside) = (engine.to_owned(), format!("{engine}.kept"));
    let listener = UnixListener::bind(&beside).unwrap();
    thread::spawn(move || {
        for program in listener.incoming() {
            let (program, engine) = (program.unwrap(), UnixStream::connect(&engine).unwrap());
            thread::spawn(move || converse(&program, &engine));
        }
    });
    beside
}

/// Asks for a path, and returns all that arrives until the answer is whole.
fn ask(program: &UnixStream, question: &str) -> String {
    let mut program = program;
    program.write_all(question.as_bytes()).unwrap();
    let (mut heard, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let len = program.read(&mut buffer).unwrap();
        assert!(len > 0, "{question}: {heard}");
        heard.push_str(std::str::from_utf8(&buffer[..len]).unwrap());
        let Some((start, body)) = heard.split_once("\r\n\r\n") else { continue };
        let is_whole = start.rsplit_once("Content-Length: ").map(|(_, len)| len.parse() == Ok(body.len()));
        if is_whole.unwrap_or_else(|| body.ends_with("0\r\n\r\n")) {
            return heard;
        }
    }
}

#[test]
fn a_question_is_asked_anew_and_what_hides_behind_it_is_not() {
    let engine = Fake::new(|_, stream| say(stream, "{}"));
    let question = "GET /_ping HTTP/1.1\r\nUpgrade: h2c\r\nContent-Length: 40\r\n\r\n";
    let program = begin(&engine);
    ask(&program, question);
    let asked = ["GET /_ping HTTP/1.1\r\nhost: docker\r\n\r\n"];
    assert_eq!(engine.heads(), asked);
    for hidden in [b"POST /containers/create HTTP/1.1\r\n\r\n".to_vec(), vec![b'a'; 2 * LONGEST]] {
        let program = begin(&engine);
        ask(&program, question);
        let _ = (&program).write_all(&hidden);
        // Anything said after the end makes the connection break off.
        let _ = (&program).read_to_end(&mut Vec::new());
    }
    assert_eq!(engine.heads(), [asked[0]; 3]);
}

/// Returns what a program makes of an answer that a keeper passes on.
fn heard_of(answer: impl Fn(&mut UnixStream) + Send + Sync + 'static) -> EngineError {
    let fake = Fake::new(move |path, stream| match path {
        "/version" => say(stream, r#"{"ApiVersion":"1.41"}"#),
        _ => answer(stream),
    });
    let ask = async |engine: docker::Engine| engine.get::<Vec<u32>>(docker::NETWORKS).await;
    docker::converse(&kept(&fake.socket), std::time::Duration::from_secs(60), ask).unwrap_err()
}

#[test]
fn an_answer_that_is_too_long_or_breaks_off_is_told_as_that_and_not_as_a_status() {
    let long = heard_of(|stream| say(stream, &format!("[{}]", " ".repeat(8 << 20))));
    assert_eq!(long.to_string(), "no usable answer (the answer is longer than 8 MiB)");
    let cut = heard_of(|stream| {
        stream.write_all(b"HTTP/1.1 200 -\r\nContent-Length: 9\r\n\r\n[1,").unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
    });
    assert_eq!(cut.to_string(), "no usable answer (it broke off, or is no HTTP)");
}

/// Everything that an engine tells has a secret beside what is read of it.
const SECRET: &str = "hunter2";

fn engine_with_secrets() -> Fake {
    Fake::new(|path, stream| {
        let secrets = r#""Env":["PASSWORD=hunter2"],"Cmd":["hunter2"],"Labels":{"hunter2":"hunter2"},"Mounts":[{"Source":"hunter2"}]"#;
        let path = path.strip_prefix("/v1.41").unwrap_or(path).split('?').next().unwrap();
        let answer = match path {
            "/version" => format!(r#"{{"ApiVersion":"1.41",{secrets}}}"#),
            "/info" => format!(r#"{{"Swarm":{{"NodeAddr":"192.0.2.1",{secrets}}},{secrets}}}"#),
            "/networks" => {
                format!(
                    r#"[{{"Name":"secure","Id":"s3","Driver":"overlay","Options":{{"encrypted":"hunter2"}},{secrets}}}]"#
                )
            }
            "/networks/secure" | "/networks/s3" => format!(
                r#"{{"Name":"secure","Id":"s3","Driver":"overlay","Options":{{"encrypted":"hunter2"}},"Containers":
                    {{"c1":{{"Name":"web","IPv4Address":"10.0.2.4/24",{secrets}}}}},{secrets}}}"#
            ),
            "/containers/c1/json" => {
                format!(
                    r#"{{"Config":{{{secrets}}},"NetworkSettings":{{"SandboxKey":"/netns/1",{secrets}}}}}"#
                )
            }
            "/containers/json" => format!(r#"[{{"Names":["/web"],"Command":"hunter2",{secrets}}}]"#),
            "/services" => format!(
                r#"[{{"ID":"v","Spec":{{"Name":"db","TaskTemplate":{{"ContainerSpec":{{{secrets}}}}}}},"Endpoint":{{"Spec":{{{secrets}}}}}}}]"#
            ),
            "/tasks" => format!(
                r#"[{{"ServiceID":"v","Slot":1,"Status":{{"State":"running","Err":"hunter2"}},"Spec":{{{secrets}}}}}]"#
            ),
            "/events" => format!(r#"{{"Actor":{{"Attributes":{{{secrets}}}}}}}"#),
            _ => return say_with("500 -", stream, &format!("{{{secrets}}}")),
        };
        say(stream, &answer);
    })
}

#[test]
fn no_secret_of_an_answer_arrives() {
    let engine = engine_with_secrets();
    for (path, read) in [
        ("/version", "1.41"),
        ("/v1.41/info", "192.0.2.1"),
        ("/v1.41/networks", "encrypted"),
        ("/v1.41/networks/secure", "10.0.2.4/24"),
        ("/v1.41/containers/c1/json", "/netns/1"),
        ("/v1.41/containers/json", "/web"),
        ("/v1.41/services", "db"),
        ("/v1.41/tasks", "running"),
        ("/v1.41/events", "{}"),
        ("/v1.41/networks/none", "500"),
    ] {
        let heard = ask(&begin(&engine), &format!("GET {path} HTTP/1.1\r\n\r\n"));
        assert!(heard.contains(read) && !heard.contains(SECRET), "{path}: {heard}");
    }
}
