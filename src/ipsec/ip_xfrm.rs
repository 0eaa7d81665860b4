//! The output of `ip xfrm state`, with or without `-s`. Policies and other lines may stand around it.
//!
//! ```text
//! src 192.0.2.1 dst 192.0.2.2
//!     proto esp spi 0x9aa3ee15 reqid 1 mode transport
//!     replay-window 0 flag esn
//!     aead rfc4106(gcm(aes)) 0x0001… 64
//!     encap type espinudp sport 4500 dport 4500 addr 0.0.0.0
//! ```

use std::net::IpAddr;

use super::bad_line::BadLine;
use super::xfrm_names::{Named, combined, separate};
use super::{AddressPattern, Key, Mode, Sa, Sequence, SpiPattern};
use crate::packet::Spi;

/// Reads the SAs of ESP in the text. SAs of AH and `IPComp`, and larval ones that have no SPI or no key yet, are passed
/// over.
pub(super) fn parse(text: &str) -> Result<Vec<Sa>, BadLine> {
    let mut sas = Vec::new();
    let mut block: Option<Block> = None;
    for (number, line) in (1..).zip(text.lines()) {
        // With -o, ip joins the lines of an SA into one, with backslashes between them.
        for part in line.split('\\') {
            let words: Vec<&str> = part.split_whitespace().collect();
            match words[..] {
                ["src", source, "dst", destination, ..] => {
                    sas.extend(finish(block.take())?);
                    // A policy has prefixes here. All lines up to the next "src" belong to it.
                    if !(source.contains('/') && destination.contains('/')) {
                        block = Some(Block::new(number, source, destination)?);
                    }
                }
                ["Deleted" | "Expired", ..] => sas.extend(finish(block.take())?),
                _ => {
                    if let Some(block) = &mut block {
                        block.read(&words).map_err(|what| BadLine::new(number, what))?;
                    }
                }
            }
        }
    }
    sas.extend(finish(block)?);
    Ok(sas)
}

/// The SA whose lines are being read.
struct Block {
    line: usize,
    source: IpAddr,
    destination: IpAddr,
    proto: Option<String>,
    spi: u32,
    mode: Option<Mode>,
    extended: bool,
    high: u32,
    udp: bool,
    /// True once the selector was read, which stands behind the algorithms. An SA without any is then larval, not cut
    /// off.
    whole: bool,
    aead: Option<Named>,
    cipher: Option<Named>,
    auth: Option<Named>,
}

impl Block {
    fn new(line: usize, source: &str, destination: &str) -> Result<Self, BadLine> {
        let address = |text: &str| {
            text.parse()
                .map_err(|_| BadLine::new(line, "after src and dst an IPv4 or IPv6 address is expected"))
        };
        let (source, destination) = (address(source)?, address(destination)?);
        Ok(Self {
            line,
            source,
            destination,
            proto: None,
            spi: 0,
            mode: None,
            extended: false,
            high: 0,
            udp: false,
            whole: false,
            aead: None,
            cipher: None,
            auth: None,
        })
    }

    fn read(&mut self, words: &[&str]) -> Result<(), &'static str> {
        match *words {
            ["proto", proto, ref rest @ ..] => {
                self.proto = Some(proto.to_owned());
                self.spi = number(after("spi", rest).ok_or("there is no SPI after proto")?)
                    .ok_or("the SPI is not a number of 32 bits")?;
                self.mode = match after("mode", rest) {
                    Some("transport") => Some(Mode::Transport),
                    Some("tunnel" | "iptfs") => Some(Mode::Tunnel),
                    _ => None,
                };
            }
            ["replay-window", ref rest @ ..] => self.extended |= rest.contains(&"esn"),
            ["anti-replay", "esn", ..] => self.extended = true,
            ["seq-hi", ref rest @ ..] => {
                let high = |text: Option<&str>| {
                    text.and_then(|text| number(text.trim_end_matches(','))).unwrap_or(0)
                };
                self.high = high(rest.first().copied()).max(high(after("oseq-hi", rest)));
            }
            ["encap", ref rest @ ..] => {
                self.udp = after("type", rest).is_some_and(|kind| kind.contains("udp"));
            }
            ["sel", ..] => self.whole = true,
            ["aead", ref rest @ ..] => self.aead = Some(named(rest)?),
            ["enc", ref rest @ ..] => self.cipher = Some(named(rest)?),
            // "auth-trunc" says more than "auth", so it is kept when both are there.
            ["auth", ref rest @ ..] if self.auth.is_none() => self.auth = Some(named(rest)?),
            ["auth-trunc", ref rest @ ..] => self.auth = Some(named(rest)?),
            _ => {}
        }
        Ok(())
    }
}

