//! The one way from frames to packets: decode, put together, open.
//!
//! ```text
//! Frame -> Decoder -> (a fragment?) Reassembly -> (ESP, and a key?) Opener -> Dissected { frame, packet, whole }
//! ```
//!
//! The order is not free. A fragment of ESP cannot be opened, so fragments are put together first; and what is opened may
//! be a fragment again, of a datagram that went through the tunnel in pieces, so what comes out of ESP can go round once
//! more. A frame that waits for others is not lost: it comes when its datagram is whole, when its time is over, or at the
//! end, and then alone.
//!
//! Nothing is copied on the way of an ordinary frame. The packet borrows from the frame, from the buffers that opened ESP
//! lies in, or from the datagram that was put together, all of which live until the sink returns; so each packet is handed
//! to a sink and none is returned.

use crate::ipsec::{Opener, Scratch};
use crate::packet::{
    Added, Datagram, Decoder, Frame, Held, Opaque, Packet, Reassembly, Timestamp, TunnelPorts, Worth,
};

/// Makes packets of frames.
#[derive(Debug)]
pub struct Dissector {
    decoder: Decoder,
    reassembly: Reassembly,
    /// The keys, when there are any.
    opener: Option<Opener>,
    /// The buffers that opened packets lie in.
    scratch: Scratch,
}

/// A packet, with the frame that it came in.
#[derive(Clone, Copy)]
pub struct Dissected<'a> {
    /// The frame; of a datagram in fragments the one that completed it.
    pub frame: &'a Frame<'a>,
    /// The frame decoded.
    pub packet: &'a Packet<'a>,
    /// The datagram, when it was more than one frame.
    pub whole: Option<Whole<'a>>,
}

/// A datagram that was put together.
#[derive(Clone, Copy)]
pub struct Whole<'a> {
    /// The protocol of its payload.
    pub protocol: u8,
    /// Its payload.
    pub payload: &'a [u8],
    /// The frames before the last one, in the order of their arrival.
    pub earlier: &'a [Held],
}

/// A datagram that was put together before, as it is kept to be dissected once more.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The protocol of its payload.
    pub protocol: u8,
    /// Its payload.
    pub payload: &'a [u8],
    /// The number of its frames.
    pub frames: u32,
}

/// What becomes of a packet that ESP hid and that is one fragment of its datagram.
#[derive(Clone, Copy)]
enum Piece {
    /// It waits for the others.
    Waits,
    /// It is taken as it is.
    Alone,
}

impl Dissector {
    /// UDP to `ports` is taken for tunnels. Datagrams that went through a tunnel in pieces are put together as well.
    pub fn new(ports: TunnelPorts) -> Self {
        Self::with(Decoder::new(ports).hold_in_tunnels())
    }

    /// As [`Self::new`], but every frame with a tunnel in it comes by itself, also where it carries one fragment only: to
    /// whoever counts what is on the wire.
    pub fn frame_by_frame(ports: TunnelPorts) -> Self {
        Self::with(Decoder::new(ports))
    }

    fn with(decoder: Decoder) -> Self {
        Self { decoder, reassembly: Reassembly::default(), opener: None, scratch: Scratch::default() }
    }

    /// Opens ESP with these keys from now on.
    pub fn open_with(&mut self, opener: Opener) {
        self.opener = Some(opener);
    }

    /// What opens ESP, when there are keys.
    pub fn opener(&mut self) -> Option<&mut Opener> {
        self.opener.as_mut()
    }

    /// What dissecting the frame can be good for, by a glance at its first headers.
    #[inline]
    pub fn glance(&self, frame: &Frame<'_>) -> Worth {
        self.decoder.glance(frame)
    }

    /// Whether fragments wait for the rest of their datagrams, for which [`Self::tick`] is to be called now and then.
    pub fn holds_fragments(&self) -> bool {
        !self.reassembly.is_empty()
    }

