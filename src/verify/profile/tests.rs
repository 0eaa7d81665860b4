use super::*;
use crate::verify::kernel::Strength;
use crate::verify::report::SaSeen;
use crate::verify::{Circumstances, Question, Reason, Tally, Verdict, judge};

fn sa(algorithm: &str, key_bits: u32, icv_bits: u32, origin: Origin) -> EspSeen {
    let strength = Strength { key_bits, age: 7200, ..Strength::default() };
    EspSeen {
        spi: Spi(0x1ab),
        packets: 5,
        algorithm: Some(algorithm.to_owned()),
        icv_bits: Some(icv_bits),
        key_bits: Some(key_bits),
        state: Some(SaSeen { strength, replay_window: 0, origin }),
        docker_tag: None,
    }
}

fn report(esp: Vec<EspSeen>) -> Report {
    let mut report = judge(&Tally::new(Question::default()), Circumstances::default());
    let leg = &mut report.legs[0];
    (leg.esp, leg.way, leg.verdict) = (esp, Way::Back, Verdict::Encrypted);
    (report.verdict, report.reason) = (Verdict::Encrypted, Reason::Opened);
    report
}

fn codes(profile: &str, esp: EspSeen) -> Vec<&'static str> {
    let profile = Profile::open(Path::new(profile)).unwrap();
    profile.judge(&report(vec![esp])).findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn the_profiles_judge_what_overlays_use() {
    let gcm = |key, icv, origin| sa("rfc4106(gcm(aes))", key, icv, origin);
    // An IKE daemon's default is fine for all, with 256 bits.
    for profile in ["rfc8221", "cnsa", "fips"] {
        assert_eq!(codes(profile, gcm(256, 128, Origin::Ike)), [""; 0], "{profile}");
    }
    assert_eq!(codes("cnsa", gcm(128, 128, Origin::Ike)), ["key-length"]);
    // Docker: AES-GCM with 128 bits and an ICV of 64, and keys from its managers.
    assert_eq!(codes("rfc8221", gcm(128, 64, Origin::Docker)), ["icv-length", "manual-keys"]);
    assert_eq!(codes("cnsa", gcm(128, 64, Origin::Docker)), ["key-length", "icv-length", "manual-keys"]);
    assert_eq!(codes("fips", gcm(128, 64, Origin::Docker)), ["icv-length", "manual-keys"]);
    let chacha = || sa("rfc7539esp(chacha20,poly1305)", 256, 128, Origin::Ike);
    assert_eq!(codes("rfc8221", chacha()), [""; 0]);
    assert_eq!(codes("cnsa", chacha()), ["algorithm"]);
    assert_eq!(codes("fips", chacha()), ["algorithm"]);
    let cbc = |hash: &str, icv| sa(&format!("cbc(aes) hmac({hash})"), 256, icv, Origin::Ike);
    assert_eq!(codes("cnsa", cbc("sha384", 192)), [""; 0]);
    assert_eq!(codes("cnsa", cbc("sha256", 128)), ["algorithm"]);
    assert_eq!(codes("rfc8221", cbc("md5", 96)), ["algorithm"]);
    for plain in ["rfc4543(gcm(aes))", "ecb(cipher_null) hmac(sha256)", "hmac(sha256)"] {
        assert_eq!(codes("rfc8221", sa(plain, 128, 128, Origin::Ike))[0], "not-encrypting", "{plain}");
    }
}

#[test]
fn what_is_not_known_is_neither_met_nor_violated() {
    let unknown = EspSeen { algorithm: None, ..sa("", 0, 0, Origin::Ike) };
    let profile = Profile::open(Path::new("rfc8221")).unwrap();
    let compliance = profile.judge(&report(vec![unknown.clone()]));
    assert_eq!((compliance.met, compliance.findings[0].code), (None, "unknown"));
    // Something else that is violated is.
    let both = profile.judge(&report(vec![unknown, sa("cbc(des3_ede) hmac(sha1)", 192, 96, Origin::Ike)]));
    assert_eq!(both.met, Some(false));
    assert_eq!(profile.judge(&report(Vec::new())).met, None);
}

