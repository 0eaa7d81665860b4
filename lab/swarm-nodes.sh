#!/bin/bash
# shellcheck disable=SC2154 # some variables are those of lab/swarm-up.bash
# The scenario of lab/swarm, in a tree of its own. It sets up a two-node Docker Swarm on one bridge, runs the course on
# it with ngrep and ovlsniff side by side, and checks the verdicts of `ovlsniff verify`, with Docker's rules in place
# and without.
networks="insecure secure typo"
. /lab/swarm-up.bash

# dnsrr, because in this kernel no replies come back from the virtual addresses of IPVS.
docker1 service create -d --endpoint-mode dnsrr --name web "${attached[@]}" --constraint node.hostname!=node1 netshoot:latest nginx
web_runs() { docker1 service ps web --format '{{.CurrentState}}' | grep -q ^Running; }
wait_for web_runs || wait_for web_runs || wait_for web_runs || finish "no web service" 125
for net in $networks; do
    # On a slow machine the first tries to attach time out.
    for _ in $(seq 30); do docker1 run -d --name c-$net --net $net netshoot:latest sleep 3600 && break; docker1 rm -f c-$net; sleep 2; done
done

for net in $networks; do
    docker1 inspect -f '{{.State.Running}}' c-$net 2>/dev/null | grep -q true || finish "no container of node 1 on $net" 125
done

failed=0

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
