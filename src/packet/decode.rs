//! A frame's way through the layers.

use super::esp::{self, Learned};
use super::vxlan::GpeNext;
use super::{
    Direction, Encapsulation, EspKind, Frame, Headers, InnerFrame, Ip, Layer, LinkType, Opaque, Packet,
    Sealed, Stop, Transport, Tunnel, TunnelPorts, Why, ah, cooked, ethernet, geneve, gre, ipv4, ipv6,
    loopback, macsec, ppp, transport, vxlan, wireguard,
};

/// Turns frames into packets.
///
/// Decoding never fails: it goes as far as the bytes are good and the [`Packet`] says where it stopped. A frame that is
/// one fragment of a datagram is not decoded beyond its IP header ([`Packet::is_fragment`]); the caller puts datagrams
/// together with [`super::Reassembly`] and goes on with [`Decoder::datagram`], or with [`Decoder::lone_fragment`].
#[derive(Clone, Debug)]
pub struct Decoder {
    ports: TunnelPorts,
    learned: Learned,
}

impl Decoder {
    /// A decoder that takes UDP datagrams to these ports for tunnels.
    pub fn new(ports: TunnelPorts) -> Self {
        Self { ports, learned: Learned::new() }
    }

    /// Decodes a frame.
    pub fn decode<'a>(&mut self, frame: &Frame<'a>) -> Packet<'a> {
        let mut packet = Packet::default();
        self.decode_into(frame, &mut packet);
        packet
    }

    /// Decodes a frame into `packet`, an empty one: on the way of every packet, where moving 600 bytes would show.
    #[inline]
    pub fn decode_into<'a>(&mut self, frame: &Frame<'a>, packet: &mut Packet<'a>) {
        packet.direction = frame.direction;
        packet.inner = InnerFrame::Whole { link: frame.link, bytes: frame.bytes };
        packet.frames = 1;
        let declared = (frame.wire_len as usize).max(frame.bytes.len());
        self.walk(packet, frame.bytes, declared, Fragments::Hold).run(Next::Link(frame.link));
    }

    /// Goes on with a fragment whose datagram will not be put together: a first fragment is decoded as far as it
    /// reaches, a later one is payload, or opaque when it is ESP's.
    pub fn lone_fragment<'a>(&mut self, packet: Packet<'a>) -> Packet<'a> {
        let mut packet = packet;
        let Some(ip) = packet.headers.ip else { return packet };
        let rest = packet.payload;
        let declared = ip.fragment.map_or(rest.len(), |fragment| usize::from(fragment.len)).max(rest.len());
        self.walk(&mut packet, rest, declared, Fragments::Decode).run(Next::IpPayload);
        packet
    }

    /// Goes on with the payload of a whole datagram, put together from `frames` fragments of which `packet` is one.
    /// `protocol` is that of the first fragment.
    pub fn datagram<'a>(
        &mut self,
        packet: Packet<'a>,
        protocol: u8,
        payload: &'a [u8],
        frames: u32,
    ) -> Packet<'a> {
        let mut packet = packet;
        if let Some(ip) = &mut packet.headers.ip {
            ip.protocol = protocol;
            ip.fragment = None;
        }
        packet.stop = None;
        packet.frames = frames;
        packet.inner = InnerFrame::Parts { ip: packet.ip_header, protocol, segment: payload };
        self.walk(&mut packet, payload, payload.len(), Fragments::Decode).run(Next::IpPayload);
        packet
    }

    /// Goes on inside an ESP packet that a key has opened: `packet` is the opaque one, `kind` whether its SA encrypts,
    /// `plaintext` what the ESP packet carries without its padding, `next_header` the protocol of that.
    pub fn opened<'a>(
        &mut self,
        packet: Packet<'a>,
        kind: EspKind,
        next_header: u8,
        plaintext: &'a [u8],
    ) -> Packet<'a> {
        let mut packet = packet;
        let Some(Opaque::Esp { spi, sequence, udp, .. }) = packet.opaque else { return packet };
        packet.opaque = None;
        packet.stop = None;
        let esp = Tunnel::Esp { spi, sequence, kind, udp };
        self.walk(&mut packet, plaintext, plaintext.len(), Fragments::Decode)
            .run(Next::Esp(esp, next_header));
        packet
    }

    fn walk<'d, 'a>(
        &'d mut self,
        packet: &'d mut Packet<'a>,
        rest: &'a [u8],
        declared: usize,
        fragments: Fragments,
    ) -> Walk<'d, 'a> {
        Walk { decoder: self, packet, rest, declared, fragments }
    }
}

