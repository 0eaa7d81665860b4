//! The TOML file. It describes all nodes and networks, and is the same on every node.
//!
//! ```toml
//! key = "secure.key"                      # beside this file
//!
//! [node.node1]
//! underlay = "192.0.2.1"
//! [node.node2]
//! underlay = "192.0.2.2"
//!
//! [network.insecure]
//! vni = 4097
//! addresses = { node1 = "10.0.1.1/24", node2 = "10.0.1.2/24" }
//!
//! [network.secure]
//! vni = 4098
//! encrypted = true
//! addresses = { node1 = "10.0.2.1/24", node2 = "10.0.2.2/24" }
//! ```

mod lines;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use lines::Lines;

use super::address::address;
use super::cipher::Cipher;
use super::mtu::Mtu;
use super::nearest::hint;
use super::spec::{NetworkSpec, Peer};
use super::spec_error::SpecError;
use crate::escape::reason;
use crate::packet::{Prefix, UdpPort, Vni};

const FILE_KEYS: [&str; 3] = ["key", "node", "network"];
const NODE_KEYS: [&str; 1] = ["underlay"];
const NETWORK_KEYS: [&str; 11] =
    ["vni", "port", "encrypted", "cipher", "key", "mtu", "netns", "bridge", "learn", "nodes", "addresses"];

#[derive(Deserialize)]
struct File {
    key: Option<PathBuf>,
    #[serde(default)]
    node: BTreeMap<String, NodeTable>,
    #[serde(default)]
    network: BTreeMap<String, NetworkTable>,
}

#[derive(Deserialize)]
struct NodeTable {
    #[serde(deserialize_with = "underlay")]
    underlay: IpAddr,
}

#[derive(Deserialize)]
struct NetworkTable {
    #[serde(deserialize_with = "number")]
    vni: Vni,
    #[serde(default, deserialize_with = "some_number")]
    port: Option<UdpPort>,
    #[serde(default, deserialize_with = "flag")]
    encrypted: bool,
    cipher: Option<String>,
    key: Option<PathBuf>,
    #[serde(default, deserialize_with = "some_number")]
    mtu: Option<Mtu>,
    netns: Option<String>,
    bridge: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    learn: bool,
    /// The nodes that take part; `None` for all nodes.
    nodes: Option<Vec<String>>,
    #[serde(default)]
    addresses: BTreeMap<String, String>,
}

/// Reads a number by the parser that reads it on the command line. It may be an integer, in any of TOML's notations, or a
/// string.
fn number<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(value: D) -> Result<T, D::Error> {
    let text = match toml::Value::deserialize(value)? {
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::String(text) => text,
        // The parser's error for an empty text says what a number is.
        _ => String::new(),
    };
    text.parse().map_err(D::Error::custom)
}

fn some_number<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(value: D) -> Result<Option<T>, D::Error> {
    number(value).map(Some)
}

fn flag<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    toml::Value::deserialize(value)?.as_bool().ok_or_else(|| D::Error::custom("use true or false"))
}

fn underlay<'de, D: Deserializer<'de>>(value: D) -> Result<IpAddr, D::Error> {
    address(&String::deserialize(value)?).map_err(D::Error::custom)
}

/// A file that was read, and in which every key is known.
pub struct OverlayFile {
    named: String,
    folder: PathBuf,
    file: File,
    lines: Lines,
}

impl OverlayFile {
    /// Reads a file and checks its keys.
    pub fn read(path: &Path) -> Result<Self, SpecError> {
        let named = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|cause| SpecError::File { file: named.clone(), cause: unread(&cause) })?;
        Self::parse(&text, named, path.parent().unwrap_or(Path::new("")))
    }

    fn parse(text: &str, named: String, folder: &Path) -> Result<Self, SpecError> {
        let wrong = |cause: String| SpecError::File { file: named.clone(), cause };
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| wrong(one_line(&e, text)))?;
        let lines = Lines::of(text);
        let unknown = |names: &[&str], known: &[&str]| {
            let error = SpecError::Unknown {
                what: "key".into(),
                word: names.join("."),
                hint: hint(names[names.len() - 1], known),
            };
            wrong(placed(lines.at(names), &error))
        };
        if let Some(key) = unknown_key(&table, &FILE_KEYS) {
            return Err(unknown(&[key], &FILE_KEYS));
        }
        for (group, keys) in [("node", &NODE_KEYS[..]), ("network", &NETWORK_KEYS[..])] {
            for (name, entry) in table.get(group).and_then(toml::Value::as_table).into_iter().flatten() {
                if let Some(key) = entry.as_table().and_then(|entry| unknown_key(entry, keys)) {
                    return Err(unknown(&[group, name, key], keys));
                }
            }
        }
        let file: File = toml::from_str(text).map_err(|e| wrong(one_line(&e, text)))?;
        Ok(Self { file, named, folder: folder.to_owned(), lines })
    }

    /// Returns the networks as one node has to build them. If no node is named, it is the one whose underlay
    /// address is among `own`.
    pub fn networks(&self, node: Option<&str>, own: &[IpAddr]) -> Result<Vec<NetworkSpec>, SpecError> {
        let (here, local) = whoami(&self.file, &self.named, node, own)?;
        let mut networks = Vec::new();
        for (name, table) in &self.file.network {
            let built = network(&self.file, name, table, &self.folder, here, local);
            networks.extend(built.map_err(|(key, cause)| self.wrong(name, key, cause))?);
        }
        if networks.is_empty() {
            let cause = format!("no network in which {here} takes part");
            return Err(SpecError::File { file: self.named.clone(), cause });
        }
        Ok(networks)
    }

    /// Adds the file and the line to an error about one of its networks.
    pub fn place(&self, error: SpecError) -> SpecError {
        match error {
            SpecError::Network { network, cause } => self.wrong(&network, "", cause),
            other => other,
        }
    }

    fn wrong(&self, name: &str, key: &str, cause: String) -> SpecError {
        let line = self.lines.at(&["network", name, key]);
        let error = SpecError::Network { network: name.to_owned(), cause };
        SpecError::File { file: self.named.clone(), cause: placed(line, &error) }
    }
}

