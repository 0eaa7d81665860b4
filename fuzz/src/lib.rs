//! Everything that can happen to a frame, and the properties that all output must have: there is no panic, nothing
//! that a terminal would obey, and all JSON is valid.

use std::convert::Infallible;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ovlsniff::ipsec::{Opener, Sa, read_file};
use ovlsniff::packet::{Decoder, Frame, LinkType, Packet, TunnelPorts, Vni};
use ovlsniff::pattern::{Expressions, Pattern};
use ovlsniff::print::{
    Json, JsonOptions, Ngrep, NgrepOptions, Printer, Shape, Shown, Text, TextOptions, Times, report,
};
use ovlsniff::search::{Found, Outcome, Search, SearchOptions};
use ovlsniff::verify::{Circumstances, Expectation, Network, Peer, Probe, Question, Watch};

/// The link types that are decoded. A seed of `frames` begins with a position in this list.
pub const LINKS: [LinkType; 50] = [
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::PPP,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::IEEE802_5,
    LinkType::ARCNET,
    LinkType::SLIP,
    LinkType::FDDI,
    LinkType::PPP_HDLC,
    LinkType::PPP_ETHER,
    LinkType::ATM_RFC1483,
    LinkType::C_HDLC,
    LinkType::IEEE802_11,
    LinkType::ATM_CLIP,
    LinkType::FRELAY,
    LinkType::ENC,
    LinkType::PFLOG,
    LinkType::IEEE802_11_PRISM,
    LinkType::IP_OVER_FC,
    LinkType::SUNATM,
    LinkType::IEEE802_11_RADIOTAP,
    LinkType::ARCNET_LINUX,
    LinkType::APPLE_IP_OVER_IEEE1394,
    LinkType::USER2,
    LinkType::IEEE802_11_AVS,
    LinkType::PPP_PPPD,
    LinkType::JUNIPER_ETHER,
    LinkType::JUNIPER_PPP,
    LinkType::JUNIPER_FRELAY,
    LinkType::JUNIPER_CHDLC,
    LinkType::PPI,
    LinkType::PPP_WITH_DIR,
    LinkType::C_HDLC_WITH_DIR,
    LinkType::FRELAY_WITH_DIR,
    LinkType::MPLS,
    LinkType::IPNET,
    LinkType::NFLOG,
    LinkType::NETANALYZER,
    LinkType::NETANALYZER_TRANSPARENT,
    LinkType::IPOIB,
    LinkType::PKTAP,
    LinkType::DSA_TAG_BRCM,
    LinkType::DSA_TAG_BRCM_PREPEND,
    LinkType::DSA_TAG_DSA,
    LinkType::DSA_TAG_EDSA,
];

/// Makes a file of these bytes, and a path to it. The file disappears when the process ends in any way.
pub fn file(bytes: &[u8]) -> (File, PathBuf) {
    with_mode(bytes, 0o644)
}

/// Makes a file as [`file`] does, which only its owner may read.
pub fn private_file(bytes: &[u8]) -> (File, PathBuf) {
    with_mode(bytes, 0o600)
}

fn with_mode(bytes: &[u8], mode: u32) -> (File, PathBuf) {
    let named = std::env::temp_dir().join(format!("ovlsniff-fuzz-{}", std::process::id()));
    fs::write(&named, bytes).expect("room for a temporary file");
    fs::set_permissions(&named, fs::Permissions::from_mode(mode)).expect("a file of our own");
    let file = File::open(&named).expect("a file that was just written");
    fs::remove_file(&named).expect("a file of our own");
    let path = format!("/proc/self/fd/{}", file.as_raw_fd()).into();
    (file, path)
}

/// The searches and the watch, with every option switched on that matters to a frame.
pub struct Everything {
    searches: [Search; 2],
    watch: Watch,
    text: [Printer<Vec<u8>>; 2],
    json: Printer<Vec<u8>>,
    outermost: Decoder,
    ngrep: [Printer<Vec<u8>>; 2],
}

// Keys and patterns are made once, because making them takes longer than a frame does.
static KEYS: LazyLock<Vec<Sa>> = LazyLock::new(|| {
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/keys.esp_sa"));
    read_file(file).expect("the fuzz targets' own keys")
});
static PATTERNS: LazyLock<[Pattern; 2]> = LazyLock::new(|| {
    ["[A-Z]", "HTTP"].map(|word| {
        let expressions = Expressions { patterns: vec![word.to_owned()], ..Expressions::default() };
        Pattern::new(&expressions).expect("a pattern of our own")
    })
});

