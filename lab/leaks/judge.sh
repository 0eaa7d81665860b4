# shellcheck shell=bash disable=SC2034,SC2154 # one program with lab/leaks.sh
# The table: for each scenario the right verdict from lab/leaks/scenarios.txt, ovlsniff's verdict, and a comparison.

# Reads the next scenario from file descriptor 3. A line of its own before it may name what it needs.
# shellcheck disable=SC2034 # lab is the runner's
read_scenario() {
    local line
    needs=
    while read -r line <&3; do
        case $line in
            '# needs: '*) needs=${line#'# needs: '} ;;
            '' | '#'*) ;;
            *)
                IFS='|' read -r lab right_exit right_verdict right_out right_in right_rungs right_reason what <<<"$line"
                for field in lab right_exit right_verdict right_out right_in right_rungs right_reason what; do
                    read -r "${field?}" <<<"${!field}"
                done
                return 0
                ;;
        esac
    done
    return 1
}

# keep WORD GIVEN RUNGS REASONS: keeps the outcome of one scenario for lab/matrix, which compares kernels.
keep() { printf '%s\t%s\t%s\t%s\t%s\n' "$lab" "$@" > "$work/kept"; }

# skip WHY: records that the scenario was skipped.
skip() {
    work=/tmp/leaks/$lab
    mkdir -p "$work"
    printf '%-24s skipped: %s\n' "$lab" "$1"
    echo "| $lab | $what | $right_exit $right_verdict: $right_out, $right_in | $right_reason | skipped: $1 | | | |" > "$work/row"
    keep skipped "$1" "" ""
}

begin_table() {
    [ "$verdicts" = no ] || printf '%-24s %-42s %-42s %-7s %s\n' scenario right given rungs reasons
}

# The jq program that prints the report's fields, in the order of `given` in row. A missing field is '-', and the values
# of several peers are joined by slashes.
report='
    def each(way; f): [.directions[]? | select(.way == way) | f // "-"] | if . == [] then "-" else join("/") end;
    (.verdict // "-"), each("out"; .verdict), each("in"; .verdict), each("out"; .rung), each("in"; .rung),
    ([.reason, .directions[]?.reason, .findings[]?.reason] | map(select(. != null)) | unique | join(" "))'

# row PROBLEM: judges one scenario, prints its row and keeps it for the table. A PROBLEM of the scenario itself counts
# as wrong.
row() {
    local exit=- verdict=- out=- in=- rungs=- reasons=- mark=ok said=-
    local -a given=()
    local right="$right_exit $right_verdict: $right_out, $right_in"
    if [ "$verdicts" = no ]; then
        printf '%-24s %s\n' "$lab" "${1:-is what it claims}"
        [ -n "$1" ] && mark=WRONG
    else
        if [ -s "$work/status" ]; then
            exit=$(cat "$work/status")
            mapfile -t given < <(jq -r "$report" "$work/report" 2>/dev/null)
            verdict=${given[0]:--} out=${given[1]:--} in=${given[2]:--} rungs="${given[3]:--} ${given[4]:--}" reasons=${given[5]:--}
            echo "$verdict" > "$work/verdict"
        fi
        is "$right_exit" "$exit" && is "$right_verdict" "$verdict" && is "$right_out" "$out" && is "$right_in" "$in" &&
            is "$right_rungs" "$rungs" && { [ "$right_reason" = - ] || [[ " $reasons " = *" $right_reason "* ]]; } || mark=WRONG
        [ -z "$1" ] || mark="WRONG: $1"
        said="$exit $verdict: $out, $in"
        printf '%-24s %-42s %-42s %-7s %s  %s\n' "$lab" "$right" "$said" "$rungs" "$reasons" "$mark"
    fi
    keep "$mark" "$said" "$rungs" "$reasons"
    echo "| $lab | $what | $right | $right_reason | $said | $rungs | $reasons | $mark |" > "$work/row"
    [ "$mark" != ok ] || return 0
    touch "$work/wrong"
    for file in claims log during stderr; do
        [ ! -s "$work/$file" ] || tail -n 6 "$work/$file" | sed "s/^/    $lab: $file: /"
    done
}
# is RIGHT GIVEN: compares. RIGHT may be any of several, `CLEAR or INCONCLUSIVE`, and each is a pattern: `ENCRYPTED/*`.
is() {
    local rest="$1 or "
    [ "$1" != - ] || return 0
    while [ -n "$rest" ]; do
        # shellcheck disable=SC2053 # it is meant as a pattern
        [[ $2 != ${rest%%" or "*} ]] || return 0
        rest=${rest#*" or "}
    done
    return 1
}

# Ends the table. Fails if a row is wrong.
end_table() {
    local wrong=0 skipped=0 name
    for name in "${ran[@]}"; do
        [ ! -e "/tmp/leaks/$name/wrong" ] || wrong=$((wrong + 1))
        ! grep -q "^$name.skipped" "/tmp/leaks/$name/kept" || skipped=$((skipped + 1))
    done
    echo "${#ran[@]} scenarios, $wrong wrong, $skipped skipped"
    mkdir -p lab-out
    for name in "${ran[@]}"; do cat "/tmp/leaks/$name/kept"; done > lab-out/leaks.new
    mv lab-out/leaks.new lab-out/leaks.tsv
    [ $record = no ] || record_table
    [ $wrong = 0 ]
}

record_table() {
    touch lab/leaks/RESULTS.md
    {
        echo '# What ovlsniff says in the leak lab'
        echo
        echo 'Written by `./x lab leaks`. The right verdicts: [scenarios.txt](scenarios.txt).'
        echo
        echo '| scenario | what it is | right: exit, verdict, out, in | reason wanted | given | rungs | reasons | |'
        echo '|---|---|---|---|---|---|---|---|'
        while read_scenario; do
            cat "/tmp/leaks/$lab/row" 2>/dev/null || grep "^| $lab |" lab/leaks/RESULTS.md || true
        done 3< lab/leaks/scenarios.txt
    } > /tmp/leaks/results
    cat /tmp/leaks/results > lab/leaks/RESULTS.md
}
