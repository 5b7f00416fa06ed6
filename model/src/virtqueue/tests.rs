//! Walking, negative cases first in the order of the module's list. A queue's rings lie in one Bare context.

mod indirect;

use super::*;
use crate::limits::SUPER_FRAME_BYTES_MAX;
use crate::memory::{Memory, MemoryMut, SparseMemory};
use crate::page_table::{AddressSpace, Mode, Permissions};
use crate::refusal::{Class, Refusal, Refusal::*};
use proptest::prelude::*;

const TABLE: u64 = 0x1_0000;
const AVAIL: u64 = 0x2_0000;
const USED: u64 = 0x3_0000;

struct Rings {
    memory: SparseMemory,
    queue: QueueConfig,
    contexts: Contexts,
}

impl Rings {
    fn new(size: u16) -> Self {
        let mut memory = SparseMemory::new();
        for page in [TABLE, AVAIL, USED] {
            memory.add_page(page >> 12);
        }
        let mut contexts = [Context::off(); CONTEXTS];
        contexts[0] = Context::bare();
        let queue = QueueConfig {
            size,
            descriptor_addr: TABLE,
            avail_addr: AVAIL,
            used_addr: USED,
            binding: Binding::default(),
            ..QueueConfig::default()
        };
        Self {
            memory,
            queue,
            contexts,
        }
    }

    /// Puts descriptors from index 0 on: address, bytes, flags, next.
    fn descriptors(mut self, descriptors: &[(u64, u32, u16, u16)]) -> Self {
        for (index, &(virt_addr, bytes, flags, next)) in descriptors.iter().enumerate() {
            let descriptor = Descriptor {
                virt_addr,
                bytes,
                flags,
                next,
            };
            let at = TABLE + 16 * index as u64;
            self.memory.write(at, &descriptor.to_bytes()).unwrap();
        }
        self
    }

    fn walk(&self, head: u16) -> Result<Chain, Refusal> {
        walk_chain(&self.memory, &self.queue, &self.contexts, head)
    }

    fn put_avail_index(&mut self, index: u16) {
        self.memory.write(AVAIL + 2, &index.to_le_bytes()).unwrap();
    }

    fn heads(&self, served: u16) -> Result<u16, Refusal> {
        avail_heads(&self.memory, &self.queue, &self.contexts, served)
    }
}

fn total(chain: Result<Chain, Refusal>) -> Result<usize, Refusal> {
    chain.map(|chain| chain.total_bytes)
}

#[test]
fn rule_29_avail_index_may_be_ahead_by_the_queue_size() {
    let mut rings = Rings::new(8);
    for (index, served, expected) in [
        (0, 0, Ok(0)),
        (8, 0, Ok(8)),
        (9, 0, Err(AvailIndexJump)),
        (3, 0xFFFE, Ok(5)),
        (0, 1, Err(AvailIndexJump)),
    ] {
        rings.put_avail_index(index);
        assert_eq!(rings.heads(served), expected);
    }
}

#[test]
fn avail_entries_wrap_with_the_queue_size() {
    let mut rings = Rings::new(4);
    for slot in 0..4u16 {
        let at = AVAIL + 4 + 2 * u64::from(slot);
        rings.memory.write(at, &(10 + slot).to_le_bytes()).unwrap();
    }
    for (position, expected) in [(0, 10), (3, 13), (4, 10), (0xFFFF, 13)] {
        assert_eq!(
            avail_head(&rings.memory, &rings.queue, &rings.contexts, position),
            Ok(expected)
        );
    }
}

#[test]
fn rule_25_descriptor_indices_are_below_the_queue_size() {
    let rings = Rings::new(4).descriptors(&[(0, 12, FLAG_NEXT, 4), (0, 12, 0, 0xFFFF)]);
    assert_eq!(rings.walk(4), Err(DescriptorIndex));
    assert_eq!(rings.walk(0), Err(DescriptorIndex));
    assert_eq!(total(rings.walk(1)), Ok(12));
}

