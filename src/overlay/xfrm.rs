//! Security associations and policies as the bytes that the kernel takes (include/uapi/linux/xfrm.h).
//!
//! The messages are written out by hand: they are only six, their layout is fixed, and the buffers with keys can be
//! wiped. Numbers are in the host's byte order, but addresses, ports and SPIs are in network byte order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zeroize::Zeroizing;

use super::cipher::Cipher;
use super::keys::{Secret, sixteen};
use super::policy::{Action, ForeignPolicy, Policy};
use super::security::Sa;
use crate::netlink::xfrm::{
    self, AF_INET, AF_INET6, DELPOLICY, DELSA, NAME_LEN, NEWPOLICY, NEWSA, PolicyDirection, UPDPOLICY,
    UserPolicy, UserSa, XFRMA_ALG_AEAD, XFRMA_REPLAY_ESN_VAL, XFRMA_TMPL, replay, userpolicy, usersa,
};
use crate::netlink::{CREATE, Netlink, Refusal, push_attribute};
use crate::packet::Spi;
use crate::packet::protocol::{ESP, UDP};

/// The replay window of every SA, in packets.
const REPLAY_WINDOW: u32 = 128;

/// An SA of ours that is in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PresentSa {
    pub(super) spi: Spi,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) reqid: u32,
    /// The number of packets that went through it.
    pub(super) packets: u64,
    /// The Unix time of the last of them, in seconds; 0 if there was none.
    pub(super) last_used: u64,
    /// True for a placeholder of the kernel, which waits for a key and is nobody's SA.
    pub(super) larval: bool,
}

/// A policy of ours that is in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PresentPolicy {
    pub(super) policy: Policy,
    /// The number that the kernel gave it. Deleting by this number deletes exactly this policy.
    pub(super) index: u32,
    /// True if the policy says to the byte what this program makes it say. One that somebody changed may let clear
    /// frames pass.
    pub(super) intact: bool,
}

/// Adds an SA, and derives its key from the secret.
pub(super) fn add_sa(netlink: &mut Netlink, sa: &Sa, secret: &Secret) -> Result<(), Refusal> {
    let association = &sa.association;
    install(netlink, sa, &secret.material(association))
}

/// Adds and removes an SA that nothing uses. If the kernel lacks ESP or the cipher, it refuses the SA.
pub(super) fn probe(netlink: &mut Netlink, sa: &Sa) -> Result<(), Refusal> {
    let mut key = Zeroizing::new(vec![0; sa.association.cipher.key_bytes()]);
    getrandom::fill(&mut key).map_err(|e| Refusal::from(std::io::Error::from(e)))?;
    install(netlink, sa, &key)?;
    // The SA must not stay, so its removal is tried a second time.
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
    body.extend_from_slice(&[ESP, 0, 0, 0]);
    body.extend_from_slice(&address(association.sender));
    push_unlimited(&mut body);
    body.extend_from_slice(&[0; 32 + 12 + 4]);
    body.extend_from_slice(&sa.reqid.to_ne_bytes());
    body.extend_from_slice(&family.to_ne_bytes());
    body.extend_from_slice(&[usersa::TRANSPORT, 0, usersa::ESN]);
    body.resize(usersa::LEN, 0);

    let mut algorithm = Zeroizing::new(Vec::with_capacity(128));
    algorithm.extend_from_slice(association.cipher.kernel_name().as_bytes());
    algorithm.resize(NAME_LEN, 0);
    algorithm.extend_from_slice(&(8 * material.len() as u32).to_ne_bytes());
    algorithm.extend_from_slice(&(8 * Cipher::ICV_BYTES).to_ne_bytes());
    algorithm.extend_from_slice(material);
    push_attribute(&mut body, XFRMA_ALG_AEAD, &algorithm);

    let words = REPLAY_WINDOW / 32;
    let mut state = Vec::new();
    for number in [words, 0, 0, 0, 0, REPLAY_WINDOW] {
        state.extend_from_slice(&number.to_ne_bytes());
    }
    state.resize(replay::LEN + 4 * words as usize, 0);
    push_attribute(&mut body, XFRMA_REPLAY_ESN_VAL, &state);
    netlink.request(NEWSA, CREATE, &body)
}

/// Removes the one SA with this destination and SPI.
pub(super) fn delete_sa(netlink: &mut Netlink, destination: IpAddr, spi: Spi) -> Result<(), Refusal> {
    let mut body = address(destination).to_vec();
    body.extend_from_slice(&spi.0.to_be_bytes());
    body.extend_from_slice(&family(destination).to_ne_bytes());
    body.extend_from_slice(&[ESP, 0]);
    netlink.request(DELSA, 0, &body)
}

/// Returns the SAs of this network namespace that have a wanted reqid. It does not look at their keys.
pub(super) fn sas(netlink: &mut Netlink, wanted: impl Fn(u32) -> bool) -> Result<Vec<PresentSa>, Refusal> {
    xfrm::sas(netlink, |sa| read_sa(sa).filter(|sa| wanted(sa.reqid)))
}

