#!/usr/bin/env python3
"""Fetches what is new and hands each verified attachment over to another program, here by copying it into a folder.

To try it without an account: MSS='mss --sandbox --profile dr.durand' examples/hand_over.py
"""

import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

mss = shlex.split(os.environ.get("MSS", "mss --no-input"))
folder = pathlib.Path("handed-over")
folder.mkdir(mode=0o700, exist_ok=True)

fetch = subprocess.Popen([*mss, "--json", "fetch", "--to", "received"], stdout=subprocess.PIPE, text=True)
for line in fetch.stdout:  # one line for each message, as soon as it is stored
    message = json.loads(line)
    place = pathlib.Path(message["place"] or "")
    if message["state"] != "stored":
        print(f"{message['state']}: {place}", file=sys.stderr)
        continue
    for attachment in message["attachments"]:
        content = (place / attachment["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == attachment["sha256"], "somebody changed it since"
        target = folder / f"{place.name}-{attachment['name']}"
        target.write_bytes(content)
        print(f"{target} from {message['from']}")
sys.exit(fetch.wait())
