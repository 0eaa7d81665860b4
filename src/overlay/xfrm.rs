//! Security associations and policies, as the bytes the kernel takes (`include/uapi/linux/xfrm.h`).
//!
//! Written out by hand: six messages of fixed layout, whose buffers can then be wiped. All numbers are in the host's
//! byte order but for addresses, ports and SPIs, which are in the network's.

use super::keys::{Secret, sixteen};
use super::policy::{Action, Direction, ForeignPolicy, Policy};
use super::security::Sa;
use super::spec::Cipher;
use crate::netlink::{CREATE, Netlink, Refusal, attributes, push_attribute, u16_at, u32_at, u64_at};
use crate::packet::Spi;
use nix::libc::{IPPROTO_ESP, IPPROTO_UDP};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use zeroize::Zeroizing;

const NEWSA: u16 = 0x10;
const DELSA: u16 = 0x11;
const GETSA: u16 = 0x12;
const NEWPOLICY: u16 = 0x13;
const DELPOLICY: u16 = 0x14;
const GETPOLICY: u16 = 0x15;
const UPDPOLICY: u16 = 0x19;

const XFRMA_TMPL: u16 = 5;
const XFRMA_LASTUSED: u16 = 15;
const XFRMA_ALG_AEAD: u16 = 18;
const XFRMA_MARK: u16 = 21;
const XFRMA_REPLAY_ESN_VAL: u16 = 23;
const XFRMA_IF_ID: u16 = 31;

const AF_INET: u16 = nix::libc::AF_INET as u16;
const AF_INET6: u16 = nix::libc::AF_INET6 as u16;
const MODE_TRANSPORT: u8 = 0;
const STATE_ESN: u8 = 128;
/// In packets.
const REPLAY_WINDOW: u32 = 128;

const SELECTOR: usize = 56;
const SA_SIZE: usize = 224;
const POLICY_SIZE: usize = 168;
const TEMPLATE_SIZE: usize = 64;

/// An SA of ours that is in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PresentSa {
    pub(super) spi: Spi,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) reqid: u32,
    /// Packets that went through it.
    pub(super) packets: u64,
    /// Unix time of the last of them, 0 for never.
    pub(super) last_used: u64,
    /// Still waiting for a key: the kernel's own placeholder, nobody's SA.
    pub(super) larval: bool,
}

/// A policy of ours that is in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PresentPolicy {
    pub(super) policy: Policy,
    /// The number the kernel gave it: what is deleted by it is exactly this one.
    pub(super) index: u32,
    /// To the byte as it was put in place. One that is not may let clear frames pass.
    pub(super) intact: bool,
}

/// Installs an SA with its key derived from the secret.
pub(super) fn add_sa(netlink: &mut Netlink, sa: &Sa, secret: &Secret) -> Result<(), Refusal> {
    let association = &sa.association;
    install(netlink, sa, &secret.material(association))
}

/// Installs and removes an SA that nothing uses, to learn whether this kernel has ESP and the cipher.
pub(super) fn probe(netlink: &mut Netlink, sa: &Sa) -> Result<(), Refusal> {
    let mut key = Zeroizing::new(vec![0; sa.association.cipher.key_bytes()]);
    getrandom::fill(&mut key).map_err(|e| Refusal::from(std::io::Error::from(e)))?;
    install(netlink, sa, &key)?;
    // It must not stay, so a refusal is not taken for an answer at once.
    let remove = |netlink: &mut Netlink| delete_sa(netlink, sa.association.receiver, sa.spi);
    remove(netlink).or_else(|_| remove(netlink)).or_else(|e| if e.is_absent() { Ok(()) } else { Err(e) })
}

