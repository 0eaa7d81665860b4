//! The pages of `ovlsniff overlay` and its acts.

use super::Part::{Item, Text};
use super::{COMMAND_STATUS, DONE, FAILED, Page, Part};

const STATE: Part = Item(
    "/var/lib/ovlsniff",
    "The generations and start counters of the keys; another folder is named with --state. It must not be lost, or put back from a copy: \
     counters could repeat, and a repeated one gives text away.",
);
const SEE_ALSO: (&str, &[Part]) =
    ("SEE ALSO", &[Text("ovlsniff(1), ovlsniff-overlay(1), ovlsniff-verify(1), ip-xfrm(8)")]);
const KEY_FILE: Part = Item(
    "secure.key",
    "The secret of a network, made by ovlsniff overlay keygen: the same on every node, readable by its owner only.",
);

pub(super) const PAGES: &[Page] = &[
    Page {
        command: "overlay",
        synopsis: "ovlsniff overlay COMMAND [OPTIONS]",
        sections: &[
            (
                "EXAMPLES",
                &[
                    Item(
                        "ovlsniff overlay keygen -o secure.key",
                        "Make a secret. Copy the file to every node.",
                    ),
                    Item(
                        "ovlsniff overlay up secure --vni 4098 --local 192.0.2.1 --peer 192.0.2.2 --addr 10.0.2.1/24 --opt encrypted --key secure.key",
                        "Build an encrypted network on one of two nodes.",
                    ),
                    Item(
                        "ovlsniff overlay status",
                        "Compare the kernel with what the networks are meant to be.",
                    ),
                ],
            ),
            (
                "EXIT STATUS",
                &[DONE, Item("1", "status found something missing, or rotate waits for a peer."), FAILED],
            ),
            ("FILES", &[STATE, KEY_FILE]),
            (
                "SEE ALSO",
                &[Text(
                    "ovlsniff(1), ovlsniff-overlay-up(1), ovlsniff-overlay-down(1), ovlsniff-overlay-status(1), ovlsniff-overlay-rotate(1), ovlsniff-overlay-keygen(1), ip-xfrm(8)",
                )],
            ),
        ],
    },
    Page {
        command: "overlay up",
        synopsis: "ovlsniff overlay up NETWORK --vni VNI --local ADDRESS [OPTIONS]\novlsniff overlay up -f FILE [--node NAME] [OPTIONS] [NETWORK...]",
        sections: &[
            (
                "EXAMPLES",
                &[
                    Item(
                        "ovlsniff overlay up insecure --vni 4097 --local 192.0.2.1 --peer 192.0.2.2 --addr 10.0.1.1/24",
                        "Build a network in clear.",
                    ),
                    Item(
                        "ovlsniff overlay up -f overlay.toml --node node1",
                        "Build all networks of a file, as node1 has them.",
                    ),
                    Item(
                        "ovlsniff overlay up -f overlay.toml --dry-run",
                        "Print the steps, and change nothing.",
                    ),
                ],
            ),
            COMMAND_STATUS,
            (
                "FILES",
                &[
                    STATE,
                    KEY_FILE,
                    Item(
                        "overlay.toml",
                        "All nodes and networks, the same on every node: docs/overlay.md has an example.",
                    ),
                ],
            ),
            SEE_ALSO,
        ],
    },
    Page {
        command: "overlay down",
        synopsis: "ovlsniff overlay down [OPTIONS] NETWORK...\novlsniff overlay down [OPTIONS] --all",
        sections: &[
            ("EXAMPLES", &[Item("ovlsniff overlay down --all --dry-run", "Print what would be removed.")]),
            COMMAND_STATUS,
            ("FILES", &[STATE]),
            SEE_ALSO,
        ],
    },
    Page {
        command: "overlay status",
        synopsis: "ovlsniff overlay status [--json] [NETWORK...]",
        sections: &[
            ("EXAMPLES", &[Item("ovlsniff overlay status --json secure", "Show one network as JSON.")]),
            (
                "EXIT STATUS",
                &[
                    Item("0", "Nothing is missing."),
                    Item("1", "Something is missing or was changed."),
                    FAILED,
                ],
            ),
            SEE_ALSO,
        ],
    },
    Page {
        command: "overlay rotate",
        synopsis: "ovlsniff overlay rotate [OPTIONS] [NETWORK...]",
        sections: &[
            (
                "EXAMPLES",
                &[
                    Item("ovlsniff overlay rotate", "Take the next step: once on every node, and once more."),
                    Item(
                        "ovlsniff overlay rotate --due 12h",
                        "For a timer on every node: take new keys when the last are half a day old.",
                    ),
                ],
            ),
            ("EXIT STATUS", &[DONE, Item("1", "A step waits for a peer, which is named."), FAILED]),
            ("FILES", &[STATE, KEY_FILE]),
            SEE_ALSO,
        ],
    },
    Page {
        command: "overlay keygen",
        synopsis: "ovlsniff overlay keygen [-o FILE]",
        sections: &[
            (
                "EXAMPLES",
                &[Item(
                    "ovlsniff overlay keygen -o secure.key",
                    "Make a secret in a new file that its owner alone can read.",
                )],
            ),
            COMMAND_STATUS,
            ("FILES", &[KEY_FILE]),
            SEE_ALSO,
        ],
    },
];
