//! Tests of the leak lab's scripts: no function of one theme replaces that of another, and every scenario has its own.

use std::collections::BTreeSet;
use std::fs;

/// Returns the names of the functions of all the scripts that the leak lab reads into one shell.
fn functions() -> Vec<String> {
    let themes = fs::read_dir("lab/leaks").unwrap().map(|entry| entry.unwrap().path());
    let themes = themes.filter(|path| path.extension().is_some_and(|ending| ending == "sh"));
    let others = ["lab/leaks.sh", "lab/time.bash", "lab/features.bash"].map(Into::into);
    themes
        .chain(others)
        .flat_map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let names = text.lines().filter_map(|line| line.split_once("() ").map(|(name, _)| name));
            let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            names.filter(is_name).map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

/// A shell takes the second of two functions with one name, and scenarios of the first one test something else.
#[test]
fn no_two_functions_of_the_lab_have_one_name() {
    let mut names = BTreeSet::new();
    let twice: Vec<String> = functions().into_iter().filter(|name| !names.insert(name.clone())).collect();
    assert!(names.len() > 500, "{} functions", names.len());
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn every_scenario_of_the_table_is_set_up_and_claims_something() {
    let names: BTreeSet<String> = functions().into_iter().collect();
    let table = fs::read_to_string("lab/leaks/scenarios.txt").unwrap();
    let rows = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let scenarios: Vec<String> =
        rows.map(|row| row.split('|').next().unwrap().trim().replace('-', "_")).collect();
    assert_eq!(scenarios.iter().collect::<BTreeSet<_>>().len(), scenarios.len(), "a scenario has two rows");
    for scenario in scenarios {
        for part in ["setup", "claims"] {
            assert!(names.contains(&format!("{scenario}_{part}")), "{scenario} has no {part}");
        }
    }
}
