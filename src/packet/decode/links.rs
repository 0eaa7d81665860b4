//! The link types that few captures have. They are kept out of the way of the others.

use super::{Beyond, Next, Walk, at};
use crate::packet::llc::{self, Payload};
use crate::packet::{
    Direction, InnerFrame, Layer, LinkType, Macs, Opaque, Stop, Why, arcnet, atm, chdlc, cooked, dsa, enc,
    ethernet, fddi, fibre_channel, firewire, frelay, ieee80211, ipnet, ipoib, juniper, nflog, pflog, pktap,
    ppi, prism, radiotap, slip, token_ring,
};

impl<'a> Walk<'_, 'a> {
    #[cold]
    #[inline(never)]
    pub(super) fn rare_link(&mut self, link: LinkType) -> Result<Next, Stop> {
        let bytes = self.rest;
        let here = at(Layer::Link);
        let (payload, rest) = match link {
            LinkType::PPP => return self.ppp(),
            LinkType::PPP_HDLC => return Ok(self.ppp_or_chdlc()),
            LinkType::PPP_ETHER => return self.pppoe(),
            LinkType::PPP_PPPD => return self.pppd(),
            LinkType::PPP_WITH_DIR => return self.directed(LinkType::PPP),
            LinkType::C_HDLC_WITH_DIR => return self.directed(LinkType::C_HDLC),
            LinkType::FRELAY_WITH_DIR => return self.directed(LinkType::FRELAY),
            LinkType::C_HDLC => chdlc::split(bytes).map_err(at(Layer::Chdlc))?,
            LinkType::FRELAY => frelay::split(bytes).map_err(at(Layer::FrameRelay))?,
            LinkType::ATM_RFC1483 => atm::split(bytes).map_err(at(Layer::Llc))?,
            LinkType::ATM_CLIP => match atm::split_linux(bytes).map_err(at(Layer::Llc))? {
                (Some(payload), rest) => (payload, rest),
                (None, _) => return Ok(Next::Ip),
            },
            LinkType::SUNATM => {
                let (direction, payload, rest) = atm::split_sun(bytes).map_err(here)?;
                self.passes(Some(direction));
                (payload, rest)
            }
            LinkType::FDDI => return self.ring(fddi::split(bytes)),
            LinkType::IEEE802_5 => return self.ring(token_ring::split(bytes)),
            LinkType::IP_OVER_FC => {
                return self.ring(fibre_channel::split(bytes).map(|(macs, rest)| (macs, true, rest)));
            }
            LinkType::ARCNET => arcnet::split_bsd(bytes).map_err(here)?,
            LinkType::ARCNET_LINUX => arcnet::split_linux(bytes).map_err(here)?,
            LinkType::SLIP => {
                let (direction, rest) = slip::split(bytes).map_err(here)?;
                self.passes(direction);
                self.advance(rest);
                return Ok(Next::Ip);
            }
            LinkType::IEEE802_11 => return self.wireless(radiotap::Flags::default()),
            LinkType::IEEE802_11_RADIOTAP => {
                let (flags, rest) = radiotap::split(bytes).map_err(at(Layer::Radiotap))?;
                self.advance(rest);
                return self.wireless(flags);
            }
            LinkType::IEEE802_11_PRISM | LinkType::IEEE802_11_AVS => {
                let avs = link == LinkType::IEEE802_11_AVS;
                let rest =
                    if avs { prism::split_avs(bytes) } else { prism::split_prism(bytes) }.map_err(here)?;
                self.advance(rest);
                return self.wireless(radiotap::Flags::default());
            }
            LinkType::PPI => return self.ppi(),
            LinkType::PKTAP | LinkType::USER2 => return self.pktap(link),
            LinkType::NFLOG => return self.nflog(),
            LinkType::ENC => typed(enc::split(bytes).map_err(here)?),
            LinkType::PFLOG => {
                let (direction, ether_type, rest) = pflog::split(bytes).map_err(here)?;
                self.passes(direction);
                (Payload::Type(ether_type), rest)
            }
            LinkType::IPNET => {
                let (direction, ether_type, rest) = ipnet::split(bytes).map_err(here)?;
                self.passes(direction);
                (Payload::Type(ether_type), rest)
            }
            LinkType::MPLS => return Ok(Next::EtherType(ethernet::MPLS)),
            LinkType::IPOIB => typed(ipoib::split(bytes).map_err(here)?),
            LinkType::APPLE_IP_OVER_IEEE1394 => typed(firewire::split(bytes).map_err(here)?),
            LinkType::JUNIPER_ETHER
            | LinkType::JUNIPER_PPP
            | LinkType::JUNIPER_FRELAY
            | LinkType::JUNIPER_CHDLC => {
                return self.juniper(link);
            }
            LinkType::DSA_TAG_BRCM => return self.switch(dsa::split_broadcom(bytes)),
            LinkType::DSA_TAG_DSA => return self.switch(dsa::split_dsa(bytes)),
            LinkType::DSA_TAG_EDSA => return self.switch(dsa::split_edsa(bytes)),
            LinkType::DSA_TAG_BRCM_PREPEND | LinkType::NETANALYZER => return self.ethernet_behind(4),
            // Preamble and start of frame are eight bytes more.
            LinkType::NETANALYZER_TRANSPARENT => return self.ethernet_behind(12),
            _ => return Err(here(Why::Unsupported)),
        };
        self.advance(rest);
        self.carried(payload, Layer::Link)
    }

    /// Goes on with the frame of a cooked capture whose protocol is no Ethernet type, or whose hardware does not use it.
    #[cold]
    #[inline(never)]
    pub(super) fn rare_cooked(&mut self, hardware: u16, protocol: u16, layer: Layer) -> Result<Next, Stop> {
        match cooked::rare(hardware, protocol) {
            cooked::Rare::Frame(link) => Ok(Next::Link(link)),
            cooked::Rare::Llc => self.llc(),
            cooked::Rare::Leaf => Ok(Next::End),
            cooked::Rare::Unknown => {
                self.packet.headers.ether_type = Some(protocol);
                Err(Stop { layer, why: Why::Unsupported })
            }
        }
    }

    /// Notes the direction that a header tells, unless the capture does.
    fn passes(&mut self, direction: Option<Direction>) {
        self.packet.direction = self.packet.direction.or(direction);
    }

    pub(super) fn carried(&mut self, payload: Payload, layer: Layer) -> Result<Next, Stop> {
        match payload {
            // A length cannot stand here.
            Payload::Type(ether_type) if ethernet::is_length(ether_type) => {
                Err(Stop { layer, why: Why::Unsupported })
            }
            Payload::Type(ether_type) => Ok(Next::EtherType(ether_type)),
            Payload::Ethernet => Ok(Next::Ethernet),
            Payload::Ppp => self.ppp(),
            Payload::Leaf => Ok(Next::End),
        }
    }

    pub(super) fn llc(&mut self) -> Result<Next, Stop> {
        let (payload, rest) = llc::split(self.rest, 0).map_err(at(Layer::Llc))?;
        self.advance(rest);
        self.carried(payload, Layer::Llc)
    }

    /// Goes on behind a header with two addresses, behind which LLC is all that is decoded.
    fn ring(&mut self, split: Result<(Macs, bool, &'a [u8]), Why>) -> Result<Next, Stop> {
        let (macs, llc, rest) = split.map_err(at(Layer::Link))?;
        self.packet.headers.mac = Some(macs);
        self.advance(rest);
        if llc { self.llc() } else { Ok(Next::End) }
    }

    fn switch(&mut self, split: Result<(dsa::Header, &'a [u8]), Why>) -> Result<Next, Stop> {
        let (header, rest) = split.map_err(at(Layer::Ethernet))?;
        self.packet.headers.mac = Some(header.macs);
        if let Some(vlan) = header.vlan {
            self.packet.headers.vlan.push(vlan);
        }
        self.advance(rest);
        Ok(Next::EtherType(header.ether_type))
    }

    fn ethernet_behind(&mut self, len: usize) -> Result<Next, Stop> {
        self.advance(self.rest.get(len..).ok_or(Why::Truncated).map_err(at(Layer::Link))?);
        Ok(Next::Ethernet)
    }

    /// Splits the direction off that precedes a frame: 0 in, and everything else out.
    fn directed(&mut self, link: LinkType) -> Result<Next, Stop> {
        let (&direction, rest) = self.rest.split_first().ok_or(Why::Truncated).map_err(at(Layer::Link))?;
        self.passes(Some(if direction == 0 { Direction::In } else { Direction::Out }));
        self.advance(rest);
        Ok(Next::Link(link))
    }

    fn ppi(&mut self) -> Result<Next, Stop> {
        let (header, rest) = ppi::split(self.rest).map_err(at(Layer::Link))?;
        self.advance(rest);
        match self.announced(header.dlt)? {
            LinkType::IEEE802_11 => self.wireless(radiotap::Flags { fcs: header.fcs, padded: false }),
            link => Ok(Next::Link(link)),
        }
    }

    fn pktap(&mut self, link: LinkType) -> Result<Next, Stop> {
        let split = pktap::split(self.rest);
        // Everybody else may mean something else by the number for private use.
        let split = if link == LinkType::USER2 { split.map_err(|_| Why::Unsupported) } else { split };
        let (header, rest) = split.map_err(at(Layer::Link))?;
        self.passes(header.direction);
        self.advance(rest);
        let link = self.announced(header.dlt)?;
        Ok(Next::Link(link))
    }

    /// Returns the link type by libpcap's number in a header. Headers that announce one another are not followed. A frame
    /// of a type that is not decoded is the innermost one, which says so.
    fn announced(&mut self, dlt: u32) -> Result<LinkType, Stop> {
        let link = LinkType::from_dlt(i32::try_from(dlt).unwrap_or(-1));
        if matches!(link, LinkType::PPI | LinkType::PKTAP | LinkType::USER2) {
            return Err(Stop { layer: Layer::Link, why: Why::Malformed });
        }
        if link.name().is_none() {
            self.packet.inner = InnerFrame::Whole { link, bytes: self.rest };
        }
        Ok(link)
    }

    fn nflog(&mut self) -> Result<Next, Stop> {
        let logged = nflog::split(self.rest).map_err(at(Layer::Link))?;
        self.passes(logged.direction);
        self.packet.headers.mac = logged.macs;
        self.rest = logged.payload;
        self.declared = logged.payload_len;
        self.carried(Payload::Type(logged.ether_type), Layer::Link)
    }

    fn juniper(&mut self, link: LinkType) -> Result<Next, Stop> {
        let (header, rest) = juniper::split(self.rest).map_err(at(Layer::Link))?;
        self.passes(Some(header.direction));
        self.advance(rest);
        Ok(match link {
            _ if !header.framed => Next::Ip,
            LinkType::JUNIPER_ETHER => Next::Ethernet,
            LinkType::JUNIPER_PPP => Next::Link(LinkType::PPP),
            LinkType::JUNIPER_FRELAY => Next::Link(LinkType::FRELAY),
            _ => Next::Link(LinkType::C_HDLC),
        })
    }

    fn wireless(&mut self, flags: radiotap::Flags) -> Result<Next, Stop> {
        use ieee80211::Body;
        const FCS: usize = 4;

        let here = at(Layer::Ieee80211);
        if flags.fcs {
            self.limit(self.declared.saturating_sub(FCS));
        }
        let (header, rest) = ieee80211::split(self.rest, flags.padded).map_err(here)?;
        self.packet.headers.mac = header.macs;
        self.advance(rest);
        match header.body {
            Body::Data => self.llc(),
            Body::FirstPiece => {
                self.beyond = Beyond::Wireless;
                self.llc()
            }
            Body::Leaf => Ok(Next::End),
            Body::Piece => Err(Stop { layer: Layer::Ieee80211, why: Why::Unsupported }),
            Body::Sealed => {
                let Some(rest) = ieee80211::decrypted_by_card(self.rest) else {
                    self.packet.opaque = Some(Opaque::Ieee80211);
                    return Ok(Next::End);
                };
                self.advance(rest);
                self.llc()
            }
            Body::Aggregate => {
                let (macs, len, step, rest) =
                    ieee80211::first_subframe(self.rest).map_err(at(Layer::Ieee80211))?;
                self.packet.headers.mac = Some(macs);
                self.advance(rest);
                if self.declared > step {
                    self.beyond = Beyond::Wireless;
                }
                self.limit(len);
                self.llc()
            }
        }
    }
}

fn typed((ether_type, rest): (u16, &[u8])) -> (Payload, &[u8]) {
    (Payload::Type(ether_type), rest)
}
