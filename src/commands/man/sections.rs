//! The parts of the manual pages beside the options: synopsis, examples, exit status, signals, files, environment, and the
//! pages to see as well.

mod overlay;

/// A part of a section.
pub(super) enum Part {
    Text(&'static str),
    /// A name, and what there is to say about it.
    Item(&'static str, &'static str),
}

use Part::{Item, Text};

/// The page of a command.
pub(super) struct Page {
    /// The command behind `ovlsniff`; empty for the program.
    command: &'static str,
    /// One form a line.
    pub(super) synopsis: &'static str,
    pub(super) sections: &'static [(&'static str, &'static [Part])],
}

/// Returns what there is to say about a command: `overlay up`.
pub(super) fn page(command: &str) -> Option<&'static Page> {
    PAGES.iter().chain(overlay::PAGES).find(|page| page.command == command)
}

const FAILED: Part = Item("2", "An error: one sentence on standard error says what is wrong and what to do.");
const DONE: Part = Item("0", "It was done.");
const COMMAND_STATUS: (&str, &[Part]) = ("EXIT STATUS", &[DONE, FAILED]);
const PAGES: &[Page] = &[
    Page {
        command: "",
        synopsis: "ovlsniff [OPTIONS] [PATTERN] [BPF FILTER...]\novlsniff [OPTIONS] -e PATTERN... [BPF FILTER...]\novlsniff COMMAND [OPTIONS]",
        sections: &[
            (
                "EXAMPLES",
                &[
                    Item(
                        "ovlsniff HTTP",
                        "Packets that contain HTTP, also inside of tunnels, on the interfaces that carry overlays; # marks encrypted packets.",
                    ),
                    Item(
                        "ovlsniff -i eth0 -y 'get /' port 80",
                        "The same on eth0, in either case, for packets whose outermost port is 80.",
                    ),
                    Item(
                        "ovlsniff -r capture.pcapng -x 'GET /'",
                        "Search a capture file, and print the matches as a hex dump.",
                    ),
                    Item(
                        "ovlsniff --vni 4097 '' not port 22",
                        "Every packet of one overlay network that has a payload.",
                    ),
                    Item(
                        "ovlsniff --inner 'host 10.0.1.3 and port 80' --json",
                        "Filter on the innermost frame, and print JSON Lines.",
                    ),
                    Item("ovlsniff --stream 'password=[^&]+'", "Matches in TCP, also across segments."),
                    Item(
                        "ovlsniff -q -n 10 -O found.pcap -e verify",
                        "Write the first ten packets that contain the word verify, which is a command's name as well, to a file.",
                    ),
                ],
            ),
            (
                "EXIT STATUS",
                &[
                    Item("0", "Something matched."),
                    Item("1", "Nothing matched."),
                    Item(
                        "2",
                        "An error: one sentence on standard error says what is wrong and what to do. What was read before a file's damage was searched.",
                    ),
                    Item(
                        "130",
                        "A signal ended the search of a file before its end, and nothing had matched until there.",
                    ),
                    Item(
                        "128 + N",
                        "A second signal with the number N arrived before the first had ended the program.",
                    ),
                    Text(
                        "Each command has exit statuses of its own, which its page lists. A reader of the output that goes away is no error.",
                    ),
                ],
            ),
            (
                "SIGNALS",
                &[
                    Item(
                        "INT, TERM, HUP, QUIT",
                        "End the search: what was found is written, and the closing line printed. HUP is ignored if it was when the program began, as nohup has it. A second one ends the program at once.",
                    ),
                    Item("USR1", "Print the statistics so far to standard error, and go on."),
                    Item("PIPE", "A reader of standard output that goes away ends the program quietly."),
                ],
            ),
            (
                "FILES",
                &[
                    Item("/run/netns/NAME, /run/docker/netns/NAME", "Network namespaces that --netns names."),
                    Item(
                        "/run/docker.sock",
                        "The socket of Docker's engine, which is asked for the names of its networks, and with --resolve for those of containers and services.",
                    ),
                    Item(
                        "/run/podman/podman.sock",
                        "The socket of Podman, which --resolve asks where there is no Docker.",
                    ),
                ],
            ),
            (
                "ENVIRONMENT",
                &[
                    Item(
                        "NO_COLOR",
                        "If it is set and not empty, nothing is coloured, unless by --color=always.",
                    ),
                    Item(
                        "CLICOLOR_FORCE",
                        "If it is set and not 0, matches are coloured without a terminal as well.",
                    ),
                    Item("TZ", "The time zone of -t."),
                    Item("DOCKER_HOST", "The socket of Docker's engine: unix:///run/docker.sock."),
                ],
            ),
            (
                "SEE ALSO",
                &[Text(
                    "ovlsniff-verify(1), ovlsniff-interfaces(1), ovlsniff-keys(1), ovlsniff-overlay(1), ngrep(8), tcpdump(8), pcap-filter(7)",
                )],
            ),
        ],
    },
    Page {
        command: "verify",
        synopsis: "ovlsniff verify [OPTIONS] --net NAME\novlsniff verify [OPTIONS] --vni VNI --peer ADDRESS...\novlsniff verify [OPTIONS] --all\novlsniff verify [OPTIONS] --net NAME -r FILE --local ADDRESS\novlsniff verify merge [OPTIONS] FILE...",
        sections: &[
            (
                "EXAMPLES",
                &[
                    Item(
                        "ovlsniff verify --net secure",
                        "Send probes through the network, and judge for ten seconds what passes.",
                    ),
                    Item(
                        "ovlsniff verify --all --json",
                        "Judge every overlay of this host, and print a JSON object for each.",
                    ),
                    Item(
                        "ovlsniff verify --vni 4098 --peer 192.0.2.2 --passive --for 5m",
                        "Judge the traffic between this node and another, without probes.",
                    ),
                    Item(
                        "ovlsniff verify --net secure -r node1.pcap --local 192.0.2.1 --sa keys.txt",
                        "Judge a capture file of a node.",
                    ),
                    Item(
                        "ovlsniff verify --all --watch 5m --format prometheus -o /var/lib/prometheus/node-exporter/ovlsniff.prom",
                        "Judge every overlay every five minutes, and keep the verdicts in a file for node_exporter, which is replaced whole.",
                    ),
                ],
            ),
            (
                "EXIT STATUS",
                &[
                    Item(
                        "0",
                        "The network is as it is expected to be: encrypted, or in clear with --expect clear.",
                    ),
                    Item(
                        "1",
                        "It is not: its packets can be read, are only authenticated, or clear ones from outside would be accepted.",
                    ),
                    FAILED,
                    Item("3", "INCONCLUSIVE: what was seen proves neither."),
                    Item("4", "BLACKHOLED: packets leave encrypted, and nothing arrives."),
                    Text(
                        "With --format nagios the status is that of a plugin: 0 OK, 1 WARNING (not enforced), 2 CRITICAL, 3 UNKNOWN, which is that of an error as well.",
                    ),
                    Text(
                        "With --all the worst verdict counts: what can be read comes before what does not arrive, and that before what is inconclusive.",
                    ),
                ],
            ),
            (
                "SIGNALS",
                &[
                    Item(
                        "INT, TERM, HUP, QUIT",
                        "End the watch, and judge what was seen until then. With --watch the last whole verdict counts, unless a leak was seen since. A second one ends the program at once. With --read the first one does, without a verdict.",
                    ),
                    Item("USR1", "Does nothing."),
                ],
            ),
            (
                "FILES",
                &[
                    Item("/run/docker.sock", "The socket of Docker's engine; DOCKER_HOST names another one."),
                    Item("/proc/net/xfrm_stat", "The kernel's counters of IPsec errors."),
                ],
            ),
            (
                "ENVIRONMENT",
                &[Item("DOCKER_HOST", "The socket of Docker's engine: unix:///run/docker.sock.")],
            ),
            (
                "SEE ALSO",
                &[Text(
                    "ovlsniff(1), ovlsniff-verify-merge(1), ovlsniff-overlay(1), ip-xfrm(8), docker-network-create(1)",
                )],
            ),
        ],
    },
    Page {
        command: "verify merge",
        synopsis: "ovlsniff verify merge [OPTIONS] FILE...",
        sections: &[
            (
                "EXAMPLES",
                &[
                    Item(
                        "ovlsniff verify merge node1.json node2.json node3.json",
                        "Join the reports of three nodes, made by verify --json, into one matrix.",
                    ),
                    Item(
                        "ovlsniff verify merge reports --format html -o matrix.html",
                        "Join all reports of a folder into a page that needs nothing else.",
                    ),
                    Item(
                        "cat reports/*.json | ovlsniff verify merge - --at newest --stale 10m",
                        "Join reports of an earlier day, which were made within ten minutes.",
                    ),
                ],
            ),
            (
                "EXIT STATUS",
                &[
                    Item(
                        "0",
                        "Every direction between two nodes is as it is expected to be, and its sender says so.",
                    ),
                    Item(
                        "1",
                        "A direction can be read or is only authenticated, or a node would accept clear packets.",
                    ),
                    FAILED,
                    Item(
                        "3",
                        "INCONCLUSIVE: nothing is proven of a direction. It was not reported, or only by a report that is too old, or a report could not be read.",
                    ),
                    Item("4", "BLACKHOLED: packets leave encrypted, and nothing arrives."),
                ],
            ),
            ("SEE ALSO", &[Text("ovlsniff(1), ovlsniff-verify(1)")]),
        ],
    },
    Page {
        command: "interfaces",
        synopsis: "ovlsniff interfaces [--json] [--netns NAME|PATH|PID] [--watch [DURATION] [-n N]]",
        sections: &[
            (
                "EXAMPLES",
                &[
                    Item(
                        "ovlsniff interfaces --netns blue",
                        "List the interfaces of another network namespace.",
                    ),
                    Item(
                        "ovlsniff interfaces --watch",
                        "Show every second how many packets pass each interface: opaque by kind, readable, not decoded.",
                    ),
                ],
            ),
            COMMAND_STATUS,
            ("SEE ALSO", &[Text("ovlsniff(1), ip-link(8), ip-netns(8)")]),
        ],
    },
    Page {
        command: "keys",
        synopsis: "ovlsniff keys --wireshark [OPTIONS]",
        sections: &[
            (
                "EXAMPLES",
                &[Item(
                    "ovlsniff keys --wireshark -o esp_sa",
                    "Write the kernel's keys to a file for Wireshark's profile folder.",
                )],
            ),
            ("EXIT STATUS", &[DONE, Item("1", "There is no key to write."), FAILED]),
            ("FILES", &[Item("~/.config/wireshark/esp_sa", "The table of keys that Wireshark reads.")]),
            ("SEE ALSO", &[Text("ovlsniff(1), ip-xfrm(8), wireshark(1)")]),
        ],
    },
    Page {
        command: "ngrep",
        synopsis: "ovlsniff ngrep [OPTIONS] [PATTERN] [BPF FILTER...]",
        sections: &[
            (
                "EXAMPLES",
                &[
                    Item("ovlsniff ngrep -tpd eth0 HTTP", "Packets that contain HTTP, as ngrep prints them."),
                    Item(
                        "ovlsniff ngrep -qI capture.pcap -W byline 'GET /' port 80",
                        "Search a capture file, and print the lines of each payload.",
                    ),
                ],
            ),
            ("EXIT STATUS", &[Item("0", "Something matched."), Item("1", "Nothing matched."), FAILED]),
            (
                "FILES",
                &[Item(
                    "ngrep",
                    "A link to ovlsniff by this name takes these options without the word ngrep.",
                )],
            ),
            ("SEE ALSO", &[Text("ovlsniff(1), ngrep(8), pcap-filter(7)")]),
        ],
    },
    Page {
        command: "completions",
        synopsis: "ovlsniff completions SHELL",
        sections: &[
            (
                "EXAMPLES",
                &[
                    Item(
                        "ovlsniff completions bash > /etc/bash_completion.d/ovlsniff",
                        "Have bash complete words of ovlsniff, also behind sudo. The script asks the program for the words, and need not be made anew.",
                    ),
                    Item("source <(ovlsniff completions bash)", "The same for this shell alone."),
                    Item(
                        "ovlsniff completions zsh > /usr/local/share/zsh/site-functions/_ovlsniff",
                        "The same for zsh.",
                    ),
                    Item(
                        "ovlsniff completions fish > ~/.config/fish/completions/ovlsniff.fish",
                        "The same for fish.",
                    ),
                ],
            ),
            COMMAND_STATUS,
            ("SEE ALSO", &[Text("ovlsniff(1)")]),
        ],
    },
    Page {
        command: "man",
        synopsis: "ovlsniff man [COMMAND...]",
        sections: &[
            ("EXAMPLES", &[Item("ovlsniff man overlay up | man -l -", "Read the manual page of a command.")]),
            COMMAND_STATUS,
            ("SEE ALSO", &[Text("ovlsniff(1), man(1)")]),
        ],
    },
    Page {
        command: "help",
        synopsis: "ovlsniff help [COMMAND...]",
        sections: &[
            (
                "EXAMPLES",
                &[Item(
                    "ovlsniff help overlay up",
                    "Print the help of a command, as ovlsniff overlay up --help does.",
                )],
            ),
            COMMAND_STATUS,
            ("SEE ALSO", &[Text("ovlsniff(1)")]),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command_lines;

    #[test]
    fn every_command_has_a_page_with_examples_and_exit_statuses() {
        let commands = command_lines().into_iter().map(|line| line.replacen("ovlsniff ", "", 1));
        for command in commands.chain([String::new()]) {
            let page = page(&command).unwrap_or_else(|| panic!("{command}"));
            let headings: Vec<&str> = page.sections.iter().map(|(heading, _)| *heading).collect();
            for heading in ["EXAMPLES", "EXIT STATUS", "SEE ALSO"] {
                assert!(headings.contains(&heading), "{command}: {heading}");
            }
            assert!(page.synopsis.lines().all(|form| form.starts_with("ovlsniff")), "{command}");
        }
    }

    /// An example whose options were renamed would still look right.
    #[test]
    fn every_example_is_a_line_that_the_program_takes() {
        let examples =
            PAGES.iter().flat_map(|page| page.sections).filter(|(heading, _)| *heading == "EXAMPLES");
        for part in examples.flat_map(|(_, parts)| *parts) {
            let Item(line, _) = part else { continue };
            let line = line.split([">", "|"].map(|c| c.chars().next().unwrap())).next().unwrap();
            let words = line.split('\'').enumerate().flat_map(|(n, part)| match n % 2 {
                0 => part.split_whitespace().map(std::ffi::OsString::from).collect::<Vec<_>>(),
                _ => vec![part.into()],
            });
            let words: Vec<_> = words.skip(1).collect();
            assert!(crate::cli::read(&words).is_ok(), "{line}");
        }
    }
}