#[test]
fn rule_25_exactly_queue_size_descriptors_are_legal_and_loops_are_not() {
    let ring: Vec<_> = (0..8u16).map(|i| (0x5000, 100, FLAG_NEXT, (i + 1) % 8)).collect();
    assert_eq!(Rings::new(8).descriptors(&ring).walk(0), Err(ChainLoops));
    let mut straight = ring.clone();
    straight[7].2 = 0;
    assert_eq!(total(Rings::new(8).descriptors(&straight).walk(0)), Ok(800));
    // The index is looked at before the count.
    straight[7] = (0x5000, 100, FLAG_NEXT, 8);
    assert_eq!(Rings::new(8).descriptors(&straight).walk(0), Err(DescriptorIndex));
    assert_eq!(
        Rings::new(1).descriptors(&[(0, 12, FLAG_NEXT, 0)]).walk(0),
        Err(ChainLoops)
    );
}

#[test]
fn rule_28_ring_memory_that_fails_is_a_ring_error() {
    let mut rings = Rings::new(8).descriptors(&[(0, 1, FLAG_WRITE | FLAG_NEXT, 1), (0, 12, 0, 0)]);
    rings.queue.descriptor_addr = TABLE + 0x1000;
    assert_eq!(rings.walk(0), Err(RingBusError));
    rings.queue.avail_addr = 0x9_0000;
    assert_eq!(rings.heads(0), Err(RingBusError));
    rings.queue.binding.ring_context = 5;
    assert_eq!(rings.walk(0), Err(RingFault));
    assert_eq!(rings.heads(0), Err(RingFault));
    let mut memory = rings.memory.clone();
    let used = put_used(&mut memory, &rings.queue, &rings.contexts, 0, &[1]);
    assert_eq!(used, Err(RingFault));
    for refusal in [RingBusError, RingFault, ChainLoops, DescriptorIndex, AvailIndexJump] {
        assert_eq!(refusal.class(), Class::Ring);
    }
}

#[test]
fn a_ring_error_behind_a_packet_error_wins() {
    let rings = Rings::new(4).descriptors(&[(0, 1, FLAG_WRITE | FLAG_NEXT, 9)]);
    assert_eq!(rings.walk(0), Err(DescriptorIndex));
}

#[test]
fn the_first_packet_error_wins() {
    let long = 13 + SUPER_FRAME_BYTES_MAX as u32;
    for (flags, expected) in [
        (FLAG_INDIRECT | FLAG_WRITE | 0x3000, IndirectNotNegotiated),
        (FLAG_WRITE | 0x3000, WriteDescriptor),
        (0x3000, ContextNotAllowed),
        (0, ChainTooLong),
    ] {
        let rings = Rings::new(4).descriptors(&[(0, long, flags, 0)]);
        assert_eq!(rings.walk(0), Err(expected));
        let behind = FLAG_INDIRECT | FLAG_WRITE;
        let rings = Rings::new(4).descriptors(&[(0, long, flags | FLAG_NEXT, 1), (0, 1, behind, 0)]);
        assert_eq!(rings.walk(0), Err(expected));
    }
}

#[test]
fn rule_26_indirect_is_refused_and_its_next_followed() {
    let rings = Rings::new(4).descriptors(&[(0, 16, FLAG_INDIRECT | FLAG_NEXT, 0)]);
    assert_eq!(rings.walk(0), Err(ChainLoops));
}

#[test]
fn rule_27_a_write_descriptor_refuses_the_chain() {
    let rings = Rings::new(4).descriptors(&[(0, 60, FLAG_NEXT, 1), (0, 0, FLAG_WRITE, 0)]);
    assert_eq!(rings.walk(0), Err(WriteDescriptor));
}

