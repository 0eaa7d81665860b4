//! The firewall's rules on the network's packets: Docker's mark on what leaves, and what drops clear frames that arrive.
//!
//! Read only, with the systems' own tools: `iptables-save`, `ip6tables-save` and `nft`. A tool that is missing is no
//! proof that there are no rules, unless the kernel has none of that kind.

use std::process::{Command, Stdio};

use crate::packet::Vni;

/// The rules as the tools print them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// What `iptables-save` and `ip6tables-save` printed, where they could be run.
    pub iptables: Option<String>,
    /// What `nft list ruleset` printed, where it could be run.
    pub nft: Option<String>,
}

/// Whether the firewall drops clear frames of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// A rule drops them.
    Dropped,
    /// There is such a rule, and one before it may let them in.
    Bypassed,
    /// No rule drops them.
    Accepted,
    /// The rules could not be read.
    Unknown,
}

impl Rules {
    /// Asks the tools, in the network namespace of this thread. A tool is asked only for tables the kernel has: asking for
    /// others would load modules.
    pub(super) fn read() -> Self {
        let legacy = [("ip_tables", "iptables"), ("ip6_tables", "ip6tables")].map(|(tables, tool)| {
            let names = std::fs::read_to_string(format!("/proc/thread-self/net/{tables}_names"));
            if has_tables(names)? {
                run(&format!("{tool}-legacy-save"), &[]).or_else(|| run(&format!("{tool}-save"), &[]))
            } else {
                Some(String::new())
            }
        });
        let [four, six] = legacy;
        let mut iptables = four.zip(six).map(|(four, six)| four + &six);
        let mut nft = Some(String::new());
        if std::path::Path::new("/sys/module/nf_tables").exists() {
            nft = run("nft", &["list", "ruleset"]);
            // Rules that iptables keeps in nftables are readable in its own words only.
            if let (Some(all), Some(text)) = (&mut iptables, run("iptables-nft-save", &[])) {
                all.push_str(&text);
            }
        }
        Self { iptables, nft }
    }

    /// Whether some rule marks packets of this VNI for encryption, as Docker's does; `None` when not all is known.
    pub fn marks(&self, vni: Vni) -> Option<bool> {
        let hex = u32_hex(vni);
        let iptables = self.iptables.as_deref().map(|text| {
            text.lines().any(|line| {
                line.contains("-j MARK")
                    && line.contains("0xd0c4e3")
                    && (line.contains(&hex) || line.contains("--bytecode"))
            })
        });
        let nft = self.nft.as_deref().map(|text| {
            text.contains("encrypted-vnis")
                && (text.contains("mark set 0x00d0c4e3") || text.contains("mark set 13681891"))
        });
        any(iptables, nft)
    }

    /// What becomes of clear frames of this VNI that arrive at this port.
    pub fn enforcement(&self, vni: Vni, port: u16) -> Enforcement {
        let iptables = self.iptables.as_deref().map(|text| chain(text, vni, port));
        let nft = self.nft.as_deref().map(|text| {
            // A rule for what had no IPsec; the one on the ports or VNIs of the network.
            let drops = text.lines().any(|line| {
                let unprotected = line.contains("meta ipsec missing")
                    || line.contains("meta secpath missing")
                    || line.contains("ipsec exists == false");
                unprotected && line.contains("drop")
            });
            // iptables-nft shows its rules in both tools.
            if drops { Enforcement::Dropped } else { Enforcement::Accepted }
        });
        match (iptables, nft) {
            (Some(Enforcement::Dropped), _) | (_, Some(Enforcement::Dropped)) => Enforcement::Dropped,
            (None, _) | (_, None) => Enforcement::Unknown,
            (Some(Enforcement::Bypassed), _) => Enforcement::Bypassed,
            _ => Enforcement::Accepted,
        }
    }
}