/// What stands next.
enum Next {
    Link(LinkType),
    Ethernet,
    EtherType(u16),
    Ip,
    /// What the IP header in the packet's headers carries.
    IpPayload,
    /// What readable ESP carries, with its protocol.
    Esp(Tunnel, u8),
    End,
}

/// What becomes of a fragment outside of any tunnel.
#[derive(PartialEq, Eq)]
enum Fragments {
    /// It is left alone, to be put together with the others.
    Hold,
    /// It is decoded as it stands.
    Decode,
}

/// One packet on its way.
struct Walk<'d, 'a> {
    decoder: &'d mut Decoder,
    packet: &'d mut Packet<'a>,
    /// What was captured of the bytes that are left.
    rest: &'a [u8],
    /// How many are left by the headers; more than `rest` when the capture cut them off.
    declared: usize,
    fragments: Fragments,
}

impl<'a> Walk<'_, 'a> {
    fn run(mut self, mut next: Next) {
        loop {
            let step = match next {
                Next::Link(link) => self.link(link),
                Next::Ethernet => self.ethernet(),
                Next::EtherType(ether_type) => self.ether_type(ether_type),
                Next::Ip => self.ip(),
                Next::IpPayload => self.ip_payload(),
                Next::Esp(tunnel, next_header) => self.inside_esp(tunnel, next_header),
                Next::End => break,
            };
            next = step.unwrap_or_else(|stop| {
                self.stop(stop);
                Next::End
            });
        }
        self.packet.payload = self.rest;
        if self.packet.stop.is_none() && self.rest.len() < self.declared {
            self.packet.stop = Some(Stop { layer: Layer::Payload, why: Why::Truncated });
        }
    }

    fn stop(&mut self, stop: Stop) {
        if stop.why == Why::Truncated {
            // The beginning of a header is no payload.
            self.rest = &[];
        }
        self.packet.stop = Some(stop);
    }

    /// Goes on behind a header: `rest` is what follows it.
    fn advance(&mut self, rest: &'a [u8]) {
        self.declared -= (self.rest.len() - rest.len()).min(self.declared);
        self.rest = rest;
    }

    /// Takes the length that a header gives to what follows; the rest is padding.
    fn limit(&mut self, len: usize) {
        self.declared = len;
        self.rest = self.rest.get(..len).unwrap_or(self.rest);
    }

    fn link(&mut self, link: LinkType) -> Result<Next, Stop> {
        let bytes = self.rest;
        let (layer, split) = match link {
            LinkType::ETHERNET => return Ok(Next::Ethernet),
            LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => return Ok(Next::Ip),
            LinkType::NULL | LinkType::LOOP => (Layer::Null, loopback::split(bytes)),
            LinkType::PPP => (Layer::Ppp, ppp::split(bytes)),
            LinkType::LINUX_SLL => (Layer::Sll, self.cooked(cooked::split_sll(bytes))),
            LinkType::LINUX_SLL2 => (Layer::Sll2, self.cooked(cooked::split_sll2(bytes))),
            _ => (Layer::Link, Err(Why::Unsupported)),
        };
        let (ether_type, rest) = split.map_err(at(layer))?;
        self.advance(rest);
        Ok(Next::EtherType(ether_type))
    }

    #[allow(clippy::type_complexity)]
    fn cooked(
        &mut self,
        split: Result<(Option<Direction>, u16, &'a [u8]), Why>,
    ) -> Result<(u16, &'a [u8]), Why> {
        split.map(|(direction, protocol, rest)| {
            self.packet.direction = self.packet.direction.or(direction);
            (protocol, rest)
        })
    }

    fn ethernet(&mut self) -> Result<Next, Stop> {
        let (macs, ether_type, rest) = ethernet::split(self.rest).map_err(at(Layer::Ethernet))?;
        self.packet.headers.mac = Some(macs);
        self.advance(rest);
        Ok(Next::EtherType(ether_type))
    }

    fn ether_type(&mut self, ether_type: u16) -> Result<Next, Stop> {
        self.packet.headers.ether_type = Some(ether_type);
        match ether_type {
            ethernet::IPV4 | ethernet::IPV6 => Ok(Next::Ip),
            ethernet::MACSEC => self.macsec(),
            ethernet::ARP => {
                if let Some(len) = ethernet::arp_len(self.rest) {
                    self.limit(len);
                }
                Ok(Next::End)
            }
            tag if ethernet::is_tag(tag) => {
                let (id, ether_type, rest) = ethernet::split_tag(self.rest).map_err(at(Layer::Vlan))?;
                self.packet.headers.vlan.push(id);
                self.advance(rest);
                Ok(Next::EtherType(ether_type))
            }
            len if ethernet::is_length(len) => {
                if self.packet.headers.mac.is_some() {
                    self.limit(usize::from(len));
                }
                let (ether_type, rest) = ethernet::split_snap(self.rest).map_err(at(Layer::Ethernet))?;
                self.advance(rest);
                // A length cannot follow a length.
                if ethernet::is_length(ether_type) {
                    return Err(Stop { layer: Layer::Ethernet, why: Why::Malformed });
                }
                Ok(Next::EtherType(ether_type))
            }
            _ => Err(Stop { layer: Layer::Ethernet, why: Why::Unsupported }),
        }
    }

    fn macsec(&mut self) -> Result<Next, Stop> {
        let (tag, rest) = macsec::split(self.rest).map_err(at(Layer::Macsec))?;
        self.advance(rest);
        if tag.encrypted {
            self.packet.opaque = Some(Opaque::Macsec { sci: tag.sci });
            return Ok(Next::End);
        }
        if let Some(len) = tag.short_len {
            self.limit(len);
        }
        let Headers { mac, vlan, .. } = self.packet.headers;
        self.wrap(Tunnel::Macsec { sci: tag.sci }, Layer::Macsec)?;
        self.packet.headers = Headers { mac, vlan, ..Headers::default() };
        let (&[high, low], rest) =
            self.rest.split_first_chunk::<2>().ok_or(Why::Truncated).map_err(at(Layer::Macsec))?;
        self.advance(rest);
        // What the tag was put into is no longer in one piece; from the IP header on it is.
        self.packet.inner = InnerFrame::Whole { link: LinkType::RAW, bytes: rest };
        Ok(Next::EtherType(u16::from_be_bytes([high, low])))
    }

    fn ip(&mut self) -> Result<Next, Stop> {
        let version = self.rest.first().map(|byte| byte >> 4);
        let (ip, header, payload_len, rest, layer) = match version {
            Some(4) => {
                let (header, rest) = ipv4::split(self.rest).map_err(at(Layer::Ipv4))?;
                (header.ip, header.bytes, header.payload_len, rest, Layer::Ipv4)
            }
            Some(6) => {
                let (header, rest) = ipv6::split(self.rest).map_err(at(Layer::Ipv6))?;
                (header.ip, header.bytes, header.payload_len, rest, Layer::Ipv6)
            }
            Some(_) => return Err(Stop { layer: Layer::Ipv4, why: Why::Malformed }),
            None => return Err(Stop { layer: Layer::Ipv4, why: Why::Truncated }),
        };
        self.packet.headers.ip = Some(ip);
        self.packet.ip_header = header;
        self.advance(rest);
        self.limit(payload_len);
        if layer == Layer::Ipv6 {
            self.extensions(ip)?;
        }
        Ok(Next::IpPayload)
    }

    fn extensions(&mut self, mut ip: Ip) -> Result<(), Stop> {
        let mut declared = self.declared;
        let skipped = ipv6::skip_extensions(&mut ip, self.rest, &mut declared);
        self.packet.headers.ip = Some(ip);
        self.rest = skipped.map_err(at(Layer::Ipv6Extension))?;
        self.declared = declared;
        Ok(())
    }

    fn ip_payload(&mut self) -> Result<Next, Stop> {
        let Some(ip) = self.packet.headers.ip else { return Ok(Next::End) };
        if let Some(fragment) = ip.fragment {
            if self.fragments == Fragments::Hold && self.packet.encapsulations.is_empty() {
                return Ok(Next::End);
            }
            if fragment.offset > 0 {
                if ip.protocol == protocol::ESP {
                    self.packet.opaque = Some(Opaque::EspFragment);
                }
                return Ok(Next::End);
            }
        }
        let bytes = self.rest;
        match ip.protocol {
            protocol::TCP => {
                let (ports, flags, len) = transport::tcp(bytes).map_err(at(Layer::Tcp))?;
                self.packet.headers.transport = Transport::Tcp { ports, flags };
                let rest = bytes.get(len..).ok_or(Stop { layer: Layer::Tcp, why: Why::Truncated })?;
                self.advance(rest);
                Ok(Next::End)
            }
            protocol::UDP => self.udp(),
            protocol::SCTP => {
                let (ports, rest) = transport::sctp(bytes).map_err(at(Layer::Sctp))?;
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
            _ => Ok(Next::End),
        }
    }

    fn message(&mut self, transport: fn(super::TypeCode) -> Transport, layer: Layer) -> Result<Next, Stop> {
        let (type_code, rest) = transport::message(self.rest).map_err(at(layer))?;
        self.packet.headers.transport = transport(type_code);
        self.advance(rest);
        Ok(Next::End)
    }

    fn udp(&mut self) -> Result<Next, Stop> {
        let (ports, len, rest) = transport::udp(self.rest).map_err(at(Layer::Udp))?;
        self.packet.headers.transport = Transport::Udp(ports);
        self.advance(rest);
        if let Some(len) = len {
            self.limit(len);
        }
        if self.decoder.ports.is_vxlan(ports.destination) {
            let (vni, rest) = vxlan::split(self.rest).map_err(at(Layer::Vxlan))?;
            self.advance(rest);
            self.wrap(Tunnel::Vxlan(vni), Layer::Vxlan)?;
            return Ok(self.enter_ethernet());
        }
        if self.decoder.ports.is_geneve(ports.destination) {
            let (vni, ether_type, rest) = geneve::split(self.rest).map_err(at(Layer::Geneve))?;
            self.advance(rest);
            self.wrap(Tunnel::Geneve(vni), Layer::Geneve)?;
            return self.enter(ether_type, Layer::Geneve);
        }
        if TunnelPorts::is_vxlan_gpe(ports.destination) {
            let (vni, next, rest) = vxlan::split_gpe(self.rest).map_err(at(Layer::VxlanGpe))?;
            self.advance(rest);
            self.wrap(Tunnel::VxlanGpe(vni), Layer::VxlanGpe)?;
            return match next {
                GpeNext::Ip => self.enter_ip(),
                GpeNext::Ethernet => Ok(self.enter_ethernet()),
                GpeNext::Other => Err(self.unknown(None, Layer::VxlanGpe)),
            };
        }
        if TunnelPorts::is_nat_traversal(ports.source, ports.destination) {
            // RFC 3948: four zero bytes are IKE, a single 0xff is a keep-alive, else it is an SPI. Of less than four
            // bytes nobody can tell.
            match self.rest {
                [0, 0, 0, 0, ..] => {}
                [_, _, _, _, ..] => return Ok(self.esp(true)),
                _ => {}
            }
        }
        if let Some(message) = wireguard::message(ports, self.rest, self.declared) {
            self.packet.opaque = Some(Opaque::WireGuard { message });
        }
        Ok(Next::End)
    }

    fn gre(&mut self) -> Result<Next, Stop> {
        let (tunnel, ether_type, rest) = gre::split(self.rest).map_err(at(Layer::Gre))?;
        self.advance(rest);
        self.wrap(tunnel, Layer::Gre)?;
        self.enter(ether_type, Layer::Gre)
    }

    /// `rest` is an ESP packet from its SPI on.
    fn esp(&mut self, udp: bool) -> Next {
        let (Ok((spi, sequence)), Some(ip)) = (esp::header(self.rest), self.packet.headers.ip) else {
            self.packet.opaque = Some(Opaque::EspTruncated);
            return Next::End;
        };
        let around =
            esp::Around { source: ip.source, destination: ip.destination, ports: &self.decoder.ports };
        let fragment = ip.fragment.is_some();
        let clear = (!fragment)
            .then(|| esp::recognise(self.rest, self.declared, spi, &around, &mut self.decoder.learned))
            .flatten();
        let Some(clear) = clear else {
            self.packet.opaque = Some(Opaque::Esp { spi, sequence, udp, why: Sealed::NoKey });
            return Next::End;
        };
        self.advance(self.rest.get(clear.layout.offset..).unwrap_or(&[]));
        self.limit(clear.payload_len);
        let kind = clear.layout.kind();
        Next::Esp(Tunnel::Esp { spi, sequence, kind, udp }, clear.next_header)
    }

    fn inside_esp(&mut self, tunnel: Tunnel, next_header: u8) -> Result<Next, Stop> {
        self.wrap(tunnel, Layer::Esp)?;
        self.enter_protected(next_header)
    }

    /// Puts the headers so far around what follows.
    fn wrap(&mut self, tunnel: Tunnel, layer: Layer) -> Result<(), Stop> {
        let outer = self.packet.headers;
        self.packet
            .encapsulations
            .try_push(Encapsulation { tunnel, outer })
            .map_err(|_| Stop { layer, why: Why::TooDeep })
    }

    fn enter_ethernet(&mut self) -> Next {
        self.packet.headers = Headers::default();
        self.packet.ip_header = &[];
        self.packet.inner = InnerFrame::Whole { link: LinkType::ETHERNET, bytes: self.rest };
        Next::Ethernet
    }

    #[allow(clippy::unnecessary_wraps)]
    fn enter_ip(&mut self) -> Result<Next, Stop> {
        self.packet.headers = Headers::default();
        self.packet.ip_header = &[];
        self.packet.inner = InnerFrame::Whole { link: LinkType::RAW, bytes: self.rest };
        Ok(Next::Ip)
    }

    /// Into a tunnel that names its payload by an Ethernet type.
    fn enter(&mut self, ether_type: u16, layer: Layer) -> Result<Next, Stop> {
        match ether_type {
            ethernet::TRANSPARENT_BRIDGING => Ok(self.enter_ethernet()),
            ethernet::IPV4 | ethernet::IPV6 => self.enter_ip(),
            _ => Err(self.unknown(Some(ether_type), layer)),
        }
    }

    /// A tunnel's payload that is not decoded here: it has no headers, and not those around the tunnel.
    fn unknown(&mut self, ether_type: Option<u16>, layer: Layer) -> Stop {
        self.packet.headers = Headers { ether_type, ..Headers::default() };
        self.packet.ip_header = &[];
        Stop { layer, why: Why::Unsupported }
    }

    /// Into what AH or ESP protect: a whole packet in tunnel mode, else what the same IP header carries.
    fn enter_protected(&mut self, next_header: u8) -> Result<Next, Stop> {
        if matches!(next_header, protocol::IPV4 | protocol::IPV6) {
            return self.enter_ip();
        }
        let outer = self.packet.headers;
        let ip = outer.ip.map(|ip| Ip { protocol: next_header, ..ip });
        self.packet.headers = Headers { ip, transport: Transport::None, ..outer };
        self.packet.inner =
            InnerFrame::Parts { ip: self.packet.ip_header, protocol: next_header, segment: self.rest };
        Ok(Next::IpPayload)
    }
}

fn at(layer: Layer) -> impl Fn(Why) -> Stop {
    move |why| Stop { layer, why }
}

/// IANA protocol numbers.
mod protocol {
    pub(super) const ICMP: u8 = 1;
    pub(super) const IGMP: u8 = 2;
    pub(super) const IPV4: u8 = 4;
    pub(super) const TCP: u8 = 6;
    pub(super) const UDP: u8 = 17;
    pub(super) const IPV6: u8 = 41;
    pub(super) const GRE: u8 = 47;
    pub(super) const ESP: u8 = 50;
    pub(super) const AH: u8 = 51;
    pub(super) const ICMPV6: u8 = 58;
    pub(super) const SCTP: u8 = 132;
}
