//! Cases in which memory stands still while the engine reads it: the model says what must happen.

use super::plan::Plan;
use super::world::{Sent, World};
use anyhow::{ensure, Context, Result};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_driver::Parked;
use segwalk_model::engine::{Engine, Outcome};
use segwalk_model::limits::TX_QUEUES;
use segwalk_model::page_table::{translate, Access};
use segwalk_model::refusal::{Class, Refusal};
use segwalk_model::registers::{self as reg, feature};
use segwalk_model::virtqueue::QueueConfig;
use segwalk_sim::device::{Counters, Device};
use segwalk_sim::driver::port::RegisterPort;
use segwalk_sim::scoreboard::difference;
use std::collections::BTreeMap;
use std::fmt;

/// Clocks within which everything must be over.
const PATIENCE: u64 = 400_000;
/// Clocks between two looks.
const LOOK: u64 = 100;
/// Clocks in which something too many would show itself.
const SETTLE: u64 = 200;

/// What all cases came to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub cases: u64,
    certain: u64,
    chains: u64,
    frames: u64,
    refusals: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.cases += other.cases;
        self.certain += other.certain;
        self.chains += other.chains;
        self.frames += other.frames;
        for (name, count) in &other.refusals {
            *self.refusals.entry(name).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "{} cases, {} of them judged to the last count: {} hostile chains, {} frames, refusals",
            self.cases, self.certain, self.chains, self.frames
        )?;
        self.refusals
            .iter()
            .try_for_each(|(name, count)| write!(f, " {name} {count}"))
    }
}

/// Writes the registers of a transmit queue and makes it ready.
pub fn enable<D: Device>(device: &mut D, number: u32, config: &QueueConfig) -> Result<()> {
    device.write(reg::QUEUE_SEL, reg::tx_queue_index(number))?;
    device.write(reg::QUEUE_NUM, config.size.into())?;
    device.write_pair(reg::QUEUE_DESC_LOW, reg::QUEUE_DESC_HIGH, config.descriptor_addr)?;
    device.write_pair(reg::QUEUE_DRIVER_LOW, reg::QUEUE_DRIVER_HIGH, config.avail_addr)?;
    device.write_pair(reg::QUEUE_DEVICE_LOW, reg::QUEUE_DEVICE_HIGH, config.used_addr)?;
    let (contexts, mask) = config.binding.to_registers();
    device.write(reg::BIND_CONTEXTS, contexts)?;
    device.write(reg::BIND_MASK, mask)?;
    device.write(reg::QUEUE_READY, 1)
}

/// Makes a plan for one queue or both.
pub fn plans(world: &World, random: &mut ChaCha8Rng, breaks: impl Fn(&mut ChaCha8Rng) -> usize) -> Vec<Plan> {
    let allies = world.arenas.iter().map(|arena| 1 << arena.context).sum();
    let count = random.gen_range(1..=world.arenas.len());
    let negotiated = QueueConfig {
        indirect: world.features & feature::RING_INDIRECT_DESC != 0,
        event_idx: world.features & feature::RING_EVENT_IDX != 0,
        ..QueueConfig::default()
    };
    let arenas = world.arenas[..count].iter().zip(&world.pools);
    arenas
        .map(|(arena, pool)| {
            let breaks = breaks(random);
            Plan::new(random, arena, allies, negotiated, pool, breaks)
        })
        .collect()
}

/// A hostile queue at work, and what the model made of it so far.
struct Watched<'a> {
    number: u32,
    plan: &'a Plan,
    outcomes: Vec<Outcome>,
}

