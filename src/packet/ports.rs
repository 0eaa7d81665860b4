//! UDP ports, and the ports that are taken for tunnels.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use super::Ports;
use super::digits::digits;

/// A UDP port that datagrams are sent to: 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UdpPort(NonZeroU16);

impl UdpPort {
    /// Returns the number.
    pub fn value(self) -> u16 {
        self.0.get()
    }
}

/// The error of a text that is not a UDP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a UDP port is a number from 1 to 65535")]
pub struct NotAUdpPort;

impl FromStr for UdpPort {
    type Err = NotAUdpPort;

    fn from_str(text: &str) -> Result<Self, NotAUdpPort> {
        digits(text).map(Self).ok_or(NotAUdpPort)
    }
}

/// The ports for each kind of tunnel: the usual ones, and those that are added. There may be any number of them, because
/// a node of many overlay networks has a port for each.
///
/// They are asked for with every UDP datagram. A table answers in two steps, however many ports there are. With one step it
/// would have 128 KiB, of which each page that is touched at the start of the program costs a microsecond or two.
#[derive(Clone)]
pub struct TunnelPorts {
    /// The number of the page for the upper half of a port's number, or 0 if none of its ports is taken: that is most of them.
    page: Box<[u16; 256]>,
    /// The first one has number 1.
    pages: Vec<Page>,
}

/// 256 ports, by the lower half of their number.
type Page = [Known; 256];

/// The protocols that a port is taken for.
#[derive(Clone, Copy, Debug)]
struct Known {
    tunnel: Option<UdpTunnel>,
    /// The port may be WireGuard's and a tunnel's as well.
    wireguard: bool,
}

/// The tunnels in UDP that are told by their port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UdpTunnel {
    Vxlan,
    Geneve,
    VxlanGpe,
    /// Only if the form fits, because others may use the port.
    Mpls,
    /// Only if the form fits, because others may use the port.
    Psp,
    /// One of those that are found on their port by their form.
    Formed(Formed),
}

/// The tunnels on whose ports only datagrams of their form are taken for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Formed {
    GtpU,
    L2tp,
    Teredo,
    Gue,
    Fou,
    Lisp,
    Gre,
}

/// No port of these is taken.
const NONE: Page = [Known { tunnel: None, wireguard: false }; 256];

/// VXLAN's port by IANA (RFC 7348 section 8).
pub const VXLAN_PORT: u16 = 4789;
/// Geneve's port by IANA (RFC 8926 section 3.3).
pub const GENEVE_PORT: u16 = 6081;
/// The port of VXLAN that Linux takes if it is given none.
const LINUX_VXLAN: u16 = 8472;
/// VXLAN-GPE's port.
const VXLAN_GPE: u16 = 4790;
/// WireGuard's own port, Calico's and Flannel's for IPv6, and Cilium's.
const WIREGUARD: [u16; 3] = [51820, 51821, 51871];
/// MPLS in UDP (RFC 7510).
const MPLS: u16 = 6635;
/// PSP's port.
const PSP: u16 = 1000;
/// GTP-U's port (3GPP TS 29.281 section 4.4.2): every message with a packet is sent to it.
const GTP_U: u16 = 2152;
/// L2TP's port. The answering end may choose another (RFC 2661 section 8.1).
const L2TP: u16 = 1701;
/// The port of Teredo's servers and relays (RFC 4380 section 2.7). Clients use any.
const TEREDO: u16 = 3544;
/// GUE's port by IANA.
const GUE: u16 = 6080;
/// The port of LISP's data (RFC 9300 section 4.1).
const LISP: u16 = 4341;
/// The port of GRE in UDP (RFC 8086 section 3.1).
const GRE: u16 = 4754;
/// ESP in UDP (RFC 3948) and in TCP (RFC 9329).
const NAT_TRAVERSAL: u16 = 4500;

/// The usual ports of tunnels.
const USUAL: [(u16, UdpTunnel); 12] = [
    (VXLAN_PORT, UdpTunnel::Vxlan),
    (LINUX_VXLAN, UdpTunnel::Vxlan),
    (GENEVE_PORT, UdpTunnel::Geneve),
    (VXLAN_GPE, UdpTunnel::VxlanGpe),
    (PSP, UdpTunnel::Psp),
    (MPLS, UdpTunnel::Mpls),
    (GTP_U, UdpTunnel::Formed(Formed::GtpU)),
    (L2TP, UdpTunnel::Formed(Formed::L2tp)),
    (TEREDO, UdpTunnel::Formed(Formed::Teredo)),
    (GUE, UdpTunnel::Formed(Formed::Gue)),
    (LISP, UdpTunnel::Formed(Formed::Lisp)),
    (GRE, UdpTunnel::Formed(Formed::Gre)),
];

