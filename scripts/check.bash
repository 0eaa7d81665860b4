# shellcheck shell=bash # a part of ./x
# ./x check: the checks to run while working. They install no more than the build needs.

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
