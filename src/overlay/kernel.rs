//! The kernel: reading its state, doing steps and undoing them. Everything here needs `CAP_NET_ADMIN`.

mod read;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};

use super::cipher::Cipher;
use super::keys::{Association, KeyId, Secret};
use super::policy::vni_of_reqid;
use super::present::Present;
use super::security::{Sa, SaDirection};
use super::step::{Device, Step};
use super::xfrm;
use crate::escape::reason;
use crate::host::namespace::Namespace;
use crate::host::namespaces::names_of_others;
use crate::netlink::route::{address, forwarding, link, neighbour};
use crate::netlink::{Family, Netlink, Refusal};
use crate::packet::{Spi, Vni};
use read::{exempt, read_devices, udp_ports};

/// An error in reading the kernel, or a feature that it lacks.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// No netlink socket could be opened.
    #[error("netlink socket: {}{remedy}", reason(.cause))]
    Open {
        /// The system's reason.
        cause: std::io::Error,
        /// The remedy; empty if there is none.
        remedy: &'static str,
    },
    /// Reading from the kernel failed.
    #[error("read {what} from the kernel: {cause}{remedy}")]
    Read {
        /// The kind of object.
        what: &'static str,
        /// The kernel's reason.
        cause: Refusal,
        /// The remedy; empty if there is none.
        remedy: &'static str,
    },
    /// The kernel lacks a feature, or its module is not loaded.
    #[error("this kernel has no {what}: {cause}; {remedy}")]
    Lacks {
        /// The feature, in words.
        what: String,
        /// The kernel's answer.
        cause: Refusal,
        /// The remedy.
        remedy: &'static str,
    },
}

/// The netlink conversations with the kernel. Those of other network namespaces are opened when they are needed.
pub struct Kernel {
    host: Netlink,
    xfrm: Netlink,
    in_netns: BTreeMap<String, Netlink>,
    indexes: HashMap<Device, u32>,
}

impl Kernel {
    /// Opens the conversations of this process's network namespace.
    pub fn open() -> Result<Self, KernelError> {
        let open =
            |family, remedy| Netlink::open(family).map_err(|cause| KernelError::Open { cause, remedy });
        Ok(Self {
            host: open(Family::Route, "")?,
            xfrm: open(Family::Xfrm, "; is CONFIG_XFRM_USER there?")?,
            in_netns: BTreeMap::new(),
            indexes: HashMap::new(),
        })
    }

    /// Returns the number of netlink requests that were sent so far.
    pub fn messages(&self) -> u32 {
        self.host.sent() + self.xfrm.sent() + self.in_netns.values().map(Netlink::sent).sum::<u32>()
    }

    /// Reads the state of this host, and of the network namespaces in `/run/netns`.
    pub fn read(&mut self) -> Result<Present, KernelError> {
        let mut present = Present::default();
        let read = |what| move |cause: Refusal| KernelError::Read { what, remedy: rights(&cause), cause };
        read_devices(&mut self.host, None, &mut present)?;
        for netns in names_of_others() {
            // A namespace that vanished, or that this process may not enter, has no device of ours. But a namespace
            // whose reading was interrupted by changes may have one.
            let Ok(netlink) = self.route(Some(&netns)) else { continue };
            match read_devices(netlink, Some(&netns), &mut present) {
                Ok(()) => _ = present.netns.insert(netns),
                Err(KernelError::Read { what, cause, remedy }) if cause.errno == nix::libc::EINTR => {
                    return Err(KernelError::Read { what, cause, remedy });
                }
                Err(_) => {}
            }
        }
        let ours = |reqid| vni_of_reqid(reqid).is_some();
        present.sas = xfrm::sas(&mut self.xfrm, ours).map_err(read("security associations"))?;
        present.sas.retain(|sa| !sa.larval);
        (present.policies, present.foreign) =
            xfrm::policies(&mut self.xfrm, ours).map_err(read("policies"))?;
        present.udp_ports = udp_ports();
        present.exempt = exempt(&present);
        Ok(present)
    }

    /// Checks that this kernel has VXLAN.
    pub fn check_vxlan(&mut self) -> Result<(), KernelError> {
        link::has_vxlan(&mut self.host).map_err(|cause| KernelError::Lacks {
            what: "VXLAN (CONFIG_VXLAN)".into(),
            cause,
            remedy: "load its module: modprobe vxlan, or take a kernel that has it",
        })
    }

