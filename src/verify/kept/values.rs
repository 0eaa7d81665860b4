//! The values of the floors below as texts and numbers of JSON. Those floors know no JSON, so their values are described
//! here. Each is read by its checked constructor.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::capture::savefile::Filtered;
use crate::host::survey::PublicKey;
use crate::packet::{
    Direction, Form, InterfaceNumber, IpVersion, LinkType, MacAddress, Prefix, Spi, Timestamp, Vni,
};
use crate::verify::kernel::{HookKind, PolicyDirection};
use crate::verify::lengths::Passed;

/// Times up to the year 2116 in nanoseconds. The sum of two still fits 64 bits.
const LATEST: i64 = 1 << 62;

/// Describes a value by a text: how it is written, and how it is read.
macro_rules! as_text {
    ($kind:ty, $write:expr, $read:expr) => {
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let write: fn(&$kind) -> String = $write;
                to.serialize_str(&write(self))
            }
        }

        from_text!($kind, $read);
    };
}

/// Describes how a value is read from a text. `overlay` writes some of them so.
macro_rules! from_text {
    ($kind:ty, $read:expr) => {
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                let read: fn(&str) -> Option<$kind> = $read;
                read(&text).ok_or_else(|| D::Error::custom(concat!("no ", stringify!($kind))))
            }
        }
    };
}

/// Describes a value by a number: how it is written, and how it is read.
macro_rules! as_number {
    ($kind:ty, $number:ty, $write:expr, $read:expr) => {
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let write: fn(&$kind) -> $number = $write;
                write(self).serialize(to)
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let read: fn($number) -> Option<$kind> = $read;
                let number = <$number>::deserialize(from)?;
                read(number).ok_or_else(|| D::Error::custom(concat!("no ", stringify!($kind))))
            }
        }
    };
}

/// Describes an enum without values by a word for each variant.
macro_rules! as_words {
    ($kind:ty, $($word:literal = $variant:ident),+) => {
        as_text!(
            $kind,
            |value| match value { $(<$kind>::$variant => $word,)+ }.to_owned(),
            |text| match text { $($word => Some(<$kind>::$variant),)+ _ => None }
        );
    };
}

as_number!(Vni, u32, |vni| vni.value(), Vni::new);
as_number!(LinkType, u16, |link| link.0, |number| Some(LinkType(number)));
as_number!(InterfaceNumber, u32, |number| number.0, |number| Some(InterfaceNumber(number)));
as_text!(Spi, ToString::to_string, |text| hex_digits(text.strip_prefix("0x")?).map(Spi));
from_text!(MacAddress, |text| {
    let parts: Option<Vec<u8>> = text.split(':').map(|part| hex_digits(part)?.try_into().ok()).collect();
    MacAddress::from_slice(&parts?)
});
// The text of a prefix of an interface never has the length 0. A kept one may be a default route's.
from_text!(Prefix, |text| {
    let (address, length) = text.split_once('/')?;
    Prefix::new(address.parse().ok()?, number(length)?)
});
as_text!(PublicKey, |key| key.0.map(|byte| format!("{byte:02x}")).concat(), |text| {
    let digits =
        text.as_bytes().chunks(2).map(|two| hex_digits(std::str::from_utf8(two).ok()?)?.try_into().ok());
    let bytes: Option<Vec<u8>> = digits.collect();
    bytes?.try_into().ok().map(PublicKey)
});
// An integer of JSON is a float to many programs, and nanoseconds since 1970 do not fit a float.
as_text!(
    Timestamp,
    |time| format!("{} {} {}", time.nanos, time.digits, if time.known { "known" } else { "unknown" }),
    |text| {
        let mut parts = text.split(' ');
        let (nanos, digits, known) = (parts.next()?, parts.next()?, parts.next()?);
        let known = match (known, parts.next()) {
            ("known", None) => true,
            ("unknown", None) => false,
            _ => return None,
        };
        Some(Timestamp {
            nanos: moment(nanos)?,
            digits: number(digits).filter(|digits| *digits <= 9)?,
            known,
        })
    }
);
as_words!(Form, "vxlan" = Vxlan, "geneve" = Geneve, "routed" = Routed);
as_words!(IpVersion, "4" = V4, "6" = V6);
as_words!(Direction, "in" = In, "out" = Out);
from_text!(PolicyDirection, |text| {
    use PolicyDirection::{Forward, In, Out};
    [In, Out, Forward].into_iter().find(|direction| direction.name() == text)
});
as_words!(HookKind, "tc" = Tc, "xdp" = Xdp);

