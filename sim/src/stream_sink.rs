//! Takes the frames of the core's AXI4-Stream.

use crate::pattern::{Pattern, Rng};
use crate::verilated::{Direction, Dut, Owner, Pin};

/// One beat of 8 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamBeat {
    /// Byte 0 in bits 7:0.
    pub data: u64,
    /// Which bytes count.
    pub keep: u8,
    /// Last beat of the frame.
    pub last: bool,
}

/// Handles of the ports `m_axis_*`.
pub struct StreamPorts {
    owner: Owner,
    valid: Pin<u8>,
    ready: Pin<u8>,
    data: Pin<u64>,
    keep: Pin<u8>,
    last: Pin<u8>,
}

impl StreamPorts {
    /// Finds the ports that begin with `prefix` (`m_axis_`).
    pub fn bind(dut: &Dut, prefix: &str) -> anyhow::Result<Self> {
        let out = |name: &str| Pin::bind(dut, &format!("{prefix}{name}"), Direction::Output);
        Ok(Self {
            owner: Owner::of(dut),
            valid: out("tvalid")?,
            ready: Pin::bind(dut, &format!("{prefix}tready"), Direction::Input)?,
            data: Pin::bind(dut, &format!("{prefix}tdata"), Direction::Output)?,
            keep: out("tkeep")?,
            last: out("tlast")?,
        })
    }

    /// The beat that is offered now.
    #[inline]
    pub fn sample(&self, dut: &mut Dut) -> Option<StreamBeat> {
        let pins = self.owner.pins(dut);
        // Safety: all pins were bound on the owner's model.
        unsafe {
            (pins.get(self.valid) != 0).then(|| StreamBeat {
                data: pins.get(self.data),
                keep: pins.get(self.keep),
                last: pins.get(self.last) != 0,
            })
        }
    }

    /// Sets `tready` for the next edge.
    #[inline]
    pub fn drive(&self, dut: &mut Dut, ready: bool) {
        // Safety: as in `sample`.
        unsafe { self.owner.pins(dut).set(self.ready, u8::from(ready)) }
    }
}

/// A frame as it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// From the first byte of the destination address on; no check sequence.
    pub bytes: &'a [u8],
    /// Clock of the first beat.
    pub first_clock: u64,
    /// Clock of the last beat.
    pub last_clock: u64,
}

struct Span {
    end: usize,
    first_clock: u64,
    last_clock: u64,
}

/// Takes frames as its pattern allows and keeps them until they are cleared.
pub struct StreamSink {
    /// On which clocks a beat is taken; may be changed between clocks.
    pub pattern: Pattern,
    rng: Rng,
    // frames end to end, so that a frame costs no allocation
    bytes: Vec<u8>,
    spans: Vec<Span>,
    // clock of the first beat of the frame that is under way
    open_since: Option<u64>,
    frames: u64,
    beats: u64,
    stalled: u64,
    first_beat: Option<u64>,
    last_beat: u64,
}

impl StreamSink {
    /// An empty sink.
    pub fn new(pattern: Pattern, seed: u64) -> Self {
        Self {
            pattern,
            rng: Rng::new(seed),
            bytes: Vec::with_capacity(1 << 20),
            spans: Vec::with_capacity(1024),
            open_since: None,
            frames: 0,
            beats: 0,
            stalled: 0,
            first_beat: None,
            last_beat: 0,
        }
    }

    /// `tready` for the coming edge; a beat that it transfers is taken.
    #[inline]
    pub fn step(&mut self, clock: u64, beat: Option<StreamBeat>) -> bool {
        let ready = self.pattern.goes(clock, &mut self.rng);
        if let Some(beat) = beat {
            match ready {
                true => self.take(clock, beat),
                false => self.stalled += 1,
            }
        }
        ready
    }

