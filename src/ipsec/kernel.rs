//! The kernel's SAs with their keys, over netlink (linux `net/xfrm/xfrm_user.c`).

mod notices;

pub use notices::Notices;

use super::xfrm_names::{Named, combined, separate};
use super::{AddressPattern, Algorithm, Error, Key, Mode, Sa, Sequence, SpiPattern};
use crate::keeper;
use crate::netlink::xfrm::{self, NEWSA, UPDSA, UserSa, XfrmError, usersa};
use crate::packet::Spi;
use crate::packet::protocol::ESP;

/// The file in which the kernel shows its lockdown mode. It is missing if lockdown is not built in, or if securityfs is
/// not mounted.
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

/// The answer of the kernel.
#[derive(Debug, Default)]
pub struct KernelSas {
    /// The SAs of ESP with their keys.
    pub sas: Vec<Sa>,
    /// The number of further SAs whose keys the kernel replaced by zeros, because it is under lockdown.
    pub zeroed: usize,
    /// The SAs whose keys are zeros. [`Self::settle`] decides if the kernel or a user chose them.
    doubtful: Vec<Sa>,
    /// The notices of later SAs, if they are followed.
    pub(super) notices: Option<Notices>,
}

impl KernelSas {
    fn add(&mut self, sa: Sa) {
        if sa.algorithm.has_zeroed_key() { self.doubtful.push(sa) } else { self.sas.push(sa) }
    }

    /// Decides about the SAs whose keys are zeros. If the kernel says that its lockdown hides no keys, a user chose
    /// the zeros, and the SAs are good; otherwise they are counted as zeroed. `lockdown` is the text of [`LOCKDOWN`],
    /// such as `none [integrity] confidentiality`.
    fn settle(mut self, lockdown: Option<&str>) -> Self {
        if lockdown.is_some_and(|mode| mode.contains('[') && !mode.contains("[confidentiality]")) {
            self.sas.append(&mut self.doubtful);
        }
        self.zeroed = self.doubtful.len();
        self.doubtful.clear();
        self
    }

    /// Returns the message for the user about keys that were kept back, `None` if none were.
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

/// Reads the SAs of ESP in the network namespace of this thread. Needs `CAP_NET_ADMIN` there.
pub fn dump() -> Result<KernelSas, Error> {
    let mut found = KernelSas::default();
    for sa in xfrm::sas(&mut xfrm::open_with_keys()?, read_sa).map_err(XfrmError::from)? {
        found.add(sa);
    }
    Ok(found.settle(keeper::read_to_string(LOCKDOWN).ok().as_deref()))
}

/// Reads the SAs like [`dump`], and subscribes to the notices of SAs that are set up from now on.
pub fn dump_and_follow() -> Result<KernelSas, Error> {
    // The subscription comes first, so that no SA is missed that is set up between the two.
    let notices = Some(Notices::open()?);
    Ok(KernelSas { notices, ..dump()? })
}

/// Reads the SA of a message. An update counts as well: with it a key daemon fills in the larval SA of an SPI that it
/// had asked for.
fn read_message(kind: u16, body: &[u8]) -> Option<Sa> {
    UserSa::new_checked(body).filter(|_| matches!(kind, NEWSA | UPDSA)).and_then(read_sa)
}

/// Reads one SA. Returns `None` for a protocol other than ESP, and for a larval SA.
fn read_sa(sa: UserSa<'_>) -> Option<Sa> {
    if sa.proto() != ESP || sa.spi() == Spi(0) {
        return None;
    }
    let algorithm = match (sa.aead(), sa.cipher(), sa.authentication()) {
        (Some(aead), ..) => combined(named(aead)),
        (None, None, None) => return None,
        (None, cipher, hash) => separate(cipher.map(named), hash.map(named)),
    };
    Some(Sa {
        source: AddressPattern::from_kernel(sa.source()?),
        destination: AddressPattern::from_kernel(sa.destination()?),
        spi: SpiPattern::one(sa.spi()),
        mode: match sa.mode() {
            usersa::TRANSPORT => Some(Mode::Transport),
            usersa::TUNNEL | usersa::IPTFS => Some(Mode::Tunnel),
            _ => None,
        },
        // The kernel may accept lengths that are refused here. Such an algorithm counts as unknown, under the reason.
        algorithm: algorithm.unwrap_or_else(Algorithm::unknown),
        sequence: if sa.is_extended() {
            Sequence::Extended { high: sa.high_sequence() }
        } else {
            Sequence::Short
        },
        udp: sa.is_in_udp(),
    })
}

fn named(algorithm: xfrm::Algorithm<'_>) -> Named {
    Named { name: algorithm.name(), key: Key::new(algorithm.key().to_vec()), bits: algorithm.bits() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::xfrm::{AF_INET, DELSA, XFRMA_ALG_AEAD};
    use crate::netlink::{Refusal, messages};

    /// Builds the kernel's dump of one SA of Docker.
    fn message(key: &[u8; 20]) -> Vec<u8> {
        let mut body = vec![0; usersa::LEN];
        body[usersa::DESTINATION..][..4].copy_from_slice(&[192, 0, 2, 2]);
        body[usersa::SOURCE..][..4].copy_from_slice(&[192, 0, 2, 1]);
        body[usersa::SPI..][..4].copy_from_slice(&[0xef, 0x7b, 0xaa, 0x5f]);
        body[usersa::PROTO] = ESP;
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
        message.extend_from_slice(&NEWSA.to_ne_bytes());
        message.resize(16, 0);
        message.extend_from_slice(&body);
        message
    }

    fn read(bytes: &[u8]) -> KernelSas {
        let mut found = KernelSas::default();
        messages(bytes)
            .filter_map(|message| read_message(message.kind, message.body))
            .for_each(|sa| found.add(sa));
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
        update[4..6].copy_from_slice(&UPDSA.to_ne_bytes());
        assert_eq!(read(&update).sas, read(&message(&[7; 20])).sas);
        update[4..6].copy_from_slice(&DELSA.to_ne_bytes());
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
        let error = Error::from(XfrmError::from(Refusal::new(nix::libc::EPERM)));
        let expected = "read the kernel's SAs: permission denied; run as root, in a container with the capability NET_ADMIN, or give the keys with --sa FILE";
        assert_eq!(error.to_string(), expected);
        let error = Error::from(XfrmError::from(Refusal::new(nix::libc::ENOBUFS)));
        let expected = "read the kernel's SAs: no buffer space available; give the keys with --sa FILE";
        assert_eq!(error.to_string(), expected);
    }
}