impl Default for Everything {
    fn default() -> Self {
        let opener = || Opener::new(KEYS.iter().cloned());
        let [capitals, http] = PATTERNS.clone();
        let mut keyed = Search::new(
            capitals,
            TunnelPorts::default(),
            SearchOptions { before: 2, after: 1, all: true, ..SearchOptions::default() },
        );
        keyed.open_with(opener());
        let quiet = SearchOptions { matches_only: true, limit: Some(3), ..SearchOptions::default() };
        let text = |shape, utf8, times| {
            let options = TextOptions { shape, utf8, times, ..TextOptions::default() };
            Printer::Text(Text::new(Vec::new(), &options))
        };
        Self {
            searches: [keyed, Search::new(http, TunnelPorts::default(), quiet)],
            watch: Watch::new(question(), None, TunnelPorts::default(), Some(opener())),
            text: [text(Shape::Normal, true, Times::Clock), text(Shape::Hex, false, Times::SinceFirst)],
            json: Printer::Json(Json::new(Vec::new(), JsonOptions::default())),
            outermost: Decoder::new(TunnelPorts::default()),
            ngrep: [Shape::Normal, Shape::Hex].map(|shape| {
                let options = NgrepOptions {
                    shape,
                    protocol: true,
                    times: Times::SinceLast,
                    ..NgrepOptions::default()
                };
                Printer::Ngrep(Ngrep::new(Vec::new(), &options))
            }),
        }
    }
}

fn question() -> Question {
    let network = Network {
        name: "secure".to_owned(),
        vnis: [42, 4098].into_iter().filter_map(Vni::new).collect(),
        port: Some(4789),
        locals: vec![[192, 0, 2, 1].into()],
        peers: vec![Peer { underlay: [192, 0, 2, 2].into(), overlay: Vec::new(), behind: Vec::new() }],
        ..Network::default()
    };
    Question { network, canary: Some(b"canary".to_vec()), ..Question::default() }
}

impl Everything {
    /// Takes the next frame.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        self.watch.frame(frame);
        let Self { searches, text, json, outermost, ngrep, .. } = self;
        let mut packet = Packet::default();
        outermost.outermost_into(frame, &mut packet);
        for printer in ngrep {
            let outcome = Outcome::Clear;
            let shown = Shown {
                frame,
                packet: &packet,
                spans: &[],
                outcome,
                interface: None,
                file: None,
                names: None,
                stream: None,
            };
            printer.packet(&shown).expect("memory does not fail to be written");
        }
        for search in searches {
            let Ok(()) = search.frame(frame, &mut |found| print(text, json, &found));
        }
    }

    /// Ends the capture: what still waits is searched, the watch is judged, and all output is checked.
    pub fn finish(mut self) {
        let Self { searches, text, json, ngrep, .. } = &mut self;
        for search in searches {
            let Ok(()) = search.finish(&mut |found| print(text, json, &found));
        }
        for printer in text.iter_mut().chain(ngrep) {
            assert_plain(printer.writer());
        }
        let lines = std::mem::take(json.writer());
        assert_plain(&lines);
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            serde_json::from_slice::<serde_json::Value>(line).expect("a line of JSON");
        }
        let probe = Probe {
            peer: [192, 0, 2, 2].into(),
            address: [10, 42, 0, 2].into(),
            sequence: 1,
            sent: ovlsniff::packet::Timestamp::new(1, 0, 9),
            inner_len: 100,
            answered: true,
            due: true,
            presumed: false,
        };
        let probes = vec![probe; 5];
        let judged =
            self.watch.finish(Circumstances { dropped: Some(0), probes, ..Circumstances::default() });
        assert_plain(report::text(&judged, Expectation::Encrypted).as_bytes());
        let json = report::json(&judged, Expectation::Encrypted);
        assert_plain(json.as_bytes());
        serde_json::from_str::<serde_json::Value>(&json).expect("a report in JSON");
    }
}

fn print(
    text: &mut [Printer<Vec<u8>>; 2],
    json: &mut Printer<Vec<u8>>,
    found: &Found<'_>,
) -> Result<(), Infallible> {
    if found.show {
        let shown = Shown {
            frame: found.frame,
            packet: found.packet,
            spans: found.spans,
            outcome: found.outcome,
            interface: Some("eth\u{1b}[2J0"),
            file: None,
            names: None,
            stream: found.stream,
        };
        for printer in text.iter_mut().chain([json]) {
            printer.packet(&shown).expect("memory does not fail to be written");
        }
    }
    Ok(())
}

/// Asserts that nothing in the output would be obeyed by a terminal.
pub fn assert_plain(output: &[u8]) {
    let text = std::str::from_utf8(output).expect("UTF-8");
    let bad = text.chars().find(|c| c.is_control() && *c != '\n');
    assert!(bad.is_none(), "{bad:?} in {text:?}");
}
