//! The firewall rules: do they drop clear frames of the network that arrive?
//!
//! Docker sets no inbound IPsec policy. A firewall rule has to drop the frames of an encrypted network that were not
//! in ESP, and another rule may accept them before it does (CVE-2023-28840). So the rules are read with the system's
//! own tools, `iptables-save`, `ip6tables-save` and `nft`, and never changed. A clear frame of the network is then
//! led through the chains as the kernel would lead it (`walk`), at each moment of the watch that is known (`history`).
//! A condition that is not understood may match or not; where that decides, the answer is [`Enforcement::Unknown`]. A
//! tool that is missing is no proof that there are no rules, unless the kernel has no tables of that kind.

mod history;
mod iptables;
mod nft;
mod walk;

use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::keeper::{self, Keeper, Request, Tool};
use crate::packet::{IpVersion, Vni};
pub use history::EarlierRules;
pub(in crate::verify) use history::RuleHistory;

/// The firewall rules as the tools print them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The output of `iptables-save`; `None` if it could not be run.
    pub iptables: Option<String>,
    /// The output of `ip6tables-save`; `None` if it could not be run.
    pub ip6tables: Option<String>,
    /// The output of `nft list ruleset`; `None` if it could not be run.
    pub nft: Option<String>,
}

/// The firewall's decision on clear frames of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// A rule drops them.
    Dropped,
    /// A rule would drop them, but one before it accepts them.
    Bypassed,
    /// No rule drops them.
    Accepted,
    /// The rules could not be read or understood.
    Unknown,
}

/// A clear frame of the network that arrives from outside.
#[derive(Clone, Copy, Debug)]
pub struct Arriving<'a> {
    /// The version of IP around it.
    pub version: IpVersion,
    /// Its VNI.
    pub vni: Vni,
    /// The UDP port that it is for.
    pub port: u16,
    /// The name of the link that it arrives by; `None` if it may be any.
    pub link: Option<&'a str>,
}

impl Arriving<'_> {
    /// Returns the certainty that the frame arrives by the link with this name. A `*` or `+` at the end of the name stands
    /// for the rest of any name.
    fn is_by(&self, name: &str) -> walk::Match {
        let Some(link) = self.link else {
            // Nothing arrives from outside by the loopback.
            return if name == "lo" { walk::Match::No } else { walk::Match::Maybe };
        };
        match name.strip_suffix(['*', '+']) {
            Some(begin) => walk::Match::when(link.starts_with(begin)),
            None => walk::Match::when(link == name),
        }
    }
}

impl Rules {
    /// Runs the tools in the network namespace of this thread. A tool is run only if the kernel has its tables,
    /// because it would load their modules otherwise.
    pub(super) fn read() -> Self {
        let legacy = [
            ("ip_tables", [Tool::IptablesLegacy, Tool::Iptables]),
            ("ip6_tables", [Tool::Ip6tablesLegacy, Tool::Ip6tables]),
        ]
        .map(|(tables, [legacy, usual])| {
            let names = keeper::read_to_string(format!("/proc/thread-self/net/{tables}_names"));
            if has_tables(names)? { run(legacy).or_else(|| run(usual)) } else { Some(String::new()) }
        });
        let [mut four, mut six] = legacy;
        let mut nft = Some(String::new());
        if has_nf_tables() {
            nft = run(Tool::Nft);
            // Rules that iptables keeps in nftables are readable only as iptables prints them.
            for (all, tool) in [(&mut four, Tool::IptablesNft), (&mut six, Tool::Ip6tablesNft)] {
                if let (Some(all), Some(text)) = (all, run(tool)) {
                    all.push('\n');
                    all.push_str(&text);
                }
            }
        }
        Self { iptables: four, ip6tables: six, nft }
    }

    /// Returns the length of all texts together, in bytes.
    fn size(&self) -> usize {
        [&self.iptables, &self.ip6tables, &self.nft].into_iter().flatten().map(String::len).sum()
    }

    /// Returns the rules without those of some tables, given by the number of the family and the name. Nothing is known of
    /// what these tables drop.
    fn without(&self, tables: &[(u8, String)]) -> Self {
        let iptables = |text: &Option<String>, family| {
            let among = |name: &str| tables.iter().any(|(of, table)| *of == family && table == name);
            text.as_deref().map(|text| iptables::without(text, among))
        };
        let among = |family: &str, name: &str| {
            tables.iter().any(|(of, table)| nft::number(family) == Some(*of) && table == name)
        };
        Self {
            iptables: iptables(&self.iptables, nft::IP),
            ip6tables: iptables(&self.ip6tables, nft::IP6),
            nft: self.nft.as_deref().map(|text| nft::without(text, among)),
        }
    }

    /// Returns the decision on clear frames that arrive like this one.
    pub fn enforcement(&self, frame: &Arriving<'_>) -> Enforcement {
        let saved = match frame.version {
            IpVersion::V4 => &self.iptables,
            IpVersion::V6 => &self.ip6tables,
        };
        let saved = saved.as_deref();
        let iptables = saved.map(|text| iptables::enforcement(text, frame));
        let nft = self.nft.as_deref().map(|text| nft::enforcement(text, saved.unwrap_or(""), frame));
        match (iptables, nft) {
            (Some(Enforcement::Dropped), _) | (_, Some(Enforcement::Dropped)) => Enforcement::Dropped,
            (Some(Enforcement::Accepted), Some(Enforcement::Accepted)) => Enforcement::Accepted,
            (Some(Enforcement::Unknown) | None, _) | (_, Some(Enforcement::Unknown) | None) => {
                Enforcement::Unknown
            }
            _ => Enforcement::Bypassed,
        }
    }
}