#[test]
fn a_file_asks_for_what_it_names() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "name = 'house'\n[[allowed]]\nalgorithm = 'aes-gcm'\nkey_bits = [128]\n\
                [sa]\nmax_age_seconds = 3600\nreplay_protection = true\nextended_numbers = true\n";
    std::fs::write(&file, text).unwrap();
    let profile = Profile::open(file.path()).unwrap();
    let compliance = profile.judge(&report(vec![sa("aes-gcm", 128, 64, Origin::Docker)]));
    let codes: Vec<_> = compliance.findings.iter().map(|finding| finding.code).collect();
    assert_eq!((&*compliance.profile, codes), ("house", vec!["sa-age", "replay", "sequence-numbers"]));
    assert_eq!(compliance.findings[0].text, "older than 3600 s: SPI 0x000001ab");
    for (wrong, why) in [
        ("name = 'x'", "it allows no algorithm: add [[allowed]]"),
        ("name = 'x'\n[[allowed]]\nalgorithm = 'aes'", "there is no algorithm 'aes'"),
        ("name = 'x'\nextra = 1", "unknown field"),
        ("name = 'x'\n[[allowed]]\nalgorithm = 'aes-cbc'\nhashes = ['hmac-sha256-']", "'hmac-sha256-'"),
        ("[", ""),
    ] {
        std::fs::write(&file, wrong).unwrap();
        let error = Profile::open(file.path()).unwrap_err().to_string();
        assert!(error.contains(why) && !error.contains('\n'), "{error}");
    }
    let none = Profile::open(Path::new("no-such-profile")).unwrap_err().to_string();
    assert!(none.ends_with("use a file, or one of: rfc8221, cnsa, fips"), "{none}");
}

#[test]
fn a_profile_that_is_not_met_changes_the_exit_status_and_not_the_verdict() {
    use crate::verify::Expectation::Encrypted;
    let profile = Profile::open(Path::new("cnsa")).unwrap();
    let weak = report(vec![sa("aes-gcm", 128, 64, Origin::Docker)]).under(&profile);
    assert_eq!((weak.verdict, weak.exit_status(Encrypted)), (Verdict::Encrypted, 1));
    let unknown = report(Vec::new()).under(&profile);
    assert_eq!((unknown.verdict, unknown.exit_status(Encrypted)), (Verdict::Encrypted, 3));
    let strong = report(vec![sa("aes-gcm", 256, 128, Origin::Ike)]).under(&profile);
    assert_eq!(strong.exit_status(Encrypted), 0);
    let broken = Report { verdict: Verdict::Blackholed, ..weak };
    assert_eq!(broken.exit_status(Encrypted), 4);
}

fn house(text: &str) -> Result<Profile, String> {
    Profile::parse(&format!("name = 'house'\n{text}"))
}

fn compliance(profile: &Profile, esp: EspSeen) -> (Option<bool>, Vec<&'static str>) {
    let found = profile.judge(&report(vec![esp]));
    (found.met, found.findings.iter().map(|finding| finding.code).collect())
}

/// Makes the SA of a file with keys: nothing is known of it but its algorithms.
fn of_file() -> EspSeen {
    EspSeen { state: None, ..sa("aes-gcm", 256, 128, Origin::Ike) }
}

#[test]
fn what_is_asked_of_an_sa_that_only_a_file_knows_is_unknown_and_not_met() {
    let allowed = "[[allowed]]\nalgorithm = 'aes-gcm'\n";
    for asked in [
        "max_age_seconds = 60",
        "replay_protection = true",
        "extended_numbers = true",
        "exchanged_keys = 'x'",
    ] {
        let profile = house(&format!("{allowed}[sa]\n{asked}\n")).unwrap();
        assert_eq!(compliance(&profile, of_file()), (None, vec!["unknown"]), "{asked}");
    }
    assert_eq!(compliance(&house(allowed).unwrap(), of_file()), (Some(true), Vec::new()));
    let all = report(vec![of_file()]).under(&Profile::open(Path::new("rfc8221")).unwrap());
    assert_eq!(all.exit_status(crate::verify::Expectation::Encrypted), 3);
}

#[test]
fn an_spi_of_docker_in_a_file_tells_that_its_keys_are_manual() {
    let docker_tag = Some(crate::ipsec::DockerTag { tag: 7, variant: crate::ipsec::Variant::Mapped });
    let profile = Profile::open(Path::new("rfc8221")).unwrap();
    let found = compliance(&profile, EspSeen { docker_tag, ..of_file() });
    assert_eq!(found, (Some(false), vec!["manual-keys"]));
}