    /// Takes the next frame, and hands `sink` the packet that it makes or completes. Call [`Self::tick`] before it.
    ///
    /// # Errors
    /// What the sink returns.
    #[inline]
    pub fn frame<E>(
        &mut self,
        frame: &Frame<'_>,
        sink: &mut impl FnMut(&mut Self, Dissected<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut packet = Packet::default();
        self.decoder.decode_into(frame, &mut packet);
        if packet.is_fragment() {
            self.fragment(frame, &packet, sink)
        } else {
            self.packet(frame, &packet, None, Piece::Waits, sink)
        }
    }

    /// Lets time pass: fragments that have waited too long come alone.
    ///
    /// # Errors
    /// What the sink returns.
    #[inline]
    pub fn tick<E>(
        &mut self,
        now: Timestamp,
        sink: &mut impl FnMut(&mut Self, Dissected<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(datagram) = self.reassembly.expired(now) {
            self.fragments_alone(&datagram, sink)?;
        }
        Ok(())
    }

    /// The end of the frames, or of those of one file: what still waits comes alone.
    ///
    /// # Errors
    /// What the sink returns.
    pub fn finish<E>(
        &mut self,
        sink: &mut impl FnMut(&mut Self, Dissected<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(datagram) = self.reassembly.drain() {
            self.fragments_alone(&datagram, sink)?;
        }
        Ok(())
    }

    /// Dissects a frame once more, which may have been part of a datagram. Nothing is held.
    pub fn again<T>(
        &mut self,
        frame: &Frame<'_>,
        known: Option<Known<'_>>,
        work: impl FnOnce(&Packet<'_>) -> T,
    ) -> T {
        let mut known = known;
        let mut scratch = Scratch::default();
        let mut packet = self.decoder.decode(frame);
        if packet.is_fragment() {
            packet = self.piece(packet, known.take());
        }
        if let Some(opener) = &mut self.opener {
            packet = opener.open_packet(&mut self.decoder, packet, &mut scratch);
        }
        if packet.is_fragment() {
            packet = self.piece(packet, known);
        }
        work(&packet)
    }

    fn piece<'a>(&mut self, packet: Packet<'a>, known: Option<Known<'a>>) -> Packet<'a> {
        match known {
            Some(known) => self.decoder.datagram(packet, known.protocol, known.payload, known.frames),
            None => self.decoder.lone_fragment(packet),
        }
    }

    #[cold]
    fn fragment<E>(
        &mut self,
        frame: &Frame<'_>,
        packet: &Packet<'_>,
        sink: &mut impl FnMut(&mut Self, Dissected<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.reassembly.add(frame, packet) {
            Added::Held => Ok(()),
            Added::Whole { protocol, payload, earlier } => {
                let whole = Whole { protocol, payload: &payload, earlier: earlier.frames() };
                let frames = whole.earlier.len() as u32 + 1;
                let packet = self.decoder.datagram(packet.clone(), protocol, &payload, frames);
                self.packet(frame, &packet, Some(whole), Piece::Alone, sink)
            }
            Added::Alone => self.fragment_alone(frame, sink),
            Added::GivenUp(datagram) => {
                self.fragments_alone(&datagram, sink)?;
                self.fragment_alone(frame, sink)
            }
        }
    }

    fn fragments_alone<E>(
        &mut self,
        datagram: &Datagram,
        sink: &mut impl FnMut(&mut Self, Dissected<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        datagram.frames().iter().try_for_each(|held| self.fragment_alone(&held.frame(), sink))
    }

    fn fragment_alone<E>(
        &mut self,
        frame: &Frame<'_>,
        sink: &mut impl FnMut(&mut Self, Dissected<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut packet = self.decoder.decode(frame);
        // Else it shows only once ESP is open.
        if packet.is_fragment() {
            packet = self.decoder.lone_fragment(packet);
        }
        self.packet(frame, &packet, None, Piece::Alone, sink)
    }

    #[inline]
    fn packet<E>(
        &mut self,
        frame: &Frame<'_>,
        packet: &Packet<'_>,
        whole: Option<Whole<'_>>,
        piece: Piece,
        sink: &mut impl FnMut(&mut Self, Dissected<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if matches!(packet.opaque, Some(Opaque::Esp { .. })) && self.opener.is_some() {
            self.esp(frame, packet, whole, piece, sink)
        } else {
            sink(self, Dissected { frame, packet, whole })
        }
    }

    /// A packet of ESP, when there are keys.
    fn esp<E>(
        &mut self,
        frame: &Frame<'_>,
        packet: &Packet<'_>,
        whole: Option<Whole<'_>>,
        piece: Piece,
        sink: &mut impl FnMut(&mut Self, Dissected<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(opener) = &mut self.opener else {
            return sink(self, Dissected { frame, packet, whole });
        };
        // The buffers are lent to the packet until the sink returns, and kept for the next.
        let mut scratch = std::mem::take(&mut self.scratch);
        let packet = opener.open_packet(&mut self.decoder, packet.clone(), &mut scratch);
        let done = match piece {
            _ if !packet.is_fragment() => sink(self, Dissected { frame, packet: &packet, whole }),
            Piece::Waits => self.fragment(frame, &packet, sink),
            Piece::Alone => {
                let packet = self.decoder.lone_fragment(packet);
                sink(self, Dissected { frame, packet: &packet, whole })
            }
        };
        self.scratch = scratch;
        done
    }
}
