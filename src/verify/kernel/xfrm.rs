//! SAs and policies over netlink (linux `include/uapi/linux/xfrm.h`), without keys.

use nix::errno::Errno;

use super::{Error, Policy, PolicyDirection, SaState, Template};
use crate::netlink::xfrm::{
    GETPOLICY, GETSA, NEWPOLICY, NEWSA, XFRMA_ALG_AEAD, XFRMA_ALG_AUTH, XFRMA_ALG_AUTH_TRUNC,
    XFRMA_ALG_CRYPT, XFRMA_IF_ID, XFRMA_MARK, XFRMA_OFFLOAD_DEV, XFRMA_REPLAY_ESN_VAL, XFRMA_TMPL,
    address_at, algo, algorithm_name, replay, template, userpolicy, usersa,
};
use crate::netlink::{Family, Netlink, Refusal, array_at, attributes, u16_at, u32_at, u64_at};
use crate::packet::protocol::{AH, ESP};
use crate::packet::{Prefix, Spi};

pub(super) fn sas() -> Result<Vec<SaState>, Error> {
    dump(GETSA, NEWSA, sa)
}

pub(super) fn policies() -> Result<Vec<Policy>, Error> {
    dump(GETPOLICY, NEWPOLICY, policy)
}

/// Every object that the kernel tells of with messages of the kind `new`.
fn dump<T>(get: u16, new: u16, read: impl Fn(&[u8]) -> Option<T>) -> Result<Vec<T>, Error> {
    let mut netlink = Netlink::open(Family::Xfrm, None).map_err(Refusal::from)?;
    Ok(netlink.dump(get, &[], |kind, body| if kind == new { read(body) } else { None })?)
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match Errno::from_raw(refusal.errno) {
            Errno::EPERM | Errno::EACCES => Self::Denied,
            Errno::EPROTONOSUPPORT | Errno::ECONNREFUSED => Self::NoXfrm,
            errno => Self::Netlink(errno.into()),
        }
    }
}

fn sa(body: &[u8]) -> Option<SaState> {
    let proto = *body.get(usersa::PROTO)?;
    let spi = u32::from_be_bytes(array_at(body, usersa::SPI)?);
    if !matches!(proto, ESP | AH) || spi == 0 {
        return None;
    }
    let family = u16_at(body, usersa::FAMILY)?;
    let mut replay_window = u32::from(*body.get(usersa::REPLAY)?);
    let (mut aead, mut cipher, mut auth, mut icv, mut offload) = (None, None, None, None, false);
    for (kind, value) in attributes(body.get(usersa::LEN..)?) {
        match kind {
            XFRMA_ALG_AEAD => (aead, icv) = (algorithm_name(value), u32_at(value, algo::ICV_BITS)),
            XFRMA_ALG_CRYPT => cipher = algorithm_name(value),
            XFRMA_ALG_AUTH if auth.is_none() => auth = algorithm_name(value),
            XFRMA_ALG_AUTH_TRUNC => (auth, icv) = (algorithm_name(value), u32_at(value, algo::ICV_BITS)),
            XFRMA_REPLAY_ESN_VAL => replay_window = u32_at(value, replay::WINDOW).unwrap_or(replay_window),
            XFRMA_OFFLOAD_DEV => offload = true,
            _ => {}
        }
    }
    let null = |name: &str| name.contains("null");
    let encrypts = proto == ESP
        && match (&aead, &cipher) {
            (Some(aead), _) => !aead.starts_with("rfc4543"),
            (None, Some(cipher)) => !null(cipher),
            (None, None) => false,
        };
    let algorithm = match (aead, cipher, auth) {
        (Some(aead), ..) => aead,
        (None, Some(cipher), Some(auth)) => format!("{cipher} {auth}"),
        (None, Some(one), None) | (None, None, Some(one)) => one,
        (None, None, None) => String::new(),
    };
    Some(SaState {
        source: address_at(body, usersa::SOURCE, family)?,
        destination: address_at(body, usersa::DESTINATION, family)?,
        spi: Spi(spi),
        reqid: u32_at(body, usersa::REQID)?,
        tunnel: *body.get(usersa::MODE)? == usersa::TUNNEL,
        offload,
        encrypts,
        algorithm,
        icv_bits: icv.unwrap_or(0),
        replay_window,
        packets: u64_at(body, usersa::PACKETS)?,
    })
}

