//! SAs and policies over netlink. Keys are not read here.

use super::{Device, KernelUnread, Lengths, Policy, PolicyDirection, SaState, Strength, Template};
use crate::netlink::route::{Link, link};
use crate::netlink::xfrm::{self, UserPolicy, UserSa, XfrmError, userpolicy, usersa};
use crate::netlink::{Family, Netlink, Refusal};
use crate::packet::Spi;
use crate::packet::protocol::{AH, ESP};

pub(super) fn sas() -> Result<Vec<SaState>, KernelUnread> {
    Ok(xfrm::sas(&mut xfrm::open()?, sa).map_err(XfrmError::from)?)
}

/// A policy, with the numbers by which the kernel tells it from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KernelPolicy {
    pub(super) policy: Policy,
    /// The index of the device that packets must have; 0 for any.
    device: u32,
}

impl KernelPolicy {
    #[cfg(test)]
    pub(super) fn of(policy: Policy) -> Self {
        Self { policy, device: 0 }
    }

    /// Returns true if the other policy has the same selector, so that the kernel has only one of the two.
    pub(super) fn is_replaced_by(&self, other: &Self) -> bool {
        let selector = |known: &Self| {
            let Policy {
                direction, source, destination, protocol, source_port, port, interface, mark, ..
            } = known.policy;
            (direction, source, destination, protocol, source_port, port, interface, mark, known.device)
        };
        selector(self) == selector(other) && self.policy.priority == other.policy.priority
    }
}

/// Returns the policies, the oldest first, without those of single sockets.
pub(super) fn policies() -> Result<Vec<Policy>, KernelUnread> {
    Ok(policies_as_told()?.into_iter().map(|known| known.policy).collect())
}

/// Returns the policies as [`policies`] does, with the numbers that tell them apart.
pub(super) fn policies_as_told() -> Result<Vec<KernelPolicy>, KernelUnread> {
    let mut found = xfrm::policies(&mut xfrm::open()?, as_told).map_err(XfrmError::from)?;
    found.reverse();
    if found.iter().any(|known| known.device != 0) {
        let links = links().map_err(XfrmError::from)?;
        for known in &mut found {
            known.policy.device = device(known.device, &links);
        }
    }
    Ok(found)
}

/// Reads a policy as the kernel tells of it. If it asks for a device, that is taken for a link and not for the loopback.
pub(super) fn as_told(view: UserPolicy<'_>) -> Option<KernelPolicy> {
    let device = view.device();
    let policy = Policy { device: self::device(device, &[]), ..policy(view)? };
    Some(KernelPolicy { policy, device })
}

/// Returns the directions in which packets without a policy are blocked. A kernel that has no such setting blocks none.
pub(super) fn blocked_by_default() -> Vec<PolicyDirection> {
    let read = |mut netlink: Netlink| xfrm::blocked_by_default(&mut netlink).ok();
    xfrm::open().ok().and_then(read).unwrap_or_default()
}

fn links() -> Result<Vec<Link>, Refusal> {
    link::all(&mut Netlink::open(Family::Route)?)
}

fn device(index: u32, links: &[Link]) -> Device {
    let vrf = |link: &Link| link.kind.as_deref() == Some("vrf");
    let local = |link: &Link| link.index == index && (link.loopback || vrf(link));
    match index {
        0 => Device::Any,
        _ if links.iter().any(local) && links.iter().any(vrf) => Device::Local,
        _ if links.iter().any(local) => Device::Loopback,
        _ => Device::Link,
    }
}

/// Reads an SA of ESP or AH. Returns `None` for others, and for one that is not set up yet: the kernel's own, which waits
/// for a daemon and has no SPI, and a daemon's, which has an SPI and no algorithm.
fn sa(sa: UserSa<'_>) -> Option<SaState> {
    if !matches!(sa.proto(), ESP | AH) || sa.spi() == Spi(0) {
        return None;
    }
    let (aead, cipher, hash) = (sa.aead(), sa.cipher(), sa.authentication());
    if aead.is_none() && cipher.is_none() && hash.is_none() {
        return None;
    }
    let icv_bits = aead.or(hash).and_then(|algorithm| algorithm.bits());
    let [aead, cipher, hash] = [aead, cipher, hash].map(|algorithm| algorithm.map(|one| one.name()));
    Some(SaState {
        source: sa.source()?,
        destination: sa.destination()?,
        spi: sa.spi(),
        reqid: sa.reqid(),
        // In BEET mode, too, the kernel shows a packet once more behind its decryption.
        tunnel: sa.mode() != usersa::TRANSPORT,
        offload: sa.is_offloaded(),
        lengths: lengths(sa),
        encrypts: sa.proto() == ESP && encrypts(aead.as_deref(), cipher.as_deref()),
        algorithm: aead.unwrap_or_else(|| [cipher, hash].into_iter().flatten().collect::<Vec<_>>().join(" ")),
        icv_bits: icv_bits.unwrap_or(0),
        replay_window: sa.replay_window(),
        packets: sa.packets(),
        strength: Strength::of(sa, now()),
    })
}

