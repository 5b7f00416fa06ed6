//! Indirect tables (rules 25 and 26) and events.

use super::*;

/// Where the indirect tables lie.
const INDIRECT: u64 = 0x4_0000;

/// Rings with INDIRECT negotiated; descriptors of a table at [`INDIRECT`]: address, bytes, flags, next.
fn rings(size: u16, table: &[(u64, u32, u16, u16)]) -> Rings {
    let mut rings = Rings::new(size);
    rings.queue.indirect = true;
    rings.memory.add_page(INDIRECT >> 12);
    // the helper writes to the queue's own table, so it is moved from there
    let mut rings = rings.descriptors(table);
    let written = *rings.memory.page(TABLE >> 12).expect("the table's page");
    rings.memory.write(INDIRECT, &written).unwrap();
    rings.memory.write(TABLE, &[0; 4096]).unwrap();
    rings
}

/// The descriptor that points to a table of `entries` entries.
fn pointer(entries: u32) -> (u64, u32, u16, u16) {
    (INDIRECT, 16 * entries, FLAG_INDIRECT, 0)
}

fn lengths(chain: Result<Chain, Refusal>) -> Result<Vec<u32>, Refusal> {
    chain.map(|chain| chain.fragments.iter().map(|fragment| fragment.bytes).collect())
}

const THREE: [(u64, u32, u16, u16); 3] = [
    (0x5000, 12, FLAG_NEXT, 2),
    (0x6000, 30, 0, 0),
    (0x7000, 20, FLAG_NEXT, 1),
];

#[test]
fn rule_26_a_table_is_followed_from_its_first_entry() {
    let rings = rings(4, &THREE).descriptors(&[pointer(3)]);
    assert_eq!(lengths(rings.walk(0)), Ok(vec![12, 20, 30]));
}

#[test]
fn rule_26_descriptors_followed_by_one_table_are_legal() {
    let rings = rings(8, &THREE).descriptors(&[(0x100, 7, FLAG_NEXT, 3), pointer(3), (0, 0, 0, 0), (0x200, 9, 1, 1)]);
    assert_eq!(lengths(rings.walk(0)), Ok(vec![7, 9, 12, 20, 30]));
}

#[test]
fn rule_26_write_and_the_name_of_the_pointing_descriptor_are_ignored() {
    let rings = rings(4, &THREE).descriptors(&[(INDIRECT, 48, FLAG_INDIRECT | FLAG_WRITE | 0xFFF8 & !FLAG_NEXT, 7)]);
    assert_eq!(lengths(rings.walk(0)), Ok(vec![12, 20, 30]));
}

#[test]
fn rule_26_tables_that_are_refused() {
    let in_table = rings(4, &[(INDIRECT, 16, FLAG_INDIRECT, 0)]).descriptors(&[pointer(1)]);
    assert_eq!(in_table.walk(0), Err(IndirectMalformed));
    for (virt_addr, bytes, flags) in [
        (INDIRECT, 48, FLAG_INDIRECT | FLAG_NEXT),
        (INDIRECT, 0, FLAG_INDIRECT),
        (INDIRECT, 8, FLAG_INDIRECT),
        (INDIRECT, 47, FLAG_INDIRECT),
        (INDIRECT, u32::MAX, FLAG_INDIRECT),
        (INDIRECT + 8, 48, FLAG_INDIRECT),
    ] {
        let rings = rings(4, &THREE).descriptors(&[(virt_addr, bytes, flags, 1), (0, 12, 0, 0)]);
        assert_eq!(rings.walk(0), Err(IndirectMalformed), "{virt_addr:#x} {bytes} {flags}");
    }
    assert_eq!(IndirectMalformed.class(), Class::Ring);
}

