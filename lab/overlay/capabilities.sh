# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# A root without one of its capabilities is told what it lacks, and no verdict is better than what it could see. The rows are
# those of docs/hardening.md.
nodes 2; keygen
up_secure 1; up_secure 2

# says FILE WORD…: runs verify with the bounding set of this row; the output and the exit status go to the file.
says() {
    local status=0
    on 1 setpriv --bounding-set "$bounding" --inh-caps -all --no-new-privs "$OVLSNIFF" verify "${@:2}" --for "$(scaled 2)s" > "$1" 2>&1 || status=$?
    echo "exit $status" >> "$1"
}
word() { local text=${1//\`/}; read -r text <<<"$text"; echo "$text"; }

rows=0
while IFS='|' read -r _ without net net_exit all all_exit also _; do
    without=$(word "$without")
    bounding=+all
    [ "$without" = – ] || bounding+=,-${without,,}
    says net.txt --net secure & says all.txt --all; wait $!
    has "without $without" "$(cat net.txt)" "$(word "$net")"
    is "exit of --net" "exit $(word "$net_exit")" "$(tail -n 1 net.txt)"
    has "without $without, all" "$(cat all.txt)" "^$(word "$all")"
    is "exit of --all" "exit $(word "$all_exit")" "$(tail -n 1 all.txt)"
    has "without $without, all" "$(cat all.txt)" "$(word "$also")"
    rows=$((rows + 1))
done < <(sed -n '/^## What is missing/,/^## What is left/p' "$LAB/../../docs/hardening.md" | grep '^|' | tail -n +3)
is "rows" 9 $rows
