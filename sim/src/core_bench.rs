//! The core with all that it is connected to: memory, registers, frame sink, rules, watchdog.

use crate::axi::{self, AxiConfig, AxiMemory, AxiPorts, FromCore, OpenAccess, ProtocolChecker, Response, ToCore};
use crate::axil::{LiteAnswer, LiteManager, LitePorts};
use crate::pattern::Pattern;
use crate::recorder::Recorder;
use crate::stream_sink::{StreamBeat, StreamPorts, StreamSink};
use crate::verilated::{Dut, Model, Port};
use crate::witness::Witness;
use anyhow::{bail, Context as _};
use segwalk_hdl::debug::{StateField, Wait};
use segwalk_model::memory::SparseMemory;
use std::fmt::Write as _;

/// Accesses that a dump shows of the past.
const HISTORY: usize = 32;
/// Clocks of the reset at the beginning.
const RESET_CLOCKS: u32 = 4;

/// How the bench behaves.
#[derive(Clone, Debug)]
pub struct BenchConfig {
    /// Memory.
    pub memory: AxiConfig,
    /// When the sink takes beats.
    pub sink: Pattern,
    /// Largest pause before each channel of a register access, in clocks.
    pub register_gap: u32,
    /// Clocks without any transfer after which work counts as stuck; `None` is 20,000 and 20 times the memory's latency.
    pub watchdog_clocks: Option<u64>,
    /// Check the bus rules.
    pub check: bool,
    /// Check also that no output of the core follows an input without a clock between; costs an evaluation a clock.
    pub check_registered: bool,
    /// Seed of the sink's and the registers' pauses; the memory has its own.
    pub seed: u64,
}

impl Default for BenchConfig {
    fn default() -> Self {
        Self {
            memory: AxiConfig::default(),
            sink: Pattern::Always,
            register_gap: 0,
            watchdog_clocks: None,
            check: true,
            check_registered: false,
            seed: 1,
        }
    }
}

/// Where clocks went, from the output's point of view: a beat left, waited for the sink, or was not there because of what
/// stands first on the way back from the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockCounts {
    /// A beat left.
    pub output: u64,
    /// A beat waited for the sink.
    pub sink: u64,
    /// Beats were asked for and none was there, or a frame was not yet complete.
    pub payload: u64,
    /// A chunk of payload waited for its translation.
    pub translation: u64,
    /// The reader waited for a chain or a fragment.
    pub descriptors: u64,
    /// Bytes were there and not taken: the pipeline itself.
    pub engine: u64,
}

impl ClockCounts {
    /// All of them.
    pub fn clocks(&self) -> u64 {
        self.output + self.sink + self.payload + self.translation + self.descriptors + self.engine
    }

    /// What was counted after `before`.
    #[must_use]
    pub fn since(&self, before: &ClockCounts) -> ClockCounts {
        ClockCounts {
            output: self.output - before.output,
            sink: self.sink - before.sink,
            payload: self.payload - before.payload,
            translation: self.translation - before.translation,
            descriptors: self.descriptors - before.descriptors,
            engine: self.engine - before.engine,
        }
    }

    /// By name, output first.
    pub fn named(&self) -> [(&'static str, u64); 6] {
        [
            ("output", self.output),
            ("payload", self.payload),
            ("translation", self.translation),
            ("descriptors", self.descriptors),
            ("engine", self.engine),
            ("sink", self.sink),
        ]
    }
}

/// The core on the bench.
pub struct CoreBench {
    /// Frame sink.
    pub sink: StreamSink,
    /// Bus rules.
    pub checker: ProtocolChecker,
    dut: Dut,
    memory: AxiMemory,
    axi_ports: AxiPorts,
    stream_ports: StreamPorts,
    lite: LiteManager,
    reset: Port,
    irq: Port,
    debug_states: Port,
    states: &'static [StateField],
    watchdog_clocks: Option<u64>,
    check: bool,
    check_registered: bool,
    clock: u64,
    last_transfer: u64,
    counts: ClockCounts,
    history: [Option<axi::Access>; HISTORY],
    accesses: usize,
    recorder: Option<Recorder>,
    witness: Option<Witness>,
}

impl CoreBench {
    /// Puts an instance of the core on the bench and resets it; `states` says what `debug_states` means
    /// ([`segwalk_hdl::debug::STATES`] for the core).
    pub fn new(model: &Model, config: BenchConfig, states: &'static [StateField]) -> anyhow::Result<Self> {
        let dut = model.instance()?;
        let lite_ports = LitePorts::bind(&dut, "s_axil_")?;
        let mut bench = Self {
            sink: StreamSink::new(config.sink, config.seed),
            checker: ProtocolChecker::default(),
            memory: AxiMemory::new(config.memory),
            axi_ports: AxiPorts::bind(&dut, "m_axi_")?,
            stream_ports: StreamPorts::bind(&dut, "m_axis_")?,
            lite: LiteManager::new(lite_ports, config.register_gap, config.seed ^ 0x5EC0),
            reset: dut.input("reset")?,
            irq: dut.output("irq")?,
            debug_states: dut.output("debug_states")?,
            dut,
            states,
            watchdog_clocks: config.watchdog_clocks,
            check: config.check,
            check_registered: config.check_registered,
            clock: 0,
            last_transfer: 0,
            counts: ClockCounts::default(),
            history: [None; HISTORY],
            accesses: 0,
            recorder: None,
            witness: None,
        };
        bench.reset(RESET_CLOCKS);
        Ok(bench)
    }

