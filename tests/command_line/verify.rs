//! `ovlsniff verify` on captures of a real Docker Swarm: its text, its JSON by the published schema, and its exit
//! status.

use std::process::Output;

use serde_json::Value;

use crate::docker::{VERSION, engine};
use crate::run::{program, refused};
use crate::schema::by_schema;

const SWARM: &str = "tests/fixtures/swarm/";

fn verify(arguments: &[&str]) -> Output {
    program().arg("verify").args(arguments).output().unwrap()
}

/// Runs `verify` on the capture of node1, for the network `net`.
fn swarm(net: &str, more: &[&str]) -> Output {
    let (pcap, inspect) = (format!("{SWARM}swarm-node1.pcap"), format!("{SWARM}network-inspect.json"));
    let mut arguments = vec!["-r", &pcap, "--local", "192.0.2.1", "--docker-inspect", &inspect, "--net", net];
    arguments.extend(more);
    verify(&arguments)
}

fn keys() -> String {
    format!("{SWARM}xfrm-state.txt")
}

fn text(output: &Output) -> String {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(net: &str, more: &[&str]) -> Value {
    let output = swarm(net, &[&["--format", "json"], more].concat());
    let text = text(&output);
    assert_eq!(text.lines().count(), 1);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["exit"], output.status.code().unwrap());
    report
}

#[test]
fn secure_is_encrypted_where_the_keys_show_the_network_inside() {
    let output = swarm("secure", &["--sa", &keys()]);
    assert_eq!(output.status.code(), Some(0));
    let expected = "\
secure (vni 4098, docker overlay, encrypted)                 on tests/fixtures/swarm/swarm-node1.pcap, 10.8 s, 76 packets, drops unknown
  192.0.2.1 -> 192.0.2.2   ENCRYPTED   E4 opened: 6 ESP (spi 0xef7baa5f, aes-gcm, icv 64, docker key 50205), 6 of the network found inside with the key, 0 in clear
  192.0.2.2 -> 192.0.2.1   ENCRYPTED   E4 opened: 4 ESP (spi 0x73d2fd07, aes-gcm, icv 64, docker key 50205), 4 of the network found inside with the key, 0 in clear
verdict: ENCRYPTED
";
    assert_eq!(text(&output), expected);
}

#[test]
fn a_saved_network_is_found_by_its_vni_and_needs_no_name() {
    let (pcap, inspect) = (format!("{SWARM}swarm-node1.pcap"), format!("{SWARM}network-inspect.json"));
    let output =
        verify(&["-r", &pcap, "--local", "192.0.2.1", "--docker-inspect", &inspect, "--vni", "4097"]);
    let named = swarm("insecure", &[]);
    assert_eq!((text(&output), output.status.code()), (text(&named), Some(1)));
}

#[test]
fn a_node_without_a_name_is_refused() {
    let said = refused(&["verify", "--net", "secure", "--node", ""]);
    assert!(said.contains("--node <NAME>"), "{said}");
}

#[test]
fn secure_without_keys_is_inconclusive_since_nothing_says_whose_esp_it_is() {
    let report = json("secure", &[]);
    assert_eq!((&report["verdict"], &report["exit"]), (&"INCONCLUSIVE".into(), &3.into()));
    assert_eq!(report["reason"], "other-tunnel");
    assert!(report["remedy"].as_str().unwrap().contains("--sa FILE"));
}

#[test]
fn insecure_is_clear_with_keys_and_without() {
    for more in [&[][..], &["--sa", &keys()]] {
        let report = json("insecure", more);
        assert_eq!((&report["verdict"], &report["exit"]), (&"CLEAR".into(), &1.into()));
        assert_eq!(report["directions"][0]["shown"]["frame"], 19);
        assert_eq!(report["directions"][0]["shown"]["vni"], 4097);
        assert_eq!(report["directions"][1]["verdict"], "CLEAR");
    }
    assert_eq!(swarm("insecure", &["--expect", "clear"]).status.code(), Some(0));
    assert_eq!(swarm("secure", &["--sa", &keys(), "--expect", "clear"]).status.code(), Some(1));
}

#[test]
fn typo_names_the_misspelt_option() {
    let report = json("typo", &[]);
    assert_eq!((&report["reason"], &report["exit"]), (&"typo-option".into(), &3.into()));
    assert!(report["findings"][0]["text"].as_str().unwrap().contains("'encrypt'"));
}

