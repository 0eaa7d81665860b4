# shellcheck shell=bash disable=SC2034,SC2154 # one program with lab/leaks.sh
# Scenarios in which the sniffer sees too little, of an overlay that is in order or is not.

# A second underlay that carries nothing.
second_interface() {
    ip -n "$lab-a" link add eth1 type veth peer name far1
    ip -n "$lab-a" link set eth1 up; ip -n "$lab-a" link set far1 up
    ip -n "$lab-a" addr add 198.51.100.1/24 dev eth1
}
wrong_interface_setup() { both_encrypted_setup; second_interface; asks -i eth1; }
wrong_interface_claims() { all_esp a; all_esp b; delivered; }

wrong_interface_clear_setup() { clear_setup; second_interface; asks -i eth1; }
wrong_interface_clear_claims() { clear_claims; }

interface_down_setup() { both_encrypted_setup; lasts 15; }
interface_down_during() { pause 3; ip -n "$lab-a" link set eth0 down; }
interface_down_claims() { all_esp a; all_esp b; delivered; [ -z "$(ip -n "$lab-a" -br link show eth0 up)" ] || claim "eth0 is up"; }

interface_gone_setup() { both_encrypted_setup; lasts 15; }
interface_gone_during() { pause 3; ip -n "$lab-a" link delete eth0; }
interface_gone_claims() { all_esp a; all_esp b; delivered; ! ip -n "$lab-a" link show eth0 >/dev/null 2>&1 || claim "eth0 is there"; }

# The capturing processes are stopped while more arrives than their rings can hold.
drops_during() {
    local pid
    pause 3
    in_a ping -n -f -w "$(scaled 6)" -s 1300 10.42.0.2 > /dev/null 2>&1 &
    pause 0.5
    for pid in $(sniffers); do kill -STOP "$pid"; done
    pause 3
    for pid in $(sniffers); do kill -CONT "$pid"; done
}
# Prints the processes that capture in host a: ovlsniff, and tcpdump as the witness.
sniffers() {
    local pid
    for pid in $(ip netns pids "$lab-a"); do
        case $(cat "/proc/$pid/comm" 2>/dev/null) in ovlsniff | tcpdump) echo "$pid" ;; esac
    done
}
witness_lost() { [ "$(sed -n 's/^\([0-9]*\) packets dropped by kernel.*/\1/p' "$work/tap.pcap.log")" -gt 0 ] || claim "the witness lost nothing"; }
drops_setup() { both_encrypted_setup; taps tap.pcap a eth0 -B 64; lasts 15; asks --buffer 64K; }
drops_claims() { all_esp a; all_esp b; delivered; witness_lost; }

drops_clear_setup() { clear_setup; taps tap.pcap a eth0 -B 64; lasts 15; asks --buffer 64K; }
drops_clear_during() { drops_during; }
drops_clear_claims() { clear_claims; witness_lost; }

no_net_admin_setup() { both_encrypted_setup; as setpriv --bounding-set=-all,+net_raw --inh-caps=-all; }
no_net_admin_claims() { both_encrypted_claims; }

no_net_admin_clear_setup() { clear_setup; as setpriv --bounding-set=-all,+net_raw --inh-caps=-all; }
no_net_admin_clear_claims() { clear_claims; }

no_capability_setup() { both_encrypted_setup; as setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all; }
no_capability_claims() { both_encrypted_claims; }

passive_setup() { both_encrypted_setup; asks --passive; }
passive_claims() { both_encrypted_claims; }

keys_unread_setup() { both_encrypted_setup; asks --no-keys; }
keys_unread_claims() { both_encrypted_claims; }

passive_clear_setup() { clear_setup; asks --passive; }
passive_clear_claims() { clear_claims; }

control_setup() { both_encrypted_setup; port=4799 overlay insecure 44 10.44.0; asks --control insecure; }
control_claims() { all_esp a; all_esp b; delivered; }

# All members of the overlay are on one host, on the overlay's bridge.
same_host_setup() {
    local member
    hosts
    vtep a secure 02:00:00:00:2a:01 10.42.0.1 id 42 local "$a"
    ip -n "$lab-a" addr flush dev secure
    ip -n "$lab-a" link add ovl0 type bridge
    ip -n "$lab-a" link set secure master ovl0
    ip -n "$lab-a" link set ovl0 up
    ip -n "$lab-a" addr add 10.42.0.1/24 dev ovl0
    ip netns add "$lab-c"
    ip -n "$lab-a" link add member type veth peer name eth0 netns "$lab-c"
    ip -n "$lab-a" link set member master ovl0 up
    ip -n "$lab-c" addr add 10.42.0.2/24 dev eth0
    ip -n "$lab-c" link set eth0 up
    pings 10.42.0.2
}
same_host_claims() { sends_no a "$(vxlan 42)"; sends_no a "$esp"; sends_no b "$esp"; delivered; }

# ovlsniff is stopped for a while, and the frames that arrive meanwhile wait in the ring.
unread_tail_setup() { both_encrypted_setup; lasts 12; }
unread_tail_during() {
    local pid
    pause 1
    for pid in $(ip netns pids "$lab-a"); do [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != ovlsniff ] || kill -STOP "$pid"; done
    in_a timeout "$(scaled 4)" ping -n -q -f -c 220 10.42.0.2 > /dev/null || true
    ip -n "$lab-a" xfrm policy delete src $a dst $b proto udp dport "$port" dir out
    in_a ping -n -i 0.2 -c 4 -W 1 -p "$pattern" 10.42.0.2 > /dev/null || true
    pause 1.5
    for pid in $(ip netns pids "$lab-a"); do [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != ovlsniff ] || kill -CONT "$pid"; done
}
unread_tail_claims() { sends a "$esp"; sends a "$(vxlan 42)"; readable a; }
