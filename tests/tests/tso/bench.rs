//! The TSO pipeline in Verilator, between a source of chains and a sink of frames.

use anyhow::{ensure, Context as _, Result};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_hdl::bus::ports::{CHAIN_DROPPED, CHAIN_PARKED};
use segwalk_hdl::tso::{Tso, DEBUG_STATES};
use segwalk_model::segment::{Plan, Prefix, SegmentSettings, Stop};
use segwalk_model::virtio_net_hdr::VirtioNetHdr;
use segwalk_sim::verilated::{Dut, Model, Port, Spec};
use std::sync::OnceLock;

/// A chain as the payload reader hands it over.
#[derive(Clone, Debug)]
pub struct Chain {
    pub queue: u8,
    pub head: u16,
    /// The queue fetcher refused it.
    pub refused: u8,
    pub hdr: VirtioNetHdr,
    pub frame: Vec<u8>,
    /// The stream breaks with this beat and code.
    pub fault: Option<(usize, u8)>,
    /// Of the queue, when the chain was fetched.
    pub epoch: bool,
    pub avail: u16,
    /// Frames that left in earlier passes.
    pub sent_frames: usize,
}

impl Chain {
    pub fn new(hdr: VirtioNetHdr, frame: Vec<u8>) -> Self {
        Self {
            queue: 0,
            head: 0,
            refused: 0,
            hdr,
            frame,
            fault: None,
            epoch: false,
            avail: 0,
            sent_frames: 0,
        }
    }

    pub fn beats(&self) -> usize {
        (16 + self.frame.len()).div_ceil(8)
    }

    /// Frames, code and bytes of a segment that the model gives, from the chain's first frame on.
    pub fn expected(&self, settings: &SegmentSettings) -> (Vec<Vec<u8>>, u8, usize) {
        if self.refused != 0 {
            return (vec![], self.refused, 0);
        }
        let readable = match self.fault {
            Some((beat, code)) if beat < 2 => return (vec![], code, 0),
            Some((beat, _)) => (beat - 2) * 8,
            None => self.frame.len(),
        };
        let prefix = Prefix {
            bytes: &self.frame[..readable],
            frame_bytes: self.frame.len(),
        };
        let fault = self.fault.map_or(0, |(_, code)| code);
        match Plan::make(&self.hdr, &prefix, settings) {
            Ok(plan) => (plan.frames(&prefix, settings), fault, plan.segment_bytes()),
            Err(Stop::Refused(refusal)) => (vec![], refusal.code(), 0),
            Err(Stop::Unread(_)) => (vec![], fault, 0),
        }
    }
}

/// Engine settings that do not change within a run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub segment: SegmentSettings,
    /// One bit a queue, instead of the one in `segment`.
    pub seed_without_length: u16,
    /// Bits 4:0 CSUM, TSO4, TSO6, ECN, USO; must say the same as `segment.features`.
    pub features: u8,
    /// Queues that park at a fault, one bit each.
    pub recoverable: u16,
}

impl Settings {
    pub fn of_queue(&self, queue: u8) -> SegmentSettings {
        SegmentSettings {
            seed_without_length: self.seed_without_length >> queue & 1 == 1,
            ..self.segment
        }
    }
}

/// Chance in 256 that a port does not move on a clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stalls {
    pub chain: u8,
    pub bytes: u8,
    pub frames: u8,
    pub done: u8,
    pub hold: u8,
}

/// What came out, and when.
#[derive(Debug, Default)]
pub struct Run {
    pub frames: Vec<Vec<u8>>,
    /// Queue, head, code, and how many frames had left before.
    pub done: Vec<(u8, u16, u8, usize)>,
    /// Avail index, frames and bytes of chains that parked their queues.
    pub parks: Vec<(u16, usize, usize)>,
    /// For each chain that had bytes: whether a fault ended it, queue, head, cause.
    pub verdicts: Vec<(bool, u8, u16, u8)>,
    /// Frames and bytes that were counted for each queue.
    pub sent_of: [(u64, u64); 16],
    /// Clock of the first and of the last beat of each frame.
    pub spans: Vec<(u64, u64)>,
    pub sent_frames: u64,
    pub sent_bytes: u64,
}

struct Ports {
    reset: Port,
    chain: [Port; 9],
    bytes: [Port; 5],
    frames: [Port; 5],
    done: [Port; 8],
    verdict: [Port; 7],
    settings: [Port; 9],
    restart: Port,
    hold: Port,
    idle: Port,
    sent: [Port; 3],
    debug: Port,
}

/// One device under test.
pub struct Bench {
    dut: Dut,
    ports: Ports,
}

