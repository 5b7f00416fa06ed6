//! Chains with some of everything that a driver may do.

use crate::fetcher::Bench;
use rand::seq::SliceRandom;
use rand::Rng;
use segwalk_model::limits::SUPER_FRAME_BYTES_MAX;
use segwalk_model::virtqueue::{Descriptor, FLAG_INDIRECT, FLAG_NEXT, FLAG_WRITE};

impl Bench {
    /// A chain with some of everything that a driver may do.
    pub fn random_chain(&mut self, queue: usize) {
        let random = &mut self.random;
        let driver = &mut self.drivers[queue];
        let config = self.table.queues[queue];
        let free = driver.free.len();
        let count = match random.gen_range(0..20) {
            0 => free,
            1 => free.min(300),
            2..=5 => free.min(20),
            _ => free.min(5),
        };
        let count = random.gen_range(1..=count.max(1));
        driver.free.shuffle(random);
        let indices: Vec<u16> = driver.free.split_off(free - count);
        let bytes_max = match random.gen_range(0..10) {
            0 => SUPER_FRAME_BYTES_MAX as u32 * 2 / count as u32 + 1,
            1 => 14 / count as u32 + 1,
            _ => 60_000 / count as u32 + 1,
        };
        let mut descriptors: Vec<Descriptor> = (0..count)
            .map(|at| {
                let named: u16 = random.gen_range(0..16);
                let allowed = config.binding.resolve(named as u8).is_some();
                let named = if allowed || random.gen_ratio(1, 500) { named } else { 0 };
                Descriptor {
                    virt_addr: random.gen(),
                    bytes: if random.gen_ratio(1, 10) {
                        0
                    } else {
                        random.gen_range(0..=bytes_max)
                    },
                    flags: named << 12 | (random.gen::<u16>() & 0x0FF8) | u16::from(at + 1 < count),
                    next: indices.get(at + 1).copied().unwrap_or(random.gen()),
                }
            })
            .collect();
        if random.gen_ratio(1, 3) {
            descriptors[0].bytes = descriptors[0].bytes.max(12);
        }
        let victim = descriptors.choose_mut(random).unwrap();
        match random.gen_range(0..if self.parks.on() { 1000 } else { 200 }) {
            0..=5 => victim.flags |= FLAG_WRITE,
            6..=9 if !config.indirect || random.gen_ratio(1, 20) => victim.flags |= FLAG_INDIRECT,
            10..=13 => victim.bytes = random.gen(),
            14..=16 => victim.bytes = 1 << random.gen_range(16..32),
            17 => {
                victim.flags |= FLAG_NEXT;
                victim.next = *indices.choose(random).unwrap();
            }
            18 => {
                victim.flags |= FLAG_NEXT;
                victim.next = config.size + random.gen_range(0..=u16::MAX - config.size);
            }
            _ => (),
        }
        let mut head = indices[0];
        if random.gen_ratio(1, 400) && !self.parks.on() {
            head = config.size + random.gen_range(0..=u16::MAX - config.size);
        }
        if config.indirect && self.random.gen_ratio(1, 3) {
            let split = self.random.gen_range(0..count);
            self.move_to_table(queue, &mut descriptors, split);
        }
        self.put_chain_at(queue, head, descriptors, indices);
    }

    /// Replaces the descriptors from `split` on by one that points to an indirect table with them, in any order.
    pub fn move_to_table(&mut self, queue: usize, descriptors: &mut Vec<Descriptor>, split: usize) {
        let context = self.table.queues[queue].binding.ring_context;
        let random = &mut self.random;
        let moved = descriptors.split_off(split);
        let entries = moved.len() + if random.gen() { 0 } else { random.gen_range(0..20) };
        let mut places: Vec<u16> = (1..entries as u16).collect();
        if random.gen() {
            places.shuffle(random);
        }
        places.insert(0, 0);
        let mut table = vec![Descriptor::default(); entries];
        for (at, descriptor) in moved.iter().enumerate() {
            // A descriptor whose chain goes on where it should not is left so.
            let follows = at + 1 < moved.len();
            table[usize::from(places[at])] = Descriptor {
                next: if follows { places[at + 1] } else { descriptor.next },
                ..*descriptor
            };
        }
        let addr = random.gen_range(1u64 << 30..1 << 31) * 16;
        let faulty = random.gen_ratio(1, 40) && !self.parks.on();
        self.world
            .map(random, context.into(), addr, 16 * entries as u64, faulty);
        for (at, entry) in table.iter().enumerate() {
            self.world
                .poke(context.into(), addr + 16 * at as u64, &entry.to_bytes());
        }
        let mut pointer = Descriptor {
            virt_addr: addr,
            bytes: 16 * entries as u32,
            // WRITE, a context and unknown flags mean nothing here.
            flags: FLAG_INDIRECT | (random.gen::<u16>() & 0xFFFA),
            next: random.gen(),
        };
        if !self.parks.on() {
            match random.gen_range(0..200) {
                0 => pointer.flags |= FLAG_NEXT,
                1 => pointer.bytes += random.gen_range(1..16),
                2 => pointer.bytes = 0,
                3 => pointer.virt_addr += random.gen_range(1..16),
                4 => pointer.bytes = 16 * random.gen_range(1..=entries as u32),
                5 => pointer.bytes |= 0x4000_0000,
                _ => (),
            }
        }
        descriptors.push(pointer);
    }
}
