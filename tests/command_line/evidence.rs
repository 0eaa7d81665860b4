//! `ovlsniff verify --evidence`, `--replay` and `--profile` on captures of a real Docker Swarm: what is in the folder, that
//! it gives the same verdict again, that no key is in it, and that nobody can alter it unseen.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::run::{Ran, ovlsniff};
use crate::schema::by_schema;
use crate::swarm;

const SWARM: &str = "tests/fixtures/swarm";

/// A folder of evidence in a folder of its own.
struct Kept {
    around: TempDir,
    place: PathBuf,
    ran: Ran,
}

/// Judges the network of a Swarm with its keys, and keeps the evidence.
fn kept(net: &str, more: &[&str]) -> Kept {
    let around = tempfile::tempdir().unwrap();
    let place = around.path().join("evidence");
    let ran = swarm::verify(net, &[&["--evidence", place.to_str().unwrap()], more].concat());
    Kept { around, place, ran }
}

fn replay(place: &Path, more: &[&str]) -> Ran {
    ovlsniff(&[&["verify", "--replay", place.to_str().unwrap()], more].concat())
}

/// Returns every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Returns the one sentence of a replay that refuses the folder.
fn refusal(place: &Path) -> String {
    let ran = replay(place, &[]);
    assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
    assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
    ran.err
}

/// Writes the sums anew, in the manifest as well, as somebody who covers traces would.
fn sum_again(place: &Path) {
    let manifest = place.join("manifest.json");
    let mut contents = json(&manifest);
    for listed in contents["files"].as_array_mut().unwrap() {
        let file = place.join(listed["name"].as_str().unwrap());
        let sum = Command::new("sha256sum").arg(file).output().unwrap().stdout;
        listed["sha256"] = String::from_utf8_lossy(&sum).split(' ').next().unwrap().into();
    }
    fs::write(&manifest, contents.to_string()).unwrap();
    only_sum_again(place);
}

fn only_sum_again(place: &Path) {
    let list = "cd \"$1\" && find . -type f ! -name 'SHA256SUMS*' | sed 's|^./||' | sort | xargs sha256sum > SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS";
    assert!(Command::new("sh").args(["-c", list, "sh"]).arg(place).status().unwrap().success());
}

#[test]
fn a_replay_comes_to_the_same_verdict_with_the_same_words() {
    for (net, verdict) in [("secure", "ENCRYPTED"), ("insecure", "CLEAR"), ("typo", "INCONCLUSIVE")] {
        let Kept { place, ran, around: _around } = kept(net, &[]);
        assert!(ran.out.contains(&format!("verdict: {verdict}")), "{ran:?}");
        let again = replay(&place, &[]);
        assert_eq!((again.code, &again.out), (ran.code, &ran.out), "{again:?}");
        assert!(again.err.starts_with("replayed: 7 files as they were written; "), "{}", again.err);
        let json = replay(&place, &["--json"]);
        assert_eq!(json.bytes, fs::read(place.join("network-1/report.json")).unwrap());
    }
}

#[test]
fn every_file_for_programs_is_by_its_schema() {
    for (net, more) in
        [("secure", &["--profile", "cnsa"][..]), ("insecure", &["--accept", "not-enforced"]), ("typo", &[])]
    {
        let Kept { place, around: _around, .. } = kept(net, more);
        by_schema(include_str!("../../docs/run-schema.json"), &json(&place.join("run.json")), "run");
        by_schema(
            include_str!("../../docs/manifest-schema.json"),
            &json(&place.join("manifest.json")),
            "manifest",
        );
        let network = place.join("network-1");
        by_schema(include_str!("../../docs/facts-schema.json"), &json(&network.join("facts.json")), "facts");
        by_schema(
            include_str!("../../docs/verify-schema.json"),
            &json(&network.join("report.json")),
            "report",
        );
    }
}

