//! The tunnels that stand behind an Ethernet type, and behind GRE, which names its payload by one.

use super::{Next, Walk, at};
use crate::packet::{
    Headers, InnerFrame, Layer, LinkType, Stop, Tunnel, arista, cisco_metadata, erspan, etherip, ethernet,
    gre, mpls, nsh, pbb,
};

impl Walk<'_, '_> {
    /// Goes on behind the type of a tunnel, one of those that [`ethernet::is_tunnel`] knows.
    #[cold]
    pub(super) fn behind_type(&mut self, ether_type: u16) -> Result<Next, Stop> {
        match ether_type {
            ethernet::PPPOE_DISCOVERY | ethernet::PPPOE_SESSION => self.pppoe(),
            ethernet::MPLS | ethernet::MPLS_UPSTREAM => self.mpls(),
            ethernet::NSH => self.nsh(),
            ethernet::PBB => self.pbb(),
            // A cooked capture on a GRE device with Ethernet inside has this type.
            ethernet::TRANSPARENT_BRIDGING => Ok(Next::Ethernet),
            skipped => {
                let split = if skipped == ethernet::ARISTA { arista::split } else { cisco_metadata::split };
                let (next, rest) = split(self.rest).map_err(at(Layer::Ethernet))?;
                self.advance(rest);
                let in_tunnel = self.packet.headers.mac.is_none() && !self.packet.encapsulations.is_empty();
                if in_tunnel && matches!(next, ethernet::IPV4 | ethernet::IPV6) {
                    self.packet.inner = InnerFrame::Whole { link: LinkType::RAW, bytes: self.rest };
                }
                Ok(Next::EtherType(next))
            }
        }
    }

    /// Decodes MPLS, and guesses what it carries.
    #[cold]
    pub(super) fn mpls(&mut self) -> Result<Next, Stop> {
        let (stack, rest) = mpls::split(self.rest).map_err(at(Layer::Mpls))?;
        self.advance(rest);
        let payload = mpls::payload(self.rest, self.declared).map_err(at(Layer::Mpls))?;
        self.wrap(Tunnel::Mpls { label: stack.label, labels: stack.labels }, Layer::Mpls)?;
        match payload {
            mpls::Payload::Ip(ether_type) => self.enter_ip_as(ether_type),
            mpls::Payload::Ethernet(control_word) => {
                self.advance(self.rest.get(control_word..).unwrap_or(&[]));
                Ok(self.enter_ethernet())
            }
            mpls::Payload::Unknown => Err(self.unknown(None, Layer::Mpls)),
        }
    }

    /// Returns true if a datagram to the port of MPLS has its form: others may use the port.
    #[cold]
    pub(super) fn is_mpls(&self) -> bool {
        let Ok((_, rest)) = mpls::split(self.rest) else { return false };
        let declared = self.declared.saturating_sub(self.rest.len() - rest.len());
        mpls::recognise(rest, declared).is_some()
    }

    #[cold]
    pub(super) fn nsh(&mut self) -> Result<Next, Stop> {
        let (header, rest) = nsh::split(self.rest).map_err(at(Layer::Nsh))?;
        self.advance(rest);
        self.wrap(Tunnel::Nsh { path: header.path, index: header.index }, Layer::Nsh)?;
        self.enter_next(header.payload, Layer::Nsh)
    }

    /// Enters a tunnel that names its payload as NSH does.
    pub(super) fn enter_next(&mut self, payload: nsh::Payload, layer: Layer) -> Result<Next, Stop> {
        match payload {
            nsh::Payload::Ip if self.rest.first().is_some_and(|first| first >> 4 == 6) => {
                self.enter_ip_as(ethernet::IPV6)
            }
            nsh::Payload::Ip => self.enter_ip_as(ethernet::IPV4),
            nsh::Payload::Ethernet => Ok(self.enter_ethernet()),
            nsh::Payload::Nsh => self.enter(ethernet::NSH, layer),
            nsh::Payload::Mpls => self.enter(ethernet::MPLS, layer),
            nsh::Payload::Other => Err(self.unknown(None, layer)),
        }
    }

