//! Questions to a stand-in for the Docker engine, which answers as each test wants.

use std::net::IpAddr;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use ovlsniff::host::docker::{Swarm, SwarmNetwork, swarm_at};
use ovlsniff::packet::Vni;

use crate::docker::{VERSION, engine};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn engine_tells_the_data_path_and_the_networks_by_their_vnis() {
    let info = r#"{"ID":"x","Swarm":{"NodeID":"n","NodeAddr":"192.0.2.1","LocalNodeState":"active",
        "ControlAvailable":true,"Error":"","RemoteManagers":[],"Cluster":{"ID":"c","DataPathPort":4790}}}"#;
    let networks = r#"[
        {"Name":"insecure","Driver":"overlay","Options":{"com.docker.network.driver.overlay.vxlanid_list":"4097,4101"}},
        {"Name":"fresh","Driver":"overlay","Options":null},
        {"Name":"bridge","Driver":"bridge","Options":{}}]"#;
    let (_place, path) = engine(&[VERSION, ("/info", info), ("/networks", networks)]);
    let expected = Swarm {
        address: ip("192.0.2.1"),
        networks: vec![
            SwarmNetwork {
                name: "insecure".to_owned(),
                vnis: vec![Vni::new(4097).unwrap(), Vni::new(4101).unwrap()],
            },
            SwarmNetwork { name: "fresh".to_owned(), vnis: Vec::new() },
        ],
    };
    // The engine is given half a second, which may be too little on a busy machine.
    assert_eq!((0..100).find_map(|_| swarm_at(&path)), Some(expected));
}

#[test]
fn engine_without_a_swarm_is_none() {
    let info = r#"{"ID":"x","Swarm":{"NodeID":"","NodeAddr":"","LocalNodeState":"inactive","ControlAvailable":false}}"#;
    let (_place, path) = engine(&[VERSION, ("/info", info)]);
    assert_eq!(swarm_at(&path), None);
}

#[test]
fn engine_that_talks_nonsense_or_is_missing_is_none() {
    let (_place, path) = engine(&[VERSION, ("/info", "\u{1b}[2J not json")]);
    assert_eq!(swarm_at(&path), None);
    assert_eq!(swarm_at("/nonexistent/docker.sock"), None);
}

#[test]
fn engine_that_does_not_answer_is_given_half_a_second() {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let start = Instant::now();
    assert_eq!(swarm_at(socket.to_str().unwrap()), None);
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(500) && took < Duration::from_secs(60), "{took:?}");
}
