//! The kernel's SAs with their keys, over netlink (linux `net/xfrm/xfrm_user.c`, `include/uapi/linux/xfrm.h`).
//!
//! Integers are in the machine's byte order, SPIs and addresses in the network's. A kernel under lockdown (mode
//! confidentiality) hands out zeros for keys.

mod notices;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use notices::Notices;

use rtnetlink::sys::{Socket, SocketAddr, protocols::NETLINK_XFRM};
use zeroize::Zeroizing;

use super::xfrm_names::{Named, combined, separate};
use super::{AddressPattern, Algorithm, Error, Key, Mode, Sa, Sequence, SpiPattern};
use crate::packet::Spi;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;
const XFRM_MSG_NEWSA: u16 = 0x10;
const XFRM_MSG_GETSA: u16 = 0x12;
const XFRM_MSG_UPDSA: u16 = 0x1a;
const XFRMA_ALG_AUTH: u16 = 1;
const XFRMA_ALG_CRYPT: u16 = 2;
const XFRMA_ENCAP: u16 = 4;
const XFRMA_ALG_AEAD: u16 = 18;
const XFRMA_ALG_AUTH_TRUNC: u16 = 20;
const XFRMA_REPLAY_ESN_VAL: u16 = 23;
const XFRM_STATE_ESN: u8 = 128;
const IPPROTO_ESP: u8 = 50;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// Where the kernel says how locked down it is; not there when that is not built in, or nobody mounted it.
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

/// Where `struct xfrm_usersa_info` has its fields, and how long it is.
mod usersa {
    pub(super) const DESTINATION: usize = 56;
    pub(super) const SPI: usize = 72;
    pub(super) const PROTO: usize = 76;
    pub(super) const SOURCE: usize = 80;
    pub(super) const FAMILY: usize = 212;
    pub(super) const MODE: usize = 214;
    pub(super) const FLAGS: usize = 216;
    pub(super) const LEN: usize = 224;
}

/// What the kernel gave.
#[derive(Debug, Default)]
pub struct KernelSas {
    /// The SAs of ESP whose keys it gave.
    pub sas: Vec<Sa>,
    /// How many more it has whose keys it zeroed: it is under lockdown.
    pub zeroed: usize,
    /// Those whose keys are zeros, for whatever reason.
    doubtful: Vec<Sa>,
}

impl KernelSas {
    /// Keys of zeros are the kernel's doing, unless it says that it is not in lockdown: then somebody chose them.
    /// `lockdown` is its own word for it: `none [integrity] confidentiality`.
    fn settle(mut self, lockdown: Option<&str>) -> Self {
        if lockdown.is_some_and(|mode| mode.contains('[') && !mode.contains("[confidentiality]")) {
            self.sas.append(&mut self.doubtful);
        }
        self.zeroed = self.doubtful.len();
        self.doubtful.clear();
        self
    }

    /// What to tell the user of keys that were kept back; nothing when none were.
    pub fn warning(&self) -> Option<String> {
        (self.zeroed > 0).then(|| {
            format!(
                "the kernel is in lockdown and keeps the keys of {} of {} SAs back; boot without lockdown=confidentiality, \
                 or give the keys with --sa FILE",
                self.zeroed,
                self.zeroed + self.sas.len()
            )
        })
    }
}

/// The SAs of ESP in the network namespace of this thread. Needs `CAP_NET_ADMIN` there.
pub fn dump() -> Result<KernelSas, Error> {
    let socket = Socket::new(NETLINK_XFRM).map_err(explain)?;
    // Connected to the kernel, so that nobody else can answer.
    socket.connect(&SocketAddr::new(0, 0)).map_err(explain)?;
    let mut request = [0; 16];
    request[..4].copy_from_slice(&16u32.to_ne_bytes());
    request[4..6].copy_from_slice(&XFRM_MSG_GETSA.to_ne_bytes());
    request[6..8].copy_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    request[8..12].copy_from_slice(&1u32.to_ne_bytes());
    socket.send(&request, 0).map_err(explain)?;

    let mut found = KernelSas::default();
    let mut buffer = Zeroizing::new(vec![0; 1 << 16]);
    loop {
        let mut room = &mut buffer[..];
        let len = socket.recv(&mut room, 0).map_err(explain)?;
        if len == 0 || read_messages(buffer.get(..len).unwrap_or(&[]), &mut found)? {
            return Ok(found.settle(std::fs::read_to_string(LOCKDOWN).ok().as_deref()));
        }
    }
}

