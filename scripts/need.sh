#!/usr/bin/env bash
# Makes sure that tools are there: need.sh TOOL...
# Installs what is missing with apt-get (with sudo where not root). A tool that cannot be installed ends with one
# sentence that says what to do.
set -euo pipefail

fail() {
    echo "segwalk: $*" >&2
    exit 1
}

# Is the tool there?
present() {
    case $1 in
        venv) python3 -c 'import ensurepip, venv' >/dev/null 2>&1 ;;
        zlib) [ -e /usr/include/zlib.h ] ;;
        iproute2) command -v ip >/dev/null 2>&1 && command -v tc >/dev/null 2>&1 ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# The Debian and Ubuntu packages of a tool.
packages() {
    case $1 in
        cc) echo gcc libc6-dev ;;
        venv) echo python3 python3-venv ;;
        zlib) echo zlib1g-dev ;;
        *) echo "$1" ;;
    esac
}

missing=()
for tool in "$@"; do
    if [ "$tool" = cargo ]; then
        present cargo || fail "cargo is missing: install Rust from https://rustup.rs and open a new shell."
    elif ! present "$tool"; then
        read -ra names <<<"$(packages "$tool")"
        missing+=("${names[@]}")
    fi
done

if [ ${#missing[@]} -gt 0 ]; then
    list="${missing[*]}"
    command -v apt-get >/dev/null || fail "these packages are missing: install $list with your package manager."
    as_root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "these packages are missing: as root run apt-get install $list."
        if [ -t 0 ]; then
            as_root=(sudo)
        else
            sudo -n true 2>/dev/null || fail "these packages are missing: run sudo apt-get install $list."
            as_root=(sudo -n)
        fi
    fi
    echo "segwalk: installing $list" >&2
    apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    if ! { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        fail "apt-get could not install $list: run apt-get install $list by hand and correct what it reports."
    fi
fi

# Debian 12 brings 5.006; older ones do not simulate what Segwalk emits.
for tool in "$@"; do
    if [ "$tool" = verilator ]; then
        version=$(verilator --version | awk '{ print $2 }')
        awk -v version="$version" 'BEGIN { exit !(version + 0 >= 5.006) }' ||
            fail "verilator $version is too old: install version 5.006 or newer (Debian 12, Ubuntu 24.04)."
    fi
done
