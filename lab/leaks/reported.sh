# shellcheck shell=bash disable=SC2034,SC2046,SC2086,SC2154 # one program with lab/leaks.sh
# Leaks and false alarms that people reported, as close as a lab of two hosts comes to them. docs/reported-leaks.md says
# which report is which scenario. Reports that other scenarios show already have none here.

# ---- Docker ----------------------------------------------------------------------------------------------------------

# The swarm has another data path port, and Docker's policies are for 4789: what leaves is dropped there.
data_path_port_setup() {
    local host
    hosts; associations
    for host in a b; do docker_sends_by $host; done
    port=4777
    overlay secure 42 10.42.0
    for host in a b; do iptables_marks $host 42; iptables_drops_clear $host 42; done
    pings 10.42.0.2
}
data_path_port_claims() { all_clear a; sends_no b "$esp"; sends_no b "$(vxlan 42)"; lost; }

# The kernels of both hosts lack the match that Docker's rules use, so that there are none, and Docker goes on.
u32_missing_setup() {
    local host
    hosts; overlay secure 42 10.42.0; associations
    for host in a b; do docker_sends_by $host; done
    pings 10.42.0.2
}
u32_missing_claims() { all_clear a; all_clear b; delivered; }

# a's engine does not know the address that it sends from: its SAs and its policy are for 0.0.0.0.
address_unknown_setup() {
    local host
    hosts; overlay secure 42 10.42.0
    sa ab b; sa ba b; docker_sends_by b
    (a=0.0.0.0; sa ab a; sa ba a; docker_sends_by a)
    for host in a b; do iptables_marks $host 42; iptables_drops_clear $host 42; done
    pings 10.42.0.2
    ip netns exec "$lab-b" ping -n -i 0.3 -p "$pattern" 10.42.0.1 > /dev/null 2>&1 &
    pings+=($!)
}
address_unknown_claims() { all_clear a; all_esp b; lost; counts a XfrmInNoStates; }

# The engines are of two versions that reckon SPIs by the addresses' 16 bytes, and by their 4 bytes. Each knows its own.
spi_families_setup() {
    hosts; overlay secure 42 10.42.0
    local host spi
    reqid=13681891
    for host in a b; do
        spi=docker_spi; [ $host = b ] || spi=short_spi
        sa ab $host $($spi $a $b 1000) tag-1000
        sa ba $host $($spi $b $a 1000) tag-1000
        docker_sends_by $host; iptables_marks $host 42; iptables_drops_clear $host 42
    done
    pings 10.42.0.2
    ip netns exec "$lab-b" ping -n -i 0.3 -p "$pattern" 10.42.0.1 > /dev/null 2>&1 &
    pings+=($!)
}
short_spi() { (mapped() { echo "${1//./ }"; }; docker_spi "$@"); }
spi_families_claims() {
    all_esp a; all_esp b; lost
    sends a "ip[20:4] = $(short_spi $a $b 1000)"; sends b "ip[20:4] = $(docker_spi $b $a 1000)"
    counts a XfrmInNoStates; counts b XfrmInNoStates
}

# a has the network's only container, so that its engine knows no other node, and has set up neither SAs nor rules.
single_endpoint_setup() {
    hosts
    vtep a secure 02:00:00:00:2a:01 10.42.0.1 id 42 local $a
    bystander
    lasts 6
}
single_endpoint_claims() { sends_no a "$esp"; sends_no a "$(vxlan 42)"; takes_clear c $stranger; }
# bystander: a third host on the switch, c, that is no node.
bystander() {
    ip netns add "$lab-c"
    ip netns exec "$lab-c" sh -c 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6'
    ip -n "$lab-w" link add port-c type veth peer name eth0 netns "$lab-c"
    ip -n "$lab-w" link set port-c master br0 up
    ip -n "$lab-c" link set eth0 up
    ip -n "$lab-c" addr add $stranger/24 dev eth0
}

# ---- Kubernetes ------------------------------------------------------------------------------------------------------

