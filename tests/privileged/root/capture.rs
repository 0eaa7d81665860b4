//! Live capture on the real kernel.

use std::io::Write;
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ovlsniff::capture::Batch;
use ovlsniff::capture::live::{CaptureOptions, Device, Error, Event, Frames, Live};
use ovlsniff::packet::{Direction, Frame, LinkType};

use super::hosts::Hosts;
use super::promptness::assert_prompt;
use crate::run::{PATIENCE, until};

/// Returns the options to capture on the first host.
fn options(hosts: &Hosts) -> CaptureOptions<'_> {
    CaptureOptions { namespace: Some(&hosts.a.namespace), ..CaptureOptions::default() }
}

fn open(devices: &[&str], options: &CaptureOptions<'_>) -> Live {
    let devices: Vec<Device> = devices.iter().copied().map(Device::new).collect();
    Live::open(&devices, options).unwrap()
}

/// Sends datagrams from the first host to the second.
fn there(hosts: &Hosts, payload: &[u8], count: u32) {
    hosts.a.send("192.0.2.2", 4243, payload, count);
}

/// Sends datagrams from the second host to the first.
fn back(hosts: &Hosts, payload: &[u8], count: u32) {
    hosts.b.send("192.0.2.1", 4243, payload, count);
}

/// A captured frame, or the parts of it that the tests look at.
#[derive(Debug)]
struct Kept {
    number: u64,
    nanos: i64,
    interface: u32,
    direction: Option<Direction>,
    link: LinkType,
    wire_len: u32,
    bytes: Vec<u8>,
}

/// Collects frames that contain `needle`, until there are `count` of them or the time `most` is over.
fn collect(live: &mut Live, needle: &[u8], count: usize, most: Duration) -> Result<Vec<Kept>, Error> {
    let end = Instant::now() + most;
    let mut kept = Vec::new();
    while kept.len() < count {
        match live.next(Some(end))? {
            Event::Frame(frame) if memmem(frame.bytes, needle) => kept.push(keep(&frame)),
            Event::Deadline => break,
            _ => {}
        }
    }
    Ok(kept)
}

/// Collects frames that contain `needle`, until one contains `last`.
fn collect_until(live: &mut Live, needle: &[u8], last: &[u8]) -> Vec<Kept> {
    let end = Instant::now() + PATIENCE;
    let mut kept = Vec::new();
    loop {
        match live.next(Some(end)).unwrap() {
            Event::Frame(frame) if memmem(frame.bytes, last) => return kept,
            Event::Frame(frame) if memmem(frame.bytes, needle) => kept.push(keep(&frame)),
            Event::Deadline => panic!("the last one did not come: {kept:?}"),
            _ => {}
        }
    }
}

/// Waits until the kernel has put this many frames into the rings, and a little longer, until they can be read there.
fn wait_for_frames(live: &mut Live, count: u64) {
    until("frames in the rings", || live.statistics().received >= count);
    sleep(Duration::from_millis(20));
}

fn keep(frame: &Frame<'_>) -> Kept {
    Kept {
        number: frame.number,
        nanos: frame.time.nanos,
        interface: frame.interface.0,
        direction: frame.direction,
        link: frame.link,
        wire_len: frame.wire_len,
        bytes: frame.bytes.to_vec(),
    }
}

fn memmem(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|at| at == needle)
}

#[test]
#[ignore = "needs root"]
fn frames_arrive_with_number_time_and_link_type() {
    let hosts = Hosts::new();
    let mut live = open(&["eth0"], &options(&hosts));
    there(&hosts, b"canary-frames", 3);
    let kept = collect(&mut live, b"canary-frames", 3, PATIENCE).unwrap();
    assert_eq!(kept.len(), 3);
    assert!(kept.windows(2).all(|two| two[0].number < two[1].number && two[0].nanos <= two[1].nanos));
    assert!(kept.iter().all(|k| k.link == LinkType::ETHERNET && k.interface == 0 && k.direction.is_none()));
    assert_eq!(kept[0].bytes[12..14], [0x08, 0x00]);
    let statistics = live.statistics();
    assert!(statistics.received >= 3 && statistics.dropped_kernel == 0, "{statistics:?}");
}

