//! The examples of the README: the program prints exactly what is shown there.

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

#[test]
fn every_sample_is_what_the_program_prints() {
    let samples = samples(include_str!("../../README.md"));
    assert!(samples.len() >= 3, "the README shows {} commands", samples.len());
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
        assert_eq!(printed.trim_end(), output.trim_end(), "ovlsniff {command}");
    }
}
