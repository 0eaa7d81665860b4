# shellcheck shell=bash
# Time on kernels that differ in speed. An emulated one can be ten times slower than the next, and no verdict and no test may
# depend on that: what can be waited for is waited for, and what has to last lasts so many times longer. OVLSNIFF_LAB_SLOW
# is how many times, measured by lab/kernels/guest.bash.

slow=${OVLSNIFF_LAB_SLOW:-1}

# scaled SECONDS: so many seconds of a fast kernel, in those of this one.
scaled() { if [[ $1 = *.* ]]; then awk -v seconds="$1" -v slow="$slow" 'BEGIN { print seconds * slow }'; else echo $(($1 * slow)); fi; }

pause() { sleep "$(scaled "$1")"; }

# wait_for COMMAND…: until it succeeds; fails when it does not in a minute.
wait_for() {
    local end=$((SECONDS + 60 * slow))
    until "$@"; do
        [ $SECONDS -lt $end ] || { echo "waited in vain: $*" >&2; return 1; }
        sleep 0.1
    done
}
