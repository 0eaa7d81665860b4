//! Which interface a frame passed that was captured on all of them.

use std::collections::HashMap;

use nix::net::if_::{if_indextoname, if_nameindex};

use crate::host::namespace::{self, Namespace};
use crate::packet::Frame;

/// The names of a network namespace's interfaces, by the kernel's numbers.
#[derive(Debug, Default)]
pub struct Names {
    known: HashMap<u32, String>,
    /// The namespace is another than ours: who turns up later has no name.
    elsewhere: bool,
}

impl Names {
    /// Those that there are now, in our namespace or another.
    pub fn take(namespace: Option<&Namespace>) -> Result<Self, namespace::Error> {
        let known = Namespace::run(namespace, list)?;
        Ok(Self { known, elsewhere: namespace.is_some() })
    }

    /// The name of the interface that the frame passed, which may hold control bytes; none where the frame does not say.
    pub fn of(&mut self, frame: &Frame<'_>) -> Option<&str> {
        let index = frame.passed()?;
        if !self.known.contains_key(&index) && !self.elsewhere {
            let name = if_indextoname(index).ok()?;
            self.known.insert(index, name.to_string_lossy().into_owned());
        }
        self.known.get(&index).map(String::as_str)
    }
}

fn list() -> HashMap<u32, String> {
    let all = if_nameindex();
    all.iter().flatten().map(|link| (link.index(), link.name().to_string_lossy().into_owned())).collect()
}
