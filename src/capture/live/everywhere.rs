//! A capture on all interfaces but some, as `verify` needs it.
//!
//! It is opened without libpcap, because a process that has left root has to have it opened by its keeper: that takes a
//! size and a list of interfaces, and nothing that the keeper would have to compile.

use std::io;
use std::os::fd::OwnedFd;

use nix::libc::{
    BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, SKF_AD_IFINDEX, SKF_AD_OFF, sock_filter,
};

use super::block::Form;
use super::open::{ANY, CaptureOptions, RETIRE, refusal_by};
use super::ring::{Ring, RingOptions, ready};
use super::tap::Tap;
use super::{Device, Error, Live};
use crate::host::namespace::Namespace;
use crate::keeper::{self, Request};
use crate::packet::LinkType;

/// The most interfaces that the kernel's filter leaves out.
const MOST_LEFT_OUT: usize = 200;

/// The most bytes that are kept of a frame.
const SNAPLEN: u32 = 262_144;

impl Live {
    /// Opens a capture on all interfaces of a namespace, with cooked headers, and without those that have these indices. Of
    /// more than 200, the others are captured as well. `buffer` is the size of the ring in bytes.
    ///
    /// # Errors
    /// The namespace cannot be entered, or the kernel does not give this user a ring.
    pub fn on_all_but(
        without: &[u32],
        buffer: Option<u32>,
        namespace: Option<&Namespace>,
    ) -> Result<Self, Error> {
        let options = CaptureOptions {
            buffer: buffer.unwrap_or(CaptureOptions::default().buffer),
            ..Default::default()
        };
        options.check()?;
        let without = without.get(..MOST_LEFT_OUT).unwrap_or(without);
        let open = || {
            let socket = match keeper::installed() {
                Some(keeper) => keeper.open(&Request::Capture(options.buffer, without.to_vec())),
                None => ready_but(options.buffer, without),
            };
            socket.and_then(|socket| Ring::over(socket, &ring(options.buffer, None)))
        };
        let all = Device::new(ANY);
        let ring = Namespace::run(namespace, open)?.map_err(|cause| refusal_by(&all, &cause))?;
        let tap = Tap::own(ring, LinkType::LINUX_SLL2, false, None);
        Ok(Self::over(&[all], vec![vec![tap]], namespace.is_some()))
    }
}

/// Opens the socket of such a capture in the current network namespace, with the privilege of this process.
pub(crate) fn ready_but(buffer: u32, without: &[u32]) -> io::Result<OwnedFd> {
    let filter = all_but(without);
    ready(&ring(buffer, (!without.is_empty()).then_some(&filter)))
}

fn ring(size: u32, filter: Option<&[sock_filter]>) -> RingOptions<'_> {
    RingOptions {
        interface: 0,
        form: Form::Cooked,
        promiscuous: false,
        size,
        retire: RETIRE.into(),
        only: None,
        snaplen: SNAPLEN as usize,
        filter,
    }
}

/// Returns the kernel's filter that refuses the frames of these interfaces.
fn all_but(without: &[u32]) -> Vec<sock_filter> {
    let statement = |code: u32, k: u32| sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let mut program = vec![statement(
        BPF_LD | BPF_W | BPF_ABS,
        u32::from_ne_bytes((SKF_AD_OFF + SKF_AD_IFINDEX).to_ne_bytes()),
    )];
    for (at, index) in without.iter().enumerate() {
        // The jump goes over the tests that follow, and over the end that takes a frame.
        let jt = u8::try_from(without.len() - at).unwrap_or(u8::MAX);
        program.push(sock_filter { jt, ..statement(BPF_JMP | BPF_JEQ | BPF_K, *index) });
    }
    program.extend([statement(BPF_RET | BPF_K, SNAPLEN), statement(BPF_RET | BPF_K, 0)]);
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs such a program for a frame of this interface.
    fn run(program: &[sock_filter], interface: u32) -> u32 {
        let mut at = 1;
        loop {
            let statement = program[at];
            at += 1;
            if u32::from(statement.code) == BPF_RET | BPF_K {
                return statement.k;
            }
            at += usize::from(if statement.k == interface { statement.jt } else { statement.jf });
        }
    }

    #[test]
    fn every_interface_passes_but_those_that_are_left_out() {
        for count in [0, 1, 2, MOST_LEFT_OUT] {
            let without: Vec<u32> = (10..).take(count).collect();
            let program = all_but(&without);
            for interface in without {
                assert_eq!(run(&program, interface), 0, "{interface} of {count}");
            }
            for interface in [1, 9, 10 + count as u32] {
                assert_eq!(run(&program, interface), SNAPLEN, "{interface} of {count}");
            }
        }
    }
}
