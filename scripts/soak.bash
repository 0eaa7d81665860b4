# shellcheck shell=bash disable=SC2154 # a part of ./x, which sets $binary
# ./x soak [MINUTES] [OPTION…]: the program under hostile traffic for a long time, its memory and its counts judged.

soak() {
    have ip && have python3 || setup demo
    setup
    build
    # All of it happens in namespaces that end with it: an interface, a name below /run or a Docker engine of this machine is
    # not seen there.
    as_root unshare --net --mount --propagation private python3 -B scripts/soak.py "$binary" "$@"
}
