// Most of these tests need a single span.
#![allow(clippy::single_range_in_vec_init)]

use base64::Engine;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::escape::is_plain;
use crate::host::docker::names::Table;
use crate::packet::{
    Direction, EspKind, Fragment, Frame, Headers, Ip, Layer, MacAddress, Macs, Opaque, Packet, Sealed, Spi,
    Stop, Timestamp, Transport, TypeCode, Why, WireGuardMessage,
};
use crate::print::samples::{
    esp, frame, hosts, ip, json_printer, macs, packet, request, shown, stretch, tcp, tunnels, vxlan,
};
use crate::print::{Mark, Outcome};
use crate::search::{Begun, EndWhy, Overlap, Stretch};

fn lines(options: JsonOptions, shown: &[Shown<'_>]) -> String {
    let mut printer = json_printer(options);
    let mut expected = Vec::new();
    for one in shown {
        printer.mark(Mark::Clear).unwrap();
        printer.packet(one).unwrap();
        expected.extend(record::tests::line(one, options.limit.unwrap_or(usize::MAX)));
    }
    printer.end_line().unwrap();
    let text = String::from_utf8(printer.writer().clone()).unwrap();
    assert_eq!(text, String::from_utf8(expected).unwrap());
    text
}

fn line(shown: &Shown<'_>) -> Value {
    let text = lines(JsonOptions::default(), &[*shown]);
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_match_in_a_tunnel_is_one_line_with_everything_in_it() {
    let mut wrapped = packet(tcp("10.0.1.6", "10.0.1.3", (49142, 80), 0x18), b"GET / HTTP/1.1\r\n\r\n");
    wrapped.headers.mac = Some(Macs {
        source: MacAddress([2, 0x42, 10, 0, 1, 6]),
        destination: MacAddress([2, 0x42, 10, 0, 1, 3]),
    });
    let mut outer = vxlan(4097);
    outer.outer.mac = Some(Macs {
        source: MacAddress([2, 0x42, 0xac, 0x1f, 0, 2]),
        destination: MacAddress([2, 0x42, 0xac, 0x1f, 0, 3]),
    });
    outer.outer.ether_type = Some(0x0800);
    wrapped.encapsulations.push(outer);
    let frame = Frame { direction: Some(Direction::In), wire_len: 162, bytes: &[0; 162], ..frame(394) };
    let shown = Shown { interface: Some("eth1"), ..shown(&frame, &wrapped, &[6..10]) };
    let documentation = include_str!("../../../docs/json.md");
    let example = documentation.split("```json").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(line(&shown), serde_json::from_str::<Value>(example).unwrap());
    let text = lines(JsonOptions::default(), &[shown]);
    assert!(
        text.starts_with(r#"{"v":1,"number":394,"outcome":"match","time":"2023-11-14T22:13:20.500000Z","#),
        "{text}"
    );
}

#[test]
fn an_opaque_packet_says_why_and_shows_no_ciphertext() {
    let mut sealed = packet(hosts("192.0.2.1", "192.0.2.2", 50), b"ciphertext");
    sealed.opaque = Some(Opaque::Esp { spi: Spi(0x9aa3_ee15), sequence: 7, udp: false, why: Sealed::BadIcv });
    let found = line(&shown(&frame(1), &sealed, &[]));
    let expected = serde_json::json!(
        {"kind": "esp", "why": "bad-icv", "spi": "0x9aa3ee15", "sequence": 7, "udp": false,
         "docker_key_tag": 13901, "docker_key_variant": "mapped"}
    );
    assert_eq!(found["opaque"], expected);
    assert_eq!(found["outcome"], "opaque");
    assert_eq!(found["payload"], serde_json::json!({"len": 10}));
}

#[test]
fn wrappings_stand_from_the_inside_out() {
    let mut wrapped = request();
    wrapped.encapsulations.push(esp(EspKind::Null));
    wrapped.encapsulations.push(vxlan(4098));
    let found = line(&shown(&frame(1), &wrapped, &[]));
    let kinds: Vec<_> = found["encapsulations"].as_array().unwrap().iter().map(|e| &e["kind"]).collect();
    assert_eq!(kinds, ["vxlan", "esp-null"]);
    assert_eq!(found["encapsulations"][1]["spi"], "0x9aa3ee15");
}

#[test]
fn a_time_has_the_captures_digits_and_all_its_nanoseconds() {
    let request = request();
    let time = |time| line(&shown(&Frame { time, ..frame(1) }, &request, &[]));
    let exact = time(Timestamp::new(1_700_000_000, 123_456_789, 9));
    assert_eq!(exact["time"], "2023-11-14T22:13:20.123456789Z");
    assert_eq!(exact["time_ns"], "1700000000123456789");
    assert_eq!(time(Timestamp::new(1_700_000_000, 500_000_000, 6))["time"], "2023-11-14T22:13:20.500000Z");
    assert_eq!(time(Timestamp::new(1_700_000_000, 0, 0))["time"], "2023-11-14T22:13:20Z");
}

#[test]
fn the_limit_cuts_what_is_written_and_not_the_length() {
    let (request, frame) = (request(), frame(1));
    let text = lines(JsonOptions { limit: Some(3) }, &[shown(&frame, &request, &[])]);
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["payload"], serde_json::json!({"len": 40, "text": "GET", "base64": "R0VU"}));
}

#[test]
fn nothing_in_a_string_can_act_on_a_terminal() {
    let headers = tcp("10.0.0.1", "10.0.0.2", (1, 2), 0);
    let payload = "a\u{1b}[2J\u{7f}\u{9b}31m\u{202e}\"\\ü\u{1f642}\u{e0001}".as_bytes();
    let (packet, frame) = (packet(headers, payload), frame(1));
    let shown = Shown { interface: Some("eth\u{9b}0"), ..shown(&frame, &packet, &[]) };
    let text = lines(JsonOptions::default(), &[shown]);
    assert!(text.contains(r#""text":"a\u001b[2J\u007f\u009b31m\u202e\"\\ü🙂\udb40\udc01""#), "{text}");
    assert!(text.contains(r#""interface":"eth\u009b0""#), "{text}");
    assert_eq!(line(&shown)["payload"]["text"].as_str().unwrap().as_bytes(), payload);
}

fn payload(bytes: &[u8]) {
    let (packet, frame) = (packet(tcp("10.0.0.1", "10.0.0.2", (1, 2), 0), bytes), frame(1));
    for limit in [None, Some(bytes.len() / 2)] {
        lines(JsonOptions { limit }, &[shown(&frame, &packet, &[])]);
    }
}

/// Each payload is compared with what serde makes of it: see [`lines`].
#[test]
fn every_byte_and_every_character_is_written_at_every_place_of_a_step() {
    for byte in 0..=u8::MAX {
        for before in 0..20 {
            payload(&[&b"a".repeat(before), &[byte][..], b"bcdefghijklmnopqrstuvwxyz"].concat());
            payload(&[&b"\n".repeat(before), &[byte; 40][..]].concat());
        }
    }
    for before in 0..20 {
        for text in [
            "\u{7f}\u{80}\u{9b}\u{a0}\u{ad}ü\u{301}\u{378}",
            "\u{202e}\u{2066}世\u{feff}\u{fffd}\u{ffff}\u{e000}",
            "\u{e0001}🙂\u{10ffff}\u{1d173}",
        ] {
            let bytes = [&b"\0".repeat(before), text.as_bytes(), text.as_bytes()].concat();
            for end in before..bytes.len() {
                payload(&bytes[..end]);
                payload(&[&bytes[..end], b"\xff and what follows it"].concat());
            }
        }
    }
    let all: String = (0..=u32::from(char::MAX)).filter_map(char::from_u32).collect();
    payload(all.as_bytes());
    let mut random = 1_u32;
    let mut byte = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 24) as u8
    };
    payload(&std::iter::repeat_with(&mut byte).take(300_000).collect::<Vec<_>>());
    // Few bytes that do not begin or continue a character.
    payload(&std::iter::repeat_with(|| byte() | 0x80).take(100_000).collect::<Vec<_>>());
}

/// Makes packets of every form that the schema describes.
fn variety() -> Vec<Packet<'static>> {
    let outer =
        Headers { mac: Some(macs()), ether_type: Some(0x86dd), ..hosts("2001:db8::1", "2001:db8::2", 47) };
    let numbered = (Spi(1), u32::MAX);
    let mut all = vec![packet(Headers::default(), b"")];
    for tunnel in tunnels() {
        let mut wrapped = request();
        wrapped.encapsulations.push(crate::packet::Encapsulation { tunnel, outer });
        all.push(wrapped);
    }
    for why in [Sealed::NoKey, Sealed::BadIcv, Sealed::Truncated, Sealed::UnknownAlgorithm] {
        all.push(opaque(Opaque::Esp { spi: numbered.0, sequence: 0, udp: why == Sealed::NoKey, why }));
    }
    for kind in [
        Opaque::EspFragment,
        Opaque::EspTruncated,
        Opaque::WireGuard(WireGuardMessage::Data { receiver: 7, counter: 1 }),
        Opaque::EspInTcp { spi: None },
        Opaque::EspInTcp { spi: Some(Spi(u32::MAX)) },
        Opaque::Psp { spi: Spi(1), clear: 3 },
        Opaque::Macsec { sci: Some(crate::packet::Sci([0xff; 8])) },
        Opaque::Ieee80211,
        Opaque::IpComp { cpi: Some(u16::MAX) },
        Opaque::IpComp { cpi: None },
    ] {
        all.push(opaque(kind));
    }
    let message = TypeCode { kind: 255, code: 255 };
    for (transport, protocol) in
        [(Transport::Icmp(message), 1), (Transport::Icmpv6(message), 58), (Transport::Igmp(message), 2)]
    {
        all.push(packet(Headers { transport, ..hosts("::", "ff02::1", protocol) }, b"\xff"));
    }
    all.extend((0..=255).map(|protocol| packet(hosts("10.0.0.1", "10.0.0.2", protocol), b"")));
    let mut piece = packet(hosts("10.0.0.1", "10.0.0.2", 89), b"x");
    let fragment = Some(Fragment { id: u32::MAX, offset: 65_528, more: false, len: 1 });
    piece.headers.ip = Some(Ip { fragment, ..ip("10.0.0.1", "10.0.0.2", 89) });
    piece.headers.vlan.push(4095);
    piece.headers.vlan.push(0);
    all.push(piece);
    let mut tagged = request();
    (0..300).for_each(|id| tagged.headers.vlan.push(id));
    all.push(tagged);
    for (layer, why) in [
        (Layer::Ipv6Extension, Why::Truncated),
        (Layer::VxlanGpe, Why::Malformed),
        (Layer::Link, Why::Unsupported),
        (Layer::Geneve, Why::TooDeep),
        (Layer::Ipv4, Why::Fragment),
        (Layer::VxlanGpe, Why::Unsupported),
    ] {
        let mut cut = packet(Headers { mac: Some(macs()), ..Headers::default() }, b"rest");
        cut.stop = Some(Stop { layer, why });
        all.push(cut);
    }
    all
}

fn opaque(kind: Opaque) -> Packet<'static> {
    Packet { opaque: Some(kind), ..packet(hosts("192.0.2.1", "192.0.2.2", 50), b"ciphertext") }
}

/// Checks a value against the part of JSON Schema that our schema uses. An unknown keyword is a failure, so that
/// nothing in the schema goes unchecked.
fn check(schema: &Value, root: &Value, value: &Value, at: &str) {
    for (keyword, rule) in schema.as_object().unwrap() {
        let number = || rule.as_i64().unwrap();
        let holds = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                check(&root["$defs"][name], root, value, at);
                true
            }
            "type" => match rule.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64() || value.is_u64(),
                other => panic!("{at}: type {other}"),
            },
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "pattern" => regex::Regex::new(rule.as_str().unwrap()).unwrap().is_match(value.as_str().unwrap()),
            "minimum" => value.as_i64().unwrap() >= number(),
            "maximum" => value.as_i64().unwrap() <= number(),
            "minItems" => value.as_array().unwrap().len() >= rule.as_u64().unwrap() as usize,
            "maxItems" => value.as_array().unwrap().len() <= rule.as_u64().unwrap() as usize,
            "items" => {
                for (n, item) in value.as_array().unwrap().iter().enumerate() {
                    check(rule, root, item, &format!("{at}/{n}"));
                }
                true
            }
            "required" => {
                rule.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some())
            }
            "additionalProperties" => {
                assert_eq!(rule, &Value::Bool(false));
                value.as_object().unwrap().keys().all(|name| schema["properties"].get(name).is_some())
            }
            "properties" => {
                for (name, member) in value.as_object().unwrap() {
                    if let Some(rule) = rule.get(name) {
                        check(rule, root, member, &format!("{at}/{name}"));
                    }
                }
                true
            }
            other => panic!("{at}: keyword {other}"),
        };
        assert!(holds, "{at}: {value} against {keyword} {rule}");
    }
}

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/json-schema.json")).unwrap()
}

