//! Building packets layer by layer, from the inside out.

use std::net::IpAddr;

use ovlsniff::packet::{Macs, Ports};

/// A layer to build. In a packet, they are listed from the outside.
#[derive(Clone, Debug)]
pub(crate) enum Built {
    Ethernet(Macs),
    /// The identifier, and the Ethernet type of the tag itself.
    Vlan(u16, u16),
    /// Two addresses of one family, and the options (IPv4) or extension headers (IPv6).
    Ip(IpAddr, IpAddr, Extras),
    Vxlan(u32, u8),
    VxlanGpe(u32, u8),
    /// The VNI, and the number of 4-byte words of options.
    Geneve(u32, u8),
    Gre {
        key: Option<u32>,
        checksum: bool,
        sequence: bool,
    },
    Nvgre(u32),
    IpInIp,
    /// The SPI, and the number of 4-byte words of the ICV.
    Ah(u32, u8),
    Macsec(bool),
    Tcp(Ports, u8, u8),
    Udp(Ports),
    Sctp(Ports),
    Icmp(u8),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Extras {
    pub(crate) options: u8,
    pub(crate) hop_by_hop: bool,
    pub(crate) destination: bool,
    pub(crate) atomic: bool,
}

/// The bytes of the layers so far, and the name of the outermost one in the header that will precede it.
pub(crate) struct Stack {
    pub(crate) bytes: Vec<u8>,
    pub(crate) names: Names,
}

/// The name of the outermost layer in the header that precedes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    EtherType(u16),
    Protocol(u8),
    /// The payload of UDP to this port.
    Port(u16),
    Ethernet,
}

impl Stack {
    pub(crate) fn new(payload: &[u8]) -> Self {
        Self { bytes: payload.to_vec(), names: Names::Port(9) }
    }

    fn put(&mut self, header: &[u8], names: Names) {
        self.bytes.splice(0..0, header.iter().copied());
        self.names = names;
    }

    fn ether_type(&self) -> u16 {
        match self.names {
            Names::EtherType(ether_type) => ether_type,
            Names::Ethernet => 0x6558,
            other => panic!("{other:?} in front of an Ethernet type"),
        }
    }

    fn protocol(&self) -> u8 {
        match self.names {
            Names::Protocol(protocol) => protocol,
            Names::EtherType(0x0800) => 4,
            Names::EtherType(0x86dd) => 41,
            other => panic!("{other:?} in IP"),
        }
    }

