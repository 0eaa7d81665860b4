//! Tests that need the lab: root, a kernel with ESP for the scenarios of `lab/`, and the programs that these call.
//! `./x setup test` installs the programs.

use std::process::Command;

/// Compares the verdicts of `ovlsniff verify` with those in `lab/leaks/scenarios.txt`, on encrypted overlays and on
/// overlays that leak in every way we know of.
///
/// One wrong row of the table is a failure. So is a scenario that is not on the wire what it claims to be. What the
/// first kernel lacks is tried on a second one. A scenario that none of them can run is no failure, and `./x test`
/// names it.
#[test]
#[ignore = "needs lab"]
fn verify_gives_every_scenario_its_right_verdict() {
    let lab = Command::new("lab/leak-lab")
        .args(["--ovlsniff", env!("CARGO_BIN_EXE_ovlsniff")])
        .env("OVLSNIFF_LAB_SECONDS", "4000")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let table = String::from_utf8_lossy(&lab.stdout);
    println!("{table}");
    let wrong: Vec<&str> = table.lines().filter(|row| row.contains("  WRONG")).collect();
    let last = table.lines().last().unwrap_or_default();
    let end = String::from_utf8_lossy(&lab.stderr);
    assert!(lab.status.success(), "{}\n{}\n{last}\n{end}", lab.status, wrong.join("\n"));
    assert!(last.starts_with("together ") && last.contains(" scenarios, 0 wrong"), "no table");
}

#[test]
#[ignore = "needs lab"]
fn every_scenario_passes_on_a_real_kernel() {
    let status = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/lab/run"))
        .env("OVLSNIFF", env!("CARGO_BIN_EXE_ovlsniff"))
        .env("OVLSNIFF_LAB_SECONDS", "4000")
        .status()
        .unwrap();
    assert!(status.success(), "the table above names what failed; its log is in lab-out");
}

#[test]
#[ignore = "needs lab"]
fn the_kernels_sas_are_those_ip_prints_and_open_what_passes_by() {
    boots("lab/esp-keys.sh");
}

#[test]
#[ignore = "needs lab"]
fn whoever_takes_the_watch_over_gets_the_facts_of_sas_and_no_key() {
    boots("lab/keeper-keys.sh");
}

/// Runs a scenario on a kernel with ESP.
fn boots(scenario: &str) {
    let out = Command::new("lab/boot")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([scenario, env!("CARGO_BIN_EXE_ovlsniff")])
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
}

#[test]
#[ignore = "needs lab"]
fn a_kernel_in_lockdown_keeps_its_keys_and_no_verdict_is_made_of_zeros() {
    let out = Command::new("lab/boot")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // User-mode Linux is built without lockdown.
        .env("OVLSNIFF_LAB_KERNEL", "qemu")
        .env("OVLSNIFF", env!("CARGO_BIN_EXE_ovlsniff"))
        .arg("lab/lockdown.sh")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
    assert!(said.ends_with("ok\n"), "{said}");
}
