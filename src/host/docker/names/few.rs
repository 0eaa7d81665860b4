//! Lists and objects of an answer, of which only the first elements are kept. A small answer can have millions of
//! elements, and each takes much more memory than its two characters of JSON.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A list, of which the first `MOST` elements are kept. `null` is an empty list.
#[derive(Debug)]
pub(super) struct Few<T, const MOST: usize>(pub(super) Vec<T>);

/// The members of an object, of which the first `MOST` are kept. `null` is an empty object.
#[derive(Debug)]
pub(super) struct FewNamed<T, const MOST: usize>(pub(super) Vec<(String, T)>);

impl<T, const MOST: usize> Default for Few<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MOST: usize> Default for FewNamed<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Few<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(First::<T, MOST>(PhantomData)).map(Self)
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for FewNamed<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FirstNamed::<T, MOST>(PhantomData)).map(Self)
    }
}

struct First<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for First<T, MOST> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < MOST {
            match elements.next_element()? {
                Some(element) => kept.push(element),
                None => return Ok(kept),
            }
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(kept)
    }
}

struct FirstNamed<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for FirstNamed<T, MOST> {
    type Value = Vec<(String, T)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Vec<(String, T)>, E> {
        Ok(Vec::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Vec<(String, T)>, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < MOST {
            match members.next_entry()? {
                Some(member) => kept.push(member),
                None => return Ok(kept),
            }
        }
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_first_is_read_over() {
        let few = |text| serde_json::from_str::<Few<u32, 2>>(text).map(|few| few.0).ok();
        assert_eq!(few("[1,2,{\"x\":[3]},\"4\"]"), Some(vec![1, 2]));
        assert_eq!((few("[1]"), few("[]"), few("null")), (Some(vec![1]), Some(vec![]), Some(vec![])));
        assert_eq!((few("{}"), few("[1,2,"), few("7")), (None, None, None));
    }

    #[test]
    fn members_beyond_the_first_are_read_over() {
        let few = |text| serde_json::from_str::<FewNamed<u32, 1>>(text).map(|few| few.0).ok();
        assert_eq!(few(r#"{"a":1,"b":{"c":2}}"#), Some(vec![("a".to_owned(), 1)]));
        assert_eq!((few("{}"), few("null"), few("[]")), (Some(vec![]), Some(vec![]), None));
    }
}
