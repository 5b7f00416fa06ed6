//! Sends a file out of a board's memory: rings, page tables, header templates and payload are laid out in the few pages
//! that the board has, and the payload's pages are mapped in reverse, so that nothing works by luck.

use super::client::Serial;
use super::device::BoardDevice;
use crate::device::{Counters, Device};
use crate::driver;
use crate::driver::queue::{Buffer, Queue, Rings};
use crate::headers::{Headers, Network};
use crate::host::Region;
use crate::send::stream;
use crate::super_frame::SuperFrame;
use anyhow::{ensure, Result};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::board_registers::BOARD_FRAMES;
use segwalk_model::memory::MemoryMut;
use segwalk_model::page_table::{AddressSpace, Context, Mode, Permissions};
use segwalk_model::segment::{IpVersion, SegmentSettings};
use segwalk_model::virtqueue::Binding;
use serde::Serialize;

const PAGE_BYTES: u64 = 4096;
/// Descriptors of the queue.
const QUEUE_SIZE: u32 = 16;
/// Bytes that a header template may take.
const HEADER_SLOT_BYTES: u64 = 256;
/// Super-frames on their way at a time.
const SLOTS: usize = 2;
/// Context of the headers, by physical address.
const PHYSICAL: u8 = 1;
/// Context of the payload.
const PROCESS: u8 = 2;
/// Where the payload is in the process.
const PAYLOAD_VIRT_ADDR: u64 = 0x1234_5000;
/// Largest IP packet.
const IP_BYTES_MAX: usize = 65_535;

/// What to send and how.
#[derive(Clone, Debug)]
pub struct BoardSendOptions {
    /// Payload bytes of a segment.
    pub mss: u16,
    /// Network layer.
    pub ip: IpVersion,
    /// Page tables.
    pub mode: Mode,
    /// Destination address; `None` leaves the documentation's.
    pub destination: Option<std::net::IpAddr>,
    /// Source address.
    pub source: Option<std::net::IpAddr>,
    /// Destination MAC address.
    pub destination_mac: Option<[u8; 6]>,
    /// Source MAC address.
    pub source_mac: Option<[u8; 6]>,
    /// Numbers of the headers follow from it.
    pub seed: u64,
}

