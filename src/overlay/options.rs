//! `--opt KEY[=VALUE]`: what Docker's `network create` takes for an overlay, and this program's own. Docker stores a
//! key it does not know and ignores it, so that a typo leaves a network in clear; here it is an error.

use super::spec::{Cipher, SpecError};
use crate::packet::Vni;
use crate::spelling::edits;

const KEYS: [&str; 6] = [
    "encrypted",
    "cipher",
    "mtu",
    "port",
    "com.docker.network.driver.mtu",
    "com.docker.network.driver.overlay.vxlanid_list",
];

/// The options, as given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `encrypted`.
    pub encrypted: bool,
    /// `cipher=NAME`.
    pub cipher: Option<Cipher>,
    /// `mtu=N` or Docker's long name for it.
    pub mtu: Option<u32>,
    /// `port=N`.
    pub port: Option<u16>,
    /// Docker's list of VXLAN identifiers, of which there must be one.
    pub vni: Option<Vni>,
}

impl Options {
    /// Reads them all; the first that makes no sense is the error.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, SpecError> {
        let mut options = Self::default();
        for word in words {
            let (key, value) = word.split_once('=').map_or((word, None), |(key, value)| (key, Some(value)));
            options.set(key, value)?;
        }
        Ok(options)
    }

    fn set(&mut self, key: &str, value: Option<&str>) -> Result<(), SpecError> {
        let wrong = |expected| SpecError::Value {
            what: "--opt".into(),
            word: value.map_or_else(|| key.to_owned(), |value| format!("{key}={value}")),
            expected,
        };
        match key {
            "encrypted" => match value {
                None | Some("" | "true") => self.encrypted = true,
                Some(_) => {
                    return Err(wrong(
                        "no value: Docker encrypts whatever it is; leave the option out for a network in clear",
                    ));
                }
            },
            "cipher" => self.cipher = Some(value.unwrap_or_default().parse()?),
            "mtu" | "com.docker.network.driver.mtu" => {
                self.mtu = Some(number(value).ok_or_else(|| wrong("a number of bytes"))?);
            }
            "port" => {
                self.port = Some(number(value).ok_or_else(|| wrong("a UDP port from 1 to 65535"))?);
            }
            "com.docker.network.driver.overlay.vxlanid_list" => {
                let vni = number(value).and_then(Vni::new).ok_or_else(|| wrong("one VNI below 16777216"))?;
                self.vni = Some(vni);
            }
            _ => {
                return Err(SpecError::Option { word: key.into(), hint: hint(key, &KEYS) });
            }
        }
        Ok(())
    }
}

fn number<T: std::str::FromStr>(value: Option<&str>) -> Option<T> {
    value?.parse().ok()
}

/// `; did you mean 'encrypted'?` when a known word is near, else the list of all.
pub(super) fn hint(word: &str, known: &[&str]) -> String {
    let folded = word.to_lowercase();
    let nearest = known.iter().map(|candidate| (edits(&folded, candidate), candidate)).min();
    match nearest {
        Some((changes, candidate)) if changes <= 2 + word.len() / 4 => {
            format!("; did you mean '{candidate}'?")
        }
        _ => format!("; there are: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_courses_typo_fails_loudly_and_names_the_option() {
        let error = Options::parse(["encrypt"]).unwrap_err().to_string();
        assert_eq!(error, "--opt encrypt: no such option; did you mean 'encrypted'?");
        for typo in ["Encrypted", "encryption", "encrypted ", "encrpyted"] {
            assert!(Options::parse([typo]).unwrap_err().to_string().contains("'encrypted'"), "{typo}");
        }
    }

    #[test]
    fn dockers_way_to_say_it_is_understood() {
        let options = Options::parse([
            "encrypted=",
            "com.docker.network.driver.mtu=1400",
            "com.docker.network.driver.overlay.vxlanid_list=4098",
            "cipher=aes-128-gcm",
        ]);
        let vni = Vni::new(4098);
        let expected =
            Options { encrypted: true, cipher: Some(Cipher::Aes128Gcm), mtu: Some(1400), port: None, vni };
        assert_eq!(options.unwrap(), expected);
    }

    #[test]
    fn encrypted_false_is_refused_rather_than_guessed() {
        assert!(Options::parse(["encrypted=false"]).is_err());
    }
}
