//! IP and its payloads.

use super::{Fragments, Next, Walk, at};
use crate::packet::ports::UdpTunnel;
use crate::packet::{
    Ip, Layer, Opaque, Ports, Stop, Transport, Tunnel, TunnelPorts, TypeCode, Why, ah, geneve, ipcomp, ipv4,
    ipv6, leaf, protocol, psp, transport, vxlan, wireguard,
};

impl Walk<'_, '_> {
    pub(super) fn ip(&mut self) -> Result<Next, Stop> {
        // Each branch sets the headers itself. With shared code for both, the addresses would be moved byte by byte.
        match self.rest.first().map(|byte| byte >> 4) {
            Some(4) => {
                let (header, rest) = ipv4::split(self.rest).map_err(at(Layer::Ipv4))?;
                self.packet.headers.ip = Some(header.ip);
                self.packet.ip_header = header.bytes;
                self.advance(rest);
                self.limit(header.payload_len);
            }
            Some(6) => {
                let (header, rest) = ipv6::split(self.rest).map_err(at(Layer::Ipv6))?;
                self.packet.headers.ip = Some(header.ip);
                self.packet.ip_header = header.bytes;
                self.advance(rest);
                self.limit(header.payload_len);
                self.extensions(header.ip)?;
            }
            Some(_) => return Err(Stop { layer: Layer::Ipv4, why: Why::Malformed }),
            None => return Err(Stop { layer: Layer::Ipv4, why: Why::Truncated }),
        }
        Ok(Next::IpPayload)
    }

    pub(super) fn extensions(&mut self, mut ip: Ip) -> Result<(), Stop> {
        let mut declared = self.declared;
        let skipped = ipv6::skip_extensions(&mut ip, self.rest, &mut declared);
        self.packet.headers.ip = Some(ip);
        self.rest = skipped.map_err(at(Layer::Ipv6Extension))?;
        self.declared = declared;
        Ok(())
    }

    pub(super) fn ip_payload(&mut self) -> Result<Next, Stop> {
        let Some(ip) = self.packet.headers.ip else { return Ok(Next::End) };
        if let Some(fragment) = ip.fragment {
            let in_tunnel = !self.packet.encapsulations.is_empty();
            if self.fragments == Fragments::Hold && (self.decoder.in_tunnels || !in_tunnel) {
                self.packet.held = true;
                return Ok(Next::End);
            }
            if fragment.offset > 0 {
                return self.later_fragment(ip);
            }
        }
        let bytes = self.rest;
        match ip.protocol {
            protocol::TCP => {
                let (ports, flags, len) = transport::tcp(bytes).map_err(|why| self.cut(Layer::Tcp, why))?;
                self.packet.headers.transport = Transport::Tcp { ports, flags };
                let rest = bytes.get(len..).ok_or(Stop { layer: Layer::Tcp, why: Why::Truncated })?;
                self.advance(rest);
                if TunnelPorts::is_nat_traversal(ports.source, ports.destination) {
                    let ends = (ip.source, ip.destination);
                    let streams = &mut self.decoder.shown.streams;
                    let segment = streams.segment(ends, (ports, flags), self.rest, self.declared);
                    self.packet.opaque = segment.map(|segment| Opaque::EspInTcp { spi: segment.spi });
                }
                Ok(Next::End)
            }
            protocol::UDP => self.udp(),
            protocol::SCTP => {
                let (ports, rest) = transport::sctp(bytes).map_err(|why| self.cut(Layer::Sctp, why))?;
                self.packet.headers.transport = Transport::Sctp(ports);
                self.advance(rest);
                Ok(Next::End)
            }
            protocol::ICMP => self.message(Transport::Icmp, Layer::Icmp),
            protocol::ICMPV6 => self.message(Transport::Icmpv6, Layer::Icmpv6),
            protocol::IGMP => self.message(Transport::Igmp, Layer::Igmp),
            protocol::GRE => self.gre(),
            protocol::IPV4 | protocol::IPV6 => {
                self.wrap(Tunnel::IpInIp, Layer::Ipv4)?;
                self.enter_ip()
            }
            protocol::ESP => Ok(self.esp(false)),
            protocol::AH => {
                let (tunnel, next, rest) = ah::split(bytes).map_err(at(Layer::Ah))?;
                self.advance(rest);
                self.wrap(tunnel, Layer::Ah)?;
                self.enter_protected(next)
            }
            _ => self.rare_protocol(ip),
        }
    }

