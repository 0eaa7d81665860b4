//! The members of a wrapping that are numbers of its own kind.

use serde::Serialize;

use crate::packet::Tunnel;

/// The numbers by which a wrapping is told from others of its kind, each where the kind has it.
#[derive(Default, Serialize)]
pub(super) struct Numbers {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    teid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u8>,
}

impl Numbers {
    pub(super) fn of(tunnel: Tunnel) -> Self {
        let none = Self::default();
        match tunnel {
            Tunnel::Gre { key } => Self { key, ..none },
            Tunnel::GtpU { teid } => Self { teid: Some(teid), ..none },
            Tunnel::L2tp { tunnel, session } => {
                Self { tunnel: Some(tunnel), session: Some(session.into()), ..none }
            }
            Tunnel::L2tpV3 { session } => Self { session: Some(session), ..none },
            Tunnel::Pppoe { session } => Self { session: Some(session.into()), ..none },
            Tunnel::Erspan { session } => Self { session: session.map(u32::from), ..none },
            Tunnel::Pptp { call } => Self { call: Some(call), ..none },
            Tunnel::Mpls { label, labels } => Self { label: Some(label), labels: Some(labels), ..none },
            Tunnel::Pbb { service } => Self { service: Some(service), ..none },
            Tunnel::Nsh { path, index } => Self { path: Some(path), index: Some(index), ..none },
            _ => none,
        }
    }
}
