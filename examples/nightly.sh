#!/bin/sh
# A nightly job: take what is new, submit what is waiting, and call a person only where one is needed.
# To try it without an account: MSS='mss --sandbox' examples/nightly.sh
set -eu

mss=${MSS:-mss --no-input}
call=0

# Runs one command; 69 (no server) and 75 (try again) are left to the next night.
run() {
    status=0
    $mss --quiet "$@" || status=$?
    case $status in
        0 | 69 | 75) ;;
        *)
            echo "status $status: $*" >&2
            call=1
            ;;
    esac
}

run fetch --to received
run outbox run
run audit verify
run purge-check --all-profiles
exit $call
