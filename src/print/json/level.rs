//! The members for the headers of one level: the packet's own, or those in front of a wrapping.

use super::object::{list, named, number, object, quoted, truth, word};
use crate::host::docker::names::Ends;
use crate::packet::{Headers, Transport, protocol};
use crate::print::numbers::{address, decimal, mac};

/// Writes the members for the headers of the packet itself, or of those in front of a wrapping. `cut` leaves out flags of
/// TCP if none is set. `names` are those of its ends, if there are names.
pub(super) fn level(out: &mut Vec<u8>, headers: &Headers, cut: bool, names: Option<&Ends<'_>>) {
    if let Some(macs) = headers.mac {
        out.extend_from_slice(br#","mac":{"source":""#);
        mac(out, macs.source);
        out.extend_from_slice(br#"","destination":""#);
        mac(out, macs.destination);
        out.extend_from_slice(br#""}"#);
    }
    let vlans = headers.vlan.ids();
    if !vlans.is_empty() {
        out.extend_from_slice(br#","vlan":"#);
        list(out, vlans, |out, &id| decimal(out, id.into()));
    }
    number(out, r#","vlan_more":"#, Some(headers.vlan.more().into()).filter(|&more| more > 0));
    number(out, r#","ether_type":"#, headers.ether_type.map(u64::from));
    flow(out, headers, cut, names);
}

fn flow(out: &mut Vec<u8>, headers: &Headers, cut: bool, names: Option<&Ends<'_>>) {
    let Some(ip) = headers.ip else { return };
    out.extend_from_slice(br#","flow":"#);
    object(out, |out| {
        word(out, r#","protocol":"#, protocol_name(ip.protocol));
        number(out, r#","protocol_number":"#, u64::from(ip.protocol));
        let ports = headers.transport.ports();
        out.extend_from_slice(br#","source":"#);
        quoted(out, |out| address(out, ip.source));
        named(out, r#","source_name":"#, names.and_then(|names| names.source));
        number(out, r#","source_port":"#, ports.map(|ports| ports.source.into()));
        out.extend_from_slice(br#","destination":"#);
        quoted(out, |out| address(out, ip.destination));
        named(out, r#","destination_name":"#, names.and_then(|names| names.destination));
        number(out, r#","destination_port":"#, ports.map(|ports| ports.destination.into()));
        match headers.transport {
            Transport::Tcp { flags, .. } => {
                let letters = flags.letters();
                if !(cut && letters.is_empty()) {
                    out.extend_from_slice(br#","tcp_flags":"#);
                    quoted(out, |out| out.extend_from_slice(&letters));
                }
            }
            Transport::Icmp(message) | Transport::Icmpv6(message) | Transport::Igmp(message) => {
                number(out, r#","icmp_type":"#, u64::from(message.kind));
                number(out, r#","icmp_code":"#, u64::from(message.code));
            }
            Transport::None | Transport::Udp(_) | Transport::Sctp(_) => {}
        }
        if let Some(fragment) = ip.fragment {
            number(out, r#","fragment":{"id":"#, u64::from(fragment.id));
            number(out, r#","offset":"#, u64::from(fragment.offset));
            truth(out, r#","more":"#, fragment.more);
            number(out, r#","len":"#, u64::from(fragment.len));
            out.push(b'}');
        }
    });
}

/// Returns the usual name of an IANA protocol number, for the protocols that this program knows.
fn protocol_name(number: u8) -> Option<&'static str> {
    Some(match number {
        protocol::ICMP => "icmp",
        protocol::IGMP => "igmp",
        protocol::IPV4 => "ipv4",
        protocol::TCP => "tcp",
        protocol::UDP => "udp",
        protocol::IPV6 => "ipv6",
        protocol::GRE => "gre",
        protocol::ESP => "esp",
        protocol::ETHERIP => "etherip",
        protocol::MPLS => "mpls",
        protocol::NSH => "nsh",
        protocol::PIM => "pim",
        protocol::IPCOMP => "ipcomp",
        protocol::L2TP => "l2tp",
        protocol::WESP => "wesp",
        protocol::ETHERNET => "ethernet",
        protocol::AH => "ah",
        protocol::ICMPV6 => "icmpv6",
        protocol::SCTP => "sctp",
        _ => return None,
    })
}