#[test]
fn descriptors_name_contexts_inside_the_mask_only() {
    let mut rings = Rings::new(4).descriptors(&[(0xABC, 12, 0x3000, 0), (0, 12, 0x4000, 0), (0, 12, 0, 0)]);
    rings.queue.binding.mask = 1 << 3;
    assert_eq!(rings.walk(0), Err(ContextNotAllowed));
    rings.queue.binding.names_allowed = true;
    rings.queue.binding.default_context = 9;
    let context = |head| rings.walk(head).map(|chain| chain.fragments[0].context);
    assert_eq!(context(0), Ok(3));
    assert_eq!(context(1), Err(ContextNotAllowed));
    assert_eq!(context(2), Ok(9));
}

#[test]
fn rule_23_chains_shorter_than_their_header() {
    for bytes in [0, 11] {
        let rings = Rings::new(4).descriptors(&[(0, bytes, FLAG_NEXT, 1), (0, 0, 0, 0)]);
        assert_eq!(rings.walk(0), Err(ChainTooShort));
    }
}

#[test]
fn rule_23_any_split_and_buffers_without_bytes() {
    let rings = Rings::new(4).descriptors(&[
        (0x100, 5, FLAG_NEXT, 2),
        (0, 9, 0, 0),
        (0x200, 0, FLAG_NEXT, 3),
        (0xFFFF_FFFF_FFFF_F123, 7, 0x0FF8, 0),
    ]);
    let fragment = |virt_addr, bytes| super::Fragment {
        context: 0,
        virt_addr,
        bytes,
    };
    let expected = Chain {
        fragments: vec![fragment(0x100, 5), fragment(0xFFFF_FFFF_FFFF_F123, 7)],
        total_bytes: 12,
    };
    assert_eq!(rings.walk(0), Ok(expected));
}

#[test]
fn chains_are_bounded_without_overflow() {
    let limit = 12 + SUPER_FRAME_BYTES_MAX as u32;
    let two = |first, second| {
        total(
            Rings::new(2)
                .descriptors(&[(0, first, 1, 1), (0, second, 0, 0)])
                .walk(0),
        )
    };
    assert_eq!(two(12, limit - 12), Ok(limit as usize));
    assert_eq!(two(13, limit - 12), Err(ChainTooLong));
    assert_eq!(two(u32::MAX, 13), Err(ChainTooLong));
    assert_eq!(two(u32::MAX, u32::MAX), Err(ChainTooLong));
}

#[test]
fn used_entries_come_before_the_index_and_wrap() {
    let mut rings = Rings::new(4);
    let used = put_used(&mut rings.memory, &rings.queue, &rings.contexts, 0xFFFF, &[7, 9]);
    assert_eq!(used, Ok(1));
    assert_eq!(rings.memory.read_u64(USED + 4 + 8 * 3), Ok(7));
    assert_eq!(rings.memory.read_u64(USED + 4), Ok(9));
    assert_eq!(rings.memory.read_u32(USED), Ok(1 << 16));
}

#[test]
fn low_address_bits_are_ignored() {
    let mut rings = Rings::new(4).descriptors(&[(0, 12, 0, 0)]);
    rings.put_avail_index(2);
    rings.queue.descriptor_addr |= 0xF;
    rings.queue.avail_addr |= 1;
    rings.queue.used_addr |= 3;
    assert_eq!(total(rings.walk(0)), Ok(12));
    assert_eq!(rings.heads(0), Ok(2));
    put_used(&mut rings.memory, &rings.queue, &rings.contexts, 0, &[5]).unwrap();
    assert_eq!(rings.memory.read_u64(USED + 4), Ok(5));
}