#[test]
fn rule_26_indices_inside_a_table_are_below_its_length() {
    // Entry 0 names entry 2, which lies beyond a table of two.
    assert_eq!(
        rings(8, &THREE).descriptors(&[pointer(2)]).walk(0),
        Err(DescriptorIndex)
    );
    // A long table has entries beyond the Queue Size.
    let mut table = [(0u64, 0u32, 0u16, 0u16); 200];
    (table[0], table[199]) = ((0x5000, 12, FLAG_NEXT, 199), (0x6000, 8, 0, 0));
    let rings = rings(4, &table).descriptors(&[pointer(200)]);
    assert_eq!(lengths(rings.walk(0)), Ok(vec![12, 8]));
}

#[test]
fn rule_25_queue_size_descriptors_with_those_of_the_table() {
    let straight: Vec<_> = (1..=8).map(|next| (0x5000, 10, u16::from(next < 8), next)).collect();
    let whole = rings(8, &straight).descriptors(&[pointer(8)]);
    assert_eq!(total(whole.walk(0)), Ok(80), "a table of Queue Size entries");
    let one_more = rings(8, &straight).descriptors(&[(0x100, 1, FLAG_NEXT, 1), pointer(8)]);
    assert_eq!(one_more.walk(0), Err(ChainLoops));
    let round = [(0x5000, 10, FLAG_NEXT, 1), (0x5000, 10, FLAG_NEXT, 0)];
    assert_eq!(
        rings(8, &round).descriptors(&[pointer(2)]).walk(0),
        Err(ChainLoops),
        "the bound is the ring's size"
    );
}

#[test]
fn rule_28_a_table_that_cannot_be_read_is_a_ring_error() {
    let rings = |addr| rings(4, &THREE).descriptors(&[(addr, 48, FLAG_INDIRECT, 0)]);
    assert_eq!(rings(0x9_0000).walk(0), Err(RingBusError));
    assert_eq!(rings(1 << 40).walk(0), Err(RingFault));
}

#[test]
fn a_packet_error_does_not_end_the_walk_of_a_table() {
    let table = [(0x5000, 12, FLAG_NEXT | FLAG_WRITE, 1), (0x5000, 12, FLAG_NEXT, 9)];
    assert_eq!(
        rings(4, &table).descriptors(&[pointer(2)]).walk(0),
        Err(DescriptorIndex)
    );
    let table = [(0x5000, 12, FLAG_NEXT | FLAG_WRITE, 1), (0x5000, 12, 0, 9)];
    assert_eq!(
        rings(4, &table).descriptors(&[pointer(2)]).walk(0),
        Err(WriteDescriptor)
    );
}

#[test]
fn an_event_is_needed_when_its_entry_was_added() {
    for (event, old, new, needed) in [
        (0, 0, 1, true),
        (1, 0, 1, false),
        (0, 1, 2, false),
        (5, 3, 6, true),
        (6, 3, 6, false),
        (0xFFFF, 0xFFFE, 2, true),
        (1, 0xFFFE, 2, true),
        (2, 0xFFFE, 2, false),
        (7, 7, 7, false),
    ] {
        assert_eq!(need_event(event, new, old), needed, "event {event}, {old} to {new}");
    }
}

#[test]
fn event_words_lie_behind_the_rings() {
    let mut rings = Rings::new(8);
    put_avail_event(&mut rings.memory, &rings.queue, &rings.contexts, 0x1234).unwrap();
    assert_eq!(rings.memory.read_u32(USED + 4 + 64), Ok(0x1234));
    let wants = |rings: &Rings, old, new| wants_interrupt(&rings.memory, &rings.queue, &rings.contexts, old, new);
    assert_eq!(wants(&rings, 0, 1), Ok(true));
    assert_eq!(wants(&rings, 1, 1), Ok(false));
    rings.memory.write(AVAIL, &[1, 0]).unwrap();
    assert_eq!(wants(&rings, 0, 1), Ok(false));
    rings.queue.event_idx = true;
    rings.memory.write(AVAIL + 4 + 16, &[2, 0]).unwrap();
    assert_eq!(wants(&rings, 0, 2), Ok(false));
    assert_eq!(wants(&rings, 0, 3), Ok(true));
    rings.queue.avail_addr = 0x9_0000;
    assert_eq!(wants(&rings, 0, 3), Err(RingBusError));
}
