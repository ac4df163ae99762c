#!/usr/bin/env python3
"""A test of another mail program against the sandbox: start it, learn how to reach it, submit and fetch through it."""

import base64
import hmac
import imaplib
import json
import smtplib
import ssl
import struct
import subprocess
import time


def one_time_code(seed):
    """RFC 6238, as most operators use it: SHA-1, 30 seconds, 6 digits."""
    key = base64.b32decode(seed + "=" * (-len(seed) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), "sha1")
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def sign_in_as(person):
    return person["address"], person["password"] + one_time_code(person["totp_seed"])


sandbox = subprocess.Popen(["mss", "--json", "sandbox"], stdout=subprocess.PIPE, text=True)
try:
    reach = json.loads(sandbox.stdout.readline())
    people = {person["profile"]: person for person in reach["identities"]}
    sender, reader = people["laboratoire"], people["dr.durand"]
    trust = ssl.create_default_context(cafile=reach["trust_file"])

    with smtplib.SMTP(reach["host"], reach["submission_starttls"]) as submission:
        submission.starttls(context=trust)
        submission.login(*sign_in_as(sender))
        message = f"From: {sender['address']}\r\nTo: {reader['address']}\r\nSubject: test\r\n\r\nBonjour.\r\n"
        assert submission.sendmail(sender["address"], [reader["address"]], message) == {}

    with imaplib.IMAP4(reach["host"], reach["mailbox_starttls"]) as mailbox:
        mailbox.starttls(ssl_context=trust)
        mailbox.login(*sign_in_as(reader))
        mailbox.select("INBOX")
        _, found = mailbox.uid("search", "UNSEEN")
        _, parts = mailbox.uid("fetch", found[0].split()[-1], "(BODY.PEEK[])")
        assert parts[0][1].endswith(b"Bonjour.\r\n"), parts
    print("submitted and fetched")
finally:
    sandbox.terminate()
    sandbox.wait()