    /// Takes an IP protocol that few packets have, kept out of the way of the others.
    #[cold]
    #[inline(never)]
    fn rare_protocol(&mut self, ip: Ip) -> Result<Next, Stop> {
        match ip.protocol {
            protocol::ETHERIP => self.etherip(),
            protocol::ETHERNET => {
                self.wrap(Tunnel::EtherIp, Layer::EtherIp)?;
                Ok(self.enter_ethernet())
            }
            protocol::MPLS => self.mpls(),
            protocol::NSH => self.nsh(),
            protocol::L2TP => self.l2tp_in_ip(),
            protocol::WESP => self.wesp(false),
            protocol::PIM => self.pim(),
            protocol::IPCOMP => {
                self.packet.opaque = Some(Opaque::IpComp { cpi: ipcomp::cpi(self.rest) });
                Ok(Next::End)
            }
            known if leaf::is_ip(known) => Ok(Next::End),
            _ => Err(at(layer(ip))(Why::Unsupported)),
        }
    }

    /// Takes a later fragment without the others. The header in front of its bytes was in the first one.
    #[cold]
    fn later_fragment(&mut self, ip: Ip) -> Result<Next, Stop> {
        match ip.protocol {
            protocol::ESP => {
                self.packet.opaque = Some(Opaque::EspFragment);
                Ok(Next::End)
            }
            protocol::IPCOMP => {
                self.packet.opaque = Some(Opaque::IpComp { cpi: None });
                Ok(Next::End)
            }
            protocol::TCP | protocol::SCTP | protocol::ICMP | protocol::ICMPV6 | protocol::IGMP => {
                Ok(Next::End)
            }
            known if leaf::is_ip(known) => Ok(Next::End),
            // UDP, a tunnel, or a protocol that is not known.
            _ => Err(at(layer(ip))(Why::Fragment)),
        }
    }

    /// Keeps the ports, or type and code, of a transport header that ends too early.
    #[cold]
    #[inline(never)]
    fn cut(&mut self, layer: Layer, why: Why) -> Stop {
        if let (Why::Truncated, Some(ip)) = (why, self.packet.headers.ip) {
            self.packet.headers.transport = transport::cut(ip.protocol, self.rest);
        }
        Stop { layer, why }
    }

    pub(super) fn message(
        &mut self,
        transport: fn(TypeCode) -> Transport,
        layer: Layer,
    ) -> Result<Next, Stop> {
        let (type_code, rest) = transport::message(self.rest).map_err(|why| self.cut(layer, why))?;
        self.packet.headers.transport = transport(type_code);
        self.advance(rest);
        Ok(Next::End)
    }

    pub(super) fn udp(&mut self) -> Result<Next, Stop> {
        let (ports, len, rest) = transport::udp(self.rest).map_err(|why| self.cut(Layer::Udp, why))?;
        self.packet.headers.transport = Transport::Udp(ports);
        self.advance(rest);
        if let Some(len) = len {
            self.limit(len);
        }
        // No other tunnel begins like a message of WireGuard's, except ESP with one SPI of a billion. So its ports may be
        // those of others as well.
        if let Some(message) = wireguard::on_its_port(&self.decoder.ports, ports, self.rest, self.declared) {
            self.packet.opaque = Some(Opaque::WireGuard(message));
            return Ok(Next::End);
        }
        match self.decoder.ports.tunnel(ports) {
            Some(UdpTunnel::Vxlan) => {
                let (vni, rest) = vxlan::split(self.rest).map_err(at(Layer::Vxlan))?;
                self.advance(rest);
                self.wrap(Tunnel::Vxlan(vni), Layer::Vxlan)?;
                return Ok(self.enter_ethernet());
            }
            Some(UdpTunnel::Geneve) => {
                let (vni, ether_type, rest) = geneve::split(self.rest).map_err(at(Layer::Geneve))?;
                self.advance(rest);
                self.wrap(Tunnel::Geneve(vni), Layer::Geneve)?;
                return self.enter(ether_type, Layer::Geneve);
            }
            Some(rare) => {
                if let Some(next) = self.rare_tunnel(rare)? {
                    return Ok(next);
                }
            }
            None => {}
        }
        if TunnelPorts::is_nat_traversal(ports.source, ports.destination) {
            if let Some(next) = self.nat_traversal(ports)? {
                return Ok(next);
            }
        }
        if wireguard::may_be_message(self.rest) {
            self.wireguard_elsewhere(ports);
        }
        Ok(Next::End)
    }