# loses_mark HOST PROTOCOL PORT: the host protects the overlay's frames, but what it sends from one port. Clear frames
# are taken.
loses_mark() {
    local udp='0>>22&0x3C' other=b
    [ "$1" = a ] || other=a
    hosts; overlay secure 42 10.42.0; associations
    docker_sends_by "$1"; sends_by $other
    iptables_marks "$1" 42
    ip netns exec "$lab-$1" "$iptables" -t mangle -A OUTPUT -p udp --dport "$port" \
        -m u32 --u32 "$udp@36&0xFF=$2&&$udp@50>>16=$3" -j MARK --set-mark 0
    pings 10.42.0.2
    lasts 16
}
from_port() { echo "$(vxlan 42) and udp[39] = $1 and udp[50:2] = $2"; }
# answers HOST ADDRESS tcp|udp PORT TEXT: a service of one answer on a host. It is ready when this returns.
answers() {
    ip netns exec "$lab-$1" perl -MIO::Socket::INET -e '
        my ($address, $proto, $port, $text) = @ARGV;
        my $s = IO::Socket::INET->new(LocalAddr => $address, LocalPort => $port, Proto => $proto, ReuseAddr => 1, $proto eq "tcp" ? (Listen => 5) : ()) or die "$!";
        $| = 1; print "ready\n";
        while (1) {
            if ($proto eq "tcp") { my $c = $s->accept or next; sysread($c, my $got, 999); syswrite($c, $text) if length $text; close $c }
            else { $s->recv(my $got, 999) // next; $s->send($text) }
        }' "${@:2}" > "$work/service-$4" 2>&1 &
    taps+=($!)
    wait_for grep -q ready "$work/service-$4"
}
# calls HOST ADDRESS tcp|udp PORT TEXT: calls such a service, once.
calls() {
    ip netns exec "$lab-$1" timeout 10 perl -MIO::Socket::INET -e '
        my ($address, $proto, $port, $text) = @ARGV;
        my $c = IO::Socket::INET->new(PeerAddr => $address, PeerPort => $port, Proto => $proto) or die "$!";
        $c->send($text); $c->recv(my $got, 999);' "${@:2}"
}

# What a proxy answers is not marked as the pods' own packets are: SYN-ACK, ACK and FIN of one connection leave in clear.
proxy_clear_setup() { loses_mark a 6 8080; answers a 10.42.0.1 tcp 8080 ''; }
proxy_clear_during() { pause 2; calls b 10.42.0.1 tcp 8080 "GET / HTTP/1.0

"; pause 1; }
proxy_clear_claims() { sends a "$esp"; unreadable a; sends a "$(from_port 6 8080)"; all_esp b; delivered; }

# One answer of the peer's name server leaves in clear.
dns_clear_setup() { loses_mark b 17 53; answers b 10.42.0.2 udp 53 "an answer"; }
dns_clear_during() { pause 2; calls a 10.42.0.2 udp 53 "a question"; pause 1; }
dns_clear_claims() { sends b "$esp"; unreadable b; sends b "$(from_port 17 53)"; all_esp a; delivered; }

# The hosts' own health checks are in clear beside the overlay. They are no frames of it.
health_checks_setup() { both_encrypted_setup; answers b $b tcp 4240 "HTTP/1.0 200 OK

"; lasts 16; }
health_checks_during() { pause 2; calls a $b tcp 4240 "GET /hello HTTP/1.0

"; pause 1; }
health_checks_claims() {
    both_encrypted_claims
    sends a "tcp dst port 4240"; sends b "tcp src port 4240"
    grep -qa 'GET /hello' "$work/a.pcap" || claim "no health check can be read"
}

# The underlay is IPv6, and the SAs and policies are for the hosts' IPv4 addresses.
other_family_setup() {
    hosts; protect
    ipv6_addresses
    overlay secure 42 10.42.0; pings 10.42.0.2
}
ipv6_addresses() {
    a=2001:db8::1 b=2001:db8::2
    in_a sh -c 'echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6'; in_b sh -c 'echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6'
    ip -n "$lab-a" addr add $a/64 dev eth0 nodad
    ip -n "$lab-b" addr add $b/64 dev eth0 nodad
}
other_family_claims() { ipv6_clear_claims; }

# The policies are for marked packets between the pods' addresses, as Cilium's are, and the tunnel's frames are neither.
pod_policies_setup() {
    local host way far
    hosts; overlay secure 42 10.42.0
    mode=tunnel; associations
    for host in a b; do
        way=ab far=2; [ $host = a ] || way=ba far=1
        ip -n "$lab-$host" xfrm policy add src 0.0.0.0/0 dst 10.43.0.$far/32 dir out priority 0 mark 0x3e00 mask 0xff00 \
            tmpl $(ends $way) proto esp reqid $reqid mode tunnel
    done
    pings 10.42.0.2
}
pod_policies_claims() { all_clear a; all_clear b; delivered; }

# IPsec is for what goes into the tunnel, not for the tunnel: VXLAN in clear, with ESP in it.
esp_inside_setup() {
    hosts; overlay secure 42 10.42.0
    local mode=tunnel host dir
    (
        a=10.42.0.1 b=10.42.0.2
        associations
        for host in a b; do
            for dir in ab ba; do
                ip -n "$lab-$host" xfrm policy add $(ends $dir) dir "$(way $host $dir)" tmpl $(ends $dir) proto esp reqid $reqid mode tunnel
            done
        done
    )
    pings 10.42.0.2
}
esp_inside_claims() {
    local host
    for host in a b; do sends $host "$(vxlan 42) and udp[39] = 50"; sends_no $host "$(vxlan 42) and udp[39] != 50"; unreadable $host; done
    delivered
}

# IPsec is for GRE, by which nothing is sent any more: the hosts still tunnel by VXLAN.
gre_policies_setup() { hosts; overlay secure 42 10.42.0; protects_tunnel proto gre; pings 10.42.0.2; }
gre_policies_claims() { all_clear a; all_clear b; delivered; }

# A tunnel that encrypts is up between the hosts, and the overlay does not go by it.
beside_tunnel_setup() {
    opaque_hosts
    pings_too 10.99.0.2
    a=192.0.2.1 b=192.0.2.2 port=8472
    overlay secure 42 10.42.0; pings 10.42.0.2
}
beside_tunnel_claims() { local host; for host in a b; do all_clear $host; sends $host 'udp port 51820 and udp[8:4] = 0x04000000'; done; delivered; }

# Pods and nodes reach each other by WireGuard, but what a pod answers to a node goes there straight: the route to the node
# is that of the underlay.
wg_node_replies_setup() {
    wg_pods; flannel_routes
    wg_peer b secure a "10.244.1.0/24,$a/32"
    pings 10.244.2.1 -I "$a"
    from_pod_too 10.244.2.1
}
wg_node_replies_claims() {
    encrypts a
    sends b "$(wg_data)"; sends b "icmp and src net 10.244.2.0/24 and dst host $a"; sends_no b "icmp and dst net 10.244.1.0/24"; readable b
    delivered
}

# c has no WireGuard, so that the pods there are reached without it. It is no peer of the device, and has to be named.
wg_node_without_setup() {
    wg_pods; flannel_routes; from_pod 10.244.2.1
    third_host
    pod_subnet c 3
    routes a 10.244.3.0/24 via 192.0.2.3; routes c 10.244.1.0/24 via "$a"
    from_pod_too 10.244.3.1
    taps c.pcap w port-c -Q in
}
wg_node_without_claims() {
    sends a "$(wg_data)"; sends_no a 'net 10.244.2.0/24'; sends a 'icmp and dst net 10.244.3.0/24'; readable a
    encrypts b; sends c 'icmp and dst net 10.244.1.0/24'; readable c; delivered
}
wg_node_named_setup() { wg_node_without_setup; asks --target 10.244.2.1 --target 10.244.3.1; }
wg_node_named_claims() { wg_node_without_claims; }
