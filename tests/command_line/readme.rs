//! The examples of the README and of `docs/`: the program prints exactly what is shown there, and every command of the README
//! is run by somebody.

use std::fs::File;
use std::io::{Read, Seek};

use crate::run::program;

/// A command from a ```console block of the README, with the lines that are shown below it.
struct Sample {
    command: String,
    output: String,
}

fn samples(readme: &str) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ovlsniff ").filter(|_| inside) {
            samples.push(Sample { command: command.into(), output: String::new() });
        } else if let Some(sample) = samples.last_mut().filter(|_| inside) {
            sample.output.push_str(line);
            sample.output.push('\n');
        }
    }
    samples
}

/// Splits a command into words as a shell does, as far as the README needs it: at blanks, with single quotes.
fn words(command: &str) -> Vec<String> {
    let quoted = command.split('\'').enumerate();
    quoted
        .flat_map(|(n, part)| match n % 2 {
            0 => part.split_whitespace().map(String::from).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// The pages with examples.
const PAGES: [(&str, &str); 5] = [
    ("README.md", include_str!("../../README.md")),
    ("docs/ci.md", include_str!("../../docs/ci.md")),
    ("docs/grep.md", include_str!("../../docs/grep.md")),
    ("docs/tutorial.md", include_str!("../../docs/tutorial.md")),
    ("docs/verdict.md", include_str!("../../docs/verdict.md")),
];

#[test]
fn every_sample_is_what_the_program_prints() {
    for (page, text) in PAGES {
        let samples = samples(text);
        assert!(!samples.is_empty(), "{page} shows no command");
        for Sample { command, output } in samples {
            // Both streams go to one file, as they go to one terminal: the order of the lines is part of the sample.
            let mut screen: File = tempfile::tempfile().unwrap();
            program()
                .args(words(&command))
                .stdout(screen.try_clone().unwrap())
                .stderr(screen.try_clone().unwrap())
                .status()
                .unwrap();
            let mut printed = String::new();
            screen.rewind().unwrap();
            screen.read_to_string(&mut printed).unwrap();
            assert_eq!(printed.trim_end(), output.trim_end(), "{page}: ovlsniff {command}");
        }
    }
}

/// The commands of a page's ```sh blocks, without their comments.
fn commands(page: &str) -> Vec<&str> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside {
            commands.push(line.split(" # ").next().unwrap_or_default().trim_end());
        }
    }
    commands
}

#[test]
fn every_command_of_the_readme_is_run_by_a_lab_or_a_script() {
    let readme = PAGES[0].1;
    let lab = include_str!("../../lab/overlay/readme.sh");
    assert!(lab.contains("```sh") && lab.contains("README.md"), "the lab reads the README");
    let fresh = include_str!("../../scripts/fresh.bash");
    let commands = commands(readme);
    assert!(commands.len() >= 10, "{commands:?}");
    for command in commands {
        let bare = command.strip_prefix("sudo ").unwrap_or(command);
        let run = match bare.split(' ').collect::<Vec<_>>()[..] {
            ["ovlsniff" | "setcap", ..] => true,
            ["./x", name] => fresh.contains("./x $command") && fresh.contains(name) || name == "check",
            _ => false,
        };
        assert!(run, "nothing runs {command:?}");
    }
}

#[test]
fn every_link_of_a_page_leads_to_a_file() {
    for (page, text) in PAGES {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http") && !link.starts_with('#')) {
            let file = link.split('#').next().unwrap_or_default();
            assert!(folder.with_file_name(file).exists(), "{page}: {link}");
        }
    }
}
