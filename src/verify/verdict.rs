//! The words of a report: verdicts, rungs of the ladder of evidence, and reasons with their remedies.

use super::network::Source;

/// The verdict on one leg, or on the whole network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Proven to be encrypted on the wire, and delivered.
    Encrypted,
    /// Frames of the network were on the wire in clear.
    Clear,
    /// Frames of the network were on the wire authenticated, but readable: ESP-NULL, GMAC, AH, MACsec or PSP that
    /// does not encrypt.
    AuthOnly,
    /// Everything is encrypted, but clear frames would be accepted as well. Only the whole network has this verdict.
    NotEnforced,
    /// Neither encryption nor a leak could be proven.
    Inconclusive,
    /// Nothing leaves in clear, and nothing arrives.
    Blackholed,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 6] = [
        Self::Encrypted,
        Self::Clear,
        Self::AuthOnly,
        Self::NotEnforced,
        Self::Inconclusive,
        Self::Blackholed,
    ];

    /// Returns the word as it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Encrypted => "ENCRYPTED",
            Self::Clear => "CLEAR",
            Self::AuthOnly => "AUTH-ONLY",
            Self::NotEnforced => "NOT-ENFORCED",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Blackholed => "BLACKHOLED",
        }
    }

    /// Returns true if somebody on the wire can read the network's frames.
    pub fn is_readable(self) -> bool {
        matches!(self, Self::Clear | Self::AuthOnly)
    }
}

/// A rung of the ladder of evidence: its strength, from the weakest up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// E0: the configuration says so.
    Config,
    /// E1: the kernel has the policies and SAs for it.
    Armed,
    /// E2: the kernel's counters moved with the traffic.
    Counted,
    /// E3: frames were seen on the wire, in clear or matched to the probes by their lengths.
    Seen,
    /// E4: ESP was opened with the keys, and the network's own frames were found inside.
    Opened,
}

impl Rung {
    /// All rungs, from the weakest up.
    pub const ALL: [Self; 5] = [Self::Config, Self::Armed, Self::Counted, Self::Seen, Self::Opened];

