# shellcheck shell=bash disable=SC2154 # a part of ./x, which sets $rust_found
# The steps of `./x check` and `./x test`. Each step has its outcome and its seconds, and the summary's last line counts
# the tests.

skipped=() wrong=() failed=() report=()

begin_steps() {
    begun=$SECONDS
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    export RUST_BACKTRACE=1
}

machine() { say "cargo $rust_found, $(nproc) processors, $(if is_root; then echo root; else echo "not root"; fi)"; }

skip() { say "skipped: $*"; skipped+=("$*"); }

# step NAME COMMAND…: runs a step. A failure is remembered, and the other steps still run.
step() {
    local name=$1 start=$SECONDS outcome=ok
    shift
    printf '\n== %s\n' "$name"
    "$@" || { outcome=FAILED; failed+=("$name"); }
    report+=("$(printf '%-12s %6s  %4d s' "$name" "$outcome" $((SECONDS - start)))")
    say "-- $name: $outcome, $((SECONDS - start)) s"
}

end_steps() {
    local line passed=0 failures=0
    say
    say "== summary, $((SECONDS - begun)) s"
    for line in "${report[@]}"; do say "$line"; done
    for line in "${skipped[@]}"; do say "skipped: $line"; done
    for line in "${wrong[@]}"; do say "wrong: $line"; done
    while read -r p f; do passed=$((passed + p)) failures=$((failures + f)); done \
        < <(sed -n 's/^test result: .* \([0-9]*\) passed; \([0-9]*\) failed;.*/\1 \2/p' "$log")
    # A failed lint or build counts as a failure even if every test that ran has passed.
    if [ ${#failed[@]} -gt 0 ]; then
        say "failed: $(list "${failed[@]}")"
        [ "$failures" -gt 0 ] || failures=${#failed[@]}
    fi
    say "$passed passed, $failures failed"
    [ "$failures" = 0 ]
}

format_clean() {
    have cargo-fmt || { skip "format: no rustfmt here"; return 0; }
    cargo fmt --check
}

# The release of clippy that the sources are held to. Lints come, go and change with every release.
clippy_release=1.95

clippy_clean() {
    have cargo-clippy || { skip "clippy: not installed"; return 0; }
    case $rust_found in
        "$clippy_release".*) cargo clippy --locked --all-targets -- -D warnings ;;
        *) skip "clippy: the sources are held to the lints of Rust $clippy_release, here is $rust_found" ;;
    esac
}

plain_tests() { cargo test --locked --no-fail-fast 2>&1 </dev/null | tee -a "$log"; }
