#!/bin/bash
# The scenario of lab/swarm, in a tree of its own. It sets up a two-node Docker Swarm on one bridge, runs the course on
# it with ngrep and ovlsniff side by side, and checks the verdicts of `ovlsniff verify`, with Docker's rules in place
# and without.
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

failed=0
finish() { echo "$1"; exit "$2"; }

# ---- the swarm -------------------------------------------------------------------------------------------------------

ip netns add wire; ip -n wire link add br0 type bridge; ip -n wire link set br0 up
for i in 1 2; do
    ip netns add node$i; ip link add p$i netns wire type veth peer name eth0 netns node$i
    ip -n wire link set p$i master br0 up; ip -n node$i link set lo up
    ip -n node$i addr add 192.0.2.$i/24 dev eth0; ip -n node$i link set eth0 up
    ip -n node$i route add default via 192.0.2.254
    mkdir -p /run/d$i; mount -t tmpfs -o size=1500m tmpfs /run/d$i
    ip netns exec node$i unshare --uts bash -c "
        mount --make-rprivate /; mount -t cgroup2 cgroup2 /sys/fs/cgroup; hostname node$i; mkdir -p /run/docker
        mount -t tmpfs tmpfs /run/docker
        containerd --root /run/d$i/containerd --state /run/docker/cstate --address /run/d$i/containerd.sock > /run/d$i/clog 2>&1 &
        sleep 2
        exec dockerd -H unix:///run/d$i/docker.sock --data-root /run/d$i/docker --exec-root /run/docker --pidfile /run/d$i/pid \
            --cgroup-parent /n$i --containerd /run/d$i/containerd.sock > /run/d$i/log 2>&1" &
done
docker1() { docker -H unix:///run/d1/docker.sock "$@"; }
docker2() { docker -H unix:///run/d2/docker.sock "$@"; }
both_up() { docker1 info >/dev/null 2>&1 && docker2 info >/dev/null 2>&1; }
wait_for both_up || wait_for both_up || wait_for both_up || { tail -n 5 /run/d1/log; finish "no Docker" 125; }

docker1 swarm init --advertise-addr 192.0.2.1 --listen-addr 192.0.2.1 >/dev/null
docker2 swarm join --advertise-addr 192.0.2.2 --listen-addr 192.0.2.2 --token "$(docker1 swarm join-token -q worker)" 192.0.2.1:2377
docker1 import /img.tar netshoot:latest; docker2 import /img.tar netshoot:latest
docker1 network create insecure --driver overlay --attachable
docker1 network create secure --opt encrypted --driver overlay --attachable
docker1 network create typo --opt encrypt --driver overlay --attachable
# dnsrr, because in this kernel no replies come back from the virtual addresses of IPVS.
docker1 service create -d --endpoint-mode dnsrr --name web --network secure --network insecure --network typo \
    --constraint node.hostname!=node1 netshoot:latest nginx
web_runs() { docker1 service ps web --format '{{.CurrentState}}' | grep -q ^Running; }
wait_for web_runs || wait_for web_runs || wait_for web_runs || finish "no web service" 125
for net in insecure secure typo; do
    # On a slow machine the first tries to attach time out.
    for _ in $(seq 30); do docker1 run -d --name c-$net --net $net netshoot:latest sleep 3600 && break; docker1 rm -f c-$net; sleep 2; done
done

for net in insecure secure typo; do
    docker1 inspect -f '{{.State.Running}}' c-$net 2>/dev/null | grep -q true || finish "no container of node 1 on $net" 125
done

# ---- what must hold --------------------------------------------------------------------------------------------------

# on_node1 COMMAND…: runs a command in node 1's namespaces: its mounts (with Docker's namespaces), its network, its
# name.
on_node1() { nsenter -t "$(cat /run/d1/pid)" -m -n -u env DOCKER_HOST=unix:///run/d1/docker.sock "$@"; }
holds() { echo "ok      $1"; }
fails() { echo "FAILED  $1"; failed=1; }
has() { if grep -qE -- "$2" "/out/$1"; then holds "$1: $3"; else fails "$1: $3 (no '$2')"; fi; }
has_no() { if grep -qE -- "$2" "/out/$1"; then fails "$1: $3 ('$2')"; else holds "$1: $3"; fi; }

# verify FILE NETWORK STATUS…: runs `ovlsniff verify`, and checks that its exit status is one of these.
verify() {
    local file=$1 net=$2 status=0
    shift 2
    on_node1 timeout "$(scaled 120)" ovlsniff verify --net "$net" --for "$(scaled 10)s" > "/out/$file" 2> "/out/$file.stderr" </dev/null || status=$?
    echo "== verify --net $net ($file)"; cat "/out/$file" "/out/$file.stderr"
    case " $* " in *" $status "*) holds "$file: exit $status" ;; *) fails "$file: exit $status, right is $*" ;; esac
}

for net in insecure secure; do
    on_node1 ngrep -tpd eth0 HTTP > /out/ngrep-$net 2>&1 & ngrep=$!
    on_node1 ovlsniff -i eth0 HTTP > /out/ovlsniff-$net 2> /out/ovlsniff-$net.stderr & ovlsniff=$!
    wait_for grep -q '^match' /out/ngrep-$net
    wait_for grep -q '^match' /out/ovlsniff-$net.stderr
    echo "== curl over $net"
    timeout "$(scaled 60)" docker -H unix:///run/d1/docker.sock exec c-$net curl -sS web || fails "curl over $net"
    pause 3
    kill -INT "$(pgrep -P $ngrep -x ngrep || echo $ngrep)" "$(pgrep -P $ovlsniff -x ovlsniff || echo $ovlsniff)" 2>/dev/null
    wait $ngrep $ovlsniff
    head -c 1500 /out/ovlsniff-$net
done
has ngrep-insecure 'User-Agent: curl' 'ngrep sees the page over insecure'
has ovlsniff-insecure 'GET / HTTP' 'so does ovlsniff'
has ovlsniff-insecure 'vxlan:' 'ovlsniff names the VNI'
has_no ngrep-secure 'User-Agent: curl' 'ngrep sees nothing over secure'
has_no ovlsniff-secure 'GET / HTTP' 'nor does ovlsniff'
has ovlsniff-secure '#' 'ovlsniff marks what is opaque'

verify secure secure 0
has secure 'canary found inside' 'the canary is inside ESP'
verify insecure insecure 1
has insecure 'CLEAR.*with the canary' 'the frame with the canary is shown'
verify typo typo 1 3
has typo "'?encrypt'?|typo-option" 'the misspelt option is named'

on_node1 iptables-save > /out/iptables
echo "== without Docker's rule in mangle OUTPUT (CVE-2023-28841)"
on_node1 iptables -t mangle -F OUTPUT
verify no-mark secure 1
on_node1 iptables-restore < /out/iptables
echo "== without Docker's rule in INPUT (CVE-2023-28840)"
on_node1 iptables-save -t filter | grep -v -- '--pol none' > /tmp/without
on_node1 iptables-restore < /tmp/without
verify no-drop secure 1
has no-drop 'NOT.ENFORCED|not.enforced' 'not enforced'
on_node1 iptables-restore < /out/iptables
verify secure-again secure 0

for i in 1 2; do echo "== node$i"; ip -n node$i xfrm policy; done > /out/xfrm-policy
docker1 network inspect secure insecure typo > /out/network-inspect.json
finish "swarm: $([ $failed = 0 ] && echo 'all as it should be' || echo 'FAILED')" $failed
