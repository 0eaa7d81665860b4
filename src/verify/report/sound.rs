//! The rules that a direction's figures have to satisfy, whoever wrote them.
//!
//! They follow from the judge (`verify/judge.rs`): it gives each verdict on such figures alone. A report that breaks one was
//! altered or made up, or its program is broken. The reverse does not hold: figures that fit each other prove nothing of who
//! wrote them.

use super::{EspSeen, LegReport};
use crate::verify::judge::ENOUGH;
use crate::verify::verdict::{Reason, Rung, Verdict};
use crate::verify::way::Way;

impl LegReport {
    /// Returns the contradiction between the verdict and the figures, as the end of a sentence about them; `None` if there is
    /// none. `reason` stands in place of [`Self::reason`], and is `None` for one that only a newer version knows.
    ///
    /// A readable direction is asked for a frame and for nothing else: a rule too many would hide a leak.
    pub fn contradiction(&self, reason: Option<Reason>) -> Option<&'static str> {
        let counts = &self.counts;
        if counts.answered > counts.probes || counts.matched > counts.probes {
            return Some("more probes were answered or matched than were sent");
        }
        if counts.canaries > counts.opened {
            return Some("more canaries were found than frames opened");
        }
        let readable = counts.clear > 0 || counts.auth_only > 0;
        match self.verdict {
            Verdict::Inconclusive => None,
            Verdict::NotEnforced => Some("that is no verdict on a direction"),
            Verdict::Clear => (counts.clear == 0).then_some("no frame was in clear"),
            Verdict::AuthOnly => (counts.auth_only == 0).then_some("no frame was authenticated only"),
            Verdict::Blackholed => readable.then_some("frames could be read"),
            Verdict::Encrypted if readable => Some("frames could be read"),
            Verdict::Encrypted => self.is_unproven(reason),
        }
    }

    /// Returns what is missing in a proof.
    fn is_unproven(&self, reason: Option<Reason>) -> Option<&'static str> {
        let counts = &self.counts;
        if counts.opened > counts.esp {
            return Some("more packets were found inside of ESP than passed");
        }
        // The kernel's names, and those of this program for SAs from a file.
        let is_plain = |algorithm: &str| {
            matches!(algorithm, "null" | "aes-gmac")
                || algorithm.contains("cipher_null")
                || ["rfc4543", "null/"].iter().any(|start| algorithm.starts_with(start))
        };
        // The SA of another tunnel may be plain, but one of them has to encrypt.
        let of_plain = |seen: &EspSeen| seen.algorithm.as_deref().is_some_and(is_plain);
        if !self.esp.is_empty() && self.esp.iter().all(of_plain) {
            return Some("no SA of it encrypts");
        }
        // Each ESP packet counts for its SPI too, until there are too many SPIs.
        if matches!(reason, Some(Reason::Opened | Reason::Lengths))
            && self.esp.iter().all(|seen| seen.packets == 0)
        {
            return Some("no SPI has a packet");
        }
        let messages = self.wireguard.as_ref().map_or(0, |seen| seen.messages);
        // Replies that the kernel of the prober refused are due to no probe, and are matched all the same.
        let refused = self.way == Way::Back && counts.answered == 0;
        let matched = counts.matched >= ENOUGH || refused && counts.probes >= ENOUGH;
        let (rung, is_seen) = match reason {
            Some(Reason::Opened) => (Rung::Opened, counts.opened >= ENOUGH && counts.esp > 0),
            Some(Reason::Lengths) => (Rung::Seen, matched && counts.esp >= ENOUGH),
            Some(Reason::WireGuard) => (Rung::Seen, matched && messages >= ENOUGH),
            Some(_) => return Some("its reason is none for that"),
            None => (self.rung.unwrap_or(Rung::Config), counts.esp + counts.opaque + messages > 0),
        };
        if self.rung != Some(rung) || rung < Rung::Seen {
            return Some("its evidence is too weak for that");
        }
        (!is_seen).then_some("too few encrypted packets of the network were seen")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Spi;
    use crate::verify::report::{Counts, WireGuardSeen};

    fn seen(algorithm: &str) -> EspSeen {
        EspSeen {
            spi: Spi(1),
            packets: 3,
            algorithm: Some(algorithm.to_owned()),
            icv_bits: None,
            key_bits: None,
            state: None,
            docker_tag: None,
        }
    }

    fn leg(verdict: Verdict, rung: Option<Rung>, counts: Counts) -> LegReport {
        LegReport {
            from: None,
            to: None,
            way: Way::Out,
            verdict,
            rung,
            reason: Reason::NoTraffic,
            counts,
            esp: vec![seen("rfc4106(gcm(aes))")],
            wireguard: None,
            shown: None,
        }
    }

    #[test]
    fn a_verdict_that_its_figures_do_not_bear_is_a_contradiction() {
        use Verdict::{AuthOnly, Blackholed, Clear, Encrypted, Inconclusive, NotEnforced};
        const NONE: Counts = Counts {
            clear: 0,
            auth_only: 0,
            esp: 0,
            opened: 0,
            canaries: 0,
            copies: 0,
            probes: 0,
            answered: 0,
            matched: 0,
            opaque: 0,
            too_long: None,
        };
        let (e0, e3, e4) = (Some(Rung::Config), Some(Rung::Seen), Some(Rung::Opened));
        let opened = Some(Reason::Opened);
        let inside = Counts { esp: 3, opened: 3, ..NONE };
        let fitting = Counts { esp: 3, probes: 4, answered: 3, matched: 3, ..NONE };
        for (verdict, rung, reason, counts, fault) in [
            (Encrypted, e4, opened, inside, None),
            (Encrypted, e3, Some(Reason::Lengths), fitting, None),
            (Encrypted, e4, None, inside, None),
            (Encrypted, e0, opened, inside, Some("too weak")),
            (Encrypted, None, opened, inside, Some("too weak")),
            (Encrypted, e3, opened, inside, Some("too weak")),
            (Encrypted, e0, None, inside, Some("too weak")),
            (Encrypted, None, None, inside, Some("too weak")),
            (Encrypted, e4, opened, NONE, Some("too few")),
            (Encrypted, e4, None, NONE, Some("too few")),
            (Encrypted, e4, opened, Counts { opened: 4, ..inside }, Some("than passed")),
            (Encrypted, e4, opened, Counts { opened: 2, ..inside }, Some("too few")),
            (Encrypted, e3, Some(Reason::Lengths), Counts { matched: 2, ..fitting }, Some("too few")),
            (Encrypted, e3, Some(Reason::Lengths), Counts { esp: 0, ..fitting }, Some("too few")),
            (Encrypted, e3, Some(Reason::WireGuard), fitting, Some("too few")),
            (Encrypted, e4, Some(Reason::NoTraffic), inside, Some("reason")),
            (Encrypted, e4, opened, Counts { clear: 1, ..inside }, Some("could be read")),
            (Encrypted, e4, opened, Counts { auth_only: 1, ..inside }, Some("could be read")),
            (Encrypted, e4, opened, Counts { canaries: 4, ..inside }, Some("canaries")),
            (Encrypted, e3, Some(Reason::Lengths), Counts { answered: 5, ..fitting }, Some("more probes")),
            (Encrypted, e3, Some(Reason::Lengths), Counts { matched: 5, ..fitting }, Some("more probes")),
            (NotEnforced, e4, opened, inside, Some("no verdict on a direction")),
            (Clear, e3, Some(Reason::Clear), Counts { clear: 1, ..inside }, None),
            (Clear, e0, None, Counts { clear: 1, ..NONE }, None),
            (Clear, e3, Some(Reason::Clear), inside, Some("in clear")),
            (AuthOnly, e3, Some(Reason::EspNull), Counts { auth_only: 1, ..NONE }, None),
            (AuthOnly, e3, Some(Reason::EspNull), Counts { clear: 1, ..NONE }, Some("authenticated")),
            (Blackholed, e4, Some(Reason::BlockedEsp), inside, None),
            (Blackholed, e4, Some(Reason::BlockedEsp), Counts { clear: 1, ..inside }, Some("could be read")),
            (Inconclusive, e3, Some(Reason::TunnelCopy), Counts { clear: 9, ..NONE }, None),
        ] {
            let found = leg(verdict, rung, counts).contradiction(reason);
            assert_eq!(
                found.is_some(),
                fault.is_some(),
                "{verdict:?} {rung:?} {reason:?} {counts:?}: {found:?}"
            );
            assert!(found.unwrap_or_default().contains(fault.unwrap_or_default()), "{fault:?}: {found:?}");
        }
    }

    #[test]
    fn a_direction_whose_only_sa_does_not_encrypt_is_not_encrypted() {
        let inside = Counts { esp: 3, opened: 3, ..Counts::default() };
        let sent = leg(Verdict::Encrypted, Some(Rung::Opened), inside);
        for (algorithms, is_sound) in [
            (vec!["rfc4106(gcm(aes))"], true),
            (vec!["null", "rfc4106(gcm(aes))"], true),
            (vec!["null"], false),
            (vec!["ecb(cipher_null) hmac(sha256)"], false),
            (vec!["rfc4543(gcm(aes))"], false),
            (vec!["aes-gmac"], false),
            (vec!["null/hmac-sha256"], false),
            (vec!["aes-cbc/hmac-sha256"], true),
        ] {
            let esp = algorithms.iter().map(|algorithm| seen(algorithm)).collect();
            let found = LegReport { esp, ..sent.clone() }.contradiction(Some(Reason::Opened));
            assert_eq!(found.is_none(), is_sound, "{algorithms:?} {found:?}");
        }
    }

    #[test]
    fn a_direction_without_a_packet_of_any_spi_is_not_encrypted() {
        let quiet = EspSeen { packets: 0, ..seen("rfc4106(gcm(aes))") };
        let inside = Counts { esp: 3, opened: 3, ..Counts::default() };
        let fitting = Counts { esp: 3, probes: 3, matched: 3, ..Counts::default() };
        for (rung, counts, reason) in
            [(Rung::Opened, inside, Reason::Opened), (Rung::Seen, fitting, Reason::Lengths)]
        {
            let sent = leg(Verdict::Encrypted, Some(rung), counts);
            assert_eq!(sent.contradiction(Some(reason)), None);
            for esp in [vec![], vec![quiet.clone()]] {
                let found = LegReport { esp, ..sent.clone() }.contradiction(Some(reason));
                assert_eq!(found, Some("no SPI has a packet"));
            }
        }
    }

    #[test]
    fn refused_replies_and_messages_of_a_tunnel_are_proof_too() {
        let counts = Counts { esp: 3, probes: 3, ..Counts::default() };
        let sent = leg(Verdict::Encrypted, Some(Rung::Seen), counts);
        assert!(sent.contradiction(Some(Reason::Lengths)).is_some());
        let back = LegReport { way: Way::Back, ..sent };
        assert_eq!(back.contradiction(Some(Reason::Lengths)), None);
        let seen = |messages| WireGuardSeen {
            device: "wg0".to_owned(),
            endpoint: None,
            messages,
            sessions: 1,
            tied: 0,
            bytes: None,
        };
        let carried = |messages| LegReport { wireguard: Some(seen(messages)), ..back.clone() };
        assert_eq!(carried(3).contradiction(Some(Reason::WireGuard)), None);
        assert!(carried(2).contradiction(Some(Reason::WireGuard)).is_some());
    }
}
