# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# The other node has another secret. Nothing gets through, nothing is in clear, and status says where to look.
nodes 2; keygen
capture 1 wrong.pcap
up_secure 1
"$OVLSNIFF" overlay keygen > other.key
key=$work/other.key up_secure 2
ping_fails 1 10.0.2.2
on 2 ping -q -c 2 -W "$(scaled 1)" 10.0.2.1 || true
captured
no_frames "clear frames" wrong.pcap 'vxlan| 18887 '
[ "$(frames wrong.pcap ':esp ')" -ge 4 ]
on 1 awk '$1 == "XfrmInNoStates" && $2 > 0 { found = 1 } END { exit !found }' /proc/net/xfrm_stat
has hint "$(overlay 1 status)" 'same key'
# `up` refuses a key file that others can read. keygen refuses to add to a file, or to write to a terminal.
chmod 644 "$key"
status=0; overlay 1 up x --vni 9 --local 192.0.2.1 --peer 192.0.2.2 --opt encrypted --key "$key" 2> open.txt || status=$?
is "a key others can read" 2 $status
has reason "$(cat open.txt)" 'chmod 600'
status=0; "$OVLSNIFF" overlay keygen >> "$key" 2> append.txt || status=$?
is "a key into a file with something in it" 2 $status
status=0; script -qc "$OVLSNIFF overlay keygen" /dev/null > tty.txt || status=$?
has terminal "$(cat tty.txt)" 'not written to a terminal'
