# shellcheck shell=bash disable=SC2034,SC2086,SC2154 # one program with lab/leaks.sh
# Scenarios in which IKE daemons make the keys and the policies: strongSwan and libreswan, as Debian packages them. Each
# host runs a daemon of its own, in a tree that lab/leaks/daemons unpacked, with a /run of its own.

ike_tree() { echo "${OVLSNIFF_LAB_CACHE:-/var/cache/ovlsniff}/ike-$1"; }
# in_tree NAMESPACE RUN TREE COMMAND…: runs a command in a tree, where RUN is /run. becomes_in_tree: this shell becomes it.
in_tree() { (become=(timeout 60); becomes_in_tree "$@"); }
becomes_in_tree() {
    # shellcheck disable=SC2016 # its own shell's
    STRONGSWAN_CONF=/run/strongswan.conf exec "${become[@]}" ip netns exec "$1" sh -c 'tree=$1 run=$2; shift 2
        mount --bind /proc "$tree/proc" && mount --bind /dev "$tree/dev" && mount --bind "$run" "$tree/run" || exit
        exec chroot "$tree" "$@"' sh "$(ike_tree "$3")" "$2" "${@:4}"
}
become=()
# The process of each host's daemon.
declare -A ike_pid=()

# ---- strongSwan ------------------------------------------------------------------------------------------------------

