#!/usr/bin/env bash
# How long mss takes from cold, beside a Rust hello-world on the same machine in the same run.
#
#   benches/cold-start.sh [MSS [RUNS]]      default: target/release/mss, 50 runs
#
# Needs bash 5, awk and rustc. The commands take turns, so that a machine whose speed drifts is unfair to none of them;
# the median counts. Bounds: --version and lookup from a vault within 10 ms of the hello-world, program at most 20 MB.
#
#   lookup, first    the signed list and three revocation lists are downloaded and verified, then kept
#   lookup           they are kept already: vault, trust and trace opened, the directory asked over TLS, the trace signed
#   --sandbox        the same with the operator started in the same process
#
# The time of `lookup` depends on how fast the disk syncs: each exchange is on disk in the trace before its first octet
# leaves, and its outcome before it is told. The last column counts the syncs, if strace is there.
set -euo pipefail
cd "$(dirname "$0")/.."
mss=$(realpath "${1:-target/release/mss}")
runs=${2:-50}

work=$(mktemp -d)
operator=
finish() {
    if [ -n "$operator" ]; then
        kill "$operator"
        wait "$operator" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT
export HOME=$work/home
unset "${!XDG_@}" "${!MSS_@}"
mkdir -p "$HOME" "$work/other-home"

echo 'fn main() { println!("Hello, world!"); }' >"$work/hello.rs"
rustup_home=${RUSTUP_HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)/.rustup}
RUSTUP_HOME=$rustup_home rustc --edition 2024 -C opt-level=3 -C strip=symbols -o "$work/hello" "$work/hello.rs"

"$mss" sandbox --env >"$work/operator" 2>/dev/null &
operator=$!
for _ in $(seq 200); do
    grep -q '^MSS_SANDBOX_DR_LEFEVRE_KEY_FILE=' "$work/operator" && break
    sleep 0.1
done
# shellcheck source=/dev/null
. "$work/operator"

umask 077
echo "$MSS_SANDBOX_API_KEY" >"$work/api-key"
echo "$MSS_SANDBOX_LABORATOIRE_PASSWORD" >"$work/password"
echo "$MSS_SANDBOX_LABORATOIRE_TOTP_SEED" >"$work/seed"
lists=()
for url in $MSS_SANDBOX_REVOCATION_LISTS; do
    lists+=(--revocation-list "$url")
done
"$mss" --quiet --no-input init --address "$MSS_SANDBOX_LABORATOIRE_ADDRESS" --author 1990000010 \
    --submission "$MSS_SANDBOX_HOST:$MSS_SANDBOX_SUBMISSION_STARTTLS_PORT" \
    --mailbox "$MSS_SANDBOX_HOST:$MSS_SANDBOX_MAILBOX_STARTTLS_PORT" \
    --directory "$MSS_SANDBOX_DIRECTORY" --api-key-file "$work/api-key" \
    --certificate-extension "$MSS_SANDBOX_CERTIFICATE_EXTENSION" \
    --list "$MSS_SANDBOX_WHITE_LIST" --list-signer "$MSS_SANDBOX_WHITE_LIST_SIGNER" \
    --anchors "$MSS_SANDBOX_TRUST_FILE" "${lists[@]}" \
    --password-file "$work/password" --totp-seed-file "$work/seed" \
    --certificate "$MSS_SANDBOX_LABORATOIRE_CERTIFICATE_FILE" --key "$MSS_SANDBOX_LABORATOIRE_KEY_FILE" \
    --service-key-out "$work/service-key" >"$work/init" 2>&1 || { cat "$work/init" >&2; exit 1; }

hello() { "$work/hello"; }
version() { "$mss" --version; }
lookup() { "$mss" --service-key "$work/service-key" lookup durand; }
lookup_first() { lookup; }
# In a home of its own: beside the operator above it would find its ports taken, and its lists not kept.
lookup_in_sandbox() { HOME="$work/other-home" "$mss" --sandbox lookup durand; }

names=(hello version lookup lookup_first lookup_in_sandbox)
titles=("hello-world" "mss --version" "mss lookup durand" "mss lookup durand, first" "mss --sandbox lookup durand")
for name in "${names[@]}"; do
    "$name" >"$work/answer" 2>"$work/errors" || { cat "$work/errors" >&2; exit 1; }
done

for _ in $(seq "$runs"); do
    for name in "${names[@]}"; do
        case $name in lookup_first) rm -rf "$HOME/.cache" ;; esac
        begun=$EPOCHREALTIME
        "$name" >/dev/null 2>&1
        ended=$EPOCHREALTIME
        echo $((${ended/[.,]/} - ${begun/[.,]/})) >>"$work/$name.times"
    done
done

median() { sort -n "$work/$1.times" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
quickest() { sort -n "$work/$1.times" | head -n 1; }
syncs() {
    command -v strace >/dev/null || { echo -; return; }
    case $1 in lookup_first) rm -rf "$HOME/.cache" ;; esac
    "$1" >/dev/null 2>&1 # the folders are there, and the code is in memory
    case $1 in lookup_first) rm -rf "$HOME/.cache" ;; esac
    declare -f "$1" lookup >"$work/traced.sh"
    mss="$mss" work="$work" strace -f -qq -e trace=fsync,fdatasync -o "$work/trace" \
        bash -c ". '$work/traced.sh'; $1" >/dev/null 2>&1
    grep -cE 'f(data)?sync' "$work/trace" || true
}

base=$(median hello)
printf '%-28s %10s %10s %10s %6s\n' "$runs runs, in ms" quickest median "more" syncs
for index in "${!names[@]}"; do
    name=${names[$index]}
    awk -v title="${titles[$index]}" -v quick="$(quickest "$name")" -v median="$(median "$name")" -v base="$base" \
        -v syncs="$(syncs "$name")" \
        'BEGIN { printf "%-28s %10.1f %10.1f %10.1f %6s\n", title, quick / 1000, median / 1000, (median - base) / 1000, syncs }'
done
awk -v octets="$(stat -c %s "$mss")" 'BEGIN { printf "%-28s %10.1f MB\n", "program", octets / 1000000 }'