/// Returns the SA of a complete block, `None` if the block is to be passed over.
fn finish(block: Option<Block>) -> Result<Option<Sa>, BadLine> {
    let Some(block) = block else { return Ok(None) };
    let bad = |what| BadLine::new(block.line, what);
    match block.proto.as_deref() {
        None => return Err(bad("this SA has no line with its proto and spi")),
        Some("esp" | "50") if block.spi != 0 => {}
        Some(_) => return Ok(None),
    }
    let algorithm = match (block.aead, block.cipher, block.auth) {
        (Some(aead), ..) => combined(aead).map_err(bad)?,
        (None, None, None) if block.whole => return Ok(None),
        (None, None, None) => return Err(bad("this SA has no line with its algorithm and key")),
        (None, cipher, auth) => separate(cipher, auth).map_err(bad)?,
    };
    Ok(Some(Sa {
        source: AddressPattern::from_kernel(block.source),
        destination: AddressPattern::from_kernel(block.destination),
        spi: SpiPattern::one(Spi(block.spi)),
        mode: block.mode,
        algorithm,
        sequence: if block.extended { Sequence::Extended { high: block.high } } else { Sequence::Short },
        udp: block.udp,
    }))
}

fn after<'a>(word: &str, words: &[&'a str]) -> Option<&'a str> {
    let at = words.iter().position(|other| *other == word)?;
    words.get(at + 1).copied()
}

