#!/bin/sh
# Writes to somebody outside the space in a password package, with a file if one is named, and writes the password into a
# letter to be posted. To try it without an account: MSS='mss --sandbox' examples/letter.sh someone@example.org result.pdf
set -eu

address=${1:-someone@example.org}
echo 'Votre résultat est arrivé.' |
    ${MSS:-mss --no-input} send --package --to "$address" --subject 'Votre résultat' --body-file - ${2:+--attach "$2"} \
        --password-command 'umask 077; { echo "Pour ouvrir le message à $MSS_RECIPIENTS :"; cat; } > letter.txt'
echo 'letter.txt: to be printed, posted and destroyed'
