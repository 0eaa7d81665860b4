#!/bin/bash
# shellcheck disable=SC2034,SC2154 # the variables are those of lab/swarm-up.bash
# The scenario `fleet` of lab/swarm. It runs the stacks of deploy/swarm on a two-node Docker Swarm, with
# the Prometheus and the node exporter of Debian: nothing fires on an encrypted network, nothing on a rekey, and a leak
# fires the alert. Then one audit by jobs, with the reports of both nodes merged.
networks="secure"
. /lab/swarm-up.bash

# A service has a container of its own on each node. On a busy machine it comes sooner than one that is attached by hand.
docker1 service create -d --endpoint-mode dnsrr --name web --mode global "${attached[@]}" netshoot:latest nginx
web_runs() { [ "$(docker1 service ps web --format '{{.CurrentState}}' | grep -c ^Running)" = 2 ]; }
wait_for web_runs || wait_for web_runs || wait_for web_runs || finish "no web service" 125

failed=0
holds() { echo "ok      $1"; }
fails() { echo "FAILED  $1"; failed=1; }
cd /lab/deploy || exit 125
export DOCKER_HOST=unix:///run/d1/docker.sock
export OVLSNIFF_IMAGE=ovlsniff:lab NODE_EXPORTER_IMAGE=node-exporter:lab PROMETHEUS_IMAGE=prometheus:lab
export OVLSNIFF_TEXTFILE=/run/docker/textfile OVLSNIFF_EVERY=20s OVLSNIFF_FOR=20s
DOCKER_GROUP=$(stat -c %g /run/d1/docker.sock)
export DOCKER_GROUP

# ---- the stacks --------------------------------------------------------------------------------------------------------

# One tree serves as the image of all three programs.
for i in 1 2; do
    docker$i import -c 'ENTRYPOINT ["/usr/bin/ovlsniff"]' /img-fleet.tar ovlsniff:lab >/dev/null
    docker$i import -c 'ENTRYPOINT ["/usr/bin/prometheus-node-exporter"]' /img-fleet.tar node-exporter:lab >/dev/null
    nsenter -t "$(cat /run/d$i/pid)" -m mkdir -p $OVLSNIFF_TEXTFILE
done
docker1 import -c 'ENTRYPOINT ["/usr/bin/prometheus"]' /img-fleet.tar prometheus:lab >/dev/null
docker stack deploy --resolve-image never -c swarm/verify.yml ovlsniff
docker stack deploy --resolve-image never -c swarm/monitoring.yml monitoring

prometheus() { ip netns exec node1 curl -sS --max-time 20 -G "http://127.0.0.1:9090/api/v1/$1" "${@:2}"; }
# asked EXPRESSION: prints the value of the first series, or nothing.
asked() { prometheus query --data-urlencode "query=$1" | jq -r '.data.result[0].value[1] // empty'; } 2>/dev/null
is() { [ "$(asked "$1")" = "$2" ]; }
# alerts STATE: prints the alerts in this state, as `NAME NODE NETWORK`.
alerts() { prometheus alerts | jq -r --arg state "$1" '.data.alerts[] | select(.state == $state) | "\(.labels.alertname) \(.labels.instance) \(.labels.network)"' | sort; }
within() { # SECONDS COMMAND…
    local end=$((SECONDS + $1 * slow))
    until "${@:2}"; do [ $SECONDS -lt $end ] || return 1; sleep 1; done
}
both_encrypted() { is 'count(ovlsniff_verdict{network="secure",verdict="ENCRYPTED"} == 1)' 2; }
within 180 both_encrypted && holds "Prometheus has the proof of both nodes" || {
    fails "Prometheus has no proof of both nodes"
    docker stack ps --no-trunc ovlsniff; docker stack ps --no-trunc monitoring; docker service logs --tail 5 ovlsniff_verify
    finish "fleet: FAILED" 1
}

# ---- a rekey -------------------------------------------------------------------------------------------------------------

