//! The payload reader in Verilator: random fragments, translations, memory latencies, faults and stalls give the bytes
//! that a plain copy gives, in order, and break where the copy breaks. The bench stands in for the TSO pipeline: it judges
//! chains, parks queues, and sends fences, after which no read may use an older translation.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_hdl::bus::ports::CHAIN_DROPPED;
use segwalk_hdl::payload::reader::PayloadReader;
use segwalk_model::refusal::{FaultCause, Refusal};
use segwalk_sim::verilated::{Dut, Model, Port, Spec};
use std::collections::VecDeque;

const PAGE: u64 = 4096;

#[derive(Clone, Copy, Debug)]
struct Fragment {
    context: u64,
    virt_addr: u64,
    bytes: u64,
    refusal: u64,
}

#[derive(Clone, Debug)]
struct Chain {
    queue: u64,
    epoch: u64,
    /// The TSO pipeline refuses it for its header, whatever becomes of its bytes.
    bad_header: bool,
    head: u64,
    refusal: u64,
    fragments: Vec<Fragment>,
}

/// How hostile a case is.
#[derive(Clone, Copy, Debug)]
struct Weather {
    latency: u64,
    stall_percent: u32,
    faults: bool,
    /// Queues that park at a fault, one bit each.
    recoverable: u64,
    queues: u64,
    fences: bool,
    fragment_bytes_max: u64,
    chains: usize,
}

/// What the page tables would say: every page has a frame, some do not translate.
fn translate(context: u64, virt_page: u64, faults: bool) -> Result<u64, u64> {
    let hash = (virt_page.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ context.wrapping_mul(0xD6E8_FEB8_6659_FD93)) >> 16;
    if faults && hash % 61 == 7 {
        return Err(u64::from(
            FaultCause::ALL[(hash >> 8) as usize % FaultCause::ALL.len()].code(),
        ));
    }
    Ok(hash & 0xF_FFFF)
}

/// The frame that a page has after this many fences: the same data elsewhere.
fn moved(phys_page: u64, fences: u64) -> u64 {
    phys_page | (fences & 0xFF) << 20
}

fn fences_of(phys_addr: u64) -> u64 {
    phys_addr >> 32
}

fn memory_byte(phys_addr: u64) -> u8 {
    let phys_addr = phys_addr & 0xFFFF_FFFF;
    (phys_addr.wrapping_mul(0xA24B_AED4_963E_E407) >> 40) as u8
}

fn bus_error(phys_addr: u64, faults: bool) -> bool {
    faults && ((phys_addr >> 3 & 0x1FFF_FFFF).wrapping_mul(0x9FB2_1C65_1E98_DF25) >> 20) % 4001 == 3
}

/// The stream a chain must give: whole beats, how many bytes of the last one count, and the refusal.
struct Expected {
    beats: Vec<[u8; 8]>,
    last_bytes: usize,
    refusal: u64,
    /// Context and page that did not translate.
    fault: (u64, u64),
}

fn expected(chain: &Chain, faults: bool) -> Expected {
    let mut stream = vec![0u8; 4];
    let (mut refusal, mut fault) = (0, (0, 0));
    'chain: for fragment in &chain.fragments {
        if fragment.refusal != 0 {
            refusal = fragment.refusal;
            break;
        }
        let (mut addr, mut left) = (fragment.virt_addr, fragment.bytes);
        while left > 0 {
            let count = left.min(PAGE - addr % PAGE);
            match translate(fragment.context, addr >> 12, faults) {
                Err(cause) => {
                    refusal = 32 + cause;
                    fault = (fragment.context, addr >> 12);
                    break 'chain;
                }
                Ok(phys_page) => {
                    let first = (phys_page << 12) | (addr % PAGE);
                    for phys_addr in first..first + count {
                        if bus_error(phys_addr, faults) {
                            refusal = u64::from(Refusal::PayloadBusError.code());
                            break 'chain;
                        }
                        stream.push(memory_byte(phys_addr));
                    }
                }
            }
            addr = addr.wrapping_add(count);
            left -= count;
        }
    }
    if refusal != 0 {
        stream.truncate(stream.len() / 8 * 8);
        stream.extend([0; 8]);
    }
    let last_bytes = if refusal != 0 { 0 } else { (stream.len() - 1) % 8 + 1 };
    stream.resize(stream.len().div_ceil(8) * 8, 0);
    Expected {
        beats: stream.chunks(8).map(|b| b.try_into().unwrap()).collect(),
        last_bytes,
        refusal,
        fault,
    }
}