fn read_sa(sa: UserSa<'_>) -> Option<PresentSa> {
    (sa.proto() == ESP).then_some(PresentSa {
        destination: sa.destination()?,
        spi: sa.spi(),
        source: sa.source()?,
        packets: sa.packets(),
        reqid: sa.reqid(),
        last_used: sa.last_used(),
        larval: sa.spi() == Spi(0),
    })
}

pub(super) fn add_policy(netlink: &mut Netlink, policy: &Policy) -> Result<(), Refusal> {
    netlink.request(NEWPOLICY, CREATE, &policy_message(policy))
}

/// Replaces the policy with the same selector. The kernel does so at once, and there is no moment without either.
pub(super) fn replace_policy(netlink: &mut Netlink, policy: &Policy) -> Result<(), Refusal> {
    netlink.request(UPDPOLICY, 0, &policy_message(policy))
}

fn policy_message(policy: &Policy) -> Vec<u8> {
    let family = family(policy.destination.address());
    let mut body = Vec::with_capacity(256);
    push_policy_selector(&mut body, policy);
    push_unlimited(&mut body);
    body.extend_from_slice(&[0; 32]);
    body.extend_from_slice(&policy.priority().to_ne_bytes());
    body.extend_from_slice(&[0; 4]);
    body.extend_from_slice(&[policy.direction.number(), action_number(policy.action), 0, 0]);
    body.resize(userpolicy::LEN, 0);

    // The kernel ignores the template of a policy that blocks. It only carries the reqid, which marks the policy as
    // ours.
    let mut wanted = vec![0; 16];
    wanted.extend_from_slice(&[0, 0, 0, 0, ESP, 0, 0, 0]);
    wanted.extend_from_slice(&family.to_ne_bytes());
    wanted.extend_from_slice(&[0; 2 + 16]);
    wanted.extend_from_slice(&policy.reqid.to_ne_bytes());
    wanted.extend_from_slice(&[usersa::TRANSPORT, 0, 0, 0]);
    wanted.extend_from_slice(&[0xff; 12]);
    push_attribute(&mut body, XFRMA_TMPL, &wanted);
    body
}

/// Removes a policy by its selector.
pub(super) fn delete_policy(netlink: &mut Netlink, policy: &Policy) -> Result<(), Refusal> {
    let mut body = Vec::with_capacity(64);
    push_policy_selector(&mut body, policy);
    body.extend_from_slice(&[0; 4]);
    body.extend_from_slice(&[policy.direction.number(), 0, 0, 0]);
    netlink.request(DELPOLICY, 0, &body)
}

/// Removes the policy that has this number from the kernel.
pub(super) fn delete_policy_by_index(
    netlink: &mut Netlink,
    direction: PolicyDirection,
    index: u32,
) -> Result<(), Refusal> {
    let mut body = vec![0; userpolicy::SELECTOR_LEN];
    body.extend_from_slice(&index.to_ne_bytes());
    body.extend_from_slice(&[direction.number(), 0, 0, 0]);
    netlink.request(DELPOLICY, 0, &body)
}

/// Returns two kinds of policies of this network namespace: those whose first template has a wanted reqid, and of
/// the others those that let clear datagrams pass.
pub(super) fn policies(
    netlink: &mut Netlink,
    wanted: impl Fn(u32) -> bool,
) -> Result<(Vec<PresentPolicy>, Vec<ForeignPolicy>), Refusal> {
    let (mut ours, mut foreign) = (Vec::new(), Vec::new());
    let read = xfrm::policies(netlink, |policy| {
        let of_ours = read_policy(policy).filter(|there| wanted(there.policy.reqid));
        Some(of_ours.ok_or_else(|| read_foreign(policy)))
    })?;
    for policy in read {
        match policy {
            Ok(policy) => ours.push(policy),
            Err(other) => foreign.extend(other),
        }
    }
    Ok((ours, foreign))
}

fn read_policy(there: UserPolicy<'_>) -> Option<PresentPolicy> {
    let (port, _) = there.destination_port();
    let policy = Policy {
        direction: of_an_end(there)?,
        action: if there.action() == userpolicy::ALLOW { Action::RequireEsp } else { Action::Block },
        destination: there.destination()?,
        port,
        reqid: there.templates().next()?.reqid(),
    };
    let made = policy_message(&policy);
    let intact = UserPolicy::new_checked(&made).is_some_and(|made| there.says_the_same(&made));
    Some(PresentPolicy { policy, index: there.index(), intact: intact && is_everywhere(there) })
}

/// Returns a policy of others if it lets UDP pass without ESP, whatever the mark or the xfrm interface.
fn read_foreign(there: UserPolicy<'_>) -> Option<ForeignPolicy> {
    let encrypts = there.templates().any(|template| template.proto() == ESP && !template.is_optional());
    let passes = there.action() == userpolicy::ALLOW && !encrypts;
    let (port, port_mask) = there.destination_port();
    ([0, UDP].contains(&there.proto()) && passes && is_everywhere(there)).then_some(ForeignPolicy {
        direction: of_an_end(there)?,
        source: there.source()?,
        destination: there.destination()?,
        port,
        port_mask,
        priority: there.priority(),
    })
}

