//! Help, the version and the manual.

use std::fs::File;
use std::process::Stdio;

use super::{refused, split, typed};
use crate::run::{finish, program};

#[test]
fn help_is_a_command() {
    for (line, same) in [
        ("ovlsniff help", "ovlsniff --help"),
        ("ovlsniff help verify", "ovlsniff verify --help"),
        ("ovlsniff help overlay up", "ovlsniff overlay up --help"),
        ("ovlsniff overlay help up", "ovlsniff overlay up --help"),
        ("ovlsniff overlay help", "ovlsniff overlay --help"),
        ("ovlsniff verify help", "ovlsniff verify --help"),
        ("ovlsniff overlay keygen help", "ovlsniff overlay keygen --help"),
        ("ovlsniff help help", "ovlsniff help --help"),
    ] {
        let (ran, same) = (typed(line), typed(same));
        assert_eq!((ran.code, &ran.out, ran.err.as_str()), (Some(0), &same.out, ""), "{line}");
        assert!(ran.out.contains("Usage: ovlsniff"), "{line}: {}", ran.out);
    }
    refused(&[
        (
            "ovlsniff help verfy",
            "there is no command 'verfy'; there is: verify, interfaces, keys, overlay, ngrep, completions, man, help",
        ),
        (
            "ovlsniff help overlay foo",
            "overlay has no command 'foo'; there is: up, down, status, rotate, keygen",
        ),
        ("ovlsniff help overlay up net", "overlay up has no commands; leave out 'net'"),
        ("ovlsniff help verify up", "verify has no command 'up'; there is: merge"),
        ("ovlsniff help verify merge up", "verify merge has no commands; leave out 'up'"),
    ]);
}

#[test]
fn help_that_cannot_be_written_is_an_error() {
    for line in [
        "ovlsniff --help",
        "ovlsniff -h",
        "ovlsniff --version",
        "ovlsniff help",
        "ovlsniff help overlay up",
        "ovlsniff verify --help",
        "ovlsniff overlay help",
        "ovlsniff man",
        "ovlsniff man overlay up",
        "ovlsniff completions zsh",
    ] {
        let words = &split(line)[1..];
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ran = finish(program().args(words).stdout(full).stderr(Stdio::piped()).spawn().unwrap());
        assert_eq!(
            (ran.code, ran.err.as_str()),
            (Some(2), "ovlsniff: write standard output: no space left on device\n"),
            "{line}"
        );
        // A reader that goes away is none.
        let (reader, writer) = nix::unistd::pipe().unwrap();
        drop(reader);
        let ran = finish(program().args(words).stdout(writer).stderr(Stdio::piped()).spawn().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{line}");
    }
}

#[test]
fn the_manual_has_what_a_manual_has() {
    let page = typed("ovlsniff man").out;
    let synopsis = page.split(".SH SYNOPSIS\n").nth(1).unwrap().split(".SH").next().unwrap();
    assert!(synopsis.len() < 400, "{synopsis}");
    for heading in ["EXAMPLES", "EXIT STATUS", "SIGNALS", "FILES", "ENVIRONMENT", "SEE ALSO"] {
        let heading = if heading.contains(' ') { format!("\"{heading}\"") } else { heading.to_owned() };
        assert_eq!(page.matches(&format!(".SH {heading}\n")).count(), 1, "{heading}");
    }
    assert!(page.contains("USR1") && page.contains("NO_COLOR") && !page.contains("EXTRA"));
    let verify = typed("ovlsniff man verify").out;
    for status in 0..=4 {
        assert!(verify.contains(&format!("\n.TP\n\\fB{status}\\fR\n")), "{status}");
    }
}
