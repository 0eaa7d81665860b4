//! SAs and policies over netlink. Keys are not read here.

use super::{KernelUnread, Policy, SaState, Template};
use crate::netlink::xfrm::{self, UserPolicy, UserSa, XfrmError, userpolicy, usersa};
use crate::packet::Spi;
use crate::packet::protocol::{AH, ESP};

pub(super) fn sas() -> Result<Vec<SaState>, KernelUnread> {
    Ok(xfrm::sas(&mut xfrm::open()?, sa).map_err(XfrmError::from)?)
}

pub(super) fn policies() -> Result<Vec<Policy>, KernelUnread> {
    Ok(xfrm::policies(&mut xfrm::open()?, policy).map_err(XfrmError::from)?)
}

/// Reads an SA of ESP or AH. Returns `None` for others, and for one that is not set up yet.
fn sa(sa: UserSa<'_>) -> Option<SaState> {
    if !matches!(sa.proto(), ESP | AH) || sa.spi() == Spi(0) {
        return None;
    }
    let (aead, cipher, hash) = (sa.aead(), sa.cipher(), sa.authentication());
    let icv_bits = aead.or(hash).and_then(|algorithm| algorithm.bits());
    let [aead, cipher, hash] = [aead, cipher, hash].map(|algorithm| algorithm.map(|one| one.name()));
    Some(SaState {
        source: sa.source()?,
        destination: sa.destination()?,
        spi: sa.spi(),
        reqid: sa.reqid(),
        tunnel: sa.mode() == usersa::TUNNEL,
        offload: sa.is_offloaded(),
        encrypts: sa.proto() == ESP && encrypts(aead.as_deref(), cipher.as_deref()),
        algorithm: aead.unwrap_or_else(|| [cipher, hash].into_iter().flatten().collect::<Vec<_>>().join(" ")),
        icv_bits: icv_bits.unwrap_or(0),
        replay_window: sa.replay_window(),
        packets: sa.packets(),
    })
}

/// Returns true if ESP with these algorithms encrypts: GMAC (RFC 4543) and NULL do not.
fn encrypts(aead: Option<&str>, cipher: Option<&str>) -> bool {
    match (aead, cipher) {
        (Some(aead), _) => !aead.starts_with("rfc4543"),
        (None, Some(cipher)) => !cipher.contains("null"),
        (None, None) => false,
    }
}

/// Returns the policy, unless it cannot be about the packets of a VXLAN network.
fn policy(policy: UserPolicy<'_>) -> Option<Policy> {
    // A VXLAN tunnel sends from many ports (RFC 7348 section 5), which a policy for one source port does not cover. A policy
    // of an xfrm interface is only for the packets that pass it, and the network's packets need not.
    if policy.has_source_port() || policy.interface() != Some(0) {
        return None;
    }
    Some(Policy {
        direction: policy.direction()?,
        source: policy.source()?,
        destination: policy.destination()?,
        protocol: policy.proto(),
        port: policy.destination_port(),
        priority: policy.priority(),
        block: policy.action() == userpolicy::BLOCK,
        mark: policy.mark()?,
        templates: policy.templates().map(template).collect(),
    })
}

fn template(template: xfrm::Template<'_>) -> Template {
    Template { esp: template.proto() == ESP, optional: template.is_optional(), reqid: template.reqid() }
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
        let read = |body: &[u8]| policy(UserPolicy::new_checked(body).unwrap());
        let mut of_an_interface = body.clone();
        push_attribute(&mut of_an_interface, XFRMA_IF_ID, &[42, 0, 0, 0]);
        assert_eq!(read(&of_an_interface), None);
        let mut of_a_port = body.clone();
        of_a_port[userpolicy::SPORT_MASK] = 0xff;
        assert_eq!(read(&of_a_port), None);
        let policy = read(&body).unwrap();
        let (a, b) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert!(
            policy.covers(a, b, Some(4789)) && !policy.covers(a, b, Some(4790)) && !policy.covers(b, a, None)
        );
        assert!(policy.requires_esp());
        assert_eq!(policy.mark, (DOCKER_MARK, u32::MAX));
    }
}
