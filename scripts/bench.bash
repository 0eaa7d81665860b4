# shellcheck shell=bash # a part of ./x
# ./x bench: what grepping costs, and ./x bench --instructions: the counts that `./x test` holds.

# Builds the program as users have it. What the environment says of release builds is for trying things out, and would
# change the figures.
build_release() {
    local setting
    for setting in RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_INCREMENTAL "${!CARGO_PROFILE_RELEASE_@}"; do unset "$setting"; done
    own_target
    cargo build --locked --release --bin ovlsniff
    binary=${CARGO_TARGET_DIR:-$PWD/target}/release/ovlsniff
}

bench() {
    setup test
    build_release
    case ${1:-} in
        --instructions) python3 -B scripts/bench_instructions.py "$binary" "${@:2}" ;;
        *) python3 -B scripts/bench.py "$binary" "$@" ;;
    esac
}

# A step of ./x test. It finds out first if this machine can compare, because the release build takes minutes.
instructions_held() {
    local obstacle
    have python3 || { skip "instructions: no python3 here"; return 0; }
    obstacle=$(python3 -B scripts/bench_instructions.py --obstacle)
    if [ -n "$obstacle" ]; then skip "instructions: $obstacle"; return 0; fi
    bash ./x bench --instructions
}
