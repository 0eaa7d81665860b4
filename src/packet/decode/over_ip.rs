//! Tunnels that are an IP protocol of their own and are seldom seen.

use super::{Next, Walk, at};
use crate::packet::{Layer, Stop, Tunnel, esp, l2tp, pim, wesp};

impl Walk<'_, '_> {
    /// Decodes L2TP version 3 in IP. A control message is for the two ends.
    #[cold]
    #[inline(never)]
    pub(super) fn l2tp_in_ip(&mut self) -> Result<Next, Stop> {
        let Some((session, rest)) = l2tp::split_ip(self.rest) else { return Ok(Next::End) };
        self.advance(rest);
        self.l2tp_v3(session)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn pim(&mut self) -> Result<Next, Stop> {
        let Some(packet) = pim::registered(self.rest, self.declared) else { return Ok(Next::End) };
        let skip = self.rest.len() - packet.len();
        self.advance(self.rest.get(skip..).unwrap_or(&[]));
        self.wrap(Tunnel::PimRegister, Layer::Pim)?;
        self.enter_ip()
    }

    /// Decodes WESP. What it says of the ESP inside holds only if that agrees.
    #[cold]
    #[inline(never)]
    pub(super) fn wesp(&mut self, udp: bool) -> Result<Next, Stop> {
        let (plain, rest) = wesp::split(self.rest).map_err(at(Layer::Wesp))?;
        self.advance(rest);
        let (Some(plain), Ok((spi, sequence))) = (plain, esp::header(self.rest)) else {
            return Ok(self.esp(udp));
        };
        let Some(payload_len) = plain.payload_len(self.rest, self.declared) else {
            return Ok(self.esp(udp));
        };
        self.advance(self.rest.get(plain.offset..).unwrap_or(&[]));
        self.limit(payload_len);
        Ok(Next::Esp(Tunnel::Esp { spi, sequence, kind: plain.kind(), udp }, plain.next_header))
    }
}
