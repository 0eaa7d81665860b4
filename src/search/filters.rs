//! One filter expression for frames of any link type.

use crate::capture::bpf::{Error, Expression, Filter};
use crate::packet::{Decoder, LinkType, TunnelPorts};

/// A filter expression, compiled for each link type when its first frame comes.
///
/// For most link types libpcap's programs look at fixed places, which are the wrong ones where headers differ in length or
/// in byte order. There the filter is asked about the packet behind the header, if it makes sense for that, and otherwise
/// (`type mgt`, `arp`) about the frame.
#[derive(Clone, Debug)]
pub struct Filters {
    expression: Expression,
    /// `None` for a link type on which the expression makes no sense.
    compiled: Vec<(LinkType, Option<Filter>)>,
    /// The way behind the headers of such link types.
    decoder: Option<Box<Decoder>>,
}

impl Filters {
    /// Compiles a filter that must make sense for at least one of `links`.
    ///
    /// # Errors
    /// The error of the first link type, if the expression makes sense for none of them.
    pub fn new(expression: impl Into<Expression>, links: &[LinkType]) -> Result<Self, Error> {
        let expression = expression.into();
        let mut filters = Self { expression: expression.clone(), compiled: Vec::new(), decoder: None };
        let mut first_error = None;
        let behind = links.iter().any(|link| !link.has_plain_filters());
        let behind = behind.then_some(LinkType::RAW).filter(|raw| !links.contains(raw));
        for link in links.iter().copied().chain(behind) {
            let compiled = Filter::of(&expression, link);
            let filter = compiled.map_err(|error| first_error.get_or_insert(error)).ok();
            filters.compiled.push((link, filter));
        }
        match first_error {
            Some(error) if filters.compiled.iter().all(|(_, filter)| filter.is_none()) => Err(error),
            _ => Ok(filters),
        }
    }

    /// Returns true if the frame passes. Frames of a link type on which the expression makes no sense never do.
    #[inline]
    pub fn matches(&mut self, link: LinkType, bytes: &[u8], wire_len: u32) -> bool {
        if link.has_plain_filters() {
            return self.filter(link).is_some_and(|filter| filter.matches(bytes, wire_len));
        }
        self.behind(link, bytes, wire_len)
    }

    #[cold]
    fn behind(&mut self, link: LinkType, bytes: &[u8], wire_len: u32) -> bool {
        let decoder = self.decoder.get_or_insert_with(|| Box::new(Decoder::new(TunnelPorts::default())));
        if let Some((behind, packet, len)) = decoder.behind_link(link, bytes, wire_len) {
            if let Some(filter) = self.filter(behind) {
                return filter.matches(packet, len);
            }
        }
        self.filter(link).is_some_and(|filter| filter.matches(bytes, wire_len))
    }

    #[inline]
    fn filter(&mut self, link: LinkType) -> Option<&mut Filter> {
        let known = self.compiled.iter().position(|(known, _)| *known == link);
        let at = known.unwrap_or_else(|| {
            self.compiled.push((link, Filter::of(&self.expression, link).ok()));
            self.compiled.len() - 1
        });
        self.compiled.get_mut(at).and_then(|(_, filter)| filter.as_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_a_link_type_that_the_filter_makes_no_sense_for_do_not_pass() {
        let mut filters = Filters::new("arp", &[LinkType::ETHERNET, LinkType::RAW]).unwrap();
        let arp = [&[0xff; 12][..], &[0x08, 0x06], &[0; 28]].concat();
        assert!(filters.matches(LinkType::ETHERNET, &arp, 42));
        assert!(!filters.matches(LinkType::RAW, &[0x45; 40], 40));
        // This also holds for a link type that comes later.
        assert!(!filters.matches(LinkType::IPV4, &[0x45; 40], 40));
        assert!(Filters::new("arp", &[LinkType::RAW]).is_err());
    }

    #[test]
    fn behind_the_headers_of_other_link_types_the_packet_is_asked_about() {
        let udp = [
            &[0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2][..],
            &[0, 7, 0, 53, 0, 9, 0, 0, 1],
        ];
        let packet = udp.concat();
        for (link, header) in [
            (LinkType::FRELAY, &[0x18, 0x41, 3, 0xcc][..]),
            (LinkType::PPP, &[0x21]),
            (LinkType::NFLOG, &[2, 0, 0, 0, 33, 0, 9, 0]),
            (LinkType::ENC, &[0, 0, 0, 2, 0, 0, 1, 2, 0, 0, 0, 0]),
        ] {
            let frame = [header, &packet].concat();
            let passes = |expression| {
                Filters::new(expression, &[link]).unwrap().matches(link, &frame, frame.len() as u32)
            };
            assert!(passes("udp port 53 and host 192.0.2.1"), "{link}");
            assert!(passes("len = 29"), "{link}");
            assert!(!passes("not udp"), "{link}");
            assert!(!passes("tcp"), "{link}");
        }
    }

    #[test]
    fn what_only_the_frame_can_answer_the_frame_is_asked() {
        let beacon = [&[0x80, 0, 0, 0][..], &[0xff; 6], &[2; 12], &[0; 14]].concat();
        let link = LinkType::IEEE802_11;
        let mut filters = Filters::new("type mgt subtype beacon", &[link]).unwrap();
        assert!(filters.matches(link, &beacon, 36));
        assert!(Filters::new("type mgt", &[LinkType::NFLOG]).is_err());
    }
}
