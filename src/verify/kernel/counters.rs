//! Files of the kernel: the counters of `/proc/net/xfrm_stat`, and the modules that decrypt ESP before a capture can
//! see it.

use std::collections::BTreeMap;

use crate::keeper;

/// Reads the counters of this thread's network namespace. The map is empty if the kernel keeps none.
pub(super) fn read() -> BTreeMap<String, u64> {
    keeper::read_to_string("/proc/thread-self/net/xfrm_stat").map_or_else(|_| BTreeMap::new(), |t| parse(&t))
}

fn parse(text: &str) -> BTreeMap<String, u64> {
    let line = |line: &str| {
        let (name, count) = line.split_once(char::is_whitespace)?;
        Some((name.to_owned(), count.trim().parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

/// Returns true if the kernel has the module `esp4_offload` or `esp6_offload`. A module that is built in shows only
/// in `modules.builtin`. Returns `None` if a list is missing.
pub(in crate::verify) fn esp_offload() -> Option<bool> {
    const MODULES: [&str; 2] = ["esp4_offload", "esp6_offload"];
    let loaded = keeper::read_to_string("/proc/modules").ok()?;
    let first = |line: &str| line.split(' ').next().is_some_and(|name| MODULES.contains(&name));
    if loaded.lines().any(first) {
        return Some(true);
    }
    let release = keeper::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let builtin = keeper::read_to_string(format!("/lib/modules/{}/modules.builtin", release.trim())).ok()?;
    Some(MODULES.iter().any(|name| builtin.contains(&format!("/{name}.ko"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_by_name() {
        let counters = parse("XfrmInError             \t0\nXfrmInNoStates          \t17\nodd\n");
        assert_eq!(counters.get("XfrmInNoStates"), Some(&17));
        assert_eq!(counters.len(), 2);
    }
}
