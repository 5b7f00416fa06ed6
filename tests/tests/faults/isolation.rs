//! A queue reaches no context outside its mask: by no descriptor, no address, and at no time.
//!
//! A hostile queue posts chains that name any context, at the addresses of everybody's buffers and page tables, while its
//! binding registers are written, its binding is taken back and given anew, and its context is turned over to another
//! process. Memory tells of every access.

use anyhow::{ensure, Context as _, Result};
use rand::seq::SliceRandom;
use rand::Rng;
use segwalk_model::limits::CONTEXTS;
use segwalk_model::page_table::Mode;
use segwalk_model::refusal::Refusal;
use segwalk_model::registers as reg;
use segwalk_model::virtqueue::{Binding, Descriptor};
use segwalk_sim::axi::{READ_PAYLOAD, READ_WALKER};
use segwalk_sim::core_bench::{BenchConfig, CoreBench};
use segwalk_sim::device::Device;
use segwalk_sim::driver;
use segwalk_sim::driver::port::RegisterPort;
use segwalk_sim::driver::queue::Queue;
use segwalk_sim::host::{Region, PAGE_BYTES};
use segwalk_sim::process::PageLayout;
use segwalk_sim::session::{Session, KERNEL};
use segwalk_tests::rig::random;
use segwalk_tests::seed;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

const SESSIONS: u64 = 6;
const ROUNDS: usize = 25;
const CHAINS: usize = 12;
/// Contexts of the hostile queue; only the first is always its own.
const OWN: u8 = 2;
const SHARED: u8 = 3;
/// Context of a process that never sends.
const VICTIM: u8 = 4;
/// A process that has no context until `OWN` is turned over to it.
const HEIR: u8 = 5;
const QUEUE: u32 = 1;

/// Physical pages that payload may be read from, and page tables that nobody may walk.
#[derive(Default)]
struct Rule {
    payload: HashSet<u64>,
    tables: HashSet<u64>,
}

struct Attack {
    session: Session<CoreBench>,
    random: rand_chacha::ChaCha8Rng,
    rule: Arc<Mutex<Rule>>,
    binding: Binding,
    /// Buffers of each context, by its number.
    buffers: Vec<Vec<Region>>,
    chains: usize,
}

fn pages(regions: &[Region]) -> impl Iterator<Item = u64> + '_ {
    regions.iter().flat_map(|region| region.phys_pages.iter().copied())
}

impl Attack {
    fn new(seed: u64) -> Result<Self> {
        let mut random = random(seed);
        let bench = segwalk_tests::device(BenchConfig::default())?;
        let mut session = Session::new(bench, random.gen(), driver::FEATURES)?;
        let mut modes = [Mode::Sv32, Mode::Sv39, Mode::Sv48, Mode::X86_32, Mode::X86_64];
        modes.shuffle(&mut random);
        let mut buffers = vec![vec![]; usize::from(HEIR) + 1];
        for context in OWN..=HEIR {
            let made = session.add_process(modes[usize::from(context - OWN)], PageLayout::Scattered)?;
            ensure!(made == context, "contexts are given in order");
            for _ in 0..6 {
                let bytes = random.gen_range(600..9000);
                buffers[usize::from(context)].push(session.allocate(context, bytes)?);
            }
        }
        // The heir's tables are nobody's until `OWN` is turned over.
        session.device.write(reg::CTX_SELECT, HEIR.into())?;
        session
            .device
            .write(reg::CTX_MODE, reg::CTX_MODE.field("mode").put(Mode::Off.code().into()))?;
        session.device.write(reg::CTX_COMMIT, 1)?;
        let binding = Binding {
            ring_context: KERNEL,
            default_context: OWN,
            names_allowed: true,
            seed_without_length: false,
            recoverable: false,
            mask: 1 << OWN,
        };
        session.add_queue(QUEUE, 64, &binding)?;
        session.start()?;
        let rule = Arc::new(Mutex::new(Rule::default()));
        let mut attack = Self {
            session,
            random,
            rule: rule.clone(),
            binding,
            buffers,
            chains: 0,
        };
        attack.forbid_tables(&[VICTIM, HEIR]);
        attack.allow(&[OWN]);
        attack.session.device.checker.on_access(Some(Box::new(move |access| {
            let rule = rule.lock().expect("the test has not panicked");
            let page = access.address.phys_addr / PAGE_BYTES as u64;
            match access.address.id {
                _ if access.write => Ok(()),
                READ_PAYLOAD if !rule.payload.contains(&page) => {
                    Err("payload is read from a page that the queue's contexts do not hold".into())
                }
                READ_WALKER if rule.tables.contains(&page) => {
                    Err("page tables are walked that the queue's contexts do not name".into())
                }
                _ => Ok(()),
            }
        })));
        Ok(attack)
    }

    /// From now on, payload comes from these processes only.
    fn allow(&mut self, processes: &[u8]) {
        let mut rule = self.rule.lock().expect("the test has not panicked");
        rule.payload = processes
            .iter()
            .flat_map(|at| pages(&self.buffers[usize::from(*at)]))
            .collect();
    }

    fn forbid_tables(&mut self, processes: &[u8]) {
        let session = &mut self.session;
        let tables = processes.iter().flat_map(|at| session.tables(*at).0.tables().to_vec());
        self.rule.lock().expect("the test has not panicked").tables = tables.collect();
    }

