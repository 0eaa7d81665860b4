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