impl Default for TunnelPorts {
    /// Returns the usual ports: VXLAN on 4789 (IANA) and 8472 (Linux, Flannel, Cilium), Geneve on 6081, VXLAN-GPE on 4790,
    /// PSP on 1000, MPLS on 6635, WireGuard on 51820, 51821 and 51871, and by their form GTP-U on 2152, L2TP on 1701, Teredo on 3544, GUE on
    /// 6080, LISP on 4341 and GRE on 4754.
    fn default() -> Self {
        let mut ports = Self { page: Box::new([0; 256]), pages: Vec::with_capacity(16) };
        for (port, tunnel) in USUAL {
            ports.take_for(port, tunnel);
        }
        for port in WIREGUARD {
            ports.add_wireguard(port);
        }
        ports
    }
}

impl TunnelPorts {
    /// Takes datagrams to this port for VXLAN, and for no other tunnel any longer.
    pub fn add_vxlan(&mut self, port: u16) {
        self.take_for(port, UdpTunnel::Vxlan);
    }

    /// Takes datagrams to this port for VXLAN-GPE, and for no other tunnel any longer.
    pub fn add_vxlan_gpe(&mut self, port: u16) {
        self.take_for(port, UdpTunnel::VxlanGpe);
    }

    /// Takes datagrams to this port for Geneve, and for no other tunnel any longer.
    pub fn add_geneve(&mut self, port: u16) {
        self.take_for(port, UdpTunnel::Geneve);
    }

    /// Takes datagrams to this port for FOU or GUE, if they have the form of one, and for no other tunnel any longer.
    pub fn add_fou(&mut self, port: u16) {
        self.take_for(port, UdpTunnel::Formed(Formed::Fou));
    }

    /// Takes datagrams from and to this port for WireGuard too, if they have its form.
    pub fn add_wireguard(&mut self, port: u16) {
        if let Some(known) = self.at(port) {
            known.wireguard = true;
        }
    }

    fn take_for(&mut self, port: u16, tunnel: UdpTunnel) {
        if let Some(known) = self.at(port) {
            known.tunnel = Some(tunnel);
        }
    }

    /// Returns the place of a port, in a page of its own for its half.
    fn at(&mut self, port: u16) -> Option<&mut Known> {
        let [upper, lower] = port.to_be_bytes();
        let page = self.page.get_mut(usize::from(upper))?;
        if *page == 0 {
            self.pages.push(NONE);
            *page = self.pages.len() as u16;
        }
        self.pages.get_mut(usize::from(*page) - 1)?.get_mut(usize::from(lower))
    }

    #[inline]
    fn known(&self, port: u16) -> Option<&Known> {
        let [upper, lower] = port.to_be_bytes();
        let page = usize::from(*self.page.get(usize::from(upper))?);
        self.pages.get(page.checked_sub(1)?)?.get(usize::from(lower))
    }

    /// Returns true if a datagram to this port is VXLAN.
    #[inline]
    pub fn is_vxlan(&self, destination: u16) -> bool {
        self.sent_to(destination) == Some(UdpTunnel::Vxlan)
    }

    /// Returns true if a datagram to this port is VXLAN-GPE.
    #[inline]
    pub fn is_vxlan_gpe(&self, destination: u16) -> bool {
        self.sent_to(destination) == Some(UdpTunnel::VxlanGpe)
    }

    /// Returns true if a datagram to this port is Geneve.
    #[inline]
    pub fn is_geneve(&self, destination: u16) -> bool {
        self.sent_to(destination) == Some(UdpTunnel::Geneve)
    }

    /// Returns true if a datagram to this port is VXLAN or Geneve.
    #[inline]
    pub(super) fn is_overlay(&self, destination: u16) -> bool {
        matches!(self.sent_to(destination), Some(UdpTunnel::Vxlan | UdpTunnel::Geneve))
    }

    /// Returns true if a datagram to this port is FOU or GUE, if it has the form of one.
    #[inline]
    pub fn is_fou(&self, destination: u16) -> bool {
        self.sent_to(destination) == Some(UdpTunnel::Formed(Formed::Fou))
    }

    /// Returns true if a datagram between these ports may be WireGuard's.
    #[inline]
    pub fn is_wireguard(&self, ports: Ports) -> bool {
        self.has_wireguard(ports.destination) || self.has_wireguard(ports.source)
    }