#[test]
#[ignore = "needs root"]
fn directed_capture_knows_the_way_of_every_frame_and_their_order() {
    let hosts = Hosts::new();
    let mut live = open(&["eth0"], &CaptureOptions { directed: true, ..options(&hosts) });
    for sent in 1..=20 {
        there(&hosts, b"canary-there", 1);
        back(&hosts, b"canary-back", 1);
        // The kernel may be late with frames that arrive, so wait for each pair. At the end all frames are in the rings
        // before the first is taken.
        wait_for_frames(&mut live, 2 * sent);
    }
    let kept = collect(&mut live, b"canary-", 40, PATIENCE).unwrap();
    let ways: Vec<_> = kept.iter().map(|k| k.direction.unwrap()).collect();
    let expected: Vec<_> = (0..40).map(|i| if i % 2 == 0 { Direction::Out } else { Direction::In }).collect();
    assert_eq!(ways, expected);
    let went = |k: &Kept| memmem(&k.bytes, b"canary-there");
    assert!(kept.iter().all(|k| (k.direction == Some(Direction::Out)) == went(k)));
}

#[test]
#[ignore = "needs root"]
fn only_the_asked_direction_comes() {
    let hosts = Hosts::new();
    let mut live = open(&["eth0"], &CaptureOptions { direction: Some(Direction::In), ..options(&hosts) });
    there(&hosts, b"canary-there", 5);
    back(&hosts, b"canary-back", 5);
    back(&hosts, b"the last", 1);
    let kept = collect_until(&mut live, b"canary-", b"the last");
    assert_eq!(kept.len(), 5);
    assert!(kept.iter().all(|k| k.direction == Some(Direction::In)));
}

#[test]
#[ignore = "needs root"]
fn loopback_in_directed_mode_shows_each_frame_once() {
    let hosts = Hosts::new();
    let mut live = open(&["lo"], &CaptureOptions { directed: true, ..options(&hosts) });
    hosts.a.send("127.0.0.1", 4243, b"canary-loop", 4);
    hosts.a.send("127.0.0.1", 4243, b"the last", 1);
    let kept = collect_until(&mut live, b"canary-loop", b"the last");
    assert_eq!(kept.len(), 4);
}

#[test]
#[ignore = "needs root"]
fn any_is_cooked_version_two() {
    let hosts = Hosts::new();
    let mut live = open(&["any"], &CaptureOptions { directed: true, ..options(&hosts) });
    assert_eq!(live.interfaces()[0].link, LinkType::LINUX_SLL2);
    there(&hosts, b"canary-any", 1);
    let kept = collect(&mut live, b"canary-any", 1, PATIENCE).unwrap();
    assert_eq!((kept[0].link, kept[0].direction), (LinkType::LINUX_SLL2, None));
    // An SLL2 header begins with the protocol, and has the packet type at byte 10; 4 is PACKET_OUTGOING.
    assert_eq!((&kept[0].bytes[..2], kept[0].bytes[10]), (&[0x08, 0x00][..], 4));
}

#[test]
#[ignore = "needs root"]
fn quiet_wire_is_heard_within_ten_milliseconds() {
    let hosts = Hosts::new();
    let socket = hosts.b.run(|| UdpSocket::bind("0.0.0.0:4244")).unwrap();
    let by_socket = || {
        sleep(Duration::from_millis(7));
        let sent = Instant::now();
        hosts.a.send("192.0.2.2", 4244, b"canary-socket", 1);
        socket.recv(&mut [0; 64]).unwrap();
        sent.elapsed()
    };
    for directed in [false, true] {
        let mut live = open(&["eth0"], &CaptureOptions { directed, ..options(&hosts) });
        let by_capture = || {
            sleep(Duration::from_millis(7));
            let sent = Instant::now();
            there(&hosts, b"canary-latency", 1);
            assert_eq!(collect(&mut live, b"canary-latency", 1, PATIENCE).unwrap().len(), 1);
            sent.elapsed()
        };
        assert_prompt(by_capture, by_socket);
    }
}

