//! Generic netlink: one number of netlink for all the parts of the kernel that have none of their own (linux
//! `net/netlink/genetlink.c`, `include/uapi/linux/genetlink.h`).
//!
//! ```text
//!   0 command (1), version (1), reserved (2)
//!   4 attributes
//! ```
//!
//! A part is called a family there. Its number is drawn when its module is loaded, and a controller tells it.

use super::{Netlink, Refusal, attributes, push_attribute, u16_at};

/// The length of the header in front of the attributes.
pub(super) const HEADER: usize = 4;
/// The number of the controller itself.
const GENL_ID_CTRL: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;

/// Makes the header of a command.
pub(super) fn command(command: u8, version: u8) -> Vec<u8> {
    vec![command, version, 0, 0]
}

/// Asks for the number of a family. A family that the kernel does not have is an error.
pub(super) fn family(netlink: &mut Netlink, name: &str) -> Result<u16, Refusal> {
    let mut found = None;
    netlink.ask(GENL_ID_CTRL, &question(name), |_, body| found = found.or(number(body)))?;
    found.ok_or_else(|| Refusal::new(nix::libc::ENOENT))
}

/// Looks for the number of a family among those that the kernel has now. To ask for one by its name may load a module.
pub(super) fn loaded(netlink: &mut Netlink, name: &str) -> Result<Option<u16>, Refusal> {
    let question = command(CTRL_CMD_GETFAMILY, 1);
    let found =
        netlink.dump(GENL_ID_CTRL, &question, |_, body| is_named(body, name).then(|| number(body)))?;
    Ok(found.into_iter().flatten().next())
}

fn is_named(body: &[u8], name: &str) -> bool {
    let mut all = attributes(body.get(HEADER..).unwrap_or(&[]));
    let named = |value: &[u8]| value.strip_suffix(&[0]) == Some(name.as_bytes());
    all.any(|(kind, value)| kind == CTRL_ATTR_FAMILY_NAME && named(value))
}

fn question(name: &str) -> Vec<u8> {
    let mut message = command(CTRL_CMD_GETFAMILY, 1);
    push_attribute(&mut message, CTRL_ATTR_FAMILY_NAME, format!("{name}\0").as_bytes());
    message
}

fn number(body: &[u8]) -> Option<u16> {
    let mut all = attributes(body.get(HEADER..)?);
    all.find(|(kind, _)| *kind == CTRL_ATTR_FAMILY_ID).and_then(|(_, value)| u16_at(value, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Family;

    #[test]
    fn the_controller_is_asked_by_name_and_answers_with_a_number() {
        assert_eq!(question("nlctrl"), b"\x03\x01\0\0\x0b\0\x02\0nlctrl\0\0");
        let mut answer = command(1, 2);
        push_attribute(&mut answer, CTRL_ATTR_FAMILY_NAME, b"wireguard\0");
        push_attribute(&mut answer, CTRL_ATTR_FAMILY_ID, &0x1eu16.to_ne_bytes());
        assert_eq!(number(&answer), Some(0x1e));
        for len in 0..answer.len() - 2 {
            assert_eq!(number(&answer[..len]), None, "{len}");
        }
    }

    #[test]
    fn the_kernel_knows_its_controller_and_no_family_without_a_name() {
        let mut netlink = Netlink::open(Family::Generic).unwrap();
        assert_eq!(family(&mut netlink, "nlctrl"), Ok(GENL_ID_CTRL));
        assert_eq!(loaded(&mut netlink, "nlctrl"), Ok(Some(GENL_ID_CTRL)));
        assert_eq!(loaded(&mut netlink, "nlctr"), Ok(None));
        assert!(family(&mut netlink, "").is_err());
    }
}
