//! One filter expression for frames of any link type.

use crate::capture::bpf::{Error, Filter};
use crate::packet::LinkType;

/// A filter expression, compiled for each link type when its first frame comes.
#[derive(Clone, Debug)]
pub struct Filters {
    expression: String,
    /// `None` for a link type on which the expression makes no sense.
    compiled: Vec<(LinkType, Option<Filter>)>,
}

impl Filters {
    /// Compiles a filter that must make sense for at least one of `links`.
    ///
    /// # Errors
    /// The error of the first link type, if the expression makes sense for none of them.
    pub fn new(expression: &str, links: &[LinkType]) -> Result<Self, Error> {
        let mut filters = Self { expression: expression.to_owned(), compiled: Vec::new() };
        let mut first_error = None;
        for &link in links {
            let compiled = Filter::compile(expression, link);
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
        let known = self.compiled.iter().position(|(known, _)| *known == link);
        let at = known.unwrap_or_else(|| {
            self.compiled.push((link, Filter::compile(&self.expression, link).ok()));
            self.compiled.len() - 1
        });
        let filter = self.compiled.get(at).and_then(|(_, filter)| filter.as_ref());
        filter.is_some_and(|filter| filter.matches(bytes, wire_len))
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
}
