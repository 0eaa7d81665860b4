//! The lines before the first frame: the source of frames, and in ngrep's grammar the lines of ngrep.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use anyhow::bail;
use nix::ifaddrs::getifaddrs;
use ovlsniff::capture::bpf::{self, Filter};
use ovlsniff::capture::live::Device;
use ovlsniff::capture::savefile::{Interface, Savefile, shown};
use ovlsniff::packet::LinkType;
use ovlsniff::print::ngrep::{NgrepPattern, NgrepPreamble, NgrepSource};

use super::meant::{Meant, Told};

/// The place that frames come from.
pub(super) enum Source<'a> {
    /// Capture files.
    Files(&'a [PathBuf]),
    /// Interfaces, and the words for all of them.
    Devices(&'a [Device], &'a str),
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(files) => {
                let names: Vec<String> = files.iter().map(|path| shown(path)).collect();
                write!(f, "input: {}", names.join(", "))
            }
            Self::Devices(_, words) => write!(f, "interface: {words}"),
        }
    }
}

/// Refuses files in which ngrep's grammar has nothing to search: it knows IP packets only.
pub(super) fn check_links(files: &[Savefile]) -> anyhow::Result<()> {
    let unknown =
        files.iter().flat_map(Savefile::interfaces).find(|interface| interface.link.name().is_none());
    match unknown {
        Some(interface) => bail!(
            "{} is not decoded, so no IP packet can be found; to search its frames as they are leave out the word ngrep",
            interface.link
        ),
        None => Ok(()),
    }
}

/// Returns the words for the source and the filter, and calls `tell` with the lines that they make.
pub(super) fn preamble<T>(
    meant: &Meant,
    told: &Told,
    source: &Source<'_>,
    interfaces: &[Interface],
    tell: impl FnOnce(&NgrepPreamble<'_>) -> T,
) -> T {
    let name = match source {
        Source::Files(files) => {
            files.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>().join(", ")
        }
        Source::Devices([device], _) => device.as_str().to_owned(),
        Source::Devices(_, words) => (*words).to_owned(),
    };
    let network = match source {
        Source::Devices([device], _) => network_of(device),
        _ => None,
    };
    let typed = told.filter.as_deref();
    let has_tags =
        !told.any_device && interfaces.first().is_none_or(|first| compiles(&asked(typed), first.link));
    let filter = filter(typed, has_tags);
    let output = meant.write.as_ref().map(|path| path.to_string_lossy());
    let (text, inverted) = (told.pattern.as_str(), meant.options.invert);
    tell(&NgrepPreamble {
        quiet: told.quiet,
        source: match source {
            Source::Files(_) => NgrepSource::File(&name),
            Source::Devices(..) => NgrepSource::Interface(&name, network),
        },
        filter: Some(&filter),
        pattern: Some(NgrepPattern { text, inverted, word: told.word, hex: told.hex }),
        output: output.as_deref(),
    })
}

/// Returns true if the words make a filter for frames of this link type, even if no frame can pass it.
fn compiles(filter: &str, link: LinkType) -> bool {
    !matches!(Filter::compile(filter, link), Err(bpf::Error::Invalid { .. }))
}

/// Returns the filter that tells if tags can be asked for. A long one takes too much time to be compiled for that.
fn asked(typed: Option<&str>) -> String {
    filter(typed.filter(|typed| typed.len() <= 1024), true)
}

/// Returns the filter as ngrep puts it together.
fn filter(typed: Option<&str>, has_tags: bool) -> String {
    let packets = if has_tags { "((ip || ip6) || (vlan && (ip || ip6)))" } else { "(ip || ip6)" };
    match typed {
        Some(typed) => format!("( {typed}) and {packets}"),
        None => packets.to_owned(),
    }
}

/// Returns the IPv4 network and the mask of an interface's first address, as `pcap_lookupnet` does.
fn network_of(device: &Device) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let mut addresses = getifaddrs().ok()?.filter(|address| address.interface_name == device.as_str());
    addresses.find_map(|address| {
        let ip = address.address?.as_sockaddr_in()?.ip();
        let mask = address.netmask?.as_sockaddr_in()?.ip();
        let (IpAddr::V4(ip), IpAddr::V4(mask)) = (IpAddr::from(ip), IpAddr::from(mask)) else { return None };
        Some((ip & mask, mask))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_is_shown_as_ngrep_shows_it() {
        assert_eq!(filter(None, true), "((ip || ip6) || (vlan && (ip || ip6)))");
        assert_eq!(filter(None, false), "(ip || ip6)");
        assert_eq!(filter(Some("port 80 "), true), "( port 80 ) and ((ip || ip6) || (vlan && (ip || ip6)))");
    }
}