#[test]
#[ignore = "needs root"]
fn two_interfaces_come_in_the_order_of_time() {
    let hosts = Hosts::new();
    hosts.second_cable();
    let mut live = open(&["eth0", "eth1"], &options(&hosts));
    for _ in 0..50 {
        there(&hosts, b"canary-order", 1);
        hosts.a.send("198.51.100.2", 4243, b"canary-order", 1);
    }
    wait_for_frames(&mut live, 100);
    let kept = collect(&mut live, b"canary-order", 100, PATIENCE).unwrap();
    assert_eq!(kept.len(), 100);
    assert!(kept.iter().zip(0..).all(|(k, i): (_, u32)| k.interface == i % 2));
    assert!(kept.windows(2).all(|two| two[0].nanos <= two[1].nanos && two[0].number < two[1].number));
}

#[test]
#[ignore = "needs root"]
fn kernel_filter_keeps_the_rest_out() {
    let hosts = Hosts::new();
    for directed in [false, true] {
        let filter = Some("udp dst port 4242 or udp dst port 4244".into());
        let mut live = open(&["eth0"], &CaptureOptions { filter, directed, ..options(&hosts) });
        there(&hosts, b"canary-other", 3);
        hosts.a.send("192.0.2.2", 4242, b"canary-filter", 2);
        hosts.a.send("192.0.2.2", 4242, b"the last", 1);
        assert_eq!(collect_until(&mut live, b"canary-", b"the last").len(), 2);
        assert_eq!(live.statistics().received, 3);
    }
}

/// An Ethernet frame with these bytes behind the addresses, up to an IPv4 header and a UDP datagram to port 4243.
fn tagged(tags: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |above: usize| u16::try_from(above + payload.len()).unwrap().to_be_bytes();
    let [ip, udp] = [length(28), length(8)];
    let header = [0x45, 0, ip[0], ip[1], 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 2, 192, 0, 2, 1];
    let addresses = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    [&addresses[..], tags, &[8, 0], &header, &[0x10, 0x92, 0x10, 0x93, udp[0], udp[1], 0, 0], payload]
        .concat()
}

/// The kernel takes the outer tag off a frame that arrives, before a capture sees it. So a filter that does not ask for the
/// tag finds the packet behind it, as with libpcap.
#[test]
#[ignore = "needs root"]
fn vlan_tag_is_part_of_the_frame_and_of_what_the_filter_tests() {
    let hosts = Hosts::new();
    let sent = [
        tagged(&[0x81, 0x00, 0x20, 0x07], b"canary-tag"),
        tagged(&[0x88, 0xa8, 0x00, 0x07], b"canary-service-tag"),
        tagged(&[0x88, 0xa8, 0x00, 0x07, 0x81, 0x00, 0x00, 0x09], b"canary-two-tags"),
        tagged(&[0x81, 0x00, 0x00, 0x08], b"canary-other-vlan"),
        tagged(&[], b"canary-no-tag"),
    ];
    let all = [0, 1, 2, 3, 4];
    for (filter, passes) in [
        (None, &all[..]),
        (Some("vlan"), &all[..4]),
        (Some("vlan 7"), &all[..3]),
        (Some("udp port 4243"), &[0, 1, 3, 4]),
        (Some("udp port 4243 and not vlan"), &all[4..]),
    ] {
        for directed in [false, true] {
            let options = CaptureOptions { filter: filter.map(Into::into), directed, ..options(&hosts) };
            let mut live = open(&["eth0"], &options);
            hosts.b.run(|| {
                let mut sender = pcap::Capture::from_device("eth0").unwrap().open().unwrap();
                for frame in &sent {
                    sender.sendpacket(&frame[..]).unwrap();
                }
            });
            let kept = collect(&mut live, b"canary-", passes.len(), PATIENCE).unwrap();
            assert!(
                kept.iter().map(|k| &k.bytes).eq(passes.iter().map(|i| &sent[*i])),
                "{filter:?}: {kept:?}"
            );
            assert!(kept.iter().all(|k| k.direction == directed.then_some(Direction::In)));
            assert_eq!(live.statistics().received, passes.len() as u64);
        }
    }
}

