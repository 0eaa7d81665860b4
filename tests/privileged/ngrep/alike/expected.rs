//! What ovlsniff is meant to do: what ngrep does, with the deviations of the table.

use super::captures::Capture;
use super::frames::{Format, Shot, file};
use super::lines::Line;
use super::packets::{self, Frame};
use super::rows::{Asked, Mend, Preamble, ROWS};
use super::running::{Form, Outcome, Place, Program, Ran};
use super::text::Text;

/// The snaplen in the header of a capture that ovlsniff writes: 262144.
pub(super) const SNAPLEN: [u8; 4] = [0, 0, 4, 0];

/// Returns what is expected, and the rows that make it differ from what ngrep did.
pub(super) fn of(
    place: &Place<'_>,
    capture: &Capture,
    typed: &Line,
    real: &Ran,
    ours: &Outcome,
) -> (Outcome, Vec<&'static str>) {
    let mut used = Vec::new();
    let mut line = typed.of_words(typed.words.clone());
    let mut ran = real.clone();
    let mut form = Form::Real;
    let mut preamble = Preamble::Meant;
    let run = |form, line: &Line| place.run(Program::Ngrep, form, &capture.name, &line.words, &line.zone);
    if let Some((rows, _)) = &capture.plain {
        form = Form::Plain;
        let plain = run(form, &line);
        if plain.outcome != ran.outcome {
            used.extend(rows);
        }
        ran = plain;
    }
    let as_typed = Text::of(&ran.outcome.out).preamble().to_vec();
    // For the captures of others there is no such form on another link type.
    if form == Form::Real && capture.of_others && real.err.contains("unsupported interface type") {
        return (ours.clone(), vec!["link-types"]);
    }
    for row in ROWS {
        let Mend::Words(words, from) = row.mend else { continue };
        if let Some(words) = words(&line) {
            line = line.of_words(words);
            let meant = run(form, &line);
            if meant.outcome != ran.outcome || from == Preamble::Typed {
                used.push(row.name);
            }
            (ran, preamble) = (meant, from);
        }
    }
    if let Some(without) = passed(place, capture, &line, &ran) {
        let preamble = Text::of(&ran.outcome.out).preamble().to_vec();
        let meant = place.run(Program::Ngrep, Form::Passed, &capture.name, &without.words, &line.zone);
        let outcome = Outcome { out: with_preamble(&meant.outcome.out, &preamble), ..meant.outcome };
        if outcome != ran.outcome {
            used.push("tagged-frames");
        }
        (form, line) = (Form::Passed, without);
        ran = Ran { outcome, err: meant.err };
    }
    let mut expected = ran.outcome.clone();
    if preamble == Preamble::Pattern && expected.code.is_some_and(|code| code < 2) {
        let pattern = typed.pattern().trim_start_matches("0X");
        let told = Text::of(&expected.out).preamble().to_vec();
        let told = String::from_utf8_lossy(&told).replacen(line.pattern(), pattern, 1);
        expected.out = with_preamble(&expected.out, told.as_bytes());
    }
    if preamble == Preamble::Typed && !as_typed.is_empty() {
        expected.out = with_preamble(&expected.out, &as_typed);
    }
    let asked = Asked { place, capture, line: &line, typed, form, err: &ran.err, ours };
    for row in ROWS {
        let Mend::Outcome(mend) = row.mend else { continue };
        if let Some(mended) = mend(&asked, &expected).filter(|mended| *mended != expected) {
            used.push(row.name);
            expected = mended;
        }
    }
    if let Some(written) = &mut expected.written {
        let original = original(written, &place.path(Form::Real, &capture.name));
        if original != *written && form == Form::Real {
            used.push("nanoseconds");
        }
        *written = original;
        // What the header of a capture of others says of frame check sequences is not compared.
        if let Some(bits) = written.get_mut(22..24).filter(|_| capture.of_others) {
            bits.fill(0);
        }
        // All of a frame is written, whatever the snaplen was.
        if written.get(16..20).is_some_and(|snaplen| snaplen != SNAPLEN) {
            used.push("written-snaplen");
            written[16..20].copy_from_slice(&SNAPLEN);
        }
    }
    (expected, used)
}

