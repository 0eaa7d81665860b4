//! ovlsniff: grep through overlay networks, and know whether they are encrypted.
//!
//! # The floors
//!
//! Each room uses only rooms on floors below its own; a test holds every file to that.
//!
//! | floor | rooms | what they are for |
//! |---|---|---|
//! | 8 | `main`, `cli`, `commands` (the binary) | what was typed; one file a subcommand; signals |
//! | 7 | [`keeping`] | the process that keeps root |
//! | 6 | [`mod@audit`] | the folder of evidence for an auditor, and its replay |
//! | 5 | [`mod@print`] | values to text, hexdump, JSON and reports |
//! | 4 | [`search`], [`verify`], [`overlay`] | what is shown; the verdict; building networks |
//! | 3 | [`dissect`], [`capture`] | frames to packets; where frames come from and go to |
//! | 2 | [`host`], [`ipsec`] | what is known about this machine; security associations, and opening ESP with them |
//! | 1 | `netlink`, [`pattern`], [`whole_file`] | one conversation with the kernel; regular expressions and bytes; files that are replaced whole |
//! | 0 | [`packet`], [`escape`], [`private_file`], [`keeper`] | bytes to values; safe text; files for their owner alone; what that process may be asked |
//!
//! # A frame on its way to a line
//!
//! 1. [`capture::live::Live::next`] lends a frame of the kernel's ring where one ring is read, and copies it only where several
//!    rings are merged by time. [`capture::savefile::Savefile::advance`] reads the next one of a file and
//!    [`capture::savefile::Savefile::frame`] lends it. A [`packet::Frame`] borrows its bytes.
//! 2. [`search::Search::frame`] takes it. Where only matches are wanted, a glance at its first headers and a look for the
//!    pattern's literal may end its way here. The records of a file that are in memory go to [`search::Search::records`] all at
//!    once, and those that need not be decoded are skimmed (`src/search/skim.rs`).
//! 3. [`dissect::Dissector::frame`] has it decoded by [`packet::Decoder`], which never fails: it goes as far as the bytes are
//!    good, and the [`packet::Packet`] says where it stopped. A fragment waits in [`packet::Reassembly`] until its datagram is
//!    whole; ESP is opened by an [`ipsec::Opener`] where there is a key.
//! 4. The search's selection asks the [`pattern::Pattern`], and tells a sink what became of the packet
//!    ([`search::Found`]): matched, opaque, read, or not decoded. With `--stream`, segments of TCP are put in order first, and each
//!    direction is searched as its receiver reads it ([`search::Search::follow_streams`]).
//! 5. [`print::Printer`] writes a block, a mark or a line of JSON, with everything that a terminal would obey escaped.
//!
//! # A run of `verify`
//!
//! Before all that, a [`keeping`] process is started, root is left, and a [`host::fence`] raised. What takes root from then on is
//! asked of the [`keeper`].
//!
//! 1. [`verify::session::Session::prepare`] finds the network ([`verify::Wanted`]): `ovlsniff overlay`, the Docker engine or a
//!    VXLAN device knows its VNI, its nodes and its port.
//! 2. A [`host::survey::Survey`] of the underlay's network namespace says what each link shows of its wire
//!    ([`host::wires::Role`]). All are captured, and [`host::changes::Changes`] tells what changes meanwhile.
//! 3. The state of the kernel ([`verify::KernelState`]) is read, and the keys with their notices, before the first frame.
//! 4. [`verify::session::Session::run`] watches: a [`verify::probe::Prober`] sends ICMP echo with a canary into the overlay, and every frame
//!    goes through the [`dissect::Dissector`] to a [`verify::Tally`], which counts by peer and by [`verify::Way`], and searches what nothing explains.
//! 5. It drains the rings, and holds the links, the routes and the kernel's state against those of the beginning.
//! 6. [`verify::judge()`] makes of the tally and the [`verify::Circumstances`] a [`verify::Report`]: for each leg a verdict, a rung of
//!    evidence and a reason, then the verdict on the whole.
//! 7. [`print::report`] prints it, and [`verify::Report::exit_status`] is what scripts read.
//!
//! # `overlay up`
//!
//! 1. [`overlay::OverlayFile`] or the command line gives the networks, and [`overlay::validate()`] refuses what no host could build.
//! 2. [`overlay::Kernel::read`] reads what is: links, addresses, forwarding entries, neighbours, SAs and policies of this host.
//! 3. [`overlay::begin()`] looks up in the state on the disk which keys were used before, and refuses if that was lost.
//! 4. [`overlay::plan()`] compares the networks with the host and gives [`overlay::Step`]s. It is pure, and empty when nothing is to
//!    be done; their order is what makes an encrypted network fail closed.
//! 5. [`overlay::Kernel::check_vxlan`] and [`overlay::Kernel::check_esp`] try if the kernel has what the plan needs.
//! 6. What the plan will use up, the start counters of its keys, is kept on the disk first ([`overlay::Store`]).
//! 7. [`overlay::apply()`] does one step after the other over netlink, and undoes them in reverse when one is refused.

pub mod audit;
pub mod capture;
pub mod dissect;
pub mod escape;
pub mod host;
pub mod ipsec;
pub mod keeper;
pub mod keeping;
mod netlink;
pub mod overlay;
pub mod packet;
pub mod pattern;
pub mod print;
pub mod private_file;
pub mod search;
pub mod verify;
pub mod whole_file;
