//! Engines that tell less than they should, or stop to.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use super::{
    BRIDGE, Connected, Engine, Fake, Names, PATIENCE, VERSION, container, name, names_at, opened, say,
    say_nothing_known, say_with, until,
};

/// An engine of which one path is answered in another way.
fn but(other: &'static str, answer: fn(&mut UnixStream)) -> Fake {
    Fake::new(move |path, stream| match path.split('?').next().unwrap() {
        path if path == other => answer(stream),
        "/version" => say(stream, VERSION),
        "/_ping" => say(stream, "OK"),
        "/v1.41/networks" => say(stream, BRIDGE),
        "/v1.41/containers/json" => say(stream, &container("web")),
        _ => say_nothing_known(stream),
    })
}

fn fails(stream: &mut UnixStream) {
    say_with("500 Internal Server Error", stream, "{}");
}

fn closes(stream: &mut UnixStream) {
    let _ = stream.shutdown(Shutdown::Both);
}

/// Asks an engine whose socket is removed once it is connected to, as it is out of reach for who has left root.
fn names_without_a_second_connection(fake: &Fake) -> Names {
    let connected = Connected(opened(fake));
    std::fs::remove_file(&fake.socket).unwrap();
    let names = connected.watch();
    assert!(names.wait(PATIENCE));
    names
}

#[test]
fn networks_that_are_not_told_are_no_silence() {
    let fake = but("/v1.41/networks", fails);
    let names = names_at(&fake);
    assert!(names.table().is_empty());
    let expected = "no names: the engine does not tell its networks: no usable answer (status 500)";
    assert_eq!(names.complaint().as_deref(), Some(expected));
}

#[test]
fn networks_that_are_not_told_any_more_take_no_name_away() {
    let engine = Engine::new();
    let names = engine.names();
    engine.answer("/v1.41/networks", "{}");
    engine.events.send("{}").unwrap();
    let mut complaint = None;
    until("a complaint", || {
        complaint = names.complaint();
        complaint.is_some()
    });
    let expected = "names stay as they were: the engine does not tell its networks: no usable answer (it is not the JSON of an engine)";
    assert_eq!((complaint.as_deref(), name(&names).as_deref()), (Some(expected), Some("web")));
}

#[test]
fn a_part_that_fails_takes_no_name_of_the_others_away() {
    let engine = Engine::new();
    engine.answer(
        "/v1.41/networks",
        r#"[{"Name":"bridge","Id":"b","Driver":"bridge"},{"Name":"o","Id":"o","Driver":"overlay"}]"#,
    );
    engine.answer("/v1.41/networks/o", "{}");
    engine.answer("/v1.41/services", "7");
    let names = engine.names();
    assert_eq!(name(&names).as_deref(), Some("web"));
    let expected = "some names may be missing: the engine does not tell its services: no usable answer (it is not the JSON of an engine)";
    assert_eq!(names.complaint().as_deref(), Some(expected));
}

#[test]
fn a_node_that_is_no_manager_is_no_fault() {
    for status in ["404 Not Found", "406 Not Acceptable", "503 Service Unavailable"] {
        let fake = Fake::new(move |path, stream| match path.split('?').next().unwrap() {
            "/version" => say(stream, VERSION),
            "/v1.41/networks" => say(stream, r#"[{"Name":"o","Id":"o","Driver":"overlay"}]"#),
            "/v1.41/containers/json" => say(stream, "[]"),
            "/v1.41/networks/o" => say(stream, "{}"),
            _ => say_with(status, stream, "{}"),
        });
        assert_eq!(names_at(&fake).complaint(), None, "{status}");
    }
}

#[test]
fn a_container_whose_name_is_no_text_takes_no_other_name_away() {
    let engine = Engine::new();
    engine.answer("/v1.41/networks", r#"[{"Name":"\udfff","Id":"b","Driver":"bridge"}]"#);
    let containers = r#"[{"Names":["/\ud800x"]},{"Id":5,"Names":7,"NetworkSettings":[]},null,"#;
    engine.answer("/v1.41/containers/json", &container("web").replacen('[', containers, 1));
    let names = engine.names();
    assert_eq!(name(&names).as_deref(), Some("web"), "{:?}", names.complaint());
    let expected = "some names may be missing: 4 entries of the engine's answers cannot be read";
    assert_eq!(names.complaint().as_deref(), Some(expected));
}

#[test]
fn an_engine_that_is_lost_before_its_first_answer_had_no_names() {
    for other in ["/version", "/v1.41/networks", "/v1.41/containers/json"] {
        let fake = but(other, closes);
        let names = names_without_a_second_connection(&fake);
        let expected = "the engine is lost: it closed the connection, and there is no engine at the socket any more; there are no names";
        assert_eq!(names.complaint().as_deref(), Some(expected), "{other}");
    }
}

#[test]
fn a_connection_that_is_lost_after_some_names_leaves_them() {
    let fake = Fake::new(|path, stream| match path.split('?').next().unwrap() {
        "/version" => say(stream, VERSION),
        "/v1.41/networks" => {
            say(stream, r#"[{"Name":"bridge","Id":"b","Driver":"bridge"},{"Id":"o","Driver":"overlay"}]"#);
        }
        "/v1.41/containers/json" => say(stream, &container("web")),
        "/v1.41/networks/o" => closes(stream),
        _ => say_nothing_known(stream),
    });
    let names = names_without_a_second_connection(&fake);
    assert_eq!(name(&names).as_deref(), Some("web"));
    assert!(names.complaint().unwrap().ends_with("; names stay as they were"));
}

#[test]
fn events_that_end_are_asked_for_again() {
    let fake = but("/v1.41/events", |stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        closes(stream);
    });
    let names = names_at(&fake);
    let events = || fake.paths().iter().filter(|path| path.starts_with("/v1.41/events?")).count();
    until("another question for events", || events() >= 2);
    assert_eq!(names.complaint(), None);
}

#[test]
fn an_engine_that_tells_no_events_is_asked_every_few_seconds_and_that_is_said() {
    for (answer, reopens) in [(fails as fn(&mut UnixStream), true), (closes, false)] {
        let fake = but("/v1.41/events", answer);
        let names = if reopens { names_at(&fake) } else { names_without_a_second_connection(&fake) };
        let mut complaint = None;
        until("a complaint", || {
            complaint = names.complaint();
            complaint.is_some()
        });
        assert_eq!(complaint.as_deref(), Some("the engine tells no events; it is asked every 5 s"));
        let asked = || fake.paths().iter().filter(|path| *path == "/v1.41/containers/json").count();
        until("another question", || asked() >= 3);
    }
}
