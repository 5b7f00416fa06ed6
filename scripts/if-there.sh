#!/usr/bin/env bash
# Runs a cargo command when its component is installed: if-there.sh COMPONENT cargo SUBCOMMAND ...
set -euo pipefail
component=$1
shift
if "$1" "$2" --version >/dev/null 2>&1; then
    echo "$*"
    exec "$@"
fi
echo "segwalk: cargo $2 is not installed and is left out; rustup component add $component installs it." >&2