fn whoami<'a>(
    file: &'a File,
    named: &str,
    node: Option<&str>,
    own: &[IpAddr],
) -> Result<(&'a str, IpAddr), SpecError> {
    let known: Vec<&str> = file.node.keys().map(String::as_str).collect();
    let mut found = file.node.iter().filter(|(name, table)| match node {
        Some(node) => node == *name,
        None => own.contains(&table.underlay),
    });
    match (found.next(), found.next(), node) {
        (Some((name, table)), None, _) => Ok((name, table.underlay)),
        (_, _, Some(node)) => {
            Err(SpecError::Unknown { what: "node".into(), word: node.into(), hint: hint(node, &known) })
        }
        _ if known.is_empty() => {
            Err(SpecError::File { file: named.into(), cause: "it has no node: add [node.NAME]".to_owned() })
        }
        _ => Err(SpecError::File {
            file: named.into(),
            cause: format!("which node is this? say --node NAME, one of: {}", known.join(", ")),
        }),
    }
}

/// Returns a network as the node `here` has it, or `None` if the node has no part in it. The error comes with the key that
/// it is about.
fn network(
    file: &File,
    name: &str,
    table: &NetworkTable,
    folder: &Path,
    here: &str,
    local: IpAddr,
) -> Result<Option<NetworkSpec>, (&'static str, String)> {
    let known: Vec<&str> = file.node.keys().map(String::as_str).collect();
    let members = table.nodes.clone().unwrap_or_else(|| known.iter().map(ToString::to_string).collect());
    let nodes = members.iter().map(|member| ("nodes", member));
    for (key, member) in nodes.chain(table.addresses.keys().map(|member| ("addresses", member))) {
        if !file.node.contains_key(member) {
            return Err((key, format!("node {member}: no such node{}", hint(member, &known))));
        }
    }
    if !members.iter().any(|member| member == here) {
        return Ok(None);
    }
    if let Some(outsider) = table.addresses.keys().find(|node| !members.contains(node)) {
        return Err(("addresses", format!("node {outsider} has an address but is not among its nodes")));
    }
    let address = |node: &str| {
        let read = |text: &String| {
            let parsed = text.parse::<Prefix>();
            parsed.map_err(|cause| ("addresses", format!("address {text} of {node}: {cause}")))
        };
        table.addresses.get(node).map(read).transpose()
    };
    let own = address(here)?;
    let mut peers = Vec::new();
    for member in members.iter().filter(|member| *member != here) {
        let theirs = address(member)?;
        if let (Some(a), Some(b)) = (own, theirs.filter(|b| own.is_some_and(|a| a.length() != b.length()))) {
            let cause = format!("{here} has {a} and {member} {b}; all need the same prefix length");
            return Err(("addresses", cause));
        }
        let overlay = theirs.map(Prefix::address);
        peers.push(Peer { underlay: file.node[member].underlay, overlay });
    }
    let cipher = match (&table.cipher, table.encrypted) {
        (Some(_), false) => {
            return Err(("cipher", "has a cipher but is not encrypted; add: encrypted = true".into()));
        }
        (Some(cipher), true) => {
            Some(cipher.parse::<Cipher>().map_err(|cause| ("cipher", cause.to_string()))?)
        }
        (None, encrypted) => encrypted.then(Cipher::default),
    };
    let own_key = table.key.as_ref().map(|key| folder.join(key));
    let key = own_key.or_else(|| file.key.as_ref().filter(|_| cipher.is_some()).map(|key| folder.join(key)));
    Ok(Some(NetworkSpec {
        name: name.to_owned(),
        vni: table.vni,
        port: table
            .port
            .map_or_else(|| NetworkSpec::default_port(table.vni, cipher.is_some()), UdpPort::value),
        cipher,
        key,
        mtu: table.mtu,
        local,
        address: own,
        peers,
        netns: table.netns.clone(),
        bridge: table.bridge.clone(),
        learn: table.learn,
    }))
}

fn unread(cause: &std::io::Error) -> String {
    match cause.kind() {
        std::io::ErrorKind::InvalidData => "not a TOML file: it is not UTF-8".to_owned(),
        _ => reason(cause),
    }
}