/// Returns true if the kernel has nf_tables loaded.
fn has_nf_tables() -> bool {
    keeper::exists("/sys/module/nf_tables")
}

/// Returns true if the kernel has tables of a kind, by the content of the file that lists them. Returns `None` if the
/// user may not read it.
fn has_tables(names: std::io::Result<String>) -> Option<bool> {
    match names {
        Ok(names) => Some(!names.trim().is_empty()),
        Err(error) => (error.kind() == std::io::ErrorKind::NotFound).then_some(false),
    }
}

/// Runs a tool in the network namespace of this thread, and returns what it prints if it succeeds.
fn run(tool: Tool) -> Option<String> {
    let printed = match keeper::installed() {
        Some(keeper) => printed_for_us(keeper, tool)?,
        None => print_rules(tool)?,
    };
    Some(String::from_utf8_lossy(&printed).into_owned())
}

/// Reads what a tool prints that the keeper runs.
fn printed_for_us(keeper: &Keeper, tool: Tool) -> Option<Vec<u8>> {
    let pipe = keeper.open(&Request::Run(tool)).ok()?;
    let mut printed = keeper::read_to_end(keeper, &pipe).ok()?;
    // The byte in front says that the tool succeeded.
    (!printed.is_empty()).then(|| printed.split_off(1))
}

/// Runs a tool with the privilege of this process.
pub(crate) fn print_rules(tool: Tool) -> Option<Vec<u8>> {
    let (program, arguments) = tool.command();
    let ran = Command::new(program)
        .args(arguments)
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    ran.status.success().then_some(ran.stdout)
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
        Rules { iptables: Some(iptables), ip6tables: Some(String::new()), nft: Some(String::new()) }
    }

    fn frame(version: IpVersion, vni: Vni) -> Arriving<'static> {
        Arriving { version, vni, port: 4789, link: None }
    }

    #[test]
    fn a_rule_for_a_link_is_for_what_arrives_by_it() {
        let vni = Vni::new(42).unwrap();
        let drops = |condition: &str| {
            let text = format!(
                "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {condition}-p udp -m udp --dport 4789 -j DROP\nCOMMIT\n"
            );
            let by = |link| rules(text.clone()).enforcement(&Arriving { link, ..frame(IpVersion::V4, vni) });
            (by(Some("eth0")), by(None))
        };
        let (accepted, dropped) = (Enforcement::Accepted, Enforcement::Dropped);
        assert_eq!(drops("-i eth0 ").0, dropped);
        assert_eq!(drops("-i eth+ ").0, dropped);
        assert_eq!(drops("-i eth1 ").0, accepted);
        assert_eq!(drops("! -i wg0 ").0, dropped);
        assert_eq!(drops("! -i eth0 ").0, accepted);
        assert_eq!(drops("-i eth0 ").1, Enforcement::Unknown);
        assert_eq!(drops("! -i lo ").1, dropped);
    }

    #[test]
    fn rules_of_docker_are_understood() {
        let (secure, other) = (Vni::new(4098).unwrap(), Vni::new(4097).unwrap());
        let all = rules(swarm());
        assert_eq!(all.enforcement(&frame(IpVersion::V4, secure)), Enforcement::Dropped);
        assert_eq!(all.enforcement(&frame(IpVersion::V4, other)), Enforcement::Accepted);
        let without = |word: &str| {
            let kept: Vec<&str> = swarm_lines().filter(|line| !line.contains(word)).collect();
            rules(kept.join("\n"))
        };
        assert_eq!(without("-j DROP").enforcement(&frame(IpVersion::V4, secure)), Enforcement::Accepted);
        assert_eq!(Rules::default().enforcement(&frame(IpVersion::V4, secure)), Enforcement::Unknown);
        // The rules of the other address family say nothing about this one.
        let six = Rules { ip6tables: all.iptables.clone(), ..rules(String::new()) };
        assert_eq!(six.enforcement(&frame(IpVersion::V4, secure)), Enforcement::Accepted);
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
    fn tables_are_left_out_by_family_and_name() {
        let (secure, table) = (Vni::new(4098).unwrap(), |family, name: &str| (family, name.to_owned()));
        let all = rules(swarm());
        let of = |tables: &[_]| all.without(tables).enforcement(&frame(IpVersion::V4, secure));
        assert_eq!(of(&[table(2, "nat"), table(10, "filter")]), Enforcement::Dropped);
        assert_eq!(of(&[table(2, "filter")]), Enforcement::Accepted);
        let nft = |family: &str| {
            let rule = "\tchain a {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n";
            let text = format!("table ip first {{\n}}\ntable {family} second {{\n{rule}}}\n");
            Rules { nft: Some(text), ..rules(String::new()) }
        };
        let of =
            |family, tables: &[_]| nft(family).without(tables).enforcement(&frame(IpVersion::V4, secure));
        assert_eq!(of("ip", &[table(2, "first"), table(1, "second")]), Enforcement::Dropped);
        assert_eq!(of("ip", &[table(2, "second")]), Enforcement::Accepted);
        assert_eq!(of("inet", &[table(1, "second")]), Enforcement::Accepted);
    }

    #[test]
    fn an_accept_before_the_drop_bypasses_it() {
        let text = swarm().replace(
            "-A INPUT -p udp -m policy --dir in --pol none",
            "-A INPUT -p udp -m udp --dport 4789 -j ACCEPT\n-A INPUT -p udp -m policy --dir in --pol none",
        );
        assert_eq!(
            rules(text).enforcement(&frame(IpVersion::V4, Vni::new(4098).unwrap())),
            Enforcement::Bypassed
        );
    }
}
