//! Files of other kinds are told apart by their first bytes, and each is named with the command that helps.

use std::io::Write as _;

use super::{SWARM, file, read};

/// The rest of the message about a file with these bytes, with FILE for its name.
fn said(bytes: &[u8]) -> String {
    let (_dir, path) = file(bytes);
    let message = read(&path).message().replace(path.to_str().unwrap(), "FILE");
    message.strip_prefix("FILE is not a capture file: ").unwrap_or(&message).to_owned()
}

#[test]
fn what_is_packed_is_named_with_the_command_that_unpacks_it() {
    for (magic, by, command) in [
        (&b"\xfd7zXZ\0"[..], "xz", "xz -dc"),
        (&[0x5d, 0, 0, 0x80, 0], "lzma", "xz -dc"),
        (b"BZh9", "bzip2", "bzip2 -dc"),
        (&[0x04, 0x22, 0x4d, 0x18], "lz4", "lz4 -dc"),
        (&[0x1f, 0x9d, 0x90, 0], "compress", "gzip -dc"),
        (b"LZIP\x01", "lzip", "lzip -dc"),
    ] {
        let expected = format!("it is packed with {by}; unpack it: {command} FILE | ovlsniff -r -");
        assert_eq!(said(magic), expected);
    }
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let twice = gzip(&gzip(&std::fs::read(SWARM).unwrap()));
    assert_eq!(said(&twice), "it is packed with gzip, once more; unpack it: gzip -dc FILE | ovlsniff -r -");
    let tar = [&[b'x'; 257][..], b"ustar\0", &[0; 300]].concat();
    for archive in [tar.clone(), gzip(&tar)] {
        assert_eq!(said(&archive), "it is a tar archive; name a file that was unpacked from it");
    }
    assert_eq!(said(b"PK\x03\x04\x14\0"), "it is a zip archive; name a file that was unpacked from it");
}

#[test]
fn captures_of_other_formats_are_for_editcap() {
    for (magic, name) in [
        (&b"snoop\0\0\0"[..], "snoop"),
        (b"btsnoop\0", "btsnoop"),
        (b"RTSS\x01\x01", "Network Monitor"),
        (b"GMBU\0\x02", "Network Monitor"),
        (b"TRSNIFF data    \x1a", "Sniffer"),
    ] {
        let expected = format!("it is a {name} file; convert it: editcap -F pcapng FILE - | ovlsniff -r -");
        assert_eq!(said(magic), expected);
    }
    assert_eq!(
        said(&[1, 2, 3, 4, 5]),
        "it begins with 01 02 03 04, which is neither pcap nor pcapng; if Wireshark reads it, convert it: editcap -F \
         pcapng FILE - | ovlsniff -r -"
    );
}

#[test]
fn text_and_pages_are_no_captures() {
    let text = "it is text; text2pcap makes a capture of a hex dump";
    for bytes in [&b"0000 45 00\n"[..], "größer\n".as_bytes(), &"größe".as_bytes()[..4]] {
        assert_eq!(said(bytes), text);
    }
    let page = "it is an HTML page; if it was downloaded, the server sent the page in the capture's place";
    for bytes in [&b"\n<!DOCTYPE html>\n"[..], b"<HTML><body>"] {
        assert_eq!(said(bytes), page);
    }
}
