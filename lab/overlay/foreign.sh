# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# `down` and rotation leave the state of Docker, Cilium and an IKE daemon alone, to the byte.
nodes 2; keygen
k16=0x000102030405060708090a0b0c0d0e0f10111213
k32=0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223
# Docker: reqid 0xD0C4E3, ICV 8, marked OUT policy.
on 1 ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x9aa3ee15 reqid 0xD0C4E3 mode transport aead 'rfc4106(gcm(aes))' $k16 64
on 1 ip xfrm policy add src 192.0.2.1/32 dst 192.0.2.2/32 proto udp dport 4789 dir out mark 0xD0C4E3 mask 0xffffffff tmpl src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x9aa3ee15 reqid 0xD0C4E3 mode transport
# Cilium: reqid 1, tunnel mode, mark.
on 1 ip xfrm state add src 10.244.0.1 dst 10.244.1.1 proto esp spi 3 reqid 1 mode tunnel mark 0xd00 mask 0xf00 aead 'rfc4106(gcm(aes))' $k16 128
on 1 ip xfrm policy add src 10.244.0.0/24 dst 10.244.1.0/24 dir out mark 0xd00 mask 0xf00 tmpl src 10.244.0.1 dst 10.244.1.1 proto esp reqid 1 mode tunnel
# An IKE daemon: reqid 16385 up, between the very same hosts.
on 1 ip xfrm state add src 192.0.2.2 dst 192.0.2.1 proto esp spi 0xc0ffee01 reqid 16385 mode tunnel replay-window 32 aead 'rfc4106(gcm(aes))' $k32 128
on 1 ip xfrm policy add src 172.16.1.0/24 dst 172.16.2.0/24 dir out priority 375423 tmpl src 192.0.2.1 dst 192.0.2.2 proto esp reqid 16385 mode tunnel
on 1 ip xfrm policy add src 172.16.2.0/24 dst 172.16.1.0/24 dir in priority 375423 tmpl src 192.0.2.2 dst 192.0.2.1 proto esp reqid 16385 mode tunnel
# Somebody's own VXLAN and bridge.
on 1 ip link add flannel.1 type vxlan id 1 dstport 8472 local 192.0.2.1 nolearning
on 1 ip link add br0 type bridge; on 1 ip link set flannel.1 master br0 up; on 1 bridge fdb append 02:00:00:00:00:09 dev flannel.1 dst 192.0.2.9
snapshot 1 > before
for n in 1 2; do up_insecure $n; up_secure $n --bridge brsecure; done
ping_ok 1 10.0.2.2; ping_ok 1 10.0.1.2
is "foreign networks in status" 2 "$(overlay 1 status --json | jq '.networks | length')"
overlay 1 rotate --step send
overlay 1 down insecure secure
snapshot 1 | diff before -
# A network that is half gone already: `down` removes the rest of it and nothing else, and that is no error.
up_secure 1
on 1 ip link delete secure
on 1 ip xfrm policy delete src 0.0.0.0/0 dst 0.0.0.0/0 proto udp dport 18887 dir out
status=0; overlay 1 status || status=$?
is "status sees what is left" 1 $status
overlay 1 down secure
snapshot 1 | diff before -
status=0; overlay 1 down flannel.1 || status=$?
is "down of what is not ours" 2 $status
# One step fails: `down` names it, and does the others.
up_secure 1
status=0; on 1 strace -f -o trace -e inject=sendto:error=EPERM:when=20 "$OVLSNIFF" overlay down --state /tmp/state1 secure 2> errors.txt || status=$?
cat errors.txt
is "exit when one step failed" 2 $status
is "steps named" 1 "$(grep -c 'remove.*not permitted' errors.txt)"
overlay 1 down secure
snapshot 1 | diff before -
