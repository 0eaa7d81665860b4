# shellcheck shell=bash disable=SC2154 # $modules, $here, $state and scenario() are lab/boot's
# The first process of the lab's kernel. lab/boot puts a scenario and some variables before it. On the running kernel it
# is the first process of its own namespaces.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
if [ "$OVLSNIFF_LAB" = own ]; then
    mount -t proc proc /proc
    mount -t sysfs sys /sys
    # Device files come from the kernel if it has devtmpfs, or else from the shared tree.
    ! grep -qw devtmpfs /proc/filesystems || mount -t devtmpfs dev /dev
    mkdir -p /dev/pts /dev/shm
    mount -t devpts devpts /dev/pts
    mount -o remount,rw /
    # Elsewhere udev makes these. nft 1.0.9 opens /dev/stdin for `-f -`.
    [ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
    [ -L /dev/stdin ] || { ln -s fd/0 /dev/stdin; ln -s fd/1 /dev/stdout; ln -s fd/2 /dev/stderr; }
fi
# The new /tmp would hide a working directory below it, so this is mounted there again.
mount -t tmpfs tmpfs /run
mkdir /run/here /run/netns
[ "$here" = / ] || mount --bind "$here" /run/here
mount -t tmpfs tmpfs /tmp
[ -d "$here" ] || { mkdir -p "$here" && mount --bind /run/here "$here"; }
ip link set lo up
if [ "$OVLSNIFF_LAB" = own ]; then
    [ -z "$modules" ] || { mkdir -p /lib/modules && mount --bind "$modules" /lib/modules; }
    for module in veth bridge dummy 8021q macsec vxlan geneve ip_gre ip6_gre ipip ip6_tunnel sit xfrm_user esp4 esp6 ah4 ah6 \
        gcm ccm ctr cbc seqiv echainiv authenc chacha20poly1305 crypto_null; do modprobe $module; done 2>/dev/null
fi
cd "$here" || exit

# Slowness, 1 to 30: how many times longer than 50 ms it takes to start a process. The fastest of some rounds counts,
# because other work may slow down the rest.
fastest=
for _ in 1 2 3 4 5; do
    begin=$(date +%s%N)
    for _ in 1 2 3 4; do /bin/true; done
    took=$((($(date +%s%N) - begin) / 4000000))
    [ -n "$fastest" ] && [ "$fastest" -le $took ] || fastest=$took
done
OVLSNIFF_LAB_SLOW=$(((fastest + 49) / 50))
[ $OVLSNIFF_LAB_SLOW -ge 1 ] || OVLSNIFF_LAB_SLOW=1
[ $OVLSNIFF_LAB_SLOW -le 30 ] || OVLSNIFF_LAB_SLOW=30
export OVLSNIFF_LAB_SLOW
echo $OVLSNIFF_LAB_SLOW > "$state/slow"

scenario > "$state/out" 2>&1
echo $? > "$state/status"
[ "$OVLSNIFF_LAB" = here ] || { sync; poweroff -f 2>/dev/null || echo o > /proc/sysrq-trigger; sleep 5; }
# A minimal system may have no poweroff, and some kernels have no such key. These stop when their first process ends.
