//! One queue, a kernel context and a process: sends good frames, and bad ones between them.

use anyhow::Result;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::page_table::Mode;
use segwalk_model::refusal::{Class, FaultCause, Refusal};
use segwalk_model::registers as reg;
use segwalk_model::segment::SegmentSettings;
use segwalk_model::virtqueue::{Binding, Descriptor};
use segwalk_sim::device::{Counters, Device, EmittedFrame};
use segwalk_sim::driver::queue::Buffer;
use segwalk_sim::driver::{self, POLL_CLOCKS};
use segwalk_sim::headers::{flag, Headers, Ipv4, Ipv6, Network, Seed, Transport};
use segwalk_sim::host::Region;
use segwalk_sim::process::PageLayout;
use segwalk_sim::scoreboard::Scoreboard;
use segwalk_sim::session::{buffer, Session, KERNEL};
use segwalk_sim::super_frame::SuperFrame;

/// Clocks within which a ring error must be seen in the status register.
const RING_ERROR_CLOCKS: u64 = 20_000;
/// Clocks in which a frame too many would show itself.
const SETTLE_CLOCKS: u64 = 1000;
/// A session with one user process.
pub struct Rig<D> {
    /// The session.
    pub session: Session<D>,
    /// Context of the process.
    pub user: u8,
    /// Context of a second process, whose page tables are there to be broken.
    pub victim: u8,
}

/// IPv4 or IPv6 headers with TCP and nothing out of the ordinary.
pub fn headers(ipv6: bool) -> Headers {
    let network = if ipv6 {
        Network::V6(Ipv6 {
            source: [0xFD; 16],
            destination: [0xFE; 16],
            traffic_class: 0,
            flow_label: 0,
            hop_limit: 64,
            extensions: vec![],
        })
    } else {
        Network::V4(Ipv4 {
            source: [10, 0, 0, 1],
            destination: [10, 0, 0, 2],
            tos: 0,
            id: 100,
            dont_fragment: true,
            ttl: 64,
            options: vec![],
        })
    };
    Headers {
        source_mac: [2, 0, 0, 0, 0, 1],
        destination_mac: [2, 0, 0, 0, 0, 2],
        tags: vec![],
        network,
        transport: Transport::Tcp {
            ports: (4000, 80),
            seq: 1000,
            ack: 2000,
            flags: flag::ACK | flag::PSH,
            window: 500,
            urgent: 0,
            options: vec![],
        },
    }
}

/// A super-frame over IPv4 with `bytes` bytes of payload and an MSS of 1000.
pub fn super_frame(bytes: usize) -> SuperFrame {
    SuperFrame::segmented(&headers(false), payload(bytes), 1000, Seed::WithLength)
}

/// Payload that differs everywhere.
pub fn payload(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at * 167 + at / 256 * 13) as u8).collect()
}

/// The descriptor of a buffer.
pub fn descriptor(buffer: Buffer) -> Descriptor {
    Descriptor {
        virt_addr: buffer.virt_addr,
        bytes: buffer.bytes,
        flags: u16::from(buffer.context) << 12,
        next: 0,
    }
}

impl<D: Device> Rig<D> {
    /// Two processes in `mode`; queues 0 and 1 with 64 descriptors, rings in the kernel's memory.
    pub fn new(device: D, mode: Mode) -> Result<Self> {
        Self::with_rings(device, mode, driver::FEATURES, false, |_| KERNEL)
    }

    /// The same with these features, and with queues that park at a translation fault.
    pub fn with_features(device: D, mode: Mode, features: u64, recoverable: bool) -> Result<Self> {
        Self::with_rings(device, mode, features, recoverable, |_| KERNEL)
    }

    /// The same with the rings of queue 0 in the victim's memory.
    pub fn with_virtual_rings(device: D, mode: Mode) -> Result<Self> {
        Self::with_rings(device, mode, driver::FEATURES, false, |rig| rig.victim)
    }

    fn with_rings(
        device: D,
        mode: Mode,
        features: u64,
        recoverable: bool,
        ring_context: impl Fn(&Self) -> u8,
    ) -> Result<Self> {
        let mut session = Session::new(device, 77, features)?;
        session.shuffle_descriptors = true;
        let user = session.add_process(mode, PageLayout::Scattered)?;
        let victim = session.add_process(mode, PageLayout::Scattered)?;
        let mut rig = Rig { session, user, victim };
        let bindings = [rig.binding(ring_context(&rig)), rig.binding(KERNEL)];
        for (number, binding) in bindings.into_iter().enumerate() {
            let binding = Binding { recoverable, ..binding };
            rig.session.add_queue(number as u32, 64, &binding)?;
        }
        rig.session.start()?;
        Ok(rig)
    }