/// Frames that are taken all at once are those that come one by one, with a tagged one between them, which comes alone.
#[test]
#[ignore = "needs root"]
fn a_block_gives_its_frames_at_once_in_their_order() {
    let hosts = Hosts::new();
    let mut live = open(&["eth0"], &CaptureOptions { direction: Some(Direction::In), ..options(&hosts) });
    for _ in 0..2 {
        back(&hosts, b"canary-block", 20);
        there(&hosts, b"canary-there", 3);
        hosts.b.run(|| {
            let mut sender = pcap::Capture::from_device("eth0").unwrap().open().unwrap();
            sender.sendpacket(&tagged(&[0x81, 0, 0, 7], b"canary-tag")[..]).unwrap();
        });
        back(&hosts, b"canary-block", 20);
    }
    back(&hosts, b"the last", 1);
    wait_for_frames(&mut live, 83 + 6);
    let (end, mut kept, mut at_once) = (Instant::now() + PATIENCE, Vec::new(), 0);
    while kept.last().is_none_or(|last: &Kept| !memmem(&last.bytes, b"the last")) {
        match live.next(Some(end)).unwrap() {
            Event::Frame(frame) => kept.push(keep(&frame)),
            Event::Deadline => panic!("the last one did not come: {kept:?}"),
            _ => continue,
        }
        let Some(mut frames) = live.frames() else { continue };
        while let Some(frame) = frames.next() {
            assert!(Batch::taken(&frames) <= frames.bytes().len() && memmem(frames.bytes(), frame.bytes));
            kept.push(keep(&frame));
            at_once += 1;
        }
        let taken = Frames::taken(&frames);
        live.took(&taken);
    }
    assert!(at_once >= 40, "{at_once} at once");
    let tags: Vec<_> = kept.iter().map(|k| memmem(&k.bytes, b"canary-tag")).collect();
    let expected: Vec<_> = (0..83).map(|i| i % 41 == 20 && i < 82).collect();
    assert_eq!(tags, expected);
    assert!(kept.iter().zip(1..).all(|(k, number)| k.number == number));
    assert!(kept.iter().all(|k| k.direction == Some(Direction::In) && !memmem(&k.bytes, b"canary-there")));
    assert_eq!(live.statistics().delivered, 83);
}

#[test]
#[ignore = "needs root"]
fn snaplen_cuts_frames_with_and_without_a_filter_and_a_tag() {
    let hosts = Hosts::new();
    for filter in [None, Some("udp or vlan")] {
        let filter = filter.map(Into::into);
        let mut live = open(&["eth0"], &CaptureOptions { filter, snaplen: 60, ..options(&hosts) });
        back(&hosts, b"canary-that-is-cut-off", 1);
        hosts.b.run(|| {
            let mut sender = pcap::Capture::from_device("eth0").unwrap().open().unwrap();
            sender.sendpacket(&tagged(&[0x81, 0, 0, 7], b"canary-that-is-cut-off")[..]).unwrap();
        });
        let kept = collect(&mut live, b"canary-", 2, PATIENCE).unwrap();
        let cut: Vec<_> = kept.iter().map(|k| (k.bytes.len(), k.wire_len)).collect();
        assert_eq!(cut, [(60, 64), (60, 68)]);
    }
}

