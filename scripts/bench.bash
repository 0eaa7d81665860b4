# shellcheck shell=bash # a part of ./x
# ./x bench: what grepping costs, and ./x bench --instructions: the counts that `./x test` holds.

# Builds the program as users have it. What the environment says of release builds is for trying things out, and would
# change the figures.
build_release() {
    local setting
    for setting in RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_INCREMENTAL "${!CARGO_PROFILE_RELEASE_@}"; do unset "$setting"; done
    cargo build --locked --release --bin ovlsniff
    binary=${CARGO_TARGET_DIR:-$PWD/target}/release/ovlsniff
}

# The same code, with the tables that say which line an instruction is from.
build_profiled() {
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/profiled
    CARGO_PROFILE_RELEASE_DEBUG=line-tables-only CARGO_PROFILE_RELEASE_STRIP=none cargo build --locked --release --bin ovlsniff
    binary=$CARGO_TARGET_DIR/release/ovlsniff
}

bench() {
    setup test
    own_target
    case ${1:-} in
        --instructions) build_release; python3 -B scripts/bench_instructions.py "$binary" "${@:2}" ;;
        --profile) build_profiled; python3 -B scripts/bench_profile.py "$binary" "${@:2}" ;;
        *) build_release; python3 -B scripts/bench.py "$binary" "$@" ;;
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