fn random_chains(random: &mut ChaCha8Rng, weather: Weather) -> Vec<Chain> {
    let mut epochs = 0u64;
    (0..weather.chains)
        .map(|index| {
            let queue = random.gen_range(0..weather.queues);
            if random.gen_ratio(1, 6) {
                epochs ^= 1 << queue;
            }
            let refusal = if weather.faults && random.gen_ratio(1, 12) {
                random.gen_range(1..8)
            } else {
                0
            };
            let count = if refusal != 0 { 0 } else { random.gen_range(1..8) };
            let mut fragments: Vec<Fragment> = (0..count)
                .map(|_| Fragment {
                    context: random.gen_range(0..16),
                    virt_addr: random.gen::<u64>() >> random.gen_range(0..40),
                    bytes: match random.gen_range(0..4) {
                        0 => random.gen_range(1..=9),
                        1 => random.gen_range(1..=200.min(weather.fragment_bytes_max)),
                        _ => random.gen_range(1..=weather.fragment_bytes_max),
                    },
                    refusal: 0,
                })
                .collect();
            if let Some(first) = fragments.first_mut() {
                first.bytes += 12;
            }
            if weather.faults && count > 0 && random.gen_ratio(1, 10) {
                fragments.last_mut().unwrap().refusal = u64::from(Refusal::ChainChanged.code());
            }
            Chain {
                queue,
                epoch: epochs >> queue & 1,
                bad_header: weather.faults && random.gen_ratio(1, 8),
                head: index as u64 * 7 % 65536,
                refusal,
                fragments,
            }
        })
        .collect()
}

struct Ports {
    chain_in: [Port; 7],
    fragment: [Port; 7],
    translate: [Port; 4],
    answer: [Port; 4],
    read: [Port; 4],
    data: [Port; 4],
    chain_out: [Port; 6],
    bytes: [Port; 5],
    fault: [Port; 6],
    verdict: [Port; 5],
    drops: [Port; 2],
    fence: [Port; 2],
}

fn ports(dut: &Dut) -> Ports {
    let p = |name: &str| dut.port(name).unwrap();
    Ports {
        chain_in: ["valid", "ready", "queue", "head", "frame_bytes", "refusal", "epoch"]
            .map(|n| p(&format!("chain_in${n}"))),
        fragment: ["valid", "ready", "context", "virt_addr", "bytes", "last", "refusal"]
            .map(|n| p(&format!("fragments${n}"))),
        translate: ["req_valid", "req_ready", "context", "virt_page"].map(|n| p(&format!("translate${n}"))),
        answer: ["rsp_valid", "rsp_ready", "phys_page", "cause"].map(|n| p(&format!("translate${n}"))),
        read: ["req_valid", "req_ready", "phys_addr", "beats_minus_1"].map(|n| p(&format!("mem${n}"))),
        data: ["data_valid", "data", "data_last", "data_error"].map(|n| p(&format!("mem${n}"))),
        chain_out: ["valid", "ready", "queue", "head", "frame_bytes", "refusal"].map(|n| p(&format!("chain_out${n}"))),
        bytes: ["valid", "ready", "data", "last", "refusal"].map(|n| p(&format!("bytes${n}"))),
        fault: ["valid", "queue", "head", "context", "virt_page", "cause"].map(|n| p(&format!("fault${n}"))),
        verdict: ["valid", "faulted", "queue", "head", "cause"].map(|n| p(&format!("verdict${n}"))),
        drops: ["drops_even", "drops_odd"].map(|n| p(&format!("verdict${n}"))),
        fence: ["fence", "fence_busy"].map(p),
    }
}

struct Ran {
    /// From the first to the last beat of the stream.
    clocks: u64,
    /// Chains that were not read because their queue had parked.
    chains_dropped: usize,
    /// Chains that were read in part.
    chains_cut: usize,
}