#[test]
fn a_node_that_was_not_reached_is_named_and_counts_only_if_all_are_required() {
    let pcap = format!("{SWARM}swarm-node1.pcap");
    let run = |more: &[&str]| {
        let network = ["--vni", "4098", "--peer", "192.0.2.2,198.51.100.9", "--sa", &keys()];
        let output = verify(&[&["-r", &pcap, "--local", "192.0.2.1"][..], &network, more].concat());
        (output.status.code(), text(&output))
    };
    let counts = "2 nodes ENCRYPTED, 1 unreachable (198.51.100.9)\n";
    let (status, said) = run(&[]);
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains(&format!("\nverdict: INCONCLUSIVE (no-traffic): 1 of {counts}")), "{said}");
    let (status, said) = run(&["--require", "reachable"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains(&format!("\nverdict: ENCRYPTED: 1 of {counts}")), "{said}");
    let (status, said) = run(&["--require", "reachable", "--vni", "4097"]);
    assert_eq!(status, Some(1), "{said}");
}

#[test]
fn a_finding_that_was_not_accepted_is_marked_so() {
    let report = json("typo", &["--accept", "not-enforced,peers-only"]);
    assert_eq!((&report["findings"][0]["accepted"], &report["exit"]), (&false.into(), &3.into()));
}

