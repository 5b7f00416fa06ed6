//! Super-frames of 64 KiB out of the board's block RAM keep the gigabit line full: what leaves has a frame's length of
//! 1518 bytes and a gap of 12 byte times, and little else.

use super::whole::{boards, check, device, GAP_BYTES};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::memory::MemoryMut;
use segwalk_model::page_table::{AddressSpace, Context, Mode, Permissions};
use segwalk_model::segment::{IpVersion, SegmentSettings};
use segwalk_model::virtqueue::Binding;
use segwalk_sim::device::Device;
use segwalk_sim::driver::queue::{Buffer, Queue, Rings};
use segwalk_sim::driver::{self, FEATURES};
use segwalk_sim::host::Region;
use segwalk_sim::send::stream;

const PAGE_BYTES: u64 = 4096;
/// Pages of payload, which the process maps again and again.
const PAYLOAD_PAGES: u64 = 6;
/// Whole segments that a super-frame of 64 KiB holds.
const SEGMENTS: usize = 45;
const MSS: u16 = 1448;
const SUPER_FRAMES: usize = 4;
const PREAMBLE_BYTES: u64 = 8;
const VIRT_ADDR: u64 = 0x1234_5000;
const RINGS: u64 = 0;
const HEADERS: u64 = 1;

#[test]
fn super_frames_of_64_kib_keep_a_gigabit_line_full() {
    for (board, model) in boards() {
        let mut device = device(board, &model);
        driver::negotiate(&mut device, FEATURES).unwrap();
        // Pages 0 and 1 are for rings and headers; then come the tables, and payload from the end.
        let pages = u64::from(board.memory_bytes) / PAGE_BYTES;
        let mut free = 2..pages - PAYLOAD_PAGES;
        let mut take = || free.next().expect("the tables fit");
        device.clear_page(RINGS).unwrap();
        let mut space = AddressSpace::new(Mode::Sv39, device.memory_mut(), &mut take).unwrap();
        let bytes = SEGMENTS * usize::from(MSS);
        for page in 0..(bytes as u64).div_ceil(PAGE_BYTES) {
            let at = (pages - PAYLOAD_PAGES + page % PAYLOAD_PAGES) * PAGE_BYTES;
            let virt_addr = VIRT_ADDR + page * PAGE_BYTES;
            space
                .map(device.memory_mut(), &mut take, virt_addr, at, 0, Permissions::USER_READ)
                .unwrap();
        }
        let held: Vec<u8> = (0..PAYLOAD_PAGES * PAGE_BYTES)
            .map(|at| (at * 167 + at / 256 * 13) as u8)
            .collect();
        device
            .memory_mut()
            .write((pages - PAYLOAD_PAGES) * PAGE_BYTES, &held)
            .unwrap();
        let payload: Vec<u8> = held.iter().copied().cycle().take(bytes).collect();
        driver::set_context(&mut device, 1, &Context::new(Mode::Bare, 0)).unwrap();
        driver::set_context(&mut device, 2, &space.context()).unwrap();
        let [descriptors, avail, used] = Rings::bytes(16);
        let region = |offset: u64, bytes: usize| Region {
            virt_addr: RINGS * PAGE_BYTES + offset,
            bytes,
            phys_pages: vec![RINGS],
        };
        let rings = Rings {
            descriptors: region(0, descriptors),
            avail: region(1024, avail),
            used: region(2048, used),
            indirect: None,
        };
        device.watch(2048..2048 + used as u32);
        let binding = Binding {
            ring_context: 1,
            default_context: 2,
            names_allowed: true,
            mask: 0b110,
            ..Binding::default()
        };
        let mut queue = Queue::start(&mut device, 0, 16, &binding, rings, None).unwrap();
        driver::driver_ok(&mut device).unwrap();
        let mut headers = stream::headers(IpVersion::V4, &mut ChaCha8Rng::seed_from_u64(1));
        let mut expected = Vec::new();
        for ix in 0..SUPER_FRAMES {
            let frame = stream::super_frame(&mut headers, &payload, MSS, ix + 1 == SUPER_FRAMES);
            expected.extend(frame.expected(&SegmentSettings::default()).unwrap());
            let header = frame.header_bytes();
            let at = HEADERS * PAGE_BYTES + ix as u64 * 256;
            device.memory_mut().write(at, &header).unwrap();
            let chain = [
                Buffer {
                    context: 1,
                    virt_addr: at,
                    bytes: header.len() as u32,
                },
                Buffer {
                    context: 2,
                    virt_addr: VIRT_ADDR,
                    bytes: bytes as u32,
                },
            ];
            queue.post(&mut device, &chain).unwrap();
        }
        queue.notify(&mut device).unwrap();
        let mut back = 0;
        while back < SUPER_FRAMES {
            device.run_until(&mut |memory| queue.has_used(memory)).unwrap();
            back += queue.reap(&mut device).unwrap().len();
        }
        // the last frames may still be on their way
        device.run(40_000).unwrap();
        check(&device, &expected);
        let frames = &device.client.serial.frames;
        assert!(frames.iter().all(|frame| frame.bytes.len() == 1518));
        let close = frames[1..].iter().filter(|frame| frame.gap == GAP_BYTES).count();
        let gaps: u64 = frames[1..].iter().map(|frame| frame.gap - GAP_BYTES).sum();
        let full = frames.len() as u64 * (PREAMBLE_BYTES + 1518 + GAP_BYTES);
        let share = full as f64 / (full + gaps) as f64;
        println!(
            "{}: {share:.4} of the line, {close} of {} gaps are {GAP_BYTES} byte times",
            board.name,
            frames.len() - 1
        );
        assert!(share >= 0.99, "{}: {share:.4} of the line", board.name);
    }
}