/// Returns the time in seconds since 1970.
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

fn lengths(sa: UserSa<'_>) -> Lengths {
    if sa.is_in_tcp() {
        Lengths::Streamed
    } else if sa.mode() == usersa::IPTFS || sa.padded_to() > 0 {
        Lengths::Padded
    } else {
        Lengths::Lawful
    }
}

/// Returns true if ESP with these algorithms encrypts: GMAC (RFC 4543) and NULL do not.
fn encrypts(aead: Option<&str>, cipher: Option<&str>) -> bool {
    match (aead, cipher) {
        (Some(aead), _) => !aead.starts_with("rfc4543"),
        (None, Some(cipher)) => !cipher.contains("null"),
        (None, None) => false,
    }
}

/// Reads a policy, but for its device. Returns `None` for that of a single socket, and for a family that is not IP's.
fn policy(policy: UserPolicy<'_>) -> Option<Policy> {
    Some(Policy {
        direction: policy.direction()?,
        source: policy.source()?,
        destination: policy.destination()?,
        protocol: policy.proto(),
        source_port: policy.source_port(),
        port: policy.destination_port(),
        device: Device::Any,
        interface: policy.interface()?,
        mark: policy.mark()?,
        priority: policy.priority(),
        block: policy.action() == userpolicy::BLOCK,
        templates: policy.templates().map(template).collect(),
    })
}

