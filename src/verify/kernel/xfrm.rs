//! SAs and policies over netlink (linux `include/uapi/linux/xfrm.h`), without keys.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::errno::Errno;
use rtnetlink::sys::{Socket, SocketAddr, protocols::NETLINK_XFRM};
use zeroize::Zeroize;

use super::{Error, Policy, SaState, Template, Way};
use crate::packet::Spi;

const NEWSA: u16 = 0x10;
const GETSA: u16 = 0x12;
const NEWPOLICY: u16 = 0x13;
const GETPOLICY: u16 = 0x15;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const HEADER: usize = 16;

const XFRMA_ALG_AUTH: u16 = 1;
const XFRMA_ALG_CRYPT: u16 = 2;
const XFRMA_TMPL: u16 = 5;
const XFRMA_ALG_AEAD: u16 = 18;
const XFRMA_ALG_AUTH_TRUNC: u16 = 20;
const XFRMA_MARK: u16 = 21;
const XFRMA_REPLAY_ESN_VAL: u16 = 23;
const XFRMA_OFFLOAD_DEV: u16 = 28;
const XFRMA_IF_ID: u16 = 31;

const ESP: u8 = 50;
const AH: u8 = 51;

/// Offsets in `struct xfrm_usersa_info`.
mod usersa {
    pub(super) const DESTINATION: usize = 56;
    pub(super) const SPI: usize = 72;
    pub(super) const PROTO: usize = 76;
    pub(super) const SOURCE: usize = 80;
    pub(super) const PACKETS: usize = 168;
    pub(super) const REQID: usize = 208;
    pub(super) const FAMILY: usize = 212;
    pub(super) const MODE: usize = 214;
    pub(super) const REPLAY: usize = 215;
    pub(super) const LEN: usize = 224;
}

/// Offsets in `struct xfrm_userpolicy_info`, which begins with `struct xfrm_selector`.
mod userpolicy {
    pub(super) const DESTINATION: usize = 0;
    pub(super) const SOURCE: usize = 16;
    pub(super) const DPORT: usize = 32;
    pub(super) const DPORT_MASK: usize = 34;
    pub(super) const SPORT_MASK: usize = 38;
    pub(super) const FAMILY: usize = 40;
    pub(super) const PREFIX_D: usize = 42;
    pub(super) const PREFIX_S: usize = 43;
    pub(super) const PROTO: usize = 44;
    pub(super) const PRIORITY: usize = 152;
    pub(super) const DIR: usize = 160;
    pub(super) const ACTION: usize = 161;
    pub(super) const LEN: usize = 168;
}

/// Length of `struct xfrm_user_tmpl` and offsets in it.
mod template {
    pub(super) const LEN: usize = 64;
    pub(super) const PROTO: usize = 20;
    pub(super) const REQID: usize = 44;
    pub(super) const OPTIONAL: usize = 50;
}

pub(super) fn sas() -> Result<Vec<SaState>, Error> {
    dump(GETSA, NEWSA, sa)
}

pub(super) fn policies() -> Result<Vec<Policy>, Error> {
    dump(GETPOLICY, NEWPOLICY, policy)
}

fn dump<T>(get: u16, new: u16, read: impl Fn(&[u8]) -> Option<T>) -> Result<Vec<T>, Error> {
    let socket = Socket::new(NETLINK_XFRM).map_err(explain)?;
    socket.connect(&SocketAddr::new(0, 0)).map_err(explain)?;
    let mut request = [0; HEADER];
    request[..4].copy_from_slice(&(HEADER as u32).to_ne_bytes());
    request[4..6].copy_from_slice(&get.to_ne_bytes());
    request[6..8].copy_from_slice(&DUMP.to_ne_bytes());
    request[8..12].copy_from_slice(&1u32.to_ne_bytes());
    socket.send(&request, 0).map_err(explain)?;
    let mut found = Vec::new();
    loop {
        let (mut answer, _) = socket.recv_from_full().map_err(explain)?;
        let more = messages(&answer, new, &read, &mut found);
        // Keys came along.
        answer.zeroize();
        if !more.map_err(explain)? {
            return Ok(found);
        }
    }
}

fn messages<T>(
    mut bytes: &[u8],
    new: u16,
    read: &impl Fn(&[u8]) -> Option<T>,
    found: &mut Vec<T>,
) -> io::Result<bool> {
    if bytes.len() < HEADER {
        return Ok(false);
    }
    while let (Some(len), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
        let Some(body) = bytes.get(HEADER..len as usize) else { break };
        match kind {
            NLMSG_DONE => return Ok(false),
            NLMSG_ERROR => {
                // It is negative.
                let code = array(body, 0).map_or(0, i32::from_ne_bytes).wrapping_neg();
                return if code == 0 { Ok(false) } else { Err(io::Error::from_raw_os_error(code)) };
            }
            kind if kind == new => found.extend(read(body)),
            _ => {}
        }
        bytes = bytes.get((len as usize).next_multiple_of(4)..).unwrap_or(&[]);
    }
    Ok(true)
}