#[test]
fn a_network_is_described_without_docker_as_well() {
    let pcap = format!("{SWARM}swarm-node1.pcap");
    let output = verify(&["-r", &pcap, "--local", "192.0.2.1", "--vni", "4098", "--sa", &keys()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = verify(&["-r", &pcap, "--local", "192.0.2.1", "--vni", "4097", "--peer", "192.0.2.2"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let output = verify(&["-r", &pcap, "--local", "192.0.2.1", "--vni", "4711", "--peer", "192.0.2.2"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
}

#[test]
fn a_damaged_file_is_inconclusive_unless_it_shows_a_leak() {
    let whole = std::fs::read(format!("{SWARM}swarm-node1.pcap")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.pcap");
    std::fs::write(&cut, &whole[..whole.len() - 5]).unwrap();
    let run = |vni: &str, keys: &str| {
        let output =
            verify(&["-r", cut.to_str().unwrap(), "--local", "192.0.2.1", "--vni", vni, "--sa", keys]);
        (output.status.code(), text(&output))
    };
    let (status, said) = run("4098", &keys());
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("cut-short"), "{said}");
    assert_eq!(run("4097", &keys()).0, Some(1));
}

/// Returns the capture as a pcapng file. If `lost` is given, the file ends with an interface's statistics of so many
/// lost frames.
fn pcapng(lost: Option<u64>) -> Vec<u8> {
    let pcap = std::fs::read(format!("{SWARM}swarm-node1.pcap")).unwrap();
    let word = |at: usize| u32::from_le_bytes(pcap[at..at + 4].try_into().unwrap());
    let mut file = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let total = (body.len().next_multiple_of(4) + 12) as u32;
        file.extend([kind.to_le_bytes(), total.to_le_bytes()].concat());
        file.extend(body);
        file.resize(file.len().next_multiple_of(4), 0);
        file.extend(total.to_le_bytes());
    };
    block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    block(1, &[1, 0, 0, 0, 0, 0, 4, 0]);
    let mut at = 24;
    while at < pcap.len() {
        let micros = u64::from(word(at)) * 1_000_000 + u64::from(word(at + 4));
        let (captured, wire) = (word(at + 8), word(at + 12));
        let head = [0, (micros >> 32) as u32, micros as u32, captured, wire].map(u32::to_le_bytes).concat();
        let end = at + 16 + captured as usize;
        block(6, &[&head, &pcap[at + 16..end]].concat());
        at = end;
    }
    if let Some(lost) = lost {
        block(5, &[&[0; 12][..], &[5, 0, 8, 0], &lost.to_le_bytes(), &[0; 4]].concat());
    }
    file
}

#[test]
fn a_file_whose_capture_lost_frames_is_inconclusive() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lost.pcapng");
    for (lost, exit, said) in
        [(None, 0, "drops unknown"), (Some(0), 0, "0 dropped"), (Some(5), 3, "INCONCLUSIVE (drops)")]
    {
        std::fs::write(&file, pcapng(lost)).unwrap();
        let arguments =
            ["-r", file.to_str().unwrap(), "--local", "192.0.2.1", "--vni", "4098", "--sa", &keys()];
        let output = verify(&arguments);
        assert_eq!(output.status.code(), Some(exit), "{}", text(&output));
        assert!(text(&output).contains(said), "{}", text(&output));
    }
}

#[test]
fn what_is_wrong_with_the_arguments_is_one_sentence_and_2() {
    let pcap = format!("{SWARM}swarm-node1.pcap");
    let inspect = format!("{SWARM}network-inspect.json");
    for (arguments, wanted) in [
        (vec![], "--net"),
        (vec!["-r", &pcap, "--vni", "1"], "--local"),
        (
            vec!["-r", &pcap, "--local", "192.0.2.1", "--net", "x", "--docker-inspect", &inspect],
            "there is: secure, insecure, typo",
        ),
        (vec!["-r", &pcap, "--local", "192.0.2.1", "--net", "x"], "--vni VNI"),
        (vec!["-r", "/nowhere.pcap", "--local", "192.0.2.1", "--vni", "1"], "/nowhere.pcap"),
        (
            vec!["-r", &pcap, "--local", "192.0.2.1", "--vni", "7", "--docker-inspect", &inspect],
            "vni 7: no overlay network in",
        ),
        (vec!["--net", ""], "give the name of a network"),
        (vec!["--net", "x", "--control", ""], "give the name of a network"),
        (vec!["--vni", "1", "--for", "soon"], "10s"),
        (vec!["--vni", "1", "-i", "any"], "-i"),
        (vec!["--vni", "1", "--accept", "no-replay"], "use one of: not-enforced, enforcement-unknown,"),
        (vec!["--vni", "1", "--accept", "not-enforcd"], "did you mean 'not-enforced'?"),
        (vec!["--vni", "1", "--accept", "clear"], "can never be accepted; what can is: not-enforced,"),
        (vec!["--vni", "1", "--require", "most"], "use all or reachable"),
        (vec!["--all", "--net", "x"], "--all and --net exclude each other"),
        (vec!["--all", "--vni", "1"], "exclude each other"),
        (vec!["--all", "--peer", "192.0.2.2"], "exclude each other"),
        (vec!["--all", "--vxlan-port", "4789"], "exclude each other"),
        (vec!["--all", "--local", "192.0.2.1"], "exclude each other"),
        (vec!["--all", "--target", "10.42.0.2"], "exclude each other"),
        (vec!["--all", "--control", "insecure"], "exclude each other"),
        (vec!["--all", "--docker-inspect", &inspect, "--net", "x"], "exclude each other"),
        (vec!["--all", "-i", "eth0"], "exclude each other"),
        (vec!["--all", "-r", &pcap, "--local", "192.0.2.1"], "exclude each other"),
        (vec!["--all", "--netns", "nowhere-to-be-found"], "no such namespace"),
    ] {
        let output = verify(&arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(wanted) && said.lines().count() == 1, "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn an_engine_whose_answer_is_broken_is_an_error_that_names_the_ways_around() {
    let (_place, socket) = engine(&[VERSION, ("/networks/secure", "\u{1b}[2J not json")]);
    let mut command = program();
    command.args(["verify", "--net", "secure"]).env("DOCKER_HOST", format!("unix://{socket}"));
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "ovlsniff: network secure: Docker's engine gives no usable answer (it is not the JSON of an engine); try again when it \
         does, or describe the network with --docker-inspect FILE, or with --vni VNI --peer ADDRESS\n"
    );
}

#[test]
fn json_is_by_its_schema() {
    for report in
        [json("secure", &["--sa", &keys()]), json("secure", &[]), json("insecure", &[]), json("typo", &[])]
    {
        by_schema(include_str!("../../docs/verify-schema.json"), &report, "report");
    }
}

#[test]
fn schema_knows_every_word() {
    let schema: Value = serde_json::from_str(include_str!("../../docs/verify-schema.json")).unwrap();
    let codes: Vec<&str> = ovlsniff::verify::Reason::ALL.iter().map(|reason| reason.code()).collect();
    let known: Vec<&str> =
        schema["$defs"]["reason"]["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for (known, code) in known.iter().zip(&codes) {
        assert_eq!(known, code, "docs/verify-schema.json has another reason here than the program");
    }
    assert_eq!(
        known.len(),
        codes.len(),
        "docs/verify-schema.json has fewer or more reasons than the program"
    );
}

#[test]
fn docs_explain_every_reason_as_the_program_does() {
    let docs = include_str!("../../docs/verify.md");
    for reason in ovlsniff::verify::Reason::ALL {
        let row = docs.lines().find(|line| line.starts_with(&format!("| `{}` | ", reason.code())));
        let row = row.unwrap_or_else(|| panic!("{} is not in docs/verify.md", reason.code()));
        assert!(row.ends_with(&format!("| {} |", reason.remedy())), "{row}");
    }
}
