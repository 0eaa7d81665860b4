//! The link layers of serial lines, which are inside of some tunnels too.

use super::{Next, Walk, at};
use crate::packet::{Headers, InnerFrame, Layer, LinkType, Stop, Tunnel, ethernet, ppp, pppoe};

impl Walk<'_, '_> {
    /// Decodes a PPP frame, by the headers of the level that it is at.
    pub(super) fn ppp(&mut self) -> Result<Next, Stop> {
        let (payload, rest) = ppp::split(self.rest).map_err(at(Layer::Ppp))?;
        self.advance(rest);
        match payload {
            ppp::Payload::Type(ether_type) => Ok(Next::EtherType(ether_type)),
            ppp::Payload::Leaf => Ok(Next::End),
        }
    }

    /// Enters a tunnel that carries a PPP frame. The frame of a packet in it begins at the IP header.
    pub(super) fn enter_ppp(&mut self) -> Result<Next, Stop> {
        self.packet.headers = Headers::default();
        self.packet.ip_header = &[];
        self.packet.inner = InnerFrame::Whole { link: LinkType::PPP, bytes: self.rest };
        let next = self.ppp()?;
        if matches!(next, Next::EtherType(ethernet::IPV4 | ethernet::IPV6)) {
            self.packet.inner = InnerFrame::Whole { link: LinkType::RAW, bytes: self.rest };
        }
        Ok(next)
    }

    /// Decodes PPPoE, behind its Ethernet type.
    pub(super) fn pppoe(&mut self) -> Result<Next, Stop> {
        let (header, rest) = pppoe::split(self.rest).map_err(at(Layer::Pppoe))?;
        self.advance(rest);
        self.limit(header.payload_len);
        let Some(session) = header.session else { return Ok(Next::End) };
        self.wrap(Tunnel::Pppoe { session }, Layer::Pppoe)?;
        self.enter_ppp()
    }
}
