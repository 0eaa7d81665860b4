//! PSP, ESP in TCP and IP-TFS as a capture shows them.

use ovlsniff::packet::{
    Decoder, EspKind, Frame, InterfaceNumber, Layer, LinkType, Opaque, Packet, Sealed, Spi, Stop, Timestamp,
    Tunnel, TunnelPorts, Vni, Why, protocol,
};

const SPI: Spi = Spi(0x9a34_5678);
const SECRET: &[u8] = b"GET /secret";

fn decode(decoder: &mut Decoder, bytes: &[u8], look: impl FnOnce(&Packet<'_>)) {
    let frame = Frame {
        number: 1,
        time: Timestamp::new(0, 0, 6),
        link: LinkType::RAW,
        interface: InterfaceNumber(0),
        direction: None,
        wire_len: bytes.len() as u32,
        bytes,
    };
    look(&decoder.decode(&frame));
}

fn decoder() -> Decoder {
    Decoder::new(TunnelPorts::default())
}

fn ipv4(last: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = (20 + payload.len() as u16).to_be_bytes();
    let header = [0x45, 0, high, low, 0, 1, 0, 0, 64, protocol, 0, 0, 192, 0, 2, last, 192, 0, 2, 3 - last];
    [&header, payload].concat()
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let len = 8 + payload.len() as u16;
    let header = [40_000, port, len, 0].map(u16::to_be_bytes).concat();
    [&header, payload].concat()
}

/// UDP, VXLAN, and an Ethernet frame with UDP: 8, 8, and 14 + 20 + 8 bytes of headers.
fn overlay() -> Vec<u8> {
    let inner = [&[2; 12][..], &[8, 0], &ipv4(1, 17, &udp(7007, SECRET))].concat();
    udp(4789, &[&[8, 0, 0, 0, 0, 0, 42, 0][..], &inner].concat())
}

fn tunnels(packet: &Packet<'_>) -> Vec<Tunnel> {
    packet.encapsulations.iter().map(|wrapping| wrapping.tunnel).collect()
}

fn vxlan() -> Tunnel {
    Tunnel::Vxlan(Vni::new(42).unwrap())
}

fn sealing(hides: bool) -> Tunnel {
    Tunnel::Psp { spi: SPI, hides }
}

/// A PSP packet around this payload, with ciphertext from the crypt offset on if the version has one.
fn psp(next_header: u8, offset: u8, version: u8, payload: &[u8]) -> Vec<u8> {
    let seal = |(n, &byte): (usize, &u8)| {
        if version < 2 && n >= usize::from(offset) * 4 { 0xa5 } else { byte }
    };
    let payload: Vec<u8> = payload.iter().enumerate().map(seal).collect();
    let head = [next_header, 1, offset, version << 2 | 1];
    let psp = [&head, &SPI.0.to_be_bytes()[..], &[7; 8], &payload, &[0x5a; 16]].concat();
    ipv4(1, 17, &udp(1000, &psp))
}

#[test]
fn psp_hides_everything_behind_its_header() {
    let bytes = psp(protocol::UDP, 0, 0, &overlay());
    decode(&mut decoder(), &bytes, |packet| {
        assert_eq!(packet.opaque, Some(Opaque::Psp { spi: SPI, clear: 0 }));
        assert_eq!((tunnels(packet), packet.stop), (vec![], None));
        assert_eq!((packet.payload.len(), packet.readable()), (overlay().len() + 16, &[][..]));
    });
}

#[test]
fn psp_shows_what_lies_before_its_crypt_offset() {
    // The ports; all of VXLAN's header; all headers and the first bytes of the payload.
    let rows = [(1, false, 0), (4, true, 0), (15, true, 2)];
    for (offset, shows, clear) in rows {
        let bytes = psp(protocol::UDP, offset, 1, &overlay());
        decode(&mut decoder(), &bytes, |packet| {
            assert_eq!(packet.opaque, Some(Opaque::Psp { spi: SPI, clear }), "{offset}");
            let all = if shows { vec![sealing(true), vxlan()] } else { vec![sealing(true)] };
            assert_eq!((tunnels(packet), packet.stop), (all, None), "{offset}");
            assert_eq!(packet.readable(), &SECRET[..usize::from(clear)], "{offset}");
            assert!(packet.payload.ends_with(&[0x5a; 16]), "{offset}");
        });
    }
}

#[test]
fn psp_in_tunnel_mode_shows_the_inner_addresses() {
    let bytes = psp(protocol::IPV4, 6, 0, &ipv4(2, 17, &overlay()));
    decode(&mut decoder(), &bytes, |packet| {
        let ip = packet.headers.ip.map(|ip| ip.source.to_string());
        assert_eq!(
            (ip.as_deref(), packet.opaque),
            (Some("192.0.2.2"), Some(Opaque::Psp { spi: SPI, clear: 0 }))
        );
    });
}

#[test]
fn psp_that_only_authenticates_is_read() {
    for version in [2, 3] {
        decode(&mut decoder(), &psp(protocol::UDP, 0, version, &overlay()), |packet| {
            assert_eq!((packet.opaque, packet.stop), (None, None));
            assert_eq!(tunnels(packet), [sealing(false), vxlan()]);
            assert_eq!((packet.payload, packet.readable()), (SECRET, SECRET));
        });
    }
}

#[test]
fn psp_cut_or_damaged_anywhere_is_decoded_as_far_as_it_goes() {
    let whole = psp(protocol::UDP, 15, 0, &overlay());
    for len in 0..whole.len() {
        decode(&mut decoder(), &whole[..len], |packet| {
            assert!(packet.readable().len() <= packet.payload.len());
        });
    }
    for at in 20..whole.len() {
        for byte in [0, 1, 0x40, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            decode(&mut decoder(), &bytes, |packet| assert!(packet.readable().len() <= packet.payload.len()));
        }
    }
}

/// A TCP segment to or from port 4500.
fn segment(from_server: bool, payload: &[u8]) -> Vec<u8> {
    let ports = if from_server { [4500, 40_000] } else { [40_000_u16, 4500] };
    let rest = [0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0];
    let tcp = [&ports.map(u16::to_be_bytes).concat(), &rest[..], payload].concat();
    ipv4(if from_server { 2 } else { 1 }, 6, &tcp)
}

fn message(len: u16) -> Vec<u8> {
    let body = vec![0xa5; usize::from(len) - 10];
    [&len.to_be_bytes()[..], &SPI.0.to_be_bytes(), &[0, 0, 0, 9], &body].concat()
}

#[test]
fn esp_in_tcp_is_opaque_both_ways_once_its_stream_is_known() {
    let mut decoder = decoder();
    let mut opaque = |bytes: &[u8]| {
        let mut seen = None;
        decode(&mut decoder, bytes, |packet| seen = packet.opaque);
        seen
    };
    let middle = &message(1400)[700..];
    assert_eq!(opaque(&segment(true, middle)), None, "nothing is known of the stream");
    assert_eq!(opaque(&segment(true, &message(300))), Some(Opaque::EspInTcp { spi: Some(SPI) }));
    assert_eq!(opaque(&segment(true, middle)), None, "one segment may fit by chance");
    assert_eq!(opaque(&segment(false, b"IKETCP")), None);
    assert_eq!(opaque(&segment(true, middle)), Some(Opaque::EspInTcp { spi: None }));
    assert_eq!(opaque(&segment(false, middle)), Some(Opaque::EspInTcp { spi: None }));
    assert_eq!(opaque(&segment(false, b"")), None, "an acknowledgement");
}

/// Decodes ESP with this payload as a key has opened it.
fn opened(next_header: u8, plaintext: &[u8], look: impl FnOnce(&Packet<'_>)) {
    let mut decoder = decoder();
    let esp = ipv4(1, 50, &[0xa5; 90]);
    let frame = Frame {
        number: 1,
        time: Timestamp::new(0, 0, 6),
        link: LinkType::RAW,
        interface: InterfaceNumber(0),
        direction: None,
        wire_len: esp.len() as u32,
        bytes: &esp,
    };
    let packet = decoder.decode(&frame);
    assert!(matches!(packet.opaque, Some(Opaque::Esp { why: Sealed::NoKey, .. })));
    look(&decoder.opened(packet, EspKind::Opened, next_header, plaintext));
}

#[test]
fn the_first_whole_packet_of_ip_tfs_is_decoded_and_the_rest_is_said_to_be_there() {
    let undecoded = Some(Stop { layer: Layer::Aggfrag, why: Why::Unsupported });
    let packet = ipv4(1, 17, &overlay());
    let rows = [(vec![0; 30], None), (ipv4(1, 17, &overlay())[..30].to_vec(), undecoded)];
    for (behind, stop) in rows {
        let payload = [&[0, 0, 0, 0][..], &packet, &behind].concat();
        opened(protocol::AGGFRAG, &payload, |packet| {
            assert_eq!(tunnels(packet)[1..], [vxlan()]);
            assert_eq!((packet.payload, packet.stop, packet.opaque), (SECRET, stop, None));
        });
    }
}

#[test]
fn a_part_of_a_packet_in_ip_tfs_is_not_decoded_and_has_no_headers() {
    let undecoded = |why| Some(Stop { layer: Layer::Aggfrag, why });
    let packet = ipv4(1, 17, &overlay());
    for (payload, stop) in [
        ([&[0, 0, 0, 40][..], &packet[60..]].concat(), undecoded(Why::Unsupported)),
        ([&[0, 0, 0, 0][..], &packet[..60]].concat(), undecoded(Why::Unsupported)),
        (vec![0, 0], undecoded(Why::Truncated)),
        (vec![0; 200], None),
    ] {
        opened(protocol::AGGFRAG, &payload, |packet| {
            assert_eq!((packet.stop, packet.headers.ip, packet.opaque), (stop, None, None));
            assert_eq!((packet.encapsulations.len(), packet.vni()), (1, None));
        });
    }
}
