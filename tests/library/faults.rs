//! A test that `docs/faults.md` names tests and scenarios that exist: a fault that nobody tries any more has no row.

use std::fs;
use std::path::Path;

/// Returns the names of all tests: functions below `#[test]`.
fn tests() -> Vec<String> {
    let files = ["src", "tests"].into_iter().flat_map(|folder| sources(Path::new(folder)));
    files
        .flat_map(|text| {
            let mut is_test = false;
            let names = text.lines().map(str::trim).filter_map(|line| {
                let name =
                    line.strip_prefix("fn ").filter(|_| is_test).and_then(|rest| rest.split('(').next());
                is_test = line == "#[test]" || is_test && line.starts_with("#[");
                name.map(str::to_owned)
            });
            names.collect::<Vec<_>>()
        })
        .collect()
}

fn sources(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(ending) if ending == "rs" => vec![fs::read_to_string(path).unwrap()],
            _ => Vec::new(),
        })
        .collect()
}

#[test]
fn every_fault_is_tried_by_a_test_or_a_scenario_that_exists() {
    let tests = tests();
    let scenarios = fs::read_to_string("lab/leaks/scenarios.txt").unwrap();
    let scenarios: Vec<&str> = scenarios.lines().filter_map(|line| line.split([' ', '|']).next()).collect();
    let page = fs::read_to_string("docs/faults.md").unwrap();
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| fault |")).collect();
    assert!(rows.len() >= 30, "{} rows", rows.len());
    for row in rows {
        let tried = row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap();
        let names: Vec<&str> = tried.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "nothing tries this fault: {row}");
        for name in names {
            let is_there = match name.split(' ').collect::<Vec<_>>()[..] {
                ["./x", "soak"] => Path::new("scripts/soak.py").exists(),
                ["./x", "lab", "leaks", scenario] => scenarios.contains(&scenario),
                ["./x", "lab", scenario] => Path::new(&format!("lab/overlay/{scenario}.sh")).exists(),
                _ => tests.iter().any(|test| test == name),
            };
            assert!(is_there, "{name}: there is no such test or scenario, in the row: {row}");
        }
    }
}
