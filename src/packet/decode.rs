//! The way of a frame through the layers.

mod layer2;
mod link;
mod links;
mod network;
mod outermost;
mod over_ip;
mod over_udp;
mod serial;
mod shown;
mod tunnel;

use super::glance::Glance;
use super::wireguard::Sessions;
use super::{
    EspKind, Flow, Frame, InnerFrame, Layer, LinkType, Opaque, Packet, Spi, Stop, Tunnel, TunnelPorts, Vni,
    Why, ethernet,
};
pub use shown::Shown;

/// Turns frames into packets, or into ngrep's view of them ([`Decoder::outermost_into`]).
///
/// Decoding never fails: it goes as far as the bytes are good, and the [`Packet`] says where it stopped. A frame that
/// is one fragment of a datagram is decoded only up to its IP header ([`Packet::is_fragment`]). The caller puts
/// datagrams together with [`super::Reassembly`] and goes on with [`Decoder::datagram`], or with
/// [`Decoder::lone_fragment`]. Fragments inside a tunnel are decoded one by one, unless [`Decoder::hold_in_tunnels`]
/// was asked for.
#[derive(Clone, Debug)]
pub struct Decoder {
    ports: TunnelPorts,
    shown: Shown,
    /// `None` where only a piece of the capture is decoded.
    sessions: Option<Sessions>,
    /// True if there were none for a message that asks for them.
    wants_sessions: bool,
    in_tunnels: bool,
}

impl Decoder {
    /// Makes a decoder that takes UDP datagrams to these ports for tunnels.
    pub fn new(ports: TunnelPorts) -> Self {
        Self {
            ports,
            shown: Shown::new(),
            sessions: Some(Sessions::new()),
            wants_sessions: false,
            in_tunnels: false,
        }
    }

    /// Leaves fragments inside tunnels alone too. This does not apply inside a reassembled datagram.
    #[must_use]
    pub fn hold_in_tunnels(self) -> Self {
        Self { in_tunnels: true, ..self }
    }

    /// Returns the UDP ports that are taken for tunnels.
    pub fn ports(&self) -> &TunnelPorts {
        &self.ports
    }

    /// Returns the UDP ports that are taken for tunnels, to add others to them.
    pub fn ports_mut(&mut self) -> &mut TunnelPorts {
        &mut self.ports
    }

    /// Returns what it takes to say by a glance at a frame's first headers what decoding it is good for.
    #[inline]
    pub fn glance(&self) -> Glance<'_> {
        Glance { ports: &self.ports, learned: &self.shown.learned }
    }

    /// Returns the innermost flow of a frame and the VNI of its network, as decoding would give them. `None` if that takes
    /// more than a glance. It holds only for frames of which [`Self::glance`] does not say `Worth::Others`.
    #[inline]
    pub fn flow_at_a_glance(&self, frame: &Frame<'_>) -> Option<(Option<Vni>, Flow)> {
        Glance { ports: &self.ports, learned: &self.shown.learned }.flow(frame)
    }

    /// Decodes a frame.
    pub fn decode<'a>(&mut self, frame: &Frame<'a>) -> Packet<'a> {
        let mut packet = Packet::default();
        self.decode_into(frame, &mut packet);
        packet
    }

    /// Decodes a frame into an empty `packet`. This is done for every packet, where moving 600 bytes would be
    /// noticed.
    #[inline]
    pub fn decode_into<'a>(&mut self, frame: &Frame<'a>, packet: &mut Packet<'a>) {
        packet.direction = frame.direction;
        packet.inner = InnerFrame::Whole { link: frame.link, bytes: frame.bytes };
        packet.frames = 1;
        let declared = (frame.wire_len as usize).max(frame.bytes.len());
        self.walk(packet, frame.bytes, declared, Fragments::Hold).run(Next::Link(frame.link));
    }

    /// Returns what is behind the header of a link type: an IP packet (RAW) or an Ethernet frame, and its length on the wire.
    /// `None` if it is something else, as a frame of 802.11's management is.
    pub fn behind_link<'a>(
        &mut self,
        link: LinkType,
        bytes: &'a [u8],
        wire_len: u32,
    ) -> Option<(LinkType, &'a [u8], u32)> {
        let mut packet = Packet::default();
        let declared = (wire_len as usize).max(bytes.len());
        let mut walk = self.walk(&mut packet, bytes, declared, Fragments::Decode);
        let mut next = Next::Link(link);
        let found = loop {
            next = match next {
                Next::Link(link) => walk.link(link).ok()?,
                Next::Ip | Next::EtherType(ethernet::IPV4 | ethernet::IPV6) => break LinkType::RAW,
                Next::EtherType(tag) if ethernet::is_tag(tag) => walk.ether_type(tag).ok()?,
                Next::Ethernet => break LinkType::ETHERNET,
                _ => return None,
            };
        };
        Some((found, walk.rest, u32::try_from(walk.declared).unwrap_or(u32::MAX)))
    }

    /// Goes on with a fragment whose datagram will not be put together. A first fragment is decoded as far as it
    /// reaches. A later one is payload, or opaque if it is ESP's.
    pub fn lone_fragment<'a>(&mut self, packet: Packet<'a>) -> Packet<'a> {
        let mut packet = packet;
        let Some(ip) = packet.headers.ip else { return packet };
        packet.held = false;
        let rest = packet.payload;
        let declared = ip.fragment.map_or(rest.len(), |fragment| usize::from(fragment.len)).max(rest.len());
        self.walk(&mut packet, rest, declared, Fragments::Decode).run(Next::IpPayload);
        packet
    }

    /// Goes on with the payload of a whole datagram, put together from `frames` fragments. `packet` is one of these,
    /// and `protocol` is that of the first one.
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
        packet.held = false;
        packet.stop = None;
        packet.frames = frames;
        packet.inner = InnerFrame::Parts { ip: packet.ip_header, protocol, segment: payload };
        self.walk(&mut packet, payload, payload.len(), Fragments::Decode).run(Next::IpPayload);
        packet
    }

    /// Goes on inside an ESP packet that a key has opened. `packet` is the opaque packet, `kind` says whether its SA
    /// encrypts, `plaintext` is what the ESP packet carries without its padding, and `next_header` is the protocol of
    /// that.
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
        let fragments = if packet.frames == 1 { Fragments::Hold } else { Fragments::Decode };
        self.walk(&mut packet, plaintext, plaintext.len(), fragments).run(Next::Esp(esp, next_header));
        packet
    }

    fn walk<'d, 'a>(
        &'d mut self,
        packet: &'d mut Packet<'a>,
        rest: &'a [u8],
        declared: usize,
        fragments: Fragments,
    ) -> Walk<'d, 'a> {
        Walk { decoder: self, packet, whole: rest, rest, declared, fragments, beyond: Beyond::Nothing }
    }
}

