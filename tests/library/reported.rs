//! A test that `docs/reported-leaks.md` says of each report what the leak lab holds to be right: the verdict there is
//! the one in `lab/leaks/scenarios.txt`.

use std::collections::BTreeMap;
use std::fs;

/// Returns the right verdict and reason of each scenario: `1 CLEAR: CLEAR, ENCRYPTED` and `no-mark`.
fn scenarios() -> BTreeMap<String, (String, String)> {
    let text = fs::read_to_string("lab/leaks/scenarios.txt").unwrap();
    let rows = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|row| {
        let fields: Vec<&str> = row.split('|').map(str::trim).collect();
        let [name, exit, verdict, out, back, _rungs, reason, ..] = fields[..] else { panic!("{row}") };
        (name.to_owned(), (format!("{exit} {verdict}: {out}, {back}"), reason.to_owned()))
    })
    .collect()
}

/// Returns the rows of the tables: the report, and what stands in backticks in the columns `rebuilt as` and `verify
/// says`.
fn reports() -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string("docs/reported-leaks.md").unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ["));
    rows.map(|row| {
        // `\|` is no border of a cell.
        let row = row.replace(r"\|", "");
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let ["", report, _wrong, rebuilt, says, _seen, ""] = cells[..] else { panic!("{row}") };
        let quoted = [rebuilt, says].into_iter().flat_map(|cell| cell.split('`').skip(1).step_by(2));
        (report.to_owned(), quoted.map(str::to_owned).collect())
    })
    .collect()
}

#[test]
fn reported_leaks_have_the_verdicts_of_the_lab() {
    let scenarios = scenarios();
    let reports = reports();
    assert!(reports.len() >= 20, "{} reports", reports.len());
    for (report, quoted) in reports {
        let (name, verdict, reason) = match &quoted[..] {
            [name, verdict] => (name, verdict, "-"),
            [name, verdict, reason] => (name, verdict, reason.as_str()),
            _ => panic!("{report}: a scenario, a verdict and perhaps a reason are expected: {quoted:?}"),
        };
        let right = scenarios.get(name).unwrap_or_else(|| panic!("{report}: there is no scenario {name}"));
        assert_eq!((verdict.as_str(), reason), (right.0.as_str(), right.1.as_str()), "{report}: {name}");
    }
}