#[test]
fn every_line_is_as_the_schema_says() {
    let schema = schema();
    let out = Frame { direction: Some(Direction::Out), ..frame(u64::from(u32::MAX)) };
    for packet in variety() {
        for outcome in [Outcome::Match, Outcome::Opaque, Outcome::Clear, Outcome::NotDecoded] {
            let value = line(&Shown { outcome, interface: Some("eth0"), ..shown(&out, &packet, &[0..1]) });
            check(&schema, &schema, &value, "");
        }
    }
}

#[test]
fn names_stand_beside_addresses_and_vnis() {
    let table = Table::of(
        &[("insecure", 4097), ("bridge", 0)],
        &[
            ("insecure", "10.0.1.6", "web.1"),
            ("insecure", "10.0.1.3", "d\"\u{202e}"),
            ("bridge", "192.0.2.2", "node2"),
        ],
    );
    let mut wrapped = packet(tcp("10.0.1.6", "10.0.1.3", (49142, 80), 0x18), b"");
    wrapped.encapsulations.push(vxlan(4097));
    let value = line(&Shown { names: Some(&table), ..shown(&frame(1), &wrapped, &[]) });
    assert_eq!(value["flow"]["source_name"], "web.1");
    assert_eq!(value["flow"]["destination_name"], r"d\u{22}\u{202e}");
    let outside = &value["encapsulations"][0];
    assert_eq!(
        (&outside["network"], &outside["outer"]["flow"]["destination_name"]),
        (&"insecure".into(), &"node2".into())
    );
    assert_eq!(outside["outer"]["flow"].get("source_name"), None);
    check(&schema(), &schema(), &value, "");
}