fn explain(error: io::Error) -> Error {
    match Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
        Errno::EPERM | Errno::EACCES => Error::Denied,
        Errno::EPROTONOSUPPORT | Errno::ECONNREFUSED => Error::NoXfrm,
        _ => Error::Netlink(error),
    }
}

fn sa(body: &[u8]) -> Option<SaState> {
    let proto = *body.get(usersa::PROTO)?;
    let spi = u32::from_be_bytes(array(body, usersa::SPI)?);
    if !matches!(proto, ESP | AH) || spi == 0 {
        return None;
    }
    let family = u16_at(body, usersa::FAMILY)?;
    let mut replay_window = u32::from(*body.get(usersa::REPLAY)?);
    let (mut aead, mut cipher, mut auth, mut icv, mut offload) = (None, None, None, None, false);
    for (kind, value) in Attributes(body.get(usersa::LEN..)?) {
        match kind {
            XFRMA_ALG_AEAD => (aead, icv) = (name(value), u32_at(value, 68)),
            XFRMA_ALG_CRYPT => cipher = name(value),
            XFRMA_ALG_AUTH if auth.is_none() => auth = name(value),
            XFRMA_ALG_AUTH_TRUNC => (auth, icv) = (name(value), u32_at(value, 68)),
            // bmp_len, oseq, seq, oseq_hi, seq_hi, replay_window
            XFRMA_REPLAY_ESN_VAL => replay_window = u32_at(value, 20).unwrap_or(replay_window),
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
        source: address(body, usersa::SOURCE, family)?,
        destination: address(body, usersa::DESTINATION, family)?,
        spi: Spi(spi),
        reqid: u32_at(body, usersa::REQID)?,
        tunnel: *body.get(usersa::MODE)? == 1,
        offload,
        encrypts,
        algorithm,
        icv_bits: icv.unwrap_or(0),
        replay_window,
        packets: array(body, usersa::PACKETS).map(u64::from_ne_bytes)?,
    })
}

fn policy(body: &[u8]) -> Option<Policy> {
    // A selector for all has no family where it was set without addresses.
    let family = u16_at(body, userpolicy::FAMILY)?;
    let way = match *body.get(userpolicy::DIR)? {
        0 => Way::In,
        1 => Way::Out,
        2 => Way::Forward,
        _ => return None,
    };
    // A tunnel sends from whatever port (RFC 7348 section 5): one port's policy is not the network's.
    if u16_at(body, userpolicy::SPORT_MASK)? != 0 {
        return None;
    }
    let mut templates = Vec::new();
    let mut mark = (0, 0);
    for (kind, value) in Attributes(body.get(userpolicy::LEN..)?) {
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
        way,
        source: (address(body, userpolicy::SOURCE, family)?, *body.get(userpolicy::PREFIX_S)?),
        destination: (address(body, userpolicy::DESTINATION, family)?, *body.get(userpolicy::PREFIX_D)?),
        protocol: *body.get(userpolicy::PROTO)?,
        port: (
            u16::from_be_bytes(array(body, userpolicy::DPORT)?),
            u16::from_be_bytes(array(body, userpolicy::DPORT_MASK)?),
        ),
        priority: u32_at(body, userpolicy::PRIORITY)?,
        block: *body.get(userpolicy::ACTION)? == 1,
        mark,
        templates,
    })
}

/// The name at the beginning of `struct xfrm_algo` and its relatives.
fn name(value: &[u8]) -> Option<String> {
    let name = value.get(..64)?.split(|&byte| byte == 0).next()?;
    Some(String::from_utf8_lossy(name).into_owned())
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
    match i32::from(family) {
        nix::libc::AF_INET => Some(Ipv4Addr::from(array::<4>(body, at)?).into()),
        nix::libc::AF_INET6 => Some(Ipv6Addr::from(array::<16>(body, at)?).into()),
        _ => None,
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_messages_end_the_reading() {
        let mut whole = vec![0; HEADER + usersa::LEN];
        whole[..4].copy_from_slice(&((HEADER + usersa::LEN) as u32).to_ne_bytes());
        whole[4..6].copy_from_slice(&NEWSA.to_ne_bytes());
        whole[HEADER + usersa::PROTO] = ESP;
        whole[HEADER + usersa::SPI] = 1;
        whole[HEADER + usersa::FAMILY..][..2].copy_from_slice(&2u16.to_ne_bytes());
        let mut found = Vec::new();
        assert!(messages(&whole, NEWSA, &sa, &mut found).unwrap());
        assert_eq!(found.len(), 1);
        for len in 0..whole.len() {
            let mut found = Vec::new();
            let _ = messages(&whole[..len], NEWSA, &sa, &mut found);
            assert!(found.is_empty());
        }
    }

    #[test]
    fn a_policy_has_its_selector_mark_and_template() {
        let mut body = vec![0; userpolicy::LEN];
        body[userpolicy::SOURCE..][..4].copy_from_slice(&[192, 0, 2, 1]);
        body[userpolicy::DESTINATION..][..4].copy_from_slice(&[192, 0, 2, 2]);
        body[userpolicy::FAMILY] = 2;
        (body[userpolicy::PREFIX_S], body[userpolicy::PREFIX_D]) = (32, 32);
        body[userpolicy::PROTO] = 17;
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
