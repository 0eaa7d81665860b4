//! The way into tunnels, and into the payloads that AH and ESP protect.

use super::{Beyond, Fragments, Next, Walk};
use crate::packet::{
    Encapsulation, Headers, InnerFrame, Ip, Layer, LinkType, Opaque, Packet, Sealed, Spi, Stop, Transport,
    Tunnel, Why, aggfrag, esp, ethernet, leaf, protocol, psp,
};

impl<'a> Packet<'a> {
    /// Marks the packet as PSP, decoded as far as it is in clear. `whole` is the payload of PSP with the ICV, and `clear` is
    /// its part in clear.
    pub(super) fn seal(&mut self, spi: Spi, clear: &'a [u8], whole: &'a [u8]) {
        // Lengths inside may end the innermost payload before the ciphertext begins.
        let ends_early = self.payload.as_ptr_range().end != clear.as_ptr_range().end;
        let left = self.payload.len().min(clear.len());
        if !ends_early || self.payload.is_empty() {
            self.payload = whole.get(clear.len() - left..).unwrap_or(&[]);
        }
        self.opaque = Some(Opaque::Psp { spi, clear: u8::try_from(left).unwrap_or(u8::MAX) });
        if !clear.is_empty() {
            self.stop = self.stop.filter(|stop| stop.why != Why::Truncated);
        }
    }
}

impl Walk<'_, '_> {
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
            .then(|| esp::recognise(self.rest, self.declared, spi, &around, &mut self.decoder.shown.learned))
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
        if next_header == protocol::AGGFRAG {
            return self.aggregated();
        }
        self.enter_protected(next_header)
    }

    /// Decodes the payload of IP-TFS, as far as one whole packet begins it.
    fn aggregated(&mut self) -> Result<Next, Stop> {
        let first =
            aggfrag::first(self.rest).map_err(|why| Stop { why, ..self.unknown(None, Layer::Aggfrag) })?;
        if first.packet.is_empty() {
            self.unknown(None, Layer::Aggfrag);
            (self.rest, self.declared) = (&[], 0);
            return Ok(Next::End);
        }
        if first.more {
            self.beyond = Beyond::Packets;
        }
        (self.rest, self.declared) = (first.packet, first.packet.len());
        self.enter_ip()
    }

    /// Decodes what PSP leaves in clear: all of the payload, or a first part of it.
    pub(super) fn psp(&mut self, header: psp::Header) -> Result<Next, Stop> {
        let psp::Header { spi, protocol, len, payload_len, clear } = header;
        self.advance(self.rest.get(len..).unwrap_or(&[]));
        if header.hides() {
            let whole = self.rest;
            let clear = whole.get(..clear).unwrap_or(whole);
            self.beyond = Beyond::Sealed { spi, clear, whole };
            if clear.is_empty() {
                return Ok(Next::End);
            }
            self.rest = clear;
            self.declared = payload_len;
            // A fragment whose end is ciphertext cannot be put together with others.
            self.fragments = Fragments::Decode;
        } else {
            self.limit(payload_len);
        }
        self.wrap(Tunnel::Psp { spi, hides: header.hides() }, Layer::Psp)?;
        self.enter_protected(protocol)
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
            tunnel if ethernet::is_tunnel(tunnel) => {
                self.unknown(Some(tunnel), layer);
                self.behind_type(tunnel)
            }
            known if leaf::is_ethernet(known) || layer == Layer::Gre && leaf::is_gre(known, self.rest) => {
                self.unknown(Some(known), layer);
                Ok(Next::End)
            }
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