/// Runs the chains.
fn run(model: &Model, seed: u64, weather: Weather) -> Ran {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let chains = random_chains(&mut random, weather);
    let wanted: Vec<Expected> = chains.iter().map(|c| expected(c, weather.faults)).collect();
    let mut dut = model.instance().unwrap();
    let p = ports(&dut);
    let reset = dut.port("reset").unwrap();
    dut.set(reset, 1);
    dut.tick();
    dut.tick();
    dut.set(reset, 0);

    let fragments: Vec<(Fragment, bool)> = chains
        .iter()
        .flat_map(|c| {
            c.fragments
                .iter()
                .enumerate()
                .map(|(i, f)| (*f, i + 1 == c.fragments.len()))
        })
        .collect();
    let (mut next_chain, mut next_fragment) = (0, 0);
    let mut translations: VecDeque<(u64, u64, u64)> = VecDeque::new(); // due, context, virtual page
    let mut reads: VecDeque<(u64, u64, u64)> = VecDeque::new(); // due, address, beats left
    let mut answer: Option<(u64, u64)> = None; // phys page, cause
    let (mut records_out, mut streams_out, mut beat_at) = (0, 0, 0);
    let mut streams: VecDeque<usize> = VecDeque::new(); // chains whose bytes are to come
    let mut verdicts: VecDeque<(u64, usize)> = VecDeque::new(); // due, chain
    let (mut faults, mut faults_wanted, mut drops) = (vec![], vec![], [0u64; 2]);
    let (mut fences, mut fences_done) = (0, 0);
    let (mut chains_dropped, mut chains_cut) = (0, 0);
    let (mut first_beat, mut last_beat, mut quiet, mut clock) = (0, 0, 0, 0u64);
    let stall = |random: &mut ChaCha8Rng| random.gen_range(0..100) < weather.stall_percent;
    while records_out < chains.len() || !streams.is_empty() || !verdicts.is_empty() || fences_done < fences {
        clock += 1;
        quiet += 1;
        assert!(
            quiet < 20_000,
            "seed {seed}: no progress at clock {clock}; {records_out} records, {streams_out} streams"
        );
        // inputs of this clock
        let hold = |dut: &mut Dut, port: Port, on: bool| dut.set(port, u64::from(on));
        let offer_chain = next_chain < chains.len() && (dut.get(p.chain_in[0]) == 1 || !stall(&mut random));
        hold(&mut dut, p.chain_in[0], offer_chain);
        if offer_chain {
            let c = &chains[next_chain];
            let total: u64 = c.fragments.iter().map(|f| f.bytes).sum();
            for (port, value) in
                p.chain_in[2..]
                    .iter()
                    .zip([c.queue, c.head, total.saturating_sub(12) & 0xF_FFFF, c.refusal, c.epoch])
            {
                dut.set(*port, value);
            }
        }
        let offer_fragment = next_fragment < fragments.len() && (dut.get(p.fragment[0]) == 1 || !stall(&mut random));
        hold(&mut dut, p.fragment[0], offer_fragment);
        if offer_fragment {
            let (f, last) = fragments[next_fragment];
            for (port, value) in
                p.fragment[2..]
                    .iter()
                    .zip([f.context, f.virt_addr, f.bytes, u64::from(last), f.refusal])
            {
                dut.set(*port, value);
            }
        }
        let take_request = !stall(&mut random);
        hold(&mut dut, p.translate[1], take_request);
        if let (None, Some(&(due, context, virt_page))) = (answer, translations.front()) {
            if due <= clock {
                answer = Some(match translate(context, virt_page, weather.faults) {
                    Ok(phys_page) => (moved(phys_page, fences), 0),
                    Err(cause) => (0, cause),
                });
            }
        }
        hold(&mut dut, p.answer[0], answer.is_some());
        if let Some((phys_page, cause)) = answer {
            dut.set(p.answer[2], phys_page);
            dut.set(p.answer[3], cause);
        }
        let take_read = !stall(&mut random);
        hold(&mut dut, p.read[1], take_read);
        let beat = reads.front().copied().filter(|r| r.0 <= clock && !stall(&mut random));
        hold(&mut dut, p.data[0], beat.is_some());
        if let Some((_, addr, left)) = beat {
            dut.set(
                p.data[1],
                u64::from_le_bytes(std::array::from_fn(|i| memory_byte(addr + i as u64))),
            );
            dut.set(p.data[2], u64::from(left == 1));
            dut.set(p.data[3], u64::from(bus_error(addr, weather.faults)));
        }
        let take_record = !stall(&mut random);
        hold(&mut dut, p.chain_out[1], take_record);
        let verdict = verdicts.front().copied().filter(|v| v.0 <= clock);
        hold(&mut dut, p.verdict[0], verdict.is_some());
        if let Some((_, chain)) = verdict {
            verdicts.pop_front();
            quiet = 0;
            let (c, want) = (&chains[chain], &wanted[chain]);
            let at = drops[c.epoch as usize] >> c.queue & 1 == 0;
            let faulted = want.refusal >= 32 && !c.bad_header && at;
            let cause = want.refusal & 31;
            for (port, value) in p.verdict[1..].iter().zip([u64::from(faulted), c.queue, c.head, cause]) {
                dut.set(*port, value);
            }
            if faulted {
                faults_wanted.push([c.queue, c.head, want.fault.0, want.fault.1, cause]);
                if weather.recoverable >> c.queue & 1 == 1 {
                    drops[c.epoch as usize] |= 1 << c.queue;
                    drops[1 - c.epoch as usize] &= !(1 << c.queue);
                }
            }
        }
        let fence = weather.fences && (fences & 0xFF) < 0xFF && random.gen_ratio(1, 150);
        hold(&mut dut, p.fence[0], fence);
        let take_beat = !streams.is_empty() && !stall(&mut random);
        hold(&mut dut, p.bytes[1], take_beat);
        dut.eval();
        // transfers of this clock
        if offer_chain && dut.get(p.chain_in[1]) == 1 {
            next_chain += 1;
        }
        if offer_fragment && dut.get(p.fragment[1]) == 1 {
            next_fragment += 1;
        }
        if take_request && dut.get(p.translate[0]) == 1 {
            let due = clock + 1 + random.gen_range(0..=weather.latency);
            translations.push_back((due, dut.get(p.translate[2]), dut.get(p.translate[3])));
        }
        if answer.is_some() && dut.get(p.answer[1]) == 1 {
            translations.pop_front();
            answer = None;
        }
        if let Some((_, addr, left)) = beat {
            assert!(
                fences_of(addr) >= fences_done,
                "seed {seed}: a read with a translation from before fence {fences_done} at clock {clock}"
            );
            reads[0].1 = addr + 8;
            reads[0].2 = left - 1;
            if left == 1 {
                reads.pop_front();
            }
        }
        if take_read && dut.get(p.read[0]) == 1 {
            let (addr, beats) = (dut.get(p.read[2]), dut.get(p.read[3]) + 1);
            assert_eq!(addr % 8, 0);
            assert!(
                addr / PAGE == (addr + beats * 8 - 1) / PAGE,
                "seed {seed}: a burst crosses a page"
            );
            reads.push_back((clock + weather.latency, addr, beats));
            let under_way: u64 = reads.iter().map(|r| r.2).sum();
            assert!(under_way <= 512, "seed {seed}: more asked for than there is room for");
        }
        if dut.get(p.fault[0]) == 1 {
            let record: [u64; 5] = std::array::from_fn(|at| dut.get(p.fault[at + 1]));
            faults.push(record);
        }
        if dut.get(p.fence[1]) == 0 && !fence {
            fences_done = fences;
        }
        if take_record && dut.get(p.chain_out[0]) == 1 {
            let c = &chains[records_out];
            let got = [p.chain_out[2], p.chain_out[3], p.chain_out[5]].map(|port| dut.get(port));
            let dropped = drops[c.epoch as usize] >> c.queue & 1 == 1 && got[2] == CHAIN_DROPPED;
            let refusal = if dropped { CHAIN_DROPPED } else { c.refusal };
            assert_eq!(
                got,
                [c.queue, c.head, refusal],
                "seed {seed}: chain record {records_out}"
            );
            if refusal == 0 {
                streams.push_back(records_out);
            }
            chains_dropped += usize::from(dropped);
            records_out += 1;
            quiet = 0;
        }
        if take_beat && dut.get(p.bytes[0]) == 1 {
            quiet = 0;
            first_beat = if first_beat == 0 { clock } else { first_beat };
            last_beat = clock;
            let want = &wanted[streams[0]];
            // What is left of a chain is not read once its queue has parked.
            let c = &chains[streams[0]];
            let parked = drops[c.epoch as usize] >> c.queue & 1 == 1;
            let is_cut = parked && dut.get(p.bytes[3]) == 1 && dut.get(p.bytes[4]) == CHAIN_DROPPED;
            chains_cut += usize::from(is_cut);
            let is_last = is_cut || beat_at + 1 == want.beats.len();
            let what = format!(
                "seed {seed}: chain {}, beat {beat_at} of {}",
                streams[0],
                want.beats.len()
            );
            assert_eq!(dut.get(p.bytes[3]), u64::from(is_last), "{what}: last");
            assert_eq!(
                dut.get(p.bytes[4]),
                match is_last {
                    true if is_cut => CHAIN_DROPPED,
                    true => want.refusal,
                    false => 0,
                },
                "{what}: refusal"
            );
            let data = dut.get(p.bytes[2]).to_le_bytes();
            let count = match is_last {
                true if is_cut => 0,
                true => want.last_bytes,
                false => 8,
            };
            let from = if beat_at == 0 { 4.min(count) } else { 0 };
            assert_eq!(data[from..count], want.beats[beat_at][from..count], "{what}: data");
            beat_at += 1;
            if is_last {
                // A moment later the pipeline knows what the chain is.
                let due = clock + random.gen_range(1..=weather.latency + 20);
                let due = verdicts.back().map_or(due, |(last, _)| due.max(last + 4));
                verdicts.push_back((due, streams.pop_front().unwrap()));
                streams_out += 1;
                beat_at = 0;
            }
        }
        fences += u64::from(fence);
        dut.tick();
        dut.set(p.drops[0], drops[0]);
        dut.set(p.drops[1], drops[1]);
    }
    dut.set(p.verdict[0], 0);
    for _ in 0..4 {
        dut.eval();
        if dut.get(p.fault[0]) == 1 {
            faults.push(std::array::from_fn(|at| dut.get(p.fault[at + 1])));
        }
        dut.tick();
    }
    assert_eq!(faults, faults_wanted, "seed {seed}: fault records");
    Ran {
        clocks: last_beat - first_beat + 1,
        chains_dropped,
        chains_cut,
    }
}