#[test]
#[ignore = "needs root"]
fn bad_filter_is_told_in_libpcaps_words() {
    let hosts = Hosts::new();
    for filter in ["tcp prot 80", "port 80) or (port 81", "wlan type mgt"] {
        let options = CaptureOptions { filter: Some(filter.into()), ..options(&hosts) };
        let error = Live::open(&[Device::new("eth0")], &options).unwrap_err();
        assert!(matches!(error, Error::Filter { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(filter) && text.contains("eth0") && !text.contains('\n'), "{text}");
    }
}

#[test]
#[ignore = "needs root"]
fn full_ring_counts_what_it_drops() {
    let hosts = Hosts::new();
    let mut live = open(&["eth0"], &CaptureOptions { buffer: 1 << 16, ..options(&hosts) });
    there(&hosts, &[b'x'; 1400], 20_000);
    let before = live.statistics();
    assert!(before.dropped_kernel > 0, "{before:?}");
    let mut kept = 0;
    until("each frame is in the ring or was dropped", || {
        kept += collect(&mut live, b"xxxx", usize::MAX, Duration::from_millis(100)).unwrap().len() as u64;
        let after = live.statistics();
        after.received >= 20_000 && kept + after.dropped_kernel >= 20_000
    });
}

#[test]
#[ignore = "needs root"]
fn interface_that_is_deleted_ends_the_capture_after_its_last_frame() {
    for directed in [false, true] {
        let hosts = Hosts::new();
        let mut live = open(&["eth0"], &CaptureOptions { directed, ..options(&hosts) });
        there(&hosts, b"canary-last", 5);
        hosts.a.ip("link del eth0");
        let mut kept = 0;
        let error = loop {
            match collect(&mut live, b"canary-last", 1, PATIENCE) {
                Ok(more) if more.is_empty() => panic!("the capture went on, {kept} frames"),
                Ok(more) => kept += more.len(),
                Err(error) => break error,
            }
        };
        assert_eq!(kept, 5);
        assert_eq!(error.to_string(), "eth0: the interface disappeared");
    }
}

/// The kernel reports that the interface is down, and reports nothing more when it is deleted.
#[test]
#[ignore = "needs root"]
fn interface_that_is_deleted_when_it_is_down_already_ends_the_capture() {
    for devices in [&["eth0"][..], &["eth1", "eth0"]] {
        let hosts = Hosts::new();
        hosts.second_cable();
        let mut live = open(devices, &options(&hosts));
        hosts.a.ip("link set eth0 down");
        assert!(collect(&mut live, b"canary", 1, Duration::from_millis(100)).unwrap().is_empty());
        hosts.a.ip("link del eth0");
        let error = collect(&mut live, b"canary", 1, PATIENCE).unwrap_err();
        assert_eq!(error.to_string(), "eth0: the interface disappeared");
    }
}

/// A link that goes down and up does not end the capture, as with libpcap from 1.10 on.
#[test]
#[ignore = "needs root"]
fn interface_that_goes_down_and_up_again_is_captured_on() {
    let hosts = Hosts::new();
    hosts.second_cable();
    for devices in [&["eth0"][..], &["eth1", "eth0"]] {
        let mut live = open(devices, &options(&hosts));
        there(&hosts, b"canary-before", 5);
        hosts.a.ip("link set eth0 down");
        assert_eq!(collect(&mut live, b"canary-before", 5, PATIENCE).unwrap().len(), 5);
        let end = Instant::now() + Duration::from_millis(200);
        let mut idle = 0;
        while !matches!(live.next(Some(end)).unwrap(), Event::Deadline) {
            idle += 1;
        }
        assert!(idle < 100, "{idle} turns while the link was down");
        hosts.a.ip("link set eth0 up");
        hosts.a.ip("neigh replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev eth0");
        there(&hosts, b"canary-after", 5);
        assert_eq!(collect(&mut live, b"canary-after", 5, PATIENCE).unwrap().len(), 5);
    }
}

#[test]
#[ignore = "needs root"]
fn wake_descriptor_is_heard_at_once_while_idle() {
    let hosts = Hosts::new();
    // Without being woken, a capture looks at its descriptors every half second. A busy machine may be late now and then.
    let delay = (0..5).map(|_| wake_delay(&hosts)).min().unwrap();
    assert!(delay < Duration::from_millis(200), "{delay:?}");
}

/// Returns the time from a write to the wake descriptor to its event.
fn wake_delay(hosts: &Hosts) -> Duration {
    let mut live = open(&["eth0"], &options(hosts));
    let (mut writer, reader) = UnixStream::pair().unwrap();
    live.wake_on(reader.into());
    let waker = std::thread::spawn(move || {
        sleep(Duration::from_millis(100));
        let at = Instant::now();
        writer.write_all(b"!").unwrap();
        (at, writer)
    });
    let end = Instant::now() + PATIENCE;
    while !matches!(live.next(Some(end)).unwrap(), Event::Woken) {
        assert!(Instant::now() < end, "never woken");
    }
    let heard = Instant::now();
    let (at, _writer) = waker.join().unwrap();
    assert!(matches!(live.next(None).unwrap(), Event::Woken), "until its owner has read it");
    heard.duration_since(at)
}

#[test]
#[ignore = "needs root"]
fn wake_descriptor_is_heard_while_the_ring_never_runs_dry() {
    let hosts = Hosts::new();
    let mut live = open(&["eth0"], &options(&hosts));
    there(&hosts, b"canary-busy", 10_000);
    let (mut writer, reader) = UnixStream::pair().unwrap();
    writer.write_all(b"!").unwrap();
    live.wake_on(reader.into());
    let mut frames = 0;
    loop {
        match live.next(None).unwrap() {
            Event::Frame(_) => frames += 1,
            Event::Woken => break,
            Event::Idle | Event::Deadline => {}
        }
    }
    assert!(frames < 1_000, "{frames} frames before it was heard");
}

#[test]
#[ignore = "needs root"]
fn idle_comes_before_waiting_and_the_deadline_is_kept() {
    let hosts = Hosts::new();
    let mut live = open(&["eth0"], &options(&hosts));
    let start = Instant::now();
    let end = start + Duration::from_millis(50);
    let mut idle = 0;
    loop {
        match live.next(Some(end)).unwrap() {
            Event::Idle => idle += 1,
            Event::Deadline => break,
            _ => {}
        }
    }
    assert!(idle >= 1);
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(50) && took < PATIENCE, "{took:?}");
}

#[test]
#[ignore = "needs root"]
fn unknown_interface_is_named_with_the_nearest_there_is() {
    let hosts = Hosts::new();
    let error = Live::open(&[Device::new("eth2")], &options(&hosts)).unwrap_err().to_string();
    assert!(error.starts_with("open eth2: no such interface; there is: eth0, "), "{error}");
}

#[test]
#[ignore = "needs root"]
fn interface_that_is_down_says_how_to_bring_it_up() {
    let hosts = Hosts::new();
    hosts.a.ip("link set eth0 down");
    match Live::open(&[Device::new("eth0")], &options(&hosts)) {
        Err(error) => assert_eq!(
            error.to_string(),
            "open eth0: the interface is down; bring it up with: ip link set eth0 up"
        ),
        Ok(live) => panic!("{live:?}"),
    }
}

#[test]
#[ignore = "needs root"]
fn capture_in_another_namespace_leaves_this_thread_where_it_was() {
    let hosts = Hosts::new();
    let here = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
    let live = open(&["eth0"], &options(&hosts));
    assert_eq!(std::fs::read_link("/proc/thread-self/ns/net").unwrap(), here);
    assert!(Live::open(&[Device::new("eth0")], &CaptureOptions::default()).is_err());
    drop(live);
}