fn model() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| {
        let text = segwalk_hdl::emit::verilog(&mut Tso::default(), "tso").expect("the pipeline emits");
        Model::build(&Spec {
            top: "tso",
            verilog: &text,
            ..Default::default()
        })
        .expect("Verilator builds the pipeline")
    })
}

impl Bench {
    pub fn new() -> Result<Self> {
        let dut = model().instance()?;
        let named = |names: &[&str]| -> Result<Vec<Port>> { names.iter().map(|name| dut.port(name)).collect() };
        macro_rules! group {
            ($prefix:literal, $($name:literal),*) => {
                named(&[$(concat!($prefix, $name)),*])?.try_into().ok().context("a group of ports")?
            };
        }
        let ports = Ports {
            reset: dut.port("reset")?,
            chain: group!(
                "chain$",
                "valid",
                "ready",
                "queue",
                "head",
                "frame_bytes",
                "refusal",
                "avail",
                "epoch",
                "sent_frames"
            ),
            bytes: group!("bytes$", "valid", "ready", "data", "last", "refusal"),
            frames: group!("frames$", "tvalid", "tready", "tdata", "tkeep", "tlast"),
            done: group!(
                "done$",
                "valid",
                "ready",
                "queue",
                "head",
                "refusal",
                "avail",
                "sent_frames",
                "sent_bytes"
            ),
            verdict: group!(
                "verdict$",
                "valid",
                "faulted",
                "queue",
                "head",
                "cause",
                "drops_even",
                "drops_odd"
            ),
            settings: group!(
                "",
                "features",
                "flags_first",
                "flags_middle",
                "flags_last",
                "id_fifteen_bits",
                "id_fixed",
                "pad",
                "seed_without_length",
                "recoverable"
            ),
            restart: dut.port("restart")?,
            hold: dut.port("hold")?,
            idle: dut.port("idle")?,
            sent: group!("", "sent_frame", "sent_bytes", "sent_queue"),
            debug: dut.port("debug")?,
        };
        let mut bench = Self { dut, ports };
        bench.reset();
        Ok(bench)
    }

    /// Synchronous reset; nothing is offered meanwhile.
    pub fn reset(&mut self) {
        self.dut.set(self.ports.chain[0], 0);
        self.dut.set(self.ports.bytes[0], 0);
        self.dut.set(self.ports.reset, 1);
        for _ in 0..4 {
            self.dut.tick();
        }
        self.dut.set(self.ports.reset, 0);
        self.dut.tick();
    }

    fn configure(&mut self, settings: &Settings) {
        let values = [
            u64::from(settings.features),
            settings.segment.flags_first.into(),
            settings.segment.flags_middle.into(),
            settings.segment.flags_last.into(),
            settings.segment.id_fifteen_bits.into(),
            settings.segment.id_fixed.into(),
            settings.segment.pad.into(),
            settings.seed_without_length.into(),
            settings.recoverable.into(),
        ];
        for (port, value) in self.ports.settings.into_iter().zip(values) {
            self.dut.set(port, value);
        }
        self.dut.set(self.ports.restart, 0xFFFF);
        self.dut.tick();
        self.dut.set(self.ports.restart, 0);
    }