fn explain(error: io::Error) -> Error {
    match nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
        nix::errno::Errno::EPERM | nix::errno::Errno::EACCES => Error::Denied,
        nix::errno::Errno::EPROTONOSUPPORT | nix::errno::Errno::ECONNREFUSED => Error::NoXfrm,
        _ => Error::Netlink(error),
    }
}

/// Reads one datagram of messages; whether the dump ended with it.
fn read_messages(mut bytes: &[u8], found: &mut KernelSas) -> Result<bool, Error> {
    while let (Some(len), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
        let len = len as usize;
        let Some(body) = bytes.get(16..len) else { break };
        match kind {
            NLMSG_DONE => return Ok(true),
            NLMSG_ERROR => {
                // The number is negative; 0 would be an acknowledgement, which was not asked for.
                let errno = u32_at(body, 0).map_or(0, u32::wrapping_neg);
                return match i32::try_from(errno) {
                    Ok(0) | Err(_) => Ok(true),
                    Ok(errno) => Err(explain(io::Error::from_raw_os_error(errno))),
                };
            }
            // The second is how key daemons fill in an SPI that they had asked for.
            XFRM_MSG_NEWSA | XFRM_MSG_UPDSA => match read_sa(body) {
                Some(sa) if sa.algorithm.has_zeroed_key() => found.doubtful.push(sa),
                Some(sa) => found.sas.push(sa),
                None => {}
            },
            _ => {}
        }
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or(&[]);
    }
    Ok(false)
}

/// One SA; `None` for other protocols than ESP and for one that is not set up yet.
fn read_sa(body: &[u8]) -> Option<Sa> {
    let spi = u32::from_be_bytes(array_at(body, usersa::SPI)?);
    if *body.get(usersa::PROTO)? != IPPROTO_ESP || spi == 0 {
        return None;
    }
    let family = u16_at(body, usersa::FAMILY)?;
    let flags = *body.get(usersa::FLAGS)?;
    let (mut aead, mut cipher, mut auth, mut udp, mut high) = (None, None, None, false, 0);
    for (kind, value) in Attributes(body.get(usersa::LEN..)?) {
        match kind {
            XFRMA_ALG_AEAD => aead = named(value, true),
            XFRMA_ALG_CRYPT => cipher = named(value, false),
            // The kernel sends both spellings; only the newer one knows how much of the hash is sent.
            XFRMA_ALG_AUTH if auth.is_none() => auth = named(value, false),
            XFRMA_ALG_AUTH_TRUNC => auth = named(value, true),
            XFRMA_ENCAP => udp = true,
            // struct xfrm_replay_state_esn: bmp_len, oseq, seq, oseq_hi, seq_hi
            XFRMA_REPLAY_ESN_VAL => high = u32_at(value, 12).unwrap_or(0).max(u32_at(value, 16).unwrap_or(0)),
            _ => {}
        }
    }
    let algorithm = match (aead, cipher, auth) {
        (Some(aead), ..) => combined(aead),
        (None, None, None) => return None,
        (None, cipher, auth) => separate(cipher, auth),
    };
    Some(Sa {
        source: AddressPattern::from_kernel(address(body, usersa::SOURCE, family)?),
        destination: AddressPattern::from_kernel(address(body, usersa::DESTINATION, family)?),
        spi: SpiPattern::one(Spi(spi)),
        mode: match body.get(usersa::MODE)? {
            0 => Some(Mode::Transport),
            1 => Some(Mode::Tunnel),
            _ => None,
        },
        // Lengths that the kernel takes and this program does not are an algorithm it does not know.
        algorithm: algorithm.unwrap_or_else(Algorithm::unknown),
        sequence: if flags & XFRM_STATE_ESN != 0 { Sequence::Extended { high } } else { Sequence::Short },
        udp,
    })
}

/// `struct xfrm_algo` (name 64, key length in bits 4, key) or, `with_len`, one of those with a length in bits of ICV or
/// truncated hash after the key's.
fn named(value: &[u8], with_len: bool) -> Option<Named> {
    let name = value.get(..64)?.split(|&byte| byte == 0).next()?;
    let key_len = u32_at(value, 64)?.div_ceil(8) as usize;
    let (bits, at) = if with_len { (u32_at(value, 68), 72) } else { (None, 68) };
    let key = value.get(at..)?.get(..key_len)?;
    Some(Named { name: String::from_utf8_lossy(name).into_owned(), key: Key::new(key.to_vec()), bits })
}

/// `struct nlattr`: length with header, kind, value, padding to 4 bytes.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let len = usize::from(u16_at(self.0, 0)?);
        let kind = u16_at(self.0, 2)?;
        let value = self.0.get(4..len)?;
        self.0 = self.0.get(len.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, value))
    }
}