    pub(crate) fn wrap(&mut self, layer: &Built) {
        match *layer {
            Built::Ethernet(macs) => {
                let kind = self.ether_type().to_be_bytes();
                self.put(&[&macs.destination.0[..], &macs.source.0, &kind].concat(), Names::Ethernet);
            }
            Built::Vlan(id, tag) => {
                let kind = self.ether_type().to_be_bytes();
                self.put(&[(id | 0x6000).to_be_bytes(), kind].concat(), Names::EtherType(tag));
            }
            Built::Macsec(sci) => {
                let kind = self.ether_type().to_be_bytes();
                self.bytes.splice(0..0, kind);
                // The tag gives the length of a payload below 48 bytes.
                let short = if self.bytes.len() < 48 { self.bytes.len() as u8 } else { 0 };
                self.bytes.extend([0x99; 16]);
                let mut tag = vec![if sci { 0x20 } else { 0 }, short, 0, 0, 0, 1];
                tag.extend(if sci { &[2, 0, 0, 0, 0, 1, 0, 1][..] } else { &[] });
                self.put(&tag, Names::EtherType(0x88e5));
            }
            Built::Ip(IpAddr::V4(source), IpAddr::V4(destination), extras) => {
                let words = 5 + extras.options % 11;
                let total = (usize::from(words) * 4 + self.bytes.len()) as u16;
                let mut header = vec![0x40 | words, 0];
                header.extend(total.to_be_bytes());
                header.extend([0, 1, 0x40, 0, 64, self.protocol(), 0, 0]);
                header.extend(source.octets());
                header.extend(destination.octets());
                header.resize(usize::from(words) * 4, 1);
                self.put(&header, Names::EtherType(0x0800));
            }
            Built::Ip(IpAddr::V6(source), IpAddr::V6(destination), extras) => {
                for (there, kind) in [(extras.atomic, 44), (extras.destination, 60), (extras.hop_by_hop, 0)] {
                    if there {
                        let next = self.protocol();
                        let padding = if kind == 44 { [0; 6] } else { [1, 4, 0, 0, 0, 0] };
                        self.put(&[&[next, 0][..], &padding].concat(), Names::Protocol(kind));
                    }
                }
                let mut header = vec![0x60, 0, 0, 0];
                header.extend((self.bytes.len() as u16).to_be_bytes());
                header.extend([self.protocol(), 64]);
                header.extend(source.octets());
                header.extend(destination.octets());
                self.put(&header, Names::EtherType(0x86dd));
            }
            Built::Ip(..) => panic!("two families"),
            Built::Vxlan(vni, flags) => {
                let [_, a, b, c] = vni.to_be_bytes();
                self.put(&[8 | flags, 0, 0, 0, a, b, c, 0], Names::Port(4789));
            }
            Built::VxlanGpe(vni, reserved) => {
                let next = match self.names {
                    Names::EtherType(0x0800) => 1,
                    Names::EtherType(0x86dd) => 2,
                    _ => 3,
                };
                let [_, a, b, c] = vni.to_be_bytes();
                self.put(&[0x0c, 0, 0, next, a, b, c, reserved], Names::Port(4790));
            }
            Built::Geneve(vni, options) => {
                let [_, a, b, c] = vni.to_be_bytes();
                let [high, low] = self.ether_type().to_be_bytes();
                let mut header = vec![options & 0x3f, 0, high, low, a, b, c, 0];
                header.resize(8 + usize::from(options & 0x3f) * 4, 0x33);
                self.put(&header, Names::Port(6081));
            }
            Built::Gre { key, checksum, sequence } => {
                let flags =
                    u16::from(checksum) << 15 | u16::from(key.is_some()) << 13 | u16::from(sequence) << 12;
                let mut header = [flags.to_be_bytes(), self.ether_type().to_be_bytes()].concat();
                header.extend(checksum.then_some([0; 4]).iter().flatten());
                header.extend(key.map(u32::to_be_bytes).iter().flatten());
                header.extend(sequence.then_some([0, 0, 0, 9]).iter().flatten());
                self.put(&header, Names::Protocol(47));
            }
            Built::Nvgre(vni) => {
                let [_, a, b, c] = vni.to_be_bytes();
                self.put(&[0x20, 0, 0x65, 0x58, a, b, c, 7], Names::Protocol(47));
            }
            Built::IpInIp => {}
            Built::Ah(spi, icv) => {
                let mut header = vec![self.protocol(), 1 + icv, 0, 0];
                header.extend(spi.to_be_bytes());
                header.extend([0, 0, 0, 1]);
                header.resize(12 + usize::from(icv) * 4, 0x44);
                self.put(&header, Names::Protocol(51));
            }
            Built::Tcp(ports, flags, options) => {
                let words = 5 + options % 11;
                let mut header = port_bytes(ports);
                header.extend([0, 0, 0, 1, 0, 0, 0, 2, words << 4, flags, 1, 0, 0, 0, 0, 0]);
                header.resize(usize::from(words) * 4, 1);
                self.put(&header, Names::Protocol(6));
            }
            Built::Udp(ports) => {
                let mut header = port_bytes(ports);
                // A tunnel has its own port.
                if let Names::Port(port) = self.names {
                    if port != 9 {
                        header[2..4].copy_from_slice(&port.to_be_bytes());
                    }
                }
                header.extend((8 + self.bytes.len() as u16).to_be_bytes());
                header.extend([0, 0]);
                self.put(&header, Names::Protocol(17));
            }
            Built::Sctp(ports) => {
                let header = [port_bytes(ports), vec![0; 8]].concat();
                self.put(&header, Names::Protocol(132));
            }
            Built::Icmp(code) => self.put(&[8, code, 0, 0], Names::Protocol(1)),
        }
    }
}

fn port_bytes(ports: Ports) -> Vec<u8> {
    [ports.source.to_be_bytes(), ports.destination.to_be_bytes()].concat()
}