fn policy(body: &[u8]) -> Option<Policy> {
    // A selector for all has no family where it was set without addresses.
    let family = u16_at(body, userpolicy::FAMILY)?;
    let direction = match *body.get(userpolicy::DIR)? {
        userpolicy::IN => PolicyDirection::In,
        userpolicy::OUT => PolicyDirection::Out,
        userpolicy::FORWARD => PolicyDirection::Forward,
        _ => return None,
    };
    // A tunnel sends from whatever port (RFC 7348 section 5): one port's policy is not the network's.
    if u16_at(body, userpolicy::SPORT_MASK)? != 0 {
        return None;
    }
    let mut templates = Vec::new();
    let mut mark = (0, 0);
    for (kind, value) in attributes(body.get(userpolicy::LEN..)?) {
        match kind {
            XFRMA_TMPL => templates.extend(value.chunks_exact(template::LEN).filter_map(|one| {
                Some(Template {
                    esp: *one.get(template::PROTO)? == ESP,
                    optional: *one.get(template::OPTIONAL)? != 0,
                    reqid: u32_at(one, template::REQID)?,
                })
            })),
            XFRMA_MARK => mark = (u32_at(value, 0)?, u32_at(value, 4)?),
            // For what passes an xfrm interface only, which the network's packets are not said to do.
            XFRMA_IF_ID if u32_at(value, 0) != Some(0) => return None,
            _ => {}
        }
    }
    Some(Policy {
        direction,
        source: Prefix::new(address_at(body, userpolicy::SOURCE, family)?, *body.get(userpolicy::PREFIX_S)?)?,
        destination: Prefix::new(
            address_at(body, userpolicy::DESTINATION, family)?,
            *body.get(userpolicy::PREFIX_D)?,
        )?,
        protocol: *body.get(userpolicy::PROTO)?,
        port: (
            u16::from_be_bytes(array_at(body, userpolicy::DPORT)?),
            u16::from_be_bytes(array_at(body, userpolicy::DPORT_MASK)?),
        ),
        priority: u32_at(body, userpolicy::PRIORITY)?,
        block: *body.get(userpolicy::ACTION)? == userpolicy::BLOCK,
        mark,
        templates,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_association_is_none() {
        let mut whole = vec![0; usersa::LEN];
        whole[usersa::PROTO] = ESP;
        whole[usersa::SPI] = 1;
        whole[usersa::FAMILY..][..2].copy_from_slice(&2u16.to_ne_bytes());
        assert!(sa(&whole).is_some());
        for len in 0..whole.len() {
            assert_eq!(sa(&whole[..len]), None);
        }
    }

    #[test]
    fn a_policy_has_its_selector_mark_and_template() {
        let mut body = vec![0; userpolicy::LEN];
        body[userpolicy::SOURCE..][..4].copy_from_slice(&[192, 0, 2, 1]);
        body[userpolicy::DESTINATION..][..4].copy_from_slice(&[192, 0, 2, 2]);
        body[userpolicy::FAMILY] = 2;
        (body[userpolicy::PREFIX_S], body[userpolicy::PREFIX_D]) = (32, 32);
        body[userpolicy::PROTO] = crate::packet::protocol::UDP;
        body[userpolicy::DPORT..][..4].copy_from_slice(&[0x12, 0xb5, 0xff, 0xff]);
        body[userpolicy::DIR] = 1;
        let mut tmpl = vec![0; template::LEN];
        tmpl[template::PROTO] = ESP;
        body.extend((4 + template::LEN as u16).to_ne_bytes());
        body.extend(XFRMA_TMPL.to_ne_bytes());
        body.extend(tmpl);
        body.extend(12u16.to_ne_bytes());
        body.extend(XFRMA_MARK.to_ne_bytes());
        body.extend(super::super::DOCKER_MARK.to_ne_bytes());
        body.extend(u32::MAX.to_ne_bytes());
        let mut of_an_interface = body.clone();
        of_an_interface.extend([8, 0, XFRMA_IF_ID as u8, 0, 42, 0, 0, 0]);
        assert_eq!(policy(&of_an_interface), None);
        let policy = policy(&body).unwrap();
        let (a, b) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert!(
            policy.covers(a, b, Some(4789)) && !policy.covers(a, b, Some(4790)) && !policy.covers(b, a, None)
        );
        assert!(policy.requires_esp());
        assert_eq!(policy.mark, (super::super::DOCKER_MARK, u32::MAX));
    }
}
