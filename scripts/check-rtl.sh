#!/usr/bin/env bash
# Checks emitted Verilog with two tools: check-rtl.sh FOLDER, which holds segwalk_core.v and segwalk_core.f.
# WIDTH, DECLFILENAME, UNUSED and VARHIDDEN are off: Rust-HDL's way of writing raises them everywhere, and the kernel
# lint covers widths. Any other warning is an error.
set -euo pipefail
folder=$1

verilator --lint-only -Wall -Wno-WIDTH -Wno-DECLFILENAME -Wno-UNUSED -Wno-VARHIDDEN \
    --top-module segwalk_core -F "$folder/segwalk_core.f"
iverilog -g2005 -t null -s segwalk_core "$folder/segwalk_core.v"
echo "segwalk_core: nothing found by $(verilator --version | cut -d' ' -f1,2) and Icarus"