    #[inline]
    fn take(&mut self, clock: u64, beat: StreamBeat) {
        self.beats += 1;
        self.last_beat = clock;
        let first_clock = match self.open_since {
            Some(first_clock) => first_clock,
            None => {
                self.first_beat.get_or_insert(clock);
                *self.open_since.insert(clock)
            }
        };
        // the bytes up to the first that does not count; the checker looks at the rest
        self.bytes
            .extend_from_slice(&beat.data.to_le_bytes()[..beat.keep.trailing_ones() as usize]);
        if beat.last {
            self.open_since = None;
            self.frames += 1;
            self.spans.push(Span {
                end: self.bytes.len(),
                first_clock,
                last_clock: clock,
            });
        }
    }

    /// Whole frames that are kept, oldest first.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = Frame<'_>> {
        self.spans.iter().enumerate().map(|(at, span)| Frame {
            bytes: &self.bytes[at.checked_sub(1).map_or(0, |at| self.spans[at].end)..span.end],
            first_clock: span.first_clock,
            last_clock: span.last_clock,
        })
    }

    /// Whole frames that are kept.
    pub fn kept(&self) -> usize {
        self.spans.len()
    }

    /// Copies of the whole frames, which are then forgotten.
    pub fn take_frames(&mut self) -> Vec<Vec<u8>> {
        let frames = self.frames().map(|frame| frame.bytes.to_vec()).collect();
        self.forget_frames();
        frames
    }

    /// Forgets whole frames; counters and a frame that is under way stay.
    pub fn forget_frames(&mut self) {
        let whole = self.spans.last().map_or(0, |span| span.end);
        self.bytes.drain(..whole);
        self.spans.clear();
    }

    /// A frame has begun and not ended.
    pub fn inside_frame(&self) -> bool {
        self.open_since.is_some()
    }

    /// Frames so far.
    pub fn frame_count(&self) -> u64 {
        self.frames
    }

    /// Beats so far.
    pub fn beats(&self) -> u64 {
        self.beats
    }

    /// Clocks on which a beat was offered and not taken.
    pub fn stalled(&self) -> u64 {
        self.stalled
    }

    /// Clock of the first beat.
    pub fn first_beat(&self) -> Option<u64> {
        self.first_beat
    }

    /// Output beats by the clocks from the first to the last of them; 0 when there was none.
    pub fn beats_per_clock(&self) -> f64 {
        match self.first_beat {
            Some(first) => self.beats as f64 / (self.last_beat - first + 1) as f64,
            None => 0.0,
        }
    }

    /// Sets the counters to 0, to measure from here on.
    pub fn reset_counters(&mut self) {
        (self.frames, self.beats, self.stalled, self.first_beat) = (0, 0, 0, None);
    }

    /// Forgets all, as a reset of the whole system does.
    pub fn reset(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        self.open_since = None;
        self.reset_counters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_end_to_end_with_their_clocks() {
        let mut sink = StreamSink::new(Pattern::EveryNth(2), 1);
        let beats = [
            (0x0807_0605_0403_0201, 0xFF, false),
            (0x000B_0A09, 0x07, true),
            (0x0C, 1, true),
        ];
        let mut clock = 10;
        for (data, keep, last) in beats {
            let beat = Some(StreamBeat { data, keep, last });
            while !sink.step(clock, beat) {
                clock += 1;
            }
            clock += 1;
        }
        let frames: Vec<_> = sink.frames().collect();
        assert_eq!(frames[0].bytes, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!((frames[0].first_clock, frames[0].last_clock), (10, 12));
        assert_eq!((frames[1].bytes, frames[1].first_clock), (&[12][..], 14));
        assert_eq!((sink.beats(), sink.stalled(), sink.frame_count()), (3, 2, 2));
        assert_eq!(sink.beats_per_clock(), 3.0 / 5.0);
        assert_eq!(sink.take_frames().len(), 2);
        assert_eq!(sink.kept(), 0);
        assert!(!sink.inside_frame());
    }
}
