//! What `ovlsniff verify` says of overlays that are encrypted, and of overlays that are not in every way we know of, on a
//! real kernel. The scenarios and their right verdicts are in `lab/leaks/scenarios.txt`.

use std::process::Command;

/// One wrong row of the table is a failure, and so is a scenario that is not on the wire what it claims to be.
#[test]
#[ignore = "needs lab, tcpdump, jq, perl, ethtool"]
fn verify_gives_every_scenario_its_right_verdict() {
    let lab = Command::new("lab/boot")
        .args(["lab/leaks.sh", "--ovlsniff", env!("CARGO_BIN_EXE_ovlsniff")])
        .env("OVLSNIFF_LAB_SECONDS", "4000")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let table = String::from_utf8_lossy(&lab.stdout);
    println!("{table}");
    assert!(lab.status.success(), "{}\n{table}", String::from_utf8_lossy(&lab.stderr));
    assert!(table.contains(" scenarios, 0 wrong"), "no table");
}
