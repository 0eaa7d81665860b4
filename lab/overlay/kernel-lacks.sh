# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# The kernel has no ChaCha20-Poly1305, no ESP or no VXLAN. `up` says so and touches nothing. The modules are loaded
# again at the end.
# needs: own kernel
nodes 2; keygen
snapshot 1 > before
helper=$(cat /proc/sys/kernel/modprobe)
restore() { echo "$helper" > /proc/sys/kernel/modprobe; modprobe -a vxlan esp4 esp6 gcm seqiv chacha20poly1305 || true; }
trap restore EXIT
echo /bin/false > /proc/sys/kernel/modprobe
lacks() { # WORDS NETWORK
    local status=0
    "$2" 1 2> lacks.txt || status=$?
    cat lacks.txt
    is "exit" 2 $status
    has words "$(cat lacks.txt)" "$1"
    is "sentences" 1 "$(wc -l < lacks.txt)"
    snapshot 1 | diff before -
}
unload() { wait_for rmmod "$1"; } # a removed namespace holds it for a moment
unload chacha20poly1305
{ up_chacha() { up_secure "$1" --opt cipher=chacha20-poly1305; }; lacks 'no ESP.*chacha20-poly1305' up_chacha; }
unload esp4; lacks 'no ESP for IPv4 \(CONFIG_INET_ESP\)' up_secure
unload vxlan; lacks 'no VXLAN' up_insecure
restore
up_secure 1; up_secure 2; ping_ok 1 10.0.2.2
