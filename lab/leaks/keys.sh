# shellcheck shell=bash disable=SC2034,SC2154 # one program with lab/leaks.sh
# Scenarios in which keys change, several keys are in use, or protection ends while ovlsniff watches.

rekey_setup() { both_encrypted_setup; lasts 20; }
rekey_during() {
    pause 3
    sa ab b 0x2ab new-ab; sa ba a 0x2ba new-ba
    sa ab a 0x2ab new-ab; sa ba b 0x2ba new-ba
    pause 2
    local host
    for host in a b; do
        ip -n "$lab-$host" xfrm state delete src $a dst $b proto esp spi 0x1ab
        ip -n "$lab-$host" xfrm state delete src $b dst $a proto esp spi 0x1ba
    done
}
rekey_claims() {
    for host in a b; do all_esp $host; done; delivered
    sends a 'ip[20:4] = 0x1ab'; sends a 'ip[20:4] = 0x2ab'; sends b 'ip[20:4] = 0x1ba'; sends b 'ip[20:4] = 0x2ba'
}

# docker_spi SOURCE DESTINATION TAG: prints Docker's SPI, which is FNV-1a over source, tag and destination, with the
# addresses mapped into IPv6.
docker_spi() {
    local hash=2166136261 byte
    for byte in $(mapped "$1") $(($3 >> 24)) $(($3 >> 16 & 255)) $(($3 >> 8 & 255)) $(($3 & 255)) $(mapped "$2"); do
        hash=$((((hash ^ byte) * 16777619) & 0xffffffff))
    done
    printf '0x%x' $hash
}
mapped() { echo 0 0 0 0 0 0 0 0 0 0 255 255 "${1//./ }"; }

# Both hosts accept two generations of Docker's keys. a sends with the new one, and b still with the old one.
key_generations_setup() {
    hosts; overlay secure 42 10.42.0
    local host tag
    reqid=13681891
    for tag in 1000 1002; do
        sa ab "a b" "$(docker_spi $a $b $tag)" "tag-$tag"
        sa ba "a b" "$(docker_spi $b $a $tag)" "tag-$tag"
    done
    generation a ab 1002; generation b ba 1000
    for host in a b; do docker_accepts_by $host; done
    pings 10.42.0.2
}
generation() {
    # shellcheck disable=SC2046
    ip -n "$lab-$1" xfrm policy add $(ends "$2") proto udp dport "$port" dir out \
        tmpl $(ends "$2") proto esp spi "$(if [ "$2" = ab ]; then docker_spi $a $b "$3"; else docker_spi $b $a "$3"; fi)" \
        reqid $reqid mode transport
}
docker_accepts_by() { iptables_drops_clear "$1" 42; }
key_generations_claims() {
    for host in a b; do all_esp $host; done; delivered
    sends a "ip[20:4] = $(docker_spi $a $b 1002)"; sends_no a "ip[20:4] = $(docker_spi $a $b 1000)"
    sends b "ip[20:4] = $(docker_spi $b $a 1000)"; sends_no b "ip[20:4] = $(docker_spi $b $a 1002)"
}

policy_removed_setup() { both_encrypted_setup; lasts 20; }
policy_removed_during() {
    pause 3
    ip -n "$lab-a" xfrm policy delete src $a dst $b proto udp dport "$port" dir out
}
policy_removed_claims() { sends a "$esp"; sends a "$(vxlan 42)"; readable a; all_esp b; delivered; }

# The new SAs do not encrypt.
rekey_null_setup() { both_encrypted_setup; lasts 20; }
rekey_null_during() {
    pause 3
    suite=null
    sa ab b 0x2ab new-ab; sa ba a 0x2ba new-ba
    sa ab a 0x2ab new-ab; sa ba b 0x2ba new-ba
    local host
    for host in a b; do
        ip -n "$lab-$host" xfrm state delete src $a dst $b proto esp spi 0x1ab
        ip -n "$lab-$host" xfrm state delete src $b dst $a proto esp spi 0x1ba
    done
}
rekey_null_claims() { for host in a b; do sends $host "$esp"; sends_no $host "$(vxlan 42)"; readable $host; done; delivered; }

