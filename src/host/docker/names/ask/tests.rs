use super::*;
use crate::packet::{Ip, Packet, Tunnel, Vni};

fn draft(networks: &[(&str, &str, u32)]) -> Draft {
    let mut draft = Draft::default();
    for &(id, driver, vni) in networks {
        draft.network(Some(id), Some(id), driver, Vni::new(vni).filter(|_| vni > 0).as_slice());
    }
    draft
}

/// Reads an answer of which a keeper has told what is read of it, and no more.
fn read<T: DeserializeOwned>(path: &str, answer: &str) -> T {
    serde_json::from_str(&crate::keeping::told(path, answer)).unwrap()
}

fn add_container(draft: &mut Draft, json: &str) {
    let containers: Few<Container, MOST> = read("/v1.41/containers/json", &format!("[{json}]"));
    containers.0[0].add_to(draft);
}

/// Returns the name of an address in the overlay network with VNI 4097.
fn inside(table: &Table, address: &str) -> Option<String> {
    let address: IpAddr = address.parse().unwrap();
    let ip = Ip { source: address, destination: address, protocol: 6, fragment: None };
    let mut packet = Packet::default();
    packet.headers.ip = Some(ip);
    let tunnel = Tunnel::Vxlan(Vni::new(4097).unwrap());
    packet.encapsulations.push(crate::packet::Encapsulation { tunnel, outer: packet.headers });
    table.ends(&packet, 0).source.map(str::to_owned)
}

fn local(table: &Table, address: &str) -> Option<String> {
    table.local(address.parse().unwrap()).map(str::to_owned)
}

#[test]
fn a_container_has_its_name_in_each_of_its_networks() {
    let mut draft = draft(&[("o", "overlay", 4097), ("b", "bridge", 0)]);
    add_container(
        &mut draft,
        r#"{"Id":"aa","Names":["/other/alias","/web.1.tgy7xcuab6l3vd5dfwmx1vnqs"],"State":"running","NetworkSettings":{"Networks":{
            "insecure":{"NetworkID":"o","IPAddress":"10.0.1.6","GlobalIPv6Address":"fd00::6","MacAddress":"02:42:0a:00:01:06"},
            "b":{"NetworkID":"","IPAddress":"172.17.0.2","GlobalIPv6Address":""},
            "host":{"NetworkID":"h","IPAddress":""}, "none":null}}}"#,
    );
    let table = draft.finish();
    assert_eq!(inside(&table, "10.0.1.6").as_deref(), Some("web.1"));
    assert_eq!(inside(&table, "fd00::6").as_deref(), Some("web.1"));
    assert_eq!(local(&table, "172.17.0.2").as_deref(), Some("web.1"));
}

#[test]
fn what_podman_leaves_out_is_no_error() {
    let mut draft = draft(&[("podman", "bridge", 0)]);
    for json in [
        "{}",
        r#"{"Names":null,"NetworkSettings":null}"#,
        r#"{"Names":[],"NetworkSettings":{"Networks":null}}"#,
        r#"{"Names":["/a"],"NetworkSettings":{}}"#,
        r#"{"Names":["/a"],"NetworkSettings":{"Networks":{"podman":{}}}}"#,
        // Podman has the name of a network for its identifier.
        r#"{"Names":["db"],"NetworkSettings":{"Networks":{"podman":{"NetworkID":"podman","IPAddress":"10.88.0.2"}}}}"#,
    ] {
        add_container(&mut draft, json);
    }
    let table = draft.finish();
    assert_eq!(local(&table, "10.88.0.2").as_deref(), Some("db"));
}

