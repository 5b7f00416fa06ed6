//! The AXI memory on its own, by direct calls.

use segwalk_model::memory::{Memory, MemoryMut};
use segwalk_sim::axi::{Address, AxiConfig, AxiMemory, FromCore, ReadBeat, Response, WriteBeat, INCR};
use segwalk_sim::pattern::{Pattern, Rng};

fn address(id: u8, phys_addr: u64, len: u8) -> Address {
    Address {
        id,
        phys_addr,
        len,
        size: 3,
        burst: INCR,
        lock: false,
    }
}

fn memory(config: AxiConfig) -> AxiMemory {
    let mut memory = AxiMemory::new(config);
    memory.memory_mut().add_page(0);
    for word in 0..512u64 {
        memory
            .memory_mut()
            .write(word * 8, &(word * 0x0101).to_le_bytes())
            .unwrap();
    }
    memory
}

/// Asks for all bursts as fast as the memory takes them and gives the beats in the order they came.
fn read_all(memory: &mut AxiMemory, bursts: &[Address], ready: Pattern) -> Vec<ReadBeat> {
    let mut rng = Rng::new(9);
    let (mut asked, mut beats, mut waits) = (0, vec![], None);
    for clock in 0..100_000 {
        let core = FromCore {
            ar: bursts.get(asked).copied(),
            r_ready: ready.goes(clock, &mut rng),
            b_ready: true,
            ..Default::default()
        };
        let out = memory.step(clock, &core);
        asked += usize::from(out.ar_ready && core.ar.is_some());
        if waits.is_some() {
            assert_eq!(out.r, waits, "R fell or changed before it was taken");
        }
        waits = if core.r_ready { None } else { out.r };
        if core.r_ready {
            beats.extend(out.r);
        }
        if asked == bursts.len() && memory.is_idle() {
            return beats;
        }
    }
    panic!("the memory stopped: {:?}", memory.open());
}

#[test]
fn ids_overtake_each_other_and_each_keeps_its_order() {
    let mut rng = Rng::new(4);
    let bursts: Vec<Address> = (0..200)
        .map(|_| {
            let len = rng.below(8);
            address(rng.below(3) as u8, rng.below(512 - len - 1) * 8, len as u8)
        })
        .collect();
    let stall = Pattern::Random { stall_of_256: 80 };
    for (reorder, interleave) in [(false, false), (true, false), (true, true)] {
        let config = AxiConfig {
            latency: 20,
            jitter: 40,
            r: stall,
            reorder,
            interleave,
            ..Default::default()
        };
        let beats = read_all(&mut memory(config), &bursts, stall);
        for id in 0..3 {
            let wanted = bursts.iter().filter(|burst| burst.id == id);
            let wanted =
                wanted.flat_map(|b| (0..b.beats()).map(|beat| (b.beat_addr(beat) / 8 * 0x0101, beat + 1 == b.beats())));
            let got = beats
                .iter()
                .filter(|beat| beat.id == id)
                .map(|beat| (beat.data, beat.last));
            assert!(wanted.eq(got), "ID {id}");
        }
        let in_order: Vec<u8> = bursts.iter().flat_map(|b| (0..b.beats()).map(|_| b.id)).collect();
        let order: Vec<u8> = beats.iter().map(|beat| beat.id).collect();
        assert_eq!(order == in_order, !reorder);
        // a switch of ID inside a burst
        let mixed = beats.windows(2).any(|pair| !pair[0].last && pair[0].id != pair[1].id);
        assert_eq!(mixed, interleave);
    }
}

#[test]
fn long_unaligned_and_narrow_bursts() {
    let mut memory = memory(AxiConfig::default());
    let beats = read_all(
        &mut memory,
        &[address(2, 0, 255), address(2, 0x803, 255)],
        Pattern::Always,
    );
    assert_eq!(beats.len(), 512);
    assert!(beats
        .iter()
        .enumerate()
        .all(|(at, beat)| beat.data == at as u64 * 0x0101));
    let narrow = Address {
        size: 1,
        ..address(0, 0x14, 3)
    };
    let words: Vec<u64> = read_all(&mut memory, &[narrow], Pattern::Always)
        .iter()
        .map(|beat| beat.data)
        .collect();
    assert_eq!(words, [0x0202, 0x0202, 0x0303, 0x0303]);
}

#[test]
fn nothing_there_is_a_decode_error_without_data() {
    let mut memory = memory(AxiConfig::default());
    let beats = read_all(&mut memory, &[address(1, 0x5000, 1)], Pattern::Always);
    assert_eq!(beats.len(), 2);
    assert!(beats
        .iter()
        .all(|beat| beat.response == Response::DecErr && beat.data != 0));
}

#[test]
fn data_is_that_of_the_first_beat() {
    let config = AxiConfig {
        latency: 10,
        ..Default::default()
    };
    let mut memory = memory(config);
    let read = FromCore {
        ar: Some(address(0, 0x40, 0)),
        r_ready: true,
        ..Default::default()
    };
    let idle = FromCore {
        r_ready: true,
        ..Default::default()
    };
    assert!(memory.step(0, &read).ar_ready);
    for clock in 1..10 {
        assert_eq!(memory.step(clock, &idle).r, None);
    }
    memory.memory_mut().write(0x40, &7u64.to_le_bytes()).unwrap();
    assert_eq!(
        memory.step(10, &idle).r.map(|beat| (beat.data, beat.last)),
        Some((7, true))
    );
}

#[test]
fn writes_by_strobe_with_data_before_or_after_the_address() {
    for late_address in [false, true] {
        let mut memory = memory(AxiConfig {
            latency: 5,
            ..Default::default()
        });
        let aw = Some(address(0, 0x100, 1));
        let beats = [
            WriteBeat {
                data: 0x1111_1111_1111_1111,
                strobe: 0x0F,
                last: false,
            },
            WriteBeat {
                data: 0x2222_2222_2222_2222,
                strobe: 0x80,
                last: true,
            },
        ];
        let mut answered = None;
        for clock in 0..20u64 {
            let core = FromCore {
                aw: aw.filter(|_| clock == if late_address { 6 } else { 0 }),
                w: beats.get(clock as usize).copied(),
                b_ready: true,
                ..Default::default()
            };
            let out = memory.step(clock, &core);
            assert!(out.aw_ready && out.w_ready);
            if let Some(b) = out.b {
                assert_eq!((b.response, answered), (Response::Okay, None));
                answered = Some(clock);
            }
        }
        assert_eq!(answered, Some(if late_address { 11 } else { 6 }));
        assert_eq!(memory.memory().read_u64(0x100), Ok(0x1111_1111));
        assert_eq!(memory.memory().read_u64(0x108).unwrap() >> 56, 0x22);
        assert_eq!(memory.memory().read_u64(0x108).unwrap() & 0xFFFF, 0x21 * 0x0101);
        assert_eq!((memory.writes_done(), memory.is_idle()), (1, true));
    }
}
