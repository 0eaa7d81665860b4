//! The messages of netlink that a keeper sends, and the groups that it subscribes to.
//!
//! A message has to be one and whole, and of a type that reads. The flags are those of a question or of a dump: the bits that
//! mean `ROOT` and `MATCH` for a type that reads mean `REPLACE` and `EXCL` for one that sets something.

use std::os::fd::OwnedFd;

use rustix::net::AddressFamily;
use rustix::net::sockopt::{socket_domain, socket_protocol};

use crate::keeper::Request;
use crate::netlink::blank::Secrets;
use crate::netlink::{Family, array_at, generic_number, u16_at, u32_at};

/// The length of a message's header.
const HEADER: usize = 16;
/// `NLM_F_REQUEST`, and the flags that may be beside it: `NLM_F_ACK` and `NLM_F_DUMP`.
const REQUEST: u16 = 1;
const FLAGS: u16 = REQUEST | 4 | 0x300;

/// `RTM_GETLINK`, `…ADDR`, `…ROUTE`, `…NEIGH`, `…QDISC`, `…TFILTER`, `…NEXTHOP`.
const ROUTE: [u16; 7] = [18, 22, 26, 30, 38, 46, 106];
/// `XFRM_MSG_GETSA`, and `…GETPOLICY` and `…GETDEFAULT`, which tell no secrets.
const SAS: u16 = 0x12;
const POLICIES: [u16; 2] = [0x15, 0x28];
/// The number of the controller of generic netlink, and its command `CTRL_CMD_GETFAMILY`.
const CONTROLLER: (u16, u8) = (0x10, 3);
/// The parts of generic netlink that are asked, each with its command that reads, `WG_CMD_GET_DEVICE` and `FOU_CMD_GET`, and
/// with the secrets that it tells.
const PARTS: [(&str, u8, Secrets); 2] = [("wireguard", 0, Secrets::WireGuard), ("fou", 3, Secrets::None)];

/// `XFRMNLGRP_EXPIRE`, `…POLICY` and `…MIGRATE`. Their notices tell no secrets.
const XFRM_GROUPS: [u32; 3] = [2, 4, 5];
/// `XFRMNLGRP_SA`, whose notices have the keys of the SAs in them.
const NEW_SAS: u32 = 3;
/// The highest number of a group of links, addresses, neighbours, routes, rules and next-hop objects (`RTNLGRP_…`).
const LAST_ROUTE_GROUP: u32 = 36;
/// `NFNLGRP_NFTABLES`.
const NFTABLES: u32 = 7;

/// Returns true if a keeper may subscribe to these groups.
pub(super) fn groups(family: Family, groups: &[u32]) -> bool {
    let may = |group: &u32| match family {
        Family::Route => (1..=LAST_ROUTE_GROUP).contains(group),
        Family::Xfrm => XFRM_GROUPS.contains(group),
        Family::Keys => *group == NEW_SAS,
        Family::Netfilter => *group == NFTABLES,
        Family::Generic => false,
    };
    groups.iter().all(may)
}

/// Returns the part of the kernel that a socket is for; `None` if it is no socket of netlink.
pub(super) fn family_of(socket: &OwnedFd) -> Option<Family> {
    if socket_domain(socket).ok()? != AddressFamily::NETLINK {
        return None;
    }
    // The protocol of routes has the number 0, which stands for no protocol.
    let protocol = socket_protocol(socket).ok()?.map_or(0, |protocol| protocol.as_raw().get());
    Family::of(u8::try_from(protocol).ok()?)
}

/// Returns true if this request is for keys.
pub(super) fn asks_for_keys(request: &Request<'_>) -> bool {
    match request {
        Request::Ask(part, _) | Request::Subscribe(part, _) => Family::of(*part) == Some(Family::Keys),
        _ => false,
    }
}

/// Returns true if a socket to this part of the kernel may be handed over, because nothing that it answers is a secret.
pub(super) fn hands_over(family: Family) -> bool {
    family == Family::Route
}

/// Returns true if a keeper may send this message on a socket that it has handed over.
pub(super) fn may_send(family: Family, message: &[u8]) -> bool {
    hands_over(family) && question(message).is_some_and(|(kind, _)| ROUTE.contains(&kind))
}

/// The numbers of the parts of generic netlink, as far as they were asked for. They are drawn when a module is loaded.
#[derive(Debug, Default)]
pub(super) struct Numbers([Option<u16>; PARTS.len()]);

impl Numbers {
    /// Returns the secrets that have to be taken out of the answers to this message. `None` if a keeper may not ask it.
    pub(super) fn may_ask(&mut self, family: Family, message: &[u8]) -> Option<Secrets> {
        let (kind, body) = question(message)?;
        match (family, kind) {
            (Family::Xfrm, SAS) => Some(Secrets::Sas),
            (Family::Keys, SAS) => Some(Secrets::SasButEsp),
            (Family::Xfrm, kind) => POLICIES.contains(&kind).then_some(Secrets::None),
            (Family::Generic, kind) => self.secrets(kind, *body.first()?),
            (Family::Keys | Family::Route | Family::Netfilter, _) => None,
        }
    }