    /// Sends the chains until the last is done, or until `clocks` have passed.
    pub fn run(
        &mut self,
        clocks: u64,
        chains: &[Chain],
        settings: &Settings,
        stalls: &Stalls,
        random: &mut ChaCha8Rng,
    ) -> Result<Run> {
        self.configure(settings);
        let stream: Vec<(u64, bool, u8)> = chains.iter().flat_map(|chain| stream_of(chain, random)).collect();
        let (mut run, mut frame) = (Run::default(), Vec::new());
        let (mut next_chain, mut next_beat, mut first) = (0, 0, 0);
        let (mut chain_valid, mut beat_valid, mut last_move) = (false, false, 0);
        let mut in_flight: Option<(u64, u64, u64)> = None;
        let mut holding = false;
        let mut clock = 0u64;
        let mut settle = 0;
        while settle < 8 && clock < clocks {
            if run.done.len() == chains.len() {
                settle += 1;
            }
            let mut stalled = |chance: u8| chance != 0 && random.gen::<u8>() < chance;
            chain_valid = next_chain < chains.len() && (chain_valid || !stalled(stalls.chain));
            beat_valid = next_beat < stream.len() && (beat_valid || !stalled(stalls.bytes));
            let frames_ready = !stalled(stalls.frames);
            let done_ready = !stalled(stalls.done);
            if stalls.hold != 0 && random.gen::<u8>() < 4 {
                holding = random.gen::<u8>() < stalls.hold;
            }
            let (dut, ports) = (&mut self.dut, &self.ports);
            dut.set(ports.hold, holding.into());
            dut.set(ports.chain[0], chain_valid.into());
            if let Some(chain) = chains.get(next_chain) {
                dut.set(ports.chain[2], chain.queue.into());
                dut.set(ports.chain[3], chain.head.into());
                dut.set(ports.chain[4], chain.frame.len() as u64);
                dut.set(ports.chain[5], chain.refused.into());
                dut.set(ports.chain[6], chain.avail.into());
                dut.set(ports.chain[7], chain.epoch.into());
                dut.set(ports.chain[8], chain.sent_frames as u64);
            }
            dut.set(ports.bytes[0], beat_valid.into());
            if let Some((data, last, refusal)) = stream.get(next_beat) {
                dut.set(ports.bytes[2], *data);
                dut.set(ports.bytes[3], (*last).into());
                dut.set(ports.bytes[4], (*refusal).into());
            }
            dut.set(ports.frames[1], frames_ready.into());
            dut.set(ports.done[1], done_ready.into());
            dut.eval();
            let mut moved = false;
            if chain_valid && dut.get(ports.chain[1]) == 1 {
                (next_chain, chain_valid, moved) = (next_chain + 1, false, true);
            }
            if beat_valid && dut.get(ports.bytes[1]) == 1 {
                (next_beat, beat_valid, moved) = (next_beat + 1, false, true);
            }
            let valid = dut.get(ports.frames[0]) == 1;
            ensure!(
                valid || in_flight.is_none(),
                "tvalid fell without a transfer on clock {clock}"
            );
            ensure!(
                !(holding && dut.get(ports.idle) == 1 && (valid || !frame.is_empty())),
                "idle while a frame is partly emitted, clock {clock}"
            );
            if valid {
                let beat = (
                    dut.get(ports.frames[2]),
                    dut.get(ports.frames[3]),
                    dut.get(ports.frames[4]),
                );
                ensure!(
                    in_flight.is_none_or(|held| held == beat),
                    "an offered beat changed on clock {clock}"
                );
                in_flight = Some(beat);
                if frames_ready {
                    in_flight = None;
                    moved = true;
                    let bytes = beat.1.trailing_ones() as usize;
                    ensure!(beat.1 == (1 << bytes) - 1 && bytes > 0, "tkeep is {:#04x}", beat.1);
                    ensure!(
                        bytes == 8 || beat.2 == 1,
                        "a beat in the middle of a frame has {bytes} bytes"
                    );
                    if frame.is_empty() {
                        first = clock;
                    }
                    frame.extend_from_slice(&beat.0.to_le_bytes()[..bytes]);
                    if beat.2 == 1 {
                        run.frames.push(std::mem::take(&mut frame));
                        run.spans.push((first, clock));
                    }
                }
            } else if stalls.frames == 0 {
                ensure!(frame.is_empty(), "a frame that began waits for data on clock {clock}");
            }
            if dut.get(ports.done[0]) == 1 && done_ready {
                moved = true;
                run.done.push((
                    dut.get(ports.done[2]) as u8,
                    dut.get(ports.done[3]) as u16,
                    dut.get(ports.done[4]) as u8,
                    run.frames.len(),
                ));
                if dut.get(ports.done[4]) == CHAIN_PARKED {
                    let [avail, frames, bytes] = [5, 6, 7].map(|at| dut.get(ports.done[at]));
                    run.parks.push((avail as u16, frames as usize, bytes as usize));
                }
            }
            if dut.get(ports.verdict[0]) == 1 {
                let [faulted, queue, head, cause] = [1, 2, 3, 4].map(|at| dut.get(ports.verdict[at]));
                run.verdicts.push((faulted == 1, queue as u8, head as u16, cause as u8));
            }
            let of = &mut run.sent_of[dut.get(ports.sent[2]) as usize];
            *of = (of.0 + dut.get(ports.sent[0]), of.1 + dut.get(ports.sent[1]));
            run.sent_frames += dut.get(ports.sent[0]);
            run.sent_bytes += dut.get(ports.sent[1]);
            if moved {
                last_move = clock;
            }
            let debug = dut.get(ports.debug);
            ensure!(
                clock - last_move < 5000,
                "no progress: {} of {} chains done, {} frames, intake in state `{}`, cutter in {}",
                run.done.len(),
                chains.len(),
                run.frames.len(),
                DEBUG_STATES.get(debug as usize & 15).unwrap_or(&"?"),
                debug >> 4
            );
            dut.tick();
            clock += 1;
        }
        ensure!(
            clock == clocks || next_beat == stream.len(),
            "{} beats were left over",
            stream.len() - next_beat
        );
        Ok(run)
    }

