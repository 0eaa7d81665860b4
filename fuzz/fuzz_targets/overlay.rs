//! The files of `ovlsniff overlay`: its networks in TOML, its secret, and its state. The first byte says which.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use ovlsniff::escape::escape;
use ovlsniff::overlay::{DriverOptions, OverlayFile, Secret, Store, validate};

/// The folder that the state is read from.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("ovlsniff-overlay-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder of our own");
    folder
});

fuzz_target!(|data: &[u8]| {
    let Some((what, data)) = data.split_first() else { return };
    match what {
        b's' => {
            fs::write(FOLDER.join("overlay.json"), data).expect("room for a temporary file");
            match Store::read(&FOLDER) {
                Ok(state) => drop(state.vnis_named("secure").count()),
                Err(error) => is_a_sentence(&error.to_string()),
            }
        }
        b'k' => {
            let (_file, path) = everything::private_file(data);
            match Secret::read(&path) {
                Ok(secret) => assert_eq!(format!("{secret:?}").len(), "Secret(0123456789abcdef)".len()),
                Err(error) => {
                    let said = error.to_string();
                    is_a_sentence(&said);
                    assert!(!said.contains("0123456789abcdef"), "{said}");
                }
            }
        }
        b'o' => {
            let Ok(words) = std::str::from_utf8(data) else { return };
            if let Err(error) = DriverOptions::parse(words.split('\0')) {
                is_a_sentence(&error.to_string());
            }
        }
        _ => {
            let (_file, path) = everything::file(data);
            let read = OverlayFile::read(&path).and_then(|file| {
                let networks = file.networks(Some("node1"), &[])?;
                validate(&networks).map_err(|error| file.place(error))
            });
            if let Err(error) = read {
                is_a_sentence(&error.to_string());
            }
        }
    }
});

/// Asserts that an error is one line when `main` has printed it.
fn is_a_sentence(said: &str) {
    assert!(!said.trim().is_empty());
    everything::assert_plain(escape(said).as_bytes());
}