    /// Checks that this kernel has ESP for the address family with the cipher, by adding and removing an SA that
    /// nothing uses.
    pub fn check_esp(&mut self, local: IpAddr, cipher: Cipher) -> Result<(), KernelError> {
        let nobody =
            if local.is_ipv4() { IpAddr::from([127, 0, 0, 1]) } else { std::net::Ipv6Addr::LOCALHOST.into() };
        let vni = Vni::from_be_bytes([0; 3]);
        let association =
            Association { vni, sender: nobody, receiver: nobody, cipher, generation: 0, counter: 0 };
        let spi = Spi(0x6f76_0000 | std::process::id() & 0xffff);
        let sa =
            Sa { direction: SaDirection::In, association, spi, port: 1, reqid: super::policy::reqid(vni) };
        xfrm::probe(&mut self.xfrm, &sa).map_err(|cause| lacks_esp(local, cipher, cause))
    }

    /// Does one step. A step that needs a key derives it from the secret of its network.
    pub(super) fn perform(
        &mut self,
        step: &Step,
        secrets: &BTreeMap<Vni, (KeyId, Secret)>,
    ) -> Result<(), Refusal> {
        match step {
            Step::Remember { .. } => Ok(()),
            Step::Policy(policy) => xfrm::add_policy(&mut self.xfrm, policy).map_err(|refusal| {
                let taken =
                    "somebody else has one for the same; see: ip xfrm policy, and take another --port";
                if refusal.errno == nix::libc::EEXIST { refusal.saying(taken) } else { refusal }
            }),
            Step::MendPolicy(policy) => xfrm::replace_policy(&mut self.xfrm, policy),
            Step::Sa(sa) => {
                let (_, secret) = secrets.get(&sa.association.vni).ok_or_else(missing)?;
                xfrm::add_sa(&mut self.xfrm, sa, secret)
            }
            Step::Vxlan(vxlan) => {
                let netns = vxlan.device.netns.as_deref().map(Namespace::by_name).transpose()?;
                let (name, tunnel) = (&vxlan.device.name, vxlan.tunnel());
                let netns = netns.as_ref().map(|netns| netns.as_fd().as_raw_fd());
                link::add_vxlan(&mut self.host, name, &tunnel, vxlan.mac, vxlan.mtu, netns)
            }
            Step::Bridge { device, mac, mtu } => {
                link::add_bridge(self.route(device.netns.as_deref())?, &device.name, *mac, *mtu)
            }
            Step::Mark { device, alias } => self.on(device, |n, index| link::set_alias(n, index, alias)),
            Step::Mtu { device, mtu, .. } => self.on(device, |n, index| link::set_mtu(n, index, *mtu)),
            Step::Mac { device, mac, .. } => self.on(device, |n, index| link::set_mac(n, index, *mac)),
            Step::Port { device, bridge } => {
                let bridge = Device { name: bridge.clone(), netns: device.netns.clone() };
                let master = self.index(&bridge)?;
                self.on(device, |n, index| link::set_master(n, index, master))
            }
            Step::Address { device, address } => self.on(device, |n, index| address::add(n, index, *address)),
            Step::Fdb { device, mac, vtep, .. } => {
                self.on(device, |n, index| forwarding::add(n, index, *mac, *vtep))
            }
            Step::Neighbour { device, address, mac, .. } => {
                self.on(device, |n, index| neighbour::add(n, index, *address, *mac))
            }
            Step::Up { device } => self.on(device, link::set_up),
            Step::DropSa { destination, spi, .. } => xfrm::delete_sa(&mut self.xfrm, *destination, *spi),
            Step::DropAddress { device, address } => {
                self.on(device, |n, index| address::delete(n, index, *address))
            }
            Step::DropFdb { device, mac, vtep } => {
                self.on(device, |n, index| forwarding::delete(n, index, *mac, *vtep))
            }
            Step::DropNeighbour { device, address, mac } => {
                self.on(device, |n, index| neighbour::delete(n, index, *address, *mac))
            }
            Step::DropPolicy { policy, index } => {
                xfrm::delete_policy_by_index(&mut self.xfrm, policy.direction, *index)
            }
            Step::DropDevice { device } => {
                let index = self.index(device)?;
                self.indexes.remove(device);
                link::delete(self.route(device.netns.as_deref())?, index)
            }
        }
    }