#[test]
fn rings_may_lie_in_virtual_memory_and_cross_pages() {
    for mode in [Mode::Sv39, Mode::X86_64] {
        let mut rings = Rings::new(512);
        for page in 0x100..0x140 {
            rings.memory.add_page(page);
        }
        let mut table_pages = 0x100..0x120u64;
        let mut tables = || table_pages.next().unwrap();
        let mut space = AddressSpace::new(mode, &mut rings.memory, &mut tables).unwrap();
        // Six virtual pages from 0x7000_0000 on, whose physical pages lie in reverse.
        for index in 0..6 {
            let (virt, phys) = (0x7000_0000 + index * 0x1000, (0x130 - index) << 12);
            space
                .map(&mut rings.memory, &mut tables, virt, phys, 0, Permissions::USER_WRITE)
                .unwrap();
        }
        rings.contexts[2] = space.context();
        rings.queue.binding.ring_context = 2;
        rings.queue.descriptor_addr = 0x7000_0FF0;
        rings.queue.avail_addr = 0x7000_3FFC;
        rings.queue.used_addr = 0x7000_4FF8;
        // Avail index 1 at ..3FFE, its entry on the next page; descriptor 0 ends its page, descriptor 1 begins another.
        let descriptor = |next, flags| Descriptor {
            bytes: 6,
            next,
            flags,
            ..Default::default()
        };
        rings.memory.write(0x12D_FFE, &[1, 0]).unwrap();
        rings.memory.write(0x12C_000, &[1, 0]).unwrap();
        rings.memory.write(0x130_FF0, &descriptor(0, 0).to_bytes()).unwrap();
        rings
            .memory
            .write(0x12F_000, &descriptor(0, FLAG_NEXT).to_bytes())
            .unwrap();
        assert_eq!(rings.heads(0), Ok(1));
        assert_eq!(avail_head(&rings.memory, &rings.queue, &rings.contexts, 0), Ok(1));
        assert_eq!(total(rings.walk(1)), Ok(12));
        // The used entry's id ends a page, its length begins the next.
        rings.memory.write(0x12B_000, &[0xFF; 4]).unwrap();
        put_used(&mut rings.memory, &rings.queue, &rings.contexts, 0, &[0x1FF]).unwrap();
        assert_eq!(rings.memory.read_u32(0x12C_FF8), Ok(1 << 16));
        assert_eq!(rings.memory.read_u32(0x12C_FFC), Ok(0x1FF));
        assert_eq!(rings.memory.read_u32(0x12B_000), Ok(0));
        // The entry's second piece does not translate.
        space.unmap(&mut rings.memory, 0x7000_5000).unwrap();
        let used = put_used(&mut rings.memory, &rings.queue, &rings.contexts, 0, &[0x1FF]);
        assert_eq!(used, Err(RingFault));
    }
}

proptest! {
    #[test]
    fn any_ring_gives_a_bounded_chain_or_a_refusal(
        size_log in 0u32..6,
        descriptors in prop::collection::vec((any::<u64>(), 0u32..70_000, any::<u16>(), 0u16..40), 32),
        plain: bool,
        head in 0u16..40,
    ) {
        let descriptors: Vec<_> = descriptors
            .into_iter()
            .map(|(addr, bytes, flags, next)| if plain { (addr, bytes % 3000, flags & 1, next % 32) } else { (addr, bytes, flags, next) })
            .collect();
        let rings = Rings::new(1 << size_log).descriptors(&descriptors);
        if let Ok(chain) = rings.walk(head) {
            let sum: usize = chain.fragments.iter().map(|f| f.bytes as usize).sum();
            prop_assert_eq!(sum, chain.total_bytes);
            prop_assert!((12..=12 + SUPER_FRAME_BYTES_MAX).contains(&sum));
            prop_assert!(chain.fragments.len() <= usize::from(rings.queue.size));
            prop_assert!(chain.fragments.iter().all(|f| f.bytes > 0 && f.context == 0));
        }
    }
}

#[test]
fn a_binding_survives_its_registers() {
    let binding = Binding {
        ring_context: 3,
        default_context: 15,
        names_allowed: true,
        seed_without_length: true,
        recoverable: true,
        mask: 0x8421,
    };
    let (contexts, mask) = binding.to_registers();
    assert_eq!((contexts, mask), (0x7F3, 0x8421));
    assert_eq!(Binding::from_registers(contexts, mask), binding);
}