#[test]
fn a_replay_says_what_could_only_be_attested() {
    let Kept { place, around: _around, .. } = kept("secure", &[]);
    let err = replay(&place, &[]).err;
    assert!(
        err.contains("attested at that time, not checked again: secure, out 192.0.2.2: 6 frames of the network found inside ESP with keys that are not kept"),
        "{err}"
    );
    let Kept { place, around: _around, .. } = kept("insecure", &[]);
    let err = replay(&place, &[]).err;
    assert!(err.contains("decoded again: 10 frames in clear") && !err.contains("insecure, out"), "{err}");
    assert!(err.contains("not checked again: run.json: the machine"), "{err}");
}

#[test]
fn the_folder_says_who_asked_for_what_when_and_where() {
    let Kept { place, around: _around, .. } = kept("secure", &["--profile", "rfc8221"]);
    let run = json(&place.join("run.json"));
    let words: Vec<&str> = run["command_line"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(words.contains(&"--profile") && words.contains(&"rfc8221"));
    for time in ["began", "ended"] {
        let time = run[time].as_str().unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z') && time.len() == 24, "{time}");
    }
    let machine = &run["machine"];
    let program = fs::read(env!("CARGO_BIN_EXE_ovlsniff")).unwrap();
    let sum = Command::new("sha256sum").arg(env!("CARGO_BIN_EXE_ovlsniff")).output().unwrap();
    assert!(!program.is_empty());
    assert_eq!(machine["tool_sha256"].as_str(), String::from_utf8_lossy(&sum.stdout).split(' ').next());
    assert_eq!(machine["tool"], concat!("ovlsniff ", env!("CARGO_PKG_VERSION")));
    assert!(machine["clock"].get("source").is_some() && machine["kernel"].is_string());
    let watched = &run["watched"][0];
    assert_eq!(
        (&watched["frames"], &watched["dropped"], &watched["network"]),
        (&76.into(), &Value::Null, &"secure".into())
    );
    assert_eq!(json(&place.join("manifest.json"))["networks"][0]["verdict"], "ENCRYPTED");
}

#[test]
fn no_key_is_in_the_folder_in_any_form() {
    let Kept { place, around: _around, .. } = kept("secure", &["--profile", "fips"]);
    let state = fs::read_to_string(format!("{SWARM}/xfrm-state.txt")).unwrap();
    let keys: Vec<&str> = state.split_whitespace().filter_map(|word| word.strip_prefix("0x")).collect();
    // The keys have 16 bytes and a salt of 4. Each part of them is looked for as well.
    let keys: Vec<&str> = keys.into_iter().filter(|digits| digits.len() == 40).collect();
    assert!(keys.len() >= 4, "{state}");
    let contents: Vec<(PathBuf, Vec<u8>)> =
        files(&place).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    assert!(contents.len() >= 8);
    for digits in keys {
        let bytes: Vec<u8> =
            (0..20).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect();
        let base64 = Command::new("sh")
            .args(["-c", "printf \"$1\" | base64", "sh"])
            .arg(bytes.iter().map(|byte| format!("\\{byte:03o}")).collect::<Vec<_>>().concat())
            .output()
            .unwrap()
            .stdout;
        // The last digits of base64 also depend on what would follow.
        let base64 = base64.trim_ascii()[..20].to_vec();
        let numbers: Vec<String> = bytes[..8].iter().map(u8::to_string).collect();
        let needles = [
            bytes[..8].to_vec(),
            bytes[8..16].to_vec(),
            digits.as_bytes()[..16].to_vec(),
            digits.as_bytes()[16..32].to_vec(),
            digits[..16].to_uppercase().into_bytes(),
            base64,
            numbers.join(",").into_bytes(),
        ];
        for (path, content) in &contents {
            for needle in &needles {
                let found = content.windows(needle.len()).any(|window| window == needle);
                assert!(!found, "{}: {needle:?} of {digits}", path.display());
            }
        }
    }
}

#[test]
fn the_frames_are_those_of_the_wire_with_comments() {
    let Kept { place, around: _around, .. } = kept("insecure", &[]);
    let frames = fs::read(place.join("network-1/frames.pcapng")).unwrap();
    let text = String::from_utf8_lossy(&frames).into_owned();
    assert!(text.contains("frame 19: in clear, to 192.0.2.2: CLEAR (not-configured), vni 4097"), "{text}");
    let read = |path: &str, pattern: &str| ovlsniff(&["-r", path, "--json", pattern]).out.lines().count();
    let kept_frames = place.join("network-1/frames.pcapng");
    // Frames that anybody could read are there, and encrypted ones are still encrypted.
    assert!(read(kept_frames.to_str().unwrap(), "HTTP") > 0);
    let Kept { place, around: _around, .. } = kept("secure", &[]);
    let frames = place.join("network-1/frames.pcapng");
    assert_eq!(read(frames.to_str().unwrap(), "HTTP"), 0);
    let text = String::from_utf8_lossy(&fs::read(&frames).unwrap()).into_owned();
    assert!(text.contains("encrypted, opened with a key that is not kept, to 192.0.2.2: ENCRYPTED (opened), vni 4098, spi 0xef7baa5f"), "{text}");
}

#[test]
fn sums_are_checked_by_sha256sum_and_signed_by_ssh_keygen() {
    let Kept { place, around, .. } = kept("secure", &[]);
    let run = |script: &str| {
        let ran = Command::new("sh").arg("-c").arg(script).current_dir(&place).output().unwrap();
        assert!(ran.status.success(), "{script}: {ran:?}");
    };
    run("sha256sum --check --strict --quiet SHA256SUMS");
    let key = around.path().join("key");
    run(&format!("ssh-keygen -q -t ed25519 -N '' -f {}", key.display()));
    run(&format!("ssh-keygen -q -Y sign -n ovlsniff -f {} SHA256SUMS", key.display()));
    run(&format!("printf 'auditor %s\\n' \"$(cat {0}.pub)\" > {0}.allowed", key.display()));
    run(&format!(
        "ssh-keygen -Y verify -n ovlsniff -f {}.allowed -I auditor -s SHA256SUMS.sig < SHA256SUMS",
        key.display()
    ));
    // The signature beside the sums is no file that somebody added. Nor is it checked, and the replay says so.
    let ran = replay(&place, &[]);
    assert!(
        ran.code == Some(0)
            && ran.err.contains("no signature was checked: ssh-keygen -Y verify -n ovlsniff "),
        "{ran:?}"
    );
}

#[test]
fn the_folder_is_for_its_owner_alone() {
    let Kept { place, around, .. } = kept("secure", &[]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&place), mode(&place.join("network-1"))), (0o700, 0o700));
    assert!(files(&place).iter().all(|file| mode(file) == 0o600));
    assert_eq!(fs::read_dir(around.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_with_something_in_it_is_refused_before_anything_is_judged() {
    let around = tempfile::tempdir().unwrap();
    let place = around.path().to_str().unwrap();
    fs::write(around.path().join("mine"), "").unwrap();
    let pcap = format!("{SWARM}/swarm-node1.pcap");
    let words = ["verify", "-r", &pcap, "--vni", "4097", "--local", "192.0.2.1", "--evidence", place];
    let ran = ovlsniff(&words);
    assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
    assert!(ran.err.contains("the folder is not empty; name a new one"), "{ran:?}");
    let missing = around.path().join("a/b");
    let ran = ovlsniff(&[&words[..8], &[missing.to_str().unwrap()]].concat());
    assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
    assert_eq!(files(around.path()).len(), 1);
}

#[test]
fn a_file_that_was_altered_removed_or_added_is_noticed() {
    let Kept { place, around: _around, .. } = kept("insecure", &[]);
    for file in files(&place) {
        let before = fs::read(&file).unwrap();
        let name = file.strip_prefix(&place).unwrap().to_str().unwrap();
        let mut after = before.clone();
        let middle = after.len() / 2;
        after[middle] ^= 1;
        fs::write(&file, &after).unwrap();
        let said = refusal(&place);
        let sums = name == "SHA256SUMS";
        assert!(sums || said.contains(&format!("{name} was altered or is missing")), "{said}");
        fs::remove_file(&file).unwrap();
        assert!(sums || refusal(&place).contains(name));
        // A link to the same bytes is no file of the folder.
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        fs::write(&elsewhere, &before).unwrap();
        symlink(elsewhere.path(), &file).unwrap();
        refusal(&place);
        fs::remove_file(&file).unwrap();
        fs::write(&file, &before).unwrap();
    }
    fs::write(place.join("network-1/more"), "").unwrap();
    assert!(refusal(&place).contains("network-1/more is not listed in SHA256SUMS: somebody added it"));
    fs::remove_file(place.join("network-1/more")).unwrap();
    assert_eq!(replay(&place, &[]).code, Some(1));
}

/// Alters a file, and sums again.
fn forged(net: &str, name: &str, change: impl Fn(String) -> String) -> String {
    let Kept { place, around: _around, .. } = kept(net, &[]);
    let file = place.join(name);
    let before = fs::read_to_string(&file).unwrap();
    let after = change(before.clone());
    assert_ne!(before, after);
    fs::write(&file, after).unwrap();
    sum_again(&place);
    refusal(&place)
}

#[test]
fn a_folder_that_contradicts_itself_is_refused_even_with_new_sums() {
    let said = forged("insecure", "network-1/report.json", |text| text.replace("\"CLEAR\"", "\"ENCRYPTED\""));
    assert!(said.contains("network-1/report.json is not what follows from the facts"), "{said}");
    let said = forged("insecure", "network-1/facts.json", |text| text.replace("\"Clear\"", "\"Opaque\""));
    assert!(said.contains("contradicts itself") && said.contains("shows the network in clear"), "{said}");
    let said = forged("secure", "network-1/facts.json", |text| text.replace("\"Opened\"", "\"Clear\""));
    assert!(said.contains("is said to be in clear, and does not show the network"), "{said}");
    let said = forged("secure", "manifest.json", |text| text.replace("\"format\": 1", "\"format\": 2"));
    assert!(said.contains("use a later version of ovlsniff"), "{said}");
    let said = forged("secure", "manifest.json", |text| text.replace("network-1\"", "../../etc\""));
    assert!(said.contains("not listed in SHA256SUMS"), "{said}");
    let said = forged("secure", "manifest.json", |text| text.replace("\"encrypted\"", "\"whatever\""));
    assert!(said.contains("its terms are not known"), "{said}");
}

#[test]
fn what_does_not_follow_from_the_facts_is_refused_in_every_file() {
    for (name, was, forged_to) in [
        ("network-1/report.txt", "verdict: CLEAR", "verdict: ENCRYPTED"),
        ("manifest.json", "\"CLEAR\"", "\"ENCRYPTED\""),
        ("manifest.json", "\"name\": \"insecure\"", "\"name\": \"secure\""),
        ("run.json", "\"frames\": 76", "\"frames\": 77"),
        ("run.json", "\"dropped\": null", "\"dropped\": 0"),
    ] {
        let said = forged("insecure", name, |text| text.replace(was, forged_to));
        assert!(said.contains(&format!("{name} is not what follows from the facts")), "{name}: {said}");
    }
    // A network without a folder was not watched, so nothing is known of it.
    let said = forged("insecure", "manifest.json", |text| {
        text.replace("\"folder\": \"network-1\"", "\"folder\": null").replace("\"CLEAR\"", "\"ENCRYPTED\"")
    });
    assert!(said.contains("manifest.json is not what follows from the facts"), "{said}");
    let said = forged("insecure", "run.json", |_| "{}".to_owned());
    assert!(said.contains("run.json: it does not describe a run"), "{said}");
}

#[test]
fn a_file_that_the_manifest_does_not_have_is_refused_though_the_sums_have_it() {
    let Kept { place, around: _around, .. } = kept("insecure", &[]);
    fs::write(place.join("network-1/more.txt"), "nothing to see").unwrap();
    only_sum_again(&place);
    let said = refusal(&place);
    assert!(said.contains("network-1/more.txt: manifest.json and SHA256SUMS differ about it"), "{said}");
    // The description of the run has to be there.
    let Kept { place, around: _around, .. } = kept("insecure", &[]);
    fs::remove_file(place.join("run.json")).unwrap();
    only_sum_again(&place);
    assert!(refusal(&place).contains("run.json: manifest.json and SHA256SUMS differ about it"));
}

#[test]
fn nothing_but_a_file_is_taken_for_a_signature() {
    let Kept { place, around: _around, .. } = kept("insecure", &[]);
    let extra = place.join("SHA256SUMS.sig");
    fs::create_dir(&extra).unwrap();
    assert!(refusal(&place).contains("SHA256SUMS.sig is not listed"));
    fs::remove_dir(&extra).unwrap();
    assert!(Command::new("mkfifo").arg(&extra).status().unwrap().success());
    assert!(refusal(&place).contains("SHA256SUMS.sig is not listed"));
    fs::remove_file(&extra).unwrap();
    fs::create_dir(place.join("empty")).unwrap();
    assert!(refusal(&place).contains("empty is not listed"));
    fs::remove_dir(place.join("empty")).unwrap();
    fs::write(&extra, "").unwrap();
    assert_eq!(replay(&place, &[]).code, Some(1));
}

#[test]
fn a_folder_of_watch_says_that_its_folders_are_one_level_down() {
    let Kept { place, around, .. } = kept("insecure", &[]);
    fs::rename(&place, around.path().join("20261127T190851.123Z")).unwrap();
    assert!(refusal(around.path()).contains("the folders of evidence are one level down"));
}

#[test]
fn a_folder_that_is_none_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    assert!(refusal(empty.path()).contains("this is no folder of evidence"));
    assert!(refusal(&empty.path().join("missing")).contains("this is no folder of evidence"));
    fs::write(empty.path().join("SHA256SUMS"), "0\u{1b}[2J").unwrap();
    assert!(!refusal(empty.path()).contains('\u{1b}'));
}

#[test]
fn the_terms_of_that_time_are_those_of_the_replay() {
    let Kept { place, ran, around: _around } = kept("insecure", &["--expect", "clear"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(replay(&place, &[]).code, Some(0));
    let ran = ovlsniff(&["verify", "--replay", place.to_str().unwrap(), "--expect", "clear"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn a_profile_is_judged_beside_the_verdict() {
    let Kept { place, ran, around: _around } = kept("secure", &["--profile", "rfc8221"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.out.ends_with(
            "verdict: ENCRYPTED\nprofile: rfc8221: not met\nprofile finding: icv-length: aes-gcm with an ICV of 64 bits, not 128 \
             (RFC 8221 section 5: AES-GCM with an ICV of 16 octets): SPI 0xef7baa5f, 0x73d2fd07\n\
             profile finding: manual-keys: keys that Docker's managers hand out, and no key exchange (RFC 8221 section 3): \
             SPI 0xef7baa5f, 0x73d2fd07\n"
        ),
        "{}",
        ran.out
    );
    assert!(place.join("profile.toml").exists());
    assert_eq!(replay(&place, &[]).out, ran.out);
    let nagios = replay(&place, &["--format", "nagios"]);
    assert!(nagios.out.contains("WARNING") && nagios.out.contains("profile rfc8221 not met"), "{nagios:?}");
    assert_eq!(nagios.code, Some(1));
    // Another profile years later.
    let later = replay(&place, &["--profile", "cnsa"]);
    assert!(later.out.contains("profile: cnsa: not met\nprofile finding: key-length: "), "{}", later.out);
    let ran = ovlsniff(&["verify", "--replay", place.to_str().unwrap(), "--profile", "/nonexistent"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("use a file, or one of: rfc8221, cnsa, fips"), "{ran:?}");
}

#[test]
fn a_report_in_the_folder_of_evidence_is_refused_before_the_watch() {
    let around = tempfile::tempdir().unwrap();
    let place = around.path().join("evidence");
    let folder = place.to_str().unwrap();
    fs::create_dir(&place).unwrap();
    for name in
        [place.join("report.json"), around.path().join("evidence/../evidence/x"), place.join("../evidence/x")]
    {
        let ran = swarm::verify("secure", &["--evidence", folder, "-o", name.to_str().unwrap()]);
        assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
        assert!(
            ran.err.contains("this is in the folder of --evidence") && ran.err.lines().count() == 1,
            "{ran:?}"
        );
    }
    fs::remove_dir(&place).unwrap();
    let ran = swarm::verify("secure", &["--evidence", folder, "-o", folder]);
    assert!(ran.code == Some(2) && ran.err.contains("this is in the folder of --evidence"), "{ran:?}");
    let link = around.path().join("link");
    symlink(around.path().join("nowhere"), &link).unwrap();
    let ran = swarm::verify("secure", &["--evidence", link.to_str().unwrap()]);
    assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
    assert!(ran.err.contains("this is no folder; name a new one"), "{ran:?}");
    assert_eq!(fs::read_dir(around.path()).unwrap().count(), 1);
}

/// A report names a profile by its name alone, so nobody may call a lenient one `cnsa`.
#[test]
fn a_profile_with_the_name_of_one_of_ours_is_refused() {
    let own = include_str!("../../src/verify/profile/cnsa.toml");
    let around = tempfile::tempdir().unwrap();
    let file = around.path().join("house.toml");
    let judged = |text: &str| {
        fs::write(&file, text).unwrap();
        swarm::verify("secure", &["--profile", file.to_str().unwrap()])
    };
    let lenient = "name = \"CNSA\"\n\n[[allowed]]\nalgorithm = \"aes-gcm\"\n";
    let ran = judged(lenient);
    assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
    assert!(
        ran.err.contains("its name begins as that of the profile cnsa of ovlsniff")
            && ran.err.lines().count() == 1,
        "{ran:?}"
    );
    assert!(judged(&lenient.replace("CNSA", "house")).out.contains("profile: house: met"));
    assert!(judged(own).out.contains("profile: cnsa: not met"));
    // In a folder of evidence it is no better, though everything in it follows from it.
    let Kept { place, around: _around, .. } = kept("secure", &["--profile", file.to_str().unwrap()]);
    assert_eq!(replay(&place, &[]).code, Some(1));
    fs::write(&file, lenient.replace("CNSA", "house")).unwrap();
    let Kept { place, around: _around, .. } = kept("secure", &["--profile", file.to_str().unwrap()]);
    let mut old = "house";
    for (new, why) in [
        ("our house", "its name has other characters than letters of ASCII"),
        ("cnsa", "its name begins as that of the profile cnsa of ovlsniff, and it is another one"),
    ] {
        for name in ["profile.toml", "manifest.json", "network-1/report.txt", "network-1/report.json"] {
            let text = fs::read_to_string(place.join(name)).unwrap();
            let text = text.replace(&format!("\"{old}\""), &format!("\"{new}\""));
            let text = text.replace(&format!("profile: {old}"), &format!("profile: {new}"));
            fs::write(place.join(name), text).unwrap();
        }
        sum_again(&place);
        assert!(refusal(&place).contains(why), "{new}");
        old = new;
    }
    let ran = replay(&place, &["--profile", "cnsa"]);
    assert!(ran.out.contains("profile: cnsa: not met"), "{ran:?}");
}

/// Two runs of one network have the same facts, and each has its own description.
#[test]
fn what_stands_in_two_files_has_to_be_the_same_in_both() {
    for (name, was, forged_to) in [
        ("run.json", "\"insecure\",\n    \"--evidence\"", "\"other\",\n    \"--evidence\""),
        ("run.json", "\"--docker-inspect\"", "\"--profile\""),
        ("run.json", "\"--docker-inspect\"", "\"--all\""),
        ("run.json", "\"--docker-inspect\"", "\"--expect=clear\""),
        ("run.json", "\"--docker-inspect\"", "\"--accept\""),
        ("run.json", "\"--docker-inspect\"", "\"--node=other\""),
        ("run.json", "\"tool\": \"ovlsniff", "\"tool\": \"another"),
        ("run.json", "\"ended\": \"20", "\"ended\": \"10"),
        ("run.json", "\"filters\": []", "\"filters\": [\"not udp port 4789\"]"),
        ("run.json", "\"frames_in_clear_left_out\": false", "\"frames_in_clear_left_out\": true"),
        ("manifest.json", "\"expected\": \"encrypted\"", "\"expected\": \"clear\""),
    ] {
        let said = forged("insecure", name, |text| text.replace(was, forged_to));
        assert!(said.contains("is not what follows from the facts"), "{name} {was}: {said}");
    }
    let Kept { place, around: _around, .. } =
        kept("insecure", &["--accept", "not-enforced", "--node=one", "--require", "all"]);
    assert_eq!(replay(&place, &[]).code, Some(1));
}

#[test]
fn a_clock_that_was_set_back_during_the_run_is_told_and_no_reason_to_refuse_the_folder() {
    let Kept { place, around: _around, .. } = kept("insecure", &[]);
    let path = place.join("run.json");
    let mut run = json(&path);
    assert_eq!(run["clock_set"], Value::Null, "nobody set the clock of this machine meanwhile");
    run["began"] = "2025-11-27T19:08:51.000Z".into();
    run["ended"] = "2025-11-27T18:08:54.000Z".into();
    fs::write(&path, run.to_string()).unwrap();
    sum_again(&place);
    assert!(refusal(&place).contains("run.json is not what follows from the facts"));
    run["clock_set"] = serde_json::json!({
        "elapsed_milliseconds": 3000, "back_milliseconds": 3_600_000, "forward_milliseconds": 0
    });
    by_schema(include_str!("../../docs/run-schema.json"), &run, "run");
    fs::write(&path, run.to_string()).unwrap();
    sum_again(&place);
    let ran = replay(&place, &[]);
    assert!(ran.out.contains("verdict: CLEAR") && ran.code == Some(1), "{ran:?}");
    let told = "not checked again: run.json: the clock was set during the run, and was behind by 3600.000 s and ahead by 0.000 s";
    assert!(ran.err.contains(told), "{ran:?}");
}

#[test]
fn a_replay_says_how_many_frames_the_snaplen_of_the_file_had_cut() {
    let around = tempfile::tempdir().unwrap();
    let (place, cut) = (around.path().join("evidence"), around.path().join("cut.pcap"));
    let whole = fs::read(format!("{SWARM}/swarm-node1.pcap")).unwrap();
    let (head, mut rest) = whole.split_at(24);
    let mut short = head.to_vec();
    // Each record has 16 bytes in front, of which the third word is the captured length.
    while let Some((record, behind)) = rest.split_at_checked(16) {
        let len = u32::from_le_bytes(record[8..12].try_into().unwrap()) as usize;
        let kept = len.min(80);
        short.extend([&record[..8], &(kept as u32).to_le_bytes(), &record[12..], &behind[..kept]].concat());
        rest = &behind[len..];
    }
    fs::write(&cut, short).unwrap();
    let [cut, folder] = [&cut, &place].map(|path| path.to_str().unwrap());
    ovlsniff(&["verify", "-r", cut, "--vni", "4098", "--local", "192.0.2.1", "--evidence", folder]);
    let err = replay(&place, &[]).err;
    let told = "not checked again: vni 4098: the rest of 9 kept frames that are cut off";
    assert!(err.contains(told), "{err}");
    let Kept { place, around: _around, .. } = kept("secure", &[]);
    assert!(!replay(&place, &[]).err.contains("cut off"));
}

#[test]
fn a_comment_on_a_frame_has_to_be_what_the_facts_say_of_it() {
    let Kept { place, around: _around, .. } = kept("insecure", &[]);
    let file = place.join("network-1/frames.pcapng");
    let mut frames = fs::read(&file).unwrap();
    let at = frames.windows(8).position(|bytes| bytes == b"in clear").unwrap();
    frames[at..at + 8].copy_from_slice(b"in secret"[..8].try_into().unwrap());
    fs::write(&file, frames).unwrap();
    sum_again(&place);
    assert!(refusal(&place).contains("network-1/frames.pcapng is not what follows from the facts"));
}

#[test]
fn a_file_that_nothing_is_held_against_is_refused_even_if_it_is_listed() {
    let Kept { place, around: _around, .. } = kept("insecure", &[]);
    fs::write(place.join("network-1/policies.txt"), "out 0.0.0.0/0 -> 0.0.0.0/0 block\n").unwrap();
    let manifest = place.join("manifest.json");
    let mut contents = json(&manifest);
    let more = serde_json::json!({ "name": "network-1/policies.txt", "bytes": 1, "sha256": "" });
    contents["files"].as_array_mut().unwrap().push(more);
    fs::write(&manifest, contents.to_string()).unwrap();
    sum_again(&place);
    assert!(refusal(&place).contains("network-1/policies.txt is not what follows from the facts"));
}