    /// Runs the chains and compares with the model.
    pub fn check(
        &mut self,
        chains: &[Chain],
        settings: &Settings,
        stalls: &Stalls,
        random: &mut ChaCha8Rng,
    ) -> Result<Run> {
        let run = self.run(u64::MAX, chains, settings, stalls, random)?;
        let mut frames = run.frames.iter();
        let mut before = 0;
        let (mut dropping, mut parks, mut verdicts) = ([None; 16], vec![], vec![]);
        let mut sent_of = [(0, 0); 16];
        for (index, chain) in chains.iter().enumerate() {
            let (mut expected, mut code, segment_bytes) = chain.expected(&settings.of_queue(chain.queue));
            let drops = &mut dropping[usize::from(chain.queue)];
            if *drops == Some(chain.epoch) {
                (expected, code) = (vec![], CHAIN_DROPPED as u8);
            }
            let faulted = (33..62).contains(&code);
            if chain.refused == 0 {
                verdicts.push((faulted, chain.queue, chain.head, if faulted { code & 31 } else { 0 }));
            }
            if faulted && chain.refused == 0 && settings.recoverable >> chain.queue & 1 == 1 {
                code = CHAIN_PARKED as u8;
                *drops = Some(chain.epoch);
                let bytes = if expected.len() < chain.sent_frames {
                    0
                } else {
                    expected.len() * segment_bytes
                };
                parks.push((chain.avail, expected.len().max(chain.sent_frames), bytes));
            }
            expected.drain(..expected.len().min(chain.sent_frames));
            let of = &mut sent_of[usize::from(chain.queue)];
            let bytes: usize = expected.iter().map(Vec::len).sum();
            *of = (of.0 + expected.len() as u64, of.1 + bytes as u64);
            let about = || {
                let mut short = chain.clone();
                short.frame.truncate(160);
                format!("chain {index} of {} bytes: {short:?}", chain.frame.len())
            };
            for (at, expected) in expected.iter().enumerate() {
                let frame = frames
                    .next()
                    .with_context(|| format!("frame {at} is missing, {}", about()))?;
                if frame != expected {
                    let byte = frame.iter().zip(expected).position(|(a, b)| a != b);
                    anyhow::bail!(
                        "frame {at} of {} differs: {} bytes instead of {}, first at {byte:?}\n  {}\n  {}\n{}",
                        run.frames.len(),
                        frame.len(),
                        expected.len(),
                        hex::encode(&frame[..frame.len().min(160)]),
                        hex::encode(&expected[..expected.len().min(160)]),
                        about()
                    );
                }
            }
            before += expected.len();
            let done = run.done[index];
            ensure!(
                (done.0, done.1, done.2) == (chain.queue, chain.head, code),
                "done is {done:?}, expected code {code}, {}",
                about()
            );
            ensure!(done.3 >= before, "done before its frames left, {}", about());
        }
        ensure!(frames.next().is_none(), "more frames than expected");
        ensure!(run.parks == parks, "parked {:?}, expected {parks:?}", run.parks);
        let mut found = run.verdicts.clone();
        found
            .iter_mut()
            .filter(|verdict| !verdict.0)
            .for_each(|verdict| verdict.3 = 0);
        ensure!(found == verdicts, "verdicts {found:?}, expected {verdicts:?}");
        ensure!(
            run.sent_of == sent_of,
            "queues sent {:?}, expected {sent_of:?}",
            run.sent_of
        );
        ensure!(
            run.sent_frames == run.frames.len() as u64,
            "sent_frame counts {}",
            run.sent_frames
        );
        ensure!(
            run.sent_bytes == run.frames.iter().map(|frame| frame.len() as u64).sum::<u64>(),
            "sent_bytes counts {}",
            run.sent_bytes
        );
        Ok(run)
    }
}

/// Beats of a chain: data, last, refusal. Bytes that mean nothing are random.
fn stream_of(chain: &Chain, random: &mut ChaCha8Rng) -> Vec<(u64, bool, u8)> {
    if chain.refused != 0 {
        return vec![];
    }
    let mut bytes = random.gen::<[u8; 4]>().to_vec();
    bytes.extend_from_slice(&chain.hdr.to_bytes());
    bytes.extend_from_slice(&chain.frame);
    bytes.resize_with(bytes.len().next_multiple_of(8), || random.gen());
    let mut beats: Vec<(u64, bool, u8)> = bytes
        .chunks_exact(8)
        .map(|beat| {
            (
                u64::from_le_bytes(beat.try_into().expect("8 bytes")),
                false,
                random.gen::<u8>() & 63,
            )
        })
        .collect();
    beats.truncate(chain.fault.map_or(usize::MAX, |(beat, _)| beat + 1));
    let last = beats.last_mut().expect("a chain has at least two beats");
    *last = (last.0, true, 0);
    if let Some((_, code)) = chain.fault {
        *last = (random.gen(), true, code);
    }
    beats
}