fn unknown_key<'t>(table: &'t toml::Table, known: &[&str]) -> Option<&'t str> {
    table.keys().map(String::as_str).find(|key| !known.contains(key))
}

fn placed(line: Option<usize>, error: &SpecError) -> String {
    line.map_or_else(|| error.to_string(), |line| format!("line {line}: {error}"))
}

fn one_line(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map(|span| 1 + text.get(..span.start).unwrap_or("").matches('\n').count());
    let message = error.message().lines().next().unwrap_or_default();
    let message = message.strip_prefix("invalid type: ").unwrap_or(message);
    // The parser's words for what TOML calls otherwise.
    let words = [
        ("missing field", "missing key"),
        ("expected a sequence", "expected a list"),
        ("expected a map", "expected a table"),
    ];
    let message = words.iter().fold(message.to_owned(), |message, (of, is)| message.replace(of, is));
    line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        key = "secure.key"
        [node.node1]
        underlay = "192.0.2.1"
        [node.node2]
        underlay = "192.0.2.2"
        [network.insecure]
        vni = 4097
        addresses = { node1 = "10.0.1.1/24", node2 = "10.0.1.2/24" }
        [network.secure]
        vni = 4098
        encrypted = true
        addresses = { node1 = "10.0.2.1/24", node2 = "10.0.2.2/24" }
    "#;

    fn read(text: &str, node: Option<&str>) -> Result<Vec<NetworkSpec>, SpecError> {
        let file = OverlayFile::parse(text, "overlay.toml".into(), Path::new("/etc/ovlsniff"))?;
        file.networks(node, &["192.0.2.2".parse().unwrap()])
    }

    #[test]
    fn every_node_sees_the_file_from_its_own_side() {
        let [insecure, secure] = read(FILE, Some("node1")).unwrap().try_into().unwrap();
        assert_eq!((insecure.cipher, insecure.port, insecure.key), (None, 4789, None));
        assert_eq!((secure.cipher, secure.port), (Some(Cipher::Aes256Gcm), 18_887));
        assert_eq!(secure.key.as_deref(), Some(Path::new("/etc/ovlsniff/secure.key")));
        assert_eq!(secure.peers[0].overlay, Some("10.0.2.2".parse().unwrap()));
        let by_address = read(FILE, None).unwrap();
        assert_eq!(by_address[0].local, "192.0.2.2".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn a_key_nobody_knows_is_named_with_the_nearest_one() {
        let cases = [
            (
                "encrypted = true",
                "encrypt = true",
                "key network.secure.encrypt: no such key; did you mean 'encrypted'?",
            ),
            ("key = ", "keys = ", "key keys: no such key; did you mean 'key'?"),
            ("underlay = \"192.0.2.2\"", "underlai = \"192.0.2.2\"", "did you mean 'underlay'?"),
            ("node2 = \"10.0.2.2", "node3 = \"10.0.2.2", "node node3: no such node; did you mean 'node1'?"),
            ("10.0.2.2/24", "10.0.2.2/16", "the same prefix length"),
            ("vni = 4098", "vni = \"4098x\"", "overlay.toml: line 11"),
        ];
        for (from, to, expected) in cases {
            let error = read(&FILE.replacen(from, to, 1), Some("node1")).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_is_told_with_its_line_and_what_can_be() {
        for (from, to, expected) in [
            (
                "vni = 4098",
                "vni = 16777216",
                "line 11: a VNI is a number below 16777216, such as 4097 or 0x1001",
            ),
            ("vni = 4098", "vni = -1", "line 11: a VNI is a number below 16777216, such as 4097 or 0x1001"),
            ("vni = 4098", "vni = 4098\nport = 0", "line 12: a UDP port is a number from 1 to 65535"),
            ("vni = 4098", "vni = 4098\nmtu = 60", "line 12: an MTU is a number of bytes from 68 to 65535"),
            (
                "\"192.0.2.2\"",
                "\"node2\"",
                "line 6: use an IPv4 or IPv6 address, such as 192.0.2.1 or 2001:db8::1",
            ),
        ] {
            let error = read(&FILE.replacen(from, to, 1), Some("node1")).unwrap_err().to_string();
            assert_eq!(error, format!("overlay.toml: {expected}"), "{to}");
        }
        let error =
            read(&FILE.replacen("10.0.2.2/24", "10.0.2.2", 1), Some("node1")).unwrap_err().to_string();
        let expected = "overlay.toml: line 13: network secure: address 10.0.2.2 of node2: use ADDRESS/LENGTH, such as 10.0.1.1/24 or fd00::1/64";
        assert_eq!(error, expected);
    }

    #[test]
    fn numbers_have_the_notations_of_toml() {
        let hexadecimal = FILE.replacen("vni = 4098", "vni = 0x1002\nport = 18_887\nmtu = 1400", 1);
        let [_, secure] = read(&hexadecimal, Some("node1")).unwrap().try_into().unwrap();
        assert_eq!((secure.vni, secure.port, secure.mtu), (Vni::new(4098).unwrap(), 18_887, Mtu::new(1400)));
    }
}
