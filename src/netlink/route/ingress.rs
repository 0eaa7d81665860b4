//! Programs and filters that see a frame before any rule of a firewall does: XDP (linux `net/core/dev.c`), and tc's
//! filters at the ingress of a link (`net/sched/sch_ingress.c`).
//!
//! The kernel tells that they are there, and not what they do. BPF programs that are attached without a qdisc (tcx,
//! since Linux 6.6) are not told over netlink.

use rtnetlink::packet_core::Parseable;
use rtnetlink::packet_route::link::{LinkAttribute, LinkExtentMask, LinkMessage, LinkXdp, XdpAttached};
use rtnetlink::packet_route::tc::{TcAttribute, TcHandle, TcMessage};

use super::{RTM_GETLINK, RTM_GETQDISC, RTM_GETTFILTER, RTM_NEWTFILTER, bytes};
use crate::netlink::{Netlink, Refusal};

/// The kind of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookKind {
    /// A filter of tc at a link's ingress.
    Tc,
    /// A program of XDP.
    Xdp,
}

/// A place at which frames that arrive may be dropped before the firewall sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hook {
    /// The index of the link.
    pub(crate) link: u32,
    /// The kind.
    pub(crate) kind: HookKind,
}

/// Returns the hooks of all links. A kernel without tc has none of its.
pub(crate) fn all(netlink: &mut Netlink) -> Result<Vec<Hook>, Refusal> {
    let mut request = LinkMessage::default();
    request.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    let mut found = netlink.dump(RTM_GETLINK, &bytes(&request), |_, body| xdp(body))?;
    let qdiscs = match netlink.dump(RTM_GETQDISC, &bytes(&TcMessage::default()), |_, body| qdisc(body)) {
        Err(refusal) if refusal.errno == nix::libc::EOPNOTSUPP => Vec::new(),
        qdiscs => qdiscs?,
    };
    for link in qdiscs {
        if has_filters(netlink, link) {
            found.push(Hook { link, kind: HookKind::Tc });
        }
    }
    Ok(found)
}

/// Returns true if frames that arrive by the link pass a filter, and if the kernel does not say it.
fn has_filters(netlink: &mut Netlink, link: u32) -> bool {
    let of_a_filter = |kind, _: &[u8]| (kind == RTM_NEWTFILTER).then_some(());
    netlink.dump(RTM_GETTFILTER, &bytes(&filters_of(link)), of_a_filter).map_or(true, |all| !all.is_empty())
}

fn filters_of(link: u32) -> TcMessage {
    let mut message = TcMessage::with_index(i32::try_from(link).unwrap_or(0));
    message.header.parent = TcHandle { major: TcHandle::CLSACT.major, minor: TcHandle::MIN_INGRESS };
    message
}

pub(crate) fn xdp(body: &[u8]) -> Option<Hook> {
    let message = LinkMessage::parse(body).ok()?;
    let attached = |one: &LinkXdp| matches!(one, LinkXdp::Attached(how) if *how != XdpAttached::None);
    let is =
        |attribute: &LinkAttribute| matches!(attribute, LinkAttribute::Xdp(xdp) if xdp.iter().any(attached));
    message.attributes.iter().any(is).then_some(Hook { link: message.header.index, kind: HookKind::Xdp })
}

/// Reads a qdisc, and returns its link if it is one for frames that arrive.
pub(crate) fn qdisc(body: &[u8]) -> Option<u32> {
    let message = TcMessage::parse(body).ok()?;
    let ingress = |one: &TcAttribute| matches!(one, TcAttribute::Kind(kind) if matches!(kind.as_str(), "ingress" | "clsact"));
    message.attributes.iter().any(ingress).then(|| u32::try_from(message.header.index).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_kind(kind: &str) -> Vec<u8> {
        let mut message = TcMessage::with_index(7);
        message.attributes.push(TcAttribute::Kind(kind.to_owned()));
        bytes(&message)
    }

    fn with_xdp(attached: XdpAttached) -> Vec<u8> {
        let mut message = LinkMessage::default();
        message.header.index = 7;
        message.attributes.push(LinkAttribute::Xdp(vec![LinkXdp::Attached(attached)]));
        bytes(&message)
    }

    #[test]
    fn only_a_qdisc_for_frames_that_arrive_is_told() {
        let links = ["ingress", "clsact", "fq_codel", "noqueue"].map(|kind| qdisc(&of_kind(kind)));
        assert_eq!(links, [Some(7), Some(7), None, None]);
    }

    #[test]
    fn a_program_is_told_if_it_is_attached() {
        let hook = Some(Hook { link: 7, kind: HookKind::Xdp });
        for how in
            [XdpAttached::Driver, XdpAttached::SocketBuffer, XdpAttached::Hardware, XdpAttached::Multiple]
        {
            assert_eq!(xdp(&with_xdp(how)), hook);
        }
        assert_eq!(xdp(&with_xdp(XdpAttached::None)), None);
        assert_eq!(xdp(&bytes(&LinkMessage::default())), None);
    }

    #[test]
    fn filters_are_asked_for_where_frames_arrive() {
        let asked = bytes(&filters_of(7));
        assert_eq!(asked[4..8], 7u32.to_ne_bytes());
        assert_eq!(asked[12..16], 0xffff_fff2u32.to_ne_bytes());
    }

    #[test]
    fn a_message_cut_off_anywhere_tells_nothing() {
        let (tc, link) = (of_kind("clsact"), with_xdp(XdpAttached::Driver));
        // The name may lack its zero and the bytes that fill its attribute up to a multiple of 4.
        let name = tc.len() - "clsact".len() - 2;
        assert!((0..=name).all(|len| qdisc(&tc[..len]).is_none()));
        let mode = link.len() - 4;
        assert!((0..=mode).all(|len| xdp(&link[..len]).is_none()));
        for len in 0..tc.len().max(link.len()) {
            let _ = (qdisc(&tc[..len.min(tc.len())]), xdp(&link[..len.min(link.len())]));
        }
    }
}
