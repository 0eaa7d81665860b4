//! `ovlsniff interfaces`: the interfaces, the choice of `auto` and the overlay networks, as a table or as JSON.

mod overlays;
mod watch;

use std::fmt::Write as _;
use std::time::Duration;

use ovlsniff::escape::escape;
use ovlsniff::host::auto::{Choice, choose};
use ovlsniff::host::docker::{Swarm, swarm};
use ovlsniff::host::namespace::Namespace;
use ovlsniff::host::survey::{Link, Survey, Vtep};
use ovlsniff::packet::{Form, Vni};
use ovlsniff::verify::Inventory;

use super::{Status, put};
use crate::cli::Interfaces;

/// The longest wait for Docker's engine, which is asked for each of its networks.
const PATIENCE: Duration = Duration::from_secs(2);

/// Prints the interfaces of the current network namespace, or of the one that was named.
pub(super) fn run(args: &Interfaces) -> anyhow::Result<Status> {
    if let Some(every) = args.watch {
        return watch::run(args, every);
    }
    let namespace = Namespace::given(args.netns.as_deref())?;
    let survey = Survey::take(namespace.as_ref())?;
    let swarm = swarm();
    let choices = choose(&survey, swarm.as_ref());
    let inventory = Inventory::take(namespace.as_ref(), PATIENCE)?;
    let text = if args.json {
        json(&survey, swarm.as_ref(), &choices) + &overlays::json(&inventory)
    } else {
        table(&survey, swarm.as_ref(), &choices) + &overlays::table(&inventory)
    };
    put(text.as_bytes())?;
    Ok(Status::Success)
}

