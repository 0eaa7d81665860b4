use super::*;

/// Returns every option and word of a command and of those below it that takes a value, with the names of the command.
fn valued(command: &clap::Command, path: &str) -> Vec<(String, Arg)> {
    let own = command.get_arguments().filter(|arg| arg.is_positional() || arg.get_action().takes_values());
    let own = own.map(|arg| (path.to_owned(), arg.clone()));
    let below = command
        .get_subcommands()
        .flat_map(|below| valued(below, format!("{path} {}", below.get_name()).trim()));
    own.chain(below).collect()
}

#[test]
fn every_value_has_candidates_unless_only_the_user_knows_it() {
    const FREE: [&str; 18] = [
        "PATTERN",
        "BPF FILTER",
        "BPF",
        "BYTES",
        "SIZE",
        "N",
        "C",
        "PORT",
        "DURATION",
        "VNI",
        "MTU",
        "ADDRESS",
        "ADDRESS[=OVERLAY]",
        "ADDRESS/LENGTH",
        "NETWORK",
        "NAME",
        "EVERY",
        "TIME",
    ];
    let mut command = Cli::command();
    command.build();
    for (path, arg) in valued(&command, "") {
        let named = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
        let is_listed = !arg.get_possible_values().is_empty() || kind(&arg, &path).is_some();
        assert!(
            is_listed || named.as_deref().is_some_and(|name| FREE.contains(&name)),
            "{path}: {arg}: no candidates, and not among the free values"
        );
    }
}

#[test]
fn a_value_has_the_candidates_of_its_command() {
    let of = |path: &str, id: &str| {
        let words: Vec<String> = path.split_whitespace().map(str::to_owned).collect();
        let command = cli::find(&words).unwrap();
        let arg = command.get_arguments().find(|arg| arg.get_id() == id);
        kind(arg.unwrap(), path)
    };
    assert_eq!(of("", "interface"), Some(Kind::Interfaces(&["any", "auto"])));
    assert_eq!(of("ngrep", "device"), Some(Kind::Interfaces(&["any"])));
    assert_eq!(of("verify", "interface"), Some(Kind::Interfaces(&[])));
    assert_eq!(of("verify", "vni"), Some(Kind::Vnis));
    assert_eq!(of("overlay up", "vni"), None);
    assert_eq!(of("overlay down", "names"), Some(Kind::OwnNetworks));
    assert_eq!(of("overlay up", "names"), None);
    assert_eq!(of("overlay up", "file"), Some(Kind::Files("toml")));
    assert_eq!(of("keys", "output"), Some(Kind::Files("")));
}

#[test]
fn what_is_known_late_is_left_out() {
    let line = Line { words: vec!["ovlsniff".into(), "".into()], at: 1, cut: 0, is_quoted: false };
    let begun = Instant::now();
    let found = in_time(Kind::Interfaces(&["any"]), &line);
    assert!(begun.elapsed() < 2 * LONGEST);
    assert_eq!(found[0].get_value(), "any");
}
