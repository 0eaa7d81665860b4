//! The overlay networks of the host below the table of interfaces: a line for each, or a JSON object for each.

use std::fmt::{Display, Write as _};

use ovlsniff::escape::escape;
use ovlsniff::verify::{Inventory, Overlay};

/// The most addresses of one kind in a line. JSON has all.
const MOST: usize = 8;

/// Returns the section of the table, or nothing if there is nothing to say.
pub(super) fn table(inventory: &Inventory) -> String {
    let mut text = String::new();
    if !inventory.overlays.is_empty() {
        let rows: Vec<[String; 2]> = inventory
            .overlays
            .iter()
            .map(|overlay| [escape(&overlay.network.name).into_owned(), overlay.source()])
            .collect();
        let widths: [usize; 2] = std::array::from_fn(|column| {
            rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
        });
        text.push_str("\noverlays:\n");
        for ([name, source], overlay) in rows.iter().zip(&inventory.overlays) {
            let [first, second] = widths;
            let line = format!("  {name:first$}  {source:second$}  {}", what(overlay));
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    if let Some(why) = &inventory.engine_unread {
        let _ = writeln!(text, "Docker's networks: not known: {}", escape(why));
    }
    if let Some(why) = &inventory.namespaces_unread {
        let _ = writeln!(text, "more overlays may be here: {why}");
    }
    text
}

/// Describes a network: `vxlan vni 4097 port 4789 local 192.0.2.1 nodes 192.0.2.2 through wg0`.
fn what(overlay: &Overlay) -> String {
    let network = &overlay.network;
    if overlay.unreadable {
        return format!("{}: its peers are not shown to this user; run as root", overlay.form());
    }
    let mut text = overlay.form().to_owned();
    if network.any_vni {
        text.push_str(" vni any");
    }
    if !network.vnis.is_empty() {
        add(&mut text, "vni", network.vnis.iter());
    }
    if let Some(port) = overlay.port {
        let _ = write!(text, " port {port}");
    }
    add(&mut text, "local", network.locals.iter());
    add(&mut text, "nodes", network.peers.iter().map(|peer| peer.underlay));
    if network.peers.is_empty() {
        text.push_str(" (no node is known)");
    }
    let mut through: Vec<&str> = overlay.carriers.iter().map(|carrier| carrier.device.as_str()).collect();
    through.dedup();
    add(&mut text, "through", through.into_iter().map(escape));
    text
}

fn add<T: Display>(text: &mut String, word: &str, all: impl ExactSizeIterator<Item = T>) {
    let count = all.len();
    if count == 0 {
        return;
    }
    let _ = write!(text, " {word}");
    for one in all.take(MOST) {
        let _ = write!(text, " {one}");
    }
    if count > MOST {
        let _ = write!(text, " and {} more", count - MOST);
    }
}

/// Returns an object for each network. The member `overlay` tells it from that of an interface.
pub(super) fn json(inventory: &Inventory) -> String {
    let mut text = String::new();
    for overlay in &inventory.overlays {
        let network = &overlay.network;
        let object = serde_json::json!({
            "v": 1,
            "overlay": network.name,
            "source": network.source.name(),
            "namespace": overlay.namespace,
            "form": overlay.form(),
            "vnis": network.vnis.iter().map(|vni| vni.value()).collect::<Vec<_>>(),
            "any_vni": network.any_vni,
            "port": overlay.port,
            "locals": network.locals,
            "nodes": network.peers.iter().map(|peer| peer.underlay).collect::<Vec<_>>(),
            "carriers": overlay.carriers.iter().map(|carrier| serde_json::json!({
                "node": carrier.node,
                "device": carrier.device,
            })).collect::<Vec<_>>(),
            "unreadable": overlay.unreadable,
        });
        text += &(ovlsniff::escape::json(&object) + "\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use ovlsniff::packet::{Form, Vni};
    use ovlsniff::verify::{Network, Peer, Source};

    use super::*;

    fn inventory() -> Inventory {
        let peer =
            |last: u8| Peer { underlay: [192, 0, 2, last].into(), overlay: Vec::new(), behind: Vec::new() };
        let vxlan = Network {
            name: "of\x1bfice".to_owned(),
            source: Source::Ours,
            form: Some(Form::Vxlan),
            vnis: Vni::new(4097).into_iter().collect(),
            locals: vec![[192, 0, 2, 1].into()],
            peers: (2..=12).map(peer).collect(),
            ..Network::default()
        };
        let geneve = Network {
            name: "meta0".to_owned(),
            source: Source::Device(Form::Geneve),
            form: Some(Form::Geneve),
            any_vni: true,
            ..Network::default()
        };
        let wireguard = Network {
            name: "wg0".to_owned(),
            source: Source::Device(Form::Routed),
            form: Some(Form::Routed),
            ..Network::default()
        };
        let overlays = vec![
            Overlay { network: vxlan, port: Some(4789), ..Overlay::default() },
            Overlay { network: geneve, namespace: Some("/run/netns/blue".to_owned()), ..Overlay::default() },
            Overlay { network: wireguard, unreadable: true, ..Overlay::default() },
        ];
        Inventory { overlays, engine_unread: Some("no answer within 2 s".to_owned()), ..Inventory::default() }
    }

    #[test]
    fn every_network_has_a_line() {
        let expected = "
overlays:
  of\\u{1b}fice  ovlsniff overlay       vxlan vni 4097 port 4789 local 192.0.2.1 nodes 192.0.2.2 192.0.2.3 192.0.2.4 \
            192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8 192.0.2.9 and 3 more
  meta0         geneve device in blue  geneve vni any (no node is known)
  wg0           wireguard device       wireguard: its peers are not shown to this user; run as root
Docker's networks: not known: no answer within 2 s
";
        assert_eq!(table(&inventory()), expected);
        assert_eq!(table(&Inventory::default()), "");
    }

    #[test]
    fn json_has_every_node_and_says_overlay() {
        let text = json(&inventory());
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["nodes"].as_array().map(Vec::len), Some(11));
        assert_eq!((&lines[1]["overlay"], &lines[1]["any_vni"]), (&"meta0".into(), &true.into()));
        assert_eq!(lines[2]["unreadable"], true);
        assert!(!text.contains('\x1b'));
    }
}
