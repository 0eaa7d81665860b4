//! The paths that an engine may be asked for, and the parts of the answers that are told: those that the program reads, in
//! `host::docker`, its `names`, and `verify::docker`.

use crate::host::docker::VNIS;
use crate::host::docker::engine::Shape::{self, Every, Kind, List, Members, Options, Value};
use crate::host::docker::engine::Told;

/// The paths that may be asked for without a version.
pub(super) const WITHOUT_VERSION: [(&str, Told); 2] = [
    ("_ping", Told::Parts(Kind)),
    ("version", Told::Parts(Members(&[("ApiVersion", Value), ("MinAPIVersion", Value)]))),
];

/// The paths that may be asked for, behind the version. A `*` stands for a name or an identifier.
pub(super) const PATHS: [(&str, Told); 9] = [
    ("_ping", Told::Parts(Kind)),
    ("containers/*/json", Told::Parts(Members(&[("NetworkSettings", Members(&[("SandboxKey", Value)]))]))),
    ("containers/json", Told::Parts(List(&CONTAINER))),
    ("events", Told::Events),
    ("info", Told::Parts(Members(&[("Swarm", Members(&[("NodeAddr", Value)]))]))),
    ("networks", Told::Parts(List(&NETWORK))),
    ("networks/*", Told::Parts(NETWORK)),
    ("services", Told::Parts(List(&SERVICE))),
    ("tasks", Told::Parts(List(&TASK))),
];

const CONTAINER: Shape =
    Members(&[("Names", List(&Value)), ("NetworkSettings", Members(&[("Networks", Every(&ENDPOINT))]))]);

const ENDPOINT: Shape = Members(&[
    ("NetworkID", Value),
    ("IPAddress", Value),
    ("GlobalIPv6Address", Value),
    ("MacAddress", Value),
]);

const NETWORK: Shape = Members(&[
    ("Name", Value),
    ("Id", Value),
    ("Driver", Value),
    // The names of the others show if one is misspelt.
    ("Options", Options(VNIS)),
    ("Peers", List(&Members(&[("IP", Value)]))),
    ("Containers", Every(&MEMBER)),
    ("Services", Every(&REACHED)),
]);

const MEMBER: Shape =
    Members(&[("Name", Value), ("MacAddress", Value), ("IPv4Address", Value), ("IPv6Address", Value)]);

const REACHED: Shape =
    Members(&[("VIP", Value), ("Tasks", List(&Members(&[("Name", Value), ("EndpointIP", Value)])))]);

const SERVICE: Shape = Members(&[
    ("ID", Value),
    ("Spec", Members(&[("Name", Value)])),
    ("Endpoint", Members(&[("VirtualIPs", List(&Members(&[("NetworkID", Value), ("Addr", Value)])))])),
]);

const TASK: Shape = Members(&[
    ("ServiceID", Value),
    ("Slot", Value),
    ("Status", Members(&[("State", Value)])),
    (
        "NetworksAttachments",
        List(&Members(&[("Network", Members(&[("ID", Value)])), ("Addresses", List(&Value))])),
    ),
]);
