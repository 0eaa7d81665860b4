#!/usr/bin/env bash
# Packs the image of lab/swarm: lab/fleet-image.sh TREE. It is the program under test, which was put into the tree of
# lab/swarm, with what `verify` runs to read firewall rules, and Debian's Prometheus and node exporter.
set -euo pipefail

root=$(realpath "$1")
image=$(mktemp -d)
trap 'rm -rf "$image"' EXIT
libraries=/usr/lib/x86_64-linux-gnu
mkdir -p "$image"/{bin,etc,usr/bin,usr/sbin,proc,sys,dev,run,tmp,prometheus,"$libraries"}
cp "$root"/usr/bin/{prometheus,prometheus-node-exporter} "$root/usr/local/bin/ovlsniff" "$image/usr/bin/"
strip "$image/usr/bin/ovlsniff" 2>/dev/null || true
cp "$root"/usr/sbin/xtables-{legacy,nft}-multi "$image/usr/sbin/"
for kind in legacy nft; do
    for tool in iptables ip6tables; do ln -s xtables-$kind-multi "$image/usr/sbin/$tool-$kind-save"; done
done
cp -r "$root$libraries/xtables" "$image$libraries/"
# libpcap is loaded when it is needed, so the program does not name it.
{
    echo "$libraries/libpcap.so.0.8"
    chroot "$root" ldd $libraries/libpcap.so.0.8 /usr/bin/prometheus /usr/bin/prometheus-node-exporter /usr/local/bin/ovlsniff \
        /usr/sbin/xtables-legacy-multi /usr/sbin/xtables-nft-multi | grep -oE '/[^ ]+\.so[^ :]*'
} | sort -u | while read -r library; do
    mkdir -p "$image$(dirname "$library")"
    cp -L "$root$library" "$image$library"
done
printf 'root:x:0:0:root:/:\nnobody:x:65534:65534::/:\n' > "$image/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' > "$image/etc/group"
chown 65534:65534 "$image/prometheus"
tar -C "$image" -c . > "$root/img-fleet.tar"