fn model() -> Model {
    let verilog = segwalk_hdl::emit::verilog(&mut PayloadReader::default(), "payload_reader").unwrap();
    Model::build(&Spec {
        top: "payload_reader",
        verilog: &verilog,
        ..Default::default()
    })
    .unwrap()
}

#[test]
fn streams_equal_a_plain_copy() {
    let model = model();
    let seeds = match std::env::var("SEGWALK_SEED") {
        Ok(seed) => seed.parse().expect("SEGWALK_SEED is a number")..=seed.parse().unwrap(),
        Err(_) => 0..=39,
    };
    let (mut dropped, mut cut, many) = (0, 0, seeds.clone().count() > 1);
    for seed in seeds {
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x5EED);
        let weather = Weather {
            latency: [0, 3, 50, 200][random.gen_range(0..4)],
            stall_percent: [0, 10, 50][random.gen_range(0..3)],
            faults: random.gen_bool(0.6),
            recoverable: if random.gen() { random.gen() } else { 0 },
            queues: [1, 3, 16][random.gen_range(0..3)],
            fences: random.gen(),
            fragment_bytes_max: [16, 300, 9000][random.gen_range(0..3)],
            chains: 80,
        };
        let ran = run(&model, seed, weather);
        dropped += ran.chains_dropped;
        cut += ran.chains_cut;
    }
    assert!(
        dropped > 0 && cut > 0 || !many,
        "{dropped} chains were dropped, {cut} were cut"
    );
}

#[test]
fn long_fragments_stream_a_beat_a_clock_behind_any_latency() {
    let model = model();
    for latency in [0, 50, 200] {
        let weather = Weather {
            latency,
            stall_percent: 0,
            faults: false,
            recoverable: 0,
            queues: 16,
            fences: true,
            fragment_bytes_max: 60_000,
            chains: 12,
        };
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let beats: usize = random_chains(&mut random, weather)
            .iter()
            .map(|c| expected(c, false).beats.len())
            .sum();
        let clocks = run(&model, 5, weather).clocks;
        let rate = beats as f64 / clocks as f64;
        assert!(
            rate > 0.97,
            "latency {latency}: {beats} beats in {clocks} clocks, {rate:.3} a clock"
        );
    }
}