    /// Returns `E0` to `E4`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "E0",
            Self::Armed => "E1",
            Self::Counted => "E2",
            Self::Seen => "E3",
            Self::Opened => "E4",
        }
    }
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $remedy:literal;)+) => {
        /// The reason for a verdict.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Reason {
            /// All reasons, in the order in which they are documented.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns the stable code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// Returns the remedy for every network, in one line; empty where nothing has to be done. Docker's own
            /// stands last: ` (Docker: …)`.
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

reasons! {
    /// ESP was opened with keys, and the network's frames were inside.
    Opened = "opened", "";
    /// ESP packets of the probes' lengths passed, one for each probe.
    Lengths = "lengths", "";
    /// WireGuard's data messages of the probes' lengths passed, one for each probe, to the endpoint of the node.
    WireGuard = "wireguard", "";
    /// Clear frames of the network passed, and the cause is not known.
    Clear = "clear", "encrypt the network, and check the IPsec policy of the sender with: ip xfrm policy";
    /// The network is not configured to be encrypted.
    NotConfigured = "not-configured", "create the network with the option: --opt encrypted";
    /// An option of the network looks like a misspelt `encrypted`.
    TypoOption = "typo-option", "the option is ignored: create the network again with: --opt encrypted";
    /// The sender has no policy for the network's packets.
    NoPolicy = "no-policy", "no IPsec policy covers the network's packets: set IPsec up for it, or again if it was lost (Docker: leave and join the network)";
    /// The network's packets leave past the WireGuard device that is to carry them.
    PastWireGuard = "past-wireguard", "the packets leave past the WireGuard device: compare 'ip rule' and 'ip route get ADDRESS' (with 'from' and 'mark') with its allowed-ips";
    /// The peer's packets arrive past the WireGuard device.
    PeerPastWireGuard = "peer-past-wireguard", "the node sends past its WireGuard device: look there for the rule or the route that its replies miss (ip rule, ip route get)";
    /// The sender's policy is for another UDP port than the network's.
    PortMismatch = "port-mismatch", "the IPsec policy is for another UDP port than the network's: make them the same";
    /// Frames with the network's VNI passed on another UDP port than the network's.
    OtherPort = "other-port", "frames with the network's VNI passed on another UDP port than the network's: find the device that sends them, and give all nodes one port";
    /// The policy allows clear packets as long as there is no SA.
    LevelUse = "level-use", "the policy says 'level use': make it 'level required', and add the SA";
    /// Docker's policy waits for a mark that the clear packets do not have.
    NoMark = "no-mark", "the clear packets lack the mark that Docker's policy waits for: look for the rule in 'iptables -t mangle -S OUTPUT' or 'nft list ruleset', and restart the Docker engine, or update it (CVE-2023-28841)";
    /// ICMP errors quote the network's frames in clear.
    IcmpQuote = "icmp-quote", "the node that sends these ICMP errors decrypts frames that no VXLAN device takes: set its device up or remove its SAs, and let OUTPUT drop ICMP port unreachable there";
    /// The network's frames are in clear, and what they hold is ESP that a key opened.
    EspInside = "esp-inside", "the headers of the network's frames can be read, and their content cannot, because it is in ESP of this host: encrypt the tunnel as well, or take this for enough (Cilium before 1.18 does it so)";
    /// The network's frames are in ESP with the NULL cipher.
    EspNull = "esp-null", "the SA only authenticates: use a cipher, such as rfc4106(gcm(aes))";
    /// The network's frames are in ESP with GMAC.
    EspGmac = "esp-gmac", "the SA only authenticates: use rfc4106(gcm(aes)) instead of rfc4543(gcm(aes))";
    /// The network's frames are in AH.
    AhOnly = "ah-only", "AH only authenticates: use ESP";
    /// The network's frames are in MACsec without encryption.
    MacsecIntegrity = "macsec-integrity", "MACsec only authenticates here: turn encryption on with: ip link set DEVICE type macsec encrypt on";
    /// The network's frames are in PSP that does not encrypt them.
    PspIntegrity = "psp-integrity", "PSP only authenticates here, or leaves these bytes in clear: use a version that encrypts (AES-GCM) with a smaller crypt offset";
    /// The network card encrypts the frames after they are captured.
    NicOffload = "nic-offload", "the network card encrypts after the capture: capture on the peer, on a switch's mirror port, or without offload";
    /// No packet of the network passed.
    NoTraffic = "no-traffic", "no packet of the network passed: check that its device is up and that no firewall holds its packets back, let it carry traffic, or watch longer";
    /// Too few packets of the network passed to prove anything.
    TooFew = "too-few", "too few packets of the network passed: watch longer, with --for";
    /// The network has several VNIs, and one of them was not proven to be encrypted.
    SilentVni = "silent-vni", "the network has several VNIs, and not all of them were seen encrypted: let each carry traffic, or judge each alone with --vni VNI";
    /// Frames passed in one direction only.
    OneDirection = "one-direction", "nothing came back: run verify on the peer as well";
    /// ESP passed, but nothing shows that it is this network's.
    OtherTunnel = "other-tunnel", "nothing shows whose ESP this is: run as root, without --no-keys, for the kernel's keys, or give them with --sa FILE";
    /// WireGuard's messages passed, but their lengths do not show the probes.
    WireGuardUnclear = "wireguard-unclear", "WireGuard's messages passed, and their lengths do not show the network's packets: watch longer (--for) or at a quieter moment, with probes";
    /// Something else that is opaque passed between the nodes.
    OpaqueTransport = "opaque-transport", "another tunnel carries the packets (WireGuard, MACsec, GRE or a VPN): name the link below it with -i, or verify that tunnel; the overlay itself shows no encryption";
    /// ESP passed whose lengths say nothing of what it carries.
    NoLengthLaw = "no-length-law", "IP-TFS, padding (tfcpad) or a TCP stream hide the lengths of packets, so lengths prove nothing: run as root, without --no-keys, for the kernel's keys, or give them with --sa FILE; ESP in TCP is not opened here, so let ESP pass in IP or UDP";
    /// The capture lost frames.
    Drops = "drops", "the capture lost frames: give it a larger ring with --buffer, or run it at a quieter moment";
    /// The capture ended early, or its file is damaged.
    CutShort = "cut-short", "the capture is not whole: take it again";
    /// Frames were cut off before their addresses or their VNI.
    Truncated = "truncated", "frames were cut off: capture them whole (tcpdump -s 0)";
    /// Frames passed of a protocol that is not decoded here and may carry anything.
    Undecoded = "undecoded", "frames passed of a protocol that is not decoded here and may carry anything (unknown pseudowires, compressed PPP, deeply nested tunnels): name the interface behind it with -i";
    /// A probe left this node, and was not seen on any wire that is watched.
    ProbeUnseen = "probe-unseen", "a probe left and was not seen on any wire: look for a way that the kernel does not show (XDP, AF_XDP, hardware offload), or for what held it back, and watch again";
    /// The probe was seen outside of any tunnel, while its network was encrypted.
    CanaryBare = "canary-bare", "the probe passed a watched interface outside of any tunnel: look for a mirror (tc filter show), and name only the underlay's interface with -i";
    /// Fragments passed whose beginning was not seen.
    Fragments = "fragments", "fragments without their beginning passed: begin the capture earlier, and lower the overlay's MTU";
    /// The network's packets may leave by a wire that was not named with `-i`.
    LeftOut = "left-out", "the network's packets may leave by an interface that -i does not name: name it too, or leave out -i";
    /// The capture file need not hold what was in clear.
    Filtered = "filtered", "the file holds only ESP, or was captured with a filter that keeps clear frames out: capture without a filter";
    /// The capture was made on another host than the node that it is asked about.
    OtherSide = "other-side", "the capture was made on the other node: give that node's address with --local, or capture on this one";
    /// Clear frames passed, and nothing shows if this node sent them.
    UnknownSender = "unknown-sender", "clear frames have this node's address and another network card, or the other way round: capture on the node itself, with directions (tcpdump -i any, or pcapng)";
    /// The network's packets pass another interface.
    WrongInterface = "wrong-interface", "the network's packets pass another interface: name it with -i";
    /// All members of the network are on this host.
    LocalOnly = "local-only", "no other node takes part, so nothing is on a wire: name a node with --peer ADDRESS if there is one";
    /// The engine knows the network, but no container of this host is on it.
    NoMember = "no-member", "no container of this host is on the network: run verify on a node that has one";
    /// No overlay address of the peer is known, so the peer cannot be probed.
    NoTarget = "no-target", "no overlay address of the peer is known: name one with --target ADDRESS";
    /// Nothing was probed, because no network namespace by which to enter the network could be entered.
    NamespacesUnread = "namespaces-unread", "nothing can be sent into the network from here, because its containers' network namespaces cannot be entered, or are too many: run as root; in a container, add the capability SYS_ADMIN and mount /run/docker/netns";
    /// The probes left with an address that every node has, because Docker's engine did not name a container.
    EngineUnread = "engine-unread", "no container of this host could be probed from, and no reply comes back to the gateway's address, which every node has: let ovlsniff ask the engine and see the containers' namespaces (in a container, mount /var/run/docker.sock and /run/docker/netns), or let traffic pass both ways and watch as root, without --no-keys";
    /// No reply reaches the probe, though packets of the peer are seen, or because maybe nobody has the target's address.
    NoAnswer = "no-answer", "no reply reaches the probe, though packets of the target's node arrive, or maybe nobody has the target's address any more: name an address that somebody has with --target ADDRESS, look here for what refuses replies (INPUT rules, /proc/net/xfrm_stat), or judge what passes by with --passive";
    /// Clear frames arrived that may be copies of decrypted packets, as the kernel shows them to a capture.
    TunnelCopy = "tunnel-copy", "what arrived in clear may be copies of decrypted packets: run verify as root on both nodes, and believe each about the packets that leave it";
    /// Clear frames arrived, and the kernel may have decrypted them before the capture could see ESP.
    EspGro = "esp-gro", "esp4_offload may decrypt packets before a capture can see them: run verify on the peer, where these packets leave";
    /// ESP leaves, and nothing comes back.
    BlockedEsp = "blocked-esp", "allow IP protocol 50 (ESP) both ways; if it is allowed, see 'cat /proc/net/xfrm_stat' on the peer for a missing SA or another key, and name an address that answers pings with --target ADDRESS";
    /// Messages of WireGuard leave, and nothing comes back.
    BlockedWireGuard = "blocked-wireguard", "allow the UDP ports of WireGuard both ways (wg show: listening port, endpoint), and name an address that answers pings with --target ADDRESS";
    /// No WireGuard session comes about with the node.
    NoHandshake = "no-handshake", "WireGuard has no session with the node: compare the keys and endpoints of both ends (wg show), and allow its UDP ports both ways";
    /// A policy asks for an SA that is not there.
    NoSa = "no-sa", "the policy has no SA to send with: add it on both nodes (Docker: restart the engine)";
    /// The SA that a policy asks for is there, but the kernel cannot send with it.
    SaBroken = "sa-broken", "the kernel cannot send with the SA of the policy: see 'ip -s xfrm state' for one that is expired or invalid, and set both nodes up again (Docker: restart the engine)";
    /// A policy blocks the network's packets.
    PolicyBlock = "policy-block", "a policy blocks the network's packets: find it with: ip xfrm policy";
    /// ESP arrives with an SPI that has no SA here.
    SpiMismatch = "spi-mismatch", "the peer sends with an SPI that has no SA here: set both nodes up again (Docker: the same engine version on both, and restart them)";
    /// ESP arrives that fails its integrity check.
    KeyMismatch = "key-mismatch", "the peer uses another key: set both nodes up with the same key (Docker: restart the engine, or let the node leave the swarm and join it again)";
    /// Clear frames from outside would be accepted.
    NotEnforced = "not-enforced", "clear packets from outside are accepted: require ESP with an inbound policy, or drop them first in INPUT (Docker: CVE-2023-28840)";
    /// The canary of the control network, which is known to be clear, was not seen.
    ControlFailed = "control-failed", "the control network's canary was not seen: this capture cannot show clear frames; name the interface with -i";
}

impl Reason {
    /// Returns the remedy for a network that this source knows. One that is Docker's is for Docker's networks only.
    pub fn remedy_for(self, source: Source) -> &'static str {
        match (self, source) {
            (_, Source::Docker) => self.remedy(),
            (Self::NotConfigured, Source::Ours) => {
                "build the network anew with: ovlsniff overlay up NETWORK --opt encrypted --key FILE (in a file: encrypted = true)"
            }
            (Self::NoMark, _) => {
                "the clear packets lack the mark that the policy waits for: look for the rule in 'iptables -t mangle -S OUTPUT' or 'nft list ruleset'"
            }
            _ => self.remedy().split(" (Docker: ").next().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_is_named_to_those_who_have_it_only() {
        for reason in Reason::ALL {
            assert_eq!(reason.remedy_for(Source::Docker), reason.remedy());
            for source in [Source::Ours, Source::Given, Source::Device(crate::packet::Form::Vxlan)] {
                let remedy = reason.remedy_for(source);
                assert!(!remedy.contains("Docker"), "{remedy}");
                assert_eq!(remedy.is_empty(), reason.remedy().is_empty(), "{reason:?}");
            }
            // Bytes that are cut off for others are all at the end.
            assert!(
                reason
                    .remedy()
                    .split(" (Docker: ")
                    .nth(1)
                    .is_none_or(|rest| rest.find(')') == Some(rest.len() - 1))
            );
        }
        assert_eq!(
            Reason::NoSa.remedy_for(Source::Given),
            "the policy has no SA to send with: add it on both nodes"
        );
    }

    #[test]
    fn who_asked_for_no_keys_is_told_that_they_would_help_and_not_to_become_root_alone() {
        let by_keys = [Reason::OtherTunnel, Reason::NoLengthLaw, Reason::EngineUnread];
        for remedy in by_keys.map(Reason::remedy) {
            assert!(remedy.contains("as root, without --no-keys"), "{remedy}");
        }
        let mut others = Reason::ALL.iter().filter(|reason| !by_keys.contains(reason));
        assert!(others.all(|reason| !reason.remedy().contains("kernel's keys")));
    }

    #[test]
    fn codes_are_distinct_words_and_remedies_one_line() {
        let mut seen = std::collections::HashSet::new();
        for reason in Reason::ALL {
            assert!(seen.insert(reason.code()), "{reason:?}");
            assert!(reason.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
            assert!(!reason.remedy().contains('\n'));
        }
    }
}
