#!/bin/sh
# Prints the cardiologists of a town who can be written to, one address a line: the answer of a lookup, read as JSON Lines.
# To try it without an account: MSS='mss --sandbox' examples/cardiologists.sh
set -eu

${MSS:-mss} --json lookup --profession cardiologie --place "${1:-Nantes}" |
    python3 -c '
import json, sys
for line in sys.stdin:
    answer = json.loads(line)
    certificate = answer.get("certificate") or {}
    if certificate.get("state") == "valid":
        print(answer["address"])
'
