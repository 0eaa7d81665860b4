//! One filter expression for frames of whatever link type comes.

use crate::capture::bpf::{Error, Filter};
use crate::packet::LinkType;

/// A filter expression, compiled for each link type when its first frame comes.
#[derive(Clone, Debug)]
pub struct Filters {
    expression: String,
    compiled: Vec<(LinkType, Filter)>,
}

impl Filters {
    /// A filter that has to make sense for at least one of `links`, and is compiled for all it makes sense for.
    ///
    /// # Errors
    /// That of the first link type, when it fits none of them.
    pub fn new(expression: &str, links: &[LinkType]) -> Result<Self, Error> {
        let mut filters = Self { expression: expression.to_owned(), compiled: Vec::new() };
        let mut first_error = None;
        for &link in links {
            match Filter::compile(expression, link) {
                Ok(filter) => filters.compiled.push((link, filter)),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        match first_error {
            Some(error) if filters.compiled.is_empty() => Err(error),
            _ => Ok(filters),
        }
    }

    /// Whether a frame passes.
    ///
    /// # Errors
    /// When the expression cannot be compiled for the frame's link type.
    #[inline]
    pub fn matches(&mut self, link: LinkType, bytes: &[u8], wire_len: u32) -> Result<bool, Error> {
        if let Some((_, filter)) = self.compiled.iter().find(|(known, _)| *known == link) {
            return Ok(filter.matches(bytes, wire_len));
        }
        let filter = Filter::compile(&self.expression, link)?;
        let passes = filter.matches(bytes, wire_len);
        self.compiled.push((link, filter));
        Ok(passes)
    }
}