fn table(survey: &Survey, swarm: Option<&Swarm>, choices: &[Choice]) -> String {
    let mut rows = vec![["", "NAME", "STATE", "LINK", "ADDRESSES", "WHAT"].map(str::to_owned)];
    for link in &survey.links {
        let chosen = choices.iter().any(|choice| choice.index == link.index);
        let addresses: Vec<String> = link.addresses.iter().map(ToString::to_string).collect();
        rows.push([
            if chosen { "*" } else { "" }.to_owned(),
            escape(&link.name).into_owned(),
            link.state().to_owned(),
            link.hardware_name().to_owned(),
            if addresses.is_empty() { "-".to_owned() } else { addresses.join(" ") },
            what(survey, swarm, link),
        ]);
    }
    let widths: [usize; 6] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for row in &rows {
        let line: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text.push_str("\nauto:");
    if choices.is_empty() {
        text.push_str(" no interface is up\n");
    }
    for (at, choice) in choices.iter().enumerate() {
        let _ = writeln!(text, "{} {choice}", if at == 0 { "" } else { "     " });
    }
    if survey.sa_sources.is_none() {
        text.push_str("IPsec SAs: not known without CAP_NET_ADMIN\n");
    }
    text
}

/// Describes a link: its tunnel or its kind, and the link that it is a port of.
fn what(survey: &Survey, swarm: Option<&Swarm>, link: &Link) -> String {
    let mut parts = Vec::new();
    match (&link.vtep, &link.kind) {
        (Some(vtep), _) => parts.push(tunnel(survey, swarm, vtep)),
        (None, Some(kind)) => parts.push(escape(kind).into_owned()),
        (None, None) => {}
    }
    if let Some(master) = link.master {
        parts.push(format!("in {}", name(survey, master)));
    }
    if parts.is_empty() { "-".to_owned() } else { parts.join(" ") }
}

fn tunnel(survey: &Survey, swarm: Option<&Swarm>, vtep: &Vtep) -> String {
    const PEERS: usize = 8;
    let mut text = if vtep.form == Form::Geneve { "geneve" } else { "vxlan" }.to_owned();
    if let Some(vni) = vtep.vni {
        let _ = write!(text, " vni {vni}");
        if let Some(network) = swarm.and_then(|swarm| swarm.network(vni)) {
            let _ = write!(text, " (docker overlay \"{}\")", escape(network));
        }
    }
    for (word, address) in [("local", vtep.local), ("remote", vtep.remote)] {
        if let Some(address) = address {
            let _ = write!(text, " {word} {address}");
        }
    }
    let _ = write!(text, " port {}", vtep.port);
    if let Some(underlay) = vtep.underlay.filter(|_| !vtep.foreign_socket) {
        let _ = write!(text, " dev {}", name(survey, underlay));
    }
    if vtep.foreign_socket {
        text.push_str(" (underlay in another namespace)");
    }
    if !vtep.peers.is_empty() {
        text.push_str(" peers");
        for peer in vtep.peers.iter().take(PEERS) {
            let _ = write!(text, " {peer}");
        }
        if let Some(more) = vtep.peers.len().checked_sub(PEERS).filter(|more| *more > 0) {
            let _ = write!(text, " and {more} more");
        }
    }
    text
}

/// Returns the link's name, escaped, or its number when the namespace has no such link.
fn name(survey: &Survey, index: u32) -> String {
    survey.link(index).map_or_else(|| format!("#{index}"), |link| escape(&link.name).into_owned())
}

fn json(survey: &Survey, swarm: Option<&Swarm>, choices: &[Choice]) -> String {
    let named = |index: u32| survey.link(index).map(|link| &link.name);
    let mut text = String::new();
    for link in &survey.links {
        let choice = choices.iter().find(|choice| choice.index == link.index);
        let vtep = link.vtep.as_ref().map(|vtep| {
            serde_json::json!({
                "vni": vtep.vni.map(Vni::value),
                "network": vtep.vni.and_then(|vni| swarm?.network(vni)),
                "local": vtep.local,
                "remote": vtep.remote,
                "port": vtep.port,
                "underlay": vtep.underlay.filter(|_| !vtep.foreign_socket).and_then(named),
                "peers": vtep.peers,
            })
        });
        let object = serde_json::json!({
            "v": 1,
            "index": link.index,
            "name": link.name,
            "state": link.state(),
            "link": link.hardware_name(),
            "addresses": link.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "kind": link.kind,
            "master": link.master.and_then(named),
            "vxlan": vtep,
            "auto": choice.is_some(),
            "reasons": choice.map_or_else(Vec::new, |c| c.reasons.iter().map(ToString::to_string).collect()),
        });
        text += &(ovlsniff::escape::json(&object) + "\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey() -> Survey {
        let link = |index, name: &str| Link {
            index,
            name: name.to_owned(),
            up: true,
            running: true,
            hardware: 1,
            ..Link::default()
        };
        let eth = Link { addresses: vec!["192.0.2.1/24".parse().unwrap()], ..link(2, "eth0") };
        let vtep = Vtep {
            vni: Vni::new(4097),
            local: "192.0.2.1".parse().ok(),
            port: 4789,
            underlay: Some(2),
            peers: (1..=10).map(|i| std::net::Ipv4Addr::new(192, 0, 2, 100 + i).into()).collect(),
            ..Vtep::default()
        };
        let tunnel = Link {
            vtep: Some(vtep),
            kind: Some("vxlan".to_owned()),
            master: Some(9),
            ..link(3, "vx\x1b[2J")
        };
        Survey { links: vec![eth, tunnel], ..Survey::default() }
    }

    #[test]
    fn table_marks_what_auto_would_choose_and_escapes_names() {
        let survey = survey();
        let text = table(&survey, None, &choose(&survey, None));
        let expected = "   NAME         STATE  LINK      ADDRESSES     WHAT
*  eth0         up     ethernet  192.0.2.1/24  -
   vx\\u{1b}[2J  up     ethernet  -             vxlan vni 4097 local 192.0.2.1 port 4789 dev eth0 \
            peers 192.0.2.101 192.0.2.102 192.0.2.103 192.0.2.104 192.0.2.105 192.0.2.106 192.0.2.107 192.0.2.108 \
            and 2 more in #9

auto: eth0 (underlay of vx\\u{1b}[2J)
IPsec SAs: not known without CAP_NET_ADMIN
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_tunnel_is_called_by_its_protocol() {
        let geneve = Vtep { form: Form::Geneve, vni: Vni::new(42), port: 16_081, ..Vtep::default() };
        assert_eq!(tunnel(&survey(), None, &geneve), "geneve vni 42 port 16081");
    }

    #[test]
    fn json_has_one_object_a_line() {
        let survey = survey();
        let text = json(&survey, None, &choose(&survey, None));
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["auto"], true);
        assert_eq!(lines[0]["reasons"][0], "underlay of vx\\u{1b}[2J");
        assert_eq!(lines[1]["vxlan"]["vni"], 4097);
        assert_eq!(lines[1]["vxlan"]["underlay"], "eth0");
        assert!(!text.contains('\x1b'));
    }
}
