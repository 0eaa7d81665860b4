# shellcheck shell=bash
# The nodes of the overlay lab, the commands on them, and the assertions. Sourced before every scenario.
#
# Node N is the network namespace nN with eth0 (192.0.2.N, 2001:db8::N) on one bridge, the wire. Its state /tmp/stateN
# and the address of its network card survive a reboot. Results are read back with ip -j and tshark, and never taken
# from the program's own words.
set -Eeuo pipefail
trap 'echo "failed at ${BASH_SOURCE[0]:-}:$LINENO: $BASH_COMMAND" >&2' ERR
# Processes in the background end with their scenario.
# shellcheck disable=SC2046 # several
trap 'kill $(jobs -p) 2>/dev/null || true; wait || true' EXIT
. "$LAB/../time.bash"
work=$(mktemp -d); cd "$work" || exit
key=$work/secure.key

nodes() { # COUNT
    ip link add wire type bridge mcast_snooping 0; ip link set wire up
    for n in $(seq "$1"); do node "$n"; done
}

node() { # N: makes a node as it is after a boot; its files stay
    ip netns add "n$1"
    ip link add "wire$1" type veth peer name eth0 address "02:00:5e:00:53:0$1" netns "n$1"
    ip link set "wire$1" master wire up
    on "$1" sh -c 'for i in eth0 default; do echo 0 > /proc/sys/net/ipv6/conf/$i/accept_dad; done'
    on "$1" ip link set lo up; on "$1" ip link set eth0 up
    on "$1" ip address add "192.0.2.$1/24" dev eth0
    on "$1" ip address add "2001:db8::$1/64" dev eth0 nodad
}

reboot_node() { ip netns delete "n$1"; while ip link show "wire$1" >/dev/null 2>&1; do sleep 0.1; done; node "$1"; }

on() { local n=$1; shift; ip netns exec "n$n" "$@"; }

overlay() { # N ACT…
    local n=$1 act=$2; shift 2
    case $act in
        status|keygen) on "$n" "$OVLSNIFF" overlay "$act" "$@" ;;
        *) on "$n" "$OVLSNIFF" overlay "$act" --state "/tmp/state$n" "$@" ;;
    esac
}

keygen() { rm -f "$key" "$key.used"; rm -rf /tmp/state*; "$OVLSNIFF" overlay keygen > "$key"; }

# The course's two networks, from the side of node N of two.
up_insecure() { overlay "$1" up insecure --vni 4097 --local "192.0.2.$1" --peer "192.0.2.$((3 - $1))" --addr "10.0.1.$1/24" "${@:2}"; }
up_secure() { overlay "$1" up secure --vni 4098 --local "192.0.2.$1" --peer "192.0.2.$((3 - $1))" --addr "10.0.2.$1/24" --opt encrypted --key "$key" "${@:2}"; }

ping_ok() { # N ADDRESS [COUNT]: no ping is lost
    local said; said=$(on "$1" ping -q -c "${3:-3}" -i 0.2 -W "$(scaled 3)" "$2") || true
    echo "$said" | tail -n 3 >&2
    [[ $said == *" 0% packet loss"* ]]
}
ping_fails() { fails on "$1" ping -q -c 3 -i 0.2 -W "$(scaled 1)" "$2"; }

has() { # WHAT TEXT PATTERN: a line of the text matches
    grep -Eq -- "$3" <<<"$2" || { echo "$1: nothing like '$3' in: $2" >&2; return 1; }
    echo "$1: $3"
}

fails() { # COMMAND…: a bare `!` would not end the scenario
    if "$@"; then echo "succeeded: $*" >&2; return 1; fi
}

is() { # WHAT EXPECTED ACTUAL
    [ "$2" = "$3" ] || { echo "$1: expected '$2', found '$3'" >&2; return 1; }
    echo "$1: $3"
}

capture() { # N FILE [TCPDUMP OPTION…]: returns once it listens
    ip netns exec "n$1" tcpdump --immediate-mode -i eth0 -U -w "$2" "${@:3}" 2> "$2.log" & captures="${captures:-} $!"
    wait_for grep -q 'listening on' "$2.log"
}
captured() { pause 0.5; kill -TERM $captures; wait $captures || true; captures=; }

# tshark writes one line for each frame: protocols, VNIs, ports, SPI, addresses (the outer ones first), fragment offset
# and length.
frames() { # FILE PATTERN: prints the number of frames whose line matches
    [ -f "$1.txt" ] || tshark -n -r "$1" -d udp.port==18887,vxlan -T fields -E separator=' ' -E quote=n \
        -e frame.protocols -e vxlan.vni -e udp.dstport -e esp.spi -e ip.src -e ip.dst -e ipv6.src -e ipv6.dst -e ip.frag_offset -e frame.len \
        > "$1.txt" 2> "$1.err"
    grep -Ec -- "$2" "$1.txt" || true
}

no_frames() { # WHAT FILE PATTERN: no frame's line matches; the first that do are shown
    local count; count=$(frames "$2" "$3")
    [ "$count" = 0 ] || grep -E -- "$3" "$2.txt" | head -n 3 >&2
    is "$1" 0 "$count"
}

sas() { on "$1" ip xfrm state | grep -c '^src' || true; }
policies() { on "$1" ip xfrm policy | grep -c '^src' || true; }

# Prints all of a node's kernel state that the program can touch, in a form that can be compared.
snapshot() {
    on "$1" sh -c 'ip -d link; ip address | grep -v valid_lft; bridge fdb; ip neighbour | grep PERMANENT; ip xfrm policy; ip xfrm state | grep -E "^src|proto|aead|sel|mark"; true'
}