/// Reads a number as `ip` prints it: `0x10`, `16`, or with -s `0x10(16)`.
fn number(text: &str) -> Option<u32> {
    let text = text.split('(').next()?;
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Reads `NAME [0xKEY [(N bits)]] [BITS]`. An error never quotes a word, because the word could be the key.
fn named(words: &[&str]) -> Result<Named, &'static str> {
    let (&name, mut words) = words.split_first().ok_or("the algorithm has no name")?;
    // Names are printed, so a key must not pass for one. No name of the kernel has eight hexadecimal digits in a row.
    if name.split(|c: char| !c.is_ascii_hexdigit()).any(|digits| digits.len() >= 8) {
        return Err("a key stands where the algorithm's name is expected");
    }
    let mut key = Key::default();
    if let Some((word, rest)) = words.split_first() {
        if word.starts_with("<<") {
            return Err("the keys are hidden here; run ip xfrm state without nokeys");
        }
        if let Some(digits) = word.strip_prefix("0x") {
            key = Key::from_hex(digits).ok_or("the key is not hexadecimal")?;
            words = rest;
        }
    }
    if let [open, _, rest @ ..] = words {
        if open.starts_with('(') {
            words = rest;
        }
    }
    let bits = match words {
        [] => None,
        [bits, ..] => {
            Some(bits.parse().map_err(|_| "after the key the length of the ICV in bits is expected")?)
        }
    };
    Ok(Named { name: name.to_owned(), key, bits })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipsec::{Aead, Algorithm, Auth, Cipher};

    const GCM: &str = "aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 64";

    fn one(lines: &[&str]) -> Sa {
        let mut sas = parse(&format!(
            "src 192.0.2.1 dst 192.0.2.2\n\tproto esp spi 0x00000102 reqid 1 mode tunnel\n\t{}\n",
            lines.join("\n\t")
        ))
        .unwrap();
        assert_eq!(sas.len(), 1);
        sas.remove(0)
    }

    #[test]
    fn an_sa_of_docker() {
        let sa = one(&["replay-window 0 ", GCM, "anti-replay context: seq 0x0, oseq 0x6, bitmap 0x00000000"]);
        assert_eq!(sa.destination, AddressPattern::parse("192.0.2.2").unwrap());
        assert_eq!(sa.spi.exact(), Some(Spi(0x102)));
        assert_eq!((sa.mode, sa.sequence, sa.udp), (Some(Mode::Tunnel), Sequence::Short, false));
        let Algorithm::Combined { cipher: Aead::AesGcm, key, icv: 8 } = sa.algorithm else { panic!() };
        assert_eq!(key.bytes(), (0..20).collect::<Vec<u8>>());
    }

    #[test]
    fn a_cipher_without_a_key_may_have_its_length_told() {
        let auth = "auth-trunc hmac(sha1) 0x000102030405060708090a0b0c0d0e0f10111213 (160 bits) 96";
        let bare = one(&[auth, "enc ecb(cipher_null) "]);
        assert_eq!(bare, one(&[auth, "enc ecb(cipher_null)  (0 bits)"]));
    }

    #[test]
    fn spellings_of_the_same_algorithm() {
        let key = "0x000102030405060708090a0b0c0d0e0f";
        let auth_key = "0x000102030405060708090a0b0c0d0e0f10111213";
        let with = |auth: &str, enc: &str| one(&[auth, enc]).algorithm;
        let long = with(&format!("auth-trunc hmac(sha1) {auth_key} 96"), &format!("enc cbc(aes) {key}"));
        assert!(matches!(
            long,
            Algorithm::Separate { cipher: Cipher::AesCbc, auth: Auth::HmacSha1, icv: 12, .. }
        ));
        assert_eq!(long, with(&format!("auth sha1 {auth_key}"), &format!("enc aes {key}")));
        assert_eq!(
            long,
            with(
                &format!("auth-trunc hmac(sha1) {auth_key} (160 bits) 96"),
                &format!("enc cbc(aes) {key} (128 bits)")
            )
        );
    }

    #[test]
    fn null_ciphers_have_no_key() {
        let sa = one(&["auth-trunc hmac(sha256) 0x0102 128", "enc ecb(cipher_null) "]);
        assert!(matches!(sa.algorithm, Algorithm::Separate { cipher: Cipher::Null, icv: 16, .. }));
    }

    #[test]
    fn what_is_unknown_or_cannot_be_verified_stays_as_unknown() {
        let key = "0x0001020304050607";
        assert_eq!(
            one(&[&format!("auth hmac(md5) {key}"), &format!("enc cbc(des) {key}")]).algorithm.name(),
            "cbc(des)/hmac(md5)"
        );
        assert_eq!(one(&[&format!("enc cbc(aes) {key}")]).algorithm.name(), "cbc(aes)/no authentication");
        assert_eq!(
            one(&["auth-trunc digest_null  0", &format!("enc cbc(aes) {key}")]).algorithm.name(),
            "cbc(aes)/digest_null"
        );
    }

    #[test]
    fn marks_encapsulation_and_long_sequence_numbers() {
        let sa = one(&[
            "replay-window 0 flag af-unspec esn",
            "mark 0xd0c4e3/0xffffffff output-mark 0x1/0xffffffff",
            GCM,
            "encap type espinudp sport 4500 dport 4500 addr 0.0.0.0",
            "anti-replay esn context:",
            " seq-hi 0x0, seq 0x0, oseq-hi 0x3, oseq 0x4",
            " replay_window 128, bitmap-length 4",
            " 00000000 00000000 00000000 00000000 ",
            "if_id 0x7",
            "dir out",
        ]);
        assert!(sa.udp);
        assert_eq!(sa.sequence, Sequence::Extended { high: 3 });
    }

    #[test]
    fn ip_tfs_is_a_tunnel_and_esp_in_tcp_is_not_in_udp() {
        let text = format!(
            "src 192.0.2.1 dst 192.0.2.2\n\tproto esp spi 0x102 reqid 1 mode iptfs\n\t{GCM}\n\t\
             encap type espintcp sport 4500 dport 4500 addr 0.0.0.0\n\tiptfs-opts drop-time 1000000 reorder-window 3\n"
        );
        let sas = parse(&text).unwrap();
        assert_eq!(sas.iter().map(|sa| (sa.mode, sa.udp)).collect::<Vec<_>>(), [(Some(Mode::Tunnel), false)]);
    }

    #[test]
    fn one_line_output_and_lost_indentation_read_the_same() {
        let text = format!(
            "src 192.0.2.1 dst 192.0.2.2\\\tproto esp spi 0x102 reqid 0 mode transport\\\t{GCM}\\\tsel src 0.0.0.0/0 dst 0.0.0.0/0 "
        );
        assert_eq!(parse(&text).unwrap(), parse(&text.replace("\\\t", "\n")).unwrap());
        assert_eq!(parse(&text).unwrap().len(), 1);
    }

    #[test]
    fn policies_other_protocols_and_titles_are_passed_over() {
        let text = format!(
            "== node1\nsrc 192.0.2.1/32 dst 192.0.2.2/32 proto udp dport 4789 \n\tdir out priority 0\n\ttmpl src 192.0.2.1 dst 192.0.2.2\n\t\tproto esp spi 0xef7baa5f reqid 1 mode transport\n\
             src 192.0.2.1 dst 192.0.2.2\n\tproto ah spi 0x101 reqid 0 mode tunnel\n\tauth hmac(sha1) 0x01\n\
             src 192.0.2.1 dst 192.0.2.2\n\tproto esp spi 0x00000000 reqid 0 mode tunnel\n\
             src 2001:db8::1 dst 2001:db8::2\n\tproto esp spi 0x102(258) reqid 0(0x00000000) mode transport\n\t{GCM}\n"
        );
        let sas = parse(&text).unwrap();
        assert_eq!(sas.len(), 1);
        assert_eq!(sas[0].spi.exact(), Some(Spi(0x102)));
    }

    #[test]
    fn an_sa_whose_keys_are_still_negotiated_does_not_spoil_the_others() {
        let larval = "src 192.0.2.1 dst 192.0.2.2\n\tproto esp spi 0x000020e2 reqid 0 mode transport\n\treplay-window 0 \n\t\
             anti-replay context: seq 0x0, oseq 0x0, bitmap 0x00000000\n\tsel src 192.0.2.1/32 dst 192.0.2.2/32 \n";
        let made =
            format!("src 192.0.2.1 dst 192.0.2.2\n\tproto esp spi 0x102 reqid 0 mode transport\n\t{GCM}\n");
        assert_eq!(parse(&format!("{larval}{made}")).unwrap(), parse(&made).unwrap());
    }

    #[test]
    fn a_damaged_line_is_named_by_its_number_and_never_quoted() {
        let head = "src 192.0.2.1 dst 192.0.2.2\n\tproto esp spi 0x102 reqid 0 mode transport\n\t";
        let secret = "000102030405060708090a0b0c0d0e0f101112";
        for (text, line) in [
            (format!("{head}aead rfc4106(gcm(aes)) 0x{secret}1x 64\n"), 3),
            (format!("{head}aead rfc4106(gcm(aes)) {secret}13 64\n"), 3),
            (format!("{head}aead rfc4106(gcm(aes)) 0x{secret} 64\n"), 1),
            (format!("{head}aead rfc4106(gcm(aes)) 0x{secret}13 61\n"), 1),
            (format!("{head}aead 0x{secret}13 64\n"), 3),
            (format!("{head}aead rfc4309(ccm(aes)){secret} 64\n"), 3),
            (format!("{head}aead rfc4106(gcm(aes)) <<Keys hidden>> 64\n"), 3),
            (format!("{head}enc"), 3),
            (head.to_owned(), 1),
            (head.replace("spi 0x102", "spi 0x1020000000"), 2),
            (head.replace("spi 0x102", ""), 2),
            ("src 192.0.2.1 dst 192.0.2.2\n".to_owned(), 1),
            (format!("\n{}", head.replace("192.0.2.2", "192.0.2.300")), 2),
        ] {
            let bad = parse(&text).expect_err(&text);
            assert_eq!(bad.line, line, "{text}: {}", bad.what);
            assert!(!bad.what.contains("0001020304"), "{}", bad.what);
        }
    }
}
