# shellcheck shell=bash disable=SC2154 # a part of ./x, whose other files set $arch, $work and $static
# The texts that go with the program: manual pages, completions, licences, and what a Debian package has besides.

# Runs the program that was just built, by an emulator if it is for another architecture.
run_static() {
    if [ "$(uname -m)" = "$machine" ]; then "$static" "$@"; else "qemu-$machine" "$static" "$@"; fi
}

# Prints a command and those below it: nothing for the program itself, then `verify`, `overlay`, `overlay up` …
commands_below() { # [COMMAND…]
    local name prefix
    echo "$*"
    prefix=$(printf '%s-' ovlsniff "$@")
    run_static man "$@" | sed -n '/^\.SH SUBCOMMANDS/,/^\.SH [^S]/s/^\(ovlsniff.*\)(1)$/\1/p' | sed 's/\\-/-/g' |
        while read -r name; do [ "$name" = ovlsniff-help ] || commands_below "$@" "${name#"$prefix"}" </dev/null; done
}

make_texts() {
    local shell command page
    local -a words
    local -A file=([bash]=ovlsniff.bash [zsh]=_ovlsniff [fish]=ovlsniff.fish)
    texts=$work/texts
    rm -rf "$texts" && mkdir -p "$texts/man" "$texts/completions"
    for shell in "${!file[@]}"; do run_static completions "$shell" > "$texts/completions/${file[$shell]}"; done
    while IFS= read -r command; do
        read -r -a words <<<"$command" || true
        page=$(printf '%s-' ovlsniff "${words[@]}")
        run_static man "${words[@]}" > "$texts/man/${page%-}.1" </dev/null
    done < <(commands_below)
    licences > "$texts/THIRD-PARTY-LICENSES"
}

# Prints the licences of everything that is linked into the program: first what is no crate, then the crates.
licences() {
    local copyright
    cat <<'TEXT'
ovlsniff itself is licensed under the MIT licence or the Apache licence 2.0, at your option.
The program contains the following works of others.

== Rust's standard library: MIT or Apache-2.0; https://www.rust-lang.org
== The unwinder of GCC (libgcc_eh): GPL-3.0 with the GCC Runtime Library Exception 3.1, which lets a program be
   conveyed under any terms if it was compiled by an eligible process; https://gcc.gnu.org

TEXT
    for copyright in "musl:$inputs/usr/share/doc/musl-dev/copyright" "libpcap:$inputs/libpcap/LICENSE" "Zstandard:$(zstd_licence)"; do
        printf '== %s\n\n' "${copyright%%:*}"
        cat "${copyright#*:}"
        echo
    done
    python3 -B scripts/package/licences.py "$triple"
}

# Prints the path of the licence of the C code in the crate zstd-sys.
zstd_licence() {
    local manifest
    manifest=$(cargo metadata --format-version 1 --locked --offline |
        python3 -c 'import json, sys; print(next(p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"] == "zstd-sys"))')
    echo "${manifest%/*}/zstd/LICENSE"
}

# Prints who is responsible for the package: Debian's own variables say it, or git.
maintainer() {
    local name=${DEBFULLNAME:-$(git config user.name)} address=${DEBEMAIL:-$(git config user.email)}
    [ -n "$name" ] && [ -n "$address" ] || die "package: set DEBFULLNAME and DEBEMAIL to your name and address; the .deb names its maintainer"
    echo "$name <$address>"
}

# Writes what the Debian package has besides the program.
debian_texts() { # DIRECTORY
    local file doc=$1/doc
    mkdir -p "$1/units" "$doc/examples"
    cp -r "$texts/man" "$texts/completions" "$1/"
    gzip -9n "$1"/man/*.1
    cp scripts/package/lintian-overrides "$1/"
    cp scripts/package/debian/README.Debian README.md "$doc/"
    gzip -9nc CHANGELOG.md > "$doc/changelog.gz"
    cp -r deploy/. "$doc/examples/"
    for file in "$doc/examples"/*.service "$doc/examples"/*.timer; do [ ! -e "$file" ] || mv "$file" "$1/units/"; done
    find "$1" -type f -exec chmod u=rw,go=r {} +
    {
        printf 'ovlsniff (%s-1) unstable; urgency=medium\n\n  * Release %s; changelog.gz lists the changes.\n\n' "$version" "$version"
        printf ' -- %s  %s\n' "$(maintainer)" "$(date -R -u -d "@$SOURCE_DATE_EPOCH")"
    } > "$1/changelog.Debian"
    {
        printf 'ovlsniff %s\n\nCopyright (c) 2026 The ovlsniff contributors\nLicence: MIT or Apache-2.0, at your option\n\n' "$version"
        sed -n '/^Permission/,$p' LICENSE-MIT
        printf '\nOn Debian systems, the Apache licence 2.0 is in /usr/share/common-licenses/Apache-2.0.\n\n'
        cat "$texts/THIRD-PARTY-LICENSES"
    } > "$doc/copyright"
}