/// One case.
pub fn case(world: &mut World, random: &mut ChaCha8Rng, tally: &mut Tally) -> Result<()> {
    let plans = plans(world, random, |random| [0, 1, 1, 1, 2, 3][random.gen_range(0..6)]);
    for (plan, arena) in plans.iter().zip(&world.arenas) {
        plan.write(arena, world.session.device.memory_mut());
    }
    let mut engine = Engine::new(TX_QUEUES);
    engine.contexts = world.context_table();
    engine.settings.features = world.features;
    let mut watched = Vec::new();
    for (plan, number) in plans.iter().zip(world.hostile.clone()) {
        let queue = number as usize;
        engine.enable_queue(queue, plan.config);
        let outcomes = engine.process_queue(world.session.device.memory(), queue);
        watched.push(Watched { number, plan, outcomes });
        enable(&mut world.session.device, number, &plan.config)?;
    }
    let mut certain = plans.iter().all(|plan| plan.certain);
    world.sent = Sent::default();
    let before = Counters::read(&mut world.session.device)?;
    let codes_before = codes(world)?;
    if random.gen() {
        world.send_good(random)?;
    }
    for queue in &watched {
        let device = &mut world.session.device;
        device.write(reg::QUEUE_NOTIFY, reg::tx_queue_index(queue.number))?;
    }
    world.send_good(random)?;
    world.wait_good()?;
    for queue in &mut watched {
        if certain {
            let followed = follow(world, random, &mut engine, queue);
            certain = followed.with_context(|| format!("hostile transmit queue {}", queue.number))?;
        }
    }
    let stopped = match certain {
        true => watched
            .iter()
            .any(|queue| engine.stopped(queue.number as usize).is_some()),
        false => {
            world.session.device.run(20 * SETTLE)?;
            true
        }
    };
    world.session.device.run(SETTLE)?;
    world.collect()?;
    let frames = world.take_foreign()?;
    if certain {
        check_frames(&watched, frames)?;
        check_counters(world, &engine, &before, &codes_before)?;
        tally.certain += 1;
        tally.chains += engine.counters.chains;
        tally.frames += engine.counters.frames;
        for refusal in Refusal::ALL {
            *tally.refusals.entry(refusal.name()).or_default() += engine.counters.of(*refusal);
        }
        tally.refusals.retain(|_, count| *count > 0);
    }
    if stopped {
        return world.reset();
    }
    for queue in &watched {
        let device = &mut world.session.device;
        device.write(reg::QUEUE_SEL, reg::tx_queue_index(queue.number))?;
        device.write(reg::QUEUE_READY, 0)?;
    }
    Ok(())
}

/// A word of the used ring.
fn used_word(world: &World, config: &QueueConfig, offset: u64) -> Result<u32> {
    let memory = world.session.device.memory();
    let context = &world.context_table()[usize::from(config.binding.ring_context)];
    let mut bytes = [0; 4];
    for (at, byte) in bytes.iter_mut().enumerate() {
        let virt_addr = (config.used_addr & !3).wrapping_add(offset + at as u64);
        let page = translate(memory, context, virt_addr, Access::Read);
        let page = page.map_err(|cause| anyhow::anyhow!("the used ring does not translate: {}", cause.sentence()))?;
        segwalk_model::memory::Memory::read(memory, page.phys_addr, std::slice::from_mut(byte))?;
    }
    Ok(u32::from_le_bytes(bytes))
}

/// Follows a hostile queue to its end. When it parks, it is resumed or aborted. Gives whether all was as the model says;
/// it is not sure of a queue that parks while the engine, which reads ahead, meets a ring error behind.
fn follow(world: &mut World, random: &mut ChaCha8Rng, engine: &mut Engine, queue: &mut Watched) -> Result<bool> {
    let place = queue.number as usize;
    loop {
        let parked = engine.parked(place);
        let stopped = engine.stopped(place).is_some();
        if !wait(world, queue, stopped, parked.is_some())? {
            return Ok(false);
        }
        let Some(record) = parked else {
            check_used(world, queue)?;
            return Ok(true);
        };
        let device = &mut world.session.device;
        let mut port = RegisterPort(device);
        let found =
            segwalk_driver::parked(&mut port, queue.number)?.context("the record of the parked queue is empty")?;
        let expected = Parked {
            queue: queue.number,
            context: record.fault.context,
            virt_addr: record.fault.virt_page << 12,
            cause: Some(record.fault.cause),
            head: record.head,
            sent_bytes: record.sent_bytes as u32,
            sent_frames: record.sent_frames as u32,
        };
        ensure!(
            found == expected,
            "the record of the parked queue is {found:?} instead of {expected:?}"
        );
        if random.gen_bool(0.2) {
            engine.resume(place);
            segwalk_driver::resume(&mut port, queue.number)?;
        } else {
            engine.abort(place);
            segwalk_driver::abort(&mut port, queue.number)?;
        }
        queue
            .outcomes
            .extend(engine.process_queue(world.session.device.memory(), place));
    }
}

