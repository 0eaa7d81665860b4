//! The system calls that a search or a watch makes once everything is open.
//!
//! Those that are in every program come first: memory, threads, time, signals, waiting, and reading and writing of what is
//! open. The others have conditions on their arguments. The kernel remembers the calls without a condition
//! since version 5.11, and asks no filter for them again.

use std::collections::BTreeMap;

use nix::libc::{self, c_long};
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

use super::Work;

/// The calls without a condition.
const PLAIN: &[c_long] = &[
    // Work with descriptors that are open.
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fadvise64,
    libc::SYS_fdatasync,
    libc::SYS_fstat,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_lseek,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    // Sockets that are open.
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_shutdown,
    // Waiting.
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    // Memory.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_memfd_create,
    libc::SYS_membarrier,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Threads.
    libc::SYS_clone3,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    // Time.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    // Signals.
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    // Facts.
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_getuid,
    libc::SYS_sysinfo,
    libc::SYS_uname,
];

/// Older forms of some of these calls, which newer machines do not have.
#[cfg(target_arch = "x86_64")]
const OLD: &[c_long] = &[
    libc::SYS_arch_prctl,
    libc::SYS_dup2,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[c_long] = &[];

/// The call `fstatat`, by which `fstat` is done as well, with an empty path.
const FSTATAT: c_long = libc::SYS_newfstatat;

/// The bits of `open` that would write, create or cut a file.
const WRITING: u64 = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND) as u64;

/// The commands of `fcntl` that are allowed. Its flags may be changed as well, but for `O_ASYNC`. The last one is for
/// a pipe that is searched.
const FCNTL: [u64; 5] = [
    libc::F_DUPFD_CLOEXEC as u64,
    libc::F_GETFD as u64,
    libc::F_SETFD as u64,
    libc::F_GETFL as u64,
    libc::F_SETPIPE_SZ as u64,
];

/// The bits of a socket's type that say its kind. The others are flags.
const KIND_OF_SOCKET: u64 = 0xf;

/// `PR_SET_VMA`, by which the C library names its memory.
const PR_SET_VMA: u64 = 0x5356_4d41;

/// Returns the calls that are allowed, each with the conditions of which one has to hold; none if it always is.
pub(super) fn allowed(work: Work) -> BTreeMap<c_long, Vec<SeccompRule>> {
    let mut calls: BTreeMap<c_long, Vec<SeccompRule>> =
        PLAIN.iter().chain(OLD).map(|call| (*call, Vec::new())).collect();
    let mut when = |call: c_long, rules: Vec<Option<SeccompRule>>| {
        calls.insert(call, rules.into_iter().flatten().collect());
    };
    let is =
        |argument, value: c_long| rule(vec![(argument, Dword, Eq, u64::from_ne_bytes(value.to_ne_bytes()))]);
    // A thread, and no process.
    let thread = libc::CLONE_THREAD as u64;
    when(libc::SYS_clone, vec![rule(vec![(0, Qword, MaskedEq(thread), thread)])]);
    // A program that gives up sends itself a signal. It may send none to others.
    let own = c_long::from(nix::unistd::getpid().as_raw());
    when(libc::SYS_tgkill, vec![is(0, own)]);
    when(libc::SYS_kill, vec![is(0, own)]);
    // A descriptor can also send signals, to a process that is named as its owner.
    let flags = vec![(1, Dword, Eq, libc::F_SETFL as u64), (2, Dword, MaskedEq(libc::O_ASYNC as u64), 0)];
    let fcntl = FCNTL.map(|command| rule(vec![(1, Dword, Eq, command)]));
    when(libc::SYS_fcntl, fcntl.into_iter().chain([rule(flags)]).collect());
    // Limits may be asked for, and not be changed.
    when(libc::SYS_prlimit64, vec![rule(vec![(2, Qword, Eq, 0)])]);
    let names = [u64::from(libc::PR_SET_NAME as u32), PR_SET_VMA];
    when(libc::SYS_prctl, names.map(|name| rule(vec![(0, Dword, Eq, name)])).into());
    // The size of a terminal, and the name and the number of an interface.
    let asked = [libc::TIOCGWINSZ, libc::TCGETS, libc::FIONREAD, libc::FIONBIO];
    // Their type differs between the C libraries.
    #[allow(clippy::unnecessary_cast)]
    let asked = asked.map(|request| request as u64).into_iter();
    let asked = asked.chain([0x8910 /* SIOCGIFNAME */, 0x8933 /* SIOCGIFINDEX */]);
    when(libc::SYS_ioctl, asked.map(|request| rule(vec![(1, Dword, Eq, request)])).collect());
    // Pairs of sockets that lead nowhere else. One for datagrams can send to the path of any other socket, without a call of
    // `connect`, and hand descriptors over to it.
    let pairs = [libc::SOCK_STREAM as u64, libc::SOCK_SEQPACKET as u64].map(|kind| {
        rule(vec![(0, Dword, Eq, libc::AF_UNIX as u64), (1, Dword, MaskedEq(KIND_OF_SOCKET), kind)])
    });
    when(libc::SYS_socketpair, pairs.into());
    if work == Work::Watch {
        // Of what is open alone, for which the path is empty.
        let empty = libc::AT_EMPTY_PATH as u64;
        when(FSTATAT, vec![rule(vec![(3, Dword, MaskedEq(empty), empty)])]);
        when(libc::SYS_statx, vec![rule(vec![(2, Dword, MaskedEq(empty), empty)])]);
    } else {
        let reading = |argument| rule(vec![(argument, Dword, MaskedEq(WRITING), libc::O_RDONLY as u64)]);
        when(libc::SYS_openat, vec![reading(2)]);
        #[cfg(target_arch = "x86_64")]
        when(libc::SYS_open, vec![reading(1)]);
        for call in
            [FSTATAT, libc::SYS_statx, libc::SYS_readlinkat, libc::SYS_faccessat, libc::SYS_getdents64]
        {
            when(call, Vec::new());
        }
        #[cfg(target_arch = "x86_64")]
        for call in [libc::SYS_access, libc::SYS_readlink, libc::SYS_stat, libc::SYS_lstat] {
            when(call, Vec::new());
        }
        // Moving bytes from one open file to another.
        when(libc::SYS_copy_file_range, Vec::new());
        when(libc::SYS_splice, Vec::new());
        when(libc::SYS_sendfile, Vec::new());
    }
    calls
}

/// Returns the calls that are said to be missing. The flags of `clone3` are in memory, where no filter can read them. The C
/// library takes `clone` where the kernel has no `clone3`, and gives up where it is refused.
pub(super) fn missing() -> BTreeMap<c_long, Vec<SeccompRule>> {
    BTreeMap::from([(libc::SYS_clone3, Vec::new())])
}

/// Makes a rule of conditions that all have to hold: the number of an argument from 0, the bits of it that count, and
/// the comparison with a value.
fn rule(conditions: Vec<(u8, SeccompCmpArgLen, SeccompCmpOp, u64)>) -> Option<SeccompRule> {
    let conditions = conditions
        .into_iter()
        .map(|(number, bits, compared, value)| SeccompCondition::new(number, bits, compared, value));
    SeccompRule::new(conditions.collect::<Result<_, _>>().ok()?).ok()
}
