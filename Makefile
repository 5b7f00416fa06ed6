# Segwalk. Every target sets up what it needs (scripts/need.sh, scripts/venv.sh); only make, git, curl and Rust must be
# there. `make` without a target lists them.

SHELL := /bin/bash
SEGWALK := cargo run --release -q --bin segwalk --
RTL ?= out/rtl
# As in make bitstream BOARD=ecpix5
BOARD ?=
BOARDS := ecpix5 versa colorlight-i5 butterstick
# Seconds of the soak of test-long
SOAK ?= 600

.DEFAULT_GOAL := help
.PHONY: help demo test test-long rtl lint synth bench record bitstream bitstreams program board-named doctor clean \
	build-tools simulation-tools check-tools

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: simulation-tools ## Send files through the emitted Verilog and check every frame
	@scripts/need.sh tcpdump
	@mkdir -p out
	$(SEGWALK) send README.md --pcap out/demo.pcapng
	@scripts/check-pcap.sh out/demo.pcapng
	$(SEGWALK) send LICENSE-APACHE --mode x86-64 --ip 6 --buffers 1000 --pcap out/demo-scattered.pcapng
	@scripts/check-pcap.sh out/demo-scattered.pcapng

test: check-tools ## Run every check and test
	@scripts/if-there.sh rustfmt cargo fmt --all --check
	cargo test --release --workspace
	@scripts/if-there.sh clippy cargo clippy --release --workspace --all-targets -q -- -D warnings
	$(MAKE) --no-print-directory lint
	@scripts/venv.sh
	$(SEGWALK) bench --check

test-long: check-tools ## A hostile driver, random translations, super-frames judged by the kernel, a soaked link: hours (as root)
	SEGWALK_HOSTILE=200000 cargo test --release -p segwalk-tests --test hostile -- --nocapture
	SEGWALK_LOOKUPS=5000000 cargo test --release -p segwalk-tests --test mmu_random -- --nocapture
	SEGWALK_LOOKUPS=1000000 SEGWALK_TLB_ENTRIES=64 cargo test --release -p segwalk-tests --test mmu_random -- --nocapture
	SEGWALK_LOOKUPS=1000000 SEGWALK_TLB_ENTRIES=1024 cargo test --release -p segwalk-tests --test mmu_random -- --nocapture
	SEGWALK_FUZZ=100000 SEGWALK_NO_SKIP=1 cargo test --release -p segwalk-tests --test linux -- --nocapture
	SEGWALK_SOAK=$(SOAK) SEGWALK_NO_SKIP=1 cargo test --release -p segwalk-tests --test link -- --nocapture soak
	SEGWALK_NO_SKIP=1 cargo test --release -p segwalk-cli --test link -- --nocapture
	SEGWALK_ALL_BOARDS=1 cargo test --release -p segwalk-tests --test board -- --nocapture
	$(MAKE) --no-print-directory bitstreams

rtl: build-tools ## Write the core's Verilog to out/rtl
	$(SEGWALK) rtl --out $(RTL)

lint: check-tools ## Check kernels and emitted Verilog
	$(SEGWALK) lint
	$(SEGWALK) rtl --out target/lint
	scripts/check-rtl.sh target/lint

synth: build-tools ## Synthesise the core for the ECP5, cells by module
	@scripts/venv.sh
	$(SEGWALK) synth --seeds 0

bench: simulation-tools ## Measure everything: out/report/index.html
	@scripts/venv.sh
	cargo bench -p segwalk-sim
	$(SEGWALK) bench --report out/report/index.html

record: simulation-tools ## Make what the core reaches now the records that make test checks
	@scripts/venv.sh
	$(SEGWALK) bench --record

bitstream: board-named build-tools ## BOARD=NAME: build the bitstream of a board into out/boards
	@scripts/venv.sh
	$(SEGWALK) bitstream --board $(BOARD)

bitstreams: build-tools ## Build the bitstreams of all boards: minutes each
	@scripts/venv.sh
	@for board in $(BOARDS); do $(SEGWALK) bitstream --board $$board || exit; done

program: board-named build-tools ## BOARD=NAME: build it and load it into the board (CABLE=NAME over another cable)
	@scripts/venv.sh
	$(SEGWALK) bitstream --board $(BOARD) --program $(if $(CABLE),--cable $(CABLE))

board-named:
	@[ -n "$(BOARD)" ] || { echo "segwalk: say which board, as in make bitstream BOARD=ecpix5; there are $(BOARDS)." >&2; exit 1; }

doctor: build-tools ## Say which tools are there and what to do
	$(SEGWALK) doctor

clean: ## Remove everything that was built
	rm -rf target out .venv

build-tools:
	@scripts/need.sh cargo cc

simulation-tools: build-tools
	@scripts/need.sh verilator g++ make zlib

check-tools: simulation-tools
	@scripts/need.sh iverilog
	@[ "$$(id -u)" != 0 ] || scripts/need.sh iproute2 iperf3 curl
