//! Names of interfaces for the frames of a capture on all of them (`any`).

use std::collections::HashMap;
use std::os::unix::net::UnixStream;

use nix::net::if_::if_nameindex;
use rustix::net::netdevice::index_to_name;

use crate::host::namespace::{self, Namespace};
use crate::packet::Frame;

/// The names of the interfaces of a network namespace, by the kernel's index.
#[derive(Debug, Default)]
pub struct Names {
    known: HashMap<u32, String>,
    /// True if the namespace is another than this process's. Interfaces that appear in it later have no name here.
    other_netns: bool,
}

impl Names {
    /// Lists the interfaces that exist at this moment, in the given namespace or in that of this process.
    pub fn take(namespace: Option<&Namespace>) -> Result<Self, namespace::Error> {
        let known = Namespace::run(namespace, list)?;
        Ok(Self { known, other_netns: namespace.is_some() })
    }

    /// Returns the name of the interface that the frame passed. It may hold control bytes. `None` if the frame does
    /// not say which interface it passed, or if the interface has no known name.
    pub fn of(&mut self, frame: &Frame<'_>) -> Option<&str> {
        let index = frame.passed()?;
        if !self.known.contains_key(&index) && !self.other_netns {
            // The C library would ask by a socket for datagrams, which is refused behind the fence: it leads to others.
            let (socket, _other_end) = UnixStream::pair().ok()?;
            self.known.insert(index, index_to_name(socket, index).ok()?);
        }
        self.known.get(&index).map(String::as_str)
    }
}

fn list() -> HashMap<u32, String> {
    let all = if_nameindex();
    all.iter().flatten().map(|link| (link.index(), link.name().to_string_lossy().into_owned())).collect()
}