# Turns the keys of one direction as Docker does it every twelve hours: the receiver has the next key already, so the sender
# gets it, its policy is led to it, and the old one goes.
rekey() { # FROM TO
    local from=192.0.2.$1 to=192.0.2.$2 old new key
    old=$(ip -n "node$1" xfrm policy | grep -A 4 "src $from/32 dst $to/32" | sed -n 's/.*esp spi \(0x[0-9a-f]*\).*/\1/p')
    read -r new key < <(ip -n "node$2" xfrm state list src "$from" dst "$to" |
        awk -v old="$old" '/esp spi/ { spi = $4 } /aead/ && spi != old { print spi, $3; exit }')
    ip -n "node$1" xfrm state add src "$from" dst "$to" proto esp spi "$new" reqid 13681891 mode transport \
        aead 'rfc4106(gcm(aes))' "$key" 64
    ip -n "node$1" xfrm policy update src "$from/32" dst "$to/32" proto udp dport 4789 dir out priority 0 mark 0xd0c4e3 mask 0xffffffff \
        tmpl src "$from" dst "$to" proto esp spi "$new" reqid 13681891 mode transport
    ip -n "node$1" xfrm state delete src "$from" dst "$to" proto esp spi "$old"
    echo "node$1: $old -> $new"
}
# A rekey between two watches is not noticed, so there are some.
both_noticed() { is 'count(max_over_time(ovlsniff_finding{network="secure",code="rekeyed"}[30m]))' 2; }
rekeys=0
until [ $rekeys = 8 ] || both_noticed; do
    rekey 1 2 && rekey 2 1 || fails "the keys were turned"
    rekeys=$((rekeys + 1))
    within 30 both_noticed
done
both_noticed && holds "both nodes noticed one of $rekeys rekeys" || fails "both nodes noticed one of $rekeys rekeys"
pause 30
# What was seen of the network, scrape by scrape.
prometheus query --data-urlencode 'query=ovlsniff:network{network="secure"}[30m]' |
    jq -r '.data.result[] | "\(.metric.instance): \([.values[][1]] | join(" "))"'
within 120 both_encrypted && holds "and both have proof again" || fails "and both have proof again"
fired=$(asked 'count(max_over_time(ALERTS{alertstate="firing"}[30m]))')
[ -z "$fired" ] && holds "no alert fired" || fails "$fired alerts fired: $(alerts firing | paste -sd ';' -)"

# ---- an audit ------------------------------------------------------------------------------------------------------------

# The status is that of the merged report. The network `ingress`, which nobody uses, is inconclusive. A busy machine loses
# probes, so that the audit may have to be repeated.
both_ways() { grep -qE '^ *1 +\\ E ' /out/merged-secure && grep -qE '^ *2 +E \\ ' /out/merged-secure && grep -q '^ *verdict: ENCRYPTED' /out/merged-secure; }
for try in 1 2 3; do
    status=0
    ip netns exec node1 env OVLSNIFF_FOR="$(scaled 10)s" bash swarm/audit "/out/audit-$try" > /out/merged || status=$?
    cat /out/merged
    sed -n '/^secure /,/verdict:/p' /out/merged > /out/merged-secure
    both_ways && break
done
[ $status = 3 ] && holds "the audit exits with 3" || fails "the audit exits with $status, right is 3"
both_ways && holds "merged at try $try: both nodes send encrypted" || fails "merged: both nodes send encrypted"

# ---- a leak --------------------------------------------------------------------------------------------------------------

ip -n node1 xfrm policy > /out/policy-before
ip -n node1 xfrm policy flush
begin=$SECONDS
leak_fires() { alerts firing | grep -q '^OvlsniffLeak node1 secure$'; }
within 240 leak_fires && holds "OvlsniffLeak fires for node1, $((SECONDS - begin)) s after the leak began" || fails "OvlsniffLeak fires for node1"
prometheus alerts | jq -c '.data.alerts[] | {state, labels, annotations}' > /out/alerts
cat /out/alerts
others=$(alerts firing | grep -v '^OvlsniffLeak ') && fails "other alerts fire: $others" || holds "no other alert fires"

docker stack rm ovlsniff monitoring >/dev/null
finish "fleet: $([ $failed = 0 ] && echo 'all as it should be' || echo 'FAILED')" $failed
