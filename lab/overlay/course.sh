# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# The course without Docker: `insecure` and `secure` between two nodes, a real nginx dual-homed in a namespace of node2,
# curl from node1 over both. `ovlsniff -i eth0 HTTP` shows request and answer of the first, and only `#` of the second.
nodes 2; keygen
ip netns add web; ip -n web link set lo up
up_insecure 1; up_secure 1
up_insecure 2 --in-netns web; up_secure 2 --in-netns web
mkdir www logs; echo '<h1>Welcome to the course</h1>' > www/index.html; chmod -R a+rX .
cat > nginx.conf <<N
daemon off; pid $work/nginx.pid; error_log stderr; worker_processes 1; user root;
events {}
http { access_log off; server { listen 80; root $work/www; } }
N
ip netns exec web nginx -p "$work" -c "$work/nginx.conf" > nginx.log 2>&1 & nginx=$!
wait_for on 1 curl -sf -m "$(scaled 2)" -o /dev/null http://10.0.1.2/
ping_ok 1 10.0.2.2

sniff() { # FILE: runs until it is stopped
    ip netns exec n1 "$OVLSNIFF" -i eth0 HTTP > "$1" 2> "$1.err" & sniffer=$!
    wait_for grep -q '^match' "$1.err"
}
stop() { # FILE COMMAND…: stops the sniffer once the command succeeds
    wait_for "${@:2}" "$1" || true
    kill -INT $sniffer; wait $sniffer || true; cat "$1" "$1.err"
}
answered() { grep -q '^  HTTP/1.1 200 OK' "$1"; }
# A fetch takes at least this many packets.
eight_marks() { [ "$(tr -cd '#' < "$1" | wc -c)" -ge 8 ]; }

sniff insecure.txt
on 1 curl -s http://10.0.1.2/ | tee page.html
stop insecure.txt answered
has "the page" "$(cat page.html)" 'Welcome to the course'
is "request" 1 "$(grep -c '^  GET / HTTP/1.1' insecure.txt)"
is "answer" 1 "$(grep -c '^  HTTP/1.1 200 OK' insecure.txt)"
has "inner addresses, VNI, outer addresses" "$(cat insecure.txt)" '^T 10\.0\.1\.1:[0-9]+ -> 10\.0\.1\.2:80 \[AP\] vxlan:4097 192\.0\.2\.1 -> 192\.0\.2\.2 #'
has "and back" "$(cat insecure.txt)" '^T 10\.0\.1\.2:80 -> 10\.0\.1\.1:[0-9]+ \[AP\] vxlan:4097 192\.0\.2\.2 -> 192\.0\.2\.1 #'

sniff secure.txt
on 1 curl -s http://10.0.2.2/ > page.html
stop secure.txt eight_marks
has "the page" "$(cat page.html)" 'Welcome to the course'
is "lines with HTTP" 0 "$(grep -c HTTP secure.txt || true)"
eight_marks secure.txt
is "anything but marks" "" "$(tr -d '#.\n' < secure.txt)"
kill -TERM $nginx; wait $nginx || true
for shown in insecure secure; do
    echo "shown: \$ curl -s over $shown; ovlsniff -i eth0 HTTP"
    sed 's/^/shown: /' $shown.txt; echo
done
echo "note: request and answer in clear; $(tr -cd '#' < secure.txt | wc -c) # and no HTTP"
