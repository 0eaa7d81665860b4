//! UDP ports, and the ports that are taken for tunnels.

use std::num::NonZeroU16;
use std::str::FromStr;

use arrayvec::ArrayVec;

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

/// The ports for each kind of tunnel: the usual ones, and those that the user adds.
#[derive(Clone, Debug)]
pub struct TunnelPorts {
    vxlan: ArrayVec<u16, MOST>,
    geneve: ArrayVec<u16, MOST>,
    wireguard: ArrayVec<u16, MOST>,
}

/// The most ports of each kind. A handful is usual.
const MOST: usize = 16;

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
}

/// The error of adding more ports than fit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many tunnel ports: at most 16 of a kind")]
pub struct TooManyPorts;

/// VXLAN's port by IANA (RFC 7348 section 8).
pub const VXLAN_PORT: u16 = 4789;
/// Geneve's port by IANA (RFC 8926 section 3.3).
pub const GENEVE_PORT: u16 = 6081;
/// VXLAN-GPE's port.
const VXLAN_GPE: u16 = 4790;
/// WireGuard's own port, Calico's and Flannel's for IPv6, and Cilium's.
const WIREGUARD: [u16; 3] = [51820, 51821, 51871];
/// MPLS in UDP (RFC 7510).
const MPLS: u16 = 6635;
/// PSP's port.
const PSP: u16 = 1000;
/// ESP in UDP (RFC 3948) and in TCP (RFC 9329).
const NAT_TRAVERSAL: u16 = 4500;

impl Default for TunnelPorts {
    /// Returns the usual ports: VXLAN on 4789 (IANA) and 8472 (Linux, Flannel, Cilium), Geneve on 6081, WireGuard on
    /// 51820, 51821 and 51871.
    fn default() -> Self {
        Self {
            vxlan: [VXLAN_PORT, 8472].into_iter().collect(),
            geneve: [GENEVE_PORT].into_iter().collect(),
            wireguard: WIREGUARD.into_iter().collect(),
        }
    }
}

impl TunnelPorts {
    /// Takes datagrams to this port for VXLAN, and no longer for Geneve.
    ///
    /// # Errors
    /// [`TooManyPorts`] beyond 16.
    pub fn add_vxlan(&mut self, port: u16) -> Result<(), TooManyPorts> {
        self.geneve.retain(|known| *known != port);
        add(&mut self.vxlan, port)
    }

    /// Takes datagrams to this port for Geneve, and no longer for VXLAN.
    ///
    /// # Errors
    /// [`TooManyPorts`] beyond 16.
    pub fn add_geneve(&mut self, port: u16) -> Result<(), TooManyPorts> {
        self.vxlan.retain(|known| *known != port);
        add(&mut self.geneve, port)
    }

    /// Takes datagrams from and to this port for WireGuard too, if they have its form.
    ///
    /// # Errors
    /// [`TooManyPorts`] beyond 16.
    pub fn add_wireguard(&mut self, port: u16) -> Result<(), TooManyPorts> {
        add(&mut self.wireguard, port)
    }

    /// Returns true if a datagram to this port is VXLAN.
    #[inline]
    pub fn is_vxlan(&self, destination: u16) -> bool {
        has(&self.vxlan, destination)
    }

    /// Returns true if a datagram to this port is Geneve.
    #[inline]
    pub fn is_geneve(&self, destination: u16) -> bool {
        has(&self.geneve, destination)
    }

    /// Returns true if a datagram between these ports may be WireGuard's.
    #[inline]
    pub(super) fn is_wireguard(&self, ports: Ports) -> bool {
        has(&self.wireguard, ports.destination) || has(&self.wireguard, ports.source)
    }

    /// Returns the tunnel that a datagram to this port belongs to. The decoder and the glance both ask here, so that no
    /// tunnel is known to one of them only.
    #[inline]
    pub(super) fn tunnel(&self, destination: u16) -> Option<UdpTunnel> {
        if self.is_vxlan(destination) {
            Some(UdpTunnel::Vxlan)
        } else if self.is_geneve(destination) {
            Some(UdpTunnel::Geneve)
        } else {
            match destination {
                VXLAN_GPE => Some(UdpTunnel::VxlanGpe),
                PSP => Some(UdpTunnel::Psp),
                MPLS => Some(UdpTunnel::Mpls),
                _ => None,
            }
        }
    }

    /// Returns true if a datagram or a segment between these ports may carry ESP.
    #[inline]
    pub(super) fn is_nat_traversal(source: u16, destination: u16) -> bool {
        source == NAT_TRAVERSAL || destination == NAT_TRAVERSAL
    }
}

fn add(ports: &mut ArrayVec<u16, MOST>, port: u16) -> Result<(), TooManyPorts> {
    if ports.contains(&port) {
        return Ok(());
    }
    ports.try_push(port).map_err(|_| TooManyPorts)
}

/// A loop is used rather than `contains`, which costs a call and a vector setup for each packet, too much for a
/// handful of numbers.
#[allow(clippy::manual_contains)]
#[inline]
fn has(ports: &[u16], port: u16) -> bool {
    ports.iter().any(|&known| known == port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_for_one_protocol_the_last_that_it_was_given_to() {
        let mut ports = TunnelPorts::default();
        ports.add_geneve(VXLAN_PORT).unwrap();
        ports.add_vxlan(GENEVE_PORT).unwrap();
        assert!(ports.is_geneve(VXLAN_PORT) && !ports.is_vxlan(VXLAN_PORT));
        assert!(ports.is_vxlan(GENEVE_PORT) && !ports.is_geneve(GENEVE_PORT));
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