fn address(body: &[u8], at: usize, family: u16) -> Option<IpAddr> {
    match family {
        AF_INET => Some(Ipv4Addr::from(array_at::<4>(body, at)?).into()),
        AF_INET6 => Some(Ipv6Addr::from(array_at::<16>(body, at)?).into()),
        _ => None,
    }
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dump of one SA of Docker's, as the kernel sends it.
    fn message(key: &[u8; 20]) -> Vec<u8> {
        let mut body = vec![0; usersa::LEN];
        body[usersa::DESTINATION..][..4].copy_from_slice(&[192, 0, 2, 2]);
        body[usersa::SOURCE..][..4].copy_from_slice(&[192, 0, 2, 1]);
        body[usersa::SPI..][..4].copy_from_slice(&[0xef, 0x7b, 0xaa, 0x5f]);
        body[usersa::PROTO] = IPPROTO_ESP;
        body[usersa::FAMILY..][..2].copy_from_slice(&AF_INET.to_ne_bytes());
        body.extend_from_slice(&(4 + 72 + 20u16).to_ne_bytes());
        body.extend_from_slice(&XFRMA_ALG_AEAD.to_ne_bytes());
        let mut name = b"rfc4106(gcm(aes))".to_vec();
        name.resize(64, 0);
        body.extend_from_slice(&name);
        body.extend_from_slice(&160u32.to_ne_bytes());
        body.extend_from_slice(&64u32.to_ne_bytes());
        body.extend_from_slice(key);
        let mut message = (16 + body.len() as u32).to_ne_bytes().to_vec();
        message.extend_from_slice(&XFRM_MSG_NEWSA.to_ne_bytes());
        message.resize(16, 0);
        message.extend_from_slice(&body);
        message
    }

    fn read(bytes: &[u8]) -> KernelSas {
        let mut found = KernelSas::default();
        assert!(!read_messages(bytes, &mut found).unwrap());
        found
    }

    #[test]
    fn an_sa_of_docker_is_read() {
        let found = read(&message(&[7; 20]));
        assert_eq!(found.sas.len(), 1);
        assert_eq!(found.sas[0].spi.exact(), Some(Spi(0xef7b_aa5f)));
        assert_eq!(found.sas[0].destination, AddressPattern::parse("192.0.2.2").unwrap());
        assert_eq!(found.sas[0].algorithm.name(), "aes-gcm");
        assert_eq!(found.sas[0].algorithm.icv_bits(), Some(64));
        assert_eq!(found.warning(), None);
    }

    #[test]
    fn an_sa_that_a_key_daemon_fills_in_is_read() {
        let mut update = message(&[7; 20]);
        update[4..6].copy_from_slice(&XFRM_MSG_UPDSA.to_ne_bytes());
        assert_eq!(read(&update).sas, read(&message(&[7; 20])).sas);
        let deletion: u16 = 0x11;
        update[4..6].copy_from_slice(&deletion.to_ne_bytes());
        assert!(read(&update).sas.is_empty());
    }

    #[test]
    fn zeroed_keys_are_counted_and_said() {
        let dump = [message(&[0; 20]), message(&[7; 20])].concat();
        for lockdown in [None, Some("none integrity [confidentiality]\n")] {
            let found = read(&dump).settle(lockdown);
            assert_eq!((found.sas.len(), found.zeroed), (1, 1));
            assert!(found.warning().unwrap().contains("keys of 1 of 2 SAs"));
        }
    }

    #[test]
    fn keys_of_zeros_that_somebody_chose_are_keys() {
        let found = read(&message(&[0; 20])).settle(Some("[none] integrity confidentiality\n"));
        assert_eq!((found.sas.len(), found.zeroed), (1, 0));
        assert_eq!(found.warning(), None);
    }

    #[test]
    fn a_message_cut_off_anywhere_is_passed_over() {
        let whole = message(&[7; 20]);
        for len in 0..whole.len() {
            let _ = read(&whole[..len]);
            let mut shorter = whole.clone();
            shorter[..4].copy_from_slice(&(len as u32).to_ne_bytes());
            shorter.truncate(len);
            assert!(read(&shorter).sas.is_empty());
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let mut refusal = vec![0; 36];
        refusal[..4].copy_from_slice(&36u32.to_ne_bytes());
        refusal[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        refusal[16..20].copy_from_slice(&(-1i32).to_ne_bytes());
        let error = read_messages(&refusal, &mut KernelSas::default()).unwrap_err();
        assert!(error.to_string().contains("run as root"), "{error}");
    }
}
