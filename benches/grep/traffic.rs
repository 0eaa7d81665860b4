//! Made-up traffic of a web server. Of a hundred packets, 45 are full, 24 have any length, 30 are bare
//! acknowledgements, and one has the head of a request. Half of the bodies are text, half are noise.

use std::io::{self, BufWriter, Write};

/// The tunnel that carries the packets.
#[derive(Clone, Copy)]
pub(crate) enum Wrapping {
    None,
    Vxlan,
    Esp,
}

const WORDS: &str =
    "the GET it POSTed of and to in page request response server client is that for with on as by ";
const NODES: [[u8; 4]; 2] = [[192, 0, 2, 1], [192, 0, 2, 2]];
const FULL: usize = 1448;

/// Writes a capture of at least `size` bytes, which is always the same. Returns the number of its packets.
pub(crate) fn write(file: impl Write, wrapping: Wrapping, size: usize) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let (mut dice, mut packets, mut written) = (Dice(0x9e37_79b9_7f4a_7c15), 0, 24);
    let noise: Vec<u8> = (0..1 << 16).map(|_| dice.below(256) as u8).collect();
    let text: Vec<u8> = WORDS.bytes().cycle().take(1 << 16).collect();
    // The file's header: little-endian, microseconds, version 2.4, Ethernet (draft-ietf-opsawg-pcap).
    out.write_all(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0])?;
    while written < size {
        let inner = frame(&mut dice, &noise, &text);
        let frame = match wrapping {
            Wrapping::None => inner,
            Wrapping::Vxlan => vxlan(&inner, &mut dice),
            Wrapping::Esp => esp(inner.len(), packets as u32, &noise, &mut dice),
        };
        let len = (frame.len() as u32).to_le_bytes();
        for part in [&[0; 8][..], &len, &len, &frame] {
            out.write_all(part)?;
        }
        written += 16 + frame.len();
        packets += 1;
    }
    out.flush()?;
    Ok(packets)
}

/// Marsaglia's xorshift, which gives the same numbers everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }
}

fn frame(dice: &mut Dice, noise: &[u8], text: &[u8]) -> Vec<u8> {
    let from = [10, 0, dice.below(256) as u8, 1 + dice.below(254) as u8];
    let len = match dice.below(100) {
        0..45 => FULL,
        45..69 => 60 + dice.below(1200),
        69..99 => 0,
        _ => {
            let head = format!("GET /{} HTTP/1.1\r\nHost: web\r\nAccept: */*\r\n\r\n", dice.below(1 << 20));
            return ethernet(&ipv4(6, from, [10, 0, 0, 2], &tcp(head.as_bytes(), dice)));
        }
    };
    let body = if dice.below(2) == 0 { noise } else { text };
    let start = dice.below(body.len() - FULL);
    let mut frame = ethernet(&ipv4(6, from, [10, 0, 0, 2], &tcp(&body[start..start + len], dice)));
    // Short Ethernet frames are padded.
    frame.resize(frame.len().max(60), 0);
    frame
}

fn ethernet(packet: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0][..], packet].concat()
}

fn ipv4(protocol: u8, from: [u8; 4], to: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let [high, low] = (20 + payload.len() as u16).to_be_bytes();
    [&[0x45, 0, high, low, 0, 1, 0x40, 0, 64, protocol, 0, 0][..], &from, &to, payload].concat()
}

fn tcp(payload: &[u8], dice: &mut Dice) -> Vec<u8> {
    let [high, low] = (1024 + dice.below(60_000) as u16).to_be_bytes();
    let header = [high, low, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x80, 0x18, 1, 0, 0, 0, 0, 0];
    [&header[..], &[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1], payload].concat()
}

/// Wraps a frame in VXLAN with VNI 4097 (RFC 7348).
fn vxlan(inner: &[u8], dice: &mut Dice) -> Vec<u8> {
    let [high, low] = (49_152 + dice.below(16_384) as u16).to_be_bytes();
    let [len_high, len_low] = (16 + inner.len() as u16).to_be_bytes();
    let headers = [high, low, 0x12, 0xb5, len_high, len_low, 0, 0, 8, 0, 0, 0, 0, 0x10, 1, 0];
    ethernet(&ipv4(17, NODES[0], NODES[1], &[&headers[..], inner].concat()))
}

/// Makes an ESP packet with the length that the frame would have in AES-GCM with an ICV of 16 bytes (RFC 4106), and
/// with noise for ciphertext.
fn esp(inner: usize, sequence: u32, noise: &[u8], dice: &mut Dice) -> Vec<u8> {
    let len = 8 + (inner + 16 + 2).next_multiple_of(4) + 16;
    let start = dice.below(noise.len() - len);
    let header = [0x9a, 0xa3, 0xee, 0x15];
    let packet = [&header[..], &sequence.to_be_bytes(), &noise[start..start + len]].concat();
    ethernet(&ipv4(50, NODES[0], NODES[1], &packet))
}