/// Makes a capture of the frames that pass the line's filter, without their tags and in the form that ngrep reads, and
/// returns the line without the filter. `None` if the filter passes the same frames for both programs.
fn passed(place: &Place<'_>, capture: &Capture, line: &Line, ran: &Ran) -> Option<Line> {
    let real = packets::frames(&place.path(Form::Real, &capture.name));
    let plain = packets::frames(&place.path(Form::Plain, &capture.name));
    if !matches!(real.first()?.link, 1 | 105 | 127)
        || ran.outcome.code.is_none_or(|code| code > 1)
        || !ran.err.is_empty()
    {
        return None;
    }
    let asked =
        Asked { place, capture, line, typed: line, form: Form::Real, err: &ran.err, ours: &ran.outcome };
    let told = asked.told();
    let typed = told.strip_prefix("( ").and_then(|rest| rest.split_once(" ) and ")).map(|(typed, _)| typed);
    let speaks = typed.is_some_and(packets::speaks_of_tags);
    let hidden = real
        .iter()
        .zip(&plain)
        .any(|(real, plain)| real.link == 1 && real.ip.is_none() && plain.ip.is_some());
    let misread = capture.plain.is_some() && (typed.is_some() || hidden);
    if !speaks && !misread && real.iter().all(|frame| frame.tags == 0) {
        return None;
    }
    let shots: Vec<Shot> = packets::passing(&real, &plain, typed)
        .into_iter()
        .filter_map(|at| plain.get(at))
        .map(|frame| Shot { bytes: frame.untagged(), ..frame.shot() })
        .collect();
    place.write(&capture.name, &file(Format::Micros, 1, &shots, |shot| shot.bytes.clone()));
    let pattern = asked.pattern().map_or_else(String::new, |_| line.pattern().to_owned());
    let mut kept = line.with_rest(vec![pattern]).into_iter();
    let mut words = Vec::new();
    while let Some(word) = kept.next() {
        // The filter is in a file.
        if word == "-F" {
            kept.next();
        } else {
            words.push(word);
        }
    }
    Some(line.of_words(words))
}

/// The text with other lines in front of the first mark or packet.
fn with_preamble(out: &[u8], preamble: &[u8]) -> Vec<u8> {
    let mut text = Text::of(out);
    let marks = text.head[text.preamble().len()..].to_vec();
    text.head = [preamble, &marks].concat();
    text.bytes()
}

/// The written capture with the frames as they are in the capture that was read. They are in the same order there, and are found
/// by their bytes, or by their times where ngrep was given another form of them.
pub(super) fn original(written: &[u8], path: &std::path::Path) -> Vec<u8> {
    let Some(mut bytes) = written.get(..24).map(<[u8]>::to_vec) else { return written.to_vec() };
    let read = packets::frames(path);
    let is_nanos = read.iter().any(|frame| frame.nanos.1 > 6);
    if is_nanos {
        bytes[..4].copy_from_slice(&0xa1b2_3c4d_u32.to_le_bytes());
    }
    // libpcap writes the number of the file format for what was read by that of BSD.
    if let Some(link) = read.first().map(|frame| if frame.link == 12 { 101 } else { frame.link }) {
        bytes[20..22].copy_from_slice(&(link as u16).to_le_bytes());
    }
    let mut rest = &read[..];
    for (time, own) in records(written) {
        let same = |frame: &Frame| frame.time == time;
        let whole = |frame: &Frame| same(frame) && own[16..] == frame.bytes;
        if let Some(at) = rest.iter().position(whole).or_else(|| rest.iter().position(same)) {
            let frame = &rest[at];
            let fraction = if is_nanos { frame.nanos.0 } else { time.1 };
            for number in [time.0, fraction, frame.bytes.len() as u32, frame.wire_len] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.extend(&frame.bytes);
            rest = &rest[at + 1..];
        }
    }
    bytes
}

/// The records of a classic file: the two numbers of the time, and the bytes of the whole record.
fn records(file: &[u8]) -> Vec<((u32, u32), &[u8])> {
    let mut rest = file.get(24..).unwrap_or(&[]);
    let mut records = Vec::new();
    while rest.len() >= 16 {
        let number = |at: usize| u32::from_le_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
        let end = 16 + number(8) as usize;
        let Some(record) = rest.get(..end) else { break };
        records.push(((number(0), number(4)), record));
        rest = &rest[end..];
    }
    records
}