    /// Undoes one step that was done. Marks, replaced policies and removals are not undone, except the removal of
    /// an address. The mark of a new device goes with the device. An object that is gone already counts as undone.
    pub(super) fn undo(&mut self, step: &Step) -> Result<(), Refusal> {
        let undone = match step {
            Step::Policy(policy) => xfrm::delete_policy(&mut self.xfrm, policy),
            Step::Sa(sa) => xfrm::delete_sa(&mut self.xfrm, sa.association.receiver, sa.spi),
            Step::Vxlan(vxlan) => {
                self.perform(&Step::DropDevice { device: vxlan.device.clone() }, &BTreeMap::new())
            }
            Step::Bridge { device, .. } => {
                self.perform(&Step::DropDevice { device: device.clone() }, &BTreeMap::new())
            }
            Step::Mtu { device, before, .. } => self.on(device, |n, index| link::set_mtu(n, index, *before)),
            Step::Mac { device, before, .. } => self.on(device, |n, index| link::set_mac(n, index, *before)),
            Step::Port { device, .. } => self.on(device, |n, index| link::set_master(n, index, 0)),
            Step::Address { device, address } => {
                self.on(device, |n, index| address::delete(n, index, *address))
            }
            Step::DropAddress { device, address } => {
                self.on(device, |n, index| address::add(n, index, *address))
            }
            Step::Fdb { device, mac, before: Some(before), .. } => {
                self.on(device, |n, index| forwarding::add(n, index, *mac, *before))
            }
            Step::Fdb { device, mac, vtep, .. } => {
                self.on(device, |n, index| forwarding::delete(n, index, *mac, *vtep))
            }
            Step::Neighbour { device, address, before: Some(before), .. } => {
                self.on(device, |n, index| neighbour::add(n, index, *address, *before))
            }
            Step::Neighbour { device, address, mac, .. } => {
                self.on(device, |n, index| neighbour::delete(n, index, *address, *mac))
            }
            Step::Up { device } => self.on(device, link::set_down),
            Step::Remember { .. }
            | Step::MendPolicy(_)
            | Step::Mark { .. }
            | Step::DropSa { .. }
            | Step::DropFdb { .. }
            | Step::DropNeighbour { .. }
            | Step::DropPolicy { .. }
            | Step::DropDevice { .. } => Ok(()),
        };
        undone.or_else(|refusal| if refusal.is_absent() { Ok(()) } else { Err(refusal) })
    }

    fn on(
        &mut self,
        device: &Device,
        act: impl FnOnce(&mut Netlink, u32) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let index = self.index(device)?;
        act(self.route(device.netns.as_deref())?, index)
    }

    fn index(&mut self, device: &Device) -> Result<u32, Refusal> {
        if let Some(index) = self.indexes.get(device) {
            return Ok(*index);
        }
        let index = link::index_of(self.route(device.netns.as_deref())?, &device.name)?;
        self.indexes.insert(device.clone(), index);
        Ok(index)
    }

    fn route(&mut self, netns: Option<&str>) -> Result<&mut Netlink, Refusal> {
        use std::collections::btree_map::Entry;
        let Some(netns) = netns else { return Ok(&mut self.host) };
        match self.in_netns.entry(netns.to_owned()) {
            Entry::Occupied(open) => Ok(open.into_mut()),
            Entry::Vacant(place) => {
                let namespace = Namespace::by_name(netns)?;
                let opened = namespace.visit(|| Netlink::open(Family::Route))?;
                Ok(place.insert(opened?))
            }
        }
    }
}

fn missing() -> Refusal {
    Refusal { errno: nix::libc::ENOKEY, said: None }
}

fn rights(refusal: &Refusal) -> &'static str {
    if refusal.errno == nix::libc::EPERM { "; run as root (it needs CAP_NET_ADMIN)" } else { "" }
}

fn lacks_esp(local: IpAddr, cipher: Cipher, cause: Refusal) -> KernelError {
    use nix::libc::{ENOENT, ENOSYS, EPERM, EPROTONOSUPPORT};
    let family =
        if local.is_ipv4() { "ESP for IPv4 (CONFIG_INET_ESP)" } else { "ESP for IPv6 (CONFIG_INET6_ESP)" };
    match cause.errno {
        EPERM => KernelError::Read { what: "whether it has ESP", remedy: rights(&cause), cause },
        // The kernel says ENOSYS for an unknown algorithm, and ENOENT for one of which a part cannot be loaded.
        ENOSYS | ENOENT => KernelError::Lacks {
            what: format!("{family} with {cipher} ({})", cipher.kernel_name()),
            cause,
            remedy: "load the modules: modprobe -a esp4 esp6 gcm seqiv chacha20poly1305, or take a kernel that has them",
        },
        EPROTONOSUPPORT => KernelError::Lacks {
            what: family.into(),
            cause,
            remedy: "load the modules: modprobe -a esp4 esp6, or take a kernel that has them",
        },
        _ => KernelError::Lacks {
            what: format!("working {family} with {cipher}"),
            cause,
            remedy: "see the kernel's log: dmesg",
        },
    }
}