#[test]
fn a_network_tells_its_containers_its_services_and_the_tasks_on_other_nodes() {
    let mut draft = draft(&[("o", "overlay", 4097)]);
    let detail: Detail = read(
        "/v1.41/networks/o?verbose=true",
        r#"{"Name":"insecure","Id":"o","Containers":{
              "aa":{"Name":"c","MacAddress":"02:42:0a:00:01:04","IPv4Address":"10.0.1.4/24","IPv6Address":"fd00::4/64"},
              "lb-insecure":{"Name":"insecure-endpoint","IPv4Address":"10.0.1.5/24","IPv6Address":""},"x":null},
            "Services":{
              "":{"VIP":"<nil>","Ports":[],"Tasks":[{"Name":"d","EndpointIP":"10.0.1.8","Info":null}]},
              "web":{"VIP":"10.0.1.2","Ports":["Target: 80"],"LocalLBIndex":257,"Tasks":[
                {"Name":"web.1.tgy7xcuab6l3vd5dfwmx1vnqs","EndpointIP":"10.0.1.6","Info":{"Host IP":"192.0.2.1"}},
                {"Name":null,"EndpointIP":"10.0.1.7"}]},
              "gone":null}}"#,
    );
    detail.add_to(&mut draft, "o");
    let table = draft.finish();
    for (address, name) in [
        ("10.0.1.4", Some("c")),
        ("fd00::4", Some("c")),
        ("10.0.1.5", Some("insecure-endpoint")),
        ("10.0.1.2", Some("web")),
        ("10.0.1.6", Some("web.1")),
        ("10.0.1.7", None),
        ("10.0.1.8", Some("d")),
    ] {
        assert_eq!(inside(&table, address).as_deref(), name, "{address}");
    }
}

#[test]
fn a_manager_tells_the_addresses_of_services_and_of_running_tasks() {
    let mut draft = draft(&[("o", "overlay", 4097)]);
    let services: Few<Service, MOST> = read(
        "/v1.41/services",
        r#"[{"ID":"s1","Spec":{"Name":"web"},"Endpoint":{"VirtualIPs":[{"NetworkID":"o","Addr":"10.0.1.2/24"},
              {"NetworkID":"unknown","Addr":"10.0.1.3/24"},{"NetworkID":"o"}]}},
            {"ID":"s2","Spec":{"Name":"agent"},"Endpoint":{}},{"ID":"s3","Spec":{}},{}]"#,
    );
    let tasks: Few<Task, MOST> = read(
        "/v1.41/tasks",
        r#"[{"ServiceID":"s1","Slot":2,"Status":{"State":"running"},
              "NetworksAttachments":[{"Network":{"ID":"o"},"Addresses":["10.0.1.6/24"]}]},
            {"ServiceID":"s1","Slot":1,"Status":{"State":"complete"},
              "NetworksAttachments":[{"Network":{"ID":"o"},"Addresses":["10.0.1.7/24"]}]},
            {"ServiceID":"s2","Status":{"State":"starting"},
              "NetworksAttachments":[{"Network":{"ID":"o"},"Addresses":["10.0.1.8/24","none"]},{},{"Addresses":null}]},
            {"ServiceID":"s9","Slot":1,"Status":{"State":"running"},
              "NetworksAttachments":[{"Network":{"ID":"o"},"Addresses":["10.0.1.9/24"]}]},
            {"Status":null,"NetworksAttachments":null}]"#,
    );
    add_services(&mut draft, &services.0, &tasks.0);
    let table = draft.finish();
    let names = ["10.0.1.2", "10.0.1.3", "10.0.1.6", "10.0.1.7", "10.0.1.8", "10.0.1.9"];
    let names = names.map(|address| inside(&table, address));
    let expected = [Some("web"), None, Some("web.2"), None, Some("agent"), None];
    assert_eq!(names.each_ref().map(Option::as_deref), expected);
}

#[test]
fn ethernet_addresses_are_six_bytes() {
    assert_eq!(mac_address("02:42:0a:00:01:06"), Some(MacAddress([2, 0x42, 10, 0, 1, 6])));
    for wrong in ["", "02:42:0a:00:01", "02:42:0a:00:01:06:07", "02:42:0a:00:01:gg", "02:42:0a:00:01:100"] {
        assert_eq!(mac_address(wrong), None, "{wrong}");
    }
}