fn install(netlink: &mut Netlink, sa: &Sa, material: &[u8]) -> Result<(), Refusal> {
    let association = &sa.association;
    let family = family(association.receiver);
    let mut body = Zeroizing::new(Vec::with_capacity(512));
    push_selector(&mut body, association.sender, width(family), association.receiver, width(family), sa.port);
    body.extend_from_slice(&address(association.receiver));
    body.extend_from_slice(&sa.spi.0.to_be_bytes());
    body.extend_from_slice(&[IPPROTO_ESP as u8, 0, 0, 0]);
    body.extend_from_slice(&address(association.sender));
    push_unlimited(&mut body);
    body.extend_from_slice(&[0; 32 + 12 + 4]);
    body.extend_from_slice(&sa.reqid.to_ne_bytes());
    body.extend_from_slice(&family.to_ne_bytes());
    body.extend_from_slice(&[MODE_TRANSPORT, 0, STATE_ESN]);
    body.resize(SA_SIZE, 0);

    let mut algorithm = Zeroizing::new(Vec::with_capacity(128));
    algorithm.extend_from_slice(association.cipher.kernel_name().as_bytes());
    algorithm.resize(64, 0);
    algorithm.extend_from_slice(&(8 * material.len() as u32).to_ne_bytes());
    algorithm.extend_from_slice(&(8 * Cipher::ICV_BYTES).to_ne_bytes());
    algorithm.extend_from_slice(material);
    push_attribute(&mut body, XFRMA_ALG_AEAD, &algorithm);

    let words = REPLAY_WINDOW / 32;
    let mut replay = Vec::new();
    for number in [words, 0, 0, 0, 0, REPLAY_WINDOW] {
        replay.extend_from_slice(&number.to_ne_bytes());
    }
    replay.resize(24 + 4 * words as usize, 0);
    push_attribute(&mut body, XFRMA_REPLAY_ESN_VAL, &replay);
    netlink.request(NEWSA, CREATE, &body)
}

/// Removes the one SA with this destination and SPI.
pub(super) fn delete_sa(netlink: &mut Netlink, destination: IpAddr, spi: Spi) -> Result<(), Refusal> {
    let mut body = address(destination).to_vec();
    body.extend_from_slice(&spi.0.to_be_bytes());
    body.extend_from_slice(&family(destination).to_ne_bytes());
    body.extend_from_slice(&[IPPROTO_ESP as u8, 0]);
    netlink.request(DELSA, 0, &body)
}

/// All SAs of this network namespace whose reqid is wanted. Their keys are never looked at.
pub(super) fn sas(netlink: &mut Netlink, wanted: impl Fn(u32) -> bool) -> Result<Vec<PresentSa>, Refusal> {
    netlink.dump(GETSA, &[], |kind, body| parse_sa(body).filter(|sa| kind == NEWSA && wanted(sa.reqid)))
}

fn parse_sa(body: &[u8]) -> Option<PresentSa> {
    let family = u16_at(body, 212)?;
    let last_used = attributes(body.get(SA_SIZE..)?)
        .find(|(kind, _)| *kind == XFRMA_LASTUSED)
        .and_then(|(_, value)| u64_at(value, 0));
    (*body.get(SELECTOR + 20)? == IPPROTO_ESP as u8).then_some(PresentSa {
        destination: ip_at(body, SELECTOR, family)?,
        spi: Spi(u32_at(body, SELECTOR + 16)?.to_be()),
        source: ip_at(body, 80, family)?,
        packets: u64_at(body, 160 + 8)?,
        reqid: u32_at(body, 208)?,
        last_used: last_used.unwrap_or(0),
        larval: *body.get(SELECTOR + 16..SELECTOR + 20)? == [0; 4],
    })
}

/// Installs a policy.
pub(super) fn add_policy(netlink: &mut Netlink, policy: &Policy) -> Result<(), Refusal> {
    netlink.request(NEWPOLICY, CREATE, &policy_message(policy))
}

/// Puts a policy in the place of the one with its selector, at once: there is no moment without either.
pub(super) fn replace_policy(netlink: &mut Netlink, policy: &Policy) -> Result<(), Refusal> {
    netlink.request(UPDPOLICY, 0, &policy_message(policy))
}

fn policy_message(policy: &Policy) -> Vec<u8> {
    let family = family(policy.destination);
    let mut body = Vec::with_capacity(256);
    push_policy_selector(&mut body, policy);
    push_unlimited(&mut body);
    body.extend_from_slice(&[0; 32]);
    body.extend_from_slice(&policy.priority().to_ne_bytes());
    body.extend_from_slice(&[0; 4]);
    body.extend_from_slice(&[direction_number(policy.direction), action_number(policy.action), 0, 0]);
    body.resize(POLICY_SIZE, 0);

    // A block policy looks at no template: there it only carries the reqid, by which it is known as ours.
    let mut template = vec![0; 16];
    template.extend_from_slice(&[0, 0, 0, 0, IPPROTO_ESP as u8, 0, 0, 0]);
    template.extend_from_slice(&family.to_ne_bytes());
    template.extend_from_slice(&[0; 2 + 16]);
    template.extend_from_slice(&policy.reqid.to_ne_bytes());
    template.extend_from_slice(&[MODE_TRANSPORT, 0, 0, 0]);
    template.extend_from_slice(&[0xff; 12]);
    push_attribute(&mut body, XFRMA_TMPL, &template);
    body
}