/// Reads the INPUT chain of `iptables-save` from its beginning.
fn chain(text: &str, vni: Vni, port: u16) -> Enforcement {
    let (hex, dport) = (u32_hex(vni), format!("--dport {port} "));
    let mut accepted_before = false;
    let mut policy_drops = false;
    let mut filter = false;
    for line in text.lines().map(|line| format!("{line} ")) {
        if let Some(table) = line.strip_prefix('*') {
            filter = matches!(table.trim(), "filter" | "raw" | "mangle");
        }
        policy_drops |= filter && line.starts_with(":INPUT DROP");
        if !filter || !(line.starts_with("-A INPUT ") || line.starts_with("-A PREROUTING ")) {
            continue;
        }
        let ours = (!line.contains("--dport ") || line.contains(&dport))
            && (!line.contains("--u32") || line.contains(&hex))
            && !["-p tcp", "-p icmp", "-p esp", "-i lo "].iter().any(|other| line.contains(other));
        if line.contains("-j DROP") && ours && !line.contains("--pol ipsec") {
            return if accepted_before { Enforcement::Bypassed } else { Enforcement::Dropped };
        }
        let narrow = ["--pol ipsec", "ESTABLISHED", " -s "].iter().any(|word| line.contains(word));
        accepted_before |= line.contains("-j ACCEPT") && ours && !narrow;
    }
    if policy_drops && !accepted_before { Enforcement::Dropped } else { Enforcement::Accepted }
}

/// The VNI as the rule of `xt_u32` has it: in the upper three bytes.
fn u32_hex(vni: Vni) -> String {
    format!("={:#x}", vni.value() << 8)
}

fn any(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

/// Whether the kernel has tables of a kind, by the file that lists them; `None` when it does not tell this user.
fn has_tables(names: std::io::Result<String>) -> Option<bool> {
    match names {
        Ok(names) => Some(!names.trim().is_empty()),
        Err(error) => (error.kind() == std::io::ErrorKind::NotFound).then_some(false),
    }
}

fn run(tool: &str, arguments: &[&str]) -> Option<String> {
    let ran = Command::new(tool)
        .args(arguments)
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    ran.status.success().then(|| String::from_utf8_lossy(&ran.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swarm() -> String {
        include_str!("../../../tests/fixtures/swarm/iptables.txt")
            .split("== node2")
            .next()
            .unwrap()
            .to_owned()
    }

    fn rules(iptables: String) -> Rules {
        Rules { iptables: Some(iptables), nft: Some(String::new()) }
    }

    #[test]
    fn rules_of_docker_are_understood() {
        let (secure, other) = (Vni::new(4098).unwrap(), Vni::new(4097).unwrap());
        let all = rules(swarm());
        assert_eq!((all.marks(secure), all.marks(other)), (Some(true), Some(false)));
        assert_eq!(all.enforcement(secure, 4789), Enforcement::Dropped);
        assert_eq!(all.enforcement(other, 4789), Enforcement::Accepted);
        let without = |word: &str| {
            let kept: Vec<&str> = swarm_lines().filter(|line| !line.contains(word)).collect();
            rules(kept.join("\n"))
        };
        assert_eq!(without("-j MARK").marks(secure), Some(false));
        assert_eq!(without("-j DROP").enforcement(secure, 4789), Enforcement::Accepted);
        assert_eq!(Rules::default().enforcement(secure, 4789), Enforcement::Unknown);
        assert_eq!(Rules::default().marks(secure), None);
    }

    fn swarm_lines() -> impl Iterator<Item = &'static str> {
        include_str!("../../../tests/fixtures/swarm/iptables.txt").split("== node2").next().unwrap().lines()
    }

    #[test]
    fn a_list_of_tables_that_only_root_may_read_is_no_proof_that_there_are_none() {
        use std::io::ErrorKind::{NotFound, PermissionDenied};
        assert_eq!(has_tables(Ok("filter\nmangle\n".to_owned())), Some(true));
        assert_eq!(has_tables(Ok("\n".to_owned())), Some(false));
        assert_eq!(has_tables(Err(NotFound.into())), Some(false));
        assert_eq!(has_tables(Err(PermissionDenied.into())), None);
    }

    #[test]
    fn an_accept_before_the_drop_bypasses_it() {
        let text = swarm().replace(
            "-A INPUT -p udp -m policy --dir in --pol none",
            "-A INPUT -p udp -m udp --dport 4789 -j ACCEPT\n-A INPUT -p udp -m policy --dir in --pol none",
        );
        assert_eq!(rules(text).enforcement(Vni::new(4098).unwrap(), 4789), Enforcement::Bypassed);
    }
}
