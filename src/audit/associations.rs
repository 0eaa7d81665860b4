//! The SAs and policies of the kernel as text. It is made from what was read of them, which no key is among.

use std::fmt::Write as _;

use crate::escape::escape;
use crate::ipsec::docker_tag;
use crate::verify::{KernelState, Origin, Policy, SaState};

/// Returns the SAs, two lines for each.
pub(super) fn associations(kernel: &KernelState) -> String {
    let mut text = String::from(
        "# SAs of the kernel at the end of the watch, and those that went away during it. Keys are never kept.\n",
    );
    for sa in &kernel.sas {
        association(&mut text, sa);
    }
    if kernel.sas.is_empty() {
        text.push_str("# none\n");
    }
    text
}

fn association(text: &mut String, sa: &SaState) {
    let tag = docker_tag(sa.source, sa.destination, sa.spi);
    let strength = sa.strength;
    let mode = if sa.tunnel { "tunnel" } else { "transport" };
    let _ =
        writeln!(text, "{} -> {} spi {} {mode} {}", sa.source, sa.destination, sa.spi, escape(&sa.algorithm));
    let mut facts = vec![
        format!("key {} bits", strength.key_bits),
        match sa.icv_bits {
            0 => "icv not told".to_owned(),
            bits => format!("icv {bits} bits"),
        },
        format!("esn {}", if strength.extended_numbers { "yes" } else { "no" }),
        format!("replay window {}", sa.replay_window),
        format!("age {} s", strength.age),
        format!("lifetime {}", life(strength.soft_age, strength.hard_age)),
    ];
    if strength.hash_key_bits > 0 {
        facts.push(format!("key of the hash {} bits", strength.hash_key_bits));
    }
    facts.push(match (Origin::of(sa.reqid, tag.is_some(), strength), tag) {
        (_, Some(found)) => format!("made by docker (key {})", found.tag),
        (Origin::Overlay, _) => "made by ovlsniff overlay".to_owned(),
        (Origin::Ike, _) => "has a lifetime, as an IKE daemon gives it".to_owned(),
        _ => "made by somebody who is not known".to_owned(),
    });
    facts.push(format!("reqid {}", sa.reqid));
    if strength.in_udp {
        facts.push("in UDP".to_owned());
    }
    if sa.offload {
        facts.push("encrypted by the network card".to_owned());
    }
    if !sa.encrypts {
        facts.push("DOES NOT ENCRYPT".to_owned());
    }
    facts.push(format!("{} packets during the watch, {} bytes so far", sa.packets, strength.bytes));
    let _ = writeln!(text, "    {}", facts.join(", "));
}

fn life(soft: u64, hard: u64) -> String {
    match (soft, hard) {
        (0, 0) => "none".to_owned(),
        (0, hard) => format!("{hard} s"),
        (soft, 0) => format!("{soft} s (soft)"),
        (soft, hard) => format!("{hard} s (soft {soft} s)"),
    }
}

/// Returns the policies, one line for each and one for each template.
pub(super) fn policies(kernel: &KernelState) -> String {
    let mut text = String::from("# Policies of the kernel at the end of the watch, the oldest first.\n");
    kernel.policies.iter().for_each(|known| policy(&mut text, known));
    for (at, earlier) in kernel.earlier.iter().enumerate() {
        let _ = writeln!(text, "# Policies of an earlier moment of the watch ({}):", at + 1);
        for known in earlier {
            policy(&mut text, known);
        }
    }
    for direction in &kernel.blocked_by_default {
        let _ = writeln!(text, "default {} block", direction.name());
    }
    let mut counters: Vec<_> = kernel.counters.iter().filter(|(_, count)| **count > 0).collect();
    counters.sort();
    for (name, count) in counters {
        let _ = writeln!(text, "counter {} went up by {count} during the watch", escape(name));
    }
    text
}

fn policy(text: &mut String, policy: &Policy) {
    let _ = write!(text, "{} {} -> {}", policy.direction.name(), policy.source, policy.destination);
    if policy.protocol > 0 {
        let _ = write!(text, " protocol {}", policy.protocol);
    }
    for (name, (port, mask)) in [("source port", policy.source_port), ("port", policy.port)] {
        match mask {
            0 => {}
            u16::MAX => _ = write!(text, " {name} {port}"),
            mask => _ = write!(text, " {name} {port}/{mask:#06x}"),
        }
    }
    if policy.mark.1 != 0 {
        let _ = write!(text, " mark {:#x}/{:#x}", policy.mark.0, policy.mark.1);
    }
    if policy.interface > 0 {
        let _ = write!(text, " if_id {}", policy.interface);
    }
    let action = if policy.block { "block" } else { "allow" };
    let _ = writeln!(text, " priority {} {action}", policy.priority);
    for template in &policy.templates {
        let _ = writeln!(
            text,
            "    protocol {} {} reqid {} spi {}{}",
            template.protocol,
            if template.tunnel { "tunnel" } else { "transport" },
            template.reqid,
            template.spi,
            if template.optional { " level use" } else { "" }
        );
    }
}
