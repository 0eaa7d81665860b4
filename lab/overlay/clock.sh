# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# The clock is set back by a day and forward by two while a search and a watch run: no packet is missed, no time that passes is
# measured by that clock, the keys of an encrypted network go on, and the evidence of the watch gives the verdict once more.
nodes 2; keygen
up_secure 1; up_secure 2

jump() { date -s "@$(($(date +%s) + $1))" > /dev/null; }
pings() { on 1 ping -q -c 3 -i 0.2 -W "$(scaled 3)" -p 6162636465666768 10.0.2.2 > /dev/null; }

ip netns exec n1 "$OVLSNIFF" -i eth0 -tT --marks none --decrypt --vni 4098 'abcdefgh' > found.txt 2> found.err & sniffer=$!
wait_for grep -q '^match' found.err
pings; jump -86400; pings; jump 172800; pings
wait_for eval '[ "$(grep -c "^I " found.txt)" -ge 18 ]'
kill -TERM $sniffer; wait $sniffer
cat found.txt found.err
is "packets found" 18 "$(grep -c '^I ' found.txt)"
has "what was lost" "$(cat found.err)" ', 0 dropped by kernel'

# A watch of three seconds lasts three seconds, though the clock goes back amid it.
for seconds in -86400 172800; do
    begin=$(cut -d. -f1 /proc/uptime)
    on 1 "$OVLSNIFF" verify --net secure --for "$(scaled 3)s" --evidence "evidence$seconds" > verdict.txt 2>&1 & watch=$!
    sleep 1; jump $seconds
    status=0; wait $watch || status=$?
    took=$(($(cut -d. -f1 /proc/uptime) - begin))
    cat verdict.txt
    is "exit status" 0 $status
    has verdict "$(cat verdict.txt)" '^verdict: ENCRYPTED'
    [ $took -ge 2 ] && [ $took -lt "$(scaled 60)" ]
    # An auditor is told that the clock was set, and comes to the same verdict.
    status=0; "$OVLSNIFF" verify --replay "evidence$seconds" > again.txt 2>&1 || status=$?
    cat again.txt
    is "exit status of the replay" 0 $status
    has "verdict of the replay" "$(cat again.txt)" '^verdict: ENCRYPTED'
    has "what is told of the clock" "$(cat again.txt)" 'the clock was set during the run'
done
# The scenarios behind this one have the right time again.
jump -172800
echo "note: clock set back by a day and forward by two, amid a search and two watches"
