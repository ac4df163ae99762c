#!/bin/sh
# Sends what another program leaves in a folder, from cron: outgoing/ADDRESS/FILE goes to ADDRESS, then to sent/.
# To try it without an account: MSS='mss --sandbox' examples/send-results.sh
set -eu

mss=${MSS:-mss --no-input}
outgoing=${1:-outgoing}
call=0

for file in "$outgoing"/*/*; do
    [ -f "$file" ] || continue
    address=$(basename "$(dirname "$file")")
    status=0
    # The same message is never sent twice: after an accident this is simply run again.
    $mss send --to "$address" --subject 'Nouveau résultat' --attach "$file" || status=$?
    case $status in
        0)
            mkdir -p "sent/$address"
            mv "$file" "sent/$address/"
            ;;
        69 | 75) ;; # no server now, or queued: the next run goes on with it
        *)
            echo "status $status: $file needs a person" >&2
            call=1
            ;;
    esac
done
exit $call
