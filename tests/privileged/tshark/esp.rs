//! ESP opened by ovlsniff and by tshark with the same keys.

use std::collections::BTreeMap;
use std::path::Path;

use ovlsniff::ipsec::{self, Opener, Scratch};
use ovlsniff::packet::{Decoder, TunnelPorts};

use crate::reading;

const CAPTURE: &str = "esp/algorithms.pcap";

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|n| char::from_digit(n.into(), 16))
        .collect()
}

/// Decodes a capture with tshark and this `esp_sa` table. Returns, by frame number, the payload of the innermost UDP
/// datagram in hex.
fn tshark(pcap: &Path, esp_sa: &str) -> BTreeMap<u64, String> {
    let profile = tempfile::tempdir().unwrap();
    std::fs::write(profile.path().join("esp_sa"), esp_sa).unwrap();
    let out = std::process::Command::new("tshark")
        .env("WIRESHARK_CONFIG_DIR", profile.path())
        .args([
            "-o",
            "esp.enable_encryption_decode:TRUE",
            "-T",
            "fields",
            "-e",
            "frame.number",
            "-e",
            "udp.payload",
            "-r",
        ])
        .arg(pcap)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let last = |payloads: &str| payloads.rsplit(',').next().unwrap_or_default().to_owned();
    text.lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(n, payloads)| (n.parse().unwrap(), last(payloads)))
        .collect()
}

#[test]
#[ignore = "needs tshark"]
fn tshark_opens_the_same_packets_with_the_table_that_we_write() {
    let all = ipsec::read_file(&reading::path("esp/algorithms.xfrm")).unwrap();
    let (table, left_out) = ipsec::to_wireshark(&all);
    // The table leaves out CCM, GMAC, hashes that are not truncated, and the three SAs that ovlsniff does not open
    // either.
    assert_eq!(left_out.len(), 10 + 4 + 18 + 3);
    // tshark before 4.2 does not know ChaCha20-Poly1305, so the table has it last.
    let theirs = tshark(&reading::path(CAPTURE), &table);
    let mut opener = Opener::new(all);
    let (mut decoder, mut scratch) = (Decoder::new(TunnelPorts::default()), Scratch::default());
    let mut same = 0;
    for kept in reading::frames(CAPTURE) {
        let frame = kept.frame();
        let packet = decoder.decode(&frame);
        let packet = opener.open_packet(&mut decoder, packet, &mut scratch);
        let ours = hex(packet.payload);
        // A packet that tshark does not open has the outer datagram's payload here, or none. Opened ones begin with
        // `vector`, as all datagrams of this capture do.
        if theirs[&frame.number].starts_with("766563746f72") {
            assert_eq!(theirs[&frame.number], ours, "frame {}", frame.number);
            same += 1;
        }
    }
    assert!(same >= 240, "{same}");
}
