# shellcheck shell=bash # a part of ./x
# ./x fresh [SUITE…]: runs the README's two commands in minimal trees of Debian 12, Debian 13 and Ubuntu 24.04, as a new
# user would.
#
# Each tree is made by debootstrap below /var/tmp and removed afterwards. The commits of this repository are cloned into
# it. The output is in lab-out/fresh-SUITE.log.

fresh() {
    local suite outcome=0
    local -a suites=("$@")
    [ $# -gt 0 ] || suites=(bookworm trixie noble)
    is_root || die "fresh: makes trees and changes root into them; run it as root: sudo ./x fresh"
    have debootstrap || { apt-get update -q && install_packages debootstrap; }
    mkdir -p lab-out
    for suite in "${suites[@]}"; do fresh_tree "$suite" || outcome=1; done
    return $outcome
}

# minimal_tree SUITE TREE LOG: makes a minimal tree of a suite. Fails with a line that says why.
minimal_tree() {
    local suite=$1 tree=$2 log=$3
    local -a bootstrap=(--variant=minbase)
    chmod 755 "$tree"
    case $suite in
        bookworm | trixie | forky | sid) bootstrap+=("$suite" "$tree" "$(debian_mirror)") ;;
        # debootstrap makes all of Ubuntu's suites alike. Every system has the script of gutsy, an old one, which knows the
        # mirror of each suite.
        *) bootstrap+=("--components=main,universe" --keyring="$(ubuntu_keyring)" "$suite" "$tree" "${UBUNTU_MIRROR:-}" gutsy) ;;
    esac
    if ! debootstrap "${bootstrap[@]}" > "$log" 2>&1; then
        say "skipped: $suite (no tree: $(tail -n 1 "$log"))"
        return 1
    fi
    # The tree reaches the registries like this machine does: with its name servers and its own certificates.
    cp -L /etc/resolv.conf "$tree/etc/resolv.conf"
    mkdir -p "$tree/usr/local/share/ca-certificates"
    cp /usr/local/share/ca-certificates/*.crt "$tree/usr/local/share/ca-certificates/" 2>/dev/null || true
}

# in_tree TREE COMMAND: runs a command of bash with the tree as its root. The tree becomes the root by pivot_root, because
# inside a mere chroot the kernel allows no user namespaces.
in_tree() {
    # shellcheck disable=SC2016 # for the inner shells
    exec unshare --mount --pid --fork --kill-child bash -c '
        mount --rbind "$1" "$1" && mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" && mount -t sysfs sys "$1/sys" &&
        mount -t tmpfs tmpfs "$1/run" && cd "$1" && mkdir -p .old && pivot_root . .old &&
        exec chroot . env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            bash -c "umount -l /.old && $2"' in_tree "$1" "$2" </dev/null
}

fresh_tree() { # SUITE
    local suite=$1 log=lab-out/fresh-$1.log tree begin=$SECONDS status=0 running
    tree=$(mktemp -d -p /var/tmp "ovlsniff-fresh-$suite.XXXXXX")
    say "== $suite: a minimal tree"
    if ! minimal_tree "$suite" "$tree" "$log"; then
        rm -rf --one-file-system "$tree"
        return 1
    fi
    git clone -q . "$tree/root/ovlsniff"
    say "-- tree: $((SECONDS - begin)) s"
    for command in demo test; do
        begin=$SECONDS
        say "== $suite: ./x $command"
        in_tree "$tree" "cd /root/ovlsniff && ./x $command" >> "$log" 2>&1 & running=$!
        tail --pid=$running -n 0 -f "$log" | grep --line-buffered -E '^(==|--|skipped:|failed:|[0-9]+ passed)' || true
        wait $running || { status=1; say "$suite: ./x $command FAILED: $log"; }
        say "-- $suite: ./x $command: $((SECONDS - begin)) s"
    done
    rm -rf --one-file-system "$tree"
    return $status
}

# shellcheck disable=SC2016 # apt's variables
debian_mirror() {
    echo "${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' |
        sed -n 's/^Debian Debian //p' | head -n 1)}"
}

# Prints the path of the keyring of Ubuntu's archive, which Debian has as a package.
ubuntu_keyring() {
    local keys=/usr/share/keyrings/ubuntu-archive-keyring.gpg
    [ -e $keys ] || { lab/kernels/fetch lab-out/ubuntu-keyring trixie ubuntu-keyring; keys=$PWD/lab-out/ubuntu-keyring$keys; }
    echo "$keys"
}
