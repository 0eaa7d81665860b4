//! VXLAN networks, in clear or inside IPsec: from a specification to links, entries, policies and SAs.
//!
//! The nodes do not talk to each other about their networks. All are given the same networks and the same secret,
//! and derive from them the same ports, MAC addresses, SPIs and keys.
//!
//! # Three acts
//!
//! 1. [`Kernel::read`] reads what this host has, as plain values ([`Present`]).
//! 2. [`plan()`] compares that with what is asked for ([`NetworkSpec`]) and returns a [`Plan`] of [`Step`]s. It is
//!    pure, so tests need no kernel, and a dry run prints the same steps. The plan is empty when nothing is to be
//!    done. So `up` can be repeated: it mends what was changed and nothing else.
//! 3. [`apply()`] does one step after the other. If the kernel refuses one, the earlier ones are undone in reverse
//!    order.
//!
//! Networks are taken down in the same three acts, but [`apply_all()`] goes on past errors and returns them at the
//! end. [`status()`] only reads. Devices of ours bear a [`Mark`], SAs and policies a reqid of ours, and nothing of
//! others is removed.
//!
//! # Fail closed
//!
//! An encrypted network must never send a clear frame and never accept one. It has a UDP port of its own, because
//! policies can select a port but no VNI. On that port one kind of [`Policy`] requires ESP, and another kind below
//! it blocks everything, in case somebody removes the first. The order of the steps does the rest:
//!
//! - `up` adds the policies that block, the policies that require ESP, the device, and when the device is up the
//!   SAs, those to receive with before those to send with. Until the SAs are there, the network stands still.
//! - `down` removes the SAs, waits for a tenth of a second, and removes the device, the policies that require ESP
//!   and the policies that block. If a device cannot be removed, the policies stay.
//!
//! # Keys
//!
//! All nodes share one [`Secret`]. From it the key, the salt and the SPI of every SA are derived, each for one
//! network, sender, receiver, cipher, generation and start of the sender. The *start counter* goes up whenever the
//! SA to send with is missing, after a boot for instance, because nobody knows which nonces its key was used with.
//! Counters are on the disk before their first use ([`Store`]). A witness file beside the key records the use as
//! well ([`witness()`]). If it knows more than the state, the state was lost, and [`begin()`] refuses to repeat
//! keys.
//!
//! [`rotate()`] changes keys without losing a packet. Every node always accepts the generation it sends with and
//! the next one. It sends with the next one when every peer was seen to send with the present one, and drops the
//! old one when every peer was seen to send with the new one.
//!
//! # What surprised us
//!
//! - ICMP errors quote decrypted frames. If the kernel decrypts a frame and no VXLAN device takes it, the kernel
//!   answers with `port unreachable`, in clear, and quotes the frame (net/ipv4/udp.c, `__udp4_lib_rcv`). Hence the
//!   SAs come after the device and go before it.
//! - In transport mode, decrypted packets come from a work queue (net/xfrm/xfrm_input.c, `xfrm_trans_queue`). The
//!   last ones arrive after their SA was removed; hence the wait.
//! - The kernel knows a policy by its selector, whatever its priority. A policy that blocks every address cannot
//!   stand beside one that requires ESP for every address. So two block, each for half of the addresses.
//! - A forwarding entry (FDB) needs the flag `NTF_SELF`. Without it the kernel answers `EOPNOTSUPP`.
//! - A device that is put into another network namespace leaves its UDP socket in the host's. Policies and SAs
//!   belong there as well.
//! - A device's alias is memory enough. It holds the intent behind the device, so `status`, `down`, `rotate` and
//!   `verify` find a network without its file.

mod address;
mod apply;
mod cipher;
mod file;
mod kernel;
mod keys;
mod mark;
mod mtu;
mod naming;
mod nearest;
mod options;
mod plan;
mod policy;
mod present;
mod rotate;
mod security;
mod spec;
mod spec_error;
mod start;
mod state;
mod status;
mod step;
mod teardown;
mod validate;
mod witness;
mod xfrm;

pub use crate::netlink::Refusal;
pub use crate::netlink::xfrm::PolicyDirection;
pub use address::{NotAPeer, NotAnAddress, address};
pub use apply::{ApplyError, Undone, apply, apply_all};
pub use cipher::Cipher;
pub use file::OverlayFile;
pub use kernel::{Kernel, KernelError};
pub use keys::{Association, KeyError, KeyId, Secret};
pub use mark::{Encryption, Mark};
pub use mtu::{Mtu, NotAnMtu, inner_mtu};
pub use naming::{NotADeviceName, NotANamespaceName, device_name, namespace_name};
pub use options::DriverOptions;
pub use plan::{Plan, Secrets, mac_of, plan};
pub use policy::{Action, Policy, reqid, vni_of_reqid};
pub use present::Present;
pub use rotate::{Rotatable, Rotated, RotationStep, rotatable, rotate, same_secret};
pub use security::{LOOKAHEAD, Sa, SaDirection};
pub use spec::{ENCRYPTED_PORTS, NetworkSpec, Peer};
pub use spec_error::SpecError;
pub use start::{begin, read_secrets, witness};
pub use state::{FOLDER as STATE_FOLDER, PeerProgress, Progress, State, StateError, Store};
pub use status::{Encrypted, NetworkStatus, PeerStatus, status};
pub use step::{Device, Step, Vxlan};
pub use teardown::{names, teardown, teardown_left};
pub use validate::validate;
