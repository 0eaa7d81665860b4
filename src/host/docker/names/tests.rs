use std::collections::HashMap;
use std::io::Write;
use std::net::{IpAddr, Shutdown};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use super::*;
use crate::host::docker::fake::{Fake, say, say_nothing_known, say_with};

mod faults;

/// A limit of time that is long enough for every machine. A test whose engine answers never waits so long.
const PATIENCE: Duration = Duration::from_secs(60);
const VERSION: &str = r#"{"ApiVersion":"1.41","MinAPIVersion":"1.12"}"#;
const BRIDGE: &str = r#"[{"Name":"bridge","Id":"b","Driver":"bridge"}]"#;

fn container(name: &str) -> String {
    format!(
        r#"[{{"Names":["/{name}"],"NetworkSettings":{{"Networks":{{"bridge":{{"NetworkID":"b","IPAddress":"172.17.0.2"}}}}}}}}]"#
    )
}

/// An engine with one container, whose answers can be changed, and which tells events.
struct Engine {
    fake: Fake,
    answers: Arc<Mutex<HashMap<String, String>>>,
    events: Sender<&'static str>,
    /// Set when an event cannot be told because the connection is closed.
    left: Arc<AtomicBool>,
}

impl Engine {
    fn new() -> Self {
        let answers: Arc<Mutex<HashMap<String, String>>> = Arc::default();
        let (events, told): (Sender<&'static str>, Receiver<&'static str>) = channel();
        let (given, told) = (Arc::clone(&answers), Mutex::new(told));
        let left = Arc::new(AtomicBool::new(false));
        let leaving = Arc::clone(&left);
        let fake = Fake::new(move |path, stream| {
            let path = path.split('?').next().unwrap();
            if path == "/v1.41/events" {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                while let Ok(event) = told.lock().unwrap().recv() {
                    if event.is_empty() {
                        let _ = stream.shutdown(Shutdown::Both);
                        return;
                    }
                    if write!(stream, "{:x}\r\n{event}\r\n", event.len()).is_err() {
                        leaving.store(true, Ordering::Relaxed);
                        return;
                    }
                }
                return;
            }
            let answer = given.lock().unwrap().get(path).cloned();
            match answer {
                Some(answer) if answer.is_empty() => drop(stream.shutdown(Shutdown::Both)),
                Some(answer) => say(stream, &answer),
                None => say_nothing_known(stream),
            }
        });
        let engine = Self { fake, answers, events, left };
        engine.answer("/version", VERSION);
        engine.answer("/_ping", "OK");
        engine.answer("/v1.41/networks", BRIDGE);
        engine.answer("/v1.41/containers/json", &container("web"));
        engine
    }

    fn answer(&self, path: &str, answer: &str) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer.to_owned());
    }

    fn names(&self) -> Names {
        names_at(&self.fake)
    }
}

fn names_at(fake: &Fake) -> Names {
    let names = watched(fake);
    assert!(names.wait(PATIENCE));
    names
}

fn watched(fake: &Fake) -> Names {
    Connected(opened(fake)).watch()
}

fn opened(fake: &Fake) -> Opened {
    Opened::open(std::slice::from_ref(&fake.socket), PATIENCE).unwrap()
}

fn name(names: &Names) -> Option<String> {
    names.table().local(IpAddr::from([172, 17, 0, 2])).map(str::to_owned)
}

fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn names_are_there_when_the_watch_begins() {
    let engine = Engine::new();
    let names = engine.names();
    assert_eq!((name(&names).as_deref(), names.complaint()), (Some("web"), None));
}