fn template(template: xfrm::Template<'_>) -> Template {
    Template {
        protocol: template.proto(),
        tunnel: matches!(template.mode(), usersa::TUNNEL | usersa::IPTFS),
        optional: template.is_optional(),
        reqid: template.reqid(),
        spi: template.spi(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::push_attribute;
    use crate::netlink::xfrm::userpolicy::template;
    use crate::netlink::xfrm::{
        AF_INET, NAME_LEN, XFRMA_ALG_AEAD, XFRMA_ALG_AUTH, XFRMA_ALG_CRYPT, XFRMA_IF_ID, XFRMA_MARK,
        XFRMA_TMPL,
    };
    use crate::packet::protocol::UDP;
    use crate::verify::kernel::DOCKER_MARK;

    fn association(proto: u8, algorithms: &[(u16, &str, &[u32])]) -> Vec<u8> {
        let mut body = vec![0; usersa::LEN];
        (body[usersa::PROTO], body[usersa::SPI]) = (proto, 1);
        body[usersa::FAMILY..][..2].copy_from_slice(&AF_INET.to_ne_bytes());
        for (kind, name, numbers) in algorithms {
            let mut value = name.as_bytes().to_vec();
            value.resize(NAME_LEN, 0);
            value.extend(numbers.iter().flat_map(|number| number.to_ne_bytes()));
            push_attribute(&mut body, *kind, &value);
        }
        body
    }

    #[test]
    fn an_association_encrypts_when_its_algorithm_does() {
        let read = |proto, algorithms: &[(u16, &str, &[u32])]| {
            let body = association(proto, algorithms);
            sa(UserSa::new_checked(&body).unwrap()).map(|sa| (sa.encrypts, sa.algorithm, sa.icv_bits))
        };
        let is = |encrypts, algorithm: &str, icv_bits| Some((encrypts, algorithm.to_owned(), icv_bits));
        let gcm = (XFRMA_ALG_AEAD, "rfc4106(gcm(aes))", &[0, 128][..]);
        let gmac = (XFRMA_ALG_AEAD, "rfc4543(gcm(aes))", &[0, 128][..]);
        let (cbc, null) =
            ((XFRMA_ALG_CRYPT, "cbc(aes)", &[0][..]), (XFRMA_ALG_CRYPT, "ecb(cipher_null)", &[0][..]));
        let hash = (XFRMA_ALG_AUTH, "hmac(sha256)", &[0][..]);
        assert_eq!(read(ESP, &[gcm]), is(true, "rfc4106(gcm(aes))", 128));
        assert_eq!(read(ESP, &[gmac]), is(false, "rfc4543(gcm(aes))", 128));
        assert_eq!(read(ESP, &[cbc, hash]), is(true, "cbc(aes) hmac(sha256)", 0));
        assert_eq!(read(ESP, &[null, hash]), is(false, "ecb(cipher_null) hmac(sha256)", 0));
        assert_eq!(read(AH, &[hash]), is(false, "hmac(sha256)", 0));
        assert_eq!(read(UDP, &[hash]), None);
        // While daemons negotiate, there is an SPI without a key.
        assert_eq!(read(ESP, &[]), None);
    }

    #[test]
    fn an_association_that_pads_aggregates_or_streams_has_no_law_of_lengths() {
        let read = |mode, kind, value: &[u8]| {
            let mut body = association(ESP, &[(XFRMA_ALG_AEAD, "rfc4106(gcm(aes))", &[0, 128])]);
            body[usersa::MODE] = mode;
            push_attribute(&mut body, kind, value);
            sa(UserSa::new_checked(&body).unwrap()).map(|sa| (sa.tunnel, sa.lengths))
        };
        let (none, padding, encap) = ((0, &[][..]), (22, &1000u32.to_ne_bytes()[..]), 4);
        assert_eq!(read(usersa::TUNNEL, none.0, none.1), Some((true, Lengths::Lawful)));
        assert_eq!(read(usersa::IPTFS, none.0, none.1), Some((true, Lengths::Padded)));
        assert_eq!(read(usersa::TRANSPORT, padding.0, padding.1), Some((false, Lengths::Padded)));
        // The kinds of encapsulation: ESP in UDP, and ESP in TCP.
        for (kind, lengths) in [(2u16, Lengths::Lawful), (7, Lengths::Streamed)] {
            let value = [&kind.to_ne_bytes()[..], &[0; 22]].concat();
            assert_eq!(read(usersa::TUNNEL, encap, &value), Some((true, lengths)));
        }
    }

    #[test]
    fn a_policy_has_its_selector_mark_and_template() {
        let mut body = vec![0; userpolicy::LEN];
        body[userpolicy::SOURCE..][..4].copy_from_slice(&[192, 0, 2, 1]);
        body[userpolicy::DESTINATION..][..4].copy_from_slice(&[192, 0, 2, 2]);
        body[userpolicy::FAMILY..][..2].copy_from_slice(&AF_INET.to_ne_bytes());
        (body[userpolicy::PREFIX_S], body[userpolicy::PREFIX_D]) = (32, 32);
        body[userpolicy::PROTO] = UDP;
        body[userpolicy::DPORT..][..4].copy_from_slice(&[0x12, 0xb5, 0xff, 0xff]);
        body[userpolicy::DIR] = 1;
        let mut esp = vec![0; template::LEN];
        esp[template::PROTO] = ESP;
        push_attribute(&mut body, XFRMA_TMPL, &esp);
        push_attribute(&mut body, XFRMA_MARK, &[DOCKER_MARK.to_ne_bytes(), [0xff; 4]].concat());
        push_attribute(&mut body, XFRMA_IF_ID, &42u32.to_ne_bytes());
        body[userpolicy::SPORT + 2] = 0xff;
        let policy = policy(UserPolicy::new_checked(&body).unwrap()).unwrap();
        let (a, b) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert!(policy.concerns(a, b, Some(4789)) && !policy.concerns(a, b, Some(4790)));
        assert!(!policy.concerns(b, a, None));
        assert!(policy.requires_esp() && !policy.templates[0].tunnel);
        assert_eq!((policy.mark, policy.interface), ((DOCKER_MARK, u32::MAX), 42));
        assert_eq!(policy.source_port, (0, 0xff00));
    }

    #[test]
    fn a_device_is_local_if_it_is_the_loopback_or_a_vrf() {
        let vrf = Link { index: 5, kind: Some("vrf".to_owned()), ..Link::default() };
        let links =
            [Link { index: 1, loopback: true, ..Link::default() }, Link { index: 2, ..Link::default() }, vrf];
        let devices = [0, 1, 2, 5, 9].map(|index| device(index, &links));
        assert_eq!(devices, [Device::Any, Device::Local, Device::Link, Device::Local, Device::Link]);
        assert_eq!(device(1, &links[..2]), Device::Loopback);
    }
}