    /// Asserts reset for some clocks, at least 1. Accesses that are under way are dropped; memory and frames stay.
    pub fn reset(&mut self, clocks: u32) {
        self.memory.reset();
        self.lite.reset(&mut self.dut);
        self.axi_ports.drive(&mut self.dut, &ToCore::default());
        self.stream_ports.drive(&mut self.dut, false);
        self.dut.set(self.reset, 1);
        for _ in 0..clocks.max(1) {
            if let Some(recorder) = &mut self.recorder {
                recorder.capture(&self.dut);
            }
            self.tick();
            let core = self.axi_ports.sample(&mut self.dut);
            let beat = self.stream_ports.sample(&mut self.dut);
            self.checker.in_reset(self.clock, &core, beat);
        }
        self.dut.set(self.reset, 0);
        self.last_transfer = self.clock;
    }

    /// One clock.
    #[inline]
    pub fn step(&mut self) {
        let clock = self.clock;
        let core = self.axi_ports.sample(&mut self.dut);
        let memory = self.memory.step(clock, &core);
        self.axi_ports.drive(&mut self.dut, &memory);
        let beat = self.stream_ports.sample(&mut self.dut);
        let ready = self.sink.step(clock, beat);
        self.stream_ports.drive(&mut self.dut, ready);
        let register = self.lite.step(&mut self.dut);
        if self.check {
            self.checker.bus(clock, &core, &memory);
            self.checker.stream(clock, beat, ready);
            if let Some(what) = self.lite.take_violation() {
                self.checker.report(clock, what);
            }
        }
        if self.check_registered {
            self.dut.eval();
            if self.axi_ports.sample(&mut self.dut) != core || self.stream_ports.sample(&mut self.dut) != beat {
                self.checker
                    .report(clock, "an output follows an input within the clock");
            }
        }
        if register | (beat.is_some() & ready) | axi::transfers(&core, &memory) {
            self.last_transfer = clock;
        }
        self.account(&core, &memory, beat, ready);
        if let Some(recorder) = &mut self.recorder {
            recorder.capture(&self.dut);
        }
        self.tick();
    }

    /// The clock's edge.
    #[inline]
    fn tick(&mut self) {
        if let Some(witness) = &mut self.witness {
            witness.tick(&self.dut);
            self.dut.tick();
            if let Some(difference) = witness.difference(&self.dut) {
                self.checker.report(self.clock, &difference);
            }
        } else {
            self.dut.tick();
        }
        self.clock += 1;
    }

    #[inline]
    fn account(&mut self, core: &FromCore, memory: &ToCore, beat: Option<StreamBeat>, ready: bool) {
        if let (true, Some(address)) = (memory.ar_ready, core.ar) {
            self.remember(false, address);
        }
        if let (true, Some(address)) = (memory.aw_ready, core.aw) {
            self.remember(true, address);
        }
        let counts = &mut self.counts;
        let place = match (beat.is_some(), ready) {
            (true, true) => &mut counts.output,
            (true, false) => &mut counts.sink,
            _ => match Wait::of(self.dut.get(self.debug_states)) {
                Wait::Payload => &mut counts.payload,
                Wait::Translation => &mut counts.translation,
                Wait::Descriptors => &mut counts.descriptors,
                Wait::Engine => &mut counts.engine,
            },
        };
        *place += 1;
    }

