use super::*;

fn all() -> Vec<Request<'static>> {
    let path = Path::new("/run/netns/a");
    let mut all = vec![
        Request::Netlink(6),
        Request::Send(b"message"),
        Request::Send(b""),
        Request::Subscribe(0, vec![]),
        Request::Subscribe(6, vec![4, 0xffff_ffff]),
        Request::Capture(32 << 20, vec![1, 2, 70_000]),
        Request::Capture(0, vec![]),
        Request::Probe(Internet::V4, Some("vxlan0")),
        Request::Probe(Internet::V6, None),
        Request::Source("192.0.2.1".parse().unwrap(), 4789),
        Request::Source("2001:db8::1".parse().unwrap(), 0),
        Request::Namespace(path),
        Request::Enter,
        Request::Named,
        Request::Namespaces,
        Request::Read(path),
        Request::Exists(path),
        Request::Engine(path),
        Request::Deliver(path),
        Request::Keep(path),
        Request::Forget(path),
        Request::Ask(6, b"message"),
        Request::Ask(255, b""),
    ];
    all.extend(Tool::ALL.map(Request::Run));
    all
}

#[test]
fn every_request_is_read_as_it_was_written() {
    for request in all() {
        assert_eq!(Request::decode(&request.encode()), Some(request));
    }
}

#[test]
fn a_kind_that_is_not_known_is_refused() {
    for kind in 18..=u8::MAX {
        for rest in [&b""[..], b"\0", b"/run/netns/a"] {
            assert_eq!(Request::decode(&[&[kind], rest].concat()), None, "{kind}");
        }
    }
    assert_eq!(Request::decode(b""), None);
}

#[test]
fn bytes_behind_a_request_of_a_fixed_length_are_refused() {
    for request in
        [Request::Netlink(6), Request::Enter, Request::Named, Request::Namespaces, Request::Run(Tool::Nft)]
    {
        let bytes = request.encode();
        assert_eq!(Request::decode(&[&bytes[..], b"\0"].concat()), None, "{request:?}");
        assert_eq!(Request::decode(&bytes[..bytes.len() - 1]).filter(|read| *read == request), None);
    }
}

#[test]
fn lists_that_are_cut_off_or_too_long_are_refused() {
    let groups = |count| Request::Subscribe(0, vec![1; count]).encode();
    assert!(Request::decode(&groups(MOST_GROUPS)).is_some());
    assert_eq!(Request::decode(&groups(MOST_GROUPS + 1)), None);
    let links = |count| Request::Capture(1, vec![1; count]).encode();
    assert!(Request::decode(&links(MOST_LINKS)).is_some());
    assert_eq!(Request::decode(&links(MOST_LINKS + 1)), None);
    assert_eq!(Request::decode(&links(2)[..11]), None);
    assert_eq!(Request::decode(&[3, 0, 0, 0]), None);
}

#[test]
fn names_and_paths_that_the_kernel_would_cut_are_refused() {
    let probe = |name: &[u8]| Request::decode(&[&[4, 4], name].concat()).is_some();
    assert!(probe(b"fifteen-letters"));
    for wrong in [&b"sixteen--letters"[..], b"eth0\0", b"../eth0", b"\xff"] {
        assert!(!probe(wrong), "{wrong:?}");
    }
    assert_eq!(Request::decode(&[4, 5, b'a']), None);
    for kind in [6, 10, 11, 13, 14, 15, 16] {
        let of = |path: &[u8]| Request::decode(&[&[kind], path].concat()).is_some();
        assert!(of(b"/a") && of(&[b'a'; LONGEST_PATH]));
        assert!(!of(b"") && !of(b"/a\0b") && !of(&[b'a'; LONGEST_PATH + 1]));
    }
}

#[test]
fn an_address_has_four_or_sixteen_bytes() {
    for len in 0..32 {
        let bytes = [&[5, 0, 0][..], &vec![1; len]].concat();
        assert_eq!(Request::decode(&bytes).is_some(), len == 4 || len == 16, "{len}");
    }
    assert_eq!(Request::decode(&[5, 0]), None);
}

#[test]
fn a_tool_is_one_of_the_list() {
    for number in 0..=u8::MAX {
        assert_eq!(Request::decode(&[12, number]).is_some(), usize::from(number) < Tool::ALL.len());
    }
}
