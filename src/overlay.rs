//! VXLAN links, plain and inside `IPsec`, from a specification to the kernel.
//!
//! Three acts. [`Kernel::read`] says what *is*; [`plan()`] says what has to be done, is pure and empty when nothing has;
//! [`apply()`] does it and takes it back when it fails half way. [`teardown()`] goes on past errors. The kernel itself holds
//! the intent ([`Mark`], in the device's alias), so that [`status()`] needs no memory.
//!
//! An encrypted network is fail-closed ([`policy`](Policy)), has keys nobody distributes ([`Secret`]), and changes them
//! without losing a packet ([`rotate()`]).

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
pub use rotate::{Rotatable, Rotated, Turn, rotatable, rotate, same_secret};
pub use security::{LOOKAHEAD, Sa, SaDirection};
pub use spec::{ENCRYPTED_PORTS, NetworkSpec, Peer};
pub use spec_error::SpecError;
pub use start::{begin, read_secrets, witness};
pub use state::{FOLDER as STATE_FOLDER, PeerProgress, Progress, State, StateError, Store};
pub use status::{Encrypted, NetworkStatus, PeerStatus, status};
pub use step::{Device, Step, Vxlan};
pub use teardown::{names, teardown, teardown_left};
pub use validate::validate;