impl Serialize for Filtered {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Expression(text) => Some(text),
            Self::Unread => None,
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Filtered {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(from)?.map_or(Self::Unread, Self::Expression))
    }
}

/// The lengths of packets in one text, because a busy leg has 65,536: `TIME:LENGTH:SPI …`.
pub(in crate::verify) mod lengths {
    use super::{Deserializer, Passed, Serializer, Spi, list, moment, number, text};

    pub(in crate::verify) fn serialize<S: Serializer>(passed: &[Passed], to: S) -> Result<S::Ok, S::Error> {
        let one = |passed: &Passed| format!("{}:{}:{}", passed.time, passed.len, passed.spi.0);
        to.serialize_str(&text(passed.iter().map(one)))
    }

    pub(in crate::verify) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Passed>, D::Error> {
        list(from, |one| {
            let mut parts = one.split(':');
            let (time, len, spi) = (parts.next()?, parts.next()?, parts.next()?);
            let len: u32 = number(len).filter(|len| *len <= super::super::LONGEST)?;
            Some(Passed { time: moment(time)?, len, spi: Spi(number(spi)?) })
                .filter(|_| parts.next().is_none())
        })
    }
}

/// The probes that were found inside ESP, in one text: `SEQUENCE:TIME …`.
pub(in crate::verify) mod echoes {
    use super::{BTreeSet, Deserializer, Serializer, list, moment, number, text};

    pub(in crate::verify) fn serialize<S: Serializer>(
        echoes: &BTreeSet<(u16, i64)>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&text(echoes.iter().map(|(sequence, time)| format!("{sequence}:{time}"))))
    }

    pub(in crate::verify) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeSet<(u16, i64)>, D::Error> {
        list(from, |one| {
            let (sequence, time) = one.split_once(':')?;
            Some((number(sequence)?, moment(time)?))
        })
    }
}

fn text(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(" ")
}

fn list<'de, D: Deserializer<'de>, T, C: FromIterator<T>>(
    from: D,
    read: impl Fn(&str) -> Option<T>,
) -> Result<C, D::Error> {
    let text = String::deserialize(from)?;
    let values: Option<C> = text.split(' ').filter(|one| !one.is_empty()).map(read).collect();
    values.ok_or_else(|| D::Error::custom("a list in them has no such values"))
}

/// Reads a number as it is written here: digits alone, without a plus sign or leading zeros.
fn number<T: FromStr + Display>(text: &str) -> Option<T> {
    text.parse().ok().filter(|number: &T| number.to_string() == text)
}

fn moment(text: &str) -> Option<i64> {
    number(text).filter(|nanos| (0..=LATEST).contains(nanos))
}

fn hex_digits(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(text, 16).ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again<T: Serialize + for<'de> Deserialize<'de>>(value: &T) -> T {
        serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
    }

    #[test]
    fn every_value_comes_back_as_it_was() {
        let time = Timestamp::new(1_764_270_531, 123_456_789, 9);
        assert_eq!(again(&time), time);
        assert_eq!(again(&time.unknown()), time.unknown());
        assert_eq!(again(&Spi(0x9aa3_ee15)), Spi(0x9aa3_ee15));
        let prefix = Prefix::new("0.0.0.0".parse().unwrap(), 0).unwrap();
        assert_eq!(again(&prefix), prefix);
        assert_eq!(again(&MacAddress([2, 0, 0, 0, 0xfe, 7])), MacAddress([2, 0, 0, 0, 0xfe, 7]));
        assert!(again(&PublicKey([0xa5; 32])) == PublicKey([0xa5; 32]));
        assert_eq!(again(&Filtered::Unread), Filtered::Unread);
        let filter = Filtered::Expression("esp".to_owned());
        assert_eq!(again(&filter), filter);
    }

    #[test]
    fn values_that_nothing_has_are_refused() {
        let refused = |json: &str| {
            serde_json::from_str::<Vni>(json).is_err()
                && serde_json::from_str::<Spi>(json).is_err()
                && serde_json::from_str::<Timestamp>(json).is_err()
                && serde_json::from_str::<Prefix>(json).is_err()
                && serde_json::from_str::<PublicKey>(json).is_err()
        };
        for json in
            ["16777216", "-1", r#""""#, r#""0x""#, r#""0x+1""#, r#""1 9""#, r#""1 10 known""#, r#""::/129""#]
        {
            assert!(refused(json), "{json}");
        }
        assert!(serde_json::from_str::<Timestamp>(r#""9223372036854775807 9 known""#).is_err());
        assert!(serde_json::from_str::<PublicKey>(r#""é""#).is_err());
    }
}
