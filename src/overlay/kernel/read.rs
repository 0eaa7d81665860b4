//! Reads devices, ports and settings from the kernel, and puts them together for a plan.

use std::collections::{BTreeSet, HashMap};
use std::fs;

use super::{KernelError, rights};
use crate::host::exemption::{Exemption, exemptions};
use crate::netlink::route::{Link, Vtep, address, forwarding, link, neighbour};
use crate::netlink::{Netlink, Refusal};
use crate::overlay::mark::Mark;
use crate::overlay::naming::is_device_name;
use crate::overlay::plan::mac_of;
use crate::overlay::present::{Present, PresentDevice, PresentVxlan};
use crate::overlay::step::Device;
use crate::packet::{Form, Vni};

/// Reads the links, addresses, forwarding entries and neighbours of one network namespace.
pub(super) fn read_devices(
    netlink: &mut Netlink,
    netns: Option<&str>,
    present: &mut Present,
) -> Result<(), KernelError> {
    let read = |what| move |cause: Refusal| KernelError::Read { what, remedy: rights(&cause), cause };
    let links = link::all(netlink).map_err(read("links"))?;
    let names: HashMap<u32, String> = links.iter().map(|link| (link.index, link.name.clone())).collect();
    let here = |vxlan: &Vtep| match netns {
        None => !vxlan.foreign_socket,
        // In another namespace, a device can only be ours if its socket is elsewhere, and if its underlay address,
        // where it has one, is this host's.
        Some(_) => vxlan.foreign_socket && vxlan.local.is_none_or(|local| present.own.contains_key(&local)),
    };
    let device = |link: Link| (link.index, device(link, here, &names));
    let mut devices: HashMap<u32, PresentDevice> = links.into_iter().map(device).collect();
    for (index, address) in address::all(netlink).map_err(read("addresses"))? {
        let Some(device) = devices.get_mut(&index) else { continue };
        if netns.is_none() {
            present.own.insert(address.address(), (device.mtu, names[&index].clone()));
        }
        device.addresses.insert(address);
    }
    for entry in forwarding::all(netlink).map_err(read("forwarding entries"))? {
        let (Some(mac), Some(vtep), true) = (entry.mac, entry.vtep, entry.permanent) else { continue };
        devices.entry(entry.link).and_modify(|device| _ = device.fdb.insert((mac, vtep)));
    }
    for neighbour in neighbour::all(netlink).map_err(read("neighbours"))? {
        if neighbour.permanent {
            let entry = (neighbour.address, neighbour.mac);
            devices.entry(neighbour.link).and_modify(|device| _ = device.neighbours.insert(entry));
        }
    }
    for (index, device) in devices {
        let place = Device { name: names[&index].clone(), netns: netns.map(str::to_owned) };
        present.devices.insert(place, device);
    }
    Ok(())
}

/// Makes the device that a plan compares with. If its tunnel's socket is in another namespace, as `here` tells, the
/// device has no tunnel here.
fn device(link: Link, here: impl Fn(&Vtep) -> bool, names: &HashMap<u32, String>) -> PresentDevice {
    let vxlan = link.vtep.filter(|vtep| vtep.form == Form::Vxlan).filter(here).map(|vxlan| PresentVxlan {
        // A device that takes all networks has no VNI, and gets 0.
        vni: vxlan.vni.unwrap_or(Vni::from_be_bytes([0; 3])),
        port: vxlan.port,
        local: vxlan.local,
        learning: vxlan.learning,
        proxy: vxlan.proxy,
    });
    let alias = link.alias.unwrap_or_default();
    let mut mark = Mark::parse(&alias);
    let unmarked = mark.is_none() && alias.is_empty();
    // If a process was killed after it made the device and before it marked it, only the MAC tells that it is ours.
    if let Some(PresentVxlan { vni, local: Some(local), .. }) = vxlan.as_ref().filter(|_| unmarked) {
        if link.mac == Some(mac_of(*vni, *local)) && is_device_name(&link.name) {
            mark = Some(Mark::Network { name: link.name, vni: *vni, address: None, encryption: None });
        }
    }
    PresentDevice {
        unmarked: unmarked && mark.is_some(),
        mac: link.mac,
        mark,
        mtu: link.mtu,
        up: link.up,
        bridge: link.kind.as_deref() == Some("bridge"),
        master: link.master.and_then(|master| names.get(&master).cloned()),
        vxlan,
        ..PresentDevice::default()
    }
}

/// Returns the settings that switch policies off, of the links with an address of this host and of `all`. Devices
/// of ours are left out, because they carry no underlay.
pub(super) fn exempt(present: &Present) -> Vec<Exemption> {
    let ours = |name: &String| {
        let place = Device { name: name.clone(), netns: None };
        present.devices.get(&place).is_some_and(|device| device.mark.is_some())
    };
    let links: BTreeSet<String> = present.own.values().map(|(_, link)| link.clone()).collect();
    exemptions(links.iter().filter(|link| *link != "lo" && !ours(link)).map(String::as_str))
}

/// Returns the UDP ports in use. `/proc/net/udp` and `/proc/net/udp6` have them in the second column, behind the
/// local address, in hexadecimal. They list the kernel's own sockets as well.
pub(super) fn udp_ports() -> BTreeSet<u16> {
    let mut ports = BTreeSet::new();
    for file in ["/proc/net/udp", "/proc/net/udp6"] {
        for line in fs::read_to_string(file).unwrap_or_default().lines().skip(1) {
            let port = line.split_whitespace().nth(1).and_then(|local| local.rsplit(':').next());
            ports.extend(port.and_then(|port| u16::from_str_radix(port, 16).ok()));
        }
    }
    ports
}
