# shellcheck shell=bash # a part of ./x
# ./x fuzz [TARGET [SECONDS]]: feeds all the parsers with hostile input, which libFuzzer finds by coverage.

fuzz() {
    local target file seconds=${2:-60}
    local -a targets=(frames savefile keys rules streams) captures
    [ $# = 0 ] || targets=("$1")
    setup test
    own_target
    export PATH="$PATH:${XDG_CACHE_HOME:-$HOME/.cache}/ovlsniff/bin"
    have cargo-fuzz || cargo install --quiet --locked --root "${XDG_CACHE_HOME:-$HOME/.cache}/ovlsniff" --version 0.13.2 cargo-fuzz
    mkdir -p fuzz/corpus/{frames,savefile,keys,rules,streams}
    mapfile -t captures < <(find tests/fixtures -name '*.pcap*' -size -64k)
    cargo run --quiet --locked --manifest-path fuzz/Cargo.toml --bin seeds -- fuzz/corpus/frames "${captures[@]}"
    for file in "${captures[@]}"; do cp "$file" "fuzz/corpus/savefile/${file//\//-}"; done
    find tests/fixtures \( -name '*.xfrm' -o -name '*.esp_sa' \) -exec cp -t fuzz/corpus/keys {} +
    cp -t fuzz/corpus/rules tests/fixtures/swarm/{iptables.txt,network-inspect.json}
    for target in "${targets[@]}"; do
        # All code under test is safe Rust, so it needs no sanitizer, and a stable toolchain will do.
        cargo fuzz run --sanitizer none "$target" -- -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048
    done
}