impl Default for BoardSendOptions {
    fn default() -> Self {
        Self {
            mss: 1448,
            ip: IpVersion::V4,
            mode: Mode::Sv39,
            destination: None,
            source: None,
            destination_mac: None,
            source_mac: None,
            seed: 1,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct BoardSendReport {
    /// Super-frames posted.
    pub super_frames: u64,
    /// Frames that the engine counted.
    pub segments: u64,
    /// Bytes that the engine counted.
    pub wire_bytes: u64,
    /// Translations answered by the TLB.
    pub tlb_hits: u32,
    /// Page-table walks.
    pub walks: u32,
    /// Translation faults.
    pub faults: u32,
    /// Super-frames refused.
    pub refused: u32,
    /// Frames that the board's transmitter dropped: they are longer than its queue.
    pub dropped: u32,
    /// Bytes of the file.
    pub payload_bytes: u64,
    /// Requests over the bridge that had to be repeated.
    pub repeated_requests: u64,
    /// Every super-frame came back, nothing was refused or dropped, and the counters are those expected.
    pub good: bool,
}

/// Hands out the board's pages, one after the other. Whoever takes too many meets a bus error at the first write.
struct Pages {
    next: u64,
    count: u64,
}

impl Pages {
    fn take(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }
}

fn headers(options: &BoardSendOptions) -> Result<Headers> {
    let mut headers = stream::headers(options.ip, &mut ChaCha8Rng::seed_from_u64(options.seed));
    if let Some(mac) = options.destination_mac {
        headers.destination_mac = mac;
    }
    if let Some(mac) = options.source_mac {
        headers.source_mac = mac;
    }
    for (address, is_source) in [(options.destination, false), (options.source, true)] {
        match (address, &mut headers.network) {
            (None, _) => {}
            (Some(std::net::IpAddr::V4(address)), Network::V4(ip)) => {
                *(if is_source { &mut ip.source } else { &mut ip.destination }) = address.octets();
            }
            (Some(std::net::IpAddr::V6(address)), Network::V6(ip)) => {
                *(if is_source { &mut ip.source } else { &mut ip.destination }) = address.octets();
            }
            (Some(address), _) => anyhow::bail!(
                "{address} is not an address of the network layer that was asked for; change the address or --ip"
            ),
        }
    }
    Ok(headers)
}

/// The frames that `file` becomes; what the wire must show, without padding and FCS.
pub fn expected_frames(file: &[u8], super_frame_bytes: usize, options: &BoardSendOptions) -> Result<Vec<Vec<u8>>> {
    let mut headers = headers(options)?;
    let mut frames = Vec::new();
    for (range, last) in super_frames(file.len(), super_frame_bytes) {
        let frame = stream::super_frame(&mut headers, &file[range], options.mss, last);
        frames.extend(modelled(&frame)?);
    }
    Ok(frames)
}

/// The frames that the model makes of it.
fn modelled(frame: &SuperFrame) -> Result<Vec<Vec<u8>>> {
    let frames = frame.expected(&SegmentSettings::default());
    frames.map_err(|refusal| anyhow::anyhow!("the model refuses: {}", refusal.sentence()))
}

fn super_frames(file_bytes: usize, most: usize) -> impl Iterator<Item = (std::ops::Range<usize>, bool)> {
    (0..file_bytes.div_ceil(most).max(1)).map(move |ix| {
        let range = ix * most..file_bytes.min((ix + 1) * most);
        let last = range.end == file_bytes;
        (range, last)
    })
}

/// Payload bytes of a super-frame on a board with `memory_bytes` bytes: whole segments, as many as the IP length and half
/// of the free pages allow.
pub fn super_frame_bytes(memory_bytes: usize, options: &BoardSendOptions) -> Result<usize> {
    let tables = options.mode.format().map_or(0, |format| format.levels) + 1;
    let pages = (memory_bytes / PAGE_BYTES as usize).saturating_sub(2 + tables) / SLOTS;
    let mss = usize::from(options.mss);
    ensure!(mss > 0, "the MSS is 0 but must be at least 1");
    let by_ip = IP_BYTES_MAX - 100;
    let bytes = (pages * PAGE_BYTES as usize).min(by_ip) / mss * mss;
    ensure!(
        bytes > 0,
        "a segment of {mss} bytes does not fit into the board's {memory_bytes} bytes of memory; take a smaller MSS"
    );
    Ok(bytes)
}

/// Sends `file`. `progress` is told the bytes that came back and all bytes.
pub fn send<S: Serial>(
    device: &mut BoardDevice<S>,
    file: &[u8],
    options: &BoardSendOptions,
    mut progress: impl FnMut(u64, u64),
) -> Result<BoardSendReport> {
    let memory_bytes = device.memory_bytes();
    let most = super_frame_bytes(memory_bytes, options)?;
    let mut headers = headers(options)?;
    driver::negotiate(device, driver::FEATURES)?;
    let mut pages = Pages {
        next: 0,
        count: memory_bytes as u64 / PAGE_BYTES,
    };
    let (rings_page, header_page) = (pages.take(), pages.take());
    device.clear_page(rings_page)?;
    // Page tables and payload
    let mut space = AddressSpace::new(options.mode, device.memory_mut(), &mut || pages.take())?;
    let slot_pages = most.div_ceil(PAGE_BYTES as usize) as u64;
    let mut first_pages = Vec::new();
    if options.mode.format().is_some() {
        // Tables come first: the payload's pages are what is left, last page first.
        let mut top = pages.count;
        for page in 0..slot_pages * SLOTS as u64 {
            top -= 1;
            let virt_addr = PAYLOAD_VIRT_ADDR + page * PAGE_BYTES;
            let map = (virt_addr, top * PAGE_BYTES, 0, Permissions::USER_READ);
            space.map(device.memory_mut(), &mut || pages.take(), map.0, map.1, map.2, map.3)?;
            first_pages.push(top);
        }
        ensure!(
            pages.next <= top,
            "the page tables and {} pages of payload do not fit the board's {memory_bytes} bytes of memory",
            slot_pages * SLOTS as u64
        );
    } else {
        first_pages.extend(pages.next..pages.next + slot_pages * SLOTS as u64);
    }
    let payload_virt = |byte: u64| match options.mode.format() {
        Some(_) => PAYLOAD_VIRT_ADDR + byte,
        None => first_pages[0] * PAGE_BYTES + byte,
    };
    driver::set_context(device, PHYSICAL, &Context::new(Mode::Bare, 0))?;
    driver::set_context(device, PROCESS, &space.context())?;
    // Queue
    let [descriptors, avail, used] = Rings::bytes(QUEUE_SIZE);
    let region = |offset: u64, bytes: usize| Region {
        virt_addr: rings_page * PAGE_BYTES + offset,
        bytes,
        phys_pages: vec![rings_page],
    };
    let rings = Rings {
        descriptors: region(0, descriptors),
        avail: region(1024, avail),
        used: region(2048, used),
        indirect: None,
    };
    let used_at = (rings_page * PAGE_BYTES + 2048) as u32;
    device.watch(used_at..used_at + used as u32);
    let binding = Binding {
        ring_context: PHYSICAL,
        default_context: PROCESS,
        names_allowed: true,
        mask: 1 << PHYSICAL | 1 << PROCESS,
        ..Binding::default()
    };
    let mut queue = Queue::start(device, 0, QUEUE_SIZE, &binding, rings, None)?;
    driver::driver_ok(device)?;
    let before = Counters::read(device)?;
    let dropped = |device: &mut BoardDevice<S>| -> Result<u32> {
        Ok(BOARD_FRAMES
            .field("dropped")
            .get(device.client.read_board(BOARD_FRAMES)?))
    };
    let dropped_before = dropped(device)?;
    let (mut done, mut posted, mut segments, mut wire_bytes) = (0u64, Vec::new(), 0, 0);
    let mut report_super_frames = 0;
    for (ix, (range, last)) in super_frames(file.len(), most).enumerate() {
        while posted.len() == SLOTS {
            done += reap(device, &mut queue, &mut posted)?;
            progress(done, file.len() as u64);
        }
        let slot = (ix % SLOTS) as u64;
        let frame = stream::super_frame(&mut headers, &file[range.clone()], options.mss, last);
        let frames = modelled(&frame)?;
        segments += frames.len() as u64;
        wire_bytes += frames.iter().map(|frame| frame.len() as u64).sum::<u64>();
        let header = frame.header_bytes();
        let header_addr = header_page * PAGE_BYTES + slot * HEADER_SLOT_BYTES;
        device.memory_mut().write(header_addr, &header)?;
        let first_byte = slot * slot_pages * PAGE_BYTES;
        for (page, part) in file[range.clone()].chunks(PAGE_BYTES as usize).enumerate() {
            let phys_page = first_pages[(slot * slot_pages) as usize + page];
            device.memory_mut().write(phys_page * PAGE_BYTES, part)?;
        }
        let mut chain = vec![Buffer {
            context: PHYSICAL,
            virt_addr: header_addr,
            bytes: header.len() as u32,
        }];
        if !range.is_empty() {
            chain.push(Buffer {
                context: PROCESS,
                virt_addr: payload_virt(first_byte),
                bytes: range.len() as u32,
            });
        }
        queue.post(device, &chain)?;
        queue.notify(device)?;
        posted.push(range.len() as u64);
        report_super_frames += 1;
    }
    while !posted.is_empty() {
        done += reap(device, &mut queue, &mut posted)?;
        progress(done, file.len() as u64);
    }
    let counters = Counters::read(device)?.since(&before);
    let dropped = dropped(device)?.wrapping_sub(dropped_before) & 0xFFFF;
    Ok(BoardSendReport {
        super_frames: report_super_frames,
        segments: counters.frames.into(),
        wire_bytes: counters.bytes,
        tlb_hits: counters.tlb_hits,
        walks: counters.walks,
        faults: counters.faults,
        refused: counters.refused,
        dropped,
        payload_bytes: file.len() as u64,
        repeated_requests: device.client.repeated,
        good: counters.refused == 0
            && dropped == 0
            && u64::from(counters.frames) == segments
            && counters.bytes == wire_bytes,
    })
}

/// Waits for super-frames that come back, oldest first, and gives their payload bytes.
fn reap<S: Serial>(device: &mut BoardDevice<S>, queue: &mut Queue, posted: &mut Vec<u64>) -> Result<u64> {
    device.run_until(&mut |memory| queue.has_used(memory))?;
    let back = queue.reap(device)?.len();
    ensure!(back <= posted.len(), "more chains came back than were posted");
    Ok(posted.drain(..back).sum())
}

/// A template must fit its slot, whatever the headers are.
const _: () = assert!(HEADER_SLOT_BYTES as usize * SLOTS <= PAGE_BYTES as usize);
