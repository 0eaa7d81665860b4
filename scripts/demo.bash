# shellcheck shell=bash disable=SC2154 # a part of ./x, which sets $binary
# ./x demo: shows ovlsniff on a capture of a real Docker Swarm, and live between two network namespaces.

swarm=tests/fixtures/swarm/swarm-node1.pcap

show() { printf '\n$ ovlsniff'; printf ' %s' "$@"; echo; }

demo() {
    say "== setup: a Rust toolchain, a C linker, libpcap"
    setup demo
    say "== build"
    build
    say
    demo_file
    demo_live
    demo_course
}

# The course on two nodes, with nginx, a network in clear and one in IPsec, on the lab's kernel.
demo_course() {
    say
    # A demonstration does not install nginx and does not try kernels. `./x setup test` does both, so this runs after
    # it.
    if ! is_root || ! have nginx || ! have curl || ! grep -qs ' ok$' "${OVLSNIFF_LAB_CACHE:-/var/cache/ovlsniff}/tried"; then
        say "skipped: the same with networks that ovlsniff overlay builds (needs root, nginx and a kernel with ESP: sudo ./x setup test)"
        return 0
    fi
    say "The same between two nodes, with networks that ovlsniff overlay builds, one of them inside IPsec:"
    mkdir -p lab-out
    if OVLSNIFF=$binary lab/run course > lab-out/demo.log 2>&1; then sed -n 's/^shown: //p' lab-out/course.log
    else cat lab-out/demo.log; die "demo: the course did not go as it should on the lab's kernel"
    fi
}

demo_file() {
    local status=0 out
    say "A capture from node 1 of a Docker Swarm ($swarm): a client fetched the same page over two overlay networks."
    say
    say "Network \"insecure\" is VXLAN 4097 in the clear. Whoever sits on the wire between the nodes reads request and answer;"
    say "each header line names the inner connection first, then the tunnel that carried it."
    show -r "$swarm" HTTP "'udp port 4789'"
    "$binary" -r "$swarm" HTTP 'udp port 4789'
    say
    say "Network \"secure\" was made with --opt encrypted: the kernel wraps the same VXLAN in ESP. Here # is a packet that nobody"
    say "without the key can read, so a line of # and nothing else is what an encrypted network looks like."
    show -r "$swarm" HTTP esp
    "$binary" -r "$swarm" HTTP esp || status=$?
    [ "$status" = 1 ] || die "demo: expected exit status 1 (nothing matched) from the encrypted network, not $status"

    out=$("$binary" -q -r "$swarm" HTTP 'udp port 4789' 2>/dev/null)
    [[ $out == *vxlan:4097*"GET / HTTP/1.1"* ]] || die "demo: no HTTP was found in network insecure"
    out=$("$binary" -r "$swarm" HTTP esp 2>/dev/null) || true
    [[ $out =~ ^#+$ ]] || die "demo: something other than # came from network secure"
}

# The same live, between two network namespaces: 192.0.2.1 and 192.0.2.2 on a veth pair, with VXLAN on top.
demo_live() {
    local why=
    say
    if ! is_root; then why="needs root: sudo ./x demo"
    elif ! have ip || ! have python3 || ! have curl; then why="needs ip, python3 and curl"
    fi
    if [ -n "$why" ]; then say "skipped: the same live ($why)"; return 0; fi
    node1=ovldemo1-$$ node2=ovldemo2-$$ live=$(mktemp -d)
    server='' sniffer=''
    trap live_end EXIT
    trap 'exit 130' INT TERM HUP
    if ! why=$(live_underlay 2>&1); then say "skipped: the same live (no network namespaces or no VXLAN here: $(tail -n 1 <<<"$why"))"; return 0; fi
    live_insecure
    live_end
    trap - EXIT INT TERM HUP
}

live_underlay() {
    ip netns add "$node1" && ip netns add "$node2" &&
        ip -n "$node1" link add eth0 type veth peer name eth0 netns "$node2" &&
        ip -n "$node1" addr add 192.0.2.1/24 dev eth0 && ip -n "$node2" addr add 192.0.2.2/24 dev eth0 &&
        ip -n "$node1" link set eth0 up && ip -n "$node2" link set eth0 up &&
        live_vxlan "$node1" 192.0.2.2 10.0.1.1 && live_vxlan "$node2" 192.0.2.1 10.0.1.2
}

# live_vxlan NAMESPACE PEER ADDRESS
live_vxlan() {
    ip -n "$1" link add insecure type vxlan id 4097 remote "$2" dstport 4789 dev eth0 &&
        ip -n "$1" addr add "$3/24" dev insecure && ip -n "$1" link set insecure up
}

live_insecure() {
    local deadline=$((SECONDS + 50))
    echo '<html><body>Hello from the overlay</body></html>' > "$live/index.html"
    ip netns exec "$node2" python3 -m http.server --bind 10.0.1.2 --directory "$live" 80 >/dev/null 2>&1 &
    server=$!
    say "The same live: two network namespaces, VXLAN 4097 between them, a web server in one, curl in the other."
    say "ovlsniff listens on the underlay of the first."
    show -i eth0 -n 2 HTTP
    ip netns exec "$node1" timeout 60 "$binary" -i eth0 -n 2 HTTP > "$live/out" 2> "$live/err" &
    sniffer=$!
    # The sniffer is ready when it has printed its banner, and the server when it answers.
    until grep -qs '^match:' "$live/err" || ! kill -0 "$sniffer" 2>/dev/null || [ $SECONDS -ge $deadline ]; do sleep 0.1; done
    until ip netns exec "$node1" curl -s -m 2 -o "$live/page" http://10.0.1.2/ || [ $SECONDS -ge $deadline ]; do sleep 0.2; done
    wait "$sniffer" || { cat "$live/err"; die "demo: ovlsniff saw no HTTP on the underlay of a VXLAN that carried it"; }
    sniffer=
    # The output is printed in the order of a terminal: the banner, the matches, the closing count.
    sed '/^match:/q' "$live/err"
    cat "$live/out"
    sed '1,/^match:/d' "$live/err"
    grep -q vxlan:4097 "$live/out" || die "demo: what ovlsniff saw did not come through VXLAN 4097"
}

live_end() {
    local job
    for job in $sniffer $server; do kill "$job" 2>/dev/null && wait "$job" 2>/dev/null; done || true
    ip netns del "$node1" 2>/dev/null || true
    ip netns del "$node2" 2>/dev/null || true
    rm -rf "$live"
}
