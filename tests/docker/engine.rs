//! A Docker engine made for tests: it answers on a socket with bodies that the test gives.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread;

use tempfile::TempDir;

/// The request that every engine gets first, and its answer.
pub(crate) const VERSION: (&str, &str) =
    ("/version", r#"{"ApiVersion":"1.41","MinAPIVersion":"1.12","Version":"20.10.24"}"#);

/// Starts an engine. It answers a request whose path contains one of these words with the body beside the word, and any
/// other with 404. Returns the path of its socket, which is there as long as the directory.
pub(crate) fn engine(answers: &[(&str, &str)]) -> (TempDir, String) {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let answers: Vec<(String, String)> =
        answers.iter().map(|&(path, body)| (path.to_owned(), body.to_owned())).collect();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answers) = (stream.unwrap(), answers.clone());
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    let request = String::from_utf8_lossy(&buffer[..count]).into_owned();
                    let path = request.split(' ').nth(1).unwrap_or("");
                    let answer = answers.iter().find(|(part, _)| path.contains(part));
                    let (status, body) =
                        answer.map_or(("404 Not Found", "{}"), |(_, body)| ("200 OK", body.as_str()));
                    let head = format!(
                        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                        body.len()
                    );
                    let _ = stream.write_all((head + body).as_bytes());
                }
            });
        }
    });
    let path = socket.to_str().unwrap().to_owned();
    (place, path)
}
