//! An answer of the engine, reduced to the parts of it that are read.
//!
//! Answers tell much more than is asked: passwords in the environment of a container, commands, labels, mounts. A [`Shape`]
//! lists what may be kept. All else is left out, and where an element has to stay for the sake of the others, only its kind
//! does: an empty text, list or object. So an answer that could be read is read as before, and one that could not be read
//! still cannot.
//!
//! Each text is kept as it was written. A name can be half of a character, which is JSON and no text, and its reader says so.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The parts of a value that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Its kind alone.
    Kind,
    /// A text, a number, or `true` and `false`.
    Value,
    /// The elements of a list, each in this shape.
    List(&'static Self),
    /// The members of an object that have these names, each in a shape of its own.
    Members(&'static [(&'static str, Self)]),
    /// All members of an object, each in this shape.
    Every(&'static Self),
    /// The names of all members of an object, and the value of the one that is named here.
    Options(&'static str),
}

impl Shape {
    /// Returns the parts of a text in JSON that have this shape. `None` if it is no JSON.
    pub(crate) fn of(self, text: &str) -> Option<String> {
        let mut kept = String::new();
        self.put(serde_json::from_str(text).ok()?, &mut kept)?;
        Some(kept)
    }

    /// Appends the parts of a value that are kept.
    fn put(self, value: &RawValue, to: &mut String) -> Option<()> {
        let text = value.get();
        let mut parser = serde_json::Deserializer::from_str(text);
        match (self, text.as_bytes().first()?) {
            (_, b'n') => to.push_str("null"),
            (Self::Value, b'"' | b'-' | b'0'..=b'9' | b't' | b'f') => to.push_str(text),
            (Self::List(_), b'[') => parser.deserialize_seq(Putting { shape: self, to }).ok()?,
            (Self::Members(_) | Self::Every(_) | Self::Options(_), b'{') => {
                parser.deserialize_map(Putting { shape: self, to }).ok()?;
            }
            (_, b'"') => to.push_str("\"\""),
            (_, b'[') => to.push_str("[]"),
            (_, b'{') => to.push_str("{}"),
            (_, b't' | b'f') => to.push_str("false"),
            _ => to.push('0'),
        }
        Some(())
    }

    /// Returns the shape of the member with this name, as it is written in JSON. `None` if the member is left out.
    fn of_member(self, name: &RawValue) -> Option<Self> {
        // A name in which something is escaped is the same name.
        let is = |wanted: &str| serde_json::from_str::<String>(name.get()).is_ok_and(|name| name == wanted);
        match self {
            Self::Members(members) => members.iter().find(|(wanted, _)| is(wanted)).map(|(_, shape)| *shape),
            Self::Every(shape) => Some(*shape),
            Self::Options(wanted) => Some(if is(wanted) { Self::Value } else { Self::Kind }),
            Self::Kind | Self::Value | Self::List(_) => None,
        }
    }
}

/// Appends what is kept of a list or an object, one element after the other.
struct Putting<'a> {
    shape: Shape,
    to: &'a mut String,
}

impl<'de> Visitor<'de> for Putting<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let of = if let Shape::List(of) = self.shape { *of } else { Shape::Kind };
        self.to.push('[');
        let mut comma = "";
        while let Some(element) = elements.next_element::<&RawValue>()? {
            self.to.push_str(std::mem::replace(&mut comma, ","));
            of.put(element, self.to).ok_or_else(unread)?;
        }
        self.to.push(']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.to.push('{');
        let mut comma = "";
        while let Some((name, value)) = members.next_entry::<&RawValue, &RawValue>()? {
            let Some(shape) = self.shape.of_member(name) else { continue };
            self.to.push_str(std::mem::replace(&mut comma, ","));
            self.to.push_str(name.get());
            self.to.push(':');
            shape.put(value, self.to).ok_or_else(unread)?;
        }
        self.to.push('}');
        Ok(())
    }
}

fn unread<E: serde::de::Error>() -> E {
    E::custom("it is no JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTAINER: Shape = Shape::Members(&[
        ("Names", Shape::List(&Shape::Value)),
        ("Networks", Shape::Every(&Shape::Members(&[("IPAddress", Shape::Value)]))),
        ("Options", Shape::Options("vnis")),
        ("Slot", Shape::Value),
    ]);

    fn of(text: &str) -> Option<String> {
        CONTAINER.of(text)
    }

    #[test]
    fn members_that_are_not_listed_are_left_out_wherever_they_are() {
        let text = r#" {"Config":{"Env":["PASSWORD=hunter2"]},"Names":["/web"], "Networks":
            {"secure":{"Aliases":["hunter2"],"IPAddress":"10.0.2.4","DriverOpts":{"k":"hunter2"}},"none":null},
            "Options":{"vnis":"4098","encrypted":"hunter2","com.x":{"a":"hunter2"}},"Slot":3,"Labels":{"hunter2":""}} "#;
        let expected = r#"{"Names":["/web"],"Networks":{"secure":{"IPAddress":"10.0.2.4"},"none":null},"Options":{"vnis":"4098","encrypted":"","com.x":{}},"Slot":3}"#;
        assert_eq!(of(text).as_deref(), Some(expected));
    }

    #[test]
    fn a_part_of_another_kind_than_is_read_keeps_its_kind_alone() {
        for (text, expected) in [
            (r#"{"Names":"hunter2"}"#, r#"{"Names":""}"#),
            (r#"{"Names":{"hunter2":1}}"#, r#"{"Names":{}}"#),
            (r#"{"Names":[["hunter2"],{"hunter2":1},4,true,null]}"#, r#"{"Names":[[],{},4,true,null]}"#),
            (r#"{"Slot":["hunter2"],"Networks":["hunter2"]}"#, r#"{"Slot":[],"Networks":[]}"#),
            (r#"{"Networks":17,"Options":true}"#, r#"{"Networks":0,"Options":false}"#),
            (r#"["hunter2"]"#, "[]"),
            (r#""hunter2""#, r#""""#),
            ("-17", "0"),
            ("null", "null"),
        ] {
            assert_eq!(of(text).as_deref(), Some(expected));
        }
    }

    #[test]
    fn names_stay_as_they_are_written() {
        let text = r#"{"N\u0061mes":["\ud800","a\u0000b"],"\ud800":"x","Networks":{"\udfff":{"IPAddress":"\u0031"}}}"#;
        let expected = r#"{"N\u0061mes":["\ud800","a\u0000b"],"Networks":{"\udfff":{"IPAddress":"\u0031"}}}"#;
        assert_eq!(of(text).as_deref(), Some(expected));
    }

    #[test]
    fn a_text_that_is_no_json_is_none() {
        let text = r#"{"Names":["/web"],"Slot":3}"#;
        for len in 0..text.len() {
            assert_eq!(of(&text[..len]), None, "{len}");
        }
        assert_eq!(of(&format!("{text},")), None);
    }
}