    /// A binding with the rings in `ring_context`; kernel and processes may be named.
    fn binding(&self, ring_context: u8) -> Binding {
        Binding {
            ring_context,
            default_context: self.user,
            names_allowed: true,
            mask: 1 << KERNEL | 1 << self.user | 1 << self.victim,
            seed_without_length: false,
            recoverable: false,
        }
    }

    /// Header in the kernel's memory, payload in the process's.
    pub fn place(&mut self, frame: &SuperFrame) -> Result<Vec<Descriptor>> {
        let (chain, _) = self.place_in(self.user, frame)?;
        Ok(chain)
    }

    /// Header in the kernel's memory, payload in `context`; the chain, and where header and payload lie.
    pub fn place_in(&mut self, context: u8, frame: &SuperFrame) -> Result<(Vec<Descriptor>, [Region; 2])> {
        let header = self.session.allocate_with(KERNEL, &frame.header_bytes())?;
        let payload = self.session.allocate_with(context, &frame.payload)?;
        let chain = vec![
            descriptor(buffer(KERNEL, &header)),
            descriptor(buffer(context, &payload)),
        ];
        Ok((chain, [header, payload]))
    }

    /// Posts to queue 0 without ringing.
    pub fn post(&mut self, chain: &[Descriptor]) -> Result<u16> {
        let Session { device, queues, .. } = &mut self.session;
        queues[0].post_raw(device, chain)
    }

    /// Sends one super-frame on `queue` and checks its frames.
    pub fn send_good(&mut self, queue: usize, bytes: usize) -> Result<()> {
        let frame = super_frame(bytes);
        let chain = self.place(&frame)?;
        let Session { device, queues, .. } = &mut self.session;
        let head = queues[queue].post_raw(device, &chain)?;
        self.session.notify(queue)?;
        let used = self.session.wait(queue)?;
        assert_eq!(used.iter().map(|used| used.head).collect::<Vec<_>>(), [head]);
        let emitted = self.session.take_frames();
        check(
            frame.expected(&SegmentSettings::default()).expect("the frame is good"),
            &emitted,
        );
        self.acknowledge("used_buffer")
    }

    /// Waits for the cause of an interrupt and acknowledges it.
    fn acknowledge(&mut self, cause: &str) -> Result<()> {
        let device = &mut self.session.device;
        let field = reg::INTERRUPT_STATUS.field(cause);
        device.run(SETTLE_CLOCKS)?;
        assert_eq!(
            field.get(device.read(reg::INTERRUPT_STATUS)?),
            1,
            "an interrupt, cause {cause}"
        );
        device.write(reg::INTERRUPT_ACK, field.mask())?;
        assert_eq!(
            field.get(device.read(reg::INTERRUPT_STATUS)?),
            0,
            "{cause} is acknowledged"
        );
        Ok(())
    }

    /// Sends a good frame, `chain`, and two good frames, announced together. `chain` must be refused with `refusal`,
    /// its head must come back in its turn, and what leaves of it must be the first of `would_be`, its frames if it
    /// were good.
    pub fn refuse(&mut self, chain: &[Descriptor], refusal: Refusal, would_be: &[Vec<u8>]) -> Result<()> {
        assert_eq!(refusal.class(), Class::Packet);
        let before = Counters::read(&mut self.session.device)?;
        let refused_before = self.session.device.refusals(refusal.code())?;
        self.clear_records()?;
        let good = [super_frame(2500), super_frame(1), super_frame(5000)];
        let mut heads = Vec::new();
        let mut bad_head = 0;
        for (at, frame) in good.iter().enumerate() {
            let placed = self.place(frame)?;
            heads.push(self.post(&placed)?);
            if at == 0 {
                bad_head = self.post(chain)?;
                heads.push(bad_head);
            }
        }
        self.session.notify(0)?;
        let used = self.session.wait_all()?;
        assert_eq!(
            used[0].iter().map(|used| used.head).collect::<Vec<_>>(),
            heads,
            "heads come back once, in order"
        );
        self.session.device.run(SETTLE_CLOCKS)?;
        let emitted = self.session.take_frames();
        let frames = |at: usize| {
            good[at]
                .expected(&SegmentSettings::default())
                .expect("the frame is good")
        };
        let (first, rest) = (frames(0), [frames(1), frames(2)].concat());
        let extra = emitted
            .len()
            .checked_sub(first.len() + rest.len())
            .expect("a good frame is missing");
        assert!(
            extra <= would_be.len(),
            "{extra} frames left a refused chain that holds {}",
            would_be.len()
        );
        check([&first[..], &would_be[..extra], &rest].concat(), &emitted);

        let counters = Counters::read(&mut self.session.device)?.since(&before);
        assert_eq!((counters.chains, counters.refused), (4, 1), "{refusal:?}");
        assert_eq!(counters.frames as usize, emitted.len());
        assert_eq!(
            self.session.device.refusals(refusal.code())?,
            refused_before + 1,
            "counter of {refusal:?}"
        );
        self.check_error_record(refusal, bad_head)?;
        assert!(
            !driver::needs_reset(&mut self.session.device)?,
            "a packet error is not a ring error"
        );
        self.send_good(0, 3000)
    }