    fn remember(&mut self, write: bool, address: axi::Address) {
        self.history[self.accesses % HISTORY] = Some(axi::Access {
            clock: self.clock,
            write,
            address,
        });
        self.accesses += 1;
    }

    /// Steps until the condition holds, and gives the clocks that it took. Fails when a rule is broken, when `limit`
    /// clocks were not enough, or when nothing moves any more while the condition does not hold. The condition is asked
    /// every clock, so it should look at something cheap first ([`CoreBench::irq`], [`StreamSink::frame_count`],
    /// [`AxiMemory::writes_done`]).
    pub fn run_until(&mut self, mut condition: impl FnMut(&Self) -> bool, limit: u64) -> anyhow::Result<u64> {
        let start = self.clock;
        // what happened before is not a stall of this wait
        self.last_transfer = self.last_transfer.max(start);
        while !condition(self) {
            self.guard(start, limit)?;
            self.step();
        }
        self.checker.verdict()?;
        Ok(self.clock - start)
    }

    /// Steps so many clocks; fails when a rule is broken.
    pub fn run(&mut self, clocks: u64) -> anyhow::Result<()> {
        for _ in 0..clocks {
            self.step();
        }
        self.checker.verdict()
    }

    #[inline]
    fn guard(&self, start: u64, limit: u64) -> anyhow::Result<()> {
        let patience = self.patience();
        if self.checker.is_clean() && self.clock - start < limit && self.clock - self.last_transfer < patience {
            return Ok(());
        }
        self.checker.verdict().with_context(|| self.dump())?;
        if self.clock - start >= limit {
            bail!("not done after {limit} clocks\n{}", self.dump());
        }
        bail!(
            "nothing moved for {patience} clocks while work is outstanding\n{}",
            self.dump()
        )
    }

    fn patience(&self) -> u64 {
        let memory = self.memory.config();
        self.watchdog_clocks
            .unwrap_or(20_000 + 20 * u64::from(memory.latency + memory.jitter))
    }

    /// Reads a register; an error answer of the bus is an error.
    pub fn read_register(&mut self, offset: u32) -> anyhow::Result<u32> {
        let answer = self.register(offset, None)?;
        match answer.response {
            Response::Okay => Ok(answer.data),
            error => bail!("reading register {offset:#05x} gave {error:?}; correct the offset"),
        }
    }

    /// Writes a register; an error answer of the bus is an error.
    pub fn write_register(&mut self, offset: u32, value: u32) -> anyhow::Result<()> {
        match self.register(offset, Some(value))?.response {
            Response::Okay => Ok(()),
            error => bail!("writing {value:#x} to register {offset:#05x} gave {error:?}; correct the offset"),
        }
    }

    /// A register access with whatever the bus answers; `None` reads. The rest of the bench goes on meanwhile.
    pub fn register(&mut self, offset: u32, write: Option<u32>) -> anyhow::Result<LiteAnswer> {
        match write {
            Some(value) => self.lite.start_write(offset, value)?,
            None => self.lite.start_read(offset)?,
        }
        // Other traffic must not hide a register block that never answers.
        let (start, limit) = (self.clock, self.patience());
        loop {
            self.step();
            if let Some(answer) = self.lite.take_answer() {
                // the edge that takes the answer has passed; this one takes the ready back
                return Ok(answer);
            }
            self.guard(start, limit)
                .with_context(|| format!("register {offset:#05x} does not answer"))?;
        }
    }

    /// Clocks since the beginning.
    #[inline]
    pub fn clock(&self) -> u64 {
        self.clock
    }

    /// The interrupt line.
    #[inline]
    pub fn irq(&self) -> bool {
        self.dut.get(self.irq) != 0
    }

    /// Behaviour and contents of memory.
    #[inline]
    pub fn axi(&self) -> &AxiMemory {
        &self.memory
    }

    /// Behaviour and contents of memory, to be changed between clocks.
    #[inline]
    pub fn axi_mut(&mut self) -> &mut AxiMemory {
        &mut self.memory
    }

    /// Contents of memory.
    #[inline]
    pub fn memory(&self) -> &SparseMemory {
        self.memory.memory()
    }

    /// Contents of memory, to be changed between clocks.
    #[inline]
    pub fn memory_mut(&mut self) -> &mut SparseMemory {
        self.memory.memory_mut()
    }

    /// The model, for further ports and waves.
    pub fn dut(&mut self) -> &mut Dut {
        &mut self.dut
    }

