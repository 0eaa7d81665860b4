//! A fence around the process that decodes packets: what it can still ask of the kernel once everything is open.
//!
//! Leaving root ([`super::privileges`]) takes the power to do harm to the machine. The fence takes most of the rest: a
//! process of `nobody` can still start programs, open connections, read every file that is open to all, and talk to
//! every part of the kernel that has not been hardened for years. Code that decodes frames needs none of that.
//!
//! It has two halves, both Linux's own. A filter of system calls (`calls`, seccomp) refuses all but those that
//! a search or a watch makes. Landlock ([`raise`]) refuses the file system, where the filter can only tell reading from writing. A kernel
//! that has one of them only, or none, is no error: the process has no privilege in any case.
//!
//! # Decisions
//!
//! - A call that is refused fails with `EPERM`, as it would for a user without the right to it. The program is not killed,
//!   because a library that tries something, and can do without, should not cost the user a capture that runs for a week; what
//!   is refused is refused all the same.
//! - The filter is a list of what is allowed. A new system call of a new kernel is refused until somebody thinks of it.
//! - Threads inherit both halves. So the fence is raised while there is one thread, and before the first packet.
//! - `--no-drop` raises none: it is for those who want the process as it was.

mod calls;

use std::collections::BTreeMap;
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use nix::errno::Errno;
use nix::libc::c_long;
use seccompiler::{
    BpfProgram, BpfProgramRef, SeccompAction, SeccompFilter, SeccompRule, TargetArch,
    apply_filter_all_threads,
};

/// The work that the process goes on to do behind its fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A watch, for which a keeper opens everything. No file is opened any more.
    Watch,
    /// A search through live traffic. The kernel's counters of interfaces are files.
    Live,
    /// A search through files, which are opened one after the other.
    Files,
}

/// The halves of the fence that stand. A kernel may lack one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Raised {
    /// System calls are filtered.
    pub calls: bool,
    /// The file system is closed.
    pub files: bool,
}

/// The newest version of Landlock whose rights are asked for. An older kernel gives those that it has.
const NEWEST: ABI = ABI::V6;

/// Raises the fence around this process, for good. Call it while one thread is running.
pub fn raise(work: Work) -> Raised {
    // The filter comes last: it refuses the calls that make Landlock's half.
    let files = close_files(work).unwrap_or(false);
    Raised { calls: filter_calls(work, apply_filter_all_threads), files }
}

/// Closes the file system, and the network as far as Landlock knows it. Returns true if the kernel does so.
fn close_files(work: Work) -> Result<bool, landlock::RulesetError> {
    let readable: &[&str] = match work {
        Work::Watch => &[],
        Work::Live => &["/sys"],
        // Whatever is named on the command line may be read, and what a library loads for a filter.
        Work::Files => &["/"],
    };
    let reading = AccessFs::from_read(NEWEST) & !AccessFs::Execute;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    for path in readable.iter().map(PathBuf::from).filter_map(|path| PathFd::new(path).ok()) {
        rules = rules.add_rule(PathBeneath::new(path, reading))?;
    }
    Ok(rules.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
}

/// Filters the system calls of all threads, or of those that `apply` does it for. Returns true if the kernel does so.
fn filter_calls(work: Work, apply: impl Fn(BpfProgramRef<'_>) -> seccompiler::Result<()>) -> bool {
    let refused = |errno: Errno| SeccompAction::Errno(errno as u32);
    // Of two filters the stricter answer counts, and the second one refuses to let another one be added.
    let missing = program(calls::missing(), SeccompAction::Allow, refused(Errno::ENOSYS));
    let allowed = program(calls::allowed(work), refused(Errno::EPERM), SeccompAction::Allow);
    let programs = missing.into_iter().chain(allowed);
    programs.map(|program| apply(&program).is_ok()).last().unwrap_or(false)
}

/// Compiles a filter. `None` on a machine for which seccompiler knows none.
fn program(
    calls: BTreeMap<c_long, Vec<SeccompRule>>,
    others: SeccompAction,
    these: SeccompAction,
) -> Option<BpfProgram> {
    let machine = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    SeccompFilter::new(calls, others, these, machine).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests;