/// Returns the direction of a policy for packets that this host sends or receives, and `None` for any other.
fn of_an_end(there: UserPolicy<'_>) -> Option<PolicyDirection> {
    there.direction().filter(|direction| *direction != PolicyDirection::Forward)
}

/// Returns true if a policy looks at neither a mark nor an xfrm interface.
fn is_everywhere(there: UserPolicy<'_>) -> bool {
    there.mark().is_some_and(|(_, mask)| mask == 0) && there.interface() == Some(0)
}

fn push_policy_selector(body: &mut Vec<u8>, policy: &Policy) {
    let destination = policy.destination.address();
    let source = match destination {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    push_selector(body, source, 0, destination, policy.destination.length(), policy.port);
}

fn push_selector(body: &mut Vec<u8>, source: IpAddr, from: u8, destination: IpAddr, to: u8, port: u16) {
    body.extend_from_slice(&address(destination));
    body.extend_from_slice(&address(source));
    body.extend_from_slice(&port.to_be_bytes());
    body.extend_from_slice(&[0xff, 0xff, 0, 0, 0, 0]);
    body.extend_from_slice(&family(destination).to_ne_bytes());
    body.extend_from_slice(&[to, from, UDP]);
    body.extend_from_slice(&[0; 3 + 4 + 4]);
}

/// Appends the limits of a lifetime that never ends, in bytes, packets and seconds.
fn push_unlimited(body: &mut Vec<u8>) {
    body.extend_from_slice(&[0xff; 32]);
    body.extend_from_slice(&[0; 32]);
}

/// Returns an address as the kernel's union has it: IPv4 is in the first four bytes.
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

fn family(address: IpAddr) -> u16 {
    if address.is_ipv4() { AF_INET } else { AF_INET6 }
}

fn width(of: u16) -> u8 {
    if of == AF_INET { 32 } else { 128 }
}

fn action_number(action: Action) -> u8 {
    match action {
        Action::RequireEsp => userpolicy::ALLOW,
        Action::Block => userpolicy::BLOCK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::xfrm::userpolicy::template;
    use crate::netlink::xfrm::{XFRMA_IF_ID, XFRMA_MARK};
    use crate::packet::Vni;

    fn read(body: &[u8]) -> Option<PresentPolicy> {
        read_policy(UserPolicy::new_checked(body)?)
    }

    fn foreign(body: &[u8]) -> Option<ForeignPolicy> {
        read_foreign(UserPolicy::new_checked(body)?)
    }

    #[test]
    fn a_policy_of_ours_is_known_and_one_that_somebody_changed_is_not_intact() {
        for underlay in ["192.0.2.1", "2001:db8::1"] {
            for policy in Policy::of(Vni::new(4098).unwrap(), 18_887, underlay.parse().unwrap()) {
                let made = policy_message(&policy);
                let there = read(&made).unwrap();
                assert_eq!((&there.policy, there.intact), (&policy, true));
                let optional = userpolicy::LEN + 4 + template::OPTIONAL;
                for at in [userpolicy::PRIORITY, optional, userpolicy::PREFIX_S] {
                    let mut changed = made.clone();
                    changed[at] ^= 1;
                    assert!(!read(&changed).unwrap().intact, "{at}");
                }
                let mut marked = made;
                push_attribute(&mut marked, XFRMA_MARK, &[7, 0, 0, 0, 0xff, 0, 0, 0]);
                assert!(!read(&marked).unwrap().intact);
            }
        }
    }

    #[test]
    fn only_what_lets_clear_datagrams_pass_everywhere_is_a_rival() {
        let policies = Policy::of(Vni::new(4098).unwrap(), 18_887, "192.0.2.1".parse().unwrap());
        let block = policy_message(&policies[0]);
        let require = policy_message(policies.last().unwrap());
        assert!(foreign(&block).is_none() && foreign(&require).is_none());
        let mut pass = require[..userpolicy::LEN].to_vec();
        assert_eq!(foreign(&pass).unwrap().priority, 100);
        push_attribute(&mut pass, XFRMA_IF_ID, &[9, 0, 0, 0]);
        assert!(foreign(&pass).is_none());
        let mut optional = require.clone();
        optional[userpolicy::LEN + 4 + template::OPTIONAL] = 1;
        assert!(foreign(&optional).is_some());
        let mut forwarded = require[..userpolicy::LEN].to_vec();
        forwarded[userpolicy::DIR] = PolicyDirection::Forward.number();
        assert!(foreign(&forwarded).is_none());
        for length in 0..require.len() {
            let _ = (read(&require[..length]), foreign(&require[..length]));
        }
    }
}
