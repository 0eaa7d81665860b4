//! The architecture, held by tests: the rooms that each room may use, the files that a foreign crate may appear in, the
//! order of imports, the names of files, and the places of tests.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of the library: the floor and the name of each, and the rooms that it may use. The binary may use every
/// room.
const ROOMS: [(u8, &str, &[&str]); 17] = [
    (0, "keeper", &[]),
    (0, "packet", &[]),
    (0, "escape", &[]),
    (0, "private_file", &[]),
    (1, "whole_file", &["escape", "keeper"]),
    (1, "netlink", &["keeper", "packet", "escape"]),
    (1, "pattern", &["escape"]),
    (2, "host", &["keeper", "packet", "escape", "netlink"]),
    (2, "ipsec", &["keeper", "packet", "escape", "netlink"]),
    (3, "dissect", &["packet", "ipsec"]),
    (3, "capture", &["keeper", "packet", "escape", "whole_file", "host"]),
    (4, "search", &["packet", "pattern", "ipsec", "capture", "dissect"]),
    (4, "verify", &["keeper", "packet", "escape", "netlink", "ipsec", "host", "dissect", "capture"]),
    (4, "overlay", &["packet", "escape", "private_file", "netlink", "host"]),
    (5, "print", &["packet", "pattern", "escape", "host", "ipsec", "search", "verify"]),
    (6, "audit", &["escape", "packet", "keeper", "whole_file", "ipsec", "capture", "verify", "print"]),
    (7, "keeping", &["escape", "keeper", "whole_file", "netlink", "host", "capture", "verify", "audit"]),
];

/// The foreign crates, and the only rooms or files that each may appear in.
const CRATES: [(&[&str], &[&str]); 28] = [
    (&["etherparse"], &["packet"]),
    (&["arrayvec"], &["packet", "ipsec"]),
    (&["aes", "cbc", "ccm", "chacha20poly1305", "ctr", "ghash", "hmac", "sha1", "subtle"], &["ipsec"]),
    (&["blake2"], &["verify/wireguard"]),
    (&["sha2"], &["ipsec", "overlay", "print/merged/html", "audit"]),
    (&["zeroize"], &["netlink", "ipsec", "overlay"]),
    (&["regex_automata", "regex_syntax"], &["pattern"]),
    (&["pcap"], &["capture/bpf", "capture/live"]),
    (&["libloading"], &["capture/libpcap"]),
    (&["flate2", "zstd"], &["capture/savefile/compression"]),
    (&["hyper"], &["host/docker/engine"]),
    (&["rtnetlink"], &["netlink"]),
    (&["tokio"], &["host/docker/engine"]),
    (&["owo_colors"], &["print/palette"]),
    (&["jiff"], &["print", "verify/merge", "audit/clock"]),
    (&["unicode_width"], &["print/glyphs"]),
    (&["base64"], &["netlink/wireguard", "print/merged/html"]),
    (
        &["serde_json"],
        &["host/docker/engine", "print/report", "print/merged", "verify", "overlay", "commands", "audit"],
    ),
    (&["serde"], &["host/docker", "verify", "overlay", "commands", "audit"]),
    (
        &["strsim"],
        &[
            "capture/bpf/meant",
            "capture/live/device",
            "overlay/nearest",
            "verify/network",
            "verify/report/terms",
            "cli/complaint",
            "cli/near",
        ],
    ),
    (&["caps"], &["host/privileges"]),
    (&["indicatif"], &["commands/progress"]),
    (&["landlock", "seccompiler"], &["host/fence"]),
    (&["quick_junit"], &["print/report/junit"]),
    (&["prometheus_client"], &["print/report/prometheus"]),
    (&["tempfile"], &["whole_file", "host/docker/fake"]),
    (&["clap", "clap_complete", "clap_mangen"], &["cli", "commands"]),
    (&["anyhow", "signal_hook", "terminal_size"], &["main", "commands"]),
];

/// Returns every file of `src` as its path without ending (`capture/live/open`), and its text without comments and
/// tests. Tests may use everything.
pub(crate) fn sources() -> Vec<(String, String)> {
    let code = |line: &&str| !line.trim_start().starts_with("//");
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).unwrap().lines().filter(code).collect::<Vec<_>>().join("\n");
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
        (file.with_extension("").strip_prefix("src").unwrap().to_str().unwrap().to_owned(), text)
    };
    let tests = |file: &PathBuf| file.ends_with("tests.rs") || file.ends_with("samples.rs");
    files("src").into_iter().filter(|file| !tests(file)).map(read).collect()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(path.to_str().unwrap()) } else { vec![path] }).collect()
}

/// Returns the names that follow `before` in `text`, such as `packet` after `crate::`.
fn names<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    let start_of_name =
        move |at: &usize| !text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    text.match_indices(before).map(|(at, _)| at).filter(start_of_name).map(move |at| {
        let rest = &text[at + before.len()..];
        &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())]
    })
}

/// Counts the uses of a crate. In `::aes::`, the leading colons tell the crate from the module of this crate that has
/// its name.
fn uses(text: &str, name: &str) -> usize {
    let ways = [format!("{name}::"), format!("::{name}::"), format!("use {name};")];
    ways.iter().map(|way| names(text, way).count()).sum()
}

