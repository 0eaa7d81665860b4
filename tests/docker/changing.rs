//! A Docker engine with one container, whose name a test changes while the engine is listened to.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

use super::docker::VERSION;

/// An engine that has a container at 127.0.0.1.
pub(crate) struct Changing {
    _place: TempDir,
    pub(crate) socket: String,
    name: Arc<Mutex<String>>,
    /// The connections on which events are told.
    listeners: Arc<Mutex<Vec<UnixStream>>>,
}

impl Changing {
    /// Starts an engine whose container has this name.
    pub(crate) fn new(name: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let socket = place.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let (name, listeners) = (Arc::new(Mutex::new(name.to_owned())), Arc::default());
        let (shown, told) = (Arc::clone(&name), Arc::clone(&listeners));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, shown, told) = (stream.unwrap(), Arc::clone(&shown), Arc::clone(&told));
                thread::spawn(move || serve(stream, &shown, &told));
            }
        });
        Self { socket: socket.to_str().unwrap().to_owned(), _place: place, name, listeners }
    }

    /// Gives the container another name, and tells so.
    pub(crate) fn rename(&self, name: &str) {
        name.clone_into(&mut self.name.lock().unwrap());
        let event = r#"{"Type":"container","Action":"rename"}"#;
        for stream in self.listeners.lock().unwrap().iter_mut() {
            let _ = write!(stream, "{:x}\r\n{event}\r\n", event.len());
        }
    }
}

fn serve(mut stream: UnixStream, name: &Mutex<String>, listeners: &Mutex<Vec<UnixStream>>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        let request = String::from_utf8_lossy(&buffer[..count]).into_owned();
        let path = request.split(' ').nth(1).unwrap_or("");
        let body = match path {
            path if path.contains("/events") => {
                let mut listeners = listeners.lock().unwrap();
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                listeners.push(stream.try_clone().unwrap());
                continue;
            }
            "/version" => VERSION.1.to_owned(),
            path if path.ends_with("/networks") => {
                r#"[{"Name":"bridge","Id":"b","Driver":"bridge"}]"#.to_owned()
            }
            path if path.ends_with("/containers/json") => format!(
                r#"[{{"Names":["/{}"],"NetworkSettings":{{"Networks":{{"bridge":{{"NetworkID":"b","IPAddress":"127.0.0.1"}}}}}}}}]"#,
                name.lock().unwrap()
            ),
            _ => "{}".to_owned(),
        };
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    }
}