#[test]
fn a_match_in_a_stream_says_where_it_is() {
    let (schema, documentation) = (schema(), include_str!("../../../docs/json.md"));
    let words = |member: &str| schema["$defs"]["stream"]["properties"][member]["enum"].clone();
    let (frame, request) = (frame(5), request());
    let written = |stretch: &Stretch<'_>| {
        let value = line(&Shown { stream: Some(stretch), ..shown(&frame, &request, &[6..10, 11..16]) });
        check(&schema, &schema, &value, "");
        value["stream"].clone()
    };
    let one = written(&stretch());
    assert_eq!(
        (&one["first_frame"], &one["last_frame"], &one["offset"]),
        (&3.into(), &5.into(), &4096.into())
    );
    let (mut begun, mut overlaps, mut closed) = (Vec::new(), Vec::new(), Vec::new());
    for overlap in [Overlap::None, Overlap::Same, Overlap::Differs] {
        overlaps.push(written(&Stretch { overlap, ..stretch() })["overlap"].clone());
    }
    for way in [Begun::Syn, Begun::Midway] {
        begun.push(written(&Stretch { begun: way, gap_before: true, ..stretch() })["begun"].clone());
    }
    for why in [EndWhy::Fin, EndWhy::Reset, EndWhy::Idle, EndWhy::Evicted, EndWhy::Reused, EndWhy::Capture] {
        closed.push(written(&Stretch { closed: Some(why), ..stretch() })["closed"].clone());
    }
    assert_eq!(
        [words("begun"), words("overlap"), words("closed")],
        [begun, overlaps, closed].map(Value::Array)
    );
    for name in schema["$defs"]["stream"]["properties"].as_object().unwrap().keys() {
        assert!(documentation.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn every_word_of_the_schema_is_written_and_documented() {
    let schema = schema();
    let written: String =
        variety().iter().map(|packet| line(&shown(&frame(1), packet, &[])).to_string()).collect();
    let documentation = include_str!("../../../docs/json.md");
    for (definition, member) in
        [("encapsulation", "kind"), ("opaque", "kind"), ("opaque", "why"), ("stop", "why")]
    {
        for word in schema["$defs"][definition]["properties"][member]["enum"].as_array().unwrap() {
            assert!(written.contains(&format!("\"{member}\":{word}")), "{definition} {word}");
            assert!(documentation.contains(&format!("`{}`", word.as_str().unwrap())), "{definition} {word}");
        }
    }
    for definition in ["encapsulation", "opaque", "stop", "payload", "flow", "mac"] {
        for name in schema["$defs"][definition]["properties"].as_object().unwrap().keys() {
            let documented = ["`", "`payload."].map(|before| format!("{before}{name}`"));
            assert!(documented.iter().any(|words| documentation.contains(words)), "{definition} {name}");
        }
    }
    for name in schema["properties"].as_object().unwrap().keys() {
        assert!(documentation.contains(name.as_str()), "{name}");
    }
}

proptest! {
    #[test]
    fn any_payload_and_name_parse_back(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        text in ".{0,20}",
        nanos: i64,
        digits in 0..=9_u8,
        limit in prop::option::of(0..40_usize),
    ) {
        let payload = [&bytes, text.as_bytes()].concat();
        let packet = packet(tcp("10.0.0.1", "10.0.0.2", (1, 2), 0xff), &payload);
        let frame = Frame { time: Timestamp { nanos, digits, known: true }, ..frame(1) };
        let shown = Shown { interface: Some(&text), file: Some(&text), ..shown(&frame, &packet, &[0..1, 3..9]) };
        let written = lines(JsonOptions { limit }, &[shown, shown]);
        prop_assert!(written.chars().all(|c| c == '\n' || is_plain(c)));
        prop_assert_eq!(written.lines().count(), 2);
        let schema = schema();
        for line in written.lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            check(&schema, &schema, &value, "");
            let cut = &payload[..payload.len().min(limit.unwrap_or(usize::MAX))];
            prop_assert_eq!(value["payload"]["text"].as_str().unwrap(), String::from_utf8_lossy(cut));
            let decoded = base64::engine::general_purpose::STANDARD.decode(value["payload"]["base64"].as_str().unwrap());
            prop_assert_eq!(decoded.unwrap(), cut);
            prop_assert_eq!(value["interface"].as_str().unwrap(), &text);
            prop_assert_eq!(value["time_ns"].as_str().unwrap(), nanos.to_string());
        }
    }
}

#[test]
fn the_place_of_the_number_is_that_where_it_stands() {
    let mut printer = json_printer(JsonOptions::default());
    printer.packet(&shown(&frame(4711), &request(), &[])).unwrap();
    let place = printer.number().unwrap();
    assert!(printer.writer()[place..].starts_with(b"4711,"));
}
