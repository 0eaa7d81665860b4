# shellcheck shell=bash # a part of ./x
# ./x package [--arch ARCH] [PART…]: what is handed to users, in target/dist.
#
# The parts are `static` (the program and a tarball), `deb`, `image`, `sbom`; each makes those before it that it needs, and
# SHA256SUMS is written anew each time. All times in them are that of the last commit (or SOURCE_DATE_EPOCH). Two builds of a
# commit have the same sums if all else is the same too: the releases of rustc and gcc, the tools of cargo below, and the
# packages that Debian has on the day of the build (musl, the sources of libpcap, flex, bison, gzip). They are listed in
# a file beside the sums, and the SBOM names rustc, gcc, musl and libpcap.

. scripts/package/static.bash
. scripts/package/texts.bash
. scripts/package/inputs.bash
. scripts/package/check.bash

package() {
    local part wanted profile=release
    local -a parts=()
    wanted=$(this_arch)
    while [ $# -gt 0 ]; do
        case $1 in
            --arch) [ $# -gt 1 ] || die "package: --arch needs an architecture: amd64 or arm64"; wanted=$2; shift ;;
            # An unoptimised program, to try the packaging itself.
            --profile) [ $# -gt 1 ] || die "package: --profile needs a profile: release or dev"; profile=$2; shift ;;
            static | deb | image | sbom | --check) parts+=("${1#--}") ;;
            *) die "package: no such part: $1; the parts are static, deb, image and sbom" ;;
        esac
        shift
    done
    [ ${#parts[@]} -gt 0 ] || parts=(static deb image sbom)
    use_arch "$wanted"
    setup_package "${parts[@]}"
    own_target
    work=${CARGO_TARGET_DIR:-$PWD/target}/packaging dist=${CARGO_TARGET_DIR:-$PWD/target}/dist
    mkdir -p "$work" "$dist"
    work=$(realpath "$work") dist=$(realpath "$dist")
    version=$(sed -n 's/^version *= *"\(.*\)"/\1/p' Cargo.toml | head -n 1)
    revision=$(git describe --always --abbrev=40 --dirty --exclude '*' 2>/dev/null || echo unknown)
    export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
    export LC_ALL=C TZ=UTC
    umask 022
    build_static "$profile"
    make_texts
    make_inputs
    for part in "${parts[@]}"; do "make_$part"; done
    (cd "$dist" && find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%P\n' | sort | xargs sha256sum > SHA256SUMS)
    say "== in ${dist#"$PWD"/}:"
    (cd "$dist" && ls -l --time-style=+ | tail -n +2 | awk '{ printf "%10d  %s\n", $5, $6 }')
}

# Installs what is missing. The tools that cargo brings are built once for each user, by the releases named here.
deb_version=3.8.0 sbom_version=0.5.9

setup_package() { # PART…
    local tool
    [ -n "${arch:-}" ] || use_arch "$(this_arch)"
    local -a wanted=()
    local -a tools=(gcc:gcc make:make flex:flex bison:bison python3:python3 git:git dpkg-source:dpkg-dev xz:xz-utils patch:patch)
    [ "$(uname -m)" = "$machine" ] || tools+=("$machine-linux-gnu-gcc:gcc-${machine//_/-}-linux-gnu" "qemu-$machine:qemu-user")
    [[ " $* " != *" check "* ]] || tools+=(lintian:lintian debootstrap:debootstrap skopeo:skopeo umoci:umoci jq:jq)
    mapfile -t wanted < <(missing_tools "${tools[@]}")
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || wanted+=(debian-archive-keyring)
    [ -e /usr/include/string.h ] || wanted+=(libc6-dev)
    [ -e /etc/ssl/certs/ca-certificates.crt ] || wanted+=(ca-certificates)
    use_rust_with_source || mapfile -t -O ${#wanted[@]} wanted < <(rust_source_packages)
    if [ ${#wanted[@]} -gt 0 ]; then
        have apt-get || die "package: missing: $(list "${wanted[@]}"); they are packages of Debian, on which packages are made"
        may_be_root || die "package: missing: $(list "${wanted[@]}"); install them as root: ./x install-packages ${wanted[*]}"
        say "== setup: missing: $(list "${wanted[@]}")"
        as_root apt-get update -q
        as_root bash ./x install-packages "${wanted[@]}"
        hash -r
        use_rust_with_source || die "package: no Rust with the source of its library; for rustup: rustup component add rust-src"
    fi
    tools=()
    case " $* " in *" deb "* | *" check "*) tools+=("cargo-deb $deb_version") ;; esac
    case " $* " in *" sbom "* | *" check "*) tools+=("cargo-cyclonedx $sbom_version") ;; esac
    for tool in "${tools[@]}"; do cargo_tool "${tool% *}" "${tool#* }"; done
}

# cargo_tool NAME VERSION: builds a tool of cargo, unoptimised, unless this version is there.
cargo_tool() {
    local root=${XDG_CACHE_HOME:-$HOME/.cache}/ovlsniff
    export PATH="$root/bin:$PATH"
    if [[ $(cargo install --list --root "$root" 2>/dev/null) = *"$1 v$2:"* ]]; then return 0; fi
    say "-- $1 $2, built once"
    (cd / && CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --force --root "$root" --version "$2" "$1") || die "package: $1 $2 cannot be installed"
}

# The program alone, and a tarball of it with everything that belongs to it.
make_static() {
    local name=ovlsniff-$version-linux-$arch
    cp "$static" "$dist/$name"
    rm -rf "${work:?}/$name" && mkdir -p "$work/$name"
    cp "$static" "$work/$name/ovlsniff"
    cp -r README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE deploy "$texts/THIRD-PARTY-LICENSES" "$texts/man" "$texts/completions" "$work/$name/"
    tar --sort=name --owner=0 --group=0 --numeric-owner --mode=u+rw,go+r-w,a+X --mtime="@$SOURCE_DATE_EPOCH" --format=ustar -C "$work" -c "$name" |
        gzip -9n > "$dist/$name.tar.gz"
}

make_deb() {
    local staged=$PWD/target/packaging/deb
    rm -rf "$staged" && mkdir -p "$staged"
    cp "$static" "$staged/ovlsniff"
    debian_texts "$staged"
    rm -f "$dist"/ovlsniff_*_"$arch".deb
    cargo deb --quiet --no-build --no-strip --locked --target "$triple" --maintainer "$(maintainer)" --output "$dist/ovlsniff_$version-1_$arch.deb" ||
        die "package: the .deb cannot be made"
}

make_image() {
    python3 -B scripts/package/image.py "$dist/ovlsniff-$version-image-$arch.tar" "$static" "$arch" "$version" "$revision" "$SOURCE_DATE_EPOCH" \
        "$texts/THIRD-PARTY-LICENSES=usr/share/doc/ovlsniff/THIRD-PARTY-LICENSES" LICENSE-MIT=usr/share/doc/ovlsniff/LICENSE-MIT LICENSE-APACHE=usr/share/doc/ovlsniff/LICENSE-APACHE
}

# The list of everything that is in the program: the crates by cargo-cyclonedx, then what is no crate.
make_sbom() {
    local name=ovlsniff-$version-linux-$arch
    rm -f "$name.json"
    cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$triple" --no-build-deps --override-filename "$name" || die "package: the SBOM cannot be made"
    python3 -B scripts/package/sbom.py "$name.json" "$static" "musl=$(fetched 'musl-dev_\(.*\)_[^_]*\.deb')" "libpcap=$(fetched 'libpcap_\(.*\)\.dsc')" \
        "rust=$(rustc --version | cut -d' ' -f2)" "gcc=$("$(c_compiler)" -dumpfullversion)" > "$dist/$name.cdx.json"
    rm -f "$name.json"
}
