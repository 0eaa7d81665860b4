//! Files of other kinds, recognised by their first bytes, and the command that makes a capture of them.

/// The name of standard input in messages.
pub(super) const STANDARD_INPUT: &str = "standard input";

/// The kind of a file that is not read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    /// It is packed. This command unpacks what it is given, or a file by its name.
    Packed {
        by: &'static str,
        command: &'static str,
    },
    /// An archive of files.
    Archive(&'static str),
    /// A capture in a format that Wireshark's tools read.
    Capture(&'static str),
    Html,
    Text,
    /// It begins with these bytes.
    Unknown([u8; 4]),
}

/// The first bytes of what is packed.
const PACKED: [(&[u8], &str, &str); 8] = [
    (&[0x1f, 0x8b], "gzip, once more", "gzip -dc"),
    (&[0x1f, 0x9d], "compress", "gzip -dc"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd, once more", "zstd -dc"),
    (b"\xfd7zXZ", "xz", "xz -dc"),
    (&[0x5d, 0, 0], "lzma", "xz -dc"),
    (b"BZh", "bzip2", "bzip2 -dc"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4", "lz4 -dc"),
    (b"LZIP", "lzip", "lzip -dc"),
];

/// The first bytes of archives.
const ARCHIVES: [(&[u8], &str); 3] = [(b"PK\x03\x04", "zip"), (b"7z\xbc\xaf", "7-Zip"), (b"Rar!", "RAR")];

/// The first bytes of other captures, as in the files of Wireshark's `wiretap` directory. ERF has none.
const CAPTURES: [(&[u8], &str); 10] = [
    (b"snoop\0\0\0", "snoop"),
    (b"btsnoop\0", "btsnoop"),
    (b"RTSS", "Network Monitor"),
    (b"GMBU", "Network Monitor"),
    (b"TRSNIFF data", "Sniffer"),
    (b"XCP\0", "NetXRay"),
    (b"\x05VNF", "Visual Networks"),
    (&[0xaa, 0xaa, 0xaa, 0xaa], "5View"),
    (b"\x7fver", "Peek"),
    (b"iptrace ", "iptrace"),
];

/// The place of the word `ustar` in a tar archive.
const USTAR: usize = 257;

impl Foreign {
    /// Recognises a file by its first bytes, of which there are four at least.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let begins = |magic: &[u8]| bytes.starts_with(magic);
        if let Some(&(_, by, command)) = PACKED.iter().find(|(magic, ..)| begins(magic)) {
            return Self::Packed { by, command };
        }
        if let Some(&(_, name)) = CAPTURES.iter().find(|(magic, _)| begins(magic)) {
            return Self::Capture(name);
        }
        if let Some(&(_, name)) = ARCHIVES.iter().find(|(magic, _)| begins(magic)) {
            return Self::Archive(name);
        }
        if bytes.get(USTAR..).is_some_and(|rest| rest.starts_with(b"ustar")) {
            return Self::Archive("tar");
        }
        match text(bytes.get(..512).unwrap_or(bytes)).map(|text| text.trim_start().to_ascii_lowercase()) {
            Some(text) if text.starts_with("<!doctype html") || text.starts_with("<html") => Self::Html,
            Some(_) => Self::Text,
            None => Self::Unknown(bytes.first_chunk().copied().unwrap_or_default()),
        }
    }

    /// Continues the sentence "FILE is not a capture file: ", with the command that helps. `file` is the file's name as in
    /// messages.
    pub(super) fn sentence(self, file: &str) -> String {
        let convert =
            || format!("editcap -F pcapng {} - | ovlsniff -r -", argument(file).unwrap_or("-".into()));
        match self {
            Self::Packed { by, command } => {
                format!("it is packed with {by}; unpack it: {}", piped(command, file))
            }
            Self::Archive(name) => format!("it is a {name} archive; name a file that was unpacked from it"),
            Self::Capture(name) => format!("it is a {name} file; convert it: {}", convert()),
            Self::Html => {
                "it is an HTML page; if it was downloaded, the server sent the page in the capture's place"
                    .into()
            }
            Self::Text => "it is text; text2pcap makes a capture of a hex dump".into(),
            Self::Unknown([a, b, c, d]) => format!(
                "it begins with {a:02x} {b:02x} {c:02x} {d:02x}, which is neither pcap nor pcapng; if Wireshark reads it, \
                 convert it: {}",
                convert()
            ),
        }
    }
}

/// Returns the bytes as text, if they are nothing else. The last character may be cut.
fn text(bytes: &[u8]) -> Option<&str> {
    let chunk = bytes.utf8_chunks().next()?;
    let whole = chunk.valid().len() + 3 >= bytes.len();
    let sign = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    (whole && !chunk.valid().is_empty() && !chunk.valid().contains(sign)).then(|| chunk.valid())
}

/// Returns the command line that gives ovlsniff what `command` makes of the file.
pub(super) fn piped(command: &str, file: &str) -> String {
    match argument(file) {
        Some(file) => format!("{command} {file} | ovlsniff -r -"),
        None => format!("{command} | ovlsniff -r -"),
    }
}

/// Returns the file's name as a shell takes it; `None` for standard input. A name that cannot be typed is `FILE`.
fn argument(file: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:=@%".contains(c);
    Some(match file {
        STANDARD_INPUT => return None,
        dash if dash.starts_with('-') => "FILE".to_owned(),
        plainly if plainly.chars().all(plain) => plainly.to_owned(),
        odd if odd.contains(['\'', '\\']) => "FILE".to_owned(),
        odd => format!("'{odd}'"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_the_files_name_as_a_shell_takes_it() {
        let typed = |file| piped("xz -dc", file);
        assert_eq!(typed("dir/a-1.xz"), "xz -dc dir/a-1.xz | ovlsniff -r -");
        assert_eq!(typed("a b.xz"), "xz -dc 'a b.xz' | ovlsniff -r -");
        assert_eq!(typed("$(reboot)"), "xz -dc '$(reboot)' | ovlsniff -r -");
        for untypable in ["it's", r"\u{1b}", "-x"] {
            assert_eq!(typed(untypable), "xz -dc FILE | ovlsniff -r -");
        }
        assert_eq!(typed("standard input"), "xz -dc | ovlsniff -r -");
    }
}
