//! The link layers of serial lines, which are inside of some tunnels too.

use super::{Next, Walk, at};
use crate::packet::{Direction, Layer, LinkType, Stop, Tunnel, Why, chdlc, ppp, pppoe};

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

    /// Decodes a frame of a synchronous line, whose first byte tells PPP from Cisco's HDLC.
    pub(super) fn ppp_or_chdlc(&self) -> Next {
        let cisco = self.rest.first().copied().is_some_and(chdlc::is_address);
        Next::Link(if cisco { LinkType::C_HDLC } else { LinkType::PPP })
    }

    /// Decodes a frame of Linux' pppd: the direction (0 in, 1 out) is in place of the address byte, in front of 03.
    pub(super) fn pppd(&mut self) -> Result<Next, Stop> {
        let (&[direction, control], rest) =
            self.rest.split_first_chunk::<2>().ok_or(Why::Truncated).map_err(at(Layer::Ppp))?;
        if control != 3 {
            return Err(Stop { layer: Layer::Ppp, why: Why::Malformed });
        }
        let direction = match direction {
            0 => Some(Direction::In),
            1 => Some(Direction::Out),
            _ => None,
        };
        self.packet.direction = self.packet.direction.or(direction);
        self.advance(rest);
        self.ppp()
    }

    /// Enters a tunnel that carries a PPP frame. The frame of a packet in it begins at the IP header.
    pub(super) fn enter_ppp(&mut self) -> Result<Next, Stop> {
        self.enter_link(LinkType::PPP)
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
