//! From frames to packets: decode, reassemble, open ESP.
//!
//! ```text
//! Frame -> Decoder -> (a fragment?) Reassembly -> (ESP, and a key?) Opener -> Dissected { frame, packet, whole }
//! ```
//!
//! The order matters. A fragment of an ESP packet cannot be opened, so fragments are put together first. An opened
//! ESP packet may carry a fragment again, of a datagram that was fragmented before it entered the tunnel, so the
//! result of opening goes to reassembly once more. A frame that waits for others is not lost. It comes with its
//! datagram when that is whole; otherwise it comes alone, when it has waited too long or at the end of the capture.
//!
//! An ordinary frame is not copied. Its packet borrows from the frame, from the buffers that hold opened ESP, or from
//! the reassembled datagram. All of these live until the sink returns, which is why packets are handed to a sink and
//! never returned.

use crate::ipsec::{Opener, Scratch};
use crate::packet::{
    Added, Datagram, Decoder, Flow, Frame, Glance, Held, Opaque, Packet, Reassembly, Shown, Timestamp,
    TunnelPorts, Vni,
};

/// Turns frames into packets.
#[derive(Debug)]
pub struct Dissector {
    decoder: Decoder,
    reassembly: Reassembly,
    /// The time until which fragments wait elsewhere, where only a piece of the capture is dissected here.
    elsewhere_until: i64,
    /// True if a frame was later than that.
    is_late: bool,
    opener: Option<Opener>,
    /// The buffers that hold opened packets.
    scratch: Scratch,
}

/// A packet, with the frame that it came in.
#[derive(Clone, Copy)]
pub struct Dissected<'a> {
    /// The frame. For a reassembled datagram, the one that completed it.
    pub frame: &'a Frame<'a>,
    /// The decoded packet.
    pub packet: &'a Packet<'a>,
    /// The datagram, if it came in more than one frame.
    pub whole: Option<Whole<'a>>,
}

/// A reassembled datagram.
#[derive(Clone, Copy)]
pub struct Whole<'a> {
    /// The protocol of its payload.
    pub protocol: u8,
    /// Its payload.
    pub payload: &'a [u8],
    /// The frames before the completing one, in the order of their arrival.
    pub earlier: &'a [Held],
}

/// A datagram that was reassembled earlier and kept, to be dissected once more.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The protocol of its payload.
    pub protocol: u8,
    /// Its payload.
    pub payload: &'a [u8],
    /// The number of its frames.
    pub frames: u32,
}

/// The treatment of a packet that turns out to be a fragment once ESP is opened.
#[derive(Clone, Copy)]
enum Piece {
    /// It waits for the other fragments.
    Waits,
    /// It is taken as it is.
    Alone,
}

impl Dissector {
    /// Makes a dissector that takes UDP to `ports` for tunnels. Datagrams that were fragmented inside a tunnel are
    /// reassembled too.
    pub fn new(ports: TunnelPorts) -> Self {
        let decoder = Decoder::new(ports).hold_in_tunnels();
        Self {
            decoder,
            reassembly: Reassembly::default(),
            elsewhere_until: i64::MAX,
            is_late: false,
            opener: None,
            scratch: Scratch::default(),
        }
    }

    /// Returns the UDP ports that are taken for tunnels.
    pub fn tunnel_ports(&self) -> &TunnelPorts {
        self.decoder.ports()
    }

    /// Returns the UDP ports that are taken for tunnels, to add others to them.
    pub fn ports(&mut self) -> &mut TunnelPorts {
        self.decoder.ports_mut()
    }

    /// Opens ESP with these keys from now on.
    pub fn open_with(&mut self, opener: Opener) {
        self.opener = Some(opener);
    }

    /// Returns the decoder, with what frames have shown it.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Returns the decoder, to go on behind a piece.
    pub fn decoder_mut(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    /// Begins a piece of the capture with what the frames before it have shown. No fragments wait here, but elsewhere some may,
    /// until this time in nanoseconds since the epoch.
    pub fn begin_piece(&mut self, shown: &Shown, idle_until: i64) {
        self.decoder.begin_piece(shown);
        if self.reassembly.was_used() {
            self.reassembly = Reassembly::default();
        }
        (self.elsewhere_until, self.is_late) = (idle_until, false);
    }

    /// Returns true if no frame since the beginning depends on fragments that wait, here or elsewhere, and none of these on it:
    /// all fragments here were put together, and if some wait elsewhere, there were none, and no frame comes after their time.
    pub fn is_complete(&self) -> bool {
        let waits_elsewhere = self.elsewhere_until < i64::MAX;
        self.reassembly.is_empty() && !self.is_late && !(waits_elsewhere && self.reassembly.was_used())
    }

    /// Returns the opener of ESP, if there are keys.
    pub fn opener(&mut self) -> Option<&mut Opener> {
        self.opener.as_mut()
    }

    /// Returns what it takes to say by a glance at a frame's first headers what dissecting it is good for.
    #[inline]
    pub fn glance(&self) -> Glance<'_> {
        self.decoder.glance()
    }

    /// Returns the time, in nanoseconds since the epoch, up to which [`Self::tick`] has nothing to do. It changes with every
    /// call that takes something.
    pub fn idle_until(&self) -> i64 {
        self.reassembly.patient_until().min(self.elsewhere_until)
    }

    /// Returns the flow and the network of a frame that is not worth dissecting: see [`Decoder::flow_at_a_glance`].
    #[inline]
    pub fn flow_at_a_glance(&self, frame: &Frame<'_>) -> Option<(Option<Vni>, Flow)> {
        self.decoder.flow_at_a_glance(frame)
    }

    /// Returns true if fragments wait for the rest of their datagrams. [`Self::tick`] must then be called from time
    /// to time.
    pub fn holds_fragments(&self) -> bool {
        !self.reassembly.is_empty()
    }

    /// Takes the next frame, and hands `sink` the packet that it gives or completes. Call [`Self::tick`] before this.
    ///
    /// # Errors
    /// The error of the sink.
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
    /// The error of the sink.
    #[inline]
    pub fn tick<E>(
        &mut self,
        now: Timestamp,
        sink: &mut impl FnMut(&mut Self, Dissected<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.is_late |= now.nanos > self.elsewhere_until;
        while let Some(datagram) = self.reassembly.expired(now) {
            self.fragments_alone(&datagram, sink)?;
        }
        Ok(())
    }

    /// Ends the capture, or one file of several: fragments that still wait come alone.
    ///
    /// # Errors
    /// The error of the sink.
    pub fn finish<E>(
        &mut self,
        sink: &mut impl FnMut(&mut Self, Dissected<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(datagram) = self.reassembly.drain() {
            self.fragments_alone(&datagram, sink)?;
        }
        Ok(())
    }

    /// Dissects a frame once more. `known` is the datagram that it was part of, if any. No fragment is held.
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
        // If it is not a fragment here, the fragment was found inside ESP, and `esp` will find it there again.
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

    /// Opens an ESP packet, if there are keys.
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
        // The buffers are lent to the packet until the sink returns, and kept for the next packet.
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