/// Removes a policy by its selector.
pub(super) fn delete_policy(netlink: &mut Netlink, policy: &Policy) -> Result<(), Refusal> {
    let mut body = Vec::with_capacity(64);
    push_policy_selector(&mut body, policy);
    body.extend_from_slice(&[0; 4]);
    body.extend_from_slice(&[direction_number(policy.direction), 0, 0, 0]);
    netlink.request(DELPOLICY, 0, &body)
}

/// Removes the policy the kernel gave this number.
pub(super) fn delete_policy_by_index(
    netlink: &mut Netlink,
    direction: Direction,
    index: u32,
) -> Result<(), Refusal> {
    let mut body = vec![0; SELECTOR];
    body.extend_from_slice(&index.to_ne_bytes());
    body.extend_from_slice(&[direction_number(direction), 0, 0, 0]);
    netlink.request(DELPOLICY, 0, &body)
}

/// The policies of this network namespace: those whose template has a wanted reqid, and of the others those that let
/// clear datagrams pass.
pub(super) fn policies(
    netlink: &mut Netlink,
    wanted: impl Fn(u32) -> bool,
) -> Result<(Vec<PresentPolicy>, Vec<ForeignPolicy>), Refusal> {
    let (mut ours, mut foreign) = (Vec::new(), Vec::new());
    let read = netlink.dump(GETPOLICY, &[], |kind, body| {
        let policy = parse_policy(body).filter(|p| wanted(p.policy.reqid));
        (kind == NEWPOLICY).then(|| policy.ok_or_else(|| parse_foreign(body)))
    })?;
    for policy in read {
        match policy {
            Ok(policy) => ours.push(policy),
            Err(other) => foreign.extend(other),
        }
    }
    Ok((ours, foreign))
}

fn parse_policy(body: &[u8]) -> Option<PresentPolicy> {
    let family = u16_at(body, 40)?;
    let template =
        attributes(body.get(POLICY_SIZE..)?).find(|(kind, _)| *kind == XFRMA_TMPL).map(|(_, value)| value)?;
    let policy = Policy {
        direction: direction_at(body)?,
        action: if *body.get(161)? == 0 { Action::RequireEsp } else { Action::Block },
        destination: ip_at(body, 0, family)?,
        prefix: *body.get(42)?,
        port: u16_at(body, 32)?.to_be(),
        reqid: u32_at(template, 44)?,
    };
    let made = policy_message(&policy);
    // Selector; priority; direction, action, flags and share; the template. Between them are counters and the index.
    let same = |range: std::ops::Range<usize>| body.get(range.clone()) == made.get(range);
    let intact = same(0..SELECTOR)
        && same(152..156)
        && same(160..164)
        && made.get(POLICY_SIZE + 4..) == Some(template)
        && everywhere(body);
    Some(PresentPolicy { policy, index: u32_at(body, 156)?, intact })
}

/// A policy of others, if it is one for datagrams that are not ESP's, and asks of them nothing.
fn parse_foreign(body: &[u8]) -> Option<ForeignPolicy> {
    let family = u16_at(body, 40)?;
    let templates = attributes(body.get(POLICY_SIZE..)?).find(|(kind, _)| *kind == XFRMA_TMPL);
    let encrypts = templates.is_some_and(|(_, templates)| {
        templates.chunks_exact(TEMPLATE_SIZE).any(|t| t[20] == IPPROTO_ESP as u8 && t[50] == 0)
    });
    let udp = [0, IPPROTO_UDP as u8].contains(body.get(44)?);
    let passes = *body.get(161)? == 0 && !encrypts;
    (udp && passes && everywhere(body)).then_some(ForeignPolicy {
        direction: direction_at(body)?,
        source: (ip_at(body, 16, family)?, *body.get(43)?),
        destination: (ip_at(body, 0, family)?, *body.get(42)?),
        port: u16_at(body, 32)?.to_be(),
        port_mask: u16_at(body, 34)?.to_be(),
        priority: u32_at(body, 152)?,
    })
}

/// Whether a policy looks at neither a mark nor an xfrm interface.
fn everywhere(body: &[u8]) -> bool {
    attributes(body.get(POLICY_SIZE..).unwrap_or_default()).all(|(kind, value)| match kind {
        XFRMA_MARK => u32_at(value, 4) == Some(0),
        XFRMA_IF_ID => u32_at(value, 0) == Some(0),
        _ => true,
    })
}

