# shellcheck shell=bash # a part of ./x
# ./x check: what one runs while working, without installing more than the build needs.

. scripts/steps.bash

check() {
    setup
    own_target
    begin_steps
    machine
    step format format_clean
    step clippy clippy_clean
    step tests plain_tests
    end_steps
}
