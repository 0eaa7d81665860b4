//! Opening the ESP of a decoded packet, and decoding the inside.

use super::Opener;
use crate::packet::{Decoder, MAX_DEPTH, Opaque, Packet, Stop, Why};

/// The buffers for the plaintext of opened packets, one for each ESP inside another. They should be kept for the next
/// packet.
pub type Scratch = [Vec<u8>; MAX_DEPTH];

impl Opener {
    /// Opens the ESP at which decoding stopped, and decodes on. ESP inside is opened as well. A packet that is not
    /// ESP is returned as it was, and ESP that stays shut with the reason.
    pub fn open_packet<'a>(
        &mut self,
        decoder: &mut Decoder,
        packet: Packet<'a>,
        scratch: &'a mut Scratch,
    ) -> Packet<'a> {
        let mut packet = packet;
        for scratch in scratch {
            let (Some(Opaque::Esp { spi, sequence, udp, .. }), Some(ip)) = (packet.opaque, packet.headers.ip)
            else {
                return packet;
            };
            let opened = if is_cut_off(&packet) {
                Err(self.cut_off(ip.destination, packet.payload))
            } else {
                self.open(ip.source, ip.destination, packet.payload, scratch)
            };
            match opened {
                Ok(opened) => {
                    packet = decoder.opened(packet, opened.kind, opened.next_header, opened.plaintext);
                }
                Err(why) => {
                    packet.opaque = Some(Opaque::Esp { spi, sequence, udp, why });
                    return packet;
                }
            }
        }
        packet
    }
}

/// Returns true if the end of the ESP packet is missing, because the snaplen cut it off or because this is a fragment.
fn is_cut_off(packet: &Packet<'_>) -> bool {
    matches!(packet.stop, Some(Stop { why: Why::Truncated, .. }))
        || packet.headers.ip.is_some_and(|ip| ip.fragment.is_some())
}
