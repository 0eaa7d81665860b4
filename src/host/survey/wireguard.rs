//! The tunnels of WireGuard devices, and the links that their messages leave by.
//!
//! WireGuard asks for a route as a program's socket does: with the device's mark, UDP and both ports. Of its own
//! address it is free the first time. Then it keeps the address that the route gave it, and asks with that one. So the
//! kernel is asked in both manners, because rules may tell them apart.
//!
//! A device that is moved to another network namespace leaves its socket in the one that it was made in, and the kernel
//! does not say so of the device. But the kernel's socket is listed like every other one.

use std::net::SocketAddr;

use super::take::MOST_PEERS;
use super::{Survey, sockets};
use crate::netlink::route::table::{self, Departure, Question};
use crate::netlink::{Family, Netlink, wireguard};
use crate::packet::Ports;

impl Survey {
    /// Reads the tunnels of the WireGuard devices, as far as the kernel tells them to this user.
    pub(super) fn find_wireguard(&mut self) {
        let mut devices =
            self.links.iter_mut().filter(|link| link.kind.as_deref() == Some("wireguard")).peekable();
        if devices.peek().is_none() {
            return;
        }
        let Ok(mut netlink) = Netlink::open(Family::Generic) else { return };
        let Ok(family) = wireguard::family(&mut netlink) else { return };
        for link in devices {
            link.wireguard = wireguard::device(&mut netlink, family, link.index).ok();
        }
        // WireGuard has a socket for IPv4 and one for IPv6.
        let listening: Vec<u16> = sockets::udp().iter().flatten().map(|socket| socket.port).collect();
        self.find_foreign_sockets(&listening);
    }

    /// Marks the devices whose port has no socket here. Of several devices with the same port, at most one has its
    /// socket here, and it is not known which.
    fn find_foreign_sockets(&mut self, listening: &[u16]) {
        let own: Vec<u16> = self.wireguards().map(|(_, tunnel)| tunnel.listen_port).collect();
        let is_one = |port: u16| own.iter().filter(|other| **other == port).count() == 1;
        for link in self.links.iter_mut().filter(|link| link.up) {
            if let Some(tunnel) = &mut link.wireguard {
                let here = listening.contains(&tunnel.listen_port) && is_one(tunnel.listen_port);
                tunnel.foreign_socket = link.elsewhere || !here;
            }
        }
    }

    /// Asks by which links the messages of WireGuard devices leave.
    pub(super) fn find_departures(&mut self, netlink: &mut Netlink) {
        let mut found = Vec::new();
        for (index, tunnel) in self.wireguards().filter(|(_, tunnel)| !tunnel.foreign_socket) {
            for endpoint in tunnel.endpoints() {
                if found.len() >= MOST_PEERS {
                    break;
                }
                let question = question(endpoint, tunnel.fwmark, tunnel.listen_port);
                found.extend(departures(netlink, question).map(|link| (index, endpoint, link)));
            }
        }
        self.departures = found;
    }

    /// Returns the WireGuard devices that are up and were read: the index of each, and its tunnel.
    fn wireguards(&self) -> impl Iterator<Item = (u32, &super::WireGuard)> {
        let up = self.links.iter().filter(|link| link.up);
        up.filter_map(|link| Some((link.index, link.wireguard.as_ref()?)))
    }
}

fn question(endpoint: SocketAddr, mark: u32, port: u16) -> Question {
    let link = match endpoint {
        // Only a link-local address has a number of its link.
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => {
            Some(v6.scope_id()).filter(|link| *link != 0)
        }
        _ => None,
    };
    let udp = Some(Ports { source: port, destination: endpoint.port() });
    Question { mark, udp, link, ..Question::new(endpoint.ip()) }
}

/// Returns the links for a first message and for those that follow it. The kernel answers with an error if there is no
/// route.
fn departures(netlink: &mut Netlink, question: Question) -> impl Iterator<Item = u32> + use<> {
    let mut ask = |question: &Question| table::departure(netlink, question).ok().flatten();
    let first = ask(&question);
    let source = first.and_then(|Departure { source, .. }| source);
    let second = source.and_then(|source| ask(&Question { source: Some(source), ..question }));
    let (first, second) = (first.map(|first| first.link), second.map(|second| second.link));
    first.into_iter().chain(second.filter(|second| first != Some(*second)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::survey::{Link, WireGuard};

    #[test]
    fn a_device_without_a_socket_at_its_port_sends_from_another_namespace() {
        let device = |index, listen_port| Link {
            index,
            up: true,
            wireguard: Some(WireGuard { listen_port, ..WireGuard::default() }),
            ..Link::default()
        };
        let foreign = |links: Vec<Link>, listening: &[u16]| {
            let mut survey = Survey { links, ..Survey::default() };
            survey.find_foreign_sockets(listening);
            survey
                .links
                .iter()
                .map(|link| link.wireguard.as_ref().unwrap().foreign_socket)
                .collect::<Vec<_>>()
        };
        assert_eq!(foreign(vec![device(1, 51820), device(2, 51821)], &[53, 51820]), [false, true]);
        assert_eq!(foreign(vec![device(1, 51820), device(2, 51820)], &[51820]), [true, true]);
        assert_eq!(
            foreign(vec![device(1, 51820), Link { up: false, ..device(2, 51820) }], &[51820]),
            [false, false]
        );
        assert_eq!(foreign(vec![Link { elsewhere: true, ..device(1, 51820) }], &[51820]), [true]);
    }

    #[test]
    fn a_link_local_endpoint_is_asked_for_on_its_link() {
        let of = |endpoint: &str| question(endpoint.parse().unwrap(), 7, 51820);
        assert_eq!(of("[fe80::2%3]:9").link, Some(3));
        assert_eq!(of("[2001:db8::2]:9").link, None);
        let question = of("192.0.2.2:9");
        assert_eq!((question.mark, question.link), (7, None));
        assert_eq!(question.udp, Some(Ports { source: 51820, destination: 9 }));
    }
}
