# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC2034,SC2154
# The commands of the README's ```sh blocks that call ovlsniff, as they are written there, on a node with the course's two
# networks and a page that is fetched over both all the time. A search has no end of its own: it gets an INT when it has found something.
nodes 2; keygen
up_insecure 2; up_secure 2
up_insecure 1; up_secure 1
mkdir www; echo '<h1>Welcome to the course</h1>' > www/index.html
ip netns exec n2 python3 -m http.server --directory www 80 > server.log 2>&1 & server=$!
wait_for on 1 curl -sf -m "$(scaled 2)" -o /dev/null http://10.0.1.2/
while :; do for net in 1 2; do on 1 curl -s -m 2 -o /dev/null "http://10.0.$net.2/" || true; done; sleep 0.2; done & client=$!

sudo() { "$@"; }
command() { echo "$work/ovlsniff"; }
setcap() { /usr/sbin/setcap "$@" 2>/dev/null || /sbin/setcap "$@"; }
ovlsniff() {
    local running
    if [ "$1" = verify ]; then on 1 "$OVLSNIFF" "$@"; return; fi
    ip netns exec n1 "$OVLSNIFF" "$@" & running=$!
    wait_for grep -q 'GET / HTTP/1.1' out.txt || true
    kill -INT $running; wait $running
}
cp "$OVLSNIFF" ovlsniff

# Prints the commands, one a line, without their comments.
commands() {
    awk '/^```/ { inside = $0 == "```sh"; next } inside' "$LAB/../../README.md" | sed -E 's/ +# .*//' | grep -E '^(sudo )?(ovlsniff|setcap) '
}

commands > commands.txt
lines=0
while IFS= read -r line; do
    lines=$((lines + 1)) status=0
    echo "== $line"
    eval "$line" > out.txt 2> err.txt </dev/null || status=$?
    head -n 40 out.txt; cat err.txt
    # One of the two networks is in clear.
    case $line in *--all*) expected=1 ;; *) expected=0 ;; esac
    is "status" $expected "$status"
    case $line in
        *setcap*) is "left by setcap" "cap_net_admin,cap_net_raw=ep" "$(/usr/sbin/getcap ovlsniff 2>/dev/null | sed 's/.* //; s/^=//')" ;;
        *verify*) has "verdict" "$(cat out.txt)" '^verdict: ENCRYPTED|^secure .*ENCRYPTED' ;;
        *) has "a match" "$(cat out.txt)" 'GET / HTTP/1.1' ;;
    esac
done < commands.txt
[ "$lines" -ge 7 ] || { echo "the README has $lines commands"; exit 1; }
echo "note: $lines commands of the README"
kill $server $client
