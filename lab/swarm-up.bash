# shellcheck shell=bash disable=SC2154 # $networks is that of the scenario
# A two-node Docker Swarm on one bridge, for the scenarios of lab/swarm: two engines in network and mount namespaces of
# their own, with the networks in $networks. `attached` has the options for a service on all of them.

. /lab/time.bash
. /lab/features.bash
mkdir -p /dev/mqueue; mount -t cgroup2 cgroup2 /sys/fs/cgroup
for module in veth vxlan esp4 xfrm_user gcm seqiv bridge br_netfilter overlay xt_u32 xt_bpf ip_vs ip_vs_rr nf_nat xt_conntrack \
    xt_addrtype xt_MASQUERADE iptable_nat iptable_filter iptable_mangle xt_mark xt_policy dummy; do
    modprobe $module || echo "no module $module"
done

for tool in iptables ip6tables; do
    update-alternatives --set $tool "/usr/sbin/$(iptables_tool | sed "s/iptables/$tool/")" >/dev/null
done

finish() { echo "$1"; exit "$2"; }

# Each engine has its own /run/docker, and this leads to the socket of the one that looks.
ln -s docker/docker.sock /run/docker.sock
ip netns add wire; ip -n wire link add br0 type bridge; ip -n wire link set br0 up
for i in 1 2; do
    ip netns add node$i; ip link add p$i netns wire type veth peer name eth0 netns node$i
    ip -n wire link set p$i master br0 up; ip -n node$i link set lo up
    ip -n node$i addr add 192.0.2.$i/24 dev eth0; ip -n node$i link set eth0 up
    ip -n node$i route add default via 192.0.2.254
    mkdir -p /run/d$i; mount -t tmpfs -o size=1500m tmpfs /run/d$i
    ip netns exec node$i unshare --uts bash -c "
        mount --make-rprivate /; mount --make-rshared /; mount -t cgroup2 cgroup2 /sys/fs/cgroup; hostname node$i; mkdir -p /run/docker
        mount -t tmpfs tmpfs /run/docker
        containerd --root /run/d$i/containerd --state /run/docker/cstate --address /run/d$i/containerd.sock > /run/d$i/clog 2>&1 &
        sleep 2
        exec dockerd -H unix:///run/d$i/docker.sock -H unix:///run/docker/docker.sock --data-root /run/d$i/docker --exec-root /run/docker --pidfile /run/d$i/pid \
            --cgroup-parent /n$i --containerd /run/d$i/containerd.sock > /run/d$i/log 2>&1" &
done
docker1() { docker -H unix:///run/d1/docker.sock "$@"; }
docker2() { docker -H unix:///run/d2/docker.sock "$@"; }
both_up() { docker1 info >/dev/null 2>&1 && docker2 info >/dev/null 2>&1; }
wait_for both_up || wait_for both_up || wait_for both_up || { tail -n 5 /run/d1/log; finish "no Docker" 125; }

docker1 swarm init --advertise-addr 192.0.2.1 --listen-addr 192.0.2.1 >/dev/null
docker2 swarm join --advertise-addr 192.0.2.2 --listen-addr 192.0.2.2 --token "$(docker1 swarm join-token -q worker)" 192.0.2.1:2377
docker1 import /img.tar netshoot:latest; docker2 import /img.tar netshoot:latest
attached=()
for net in $networks; do
    case $net in insecure) option=() ;; secure) option=(--opt encrypted) ;; typo) option=(--opt encrypt) ;; esac
    docker1 network create "$net" "${option[@]}" --driver overlay --attachable
    attached+=(--network "$net")
done