fn within(file: &str, place: &str) -> bool {
    file.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[test]
fn every_room_uses_the_rooms_that_it_may_use_and_no_others() {
    let mut unused: Vec<(&str, &str)> =
        ROOMS.iter().flat_map(|(_, room, allowed)| allowed.iter().map(|below| (*room, *below))).collect();
    let mut forbidden = Vec::new();
    for (file, text) in sources() {
        let room = file.split('/').next().unwrap();
        if matches!(room, "main" | "cli" | "commands" | "lib") {
            continue;
        }
        let known = ROOMS.iter().find(|(_, name, _)| *name == room);
        let (_, _, allowed) = known.unwrap_or_else(|| panic!("{room}: on which floor?"));
        assert!(
            !text.contains("use crate::{"),
            "{file}: one `use crate::ROOM` a room, for this test to read"
        );
        for used in names(&text, "crate::").chain(names(&text, "ovlsniff::")) {
            let macros = used.is_empty();
            if !(macros || used == room || allowed.contains(&used)) {
                forbidden.push(format!("{file} uses {used}"));
            }
            unused.retain(|&permission| permission != (room, used));
        }
    }
    assert!(forbidden.is_empty(), "{forbidden:#?}");
    assert!(unused.is_empty(), "permissions that nobody uses: {unused:?}");
}

#[test]
fn the_map_shows_every_room_on_its_floor_above_those_that_it_uses() {
    let map = fs::read_to_string("src/lib.rs").unwrap();
    let floor = |name: &str| ROOMS.iter().find(|(_, room, _)| *room == name).unwrap().0;
    for (own, room, allowed) in ROOMS {
        for below in allowed {
            assert!(floor(below) < own, "{room} uses {below}");
        }
        let row = map.lines().find(|line| line.starts_with(&format!("//! | {own} |"))).unwrap();
        assert!(row.contains(&format!("`{room}`")) || row.contains(&format!("`mod@{room}`")), "{row}");
    }
}

#[test]
fn every_foreign_crate_has_its_place() {
    for (file, text) in sources() {
        for (crates, places) in CRATES {
            for name in crates {
                let here = places.iter().any(|place| within(&file, place));
                assert!(here || uses(&text, name) == 0, "{file} uses {name}, which belongs to {places:?}");
            }
        }
    }
}

/// A permission that no file uses would let the crate in again unseen.
#[test]
fn no_place_is_kept_for_a_crate_that_is_not_there() {
    let sources = sources();
    let mut idle = Vec::new();
    for (crates, places) in CRATES {
        let used_in = |name: &str, place: &str| {
            sources.iter().any(|(file, text)| within(file, place) && uses(text, name) > 0)
        };
        let unused = |name: &&&str| !places.iter().any(|place| used_in(name, place));
        idle.extend(crates.iter().filter(unused).map(|name| format!("nothing uses {name}")));
        let empty = |place: &&&str| !crates.iter().any(|name| used_in(name, place));
        idle.extend(places.iter().filter(empty).map(|place| format!("{place} uses none of {crates:?}")));
    }
    assert!(idle.is_empty(), "{idle:#?}");
}

#[test]
fn unsafe_code_is_in_two_files() {
    let sources = sources();
    let with = sources.iter().filter(|(_, text)| text.contains("unsafe_code") || text.contains("unsafe {"));
    let with: std::collections::BTreeSet<&str> = with.map(|(file, _)| file.as_str()).collect();
    assert_eq!(Vec::from_iter(with), ["capture/libpcap", "capture/live/ring"]);
}

#[test]
fn imports_are_the_standard_librarys_then_other_crates_then_ours() {
    for (file, text) in sources() {
        let ours: Vec<&str> =
            text.lines().filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';')).collect();
        let rank = |line: &str| match line.split(['{', ':', ';', ' ']).nth(1).unwrap() {
            "std" => 0,
            first if ["super", "crate", "self"].contains(&first) || ours.contains(&first) => 2,
            _ => 1,
        };
        let ranks: Vec<u8> = text.lines().filter(|line| line.starts_with("use ")).map(rank).collect();
        assert!(ranks.is_sorted(), "{file}: {ranks:?}");
    }
}

#[test]
fn texts_from_outside_are_escaped_in_one_way() {
    // `escape_debug` of the standard library puts backslashes before quotes as well. That is for a compiler to read,
    // not for people.
    let may = ["escape", "print/glyphs"];
    for (file, text) in sources() {
        let here = may.contains(&file.as_str());
        assert!(here || !text.contains(".escape_debug()"), "{file}: crate::escape is for that");
    }
}

#[test]
fn files_are_found_by_what_they_are_about() {
    for (file, _) in sources() {
        let name = file.rsplit('/').next().unwrap();
        assert!(!["mod", "utils", "util", "common", "helpers", "types", "misc"].contains(&name), "{file}");
    }
}

/// The tests that a machine can run are then selected by the name of the module, without looking into their sources.
#[test]
fn a_test_that_needs_something_is_in_the_module_of_that_name() {
    for file in [files("src"), files("tests")].concat() {
        if file.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let with = |start| text.lines().map(str::trim).filter(move |line: &&str| line.starts_with(start));
        let module = file.strip_prefix("tests/privileged").ok().map(|path| path.with_extension(""));
        let need = module.as_ref().and_then(|path| path.iter().next()).map(|name| name.to_str().unwrap());
        for ignored in with("#[ignore") {
            let wanted = need.map(|need| format!("#[ignore = \"needs {need}\"]"));
            assert_eq!(Some(ignored), wanted.as_deref(), "{}", file.display());
        }
        let tests = with("#[test]").count();
        assert!(need.is_none() || with("#[ignore").count() == tests, "{}: all need it", file.display());
    }
}

/// Each test program is linked with the whole library, so there are only a few.
#[test]
fn there_are_three_test_programs() {
    let mut programs: Vec<PathBuf> = files("tests");
    programs.retain(|path| path.ends_with("main.rs") || path.parent() == Some(Path::new("tests")));
    programs.sort();
    assert_eq!(
        programs,
        ["command_line", "library", "privileged"].map(|name| Path::new("tests").join(name).join("main.rs"))
    );
}