    /// A chain of descriptors that name what they like.
    fn post(&mut self) -> Result<()> {
        let count = self.random.gen_range(1..=4);
        let mut chain = Vec::new();
        for _ in 0..count {
            let name = match self.random.gen_range(0..16) {
                0 => self.random.gen_range(0..CONTEXTS as u8),
                1 => VICTIM,
                2..=4 => SHARED,
                5..=7 => OWN,
                _ => 0,
            };
            let whose = self.random.gen_range(usize::from(OWN)..=usize::from(HEIR));
            let region = self.buffers[whose].choose(&mut self.random).expect("each has buffers");
            let virt_addr = match self.random.gen_range(0..8) {
                0 => region.phys_addr(0),
                1 => self.session.process(VICTIM).context().root_page << 12,
                2 => self.random.gen(),
                _ => region.virt_addr,
            };
            chain.push(Descriptor {
                virt_addr,
                bytes: self.random.gen_range(1..9000),
                flags: u16::from(name) << 12,
                next: 0,
            });
        }
        let Session { device, queues, .. } = &mut self.session;
        if queues[0].free() >= chain.len() {
            queues[0].post_raw(device, &chain)?;
            self.chains += 1;
        }
        self.session.notify(0)
    }

    fn pause(&mut self) -> Result<()> {
        let clocks = self.random.gen_range(0..600);
        self.session.device.run(clocks)?;
        self.session.reap(0)?;
        let frames = self.session.take_frames();
        let secret = |bytes: &[u8]| bytes.windows(16).any(|part| part.iter().all(|byte| *byte == SECRET));
        ensure!(
            !frames.iter().any(|frame| secret(&frame.bytes)),
            "the victim's bytes left"
        );
        Ok(())
    }

    /// Writes the binding registers of a queue that is in use: they count when it is made ready anew.
    fn write_binding(&mut self) -> Result<()> {
        let device = &mut self.session.device;
        device.write(reg::QUEUE_SEL, reg::tx_queue_index(QUEUE))?;
        device.write(reg::BIND_MASK, 0xFFFF)?;
        let wish = Binding {
            default_context: VICTIM,
            mask: 0xFFFF,
            ..self.binding
        };
        device.write(reg::BIND_CONTEXTS, wish.to_registers().0)
    }

    /// Takes the queue's binding back while chains are on their way, and gives it another.
    fn rebind(&mut self) -> Result<()> {
        let device = &mut self.session.device;
        device.write(reg::QUEUE_SEL, reg::tx_queue_index(QUEUE))?;
        device.write(reg::QUEUE_READY, 0)?;
        let end = device.clock() + 100_000;
        while device.read(reg::QUEUE_READY)? != 0 {
            ensure!(
                device.clock() < end,
                "the queue does not come to its end\n{}",
                device.dump()
            );
        }
        self.binding.mask = 1 << OWN | self.random.gen_range(0..2) << SHARED;
        self.binding.names_allowed = self.random.gen_bool(0.8);
        let shared = self.binding.names_allowed && self.binding.mask >> SHARED & 1 == 1;
        self.allow(if shared { &[OWN, SHARED] } else { &[OWN] });
        let Session { device, queues, .. } = &mut self.session;
        let (rings, size) = (queues[0].rings().clone(), queues[0].size());
        queues[0] = Queue::start(device, QUEUE, size, &self.binding, rings, None)?;
        Ok(())
    }

    /// Turns the queue's own context over to another process and back; chains are on their way.
    fn turn_over(&mut self) -> Result<()> {
        let shared = self.binding.names_allowed && self.binding.mask >> SHARED & 1 == 1;
        for (from, to) in [(OWN, HEIR), (HEIR, OWN)] {
            self.forbid_tables(&[VICTIM]);
            self.allow(&[from, to, SHARED]);
            let config = self.session.process(to).context();
            driver::set_context(&mut self.session.device, OWN, &config)?;
            let mut port = RegisterPort(&mut self.session.device);
            while !segwalk_driver::invalidation_is_done(&mut port)? {}
            self.forbid_tables(&[VICTIM, from]);
            let both = [to, SHARED];
            self.allow(if shared { &both } else { &both[..1] });
            for _ in 0..CHAINS {
                self.post()?;
            }
            self.pause()?;
        }
        Ok(())
    }
}

/// What the victim's buffers hold.
const SECRET: u8 = 0x5C;

fn run(seed: u64) -> Result<[usize; 2]> {
    let mut attack = Attack::new(seed)?;
    for region in attack.buffers[usize::from(VICTIM)].clone() {
        region.write(attack.session.device.memory_mut(), 0, &vec![SECRET; region.bytes])?;
    }
    for _ in 0..ROUNDS {
        for _ in 0..CHAINS {
            attack.post()?;
            if attack.random.gen_bool(0.3) {
                attack.pause()?;
            }
        }
        match attack.random.gen_range(0..4) {
            0 => attack.write_binding()?,
            1 => attack.turn_over()?,
            _ => attack.rebind()?,
        }
        attack.pause()?;
    }
    let refused = attack.session.device.refusals(Refusal::ContextNotAllowed.code())?;
    Ok([attack.chains, refused as usize])
}

#[test]
fn a_queue_reaches_no_context_outside_its_mask() {
    let first = seed(1);
    let last = if std::env::var("SEGWALK_SEED").is_ok() {
        first
    } else {
        first + SESSIONS - 1
    };
    let mut sums = [0; 2];
    for seed in first..=last {
        let found = run(seed)
            .with_context(|| format!("repeat it with SEGWALK_SEED={seed} cargo test -p segwalk-tests --test faults"))
            .unwrap_or_else(|error| panic!("{error:?}"));
        (0..2).for_each(|at| sums[at] += found[at]);
    }
    println!(
        "{} chains, {} of them name a context that is not allowed",
        sums[0], sums[1]
    );
    assert!(first != 1 || sums[1] > 200, "hardly a chain was refused: {sums:?}");
}
