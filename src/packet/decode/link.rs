//! The link layers, and the formats that replace them.

use super::{Next, Walk, at};
use crate::packet::protocol::{AH, ESP, UDP};
use crate::packet::{
    Direction, Headers, InnerFrame, Layer, LinkType, Opaque, Stop, Tunnel, Why, cooked, ethernet, ipv4, leaf,
    loopback, macsec,
};

impl<'a> Walk<'_, 'a> {
    // Filters come this way too (`Decoder::behind_link`), so that without this it is a call for every frame.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    pub(super) fn link(&mut self, link: LinkType) -> Result<Next, Stop> {
        let bytes = self.rest;
        let (layer, split) = match link {
            LinkType::ETHERNET => return Ok(Next::Ethernet),
            LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => return Ok(Next::Ip),
            LinkType::NULL | LinkType::LOOP => (Layer::Null, loopback::split(bytes)),
            LinkType::LINUX_SLL => return self.cooked(cooked::split_sll(bytes), Layer::Sll),
            LinkType::LINUX_SLL2 => return self.cooked(cooked::split_sll2(bytes), Layer::Sll2),
            _ => return self.rare_link(link),
        };
        let (ether_type, rest) = split.map_err(at(layer))?;
        self.advance(rest);
        Ok(Next::EtherType(ether_type))
    }

    fn cooked(&mut self, split: Result<cooked::Header<'a>, Why>, layer: Layer) -> Result<Next, Stop> {
        let cooked::Header { direction, hardware, protocol, rest } = split.map_err(at(layer))?;
        self.packet.direction = self.packet.direction.or(direction);
        self.advance(rest);
        if ethernet::is_length(protocol) || cooked::may_ignore_protocol(hardware) {
            return self.rare_cooked(hardware, protocol, layer);
        }
        Ok(Next::EtherType(protocol))
    }

    pub(super) fn ethernet(&mut self) -> Result<Next, Stop> {
        let (macs, ether_type, rest) = ethernet::split(self.rest).map_err(at(Layer::Ethernet))?;
        self.packet.headers.mac = Some(macs);
        self.advance(rest);
        Ok(Next::EtherType(ether_type))
    }

    #[allow(clippy::inline_always)]
    #[inline(always)]
    pub(super) fn ether_type(&mut self, ether_type: u16) -> Result<Next, Stop> {
        self.packet.headers.ether_type = Some(ether_type);
        match ether_type {
            ethernet::IPV4 | ethernet::IPV6 => Ok(Next::Ip),
            ethernet::MACSEC if self.is_cooked_on_its_way_out() => self.macsec_without_tag(),
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
                self.llc()
            }
            tunnel if ethernet::is_tunnel(tunnel) => self.behind_type(tunnel),
            known if leaf::is_ethernet(known) => Ok(Next::End),
            _ => Err(Stop { layer: Layer::Ethernet, why: Why::Unsupported }),
        }
    }

    pub(super) fn macsec(&mut self) -> Result<Next, Stop> {
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
        let ether_type = u16::from_be_bytes([high, low]);
        // The frame around the tag is no longer in one piece without it. From an IP header on, it is.
        if matches!(ether_type, ethernet::IPV4 | ethernet::IPV6) {
            self.packet.inner = InnerFrame::Whole { link: LinkType::RAW, bytes: rest };
        }
        Ok(Next::EtherType(ether_type))
    }

    /// Returns true if this is a frame of a cooked capture that leaves the host. Such a frame begins at what was its IP
    /// header in the kernel (`packet_rcv` in linux `net/packet/af_packet.c`), so tags in front of that are missing.
    fn is_cooked_on_its_way_out(&self) -> bool {
        self.is_cooked() && self.packet.direction == Some(Direction::Out)
    }

    fn is_cooked(&self) -> bool {
        self.packet.headers.mac.is_none() && self.packet.encapsulations.is_empty()
    }

    /// Goes on behind a MACsec tag that is missing. Without the tag, only an IP packet that is sound to its end shows
    /// that the frame is not encrypted.
    fn macsec_without_tag(&mut self) -> Result<Next, Stop> {
        let rest = self.rest;
        let fits = |len: [u8; 2], header| usize::from(u16::from_be_bytes(len)) + header <= self.declared;
        let sound = match *rest {
            [0x45, _, high, low, ..] => fits([high, low], 0) && ipv4::has_sound_checksum(rest),
            [0x60..=0x6f, _, _, _, high, low, UDP | ESP | AH, ..] => fits([high, low], 40),
            _ => false,
        };
        if !sound {
            self.packet.opaque = Some(Opaque::Macsec { sci: None });
            return Ok(Next::End);
        }
        self.wrap(Tunnel::Macsec { sci: None }, Layer::Macsec)?;
        self.packet.headers = Headers::default();
        self.packet.inner = InnerFrame::Whole { link: LinkType::RAW, bytes: rest };
        Ok(Next::Ip)
    }
}