    #[inline]
    fn has_wireguard(&self, port: u16) -> bool {
        self.known(port).is_some_and(|known| known.wireguard)
    }

    /// Returns the tunnel that a datagram between these ports belongs to. The decoder and the glance both ask here, so that no
    /// tunnel is known to one of them only.
    #[inline]
    pub(super) fn tunnel(&self, Ports { source, destination }: Ports) -> Option<UdpTunnel> {
        let sent_to = self.sent_to(destination);
        if sent_to.is_some() {
            return sent_to;
        }
        match source {
            // The replies of these two come from the port. All others send to it both ways.
            L2TP => Some(UdpTunnel::Formed(Formed::L2tp)),
            TEREDO => Some(UdpTunnel::Formed(Formed::Teredo)),
            _ => None,
        }
    }

    #[inline]
    fn sent_to(&self, destination: u16) -> Option<UdpTunnel> {
        self.known(destination)?.tunnel
    }

    /// Returns true if a datagram or a segment between these ports may carry ESP.
    #[inline]
    pub(super) fn is_nat_traversal(source: u16, destination: u16) -> bool {
        source == NAT_TRAVERSAL || destination == NAT_TRAVERSAL
    }
}

/// Prints the ports that are known, and not the tables.
impl fmt::Debug for TunnelPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tunnels = (0..=u16::MAX).filter_map(|port| Some((port, self.sent_to(port)?)));
        let wireguard =
            (0..=u16::MAX).filter(|port| self.has_wireguard(*port)).map(|port| (port, "WireGuard"));
        f.debug_map().entries(tunnels).entries(wireguard).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_for_one_protocol_the_last_that_it_was_given_to() {
        let mut ports = TunnelPorts::default();
        ports.add_geneve(VXLAN_PORT);
        ports.add_vxlan(GENEVE_PORT);
        ports.add_vxlan_gpe(8472);
        ports.add_vxlan(VXLAN_GPE);
        assert!(ports.is_geneve(VXLAN_PORT) && !ports.is_vxlan(VXLAN_PORT));
        assert!(ports.is_vxlan(GENEVE_PORT) && !ports.is_geneve(GENEVE_PORT));
        assert!(ports.is_vxlan_gpe(8472) && ports.is_vxlan(VXLAN_GPE) && !ports.is_vxlan_gpe(VXLAN_GPE));
    }

    #[test]
    fn a_node_of_many_networks_has_a_port_for_each() {
        let mut ports = TunnelPorts::default();
        let many = 18_885..18_985;
        many.clone().for_each(|port| ports.add_vxlan(port));
        assert!(many.clone().all(|port| ports.is_vxlan(port)));
        assert!(![0, 53, 18_884, 18_985, u16::MAX].into_iter().any(|port| ports.is_vxlan(port)));
        assert_eq!(many.filter(|port| ports.is_geneve(*port) || ports.has_wireguard(*port)).count(), 0);
    }

    #[test]
    fn a_port_of_wireguard_may_be_that_of_a_tunnel_as_well() {
        let mut ports = TunnelPorts::default();
        for port in [VXLAN_PORT, u16::MAX] {
            ports.add_wireguard(port);
            assert!(ports.has_wireguard(port));
        }
        assert!(ports.is_vxlan(VXLAN_PORT) && !ports.is_vxlan(u16::MAX));
    }

    #[test]
    fn what_is_known_can_be_printed() {
        let mut ports = TunnelPorts::default();
        ports.add_geneve(7);
        let known = "{7: Geneve, 1000: Psp, 1701: Formed(L2tp), 2152: Formed(GtpU), 3544: Formed(Teredo), \
                     4341: Formed(Lisp), 4754: Formed(Gre), 4789: Vxlan, 4790: VxlanGpe, 6080: Formed(Gue), \
                     6081: Geneve, 6635: Mpls, 8472: Vxlan, \
                     51820: \"WireGuard\", 51821: \"WireGuard\", 51871: \"WireGuard\"}";
        assert_eq!(format!("{ports:?}"), known);
    }

    #[test]
    fn port_0_is_no_port_to_send_to() {
        assert_eq!("4789".parse().map(UdpPort::value), Ok(4789));
        assert_eq!("65535".parse().map(UdpPort::value), Ok(65_535));
        for wrong in ["", "0", "65536", "-1", "vxlan", "0x12b5"] {
            assert_eq!(wrong.parse::<UdpPort>(), Err(NotAUdpPort), "{wrong}");
        }
    }
}
