# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# A root with no other capabilities than those of deploy/kubernetes reads keys, policies and rules, and comes to the same
# verdict. With NET_RAW alone it has to do without keys, and says so.
nodes 2; keygen
up_secure 1; up_secure 2
ping_ok 1 10.0.2.2

verify_with() { # CAPABILITY…: prints the report
    local bounding=-all each
    for each in "$@"; do bounding+=,+${each,,}; done
    # As in a pod, no other network namespace has a name here.
    on 1 unshare -m sh -c 'mount -t tmpfs tmpfs /run/netns && exec "$@"' sh setpriv --bounding-set "$bounding" --inh-caps -all --no-new-privs \
        "$OVLSNIFF" verify --all --for "$(scaled 4)s" 2>&1 || echo "exit $?"
}
read -r -a rights < <(sed -n 's/.*add: \[\(.*\)\].*/\1/p' "$LAB/../../deploy/kubernetes/daemonset.yaml" | tr -d ,)
is "rights of the DaemonSet" "NET_RAW NET_ADMIN" "${rights[*]:0:2}"
full=$(verify_with "${rights[@]}"); echo "$full" >&2
has "with ${rights[*]}" "$full" '^secure .*ENCRYPTED +opened'
fails grep -Eq 'kernel-unknown|enforcement-unknown|^exit ' <<<"$full"
bare=$(verify_with NET_RAW); echo "$bare" >&2
has "with NET_RAW alone" "$bare" '^finding: kernel-unknown'
