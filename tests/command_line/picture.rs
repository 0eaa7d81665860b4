//! The picture of the README: what the program prints on a terminal, drawn as SVG. `./x picture` draws it anew.

use std::fs;
use std::path::Path;

use anstyle_svg::{Term, WIN10_CONSOLE};

use crate::run::program;

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/picture.svg");

/// The width of the terminal in columns. A wider one could not be read beside the text.
const COLUMNS: usize = 124;

/// The commands that are shown, in a folder with the files of `tests/fixtures/swarm`.
const COMMANDS: [&str; 3] = [
    "verify --net insecure -r node1.pcap --local 192.0.2.1 --docker-inspect networks.json",
    "verify --net secure -r node1.pcap --local 192.0.2.1 --docker-inspect networks.json --sa keys",
    "-r node1.pcap HTTP",
];

/// Runs a command as on a terminal with colours. Returns what was typed and what was printed, in one text.
fn shown(folder: &Path, command: &str) -> String {
    let mut program = program();
    program.current_dir(folder).args(command.split(' '));
    if !command.starts_with("verify") {
        program.args(["--color", "always", "--columns", &COLUMNS.to_string()]);
    }
    let output = program.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(!printed.is_empty(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    format!("\x1b[1m$ ovlsniff {command}\x1b[0m\n{printed}")
}

/// Breaks lines at the width of the terminal, as a terminal does. Escape sequences take no room.
fn broken(text: &str) -> String {
    let mut broken = String::new();
    let (mut column, mut escaped) = (0, false);
    for c in text.chars() {
        match c {
            '\n' => column = 0,
            '\x1b' => escaped = true,
            _ if escaped => escaped = !c.is_ascii_alphabetic(),
            _ if column == COLUMNS => {
                broken.push('\n');
                column = 1;
            }
            _ => column += 1,
        }
        broken.push(c);
    }
    broken
}

fn drawn() -> String {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/swarm");
    for (file, name) in [
        ("swarm-node1.pcap", "node1.pcap"),
        ("network-inspect.json", "networks.json"),
        ("xfrm-state.txt", "keys"),
    ] {
        fs::copy(fixtures.join(file), folder.path().join(name)).unwrap();
    }
    let screen: Vec<String> = COMMANDS.iter().map(|command| shown(folder.path(), command)).collect();
    Term::new().palette(WIN10_CONSOLE).render_svg(&broken(&screen.join("\n")))
}

#[test]
fn picture_is_what_the_program_prints() {
    let drawn = drawn();
    if std::env::var_os("OVLSNIFF_DRAW").is_some() {
        fs::write(PICTURE, &drawn).unwrap();
    }
    let kept = fs::read_to_string(PICTURE).unwrap_or_default();
    assert!(drawn == kept, "docs/picture.svg is of another program: ./x picture draws it anew");
}