# A third node joins while ovlsniff watches, and a has no policy for the frames to it.
new_peer_clear_setup() { both_encrypted_setup; lasts 20; }
new_peer_clear_during() {
    pause 3
    ip -n "$lab-a" neigh replace 192.0.2.3 lladdr 02:00:00:00:00:03 dev eth0 nud permanent
    knows a secure 02:00:00:00:2a:03 10.42.0.3 192.0.2.3
    in_a ping -n -i 0.3 -c 9 -W 1 -p "$pattern" 10.42.0.3 > /dev/null 2>&1 || true
}
new_peer_clear_claims() { sends a "$esp"; sends a "$(vxlan 42) and dst host 192.0.2.3"; sends_no a "$(vxlan 42) and dst host $b"; all_esp b; delivered; }

# a's OUT policy is away for two seconds.
policy_gap_setup() { both_encrypted_setup; lasts 10; }
policy_gap_during() { pause 3; ip -n "$lab-a" xfrm policy delete src $a dst $b proto udp dport "$port" dir out; pause 2; sends_by a; }
policy_gap_claims() { policy_removed_claims; }

# A rekey with a gap: the SAs are deleted, and added again two seconds later.
sa_gap_setup() { both_encrypted_setup; lasts 10; }
sa_gap_during() {
    local host
    pause 3
    for host in a b; do
        ip -n "$lab-$host" xfrm state delete src $a dst $b proto esp spi 0x1ab
        ip -n "$lab-$host" xfrm state delete src $b dst $a proto esp spi 0x1ba
    done
    pause 2
    sa ab "a b" 0x2ab new-ab; sa ba "a b" 0x2ba new-ba
}
sa_gap_claims() { for host in a b; do all_esp $host; done; delivered; sends a 'ip[20:4] = 0x1ab'; sends a 'ip[20:4] = 0x2ab'; }

# a's IN policy is away for two seconds. Nothing arrives in clear.
in_policy_gap_setup() { both_encrypted_setup; lasts 10; }
in_policy_gap_during() { pause 3; ip -n "$lab-a" xfrm policy delete src $b dst $a proto udp dport "$port" dir in; pause 2; accepts_by a; }
in_policy_gap_claims() { all_esp a; all_esp b; delivered; refuses_clear b $b; }

# a's firewall is loaded again, and Docker's rule is not among its rules for two seconds.
firewall_reload_setup() {
    local host
    hosts; overlay secure 42 10.42.0; associations
    for host in a b; do docker_sends_by $host; iptables_marks $host 42; done
    accepts_by a
    pings 10.42.0.2; lasts 10
}
firewall_reload_during() { pause 3; in_a "$iptables" -t mangle -F; pause 2; iptables_marks a 42; }
firewall_reload_claims() { sends a "$esp"; sends a "$(vxlan 42)"; readable a; all_esp b; delivered; }

# a sends by an SA with NULL encryption for two seconds.
null_for_a_moment_setup() { both_encrypted_setup; (suite=null; sa ab b 0x2ab plain); sa ab b 0x3ab new-ab; lasts 10; }
null_for_a_moment_during() {
    pause 3
    ip -n "$lab-a" xfrm state delete src $a dst $b proto esp spi 0x1ab
    (suite=null; sa ab a 0x2ab plain)
    pause 2
    ip -n "$lab-a" xfrm state delete src $a dst $b proto esp spi 0x2ab
    sa ab a 0x3ab new-ab
}
null_for_a_moment_claims() {
    local spi
    for spi in 0x1ab 0x2ab 0x3ab; do sends a "ip[20:4] = $spi"; done
    sends_no a "$(vxlan 42)"; readable a; all_esp b; delivered
}
