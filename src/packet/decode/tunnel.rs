//! The way into tunnels, and into the payloads that AH and ESP protect.

use super::{Next, Walk, at};
use crate::packet::{
    Encapsulation, Headers, InnerFrame, Ip, Layer, LinkType, Opaque, Sealed, Stop, Transport, Tunnel, Why,
    esp, ethernet, gre, protocol,
};

impl Walk<'_, '_> {
    pub(super) fn gre(&mut self) -> Result<Next, Stop> {
        let (tunnel, ether_type, rest) = gre::split(self.rest).map_err(at(Layer::Gre))?;
        self.advance(rest);
        self.wrap(tunnel, Layer::Gre)?;
        self.enter(ether_type, Layer::Gre)
    }

    /// Decodes ESP. `rest` begins with the SPI.
    pub(super) fn esp(&mut self, udp: bool) -> Next {
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

    pub(super) fn inside_esp(&mut self, tunnel: Tunnel, next_header: u8) -> Result<Next, Stop> {
        self.wrap(tunnel, Layer::Esp)?;
        self.enter_protected(next_header)
    }

    /// Makes the headers so far the outer headers of a wrapping.
    pub(super) fn wrap(&mut self, tunnel: Tunnel, layer: Layer) -> Result<(), Stop> {
        let outer = self.packet.headers;
        self.packet
            .encapsulations
            .try_push(Encapsulation { tunnel, outer })
            .map_err(|_| Stop { layer, why: Why::TooDeep })
    }

    pub(super) fn enter_ethernet(&mut self) -> Next {
        self.packet.headers = Headers::default();
        self.packet.ip_header = &[];
        self.packet.inner = InnerFrame::Whole { link: LinkType::ETHERNET, bytes: self.rest };
        Next::Ethernet
    }

    #[allow(clippy::unnecessary_wraps)]
    pub(super) fn enter_ip(&mut self) -> Result<Next, Stop> {
        self.packet.headers = Headers::default();
        self.packet.ip_header = &[];
        self.packet.inner = InnerFrame::Whole { link: LinkType::RAW, bytes: self.rest };
        Ok(Next::Ip)
    }

    /// Enters a tunnel that names its payload by an Ethernet type.
    pub(super) fn enter(&mut self, ether_type: u16, layer: Layer) -> Result<Next, Stop> {
        match ether_type {
            ethernet::TRANSPARENT_BRIDGING => Ok(self.enter_ethernet()),
            ethernet::IPV4 | ethernet::IPV6 => self.enter_ip(),
            _ => Err(self.unknown(Some(ether_type), layer)),
        }
    }

    /// Clears the headers for a tunnel's payload that is not decoded here: those around the tunnel are not its own.
    pub(super) fn unknown(&mut self, ether_type: Option<u16>, layer: Layer) -> Stop {
        self.packet.headers = Headers { ether_type, ..Headers::default() };
        self.packet.ip_header = &[];
        Stop { layer, why: Why::Unsupported }
    }

    /// Enters the payload of AH or ESP: a whole packet in tunnel mode, and otherwise the payload of the same IP
    /// header.
    pub(super) fn enter_protected(&mut self, next_header: u8) -> Result<Next, Stop> {
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