    /// Records the inputs of every clock from now on, after a reset that is recorded too.
    pub fn record(&mut self) -> anyhow::Result<()> {
        self.recorder = Some(Recorder::new(&self.dut)?);
        self.reset(RESET_CLOCKS);
        Ok(())
    }

    /// Compares every output, clock by clock, with those of another build of the design; a difference is a broken rule.
    /// To be asked for before the first clock after reset.
    pub fn compare_with(&mut self, model: &Model) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.clock == u64::from(RESET_CLOCKS),
            "two models can be compared only from the first clock on"
        );
        let mut witness = Witness::new(&self.dut, model)?;
        self.dut.set(self.reset, 1);
        (0..RESET_CLOCKS).for_each(|_| witness.tick(&self.dut));
        self.dut.set(self.reset, 0);
        self.witness = Some(witness);
        Ok(())
    }

    /// What the outputs are compared with.
    pub fn witness(&self) -> Option<&Witness> {
        self.witness.as_ref()
    }

    /// What was recorded so far.
    pub fn recorder(&self) -> Option<&Recorder> {
        self.recorder.as_ref()
    }

    /// Where clocks went.
    pub fn counts(&self) -> ClockCounts {
        self.counts
    }

    /// Counts from here on, of clocks and of beats.
    pub fn reset_counts(&mut self) {
        self.counts = ClockCounts::default();
        self.sink.reset_counters();
    }

    /// State machines by name, each with its state's name.
    pub fn state_names(&self) -> Vec<(&'static str, String)> {
        let numbers = self.dut.get(self.debug_states);
        self.states
            .iter()
            .map(|field| (field.name, field.state(numbers)))
            .collect()
    }

    /// Everything that helps to see why nothing moves.
    pub fn dump(&self) -> String {
        let mut text = String::new();
        // writing to a String cannot fail
        let _ = self.write_dump(&mut text);
        text
    }

    fn write_dump(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "clock {}, last transfer on clock {}",
            self.clock, self.last_transfer
        )?;
        writeln!(text, "state machines:")?;
        for (module, state) in self.state_names() {
            writeln!(text, "  {module:<20} {state}")?;
        }
        let open = self.memory.open();
        writeln!(text, "open bus accesses: {}", if open.is_empty() { "none" } else { "" })?;
        for OpenAccess {
            write,
            address,
            beats_done,
            since,
        } in open
        {
            let (kind, client) = (kind(write), client(write, address.id));
            let (addr, beats) = (address.phys_addr, address.beats());
            writeln!(
                text,
                "  {kind} {client:<8} {addr:#012x} {beats_done} of {beats} beats, since clock {since}"
            )?;
        }
        let channels = [
            ("AR", "m_axi_ar"),
            ("R", "m_axi_r"),
            ("AW", "m_axi_aw"),
            ("W", "m_axi_w"),
            ("B", "m_axi_b"),
            ("frame stream", "m_axis_t"),
        ];
        write!(text, "channels (valid/ready):")?;
        for (name, prefix) in channels {
            let signal = |end: &str| {
                self.dut
                    .port(&format!("{prefix}{end}"))
                    .map_or(0, |port| self.dut.get(port))
            };
            write!(text, " {name} {}/{}", signal("valid"), signal("ready"))?;
        }
        writeln!(text, " irq {}", u8::from(self.irq()))?;
        let (frames, beats) = (self.sink.frame_count(), self.sink.beats());
        let inside = if self.sink.inside_frame() {
            ", inside a frame"
        } else {
            ""
        };
        writeln!(text, "output: {frames} frames, {beats} beats{inside}")?;
        writeln!(text, "last accesses, newest last:")?;
        for at in self.accesses.saturating_sub(HISTORY)..self.accesses {
            if let Some(axi::Access { clock, write, address }) = self.history[at % HISTORY] {
                let (kind, client) = (kind(write), client(write, address.id));
                let (addr, beats) = (address.phys_addr, address.beats());
                writeln!(text, "  clock {clock}: {kind} {client:<8} {addr:#012x} {beats} beats")?;
            }
        }
        Ok(())
    }
}

fn kind(write: bool) -> &'static str {
    if write {
        "write"
    } else {
        "read "
    }
}

fn client(write: bool, id: u8) -> &'static str {
    match (write, id) {
        (false, axi::READ_RING) => "ring",
        (false, axi::READ_WALKER) => "walker",
        (false, axi::READ_PAYLOAD) => "payload",
        (true, axi::WRITE_USED) => "used",
        _ => "unknown",
    }
}
