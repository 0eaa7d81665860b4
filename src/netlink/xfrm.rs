//! Where XFRM's structs have their fields (linux `include/uapi/linux/xfrm.h`).
//!
//! Offsets and lengths are in bytes. Numbers are in the machine's byte order; addresses, ports and SPIs in the network's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::array_at;

pub(crate) const NEWSA: u16 = 0x10;
pub(crate) const DELSA: u16 = 0x11;
pub(crate) const GETSA: u16 = 0x12;
pub(crate) const NEWPOLICY: u16 = 0x13;
pub(crate) const DELPOLICY: u16 = 0x14;
pub(crate) const GETPOLICY: u16 = 0x15;
pub(crate) const UPDPOLICY: u16 = 0x19;
pub(crate) const UPDSA: u16 = 0x1a;

pub(crate) const XFRMA_ALG_AUTH: u16 = 1;
pub(crate) const XFRMA_ALG_CRYPT: u16 = 2;
pub(crate) const XFRMA_ENCAP: u16 = 4;
pub(crate) const XFRMA_TMPL: u16 = 5;
pub(crate) const XFRMA_LASTUSED: u16 = 15;
pub(crate) const XFRMA_ALG_AEAD: u16 = 18;
pub(crate) const XFRMA_ALG_AUTH_TRUNC: u16 = 20;
pub(crate) const XFRMA_MARK: u16 = 21;
pub(crate) const XFRMA_REPLAY_ESN_VAL: u16 = 23;
pub(crate) const XFRMA_OFFLOAD_DEV: u16 = 28;
pub(crate) const XFRMA_IF_ID: u16 = 31;

pub(crate) const AF_INET: u16 = nix::libc::AF_INET as u16;
pub(crate) const AF_INET6: u16 = nix::libc::AF_INET6 as u16;

/// `struct xfrm_usersa_info`, which begins with a selector.
pub(crate) mod usersa {
    pub(crate) const DESTINATION: usize = 56;
    pub(crate) const SPI: usize = 72;
    pub(crate) const PROTO: usize = 76;
    pub(crate) const SOURCE: usize = 80;
    pub(crate) const PACKETS: usize = 168;
    pub(crate) const REQID: usize = 208;
    pub(crate) const FAMILY: usize = 212;
    pub(crate) const MODE: usize = 214;
    pub(crate) const REPLAY: usize = 215;
    pub(crate) const FLAGS: usize = 216;
    pub(crate) const LEN: usize = 224;

    pub(crate) const TRANSPORT: u8 = 0;
    pub(crate) const TUNNEL: u8 = 1;
    /// Extended sequence numbers, in the flags.
    pub(crate) const ESN: u8 = 128;
}

/// `struct xfrm_userpolicy_info`, which begins with a selector.
pub(crate) mod userpolicy {
    pub(crate) const DESTINATION: usize = 0;
    pub(crate) const SOURCE: usize = 16;
    pub(crate) const DPORT: usize = 32;
    pub(crate) const DPORT_MASK: usize = 34;
    pub(crate) const SPORT_MASK: usize = 38;
    pub(crate) const FAMILY: usize = 40;
    pub(crate) const PREFIX_D: usize = 42;
    pub(crate) const PREFIX_S: usize = 43;
    pub(crate) const PROTO: usize = 44;
    pub(crate) const SELECTOR_LEN: usize = 56;
    pub(crate) const PRIORITY: usize = 152;
    pub(crate) const INDEX: usize = 156;
    pub(crate) const DIR: usize = 160;
    pub(crate) const ACTION: usize = 161;
    pub(crate) const LEN: usize = 168;

    pub(crate) const IN: u8 = 0;
    pub(crate) const OUT: u8 = 1;
    pub(crate) const FORWARD: u8 = 2;
    pub(crate) const ALLOW: u8 = 0;
    pub(crate) const BLOCK: u8 = 1;
}

/// `struct xfrm_user_tmpl`, of which a policy has an array.
pub(crate) mod template {
    pub(crate) const PROTO: usize = 20;
    pub(crate) const REQID: usize = 44;
    pub(crate) const OPTIONAL: usize = 50;
    pub(crate) const LEN: usize = 64;
}

/// `struct xfrm_replay_state_esn`: `bmp_len`, `oseq`, `seq`, `oseq_hi`, `seq_hi`, `replay_window`, the bitmap.
pub(crate) mod replay {
    pub(crate) const SENT_HIGH: usize = 12;
    pub(crate) const RECEIVED_HIGH: usize = 16;
    pub(crate) const WINDOW: usize = 20;
    pub(crate) const LEN: usize = 24;
}

/// `struct xfrm_algo` and its relatives: a name, the key's length in bits, in the relatives the length in bits of the ICV or
/// of the truncated hash, and the key.
pub(crate) mod algo {
    pub(crate) const NAME_LEN: usize = 64;
    pub(crate) const KEY_BITS: usize = 64;
    pub(crate) const ICV_BITS: usize = 68;
    /// Of `struct xfrm_algo`, where the ICV's length would be.
    pub(crate) const KEY: usize = 68;
    pub(crate) const KEY_AFTER_ICV_BITS: usize = 72;
}

/// An `xfrm_address_t` of a family: IPv4 is in its first four bytes.
pub(crate) fn address_at(body: &[u8], at: usize, family: u16) -> Option<IpAddr> {
    match family {
        AF_INET => Some(Ipv4Addr::from(array_at::<4>(body, at)?).into()),
        AF_INET6 => Some(Ipv6Addr::from(array_at::<16>(body, at)?).into()),
        _ => None,
    }
}

/// The name that a `struct xfrm_algo` begins with.
pub(crate) fn algorithm_name(value: &[u8]) -> Option<String> {
    let name = value.get(..algo::NAME_LEN)?.split(|&byte| byte == 0).next()?;
    Some(String::from_utf8_lossy(name).into_owned())
}
