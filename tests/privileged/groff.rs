//! Tests that need groff, which sets the manual pages.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::run::program;

fn written(words: &[&str]) -> String {
    let output = program().args(words).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "needs groff"]
fn manual_pages_are_set_without_a_warning() {
    let mut pages = vec![written(&["man"])];
    for command in ["verify", "interfaces", "keys", "overlay", "completions", "man", "help"] {
        pages.push(written(&["man", command]));
    }
    pages.push(written(&["man", "verify", "merge"]));
    for act in ["up", "down", "status", "rotate", "keygen"] {
        pages.push(written(&["man", "overlay", act]));
    }
    for page in pages {
        let mut groff = Command::new("groff")
            .args(["-man", "-Tutf8", "-ww"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        groff.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
        let output = groff.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let text = String::from_utf8_lossy(&output.stdout);
        // groff strikes the letters of a heading twice.
        let plain: String =
            text.split('\u{8}').map(|piece| piece.chars().skip(1).collect::<String>()).collect();
        let plain = if text.contains('\u{8}') { plain } else { text.into_owned() };
        for heading in ["SYNOPSIS", "EXAMPLES", "EXIT STATUS", "SEE ALSO"] {
            assert!(plain.contains(heading), "{heading}: {plain}");
        }
    }
}
