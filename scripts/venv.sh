#!/usr/bin/env bash
# Puts the pinned Yosys and nextpnr into the virtual environment .venv/ of the repository.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=scripts/requirements.txt
cmp -s "$wanted" .venv/requirements.txt && exit 0

scripts/need.sh venv
echo "segwalk: installing $(paste -sd ' ' "$wanted") into .venv" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { python3 -m venv .venv && .venv/bin/pip install --quiet --disable-pip-version-check -r "$wanted"; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "segwalk: pip could not install Yosys and nextpnr: check the connection to pypi.org and run make synth again." >&2
    exit 1
fi
cp "$wanted" .venv/requirements.txt
