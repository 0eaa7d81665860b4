//! The programs that a keeper runs: those that print firewall rules.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder;

use nix::errno::Errno;

use crate::host::namespace::Namespace;
use crate::keeper::Tool;
use crate::verify::print_rules;

/// The most programs at the same time. `verify --all` watches eight networks, each with one.
const MOST: usize = 16;

/// The programs that are running.
#[derive(Debug, Default)]
pub(super) struct Crew(Arc<AtomicUsize>);

/// A program that is running, until this is dropped.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Crew {
    /// Runs a program in a namespace, on a thread of its own, and returns the pipe from which its output can be read.
    pub(super) fn run(&self, tool: Tool, namespace: Option<Namespace>) -> io::Result<OwnedFd> {
        if self.0.fetch_add(1, Ordering::Relaxed) >= MOST {
            self.0.fetch_sub(1, Ordering::Relaxed);
            return Err(Errno::EAGAIN.into());
        }
        let running = Running(Arc::clone(&self.0));
        let (output, input) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        Builder::new().spawn(move || {
            let mut pipe = File::from(input);
            if let Some(printed) = Namespace::run(namespace.as_ref(), || print_rules(tool)).ok().flatten() {
                // A reader that is gone has no use for the rest.
                let _ = pipe.write_all(&[0]).and_then(|()| pipe.write_all(&printed));
            }
            // One that reads nothing keeps the thread and what was printed, so both count until here. The reader may ask for the
            // next program as soon as the pipe is at its end.
            drop(running);
            drop(pipe);
        })?;
        Ok(output)
    }
}
