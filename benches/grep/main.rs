//! The time it takes to grep a capture file, compared with ngrep: `cargo bench --bench grep [-- MEGABYTES]`. The
//! default is 100.
//!
//! The captures are the same at every run: TCP as a web server sends it, the same in VXLAN, and as ESP. Both programs
//! read them in turn, so that other load of the machine slows both. The figure is the median of the pairs' ratios. If
//! valgrind is installed, the instructions for a packet are counted too; they do not depend on the load.

mod traffic;

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use traffic::Wrapping;

const PAIRS: usize = 7;
/// The megabytes that are read under valgrind, which is some fifty times slower.
const COUNTED: usize = 20;

fn main() -> std::io::Result<()> {
    // Cargo itself adds the argument --bench.
    let megabytes = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(100);
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    println!("{megabytes} MB each; time as a multiple of: ngrep -q -I FILE HTTP");
    println!("{:<8}{:<10}{:>14}{:>22}", "", "options", "time / ngrep", "instructions a packet");
    for (name, wrapping) in [("tcp", Wrapping::None), ("vxlan", Wrapping::Vxlan), ("esp", Wrapping::Esp)] {
        let (long, short) = (dir.join(format!("{name}.pcap")), dir.join(format!("{name}-short.pcap")));
        traffic::write(File::create(&long)?, wrapping, megabytes << 20)?;
        let packets = traffic::write(File::create(&short)?, wrapping, COUNTED << 20)?;
        for options in [&["-q"][..], &[]] {
            let ratio = ratio(options, &long).map_or("no ngrep".to_owned(), |ratio| format!("{ratio:.2}"));
            let instructions = instructions(options, &short)
                .map_or("no valgrind".to_owned(), |all| (all / packets).to_string());
            println!("{name:<8}{:<10}{ratio:>14}{instructions:>22}", options.join(" "));
        }
        std::fs::remove_file(long)?;
        std::fs::remove_file(short)?;
    }
    Ok(())
}

fn grep(options: &[&str], file: &Path) -> Vec<std::ffi::OsString> {
    let words = [env!("CARGO_BIN_EXE_ovlsniff"), "--no-drop", "-r"];
    let words = words.iter().map(OsStr::new).chain([file.as_os_str(), OsStr::new("HTTP")]);
    words.chain(options.iter().map(OsStr::new)).map(OsStr::to_owned).collect()
}

/// The median of the pairs' ratios. `None` without ngrep.
fn ratio(options: &[&str], file: &Path) -> Option<f64> {
    let ours = grep(options, file);
    let theirs = ["ngrep".as_ref(), "-q".as_ref(), "-I".as_ref(), file.as_os_str(), "HTTP".as_ref()];
    seconds(&theirs)?;
    let pair = |_| Some(seconds(&ours)? / seconds(&theirs)?);
    let mut ratios = (0..PAIRS).map(pair).collect::<Option<Vec<f64>>>()?;
    ratios.sort_by(f64::total_cmp);
    ratios.get(PAIRS / 2).copied()
}

fn seconds(words: &[impl AsRef<OsStr>]) -> Option<f64> {
    let (program, arguments) = words.split_first()?;
    let begun = Instant::now();
    Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    Some(begun.elapsed().as_secs_f64())
}

/// The instructions of a whole run, including the start of the program. `None` without valgrind.
fn instructions(options: &[&str], file: &Path) -> Option<u64> {
    let counted = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(grep(options, file))
        .stdout(Stdio::null())
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&counted.stderr);
    said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}
