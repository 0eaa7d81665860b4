//! Capture files that are put together byte by byte.

/// A byte order for numbers: true is big-endian.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order(pub(crate) bool);

pub(crate) const LITTLE: Order = Order(false);
pub(crate) const BIG: Order = Order(true);

impl Order {
    pub(crate) fn u16(self, n: u16) -> [u8; 2] {
        if self.0 { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    pub(crate) fn u32(self, n: u32) -> [u8; 4] {
        if self.0 { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    pub(crate) fn u64(self, n: u64) -> [u8; 8] {
        if self.0 { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    pub(crate) fn u32s(self, numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|n| self.u32(*n)).collect()
    }

    /// The header of a classic file.
    pub(crate) fn pcap(self, magic: u32, link: u32) -> Vec<u8> {
        self.pcap_of((2, 4), magic, link)
    }

    /// The header of a classic file of this version.
    pub(crate) fn pcap_of(self, (major, minor): (u16, u16), magic: u32, link: u32) -> Vec<u8> {
        let mut file = self.u32(magic).to_vec();
        file.extend([self.u16(major), self.u16(minor)].concat());
        file.extend(self.u32s(&[0, 0, 65535, link]));
        file
    }

    /// A classic record with its time, wire length and bytes.
    pub(crate) fn record(self, seconds: u32, fraction: u32, wire: u32, bytes: &[u8]) -> Vec<u8> {
        [self.u32s(&[seconds, fraction, bytes.len() as u32, wire]), bytes.to_vec()].concat()
    }

    /// A pcapng block with this body, which is padded.
    pub(crate) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padded = body.len().next_multiple_of(4);
        let total = padded as u32 + 12;
        let mut block = self.u32s(&[kind, total]);
        block.extend(body);
        block.resize(8 + padded, 0);
        block.extend(self.u32(total));
        block
    }

    pub(crate) fn section(self) -> Vec<u8> {
        let body = [&self.u32(0x1a2b_3c4d)[..], &self.u16(1), &self.u16(0), &[0xff; 8]].concat();
        self.block(0x0a0d_0d0a, &body)
    }

    pub(crate) fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = [self.u16(code), self.u16(value.len() as u16)].concat();
        option.extend(value);
        option.resize(option.len().next_multiple_of(4), 0);
        option
    }

    pub(crate) fn interface(self, link: u16, snaplen: u32, options: &[u8]) -> Vec<u8> {
        let body = [&self.u16(link)[..], &[0, 0], &self.u32(snaplen), options].concat();
        self.block(1, &body)
    }

    /// An enhanced packet block.
    pub(crate) fn packet(
        self,
        interface: u32,
        ticks: u64,
        wire: u32,
        bytes: &[u8],
        options: &[u8],
    ) -> Vec<u8> {
        let (high, low) = ((ticks >> 32) as u32, ticks as u32);
        let mut body = self.u32s(&[interface, high, low, bytes.len() as u32, wire]);
        body.extend(bytes);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(options);
        self.block(6, &body)
    }
}