enum Next {
    Link(LinkType),
    Ethernet,
    EtherType(u16),
    Ip,
    /// The payload of the IP header that is in the packet's headers.
    IpPayload,
    /// The payload of readable ESP, with its protocol.
    Esp(Tunnel, u8),
    End,
}

#[derive(PartialEq, Eq)]
enum Fragments {
    /// It is left alone, to be put together with the others.
    Hold,
    /// It is decoded as it stands.
    Decode,
    /// The same, and nothing is decoded behind the outermost packet.
    Outermost,
}

struct Walk<'d, 'a> {
    decoder: &'d mut Decoder,
    packet: &'d mut Packet<'a>,
    /// The bytes that the walk began with.
    whole: &'a [u8],
    /// The captured part of the bytes that are left.
    rest: &'a [u8],
    /// The number of bytes that are left according to the headers. It is larger than `rest` if the capture cut them
    /// off.
    declared: usize,
    fragments: Fragments,
    beyond: Beyond<'a>,
}

/// The bytes behind those that are decoded, where a header gives less than what follows it.
enum Beyond<'a> {
    Nothing,
    /// The ciphertext of PSP. It stands behind the part in clear.
    Sealed {
        spi: Spi,
        clear: &'a [u8],
        whole: &'a [u8],
    },
    /// More packets of IP-TFS.
    Packets,
    /// More frames of an aggregate of 802.11, or more pieces of a frame.
    Wireless,
}

impl<'a> Walk<'_, 'a> {
    fn run(mut self, mut next: Next) {
        loop {
            let step = match next {
                Next::Link(link) => self.link(link),
                Next::Ethernet => self.ethernet(),
                Next::EtherType(ether_type) => self.ether_type(ether_type),
                Next::Ip => {
                    let step = self.ip();
                    if self.fragments == Fragments::Outermost {
                        self.behind_outermost(step.err());
                        Ok(Next::End)
                    } else {
                        step
                    }
                }
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
        match self.beyond {
            Beyond::Nothing => {}
            Beyond::Sealed { spi, clear, whole } => self.packet.seal(spi, clear, whole),
            Beyond::Packets => {
                let undecoded = Stop { layer: Layer::Aggfrag, why: Why::Unsupported };
                self.packet.stop.get_or_insert(undecoded);
            }
            Beyond::Wireless => {
                let undecoded = Stop { layer: Layer::Ieee80211, why: Why::Unsupported };
                let headers = self.packet.stop.filter(|stop| stop.layer != Layer::Payload);
                self.packet.stop = Some(headers.unwrap_or(undecoded));
            }
        }
    }

    fn stop(&mut self, stop: Stop) {
        if stop.why == Why::Truncated && self.rest.len() < self.declared {
            // The beginning of a header is no payload. If the packet is too short for the header, its bytes are not that of
            // one, and they are searched as they are.
            self.rest = &[];
        } else if matches!(stop.why, Why::Truncated | Why::Malformed) {
            // The length in the header in front contradicts what follows, so what is behind that length is searched as well.
            let behind = (self.rest.as_ptr() as usize).checked_sub(self.whole.as_ptr() as usize);
            self.rest = behind.and_then(|behind| self.whole.get(behind..)).unwrap_or(self.rest);
        }
        self.packet.stop = Some(stop);
    }

    /// Goes on behind a header: `rest` is what follows it.
    fn advance(&mut self, rest: &'a [u8]) {
        self.declared -= (self.rest.len() - rest.len()).min(self.declared);
        self.rest = rest;
    }

    /// Applies the length that a header gives to what follows. Bytes after that are padding.
    fn limit(&mut self, len: usize) {
        self.declared = len;
        self.rest = self.rest.get(..len).unwrap_or(self.rest);
    }
}

fn at(layer: Layer) -> impl Fn(Why) -> Stop {
    move |why| Stop { layer, why }
}