#[test]
fn a_container_that_is_renamed_has_its_new_name_soon() {
    let engine = Engine::new();
    let names = engine.names();
    engine.answer("/v1.41/containers/json", &container("db"));
    engine.events.send(r#"{"Type":"container","Action":"rename"}"#).unwrap();
    until("another name", || name(&names).as_deref() == Some("db"));
    assert_eq!(names.complaint(), None);
}

#[test]
fn names_and_events_come_through_a_keeper() {
    let engine = Engine::new();
    let kept = crate::keeping::kept(&engine.fake.socket);
    let names = Connected(Opened::open(&[kept], PATIENCE).unwrap()).watch();
    assert!(names.wait(PATIENCE));
    assert_eq!((name(&names).as_deref(), names.complaint()), (Some("web"), None));
    engine.answer("/v1.41/containers/json", &container("db"));
    engine.events.send(r#"{"Type":"container","Action":"rename"}"#).unwrap();
    until("another name", || name(&names).as_deref() == Some("db"));
    assert_eq!(names.complaint(), None);
}

#[test]
fn a_storm_of_events_is_answered_once_a_second_at_most() {
    let engine = Engine::new();
    let begun = Instant::now();
    let _names = engine.names();
    let asked = || engine.fake.paths().iter().filter(|path| path.ends_with("/containers/json")).count();
    while begun.elapsed() < Duration::from_millis(2500) {
        engine.events.send(r#"{"Type":"container","Action":"start"}"#).unwrap();
        thread::sleep(Duration::from_millis(2));
    }
    let most = 1 + begun.elapsed().as_secs() as usize;
    assert!((2..=most).contains(&asked()), "{} times", asked());
}

#[test]
fn all_questions_are_asked_on_two_connections_that_were_made_first() {
    let engine = Engine::new();
    let opened = opened(&engine.fake);
    // Nobody can connect any more, as for a user who may not open the socket.
    std::fs::remove_file(&engine.fake.socket).unwrap();
    let names = Connected(opened).watch();
    assert!(names.wait(PATIENCE));
    assert_eq!(name(&names).as_deref(), Some("web"));
    engine.answer("/v1.41/containers/json", &container("db"));
    engine.events.send("{}").unwrap();
    until("another name", || name(&names).as_deref() == Some("db"));
}

#[test]
fn an_engine_that_goes_away_leaves_its_names_and_one_sentence() {
    let engine = Engine::new();
    let names = engine.names();
    std::fs::remove_file(&engine.fake.socket).unwrap();
    engine.answer("/v1.41/containers/json", "");
    engine.events.send("{}").unwrap();
    let mut complaint = None;
    until("a complaint", || {
        complaint = names.complaint();
        complaint.is_some()
    });
    let expected = "the engine is lost: it closed the connection, and there is no engine at the socket any more; names stay as they were";
    assert_eq!(complaint.as_deref(), Some(expected));
    assert_eq!(name(&names).as_deref(), Some("web"));
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(names.complaint(), None, "it is said once");
}

#[test]
fn an_engine_that_closes_its_connections_is_reached_anew() {
    let engine = Engine::new();
    let names = engine.names();
    engine.answer("/v1.41/containers/json", &container("db"));
    engine.events.send("").unwrap();
    until("another name", || name(&names).as_deref() == Some("db"));
    engine.answer("/v1.41/containers/json", &container("cache"));
    engine.events.send("{}").unwrap();
    until("a third name", || name(&names).as_deref() == Some("cache"));
    assert_eq!(names.complaint(), None);
}

#[test]
fn an_engine_that_hangs_is_waited_for_as_long_as_was_said_and_may_still_answer() {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let fake = Fake::new(move |path, stream| match path.split('?').next().unwrap() {
        "/version" => {
            let _ = wait.lock().unwrap().recv();
            say(stream, VERSION);
        }
        "/v1.41/networks" => say(stream, BRIDGE),
        "/v1.41/containers/json" => say(stream, &container("web")),
        _ => say_nothing_known(stream),
    });
    let begun = Instant::now();
    let names = watched(&fake);
    assert!(!names.wait(Duration::from_millis(300)));
    assert!(begun.elapsed() >= Duration::from_millis(300) && begun.elapsed() < PATIENCE);
    assert!(names.table().is_empty() && names.complaint().is_none());
    go.send(()).unwrap();
    until("a name", || name(&names).as_deref() == Some("web"));
}

#[test]
fn a_program_that_is_no_engine_gives_no_names_and_does_no_harm() {
    fn endless(stream: &mut UnixStream) {
        let chunk = format!("8000\r\n{}\r\n", "[".repeat(0x8000));
        let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while sent.is_ok() {
            sent = stream.write_all(chunk.as_bytes());
        }
    }
    let answers: [fn(&str, &mut UnixStream); 8] = [
        |_, stream| stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").unwrap(),
        |_, stream| drop(stream.shutdown(Shutdown::Both)),
        |_, stream| say_with("403 Forbidden", stream, "{}"),
        |_, stream| say(stream, "{}"),
        |path, stream| say(stream, if path == "/version" { VERSION } else { "{}" }),
        |path, stream| say(stream, if path == "/version" { VERSION } else { r#"[{"Names":"x"},7,null]"# }),
        |path, stream| {
            say(stream, &if path == "/version" { VERSION.to_owned() } else { "[".repeat(1 << 20) });
        },
        |path, stream| if path == "/version" { say(stream, VERSION) } else { endless(stream) },
    ];
    for (n, answer) in answers.into_iter().enumerate() {
        let fake = Fake::new(answer);
        let names = names_at(&fake);
        assert!(names.table().is_empty(), "{n}");
        assert!(names.complaint().is_some(), "{n}");
    }
}

#[test]
fn an_answer_of_a_hundred_megabytes_costs_its_part_alone() {
    let fake = Fake::new(|path, stream| match path.split('?').next().unwrap() {
        "/version" => say(stream, VERSION),
        "/v1.41/networks" => say(stream, BRIDGE),
        "/v1.41/networks/b" => say(
            stream,
            r#"{"Containers":{"a":{"Name":"web","IPv4Address":"172.17.0.2/16","IPv6Address":""}}}"#,
        ),
        "/v1.41/containers/json" => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 100 << 20);
            let mut sent = stream.write_all(head.as_bytes());
            let some = vec![b' '; 1 << 20];
            for _ in 0..100 {
                sent = sent.and_then(|()| stream.write_all(&some));
            }
        }
        _ => say_nothing_known(stream),
    });
    let names = names_at(&fake);
    assert_eq!(name(&names).as_deref(), Some("web"));
    let expected = "some names may be missing: the engine does not tell its containers: no usable answer (the answer is longer than 8 MiB)";
    assert_eq!(names.complaint().as_deref(), Some(expected));
}

#[test]
fn names_of_a_hostile_engine_are_spelled_out() {
    let engine = Engine::new();
    engine.answer("/v1.41/containers/json", &container(r"w\u001b[2J\u202e) -> 1.2.3.4"));
    assert_eq!(
        name(&engine.names()).as_deref(),
        Some(r"w\u{1b}\u{5b}2J\u{202e}\u{29}\u{20}-\u{3e}\u{20}1.2.3.4")
    );
}

#[test]
fn overlays_are_asked_for_one_by_one_and_managers_for_their_services() {
    let engine = Engine::new();
    let networks = r#"[{"Name":"insecure","Id":"o","Driver":"overlay","Options":{"x":"y","com.docker.network.driver.overlay.vxlanid_list":"4097"}},
        {"Name":"../odd","Id":"../odd","Driver":"overlay","Options":null},{"Name":"bridge","Id":"b","Driver":"bridge"}]"#;
    engine.answer("/v1.41/networks", networks);
    let names = engine.names();
    assert_eq!(names.table().network(crate::packet::Vni::new(4097).unwrap()), Some("insecure"));
    let mut paths = engine.fake.paths();
    paths.retain(|path| !path.starts_with("/v1.41/events?"));
    let tasks = "/v1.41/tasks?filters=%7B%22desired-state%22%3A%5B%22running%22%5D%7D";
    assert_eq!(
        paths,
        [
            "/version",
            "/v1.41/networks",
            "/v1.41/containers/json",
            "/v1.41/networks/o?verbose=true",
            "/v1.41/services",
            tasks
        ]
    );
}

#[test]
fn the_thread_ends_when_nobody_wants_names_any_more() {
    let engine = Engine::new();
    let names = engine.names();
    engine.events.send("{}").unwrap();
    assert!(!engine.left.load(Ordering::Relaxed));
    drop(names);
    until("the end of a connection", || {
        let _ = engine.events.send("{}");
        engine.left.load(Ordering::Relaxed)
    });
}

#[test]
fn an_engine_is_looked_for_at_the_usual_places() {
    let usual = ["/var/run/docker.sock", "/run/podman/podman.sock"];
    assert_eq!(
        (sockets(None, None), sockets(Some(""), Some("run"))),
        (usual.map(str::to_owned).into(), usual.map(str::to_owned).into())
    );
    let own = sockets(None, Some("/run/user/7"));
    assert_eq!(
        (own.len(), own[1].as_str(), own[3].as_str()),
        (4, "/run/user/7/docker.sock", "/run/user/7/podman/podman.sock")
    );
    assert_eq!(sockets(Some("unix:///a"), Some("/run/user/7")), ["/a"]);
    assert!(sockets(Some("tcp://192.0.2.1:2375"), None).is_empty(), "the engine of another host");
    let found = Opened::open(&["/nonexistent/a.sock".into(), "/nonexistent/b.sock".into()], PATIENCE);
    assert_eq!(found.err(), Some(EngineError::Absent));
    assert_eq!(Opened::open(&[], PATIENCE).err(), Some(EngineError::Absent));
    let told = |host| connect_by(Some(host), None, PATIENCE).err().map(|error| error.to_string());
    let expected =
        "DOCKER_HOST is ssh://a, and only Unix sockets are asked; name one as unix:///PATH, or unset it";
    assert_eq!(told("ssh://a").as_deref(), Some(expected));
    let expected = "there is no engine at the socket (/nonexistent/a); start the engine, or name its socket in DOCKER_HOST";
    assert_eq!(told("unix:///nonexistent/a").as_deref(), Some(expected));
    let engine = Engine::new();
    let opened = Opened::open(&["/nonexistent/a.sock".into(), engine.fake.socket.clone()], PATIENCE);
    assert!(Connected(opened.unwrap()).watch().wait(PATIENCE));
}
