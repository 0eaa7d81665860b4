//! The kernel's answers and notices: links, routes, neighbours, SAs, policies, WireGuard devices and firewall tables.
//!
//! The room that reads them is the library's own, and a socket of netlink cannot be handed a forged answer. So this target
//! contains the room.
#![no_main]

use libfuzzer_sys::fuzz_target;
use library::{keeper, netlink};
use ovlsniff::{escape, packet};

#[allow(dead_code, missing_docs, unreachable_pub, unused_imports)]
#[path = "../../src"]
mod library {
    pub(crate) mod keeper;
    pub(crate) mod netlink;
}

use netlink::blank::{Secrets, blank};
use netlink::route::{address, forwarding, ingress, link, neighbour, nexthop, notice, table};
use netlink::xfrm::{UserPolicy, UserSa};

fuzz_target!(|data: &[u8]| {
    for message in netlink::messages(data) {
        body(message.kind, message.body);
        let _ = message.outcome();
    }
    for secrets in [Secrets::Sas, Secrets::SasButEsp, Secrets::WireGuard] {
        let mut blanked = data.to_vec();
        blank(&mut blanked, secrets);
        assert!(blanked.iter().zip(data).all(|(now, before)| now == before || *now == 0));
    }
    // Without the header of a message, as one of any kind.
    if let Some((kind, rest)) = data.split_first_chunk() {
        body(u16::from_le_bytes(*kind), rest);
    }
});

fn body(kind: u16, body: &[u8]) {
    let _ = notice::read(kind, body);
    let _ = (link::read(body), address::read(body), neighbour::read(body), nexthop::read(body));
    let _ = (forwarding::read(body), table::read(body), table::place(body), table::is_copy(body));
    let _ = (ingress::xdp(body), ingress::qdisc(body));
    let _ = netlink::nftables::read(kind, body);
    let mut reading = netlink::wireguard::Reading::default();
    reading.add(body);
    reading.add(body);
    let _ = reading.finish();
    if let Some(sa) = UserSa::new_checked(body) {
        let _ = (sa.source(), sa.destination(), sa.spi(), sa.proto(), sa.packets(), sa.reqid(), sa.family());
        let _ = (sa.mode(), sa.is_extended(), sa.replay_window(), sa.high_sequence(), sa.is_in_udp());
        let _ = (sa.is_in_tcp(), sa.padded_to(), sa.is_offloaded(), sa.last_used());
        for algorithm in [sa.aead(), sa.cipher(), sa.authentication()].into_iter().flatten() {
            let _ = (algorithm.name(), algorithm.bits(), algorithm.key().len());
        }
    }
    if let Some(policy) = UserPolicy::new_checked(body) {
        let _ = (policy.source(), policy.destination(), policy.destination_port(), policy.source_port());
        let _ = (policy.device(), policy.proto(), policy.priority(), policy.index(), policy.direction());
        let _ = (policy.action(), policy.mark(), policy.interface());
        for template in policy.templates() {
            let _ = (template.proto(), template.reqid(), template.spi(), template.mode());
            let _ = template.is_optional();
        }
        assert!(policy.says_the_same(&policy));
    }
    let _ = netlink::xfrm::policy_changes::read(kind, body, |policy| policy.source());
}
