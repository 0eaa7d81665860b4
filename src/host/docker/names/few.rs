//! Lists and objects of an answer, of which only the first elements are kept. A small answer can have millions of
//! elements, and each takes much more memory than its two characters of JSON.
//!
//! An element that is none of its type is left out. A name can be half of a character (`\ud800`), which is JSON and no
//! text, and whoever may name a container must not take the names of others away.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::host::docker::engine::{RawValue, read};

/// A list, of which the first `MOST` elements are kept. `null` is an empty list.
#[derive(Debug)]
pub(super) struct Few<T, const MOST: usize>(pub(super) Vec<T>, usize);

/// The members of an object, of which the first `MOST` are kept. `null` is an empty object.
#[derive(Debug)]
pub(super) struct FewNamed<T, const MOST: usize>(pub(super) Vec<(String, T)>, usize);

impl<T, const MOST: usize> Few<T, MOST> {
    /// Returns the number of elements that are none of this type.
    pub(super) fn left_out(&self) -> usize {
        self.1
    }
}

impl<T, const MOST: usize> FewNamed<T, MOST> {
    /// Returns the number of members that are none of this type, or whose name is no text.
    pub(super) fn left_out(&self) -> usize {
        self.1
    }
}

impl<T, const MOST: usize> Default for Few<T, MOST> {
    fn default() -> Self {
        Self(Vec::new(), 0)
    }
}

impl<T, const MOST: usize> Default for FewNamed<T, MOST> {
    fn default() -> Self {
        Self(Vec::new(), 0)
    }
}

impl<'de, T: DeserializeOwned, const MOST: usize> Deserialize<'de> for Few<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(First::<T, MOST>(PhantomData))
    }
}

impl<'de, T: DeserializeOwned, const MOST: usize> Deserialize<'de> for FewNamed<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FirstNamed::<T, MOST>(PhantomData))
    }
}

struct First<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: DeserializeOwned, const MOST: usize> Visitor<'de> for First<T, MOST> {
    type Value = Few<T, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Few::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut few = Few::default();
        while few.0.len() < MOST {
            match elements.next_element::<&RawValue>()?.map(read) {
                Some(Some(element)) => few.0.push(element),
                Some(None) => few.1 += 1,
                None => return Ok(few),
            }
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(few)
    }
}

struct FirstNamed<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: DeserializeOwned, const MOST: usize> Visitor<'de> for FirstNamed<T, MOST> {
    type Value = FewNamed<T, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(FewNamed::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut few = FewNamed::default();
        while few.0.len() < MOST {
            let Some((Text(name), value)) = members.next_entry::<Text, &RawValue>()? else { return Ok(few) };
            match name.zip(read(value)) {
                Some(member) => few.0.push(member),
                None => few.1 += 1,
            }
        }
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(few)
    }
}

/// A name. `None` if it is no text.
pub(super) struct Text(pub(super) Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Only as bytes, a string may have halves of characters in it.
        deserializer.deserialize_bytes(Bytes)
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text, E> {
        Ok(Text(std::str::from_utf8(bytes).ok().map(str::to_owned)))
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

    #[test]
    fn half_a_character_takes_its_own_element_away_and_no_other() {
        let few: Few<String, 9> = serde_json::from_str(r#"["a","\ud800",7,"b"]"#).unwrap();
        assert_eq!((few.0.join(" "), few.left_out()), ("a b".to_owned(), 2));
        let few: FewNamed<u32, 9> = serde_json::from_str(r#"{"a":1,"\ud800":2,"c":"\udfff","d":4}"#).unwrap();
        assert_eq!((few.0.clone(), few.left_out()), (vec![("a".to_owned(), 1), ("d".to_owned(), 4)], 2));
    }
}
