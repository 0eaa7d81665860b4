//! This machine, as its kernel and its Docker engine describe it: links, routes, network namespaces, Docker networks,
//! and the privileges of this process.
//!
//! A [`survey::Survey`] is one reading of a network namespace: its links and addresses, the peers of its VXLAN devices,
//! the routes to them, and the source addresses of the SAs. It is a plain value, so everything that follows from it is
//! a pure function that tests can call. [`auto`] chooses the interfaces to capture on, and [`wires`] follows a
//! link down to the links whose wires its packets are on, and tells what a frame on a link proves.
//!
//! [`changes`] follows what comes and goes between two surveys.
//!
//! [`namespace`] enters another network namespace and comes back, and [`namespaces`] looks through all of them.
//! [`tunnels`] finds the UDP ports that the kernel's tunnels take, those of devices in other namespaces too.
//! [`exemption`] reads the settings by which packets pass without any policy.
//! [`docker`] asks the engine for the overlay networks of its swarm, over the engine's Unix socket, and
//! [`docker::names`] for everything that has a name and an address. [`privileges`]
//! gives root up before the first hostile byte is decoded, and [`descriptors`] closes what the program was started with.
//!
//! Only the list of links and addresses has to succeed. A host without Docker or XFRM, or a user without privileges,
//! gets a smaller answer and no error.
//!
//! # What surprised us
//!
//! - The device of a tunnel, of a VRF or of MACsec shows frames before they are encrypted. The wire is further below,
//!   and the link below may be such a device again.
//! - The kernel's answer to a question for a route names one link. Routes with several next hops, and tables that only
//!   a rule leads to, may send packets by other links. A survey keeps those routes as detours.
//! - In an EVPN fabric the address of a VTEP is on the loopback, where no packet passes. So the routes to the peers are
//!   asked for, not only the owner of the address.
//! - Docker creates a VXLAN device on the host and moves it into a sandbox. The link index of its underlay then belongs
//!   to the host's namespace, and says nothing about the links beside the device. `ip netns` does not list sandboxes.
//! - A Geneve device that was moved does not say that its socket stayed behind, and neither does WireGuard's. The list of
//!   UDP sockets tells: the kernel's own are in it.
//! - Namespaces and capabilities belong to a thread, not to the process. A thread that visits a namespace must start no
//!   threads there, and root must be given up while one thread is running.
//! - Root in a user namespace may be the only user there (`unshare -r`, rootless containers). It cannot become another
//!   user, so it drops its capabilities only.
//! - A program that listens at Docker's socket need not be an engine, and an engine may hang. Hence one limit of time
//!   for the whole conversation, and one of length for each answer.
//! - A socket that was opened by root can be used after root was left. Engines close connections that are idle, though.
//! - Addresses of overlay networks say nothing without their VNI: Docker takes them from 10.0.0.0/8, as many a wire does.

mod associations;
pub mod auto;
pub mod changes;
pub mod descriptors;
pub mod docker;
pub mod exemption;
pub mod fence;
pub mod namespace;
pub mod namespaces;
pub mod privileges;
pub mod survey;
pub mod tunnels;
pub mod wires;