fn direction_at(body: &[u8]) -> Option<Direction> {
    match body.get(160)? {
        0 => Some(Direction::In),
        1 => Some(Direction::Out),
        _ => None,
    }
}

fn push_policy_selector(body: &mut Vec<u8>, policy: &Policy) {
    let source = match policy.destination {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    push_selector(body, source, 0, policy.destination, policy.prefix, policy.port);
}

fn push_selector(body: &mut Vec<u8>, source: IpAddr, from: u8, destination: IpAddr, to: u8, port: u16) {
    body.extend_from_slice(&address(destination));
    body.extend_from_slice(&address(source));
    body.extend_from_slice(&port.to_be_bytes());
    body.extend_from_slice(&[0xff, 0xff, 0, 0, 0, 0]);
    body.extend_from_slice(&family(destination).to_ne_bytes());
    body.extend_from_slice(&[to, from, IPPROTO_UDP as u8]);
    body.extend_from_slice(&[0; 3 + 4 + 4]);
}

/// No limit in bytes, packets or seconds.
fn push_unlimited(body: &mut Vec<u8>) {
    body.extend_from_slice(&[0xff; 32]);
    body.extend_from_slice(&[0; 32]);
}

/// An address as the kernel's union has it: IPv4 in the first four bytes.
fn address(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&v4.octets());
            bytes
        }
        IpAddr::V6(_) => sixteen(address),
    }
}

fn ip_at(body: &[u8], at: usize, of: u16) -> Option<IpAddr> {
    if of == AF_INET {
        Some(IpAddr::from(<[u8; 4]>::try_from(body.get(at..at + 4)?).ok()?))
    } else {
        Some(IpAddr::from(<[u8; 16]>::try_from(body.get(at..at + 16)?).ok()?))
    }
}

fn family(address: IpAddr) -> u16 {
    if address.is_ipv4() { AF_INET } else { AF_INET6 }
}

fn width(of: u16) -> u8 {
    if of == AF_INET { 32 } else { 128 }
}

fn direction_number(direction: Direction) -> u8 {
    match direction {
        Direction::In => 0,
        Direction::Out => 1,
    }
}

fn action_number(action: Action) -> u8 {
    match action {
        Action::RequireEsp => 0,
        Action::Block => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Vni;

    #[test]
    fn a_policy_of_ours_is_known_and_one_that_somebody_changed_is_not_intact() {
        for underlay in ["192.0.2.1", "2001:db8::1"] {
            for policy in Policy::of(Vni::new(4098).unwrap(), 18_887, underlay.parse().unwrap()) {
                let made = policy_message(&policy);
                let read = parse_policy(&made).unwrap();
                assert_eq!((&read.policy, read.intact), (&policy, true));
                let (priority, optional, source) = (152, POLICY_SIZE + 4 + 50, 43);
                for at in [priority, optional, source] {
                    let mut changed = made.clone();
                    changed[at] ^= 1;
                    assert!(!parse_policy(&changed).unwrap().intact, "{at}");
                }
                let mut marked = made;
                push_attribute(&mut marked, XFRMA_MARK, &[7, 0, 0, 0, 0xff, 0, 0, 0]);
                assert!(!parse_policy(&marked).unwrap().intact);
            }
        }
    }

    #[test]
    fn only_what_lets_clear_datagrams_pass_everywhere_is_a_rival() {
        let policies = Policy::of(Vni::new(4098).unwrap(), 18_887, "192.0.2.1".parse().unwrap());
        let block = policy_message(&policies[0]);
        let require = policy_message(policies.last().unwrap());
        assert!(parse_foreign(&block).is_none() && parse_foreign(&require).is_none());
        let mut pass = require[..POLICY_SIZE].to_vec();
        assert_eq!(parse_foreign(&pass).unwrap().priority, 100);
        push_attribute(&mut pass, XFRMA_IF_ID, &[9, 0, 0, 0]);
        assert!(parse_foreign(&pass).is_none());
        let mut optional = require.clone();
        optional[POLICY_SIZE + 4 + 50] = 1;
        assert!(parse_foreign(&optional).is_some());
        for length in 0..require.len() {
            let _ = (
                parse_policy(&require[..length]),
                parse_foreign(&require[..length]),
                parse_sa(&require[..length]),
            );
        }
    }
}
