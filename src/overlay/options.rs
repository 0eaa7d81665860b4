//! The options of `--opt KEY[=VALUE]`: those that Docker's `network create` takes for an overlay, and this
//! program's own. Docker stores an option that it does not know and ignores it, so a typo leaves a network in
//! clear. Here a typo is an error.

use std::fmt::Display;
use std::str::FromStr;

use super::cipher::Cipher;
use super::mtu::Mtu;
use super::nearest::hint;
use super::spec_error::SpecError;
use crate::host::docker::VNIS;
use crate::packet::{UdpPort, Vni};

const KEYS: [&str; 6] = ["encrypted", "cipher", "mtu", "port", "com.docker.network.driver.mtu", VNIS];

const SETS: &str = "Docker encrypts whatever the value is; leave the option out for a network in clear";

/// The options of one network, as given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriverOptions {
    /// True for `encrypted`, `encrypted=` and `encrypted=true`.
    pub encrypted: bool,
    /// The cipher of `cipher=NAME`.
    pub cipher: Option<Cipher>,
    /// The MTU of `mtu=MTU`, or of Docker's long name for it.
    pub mtu: Option<Mtu>,
    /// The UDP port of `port=PORT`.
    pub port: Option<UdpPort>,
    /// The VNI of Docker's list of VXLAN identifiers, which must have exactly one entry.
    pub vni: Option<Vni>,
}

impl DriverOptions {
    /// The keys that are known.
    pub const KEYS: [&'static str; 6] = KEYS;

    /// Parses all options. The error is that of the first one that is wrong.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, SpecError> {
        let mut options = Self::default();
        for word in words {
            let (key, value) = word.split_once('=').map_or((word, None), |(key, value)| (key, Some(value)));
            options.set(key, value)?;
        }
        Ok(options)
    }

    fn set(&mut self, key: &str, value: Option<&str>) -> Result<(), SpecError> {
        match key {
            "encrypted" => match value {
                None | Some("" | "true") => self.encrypted = true,
                Some(_) => return Err(wrong(key, value, &SETS)),
            },
            "cipher" => self.cipher = Some(value.unwrap_or_default().parse()?),
            "mtu" | "com.docker.network.driver.mtu" => self.mtu = Some(read(key, value)?),
            "port" => self.port = Some(read(key, value)?),
            VNIS => self.vni = Some(read(key, value)?),
            _ => {
                return Err(SpecError::Option { word: key.into(), hint: hint(key, &KEYS) });
            }
        }
        Ok(())
    }
}

fn read<T: FromStr<Err: Display>>(key: &str, value: Option<&str>) -> Result<T, SpecError> {
    value.unwrap_or_default().parse().map_err(|cause| wrong(key, value, &cause))
}

fn wrong(key: &str, value: Option<&str>, cause: &dyn Display) -> SpecError {
    let word = value.map_or_else(|| key.to_owned(), |value| format!("{key}={value}"));
    SpecError::Value { word, cause: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_courses_typo_fails_loudly_and_names_the_option() {
        let error = DriverOptions::parse(["encrypt"]).unwrap_err().to_string();
        assert_eq!(error, "--opt encrypt: no such option; did you mean 'encrypted'?");
        for typo in ["Encrypted", "encryption", "encrypted ", "encrpyted"] {
            assert!(DriverOptions::parse([typo]).unwrap_err().to_string().contains("'encrypted'"), "{typo}");
        }
    }

    #[test]
    fn dockers_way_to_say_it_is_understood() {
        let options = DriverOptions::parse([
            "encrypted=",
            "com.docker.network.driver.mtu=1400",
            "com.docker.network.driver.overlay.vxlanid_list=0x1002",
            "cipher=aes-128-gcm",
        ]);
        let (mtu, vni) = (Mtu::new(1400), Vni::new(4098));
        let expected =
            DriverOptions { encrypted: true, cipher: Some(Cipher::Aes128Gcm), mtu, port: None, vni };
        assert_eq!(options.unwrap(), expected);
    }

    #[test]
    fn a_value_that_cannot_be_is_told_with_what_can_be() {
        for (word, expected) in [
            ("port=0", "--opt port=0: a UDP port is a number from 1 to 65535"),
            ("port", "--opt port: a UDP port is a number from 1 to 65535"),
            ("mtu=big", "--opt mtu=big: an MTU is a number of bytes from 68 to 65535"),
        ] {
            assert_eq!(DriverOptions::parse([word]).unwrap_err().to_string(), expected);
        }
        let two = DriverOptions::parse(["com.docker.network.driver.overlay.vxlanid_list=4097,4098"]);
        assert!(
            two.unwrap_err()
                .to_string()
                .ends_with("a VNI is a number below 16777216, such as 4097 or 0x1001")
        );
    }

    #[test]
    fn encrypted_false_is_refused_rather_than_guessed() {
        assert!(DriverOptions::parse(["encrypted=false"]).is_err());
    }
}
