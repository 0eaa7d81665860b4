//! What `nft list ruleset` printed, as far as it is about clear frames of the network.

use super::Enforcement;
use crate::packet::Vni;

/// Words of a rule for what had no IPsec.
const UNPROTECTED: [&str; 3] = ["meta ipsec missing", "meta secpath missing", "ipsec exists == false"];
/// Rules for these are not for UDP.
const OTHERS: [&str; 6] = ["tcp ", "icmp ", "icmpv6 ", "ip protocol tcp", "l4proto tcp", "oif"];

/// What becomes of a clear frame of this VNI that arrives at this port. What `iptables-save` printed as well is its own.
pub(super) fn enforcement(text: &str, iptables: &str, six: bool, vni: Vni, port: u16) -> Enforcement {
    let wanted = if six { "ip6" } else { "ip" };
    let (mut ours, mut input, mut doubt) = (false, false, false);
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["table", family, name, ..] => {
                let told = || iptables.lines().any(|line| line.strip_prefix('*') == Some(name));
                ours = *family == "inet" || *family == wanted && !told();
            }
            ["chain", ..] => input = false,
            ["type", ..] => input = ["hook input", "hook prerouting"].iter().any(|hook| line.contains(hook)),
            _ => {}
        }
        // A chain that others jump to has no hook, and is not followed.
        let stops = ["drop", "reject"]
            .iter()
            .any(|verdict| words.contains(verdict) || words.contains(&&*format!("{verdict};")));
        if !ours || !stops || OTHERS.iter().any(|other| line.contains(other)) {
            continue;
        }
        let port_fits = !line.contains("dport") || number(&words, u32::from(port));
        if !port_fits {
            continue;
        }
        if UNPROTECTED.iter().any(|word| line.contains(word)) {
            // Docker's rule names a set of VNIs.
            if !line.contains("@th,") || names(text, vni) {
                return Enforcement::Dropped;
            }
        } else {
            doubt |= input || !line.contains("policy");
        }
    }
    if doubt { Enforcement::Unknown } else { Enforcement::Accepted }
}

/// Whether the set of Docker's encrypted VNIs has this one.
fn names(text: &str, vni: Vni) -> bool {
    let set = text.split("set encrypted-vnis").nth(1).and_then(|rest| rest.split('}').next());
    set.is_none_or(|set| {
        number(&set.split(|c: char| c.is_whitespace() || c == ',').collect::<Vec<_>>(), vni.value())
    })
}

/// Whether a number is among the words, decimal or hexadecimal.
fn number(words: &[&str], wanted: u32) -> bool {
    let value = |word: &str| match word.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    };
    words.iter().any(|word| value(word.trim_matches(|c: char| "{},;".contains(c))) == Some(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str, six: bool) -> Enforcement {
        enforcement(text, "*filter\n", six, Vni::new(4098).unwrap(), 4789)
    }

    fn docker(family: &str, elements: &str) -> String {
        format!(
            "table {family} docker-overlay {{\n\tset encrypted-vnis {{\n\t\ttypeof @th,96,24\n\t\telements = {{ {elements} }}\n\t}}\n\n\
             \tchain enc-in {{\n\t\ttype filter hook input priority raw; policy accept;\n\
             \t\tudp dport 4789 meta ipsec missing @th,96,24 @encrypted-vnis counter packets 0 bytes 0 drop\n\t}}\n}}\n"
        )
    }

    #[test]
    fn dockers_rule_is_for_the_vnis_of_its_set_and_its_family() {
        assert_eq!(judge(&docker("ip", "4097, 4098"), false), Enforcement::Dropped);
        assert_eq!(judge(&docker("ip", "0x1002"), false), Enforcement::Dropped);
        assert_eq!(judge(&docker("ip", "4097"), false), Enforcement::Accepted);
        assert_eq!(judge(&docker("ip6", "4098"), false), Enforcement::Accepted);
        assert_eq!(judge(&docker("ip6", "4098"), true), Enforcement::Dropped);
    }

    #[test]
    fn a_firewall_that_is_not_understood_is_no_accusation() {
        let chain = |lines: &str| {
            format!(
                "table inet filter {{\n\tchain input {{\n\t\ttype filter hook input priority filter; {lines}\n\t}}\n}}\n"
            )
        };
        assert_eq!(judge(&chain("policy accept;"), false), Enforcement::Accepted);
        assert_eq!(judge(&chain("policy accept;\n\t\ttcp dport 23 drop"), false), Enforcement::Accepted);
        assert_eq!(judge(&chain("policy accept;\n\t\tudp dport 53 drop"), false), Enforcement::Accepted);
        assert_eq!(judge(&chain("policy accept;\n\t\tudp dport 4789 drop"), false), Enforcement::Unknown);
        assert_eq!(
            judge(&chain("policy drop;\n\t\tudp dport 4789 meta ipsec exists accept"), false),
            Enforcement::Unknown
        );
        let iptables = "table ip filter {\n\tchain ISOLATION {\n\t\tcounter packets 0 bytes 0 drop\n\t}\n}\n";
        assert_eq!(judge(iptables, false), Enforcement::Accepted);
        let forward = "table ip mine {\n\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}\n";
        assert_eq!(judge(forward, false), Enforcement::Accepted);
        assert_eq!(judge("", false), Enforcement::Accepted);
    }
}
