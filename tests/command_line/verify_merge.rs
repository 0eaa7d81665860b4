//! `verify merge`, on reports that the program itself makes of captures of a real Docker Swarm, and on hostile ones.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::run::{Ran, ovlsniff, refused, with_input};
use crate::schema::by_schema;
use crate::swarm;

/// A minute after the capture.
const AT: &str = "2026-11-23T01:33:45Z";

/// Returns the report on a network, as node1 makes it of its capture, with the name of that node.
fn node1(net: &str) -> Value {
    serde_json::from_str(&swarm::verify(net, &["--json", "--node", "node1"]).out).unwrap()
}

/// Turns the report of node1 into that of node2: what leaves the one arrives at the other.
fn node2(net: &str) -> Value {
    let mut report = node1(net);
    report["node"] = json!({ "name": "node2", "addresses": ["192.0.2.2"] });
    report["nodes"][0]["address"] = "192.0.2.1".into();
    for leg in report["directions"].as_array_mut().unwrap() {
        leg["way"] = if leg["way"] == "out" { "in" } else { "out" }.into();
    }
    report
}

fn write(folder: &Path, name: &str, reports: &[Value]) -> String {
    let path = folder.join(name);
    let lines: Vec<String> = reports.iter().map(ToString::to_string).collect();
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    path.to_str().unwrap().to_owned()
}

fn merge(words: &[&str]) -> Ran {
    let at = if words.contains(&"--at") { &[][..] } else { &["--at", AT] };
    ovlsniff(&[&["verify", "merge"], at, words].concat())
}

#[test]
fn two_nodes_make_a_whole_matrix() {
    let folder = tempfile::tempdir().unwrap();
    let one = write(folder.path(), "node1.json", &[node1("secure"), node1("insecure")]);
    let two = write(folder.path(), "node2.json", &[node2("secure"), node2("insecure")]);
    let ran = merge(&[&one, &two]);
    let expected = "\
insecure (vni 4097): 2 nodes, 2 reports, 0 of 2 pairs ENCRYPTED, 2 CLEAR
     1 2
  1  \\ C   node1 (192.0.2.1), 59 s old
  2  C \\   node2 (192.0.2.2), 59 s old
  node1 -> node2   CLEAR   E3 not-configured: 6 ESP (spi 0xef7baa5f, aes-gcm, icv 64), 6 in clear (frame 19, vni 4097)
  node2 -> node1   CLEAR   E3 not-configured: 4 ESP (spi 0x73d2fd07, aes-gcm, icv 64), 4 in clear (frame 20, vni 4097)
  remedy: not-configured: create the network with the option: --opt encrypted
  verdict: CLEAR

secure (vni 4098): 2 nodes, 2 reports, 2 of 2 pairs ENCRYPTED
     1 2
  1  \\ E   node1 (192.0.2.1), 59 s old
  2  E \\   node2 (192.0.2.2), 59 s old
  verdict: ENCRYPTED

verdict: CLEAR: 1 of 2 networks ENCRYPTED, 1 CLEAR (insecure)
";
    assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), (expected, "", Some(1)));
    // A folder is its files, in any order, and standard input is one more.
    assert_eq!(merge(&[folder.path().to_str().unwrap()]).out, expected);
    let both = [fs::read(&two).unwrap(), fs::read(&one).unwrap()].concat();
    assert_eq!(with_input(&["verify", "merge", "--at", AT, "-"], &both).out, expected);
}

#[test]
fn the_exit_status_is_that_of_the_worst_direction() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, report: Value| write(folder.path(), name, &[report]);
    let [one, two] = [of("1.json", node1("secure")), of("2.json", node2("secure"))];
    let [clear1, clear2] = [of("3.json", node1("insecure")), of("4.json", node2("insecure"))];
    let mut made_up = node2("secure");
    made_up["directions"][0]["counts"]["clear"] = 5.into();
    let contradictory = of("6.json", made_up);
    let mut not_enforced = node1("secure");
    (not_enforced["verdict"], not_enforced["reason"]) = ("NOT-ENFORCED".into(), "not-enforced".into());
    let open = of("7.json", not_enforced);
    let garbage = folder.path().join("5.json");
    fs::write(&garbage, "{\"v\":1,\"netw").unwrap();
    let garbage = garbage.to_str().unwrap();
    for (words, status) in [
        (vec![&*one, &*two], 0),
        (vec![&one], 3),
        (vec![&one, &two, garbage], 3),
        (vec![garbage], 3),
        (vec![&one, &two, "--stale", "58s"], 3),
        (vec![&one, &two, "--stale", "58s", "--at", "newest"], 0),
        (vec![&one, &two, "--stale", "58s", "--at", "2026-11-23T01:31:00Z"], 3),
        (vec![&one, &contradictory], 3),
        (vec![&open, &two], 1),
        (vec![&open, &two, "--accept", "not-enforced"], 0),
        (vec![&clear1, &clear2, "--accept", "not-enforced"], 1),
        (vec![&clear1, &clear2], 1),
        (vec![&clear1, &clear2, garbage], 1),
        (vec![&clear1, &clear2, "--expect", "clear"], 0),
        (vec![&one, &two, "--expect", "clear"], 1),
    ] {
        let ran = merge(&words);
        assert_eq!((ran.code, ran.err.as_str()), (Some(status), ""), "{words:?}: {}", ran.out);
    }
    let later = ovlsniff(&["verify", "merge", &one, &two]);
    assert_eq!(later.code, Some(3), "by today's clock the capture is old: {}", later.out);
}