    /// Enters a tunnel with IP in it that may be the underlay's own. Its Ethernet type then tells ESP in transport mode.
    fn enter_ip_as(&mut self, ether_type: u16) -> Result<Next, Stop> {
        let next = self.enter_ip()?;
        self.packet.headers.ether_type = Some(ether_type);
        Ok(next)
    }

    fn pbb(&mut self) -> Result<Next, Stop> {
        let (service, rest) = pbb::split(self.rest).map_err(at(Layer::Pbb))?;
        self.advance(rest);
        self.wrap(Tunnel::Pbb { service }, Layer::Pbb)?;
        Ok(self.enter_ethernet())
    }

    #[cold]
    pub(super) fn etherip(&mut self) -> Result<Next, Stop> {
        let rest = etherip::split(self.rest).map_err(at(Layer::EtherIp))?;
        self.advance(rest);
        self.wrap(Tunnel::EtherIp, Layer::EtherIp)?;
        Ok(self.enter_ethernet())
    }

    pub(super) fn gre(&mut self) -> Result<Next, Stop> {
        let (header, rest) = gre::split(self.rest).map_err(at(Layer::Gre))?;
        self.advance(rest);
        if let Some(len) = header.payload_len {
            self.limit(len);
        }
        match header.protocol {
            erspan::TYPE_2 | erspan::TYPE_3 => self.erspan(header),
            gre::PPP | gre::WCCP | ethernet::CISCO_METADATA => self.in_gre_only(header),
            wireless if gre::is_wireless(wireless) => self.wireless_in_gre(header),
            ether_type => {
                self.wrap(header.tunnel, Layer::Gre)?;
                self.enter(ether_type, Layer::Gre)
            }
        }
    }

    /// Decodes the payloads that GRE has its own form for.
    #[cold]
    fn in_gre_only(&mut self, header: gre::Header) -> Result<Next, Stop> {
        match header.protocol {
            gre::PPP => {
                self.wrap(header.tunnel, Layer::Gre)?;
                if header.payload_len == Some(0) {
                    // An acknowledgement of PPTP's.
                    self.unknown(None, Layer::Gre);
                    return Ok(Next::End);
                }
                self.enter_ppp()
            }
            gre::WCCP => {
                let rest = gre::redirected(self.rest).map_err(at(Layer::Gre))?;
                self.advance(rest);
                self.wrap(header.tunnel, Layer::Gre)?;
                self.enter_ip()
            }
            _ => {
                let (ether_type, rest) = cisco_metadata::split_in_gre(self.rest).map_err(at(Layer::Gre))?;
                self.advance(rest);
                self.wrap(header.tunnel, Layer::Gre)?;
                self.enter(ether_type, Layer::Gre)
            }
        }
    }

    #[cold]
    fn wireless_in_gre(&mut self, header: gre::Header) -> Result<Next, Stop> {
        const IEEE802_11: LinkType = LinkType::IEEE802_11;
        self.wrap(header.tunnel, Layer::Gre)?;
        self.enter_link(IEEE802_11)
    }

    /// Enters a tunnel that carries frames of another link layer than Ethernet. The innermost frame is what stands in such a
    /// frame from its IP header on, so that copies need not mix link types. Without IP it stays that around the tunnel.
    pub(super) fn enter_link(&mut self, link: LinkType) -> Result<Next, Stop> {
        self.packet.headers = Headers::default();
        self.packet.ip_header = &[];
        let next = self.link(link)?;
        if matches!(next, Next::EtherType(ethernet::IPV4 | ethernet::IPV6)) {
            self.packet.inner = InnerFrame::Whole { link: LinkType::RAW, bytes: self.rest };
        }
        Ok(next)
    }

    #[cold]
    fn erspan(&mut self, gre: gre::Header) -> Result<Next, Stop> {
        let (header, rest) =
            erspan::split(gre.protocol, gre.sequenced, self.rest).map_err(at(Layer::Erspan))?;
        self.advance(rest);
        self.wrap(Tunnel::Erspan { session: header.session }, Layer::Erspan)?;
        match header.payload {
            erspan::Payload::Ethernet => Ok(self.enter_ethernet()),
            erspan::Payload::Ip => self.enter_ip(),
            erspan::Payload::Other => Err(self.unknown(None, Layer::Erspan)),
        }
    }
}
