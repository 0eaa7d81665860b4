//! The tunnels in UDP that are found by their form. A datagram on one of their ports without it may be anything.

use super::{Next, Walk, at};
use crate::packet::ports::Formed;
use crate::packet::{Layer, Stop, Tunnel, gtp, gue, l2tp, lisp, sound, teredo};

impl Walk<'_, '_> {
    /// Enters a tunnel of this kind. Returns `None` if the datagram does not have its form.
    #[cold]
    #[inline(never)]
    pub(super) fn over_udp(&mut self, kind: Formed) -> Result<Option<Next>, Stop> {
        match kind {
            Formed::GtpU => self.gtp_u(),
            Formed::L2tp => self.l2tp_in_udp(),
            Formed::Teredo => {
                let Some(packet) = teredo::split(self.rest, self.declared) else { return Ok(None) };
                self.advance(packet);
                self.wrap(Tunnel::Teredo, Layer::Teredo)?;
                self.enter_ip().map(Some)
            }
            Formed::Gue => {
                let found = gue::split(self.rest, self.declared);
                self.by_protocol(Tunnel::Gue, Layer::Gue, found)
            }
            Formed::Fou => {
                let (rest, declared) = (self.rest, self.declared);
                match gue::split_fou(rest, declared) {
                    Some(found) => self.by_protocol(Tunnel::Fou, Layer::Fou, Some(found)),
                    None => self.by_protocol(Tunnel::Gue, Layer::Gue, gue::split(rest, declared)),
                }
            }
            Formed::Lisp => self.lisp(),
            Formed::Gre if sound::is_gre(self.rest) => self.gre().map(Some),
            Formed::Gre => Ok(None),
        }
    }

    fn gtp_u(&mut self) -> Result<Option<Next>, Stop> {
        let Some(split) = gtp::split(self.rest, self.declared) else { return Ok(None) };
        let (header, rest) = split.map_err(at(Layer::GtpU))?;
        self.advance(rest);
        self.limit(header.payload_len);
        self.wrap(Tunnel::GtpU { teid: header.teid }, Layer::GtpU)?;
        // Nothing that was captured tells what is inside.
        if self.rest.is_empty() || sound::may_be_ip(self.rest, self.declared) {
            return self.enter_ip().map(Some);
        }
        // Sessions of 5G may carry Ethernet.
        if sound::is_ethernet(self.rest, self.declared) {
            return Ok(Some(self.enter_ethernet()));
        }
        Err(self.unknown(None, Layer::GtpU))
    }

    fn l2tp_in_udp(&mut self) -> Result<Option<Next>, Stop> {
        if let Some((header, rest)) = l2tp::split_v2(self.rest, self.declared) {
            let l2tp::Header { tunnel, session, payload_len } = header;
            self.advance(rest);
            self.limit(payload_len);
            self.wrap(Tunnel::L2tp { tunnel, session }, Layer::L2tp)?;
            return self.enter_ppp().map(Some);
        }
        let Some((session, rest)) = l2tp::split_v3(self.rest) else { return Ok(None) };
        self.advance(rest);
        self.l2tp_v3(session).map(Some)
    }

    /// Enters a session of L2TP version 3. `rest` follows its number.
    pub(super) fn l2tp_v3(&mut self, session: u32) -> Result<Next, Stop> {
        self.wrap(Tunnel::L2tpV3 { session }, Layer::L2tp)?;
        let Some((kind, skip)) = l2tp::inside(self.rest, self.declared) else {
            return Err(self.unknown(None, Layer::L2tp));
        };
        self.advance(self.rest.get(skip..).unwrap_or(&[]));
        match kind {
            l2tp::Inside::Ethernet => Ok(self.enter_ethernet()),
            l2tp::Inside::Ip => self.enter_ip(),
        }
    }

    fn lisp(&mut self) -> Result<Option<Next>, Stop> {
        let Some((instance, inside, rest)) = lisp::split(self.rest, self.declared) else { return Ok(None) };
        self.advance(rest);
        self.wrap(Tunnel::Lisp(instance), Layer::Lisp)?;
        Ok(Some(match inside {
            lisp::Inside::Ip => self.enter_ip()?,
            lisp::Inside::Ethernet => self.enter_ethernet(),
        }))
    }

    /// Enters a tunnel whose payload is that of an IP protocol. In another than IP, it has the addresses of the IP header
    /// in front of the tunnel.
    fn by_protocol(
        &mut self,
        tunnel: Tunnel,
        layer: Layer,
        found: Option<(u8, &[u8])>,
    ) -> Result<Option<Next>, Stop> {
        let Some((protocol, payload)) = found else { return Ok(None) };
        let skip = self.rest.len() - payload.len();
        self.advance(self.rest.get(skip..).unwrap_or(&[]));
        self.wrap(tunnel, layer)?;
        self.enter_protected(protocol).map(Some)
    }
}