    fn secrets(&mut self, kind: u16, command: u8) -> Option<Secrets> {
        if (kind, command) == CONTROLLER {
            return Some(Secrets::None);
        }
        self.0.iter_mut().zip(PARTS).find_map(|(number, (name, reads, secrets))| {
            if command != reads {
                return None;
            }
            *number = number.filter(|number| *number == kind).or_else(|| generic_number(name));
            (*number == Some(kind)).then_some(secrets)
        })
    }
}

/// Returns the type and the body of a message, if it is the only one and asks for something.
fn question(message: &[u8]) -> Option<(u16, &[u8])> {
    let length = u32_at(message, 0)? as usize;
    let (kind, flags) = (u16_at(message, 4)?, u16_at(message, 6)?);
    let sender: [u8; 4] = array_at(message, 12)?;
    let asks = flags & REQUEST != 0 && flags & !FLAGS == 0;
    // The kernel fills in the sender. A message that is aligned has no room behind it for another one.
    (length == message.len() && asks && sender == [0; 4]).then_some((kind, message.get(HEADER..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let mut message = (HEADER as u32 + body.len() as u32).to_ne_bytes().to_vec();
        message.extend_from_slice(&kind.to_ne_bytes());
        message.extend_from_slice(&flags.to_ne_bytes());
        message.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0]);
        message.extend_from_slice(body);
        message
    }

    fn may(family: Family, message: &[u8]) -> bool {
        may_send(family, message) || Numbers::default().may_ask(family, message).is_some()
    }

    #[test]
    fn only_types_that_read_are_sent() {
        for kind in 0..=u16::MAX {
            let dump = message(kind, 0x301, &[0; 4]);
            assert_eq!(may(Family::Route, &dump), ROUTE.contains(&kind), "{kind}");
            assert_eq!(may(Family::Xfrm, &dump), [0x12, 0x15, 0x28].contains(&kind), "{kind}");
            assert_eq!(may(Family::Keys, &dump), kind == 0x12, "{kind}");
            assert!(!may(Family::Netfilter, &dump), "{kind}");
        }
        // `RTM_NEWLINK`, `RTM_DELLINK`, `RTM_SETLINK`; `XFRM_MSG_NEWSA`, `…DELSA`, `…FLUSHSA`, `…SETDEFAULT`.
        assert!(![16, 17, 19].iter().any(|kind| may(Family::Route, &message(*kind, 1, &[0; 16]))));
        assert!(![0x10, 0x11, 0x1c, 0x27].iter().any(|kind| may(Family::Xfrm, &message(*kind, 5, &[0; 16]))));
    }

    #[test]
    fn sockets_on_which_the_kernel_tells_keys_are_not_handed_over() {
        for family in [Family::Xfrm, Family::Keys, Family::Generic, Family::Netfilter] {
            assert!(!hands_over(family), "{family:?}");
            assert!((0..0x40).all(|kind| !may_send(family, &message(kind, 0x301, &[0; 4]))), "{family:?}");
        }
        let sas = message(0x12, 0x301, &[]);
        assert_eq!(Numbers::default().may_ask(Family::Xfrm, &sas), Some(Secrets::Sas));
        assert_eq!(Numbers::default().may_ask(Family::Keys, &sas), Some(Secrets::SasButEsp));
        assert!(!groups(Family::Xfrm, &[4, 3]) && groups(Family::Keys, &[3]) && !groups(Family::Keys, &[4]));
    }

    #[test]
    fn flags_that_set_something_are_refused() {
        for flags in 0..=u16::MAX {
            let is_question = flags & 1 == 1 && flags & !0x305 == 0;
            assert_eq!(may(Family::Route, &message(18, flags, &[])), is_question, "{flags:#x}");
        }
    }

    #[test]
    fn a_second_message_behind_the_first_is_refused() {
        let one = message(18, 0x301, &[0; 16]);
        assert!(may(Family::Route, &one));
        assert!(!may(Family::Route, &[&one[..], &message(16, 0x605, &[0; 16])].concat()));
        for len in 0..one.len() {
            assert!(!may(Family::Route, &one[..len]), "{len}");
        }
        let mut longer = one.clone();
        longer[0] += 1;
        assert!(!may(Family::Route, &longer));
        let mut from = one;
        from[12] = 1;
        assert!(!may(Family::Route, &from));
    }

    #[test]
    fn of_generic_netlink_only_the_controller_is_known_everywhere() {
        assert!(may(Family::Generic, &message(0x10, 5, &[3, 1, 0, 0])));
        assert!(!may(Family::Generic, &message(0x10, 5, &[])));
        for command in (0..=u8::MAX).filter(|command| *command != 3) {
            assert!(!may(Family::Generic, &message(0x10, 5, &[command, 1, 0, 0])), "{command}");
        }
        // `WG_CMD_SET_DEVICE` of any number.
        assert!((0x11..0x40).all(|kind| !may(Family::Generic, &message(kind, 5, &[1, 1, 0, 0]))));
    }

    #[test]
    fn groups_are_those_that_the_program_listens_to() {
        assert!(
            groups(Family::Xfrm, &[4, 2, 5])
                && groups(Family::Route, &[1])
                && groups(Family::Netfilter, &[7])
        );
        assert!(
            !groups(Family::Xfrm, &[4, 9])
                && !groups(Family::Route, &[0])
                && !groups(Family::Netfilter, &[1])
        );
        assert!(!groups(Family::Generic, &[1]));
    }
}
