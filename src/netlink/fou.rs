//! The UDP ports at which the kernel takes FOU and GUE, as `ip fou show` prints them (linux `net/ipv4/fou_core.c`,
//! `include/uapi/linux/fou.h`).

use super::generic::{self, HEADER};
use super::{Netlink, Refusal, array_at, attributes};

const VERSION: u8 = 1;
const FOU_CMD_GET: u8 = 3;
const FOU_ATTR_PORT: u16 = 1;

/// Returns the ports in the namespace of this conversation. A kernel without the module has none.
pub(crate) fn ports(netlink: &mut Netlink) -> Result<Vec<u16>, Refusal> {
    let Some(family) = generic::loaded(netlink, "fou")? else { return Ok(Vec::new()) };
    netlink.dump(family, &generic::command(FOU_CMD_GET, VERSION), |_, body| port(body))
}

/// Reads the port, which is in network order.
fn port(body: &[u8]) -> Option<u16> {
    let mut all = attributes(body.get(HEADER..)?);
    let (_, value) = all.find(|(kind, _)| *kind == FOU_ATTR_PORT)?;
    array_at(value, 0).map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{Family, push_attribute};

    #[test]
    fn a_port_is_read_of_the_kernels_words() {
        let mut body = generic::command(FOU_CMD_GET, VERSION);
        push_attribute(&mut body, 2, &[2]);
        push_attribute(&mut body, FOU_ATTR_PORT, &5555u16.to_be_bytes());
        assert_eq!(port(&body), Some(5555));
        for len in 0..body.len() - 2 {
            assert_eq!(port(&body[..len]), None, "{len}");
        }
    }

    #[test]
    fn a_kernel_without_fou_has_no_ports_and_one_with_it_answers() {
        let mut netlink = Netlink::open(Family::Generic).unwrap();
        assert!(ports(&mut netlink).is_ok());
    }
}
