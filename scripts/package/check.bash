# shellcheck shell=bash disable=SC2154,SC2034 # a part of ./x, whose other files set $dist, $arch and $version, and read $static
# ./x package --check: tries what was made, as those would who get it.

make_check() {
    local suite status=0
    . scripts/fresh.bash
    is_root || die "package: --check makes trees and changes root into them; run it as root"
    mkdir -p lab-out
    (cd "$dist" && sha256sum --check --quiet SHA256SUMS) || status=1
    static_holds || status=1
    image_holds || status=1
    inputs_hold || status=1
    sbom_holds || status=1
    say "-- lintian"
    lintian --fail-on error "$dist/ovlsniff_$version-1_$arch.deb" || status=1
    if [ "$arch" = "$(dpkg --print-architecture)" ]; then
        for suite in bookworm trixie; do deb_holds "$suite" || status=1; done
    fi
    return $status
}

# The one packet that every part has to find.
capture=tests/fixtures/swarm/swarm-node1.pcap

static_holds() {
    local file=$dist/ovlsniff-$version-linux-$arch
    say "-- the static program"
    file_is_static "$file" || return 1
    static=$file
    [ "$(run_static --version)" = "ovlsniff $version" ] || { say "failed: --version"; return 1; }
    [ "$(run_static -qq -r "$capture" HTTP 'udp port 4789' | wc -l)" = 2 ] || { say "failed: a search with a filter"; return 1; }
}

# True if a program needs no loader and no library and, where Rust makes such programs, can be loaded at any address: for ARM
# it does not.
file_is_static() {
    local headers kind=DYN
    [ "$arch" = amd64 ] || kind=EXEC
    headers=$(readelf -lWd "$1")
    if [ "$arch" != amd64 ]; then headers+=BIND_NOW; fi
    [[ $headers = *"Elf file type is $kind"* && $headers != *INTERP* && $headers != *NEEDED* && $headers = *GNU_RELRO* && $headers = *BIND_NOW* ]] ||
        { say "failed: $1 is no static program that is loaded anywhere"; return 1; }
}

# The image: both formats are read, and the program runs in its tree as Docker and `kubectl debug --image` may start it: as
# any user, with next to no capabilities, with a root that nobody may write to.
image_holds() {
    local file=$dist/ovlsniff-$version-image-$arch.tar tree=$work/image found
    say "-- the image"
    [ "$(skopeo inspect "oci-archive:$file" | jq -r '.Labels["org.opencontainers.image.version"]')" = "$version" ] || { say "failed: the OCI archive"; return 1; }
    [ "$(skopeo inspect "docker-archive:$file" | jq -r .Architecture)" = "$arch" ] || { say "failed: the archive for docker load"; return 1; }
    rm -rf "$tree" && mkdir -p "$tree"
    skopeo copy --quiet "oci-archive:$file" "oci:$tree/layout:$version" && umoci unpack --image "$tree/layout:$version" "$tree/bundle" >/dev/null 2>&1 || { say "failed: umoci unpack"; return 1; }
    [ "$arch" = "$(dpkg --print-architecture)" ] || return 0
    for user in 0 65534 12345; do
        # shellcheck disable=SC2016 # for the inner shell
        found=$(unshare --mount --pid --fork bash -c 'mount --rbind "$1" "$1" && mount -o remount,bind,ro "$1" && exec setpriv --bounding-set -all,+sys_chroot,+setuid,+setgid --inh-caps -all --no-new-privs \
            chroot --userspec="$2:$2" --groups= "$1" /usr/bin/ovlsniff -qq -r - HTTP "udp port 4789"' \
            image "$tree/bundle/rootfs" "$user" < "$capture" 2>&1 | wc -l)
        [ "$found" = 2 ] || { say "failed: the image as user $user"; return 1; }
    done
}

# The list of inputs has each package that was fetched, and the compilers.
inputs_hold() {
    local file=$dist/ovlsniff-$version-linux-$arch.inputs input
    say "-- the list of inputs"
    for input in "rustc $(rustc --version | cut -d' ' -f2)" 'its LLVM ' 'musl-dev_' 'linux-libc-dev_' 'libpcap_.*\.dsc$' 'libpcap_.*\.orig\.tar'; do
        grep -q "^\([0-9a-f]\{64\}  \)\?$input" "$file" || { say "failed: the inputs lack $input"; return 1; }
    done
}

# The SBOM is held to CycloneDX's schema, and to the lock file: every crate of the program is in it.
sbom_holds() {
    local name=ovlsniff-$version-linux-$arch missing
    say "-- the SBOM"
    python3 -m venv "$work/venv" && "$work/venv/bin/pip" install --quiet --disable-pip-version-check 'cyclonedx-python-lib[json-validation]==11.12.0' ||
        { say "failed: the validator of CycloneDX cannot be installed"; return 1; }
    "$work/venv/bin/python" - "$dist/$name.cdx.json" <<'PYTHON' || return 1
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read())
sys.exit(f"failed: the SBOM: {wrong}" if wrong else 0)
PYTHON
    # Debian's revision tells a mended musl or libpcap from one that is not.
    [ "$(jq '[.components[] | select(.purl | startswith("pkg:deb/debian/")) | .version | test("-")] == [true, true]' "$dist/$name.cdx.json")" = true ] ||
        { say "failed: the SBOM names a package without Debian's revision"; return 1; }
    # It may have more: cargo-cyclonedx counts what only an unused feature would bring.
    missing=$(comm -23 <(cargo tree --locked --offline --edges normal --target "$triple" --prefix none --format '{p}' | cut -d' ' -f1,2 | sed 's, v, ,' | sort -u) \
        <(jq -r '(.components + [.metadata.component])[] | select(.purl | startswith("pkg:cargo")) | .name + " " + .version' "$dist/$name.cdx.json" | sort -u))
    [ -z "$missing" ] || { say "failed: the SBOM lacks ${missing//$'\n'/, }"; return 1; }
}

# The .deb in a minimal tree of a suite: it is installed, used, upgraded, removed and purged.
deb_holds() { # SUITE
    local suite=$1 log=lab-out/deb-$1.log tree running status=0
    say "-- the .deb on $suite"
    tree=$(mktemp -d -p /var/tmp "ovlsniff-deb-$suite.XXXXXX")
    if minimal_tree "$suite" "$tree" "$log"; then
        cp "$dist/ovlsniff_$version-1_$arch.deb" "$tree/root/ovlsniff.deb"
        cp "$capture" "$tree/root/capture.pcap"
        cp scripts/package/deb_test.sh "$tree/root/"
        in_tree "$tree" "bash /root/deb_test.sh $version" >> "$log" 2>&1 & running=$!
        wait $running || { status=1; tail -n 5 "$log"; say "failed: the .deb on $suite: $log"; }
    else
        status=1
    fi
    rm -rf --one-file-system "$tree"
    return $status
}
