//! `ovlsniff overlay` as a user meets it, as far as this needs no kernel.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Output, Stdio};

use crate::run::program;

fn overlay(arguments: &[&str]) -> Output {
    program().arg("overlay").args(arguments).output().unwrap()
}

/// Expects exit status 2 and one sentence on standard error, and returns the sentence.
fn refused(arguments: &[&str]) -> String {
    let output = overlay(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(output.stdout.is_empty());
    assert!(!said.contains('\u{1b}'), "control bytes reach a terminal: {said:?}");
    said
}

const SECURE: [&str; 9] =
    ["up", "secure", "--vni", "4098", "--local", "192.0.2.1", "--peer", "192.0.2.2", "--addr=10.0.2.1/24"];

#[test]
fn the_typo_of_the_course_is_an_error_and_not_a_network_in_clear() {
    let said = refused(&[&SECURE[..], &["--opt", "encrypt"]].concat());
    assert!(said.contains("--opt encrypt: no such option; did you mean 'encrypted'?"), "{said}");
}

#[test]
fn an_encrypted_network_without_a_key_and_a_key_without_encryption_are_errors() {
    assert!(refused(&[&SECURE[..], &["--opt", "encrypted"]].concat()).contains("--key"));
    assert!(refused(&[&SECURE[..], &["--key", "secure.key"]].concat()).contains("--opt encrypted"));
}

#[test]
fn what_cannot_be_is_said_before_the_kernel_is_asked() {
    for (wrong, expected) in [
        (["--vni", "16777216"], "a VNI is a number below 16777216"),
        (["--vni", "0"], "1 to 16777215"),
        (["--peer", "2001:db8::1"], "different families"),
        (["--peer", "192.0.2.3=10.0.9.3"], "not in 10.0.2.1/24"),
        (["--opt", "port=99999"], "UDP port"),
        (["--opt", "\u{1b}[2Jencrypted"], "no such option"),
        (["--\u{1b}[2J", "1"], "there is no option"),
        (["--opt", "com.docker.network.driver.overlay.vxlanid_list=4099"], "two different things"),
        (["--opt", "cipher=aes-128-gcm"], "--opt encrypted"),
    ] {
        let replaced: Vec<&str> = if wrong[0] == "--vni" {
            ["up", "secure", "--local", "192.0.2.1", "--peer", "192.0.2.2"].into_iter().chain(wrong).collect()
        } else {
            SECURE.into_iter().chain(wrong).collect()
        };
        let said = refused(&replaced);
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_word_in_a_file_that_means_nothing_is_said_before_the_kernel_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("overlay.toml");
    for (line, expected) in [
        ("encrypt = true", "key network.secure.encrypt: no such key; did you mean 'encrypted'?"),
        ("cipher = \"aes-256-gmc\"\nencrypted = true", "did you mean 'aes-256-gcm'?"),
        ("mtu = 60", "an MTU is a number of bytes from 68"),
    ] {
        let text = format!(
            "[node.a]\nunderlay = \"192.0.2.1\"\n[node.b]\nunderlay = \"192.0.2.2\"\n[network.secure]\nvni = 1\n{line}\n"
        );
        fs::write(&path, text).unwrap();
        let said = refused(&["up", "--node", "a", "-f", path.to_str().unwrap()]);
        assert!(said.contains(expected), "{said}");
    }
}

/// The nodes take lines 1 to 4, and the network begins on line 5.
#[test]
fn an_error_in_a_file_names_the_file_and_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("overlay.toml");
    let path = path.to_str().unwrap();
    for (lines, expected) in [
        ("vni = 1\nlern = true", "line 7: key network.net.lern: no such key; did you mean 'learn'?"),
        ("vni = 1\n[nodes.c]", "line 7: key nodes: no such key; did you mean 'node'?"),
        ("vni 1", "line 6: key with no value, expected `=`"),
        ("vni = 1\nvni = 2", "line 7: duplicate key"),
        ("mtu = 1400", "line 5: missing key `vni`"),
        ("vni = 1\nencrypted = \"yes\"", "line 7: use true or false"),
        ("vni = 1\nnodes = \"a\"", "line 7: string \"a\", expected a list"),
        ("vni = 1\nnodes = [\"a\", \"x\"]", "line 7: network net: node x: no such node; did you mean 'a'?"),
        (
            "vni = 1\naddresses = { a = \"10.0.1.1/24\", b = \"10.0.1.2/16\" }",
            "line 7: network net: a has 10.0.1.1/24 and b 10.0.1.2/16; all need the same prefix length",
        ),
        (
            "vni = 1\ncipher = \"aes-256-gcm\"",
            "line 7: network net: has a cipher but is not encrypted; add: encrypted = true",
        ),
        ("vni = 0", "line 5: network net: vni 0 is no network; take 1 to 16777215"),
        ("vni = 1\n[network.two]\nvni = 1", "line 7: network two: vni 1 is also that of network net"),
        (
            "vni = 1\nencrypted = true",
            "line 5: network net: is encrypted and has no key; give one with --key FILE (in a file: key = \"FILE\"), made by \
             ovlsniff overlay keygen",
        ),
    ] {
        let nodes = "[node.a]\nunderlay = \"192.0.2.1\"\n[node.b]\nunderlay = \"192.0.2.2\"\n";
        fs::write(path, format!("{nodes}[network.net]\n{lines}\n")).unwrap();
        let said = refused(&["up", "-f", path, "--node", "a"]);
        assert_eq!(said, format!("ovlsniff: {path}: {expected}\n"));
    }
    fs::write(path, b"\xff").unwrap();
    assert_eq!(refused(&["up", "-f", path]), format!("ovlsniff: {path}: not a TOML file: it is not UTF-8\n"));
}

#[test]
fn a_key_on_the_command_line_is_refused_and_not_repeated() {
    let key = "ovlsniff-overlay-key-1:00112233";
    let said = refused(&[&SECURE[..], &["--opt", "encrypted", "--key", key]].concat());
    assert!(said.contains("name of its file") && !said.contains("00112233"), "{said}");
}

#[test]
fn keygen_makes_the_file_its_owners_alone_and_never_writes_over_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secure.key");
    let file = fs::File::create(&path).unwrap();
    let status = program().args(["overlay", "keygen"]).stdout(Stdio::from(file)).status().unwrap();
    assert!(status.success());
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let before = fs::read(&path).unwrap();
    let said = refused(&["keygen", "--output", path.to_str().unwrap()]);
    assert!(said.contains("exists"), "{said}");
    assert_eq!(fs::read(&path).unwrap(), before);
}
