#!/usr/bin/env bash
# Reads a capture with tcpdump and looks for wrong checksums: check-pcap.sh FILE.
set -euo pipefail
capture=$1

# On standard input, as AppArmor lets tcpdump open only some folders. The patterns are strict, as tcpdump may print
# payload text too.
if ! text=$(tcpdump -nvvr - <"$capture" 2>/dev/null); then
    echo "segwalk: tcpdump cannot read $capture." >&2
    exit 1
fi
frames=$(grep -cE '^[0-9:.]+ IP' <<<"$text" || true)
if wrong=$(grep -nE 'cksum 0x[0-9a-f]+ \(incorrect|bad cksum [0-9a-f]+ \(->|\[\|(tcp|ip|ip6|ether)\]' <<<"$text"); then
    head -n 3 <<<"$wrong" >&2
    echo "segwalk: tcpdump finds wrong checksums or cut frames in $capture." >&2
    exit 1
fi
if [ "$frames" = 0 ]; then
    echo "segwalk: tcpdump finds no frame in $capture." >&2
    exit 1
fi
echo "tcpdump: $frames frames in $capture, no wrong checksum"