# Prints the configuration of a daemon. It loads only what it needs, so that it starts soon.
strongswan_conf() {
    cat <<'CONF'
charon-systemd {
    load = random nonce openssl aes sha1 sha2 hmac kdf gcm kernel-netlink socket-default vici
    install_routes = no
    make_before_break = yes
    retransmit_timeout = 2
    retransmit_tries = 2
    delete_rekeyed_delay = 2
    filelog { log { path = /run/log
        flush_line = yes } }
    plugins { vici { socket = unix:///run/vici } }
}
CONF
}

# The daemon's settings of a scenario: algorithms of ESP, more lines of the connection, and what starts its SAs.
suite_of_esp=aes128gcm16 connection='' starts=none

# child NAME LOCAL REMOTE [LINE…]: prints a child of the connection, by the traffic's selectors.
child() {
    printf '%s {\n mode = %s\n local_ts = %s\n remote_ts = %s\n esp_proposals = %s\n start_action = %s\n' "$1" $mode "$2" "$3" $suite_of_esp $starts
    printf ' %s\n' "${@:4}" '}'
}
# What a scenario protects, as children. by_port: the overlay's port, in one child for each direction. VXLAN sends from
# any port to that one, so one child cannot do it. by_host: all between the hosts.
by_port() { child out 'dynamic[17]' "dynamic[17/$port]"; child in "dynamic[17/$port]" 'dynamic[17]'; }
by_host() { child all dynamic dynamic; }

# strongswan HOST CHILDREN: starts a host's daemon, with the children that the function CHILDREN prints.
strongswan() {
    local host=$1 run=$work/$1.run here=$a there=$b peer=b
    [ $host = a ] || here=$b there=$a peer=a
    mkdir -p "$run"
    strongswan_conf > "$run/strongswan.conf"
    cat > "$run/swanctl.conf" <<CONF
connections { net {
    version = 2
    local_addrs = $here
    remote_addrs = $there
    proposals = aes128-sha256-ecp256
    $connection
    local { auth = psk
        id = $host.example }
    remote { auth = psk
        id = $peer.example }
    children { $("$2" $host) }
} }
secrets { ike-net { secret = "thrown away, and long enough" } }
CONF
    becomes_in_tree "$lab-$host" "$run" strongswan charon-systemd > "$run/out" 2>&1 &
    ike_pid[$host]=$!
    wait_for listens ${ike_pid[$host]} "$run/vici" || { echo "charon of $host did not start: $(tail -n 3 "$run/out")"; return 1; }
    swan $host --load-all --file /run/swanctl.conf || { echo "charon of $host does not take its configuration: $(tail -n 3 "$run/swanctl")"; return 1; }
}
# listens PID SOCKET: waits no more if the process has ended.
listens() { [ -S "$2" ] || gone "$1"; }
# swan HOST OPTION…: asks a host's daemon for something.
swan() { in_tree "$lab-$1" "$work/$1.run" strongswan swanctl "${@:2}" --uri unix:///run/vici >> "$work/$1.run/swanctl" 2>&1; }
initiates() { local child; for child in "${@:2}"; do swan $1 --initiate --child $child || { echo "no child $child: $(tail -n 3 "$work/$1.run/swanctl")"; return 1; }; done; }
# ended HOST: the daemon has ended, and has taken leave of the other one.
ended() { kill "${ike_pid[$1]}"; wait_for gone "${ike_pid[$1]}"; }
gone() { ! kill -0 "$1" 2>/dev/null || [ "$(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null || echo Z)" = Z ]; }

# swans CHILDREN [CHILD…]: two hosts with an overlay, a daemon on both, and the SAs of these children.
swans() {
    hosts; overlay secure 42 10.42.0
    strongswan a $1; strongswan b $1
    initiates a "${@:2}"
    pings 10.42.0.2
}
# The SPIs by which a host sent.
spis() { tcpdump -n -r "$work/$1.pcap" esp 2>/dev/null | grep -o 'spi=0x[0-9a-f]*' | sort -u | wc -l; }
several_keys() { local host; for host in "$@"; do [ "$(spis $host)" -gt 1 ] || claim "$host sent by one SA alone"; done; }
all_encrypted() { all_esp a; all_esp b; delivered; }

swan_port_setup() { swans by_port out in; }
swan_port_claims() { in_order; }
swan_host_setup() { swans by_host all; }
swan_host_claims() { in_order; }
swan_tunnel_setup() { mode=tunnel; swans by_host all; }
swan_tunnel_claims() { in_order; }

# ESP in UDP, as behind a NAT.
swan_encap_setup() { connection='encap = yes'; swans by_host all; }
swan_encap_claims() {
    local host
    for host in a b; do sends $host 'udp port 4500 and udp[8:4] != 0'; sends_no $host "$esp"; sends_no $host "$(vxlan 42)"; unreadable $host; done
    delivered; refuses_clear b $b
}
# The underlay is IPv6.
swan_ipv6_setup() {
    ipv6_hosts; overlay secure 42 10.42.0
    strongswan a by_port; strongswan b by_port
    initiates a out in
    pings 10.42.0.2
}
swan_ipv6_claims() {
    local host
    for host in a b; do sends $host 'ip6 proto 50'; sends_no $host "$(vxlan6 42)"; unreadable $host; done
    delivered
}
# The first frame makes the keys.
swan_trap_setup() { starts='trap'; swans by_host; wait_for replied; }
swan_trap_claims() { in_order; }
replied() { grep -q 'bytes from' "$work/ping"; }
# Nobody answers a's daemon: its kernel holds the frames back.
swan_trap_alone_setup() { starts='trap'; hosts; overlay secure 42 10.42.0; strongswan a by_host; pings 10.42.0.2; }
swan_trap_alone_claims() { sends a 'udp port 500'; sends_no a "$esp"; sends_no a "$(vxlan 42)"; unreadable a; lost; }

swan_rekey_child_setup() { swans by_port out in; lasts 20; }
swan_rekey_child_during() { pause 3; swan a --rekey --child out; pause 1; swan b --rekey --child out; pause 4; }
swan_rekey_child_claims() { in_order; several_keys a b; }
swan_rekey_ike_setup() { swans by_host all; lasts 20; }
swan_rekey_ike_during() { pause 3; swan a --rekey --ike net; pause 2; swan a --rekey --child all; pause 3; }
swan_rekey_ike_claims() { in_order; several_keys a b; grep -q 'IKE_SA net.* rekeyed between' "$work/a.run/log" || claim 'the IKE SA was not rekeyed'; }
# A new IKE SA with new children is made first, and the old ones are deleted.
swan_reauth_setup() { swans by_host all; lasts 20; }
swan_reauth_during() { pause 3; swan a --rekey --ike net --reauth; pause 6; }
swan_reauth_claims() { in_order; several_keys a b; }
# Keys that live for some seconds, on both sides, all the time.
brief() { child all dynamic dynamic "rekey_time = $(scaled 3)" "rand_time = 1" "life_time = $(scaled 20)"; }
swan_brief_setup() { swans brief all; lasts 20; }
swan_brief_claims() { in_order; several_keys a b; }

# The children of the two directions have different algorithms.
two_suites() {
    local of_a=aes128gcm16 of_b=aes256-sha256
    (suite_of_esp=$([ $1 = a ] && echo $of_a || echo $of_b); child out 'dynamic[17]' "dynamic[17/$port]")
    (suite_of_esp=$([ $1 = a ] && echo $of_b || echo $of_a); child in "dynamic[17/$port]" 'dynamic[17]')
}
swan_two_suites_setup() { swans two_suites out in; }
swan_two_suites_claims() {
    local states
    in_order
    states=$(in_a ip xfrm state)
    [[ $states = *'cbc(aes)'* && $states = *rfc4106* ]] || claim 'one suite only'
}
# Of the two children, that for what a sends is missing.
swan_one_child_setup() { swans by_port in; }
swan_one_child_claims() { all_clear a; all_esp b; delivered; }
# The daemons know each other, and have no child.
swan_no_child_setup() { swans by_port; swan a --initiate --ike net; }
swan_no_child_claims() { all_clear a; all_clear b; delivered; swan a --list-sas && grep -q ESTABLISHED "$work/a.run/swanctl" || claim 'no IKE SA'; }
# One host lets what it sends to the overlay's port pass beside the SAs.
passes() { by_host; [ $1 != a ] || (starts='trap' mode=pass; child pass "$a/32[17]" "$b/32[17/$port]"); }
passes_there() { by_host; [ $1 != b ] || (starts='trap' mode=pass; child pass "$b/32[17]" "$a/32[17/$port]"); }
swan_pass_setup() { swans passes all; }
swan_pass_claims() { all_clear a; sends_no b "$(vxlan 42)"; lost; }
swan_pass_there_setup() { swans passes_there all; }
swan_pass_there_claims() { all_esp a; all_clear b; lost; }
# NULL encryption.
swan_null_setup() { suite_of_esp=null-sha256; swans by_host all; }
swan_null_claims() { esp_null_claims; }
# GMAC, which IKE knows as an algorithm as well.
swan_gmac_setup() { suite_of_esp=aes128gmac; swans by_host all; }
swan_gmac_claims() { esp_null_claims; }

# a's daemon ends, takes its policies with it, and b's likewise.
swan_ends_setup() { swans by_host all; lasts 20; }
swan_ends_during() { pause 3; ended a; pause 3; }
swan_ends_claims() { local host; for host in a b; do sends $host "$esp"; sends $host "$(vxlan 42)"; readable $host; done; delivered; }
# The same, and b's policies are a trap that stays.
swan_ends_trapped_setup() { starts='trap'; swans by_host all; lasts 20; }
swan_ends_trapped_during() { swan_ends_during; }
swan_ends_trapped_claims() { sends a "$esp"; sends a "$(vxlan 42)"; readable a; all_esp b; }
# a's daemon is killed: SAs and policies stay in the kernel.
swan_killed_setup() { swans by_host all; lasts 20; }
swan_killed_during() { pause 3; kill -KILL "${ike_pid[a]}"; pause 3; }
swan_killed_claims() { in_order; gone "${ike_pid[a]}" || claim "the daemon of a lives"; }

inner() { if [ $1 = a ]; then echo 203.0.113.1; else echo 203.0.113.2; fi; }
# inside KIND: the underlay is a network of its own, inside of a device for route-based IPsec.
inside() {
    local host here=$a there=$b
    for host in a b; do
        [ $host = a ] || here=$b there=$a
        case $1 in
            xfrm) ip -n "$lab-$host" link add ipsec0 type xfrm dev eth0 if_id 42 ;;
            vti) ip -n "$lab-$host" link add ipsec0 type vti local $here remote $there key 9 ;;
        esac
        ip -n "$lab-$host" link set ipsec0 mtu 1400 up
        ip -n "$lab-$host" addr add "$(inner $host)/30" dev ipsec0
    done
}
routed() { child all 0.0.0.0/0 0.0.0.0/0 "$routed_by"; }
# Both are tunnels between the outer addresses, for everything that is routed into the device.
swan_routed() {
    hosts; inside $1
    mode=tunnel
    case $1 in xfrm) routed_by='if_id_in = 42
 if_id_out = 42' ;; vti) routed_by='mark_in = 9
 mark_out = 9' ;; esac
    strongswan a routed; strongswan b routed
    initiates a all
    (a=203.0.113.1 b=203.0.113.2 overlay_mtu=1300; overlay secure 42 10.42.0)
    pings 10.42.0.2
}
swan_xfrm_interface_setup() { swan_routed xfrm; }
swan_xfrm_interface_claims() { all_encrypted; }
swan_vti_setup() { modprobe ip_vti 2>/dev/null || true; swan_routed vti; }
swan_vti_claims() { all_encrypted; }
# The route into the device goes, and the frames take another one.
swan_unrouted_setup() { swan_routed xfrm; lasts 20; }
swan_unrouted_during() {
    pause 3
    local host
    for host in a b; do ip -n "$lab-$host" addr add "$(inner $host)/32" dev eth0; done
    ip -n "$lab-b" route add 203.0.113.1/32 dev eth0
    ip -n "$lab-a" route add 203.0.113.2/32 dev eth0
    pause 3
}
swan_unrouted_claims() { sends a "$esp"; sends a "$(vxlan 42)"; readable a; }