/// Waits until a hostile queue did what the model says.
fn wait(world: &mut World, queue: &Watched, stopped: bool, parked: bool) -> Result<bool> {
    let completed = queue.outcomes.iter().filter(|outcome| !outcome.parked).count();
    let end = world.session.device.clock() + PATIENCE;
    loop {
        let used = used_word(world, &queue.plan.config, 0)? >> 16;
        let device = &mut world.session.device;
        let stops = device.read(reg::QUEUES_STOPPED)? >> queue.number & 1 == 1;
        let parks = device.read(reg::QUEUES_PARKED)? >> queue.number & 1 == 1;
        if (usize::from(used as u16), stops, parks) == (completed, stopped, parked) {
            return Ok(true);
        }
        if parked && stops {
            return Ok(false);
        }
        ensure!(
            device.clock() < end,
            "used index {used}, stopped {stops}, parked {parks}; the model's are {completed}, {stopped}, {parked}; \
             {:?}\n{}",
            queue.plan.config,
            device.dump()
        );
        device.run(LOOK)?;
    }
}

/// Looks at the used ring.
fn check_used(world: &World, queue: &Watched) -> Result<()> {
    let config = &queue.plan.config;
    let outcomes: Vec<&Outcome> = queue.outcomes.iter().filter(|outcome| !outcome.parked).collect();
    for (at, outcome) in outcomes.iter().enumerate() {
        let offset = 4 + 8 * (at as u64 % u64::from(config.size));
        let found = (used_word(world, config, offset)?, used_word(world, config, offset + 4)?);
        let later = outcomes.len() > at + usize::from(config.size);
        ensure!(
            later || found == (outcome.head.into(), 0),
            "used entry {at} is {found:?} instead of head {}",
            outcome.head
        );
    }
    Ok(())
}

/// Each queue's frames come in order; frames of two queues may mix.
fn check_frames(watched: &[Watched], frames: Vec<Vec<u8>>) -> Result<()> {
    let all = |queue: &Watched| -> Vec<Vec<u8>> {
        let outcomes = queue.outcomes.iter();
        outcomes.flat_map(|outcome| outcome.frames.clone()).collect()
    };
    let mut left: Vec<_> = watched.iter().map(|queue| all(queue).into_iter().peekable()).collect();
    for (at, frame) in frames.iter().enumerate() {
        let taken = left.iter_mut().any(|queue| queue.next_if_eq(frame).is_some());
        if !taken {
            let nearest = left
                .iter_mut()
                .filter_map(|queue| Some(difference(at as u64, queue.peek()?, frame)));
            let count = frames.len();
            anyhow::bail!(
                "of {count} hostile frames one is not the model's: {}",
                nearest.collect::<Vec<_>>().join("; ")
            );
        }
    }
    let missing: usize = left.into_iter().map(|queue| queue.count()).sum();
    ensure!(missing == 0, "{missing} frames of hostile queues never came");
    Ok(())
}

/// Counters of all codes.
fn codes(world: &mut World) -> Result<Vec<u32>> {
    let device = &mut world.session.device;
    Refusal::ALL
        .iter()
        .map(|refusal| device.refusals(refusal.code()))
        .collect()
}

fn check_counters(world: &mut World, engine: &Engine, before: &Counters, codes_before: &[u32]) -> Result<()> {
    let found = Counters::read(&mut world.session.device)?.since(before);
    let (sent, model) = (world.sent, &engine.counters);
    let expected = (
        sent.chains + model.chains as u32,
        sent.frames + model.frames as u32,
        sent.bytes + model.bytes,
        model.refused as u32,
    );
    ensure!(
        (found.chains, found.frames, found.bytes, found.refused) == expected,
        "the counters say {found:?}, chains, frames, bytes and refused should be {expected:?}"
    );
    for (refusal, (before, after)) in Refusal::ALL.iter().zip(codes_before.iter().zip(codes(world)?)) {
        let count = u64::from(after.wrapping_sub(*before));
        let expected = model.of(*refusal);
        ensure!(
            count == expected,
            "{} was counted {count} times, not {expected}",
            refusal.name()
        );
    }
    let packets = Refusal::ALL.iter().filter(|refusal| refusal.class() == Class::Packet);
    let sum: u64 = packets.map(|refusal| model.of(*refusal)).sum();
    ensure!(
        sum == model.refused,
        "the model counts {sum} refusals and {} refused chains",
        model.refused
    );
    Ok(())
}