    /// Enters a tunnel that few datagrams are of, kept out of the way of the others. `None` if the datagram has not its form.
    #[cold]
    #[inline(never)]
    fn rare_tunnel(&mut self, tunnel: UdpTunnel) -> Result<Option<Next>, Stop> {
        match tunnel {
            UdpTunnel::VxlanGpe => self.vxlan_gpe().map(Some),
            UdpTunnel::Psp => match psp::header(self.rest, self.declared) {
                Some(header) => self.psp(header).map(Some),
                None => Ok(None),
            },
            UdpTunnel::Mpls if self.is_mpls() => self.mpls().map(Some),
            UdpTunnel::Formed(kind) => self.over_udp(kind),
            UdpTunnel::Mpls | UdpTunnel::Vxlan | UdpTunnel::Geneve => Ok(None),
        }
    }

    /// Decodes what is on the port of ESP in UDP, unless it is another service.
    ///
    /// RFC 3948: four zero bytes are IKE, a single 0xff is a keep-alive, and everything else is an SPI, of which RFC 5840 took
    /// 2 for WESP. Fewer than four bytes tell nothing.
    #[inline(never)]
    fn nat_traversal(&mut self, ports: Ports) -> Result<Option<Next>, Stop> {
        let rest = self.rest;
        match *rest {
            [0, 0, 0, 0, ..] => self.is_ike(ports),
            [0, 0, 0, 2, ref wesp @ ..] => {
                self.advance(wesp);
                return self.wesp(true).map(Some);
            }
            [_, _, _, _, ..] if !self.is_neighbour(ports) => return Ok(Some(self.esp(true))),
            _ => {}
        }
        Ok(None)
    }

    #[cold]
    fn wireguard_elsewhere(&mut self, ports: Ports) {
        let Some(ip) = self.packet.headers.ip else { return };
        let ends = (ip.source, ip.destination);
        let Some(sessions) = &mut self.decoder.sessions else {
            self.decoder.wants_sessions = true;
            return;
        };
        let message = wireguard::on_any_port(sessions, ends, ports, self.rest, self.declared);
        self.packet.opaque = message.map(Opaque::WireGuard);
    }

    /// Returns true if a datagram on the port of ESP in UDP is something else.
    fn is_neighbour(&mut self, ports: Ports) -> bool {
        let Some(ip) = self.packet.headers.ip else { return false };
        self.decoder.shown.neighbours.has((ip.source, ip.destination), ports, self.rest, self.declared)
    }

    fn is_ike(&mut self, ports: Ports) {
        if let Some(ip) = self.packet.headers.ip {
            self.decoder.shown.neighbours.has_ike((ip.source, ip.destination), ports);
        }
    }

    fn vxlan_gpe(&mut self) -> Result<Next, Stop> {
        let (vni, next, rest) = vxlan::split_gpe(self.rest).map_err(at(Layer::VxlanGpe))?;
        self.advance(rest);
        self.wrap(Tunnel::VxlanGpe(vni), Layer::VxlanGpe)?;
        self.enter_next(next, Layer::VxlanGpe)
    }
}

fn layer(ip: Ip) -> Layer {
    if ip.source.is_ipv4() { Layer::Ipv4 } else { Layer::Ipv6 }
}
