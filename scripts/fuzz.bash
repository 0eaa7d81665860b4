# shellcheck shell=bash disable=SC2154 # a part of ./x
# ./x fuzz [TARGET [SECONDS]]: feeds all the parsers with hostile input, which libFuzzer finds by coverage.
# ./x fuzz --keep [TARGET]: writes the shortest inputs that reach all the code to fuzz/seeds, from where the next run begins.

# A parser needs no network, and must not ask for names while it is fuzzed. What the targets write for one is in a folder that is
# removed, however they end.
offline() (
    TMPDIR=$(mktemp -d)
    export TMPDIR
    trap 'rm -rf "$TMPDIR"' EXIT
    if unshare --net true 2>/dev/null; then unshare --net "$@"; else unshare --user --map-root-user --net "$@"; fi
)

fuzz() {
    local target keep=no
    local -a targets=() more failed=()
    [ "${1:-}" != --keep ] || { keep=yes; shift; }
    for target in fuzz/fuzz_targets/*.rs; do target=${target##*/}; targets+=("${target%.rs}"); done
    [ $# = 0 ] || { [ -e "fuzz/fuzz_targets/$1.rs" ] || die "there is no target $1; there is: $(list "${targets[@]}")"; targets=("$1"); }
    setup
    # libFuzzer is built from its source, in C++.
    have c++ || install_cxx
    own_target
    export PATH="$PATH:${XDG_CACHE_HOME:-$HOME/.cache}/ovlsniff/bin"
    have cargo-fuzz || cargo install --quiet --locked --root "${XDG_CACHE_HOME:-$HOME/.cache}/ovlsniff" --version 0.13.2 cargo-fuzz
    for target in "${targets[@]}"; do
        sow "$target"
        # All code under test is safe Rust, so it needs no sanitizer, and a stable toolchain will do.
        cargo fuzz build --sanitizer none "$target"
        if [ "$keep" = yes ]; then keep "$target"; continue; fi
        # The binary leaves the description of its command line to the end of the process, so that is to come now and then.
        case $target in arguments) more=(-fork=1 -ignore_ooms=1) ;; *) more=() ;; esac
        offline cargo fuzz run --sanitizer none "$target" -- \
            -max_total_time="${2:-60}" -max_len=65536 -timeout=10 -rss_limit_mb=2048 "${more[@]}" </dev/null || failed+=("$target")
    done
    [ ${#failed[@]} = 0 ] || { say "fuzz: something was found by: $(list "${failed[@]}"); it is in fuzz/artifacts"; return 1; }
}

install_cxx() {
    if ! have apt-get || ! may_be_root; then die "missing: a C++ compiler (c++), which builds libFuzzer; install one and run this again"; fi
    as_root apt-get update -q
    as_root bash ./x install-packages g++
}

seeds() { cargo run --quiet --locked --manifest-path fuzz/Cargo.toml --bin seeds -- "$@"; }

# Puts the seeds of a target into its corpus: the lines that are kept, and fixtures.
sow() {
    local corpus=fuzz/corpus/$1 file
    local -a texts captures
    mkdir -p "$corpus"
    mapfile -t texts < <(compgen -G "fuzz/seeds/$1.*")
    [ ${#texts[@]} = 0 ] || seeds unpack "${texts[@]}" "$corpus"
    mapfile -t captures < <(find tests/fixtures -name '*.pcap*' -size -64k)
    case $1 in
        frames) seeds captures "$corpus" "${captures[@]}" ;;
        folders) seeds folders "$corpus" tests/fixtures/swarm/swarm-node1.pcap ;;
        savefile) for file in "${captures[@]}"; do cp "$file" "$corpus/${file//\//-}"; done ;;
        keys) find tests/fixtures \( -name '*.xfrm' -o -name '*.esp_sa' \) -exec cp -t "$corpus" {} + ;;
        rules) cp -t "$corpus" tests/fixtures/swarm/iptables.txt ;;
        inspect) cp -t "$corpus" tests/fixtures/swarm/network-inspect.json ;;
    esac
}

# Writes what a target has found. Seeds that were written by hand, and fixtures, are found again by themselves.
keep() {
    local all=fuzz/corpus/$1 fewest
    fewest=$(mktemp -d)
    offline cargo fuzz run --sanitizer none "$1" "$fewest" "$all" -- -set_cover_merge=1 -max_len=512 -timeout=10 </dev/null
    seeds pack "$fewest" "fuzz/seeds/$1.found"
    rm -r "$fewest"
}
