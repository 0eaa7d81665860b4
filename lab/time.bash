# shellcheck shell=bash
# Time on kernels that differ in speed. An emulated kernel can be ten times slower than another, and no verdict and no
# test may depend on that. So scenarios wait for events where they can, and stretch times by the kernel's slowness where
# they cannot. lab/kernels/guest.bash measures the slowness: OVLSNIFF_LAB_SLOW.

slow=${OVLSNIFF_LAB_SLOW:-1}

# scaled SECONDS: prints SECONDS, multiplied by this kernel's slowness.
scaled() { if [[ $1 = *.* ]]; then awk -v seconds="$1" -v slow="$slow" 'BEGIN { print seconds * slow }'; else echo $(($1 * slow)); fi; }

pause() { sleep "$(scaled "$1")"; }

# wait_for COMMAND…: waits until the command succeeds. Fails after a minute (times the slowness).
wait_for() {
    local end=$((SECONDS + 60 * slow))
    until "$@"; do
        [ $SECONDS -lt $end ] || { echo "waited in vain: $*" >&2; return 1; }
        sleep 0.1
    done
}