#[test]
fn all_entries_of_one_algorithm_are_alternatives_and_not_the_first_alone() {
    let profile = house(
        "[[allowed]]\nalgorithm = 'aes-gcm'\nkey_bits = [256]\nicv_bits = [128]\n\
         [[allowed]]\nalgorithm = 'aes-gcm'\nkey_bits = [128]\nicv_bits = [64]\n",
    )
    .unwrap();
    let gcm = |key, icv| compliance(&profile, sa("aes-gcm", key, icv, Origin::Ike));
    assert_eq!((gcm(256, 128).0, gcm(128, 64).0), (Some(true), Some(true)));
    assert_eq!(gcm(256, 64), (Some(false), vec!["icv-length"]));
    let unknown = EspSeen { key_bits: None, ..sa("aes-gcm", 0, 64, Origin::Ike) };
    assert_eq!(compliance(&profile, unknown), (None, vec!["unknown"]));
}

#[test]
fn a_file_that_contradicts_itself_or_allows_nothing_is_a_fault() {
    for (wrong, why) in [
        (
            "[[allowed]]\nalgorithm = 'aes-gcm'\n[[refused]]\nalgorithm = 'aes-gcm'",
            "both allows and refuses aes-gcm",
        ),
        (
            "[[allowed]]\nalgorithm = 'aes-cbc'\nhashes = ['hmac-sha1-96']\n[[refused]]\nalgorithm = 'hmac-sha1'",
            "both allows and refuses hmac-sha1",
        ),
        ("[[allowed]]\nalgorithm = 'aes-gcm'\nkey_bits = []", "key_bits = [] of aes-gcm allows none"),
        ("[[allowed]]\nalgorithm = 'aes-gcm'\nicv_bits = []", "icv_bits = [] of aes-gcm allows none"),
    ] {
        let error = house(wrong).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_name_that_is_nearly_a_profile_says_which_there_are() {
    for (name, near) in [("CNSA", "cnsa"), ("rfc-8221", "rfc8221"), ("fips140", "fips")] {
        let error = Profile::open(Path::new(name)).unwrap_err().to_string();
        assert!(error.contains(&format!("write {near}, of: rfc8221, cnsa, fips")), "{error}");
    }
    let error = Profile::open(Path::new("no-such-profile")).unwrap_err().to_string();
    assert!(!error.contains("os error"), "{error}");
}

#[test]
fn a_hash_that_is_cut_shorter_than_ipsec_has_it_is_not_met() {
    let cut = |icv| sa("cbc(aes) hmac(sha256)", 256, icv, Origin::Ike);
    for profile in ["rfc8221", "fips"] {
        assert_eq!(codes(profile, cut(96)), ["icv-length"], "{profile}");
        assert_eq!(codes(profile, cut(128)), [""; 0], "{profile}");
        assert_eq!(codes(profile, EspSeen { icv_bits: None, ..cut(96) }), ["unknown"], "{profile}");
    }
    let any = house("[[allowed]]\nalgorithm = 'aes-cbc'\nhashes = ['hmac-sha256']").unwrap();
    assert_eq!(compliance(&any, cut(96)).0, Some(true));
}

#[test]
fn a_name_that_looks_like_one_of_ours_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let named = |name: &str| {
        let text = format!("name = '{name}'\n[[allowed]]\nalgorithm = 'aes-gcm'\n");
        std::fs::write(&file, text).unwrap();
        Profile::open(file.path()).map(|profile| profile.name).map_err(|error| error.to_string())
    };
    for (name, why) in [
        ("cnsa", "begins as that of the profile cnsa"),
        ("CNSA", "begins as that of the profile cnsa"),
        ("cnsa 2.0", "begins as that of the profile cnsa"),
        ("cnsa-2.0", "begins as that of the profile cnsa"),
        ("RFC 8221", "begins as that of the profile rfc8221"),
        ("FIPS_140-3", "begins as that of the profile fips"),
        ("\u{441}nsa", "letters of ASCII"),
        ("house\u{200b}", "letters of ASCII"),
        ("our house", "letters of ASCII"),
        ("", "letters of ASCII"),
    ] {
        let error = named(name).unwrap_err();
        assert!(error.contains(why) && !error.contains('\n'), "{name}: {error}");
    }
    for name in ["house", "House_7.1-b", "nsa", "like-cnsa"] {
        assert_eq!(named(name).as_deref(), Ok(name));
    }
}
