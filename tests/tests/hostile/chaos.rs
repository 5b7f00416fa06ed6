//! Cases in which the driver changes memory and registers while the engine reads them.

use super::arena::{Arena, PAGE, PAGES};
use super::judge::{enable, plans};
use super::plan::Plan;
use super::world::World;
use anyhow::Result;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::registers::{self as reg, Register};
use segwalk_sim::core_bench::CoreBench;
use segwalk_sim::device::Device;

/// Registers of a queue that its driver may write.
const QUEUE_REGISTERS: [Register; 8] = [
    reg::QUEUE_NUM,
    reg::QUEUE_READY,
    reg::QUEUE_DESC_LOW,
    reg::QUEUE_DESC_HIGH,
    reg::QUEUE_DRIVER_LOW,
    reg::QUEUE_DRIVER_HIGH,
    reg::QUEUE_DEVICE_LOW,
    reg::QUEUE_DEVICE_HIGH,
];

/// Changes of memory or registers in a case.
const CHANGES: usize = 24;
/// Clocks between two of them at most.
const CLOCKS: u64 = 160;

/// One case.
pub fn case(world: &mut World, random: &mut ChaCha8Rng) -> Result<()> {
    let plans = plans(world, random, |random| random.gen_range(0..4));
    for (at, plan) in plans.iter().enumerate() {
        plan.write(&world.arenas[at], world.session.device.memory_mut());
        enable(&mut world.session.device, world.hostile[at], &plan.config)?;
    }
    let with_registers = random.gen_bool(0.6);
    world.send_good(random)?;
    for (at, _) in plans.iter().enumerate() {
        let queue = reg::tx_queue_index(world.hostile[at]);
        world.session.device.write(reg::QUEUE_NOTIFY, queue)?;
    }
    for _ in 0..random.gen_range(1..=CHANGES) {
        world.session.device.run(random.gen_range(0..CLOCKS))?;
        let at = random.gen_range(0..plans.len());
        if with_registers && random.gen_bool(0.4) {
            let number = world.hostile[at];
            change_registers(&mut world.session.device, random, number, &world.arenas[at], &plans[at])?;
        } else {
            change_memory(world, random, at, &plans[at]);
        }
        if random.gen_bool(0.3) {
            let queue = reg::tx_queue_index(world.hostile[at]);
            world.session.device.write(reg::QUEUE_NOTIFY, queue)?;
        }
        if random.gen_bool(0.1) {
            world.send_good(random)?;
        }
    }
    world.send_good(random)?;
    world.wait_good()?;
    // What the hostile queues still do ends with the reset: a frame under way is sent to its end.
    world.reset()?;
    world.collect()?;
    world.take_foreign()?;
    world.send_good(random)?;
    world.wait_good()
}

/// Writes some bytes where the engine looks, or moves the avail index.
fn change_memory(world: &mut World, random: &mut ChaCha8Rng, at: usize, plan: &Plan) {
    let (arena, config) = (&world.arenas[at], &plan.config);
    let size = u64::from(config.size);
    let memory = world.session.device.memory_mut();
    let (start, offset, most) = match random.gen_range(0..6) {
        0 | 1 => (config.descriptor_addr, 16 * random.gen_range(0..size), 16),
        2 => (config.avail_addr, 2, 2),
        3 => (config.avail_addr, random.gen_range(0..6 + 2 * size), 8),
        4 => (config.used_addr, random.gen_range(0..6 + 8 * size), 8),
        _ => (arena.base, random.gen_range(0..PAGES * PAGE), 64),
    };
    let virt_addr = start.wrapping_add(offset);
    let mut bytes = vec![0; random.gen_range(1..=most)];
    random.fill(&mut bytes[..]);
    if random.gen() {
        // small numbers are more often legal
        bytes.iter_mut().skip(1).for_each(|byte| *byte = 0);
        bytes[0] &= config.size.wrapping_sub(1).max(7) as u8;
    }
    arena.write(memory, virt_addr, &bytes);
}

/// Writes a register of the queue, or one that does not exist or must not be written.
fn change_registers(
    device: &mut CoreBench,
    random: &mut ChaCha8Rng,
    number: u32,
    arena: &Arena,
    plan: &Plan,
) -> Result<()> {
    let select = reg::QUEUE_SEL.offset.into();
    match random.gen_range(0..10) {
        0 => {
            device.write(reg::QUEUE_NOTIFY, random.gen_range(0..40))?;
        }
        1 => {
            // reads of anything do no harm, and writes do none where nothing can be written
            device.register(random.gen_range(0..1024) * 4, None)?;
            let fixed: Vec<&Register> = reg::ALL
                .iter()
                .filter(|at| at.access == reg::Access::ReadOnly)
                .collect();
            let register = fixed[random.gen_range(0..fixed.len())];
            device.register(register.offset.into(), Some(random.gen()))?;
            device.register(random.gen_range(0x200..0x400) * 4, Some(random.gen()))?;
        }
        2 => {
            // queues that do not exist
            device.register(select, Some(random.gen_range(0..200) * 2))?;
            device.write(reg::QUEUE_NUM, random.gen())?;
            device.write(reg::QUEUE_READY, 1)?;
        }
        3 => {
            device.write(reg::QUEUE_SEL, reg::tx_queue_index(number))?;
            device.write(reg::QUEUE_READY, 0)?;
            device.run(random.gen_range(0..CLOCKS))?;
            enable(device, number, &plan.config)?;
        }
        4 => {
            let field = reg::TLB_CONTROL.field("invalidate");
            device.write(reg::TLB_CONTROL, field.put(1))?;
        }
        5 | 6 => {
            device.write(reg::QUEUE_SEL, reg::tx_queue_index(number))?;
            device.write(reg::PARK_CONTROL, random.gen_range(0..4))?;
            device.write(reg::QUEUE_WEIGHT, random.gen())?;
            device.write(reg::QUEUE_RATE, random.gen())?;
        }
        7 => {
            device.write(reg::POLL_QUEUES, random.gen())?;
            device.write(reg::POLL_PERIOD, random.gen_range(0..200))?;
        }
        _ => {
            device.write(reg::QUEUE_SEL, reg::tx_queue_index(number))?;
            let register = QUEUE_REGISTERS[random.gen_range(0..QUEUE_REGISTERS.len())];
            let value = match random.gen_range(0..3) {
                0 => random.gen(),
                1 => arena.at(random.gen_range(0..PAGES), random.gen_range(0..PAGE)) as u32,
                _ => random.gen_range(0..300),
            };
            device.write(register, value)?;
            device.write(reg::QUEUE_READY, random.gen_range(0..2))?;
        }
    }
    Ok(())
}
