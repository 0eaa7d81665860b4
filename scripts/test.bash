# shellcheck shell=bash # a part of ./x
# ./x test: everything that must hold.

. scripts/steps.bash
. scripts/bench.bash
. scripts/deploy.bash

run_tests() {
    begin_steps
    step setup setup_tests
    use_cargo || exit 2
    own_target
    machine
    step format format_clean
    step clippy clippy_clean
    step docs rustdoc_clean
    step scripts scripts_clean
    step fuzz fuzz_lints
    step deny dependencies_allowed
    step deploy deployment_files
    step tests plain_tests
    step needs privileged_tests
    step corpus corpus_of_fixtures
    step instructions instructions_held
    step labs lab_tests
    step demo bash ./x demo
    end_steps
}

setup_tests() { bash ./x setup test; }

rustdoc_clean() {
    # Both write to the same folder. The library comes last, because its pages are the ones to read.
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --quiet --no-deps --document-private-items --bins &&
        RUSTDOCFLAGS="-D warnings" cargo doc --locked --quiet --no-deps --document-private-items --lib
}

# Prints the shell scripts, found by their first line. In a tree without git all files are looked at.
shell_scripts() {
    local file
    { git ls-files -z 2>/dev/null || find . \( -name .git -o -name target \) -prune -o -type f -print0; } |
        while IFS= read -r -d '' file; do
            if [ -f "$file" ] && head -n 1 "$file" | grep -qaE '^#!.*\b(ba)?sh\b|^# shellcheck shell='; then printf '%s\0' "$file"; fi
        done
}

scripts_clean() {
    if ! have shellcheck; then skip "scripts: shellcheck is not installed"; return 0; fi
    shell_scripts | xargs -0 shellcheck --severity=warning
}

# The fuzz targets are a package of their own, which nothing else builds. Lints do not need libFuzzer, which would take
# minutes of C++ to build, so a library is named in its place that need not exist.
fuzz_lints() {
    cargo fmt --check --manifest-path fuzz/Cargo.toml -- --config-path rustfmt.toml &&
        CUSTOM_LIBFUZZER_PATH=$PWD/target/libnone.a CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target} \
            cargo clippy --locked --quiet --manifest-path fuzz/Cargo.toml -- -D warnings
}

# The version of cargo-deny to use: a newer one may find other things, or need a newer Rust. It is built once for each
# user, because that takes a while.
deny_version=0.20.2

dependencies_allowed() {
    local tools=${XDG_CACHE_HOME:-$HOME/.cache}/ovlsniff
    export PATH="$PATH:$tools/bin"
    if ! have cargo-deny; then
        if ! at_least 1.88 "$rust_found"; then skip "deny: cargo-deny needs Rust 1.88, here is $rust_found"; return 0; fi
        if ! CARGO_PROFILE_DEV_DEBUG=0 timeout 900 cargo install --quiet --locked --debug --root "$tools" --version "$deny_version" cargo-deny; then
            skip "deny: cargo-deny could not be installed"
            return 0
        fi
    fi
    cargo deny --log-level error check bans licenses sources || return 1
    if timeout 60 cargo deny --log-level error fetch db 2>/dev/null; then
        cargo deny check --disable-fetch advisories
    else
        skip "deny: advisories (the database of RustSec cannot be fetched)"
    fi
}

# Tests that need something are #[ignore], in modules of tests/privileged that are named after what they need.
privileged() { cargo test --locked --no-fail-fast --test privileged -- --ignored "$@"; }

# The release of ngrep whose faults docs/ngrep.md lists. Others have others.
ngrep_release=V1.47

# These tests run one after another, because some of them measure time and the machine may have few processors.
privileged_tests() {
    local need
    local -a without=(--skip lab::)
    if ! is_root; then skip "tests of root::, because this is not root"; without+=(--skip root::)
    # Root of a container with fewer capabilities may be unable to make namespaces.
    elif ! unshare --net --mount true 2>/dev/null; then skip "tests of root::, because this root may make no namespaces"; without+=(--skip root::)
    fi
    for need in tshark ngrep script groff zsh fish promtool xmllint; do
        have $need || { skip "tests of $need::, because there is no $need here"; without+=(--skip "$need::"); }
    done
    if have ngrep && ! [[ $(ngrep -V) == "ngrep: $ngrep_release"* ]]; then
        skip "tests of ngrep::alike, because docs/ngrep.md is about ngrep $ngrep_release, which this one is not"
        without+=(--skip ngrep::alike)
    fi
    privileged --test-threads=1 "${without[@]}" 2>&1 </dev/null | tee -a "$log"
}

# The release of tshark that the reasons of scripts/corpus_reasons.py are held to. Others know other protocols.
tshark_release=4.0

# The fixtures beside tshark and ngrep, as `./x corpus` does it for any directory.
corpus_of_fixtures() {
    local witness found
    for witness in tshark ngrep editcap tcpdump python3; do
        have $witness || { skip "corpus: no $witness here"; return 0; }
    done
    found=$(tshark --version 2>/dev/null | sed -n '1s/^TShark (Wireshark) \([0-9.]*\).*/\1/p')
    case $found in
        "$tshark_release".*) bash ./x corpus ;;
        *) skip "corpus: its reasons are held to tshark $tshark_release, here is $found" ;;
    esac
}

# Each of these tests boots a kernel, which may have one processor only, so two run side by side.
lab_tests() {
    local status=0 line
    local -a without=()
    is_root || { skip "tests of lab::, because this is not root"; return 0; }
    lab/kernels/choose >/dev/null || { skip "tests of lab::, because no kernel with ESP boots here"; return 0; }
    OVLSNIFF_LAB_KERNEL=qemu lab/kernels/choose >/dev/null ||
        { skip "the test of a kernel in lockdown, because none boots in QEMU"; without+=(--skip lockdown); }
    rm -f lab-out/leaks.tsv
    privileged --test-threads=2 lab:: "${without[@]}" 2>&1 </dev/null | tee -a "$log" || status=$?
    while IFS= read -r line; do skip "$line"; done < <(scenarios_left_out)
    while IFS= read -r line; do wrong+=("$line"); done < <(scenarios_wrong)
    return $status
}

# Prints the scenarios of the leak lab that ran on no kernel, a line for each reason.
scenarios_left_out() {
    awk -F'\t' '$2 == "skipped" { names[$3] = names[$3] " " $1 } END { for (why in names) print "leak lab, " why ":" names[why] }' lab-out/leaks.tsv 2>/dev/null || true
}

# Prints the scenarios of the leak lab with another verdict than the right one, a line each, for the summary: in a long
# log their rows are hard to find.
scenarios_wrong() {
    awk -F'\t' '$2 ~ /^WRONG/ { print "leak lab, " $1 ": " $2 ", given " $3 " (" $4 ") " $5 }' lab-out/leaks.tsv 2>/dev/null || true
}
