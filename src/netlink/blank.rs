//! Keys in the kernel's answers, overwritten with zeros.
//!
//! A keeper passes the kernel's answers on to a process that must not have every key. So it goes over each datagram once, and
//! leaves what is known to be no key: the fields that are read, and of an algorithm its name and its lengths. All else is
//! zeros, an attribute that is not known here too, and everything from a length on that cannot be right. No byte is moved, so a
//! reader finds everything in its place.

use std::mem;

use super::xfrm::{
    NEWSA, UPDSA, XFRMA_ALG_AEAD, XFRMA_ALG_AUTH, XFRMA_ALG_AUTH_TRUNC, XFRMA_ALG_CRYPT, XFRMA_ENCAP,
    XFRMA_IF_ID, XFRMA_LASTUSED, XFRMA_MARK, XFRMA_OFFLOAD_DEV, XFRMA_REPLAY_ESN_VAL, XFRMA_TFCPAD,
    algorithm, usersa,
};
use super::{HEADER, NLMSG_DONE, NLMSG_ERROR, generic, u16_at, u32_at, wireguard};
use crate::packet::protocol::ESP;

/// The secrets that answers may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrets {
    /// None.
    None,
    /// The keys of SAs.
    Sas,
    /// The keys of SAs, but those of ESP may be read.
    SasButEsp,
    /// The private keys of WireGuard devices, and the keys that they share with peers.
    WireGuard,
}

/// Overwrites the secrets in a datagram of the kernel's.
pub(crate) fn blank(datagram: &mut [u8], secrets: Secrets) {
    let mut rest = datagram;
    while secrets != Secrets::None && !rest.is_empty() {
        let (kind, length) = (u16_at(rest, 4).unwrap_or(0), u32_at(rest, 0).unwrap_or(0));
        let Some((message, behind)) = cut(rest, HEADER, length as usize) else { return };
        rest = behind;
        let Some((_, body)) = message.split_at_mut_checked(HEADER) else { return };
        match (kind, secrets) {
            // These hold the question, and words about it.
            (NLMSG_ERROR | NLMSG_DONE, _) => {}
            (NEWSA | UPDSA, Secrets::Sas | Secrets::SasButEsp) => sa(body, secrets),
            (_, Secrets::WireGuard) => device(body),
            _ => body.fill(0),
        }
    }
}

fn sa(body: &mut [u8], secrets: Secrets) {
    let Some((fixed, attributes)) = body.split_at_mut_checked(usersa::LEN) else { return body.fill(0) };
    if secrets == Secrets::SasButEsp && fixed.get(usersa::PROTO) == Some(&ESP) {
        return;
    }
    each(attributes, |kind, value| match kind {
        XFRMA_ALG_AUTH | XFRMA_ALG_CRYPT => blank_from(value, algorithm::LENGTH_BITS),
        XFRMA_ALG_AEAD | XFRMA_ALG_AUTH_TRUNC => blank_from(value, algorithm::LENGTH_BITS + 4),
        XFRMA_ENCAP | XFRMA_IF_ID | XFRMA_LASTUSED | XFRMA_MARK | XFRMA_OFFLOAD_DEV
        | XFRMA_REPLAY_ESN_VAL | XFRMA_TFCPAD => {}
        _ => value.fill(0),
    });
}

fn device(body: &mut [u8]) {
    let Some((_, attributes)) = body.split_at_mut_checked(generic::HEADER) else { return body.fill(0) };
    each(attributes, |kind, value| match kind {
        wireguard::WGDEVICE_A_PEERS => each(value, |_, peer| {
            each(peer, |kind, value| {
                if !wireguard::READ_OF_PEER.contains(&kind) {
                    value.fill(0);
                }
            });
        }),
        kind if wireguard::READ_OF_DEVICE.contains(&kind) => {}
        _ => value.fill(0),
    });
}

/// Hands over the type and the value of each attribute. Bytes that are none become zeros.
fn each(attributes: &mut [u8], mut with: impl FnMut(u16, &mut [u8])) {
    let mut rest = attributes;
    while !rest.is_empty() {
        let (length, kind) = (u16_at(rest, 0).unwrap_or(0), u16_at(rest, 2).unwrap_or(0) & 0x3fff);
        let Some((attribute, behind)) = cut(rest, 4, length.into()) else { return };
        rest = behind;
        if let Some((_, value)) = attribute.split_at_mut_checked(4) {
            with(kind, value);
        }
    }
}

/// Cuts off so many bytes, and their padding, which becomes zeros. If there are not so many, or fewer than their header has,
/// all become zeros.
fn cut(bytes: &mut [u8], header: usize, length: usize) -> Option<(&mut [u8], &mut [u8])> {
    if length < header || length > bytes.len() {
        bytes.fill(0);
        return None;
    }
    let padded = length.next_multiple_of(4).min(bytes.len());
    let (mut whole, behind) = bytes.split_at_mut_checked(padded)?;
    let (one, padding) = mem::take(&mut whole).split_at_mut_checked(length)?;
    padding.fill(0);
    Some((one, behind))
}

fn blank_from(value: &mut [u8], at: usize) {
    if let Some((_, key)) = value.split_at_mut_checked(at) {
        key.fill(0);
    }
}

#[cfg(test)]
mod tests;
