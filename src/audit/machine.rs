//! The machine of a verification: its name, its kernel, its clock, and this program.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::utsname::uname;
use serde::Serialize;

use super::sums::file_sha256;

/// The key daemons that make SAs, by the names of their processes.
const DAEMONS: [&str; 6] = ["charon", "charon-systemd", "pluto", "racoon", "iked", "cilium-agent"];
/// The most bytes of a file that is read here.
const MOST_PROCESSES: usize = 65_536;

/// The machine, as far as it can be known without asking anybody else.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Machine {
    host_name: String,
    architecture: String,
    kernel: String,
    kernel_version: String,
    distribution: Option<String>,
    user_id: u32,
    tool: String,
    /// The file of the running program, and its SHA-256.
    tool_file: Option<String>,
    tool_sha256: Option<String>,
    clock: Clock,
    /// Key daemons that run, by the names of their processes.
    key_daemons: Vec<String>,
}

/// The clock that times come from.
#[derive(Clone, Debug, Default, Serialize)]
struct Clock {
    /// The kernel's source of time, such as `tsc`.
    source: Option<String>,
    /// True if the kernel's clock is disciplined; `None` if nobody says so.
    synchronised: Option<bool>,
    /// The source that says so.
    synchronised_by: Option<&'static str>,
}

impl Machine {
    /// Reads what there is to know. Where something cannot be read, it is left out.
    pub fn read() -> Self {
        let names = uname().ok();
        let text = |part: fn(&nix::sys::utsname::UtsName) -> &std::ffi::OsStr| {
            names.as_ref().map(|names| part(names).to_string_lossy().into_owned()).unwrap_or_default()
        };
        let program = fs::read_link("/proc/self/exe").ok();
        Self {
            host_name: text(|names| names.nodename()),
            architecture: text(|names| names.machine()),
            kernel: text(|names| names.release()),
            kernel_version: text(|names| names.version()),
            distribution: fs::read_to_string("/etc/os-release").ok().and_then(|text| pretty_name(&text)),
            user_id: nix::unistd::geteuid().as_raw(),
            tool: concat!("ovlsniff ", env!("CARGO_PKG_VERSION")).to_owned(),
            tool_file: program.map(|path| path.to_string_lossy().into_owned()),
            // The link leads to the running program, even if its file was replaced meanwhile.
            tool_sha256: file_sha256(Path::new("/proc/self/exe")),
            clock: Clock::read(),
            key_daemons: daemons(),
        }
    }

    /// Returns the name of this program and its version.
    pub(super) fn tool(&self) -> &str {
        &self.tool
    }
}

impl Clock {
    fn read() -> Self {
        const SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        let source = fs::read_to_string(SOURCE).ok().map(|text| text.trim().to_owned());
        let (synchronised, synchronised_by) = match timedatectl() {
            Some(answer) => (Some(answer), Some("timedatectl, which asks the kernel (adjtimex)")),
            None if fs::exists("/run/systemd/timesync/synchronized").unwrap_or(false) => {
                (Some(true), Some("systemd-timesyncd"))
            }
            None => (None, None),
        };
        Self { source, synchronised, synchronised_by }
    }
}

/// Asks systemd if the kernel says that its clock is synchronised. There is no other way without unsafe code.
fn timedatectl() -> Option<bool> {
    let ran = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    match ran.stdout.trim_ascii() {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

fn pretty_name(text: &str) -> Option<String> {
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches('"').to_owned())
}

/// Returns the names of the key daemons that run.
fn daemons() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let numbered = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let names = entries.filter_map(Result::ok).take(MOST_PROCESSES).filter_map(|entry| {
        let id = entry.file_name();
        let id = id.to_str().filter(|name| numbered(name))?;
        let name = fs::read_to_string(format!("/proc/{id}/comm")).ok()?;
        Some(name.trim_end().to_owned())
    });
    let mut found: Vec<String> = names.filter(|name| DAEMONS.contains(&&**name)).collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_program_is_known_by_its_hash() {
        let machine = Machine::read();
        assert_eq!(machine.tool_sha256, file_sha256(&std::env::current_exe().unwrap()));
        assert_eq!(machine.tool_sha256.unwrap().len(), 64);
        assert!(!machine.host_name.is_empty() && !machine.kernel.is_empty());
    }

    #[test]
    fn the_distribution_is_named_as_it_names_itself() {
        assert_eq!(
            pretty_name("ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 13\"\n").as_deref(),
            Some("Debian GNU/Linux 13")
        );
        assert_eq!(pretty_name("ID=debian\n"), None);
    }
}