# ---- libreswan -------------------------------------------------------------------------------------------------------

# libreswan HOST LINE…: starts a host's daemon, with connections from the function CONNS.
libreswan() {
    local host=$1 run=$work/$1.run
    mkdir -p "$run"/{nss,pluto,ipsec.d}
    { printf 'config setup\n\n'; "$2" $host; } > "$run/ipsec.conf"
    echo ': PSK "thrown away, and long enough"' > "$run/ipsec.secrets"
    in_tree "$lab-$host" "$run" libreswan certutil -N -d sql:/run/nss --empty-password
    becomes_in_tree "$lab-$host" "$run" libreswan /usr/libexec/ipsec/pluto --nofork --config /run/ipsec.conf --secretsfile /run/ipsec.secrets \
        --ipsecdir /run/ipsec.d --nssdir /run/nss --rundir /run/pluto --logfile /run/log --no-dnssec --log-no-audit > "$run/out" 2>&1 &
    ike_pid[$host]=$!
    wait_for listens ${ike_pid[$host]} "$run/pluto/pluto.ctl" || { echo "pluto of $host did not start: $(tail -n 3 "$run/log" "$run/out")"; return 1; }
    wait_for whack $host --status
    whack $host --listen
    local conn
    for conn in $(sed -n 's/^conn //p' "$run/ipsec.conf"); do
        in_tree "$lab-$host" "$run" libreswan /usr/libexec/ipsec/addconn --config /run/ipsec.conf --ctlsocket /run/pluto/pluto.ctl $conn >> "$run/whack" 2>&1 ||
            { echo "no connection $conn: $(tail -n 3 "$run/whack")"; return 1; }
    done
}
whack() { in_tree "$lab-$1" "$work/$1.run" libreswan /usr/libexec/ipsec/whack --ctlsocket /run/pluto/pluto.ctl "${@:2}" >> "$work/$1.run/whack" 2>&1; }
# conn NAME LEFT-PORT RIGHT-PORT [LINE…]: prints a connection between a, on the left, and b.
conn() {
    printf 'conn %s\n' "$1"
    printf '    %s\n' left=$a right=$b leftid=@a.example rightid=@b.example authby=secret ikev2=insist type=$mode \
        "ike=aes128-sha2;dh19" "esp=${esp_of_libre:-aes_gcm128}" leftupdown=%disabled rightupdown=%disabled auto=ignore \
        ${2:+leftprotoport=$2} ${3:+rightprotoport=$3} "${@:4}"
    printf '\n'
}
libre_port() { conn ab udp udp/$port; conn ba udp/$port udp; }
libre_host() { conn all '' ''; }
# libres CONNS [CONN…]: two hosts with an overlay, a daemon on both, and the SAs of these connections.
libres() {
    local conn
    hosts; overlay secure 42 10.42.0
    libreswan a $1; libreswan b $1
    for conn in "${@:2}"; do whack a --initiate --name $conn || { echo "no SA of $conn: $(tail -n 5 "$work/a.run/whack")"; return 1; }; done
    pings 10.42.0.2
}
libre_port_setup() { libres libre_port ab ba; }
libre_port_claims() { in_order; }
libre_host_setup() { libres libre_host all; }
libre_host_claims() { in_order; }
libre_tunnel_setup() { mode=tunnel; libres libre_host all; }
libre_tunnel_claims() { in_order; }
libre_rekey_setup() { libres libre_port ab ba; lasts 30; }
libre_rekey_during() {
    local what
    pause 3
    # Its exit status is that of the last message, whatever that was.
    for what in '--rekey-ipsec --name ab' '--rekey-ipsec --name ba' '--rekey-ike --name ab'; do whack a $what || true; done
    pause 3
}
libre_rekey_claims() { in_order; several_keys a b; }
libre_null_setup() { esp_of_libre=null-sha2; libres libre_host all; }
libre_null_claims() { esp_null_claims; }
# The first frame makes the keys.
libre_ondemand_setup() {
    local host
    libres libre_host
    for host in a b; do whack $host --route --name all; done
    wait_for replied
}
libre_ondemand_claims() { in_order; }
# Nobody answers a's daemon. A connection of its own holds the frames back, whatever `failureshunt` says (seen with 4.10).
shunted() { conn all '' '' failureshunt=passthrough negotiationshunt=hold retransmit-timeout=3s keyingtries=1; }
libre_trap_alone_setup() { hosts; overlay secure 42 10.42.0; libreswan a shunted; whack a --route --name all; pings 10.42.0.2; lasts 8; }
libre_trap_alone_claims() { sends a 'udp port 500'; sends_no a "$esp"; sends_no a "$(vxlan 42)"; unreadable a; lost; }
# Opportunistic encryption: what becomes of the frames is the choice of the connection for the group of hosts.
opportunistic() {
    printf 'conn private-or-clear\n'
    printf '    %s\n' left=$a right=%opportunisticgroup leftid=%null rightid=%null authby=null ikev2=insist type=tunnel leftupdown=%disabled \
        failureshunt=$failure negotiationshunt=$negotiation retransmit-timeout=3s keyingtries=1 auto=ondemand
}
alone() {
    hosts; overlay secure 42 10.42.0
    mkdir -p "$work/a.run/ipsec.d/policies"
    echo 192.0.2.0/24 > "$work/a.run/ipsec.d/policies/private-or-clear"
    libreswan a opportunistic
    whack a --listen
    whack a --route --name private-or-clear || true
    lasts 20
}
libre_fails_open_setup() { failure=passthrough negotiation=hold; alone; pings 10.42.0.2; pause 6; }
libre_fails_open_claims() { sends_no a "$esp"; sends a "$(vxlan 42)"; readable a; }
libre_fails_closed_setup() { failure=drop negotiation=hold; alone; pings 10.42.0.2; }
libre_fails_closed_claims() { sends_no a "$esp"; sends_no a "$(vxlan 42)"; unreadable a; lost; }
# The first frame is a probe's, because nobody asks for long.
libre_asks_open_setup() { failure=drop negotiation=passthrough; alone; pings 10.42.0.77; }
libre_asks_open_claims() { sends_no a "$esp"; sends a "$(vxlan 42)"; }
# a's daemon ends, and takes policies and SAs with it.
libre_ends_setup() { libres libre_host all; lasts 20; }
libre_ends_during() { pause 3; whack a --shutdown || true; pause 3; }
libre_ends_claims() { sends a "$esp"; sends a "$(vxlan 42)"; readable a; }

# strongSwan on a, libreswan on b.
swan_and_libre_setup() {
    hosts; overlay secure 42 10.42.0
    strongswan a by_host; libreswan b libre_host
    initiates a all
    pings 10.42.0.2
}
swan_and_libre_claims() { in_order; }