#[test]
fn json_is_by_its_schema() {
    let folder = tempfile::tempdir().unwrap();
    let one = write(folder.path(), "1.json", &[node1("secure"), node1("insecure"), node1("typo")]);
    let two = write(folder.path(), "2.json", &[node2("secure"), json!({"v": 2})]);
    let mut looped = node1("insecure");
    looped["directions"][0]["to"] = looped["directions"][0]["from"].clone();
    let looped = write(folder.path(), "looped.json", &[looped]);
    for words in [
        vec![&*one],
        vec![&looped],
        vec![&one, &two],
        vec![&two, "--stale", "1s", "--pairs", "known", "--accept", "stranger"],
    ] {
        let ran = merge(&[&words[..], &["--json"]].concat());
        let object: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((object["exit"].as_i64(), ran.out.lines().count()), (ran.code.map(i64::from), 1));
        by_schema(include_str!("../../docs/merge-schema.json"), &object, "merged");
    }
}

#[test]
fn hostile_texts_steer_neither_the_terminal_nor_the_page() {
    let hostile = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>\u{1b}[2J\u{9b}2J\u{7f}\u{202e}\n&amp;`${x}";
    let mut reports = [node1("insecure"), node2("insecure")];
    for report in &mut reports {
        for place in
            ["/network", "/reason", "/remedy", "/captured", "/directions/0/reason", "/directions/0/remedy"]
        {
            *report.pointer_mut(place).unwrap() = hostile.into();
        }
        report["node"]["name"] = format!("{}{hostile}", report["node"]["name"]).into();
        report["directions"][0]["esp"][0]["algorithm"] = hostile.into();
        report["directions"][0]["wireguard"] = json!({"device": hostile, "endpoint": null, "messages": 1, "sessions": 1, "tied": 0, "bytes": null});
        report["findings"] = json!([{"reason": hostile, "text": hostile, "accepted": false}]);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "a<b>&\"'\u{1b}.json", &reports);
    let broken = write(folder.path(), "<script>.json", &[]);
    let shown = |format: &str| merge(&["--format", format, &file, &broken]).out;
    for format in ["text", "html", "json"] {
        let text = shown(format);
        assert!(text.len() > 1000, "{format}");
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{format}");
        assert!(!text.contains('\u{202e}'), "{format}");
    }
    let page = shown("html");
    let page = page.split_once("<body>").unwrap().1;
    // The page has a single script, its own, and no element that these texts made.
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("<img").count(), 0);
    // Within a tag a quote would end the value, and begin an attribute.
    let tags = page.split('<').skip(1).filter_map(|tag| tag.split_once('>')).map(|(tag, _)| tag);
    for tag in tags.filter(|tag| !tag.starts_with("script") && tag.contains("alert")) {
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        assert!(tag.split('"').step_by(2).all(|outside| !outside.contains("alert")), "{tag}");
    }
}

#[test]
fn the_page_loads_nothing_and_allows_its_own_script_alone() {
    let folder = tempfile::tempdir().unwrap();
    let reports: Vec<Value> = [node1("secure"), node2("secure"), node1("insecure")].into();
    let file = write(folder.path(), "all.json", &reports);
    let out = folder.path().join("matrix.html");
    let ran = merge(&["--format", "html", "-o", out.to_str().unwrap(), &file]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(1), "", ""));
    let page = fs::read_to_string(out).unwrap();
    for loading in
        ["src=", "href=\"h", "url(", "@import", "http://", "https://", "style=", "onclick", "fetch("]
    {
        assert!(!page.contains(loading), "{loading}");
    }
    let policy =
        page.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    // Each square opens the evidence that it names.
    let opened = page.split("popovertarget=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let opened: Vec<&str> = opened.collect();
    assert_eq!(opened.len(), 4);
    assert!(opened.iter().all(|id| page.matches(&format!("<div popover id=\"{id}\"")).count() == 1));
    assert!(page.contains("aria-label=\"node1 to node2: ENCRYPTED\">E</button>"));
    // Names that are cut are told apart by their numbers, and two from right to left do not change places.
    assert!(page.contains("<span><i>2</i> <bdi>node2</bdi></span>"));
    assert!(page.contains("<h3><bdi>node1</bdi> → <bdi>node2</bdi></h3>"));
}

#[test]
fn what_is_wrong_with_the_words_is_one_sentence_and_nothing_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap();
    for (words, wanted) in [
        (&[][..], "which reports? give the files of verify --json, or a folder of them"),
        (&["/nowhere.json"], "read /nowhere.json: no such file or directory"),
        (&[empty], "there is no file *.json in it"),
        (&["--at", "soon", "-"], "2026-11-27T19:00:00Z, or newest"),
        (&["--format", "junit", "-"], "use text, json or html"),
        (&["--accept", "no-policy", "-"], "this can never be accepted"),
        (&["-o", "/nowhere/x", "-"], "no file can be made in its folder"),
    ] {
        let said = refused(&[&["verify", "merge"], words].concat());
        assert!(said.contains(wanted), "{words:?}: {said}");
    }
    let said = refused(&["verify", "--net", "secure", "merge", "-"]);
    assert!(said.contains("--net does not go with a command behind it"), "{said}");
}

#[test]
fn a_thousand_files_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    let report = node1("secure");
    for number in 0..1000 {
        let mut report = report.clone();
        report["node"]["name"] = format!("node{number}").into();
        report["vnis"] = json!([number]);
        write(folder.path(), &format!("{number}.json"), &[report]);
    }
    let ran = merge(&[folder.path().to_str().unwrap(), "--json"]);
    let object: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (object["reports"].as_u64(), object["networks"].as_array().unwrap().len()),
        (Some(1000), 1000)
    );
}

#[test]
fn a_report_that_is_to_be_merged_is_not_replaced_by_the_matrix() {
    let folder = tempfile::tempdir().unwrap();
    let one = write(folder.path(), "1.json", &[node1("secure")]);
    let before = fs::read(&one).unwrap();
    let link = folder.path().join("link");
    fs::hard_link(&one, &link).unwrap();
    let whole = folder.path().to_str().unwrap();
    for (input, output) in [(&*one, &*one), (whole, &one), (&one, link.to_str().unwrap())] {
        let said = refused(&["verify", "merge", "--at", AT, input, "-o", output]);
        assert!(said.ends_with("it is one of the reports to be merged; name another file"), "{said}");
        assert_eq!(fs::read(&one).unwrap(), before);
    }
    // Nor does it become a report of the next merge.
    let new = folder.path().join("new.json");
    let said = refused(&["verify", "merge", "--at", AT, whole, "--json", "-o", new.to_str().unwrap()]);
    assert!(said.ends_with("would take it for a report; name a file elsewhere"), "{said}");
    assert!(!new.exists());
    let new = folder.path().join("matrix.txt");
    assert_eq!(merge(&[whole, "-o", new.to_str().unwrap()]).code, Some(3));
    assert_eq!(merge(&[&one, "-o", new.to_str().unwrap()]).code, Some(3));
    assert!(new.exists());
}

#[test]
fn a_pipe_that_lies_in_a_folder_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "1.json", &[node1("secure"), node2("secure")]);
    nix::unistd::mkfifo(&folder.path().join("2.json"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let ran = merge(&[folder.path().to_str().unwrap()]);
    assert!(ran.out.contains("2.json: it is no regular file") && ran.code == Some(3), "{ran:?}");
}

#[test]
fn what_went_from_the_second_of_two_local_nodes_is_not_told_as_from_the_first_to_itself() {
    let report = swarm::verify("insecure", &["--local", "192.0.2.2", "--json"]);
    let read: Value = serde_json::from_str(&report.out).unwrap();
    let ends = |leg: &Value| (leg["from"].clone(), leg["to"].clone(), leg["verdict"].clone());
    let found: Vec<_> = read["directions"].as_array().unwrap().iter().map(ends).collect();
    let leg = |from: &str, to: &str| (from.into(), to.into(), "CLEAR".into());
    assert_eq!(found, [leg("192.0.2.2", "192.0.2.1"), leg("192.0.2.1", "192.0.2.2")]);
    let folder = tempfile::tempdir().unwrap();
    let ran = merge(&[&write(folder.path(), "between.json", &[read])]);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.out.contains("2 nodes, 0 reports, 0 of 2 pairs ENCRYPTED, 2 CLEAR"), "{}", ran.out);
}