    /// Whether FAULT_INFO and its neighbours say this.
    pub fn check_fault_record(&mut self, context: u8, cause: FaultCause, virt_addr: u64) -> Result<()> {
        let device = &mut self.session.device;
        let info = device.read(reg::FAULT_INFO)?;
        let field = |name| reg::FAULT_INFO.field(name).get(info);
        assert_eq!((field("valid"), field("queue")), (1, 0));
        assert_eq!(
            (field("context"), field("cause")),
            (context.into(), cause.code().into()),
            "{cause:?}"
        );
        let addr = u64::from(device.read(reg::FAULT_ADDR_HIGH)?) << 32 | u64::from(device.read(reg::FAULT_ADDR_LOW)?);
        assert_eq!(addr, virt_addr & !0xFFF, "page of the fault");
        assert_eq!(device.read(reg::FAULT_HEAD)?, device.read(reg::ERROR_HEAD)?);
        Ok(())
    }

    fn check_error_record(&mut self, refusal: Refusal, head: u16) -> Result<()> {
        let device = &mut self.session.device;
        let info = device.read(reg::ERROR_INFO)?;
        let field = |name| reg::ERROR_INFO.field(name).get(info);
        assert_eq!((field("valid"), field("queue")), (1, 0));
        assert_eq!(Refusal::from_code(field("code") as u8), Some(refusal));
        assert_eq!(device.read(reg::ERROR_HEAD)?, u32::from(head));
        Ok(())
    }

    /// Makes room for the next error and fault record.
    pub fn clear_records(&mut self) -> Result<()> {
        for register in [reg::ERROR_INFO, reg::FAULT_INFO] {
            self.session.device.write(register, 0)?;
            assert_eq!(
                self.session.device.read(register)?,
                0,
                "{} is cleared by a write",
                register.name
            );
        }
        Ok(())
    }

    /// Waits until queue 0 has stopped with this ring error and checks all that tells of it.
    pub fn expect_stopped(&mut self, refusal: Refusal) -> Result<()> {
        assert_eq!(refusal.class(), Class::Ring);
        let end = self.session.device.clock() + RING_ERROR_CLOCKS;
        while !driver::needs_reset(&mut self.session.device)? {
            assert!(
                self.session.device.clock() < end,
                "the device does not ask for a reset after {refusal:?}"
            );
            self.session.device.run(POLL_CLOCKS)?;
        }
        self.session.device.run(SETTLE_CLOCKS)?;
        assert_eq!(self.session.device.read(reg::QUEUES_STOPPED)?, 1);
        assert_eq!(
            self.session.device.refusals(refusal.code())?,
            1,
            "counter of {refusal:?}"
        );
        self.acknowledge("config_change")?;
        self.check_error_record(refusal, 0)
    }

    /// Resets the device and checks that a new driver can use it.
    pub fn works_after_reset(self, mode: Mode) -> Result<()> {
        let mut rig = Rig::new(self.session.device, mode)?;
        rig.session.take_frames();
        assert_eq!(rig.session.device.read(reg::QUEUES_STOPPED)?, 0);
        rig.send_good(0, 3000)
    }
}

/// Fails with the first difference.
pub fn check(expected: Vec<Vec<u8>>, emitted: &[EmittedFrame]) {
    let mut board = Scoreboard::new();
    board.expect(expected);
    emitted.iter().for_each(|frame| board.check(&frame.bytes));
    if board.finish() > 0 {
        panic!("{}", board.first_difference().unwrap_or_default());
    }
}

/// A generator that the seed of the test gives.
pub fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}
