//! The speed of opening ESP: compared with the same cipher used in bulk, and with many SAs.
//!
//! `cargo bench --bench esp`; each figure is the best of several rounds.

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Instant;

use aes_gcm::aead::{AeadInOut, KeyInit, inout::InOutBuf};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ovlsniff::ipsec::{
    AddressPattern, Aead, Algorithm, Key, Mode, Opener, Sa, Sequence, SpiPattern, docker_tag,
};
use ovlsniff::packet::Spi;

/// The length of the encrypted part of a full VXLAN packet, in bytes.
const BODY: u16 = 1456;
const LEN: usize = BODY as usize;
const PACKETS: u32 = 5_000;
const ROUNDS: u32 = 60;
const SALT: [u8; 4] = *b"salt";
const IV: [u8; 8] = *b"eight iv";

fn main() {
    gcm("AES-128-GCM", &[7; 16], &Aes128Gcm::new(&[7; 16].into()));
    gcm("AES-256-GCM", &[7; 32], &Aes256Gcm::new(&[7; 32].into()));
    for count in [1, 100, 10_000] {
        println!("{count:>6} SAs: {:.0} ns for a packet of 64 bytes", small(count));
    }
    let (a, b) = (ip("192.0.2.1"), ip("192.0.2.2"));
    let tags = best(|n| {
        black_box(docker_tag(a, b, Spi(n)));
    });
    println!("docker_tag: {:.0} ns for an SPI without one", tags * 1e9);
}

/// The seconds that one call takes, on average over [`PACKETS`] calls.
fn round(call: &mut impl FnMut(u32)) -> f64 {
    let start = Instant::now();
    (0..PACKETS).for_each(call);
    start.elapsed().as_secs_f64() / f64::from(PACKETS)
}

fn best(mut call: impl FnMut(u32)) -> f64 {
    (0..ROUNDS).map(|_| round(&mut call)).fold(f64::MAX, f64::min)
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn sa(spi: u32, key: &[u8]) -> Sa {
    Sa {
        source: AddressPattern::Any,
        destination: AddressPattern::One(ip("192.0.2.2")),
        spi: SpiPattern::one(Spi(spi)),
        mode: Some(Mode::Transport),
        algorithm: Algorithm::combined(Aead::AesGcm, Key::new([key, &SALT].concat()), 16)
            .expect("lengths that fit"),
        sequence: Sequence::Short,
        udp: false,
    }
}

/// An ESP packet of the SA: header, IV, ciphertext, ICV.
fn packet(spi: u32, key: &[u8], body: usize) -> Vec<u8> {
    let mut esp = [&spi.to_be_bytes()[..], &[0, 0, 0, 1], &IV].concat();
    let mut text = vec![0; body - 2];
    text.extend_from_slice(&[0, 59]);
    let nonce = [&SALT[..], &IV].concat();
    let nonce = nonce.as_slice().try_into().expect("12 bytes");
    let header: [u8; 8] = esp[..8].try_into().expect("8 bytes");
    let icv = match key.len() {
        16 => Aes128Gcm::new_from_slice(key).expect("16").encrypt_inout_detached(
            nonce,
            &header,
            InOutBuf::from(&mut text[..]),
        ),
        _ => Aes256Gcm::new_from_slice(key).expect("32").encrypt_inout_detached(
            nonce,
            &header,
            InOutBuf::from(&mut text[..]),
        ),
    };
    esp.extend_from_slice(&text);
    esp.extend_from_slice(&icv.expect("short enough"));
    esp
}

/// Compares opening a packet with bare decryption. The two run in turn, so that other load of the machine slows both.
fn gcm<C: AeadInOut>(name: &str, key: &[u8], bulk: &C) {
    let esp = packet(256, key, LEN);
    let nonce = [&SALT[..], &IV].concat();
    let nonce = nonce.as_slice().try_into().expect("12 bytes");
    let icv = esp[16 + LEN..].try_into().expect("16 bytes");
    let mut out = vec![0; LEN];
    let mut opener = Opener::new([sa(256, key)]);
    let mut scratch = Vec::new();
    let (a, b) = (ip("192.0.2.1"), ip("192.0.2.2"));
    let (mut ours, mut theirs) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        ours = ours.min(round(&mut |_| {
            black_box(opener.open(a, b, black_box(&esp), &mut scratch).expect("authentic"));
        }));
        theirs = theirs.min(round(&mut |_| open_bulk(bulk, nonce, &esp, &mut out, icv)));
    }
    let speed = |seconds| f64::from(BODY) / seconds / 1e9;
    println!(
        "{name}: {:.2} GB/s opened, {:.2} GB/s by aes-gcm in bulk: {:.2} times as long",
        speed(ours),
        speed(theirs),
        ours / theirs
    );
}

/// Decrypts pieces of the same length, also from one buffer to another.
fn open_bulk<C: AeadInOut>(
    gcm: &C,
    nonce: &aes_gcm::aead::Nonce<C>,
    esp: &[u8],
    out: &mut [u8],
    icv: &aes_gcm::aead::Tag<C>,
) {
    let buffer = InOutBuf::new(black_box(&esp[16..16 + LEN]), out).expect("the same length");
    gcm.decrypt_inout_detached(nonce, &esp[..8], buffer, icv).expect("authentic");
}

/// The nanoseconds for a packet of 64 bytes with `count` SAs. Packets of up to 100 different SAs are opened in turn.
fn small(count: u32) -> f64 {
    let key = [7; 16];
    let packets: Vec<_> =
        (0..count.min(100)).map(|n| packet(256 + n * (count / count.min(100)), &key, 64)).collect();
    let mut opener = Opener::new((0..count).map(|n| sa(256 + n, &key)));
    let mut scratch = Vec::new();
    let (a, b) = (ip("192.0.2.1"), ip("192.0.2.2"));
    best(|n| {
        black_box(opener.open(a, b, &packets[n as usize % packets.len()], &mut scratch).expect("authentic"));
    }) * 1e9
}
