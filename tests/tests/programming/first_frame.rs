//! From reset to the first frame, with a page fault on the way.

use segwalk_driver::registers::{feature, mode};
use segwalk_driver::{
    abort, acknowledge_interrupts, driver_ok, invalidate, negotiate, parked, parked_queues, resume, set_context,
    set_polling, set_weight, AddressSpace, Areas, Binding, Buffer, Bus, Error, Memory, Queue, Scope, Slot, Wake,
};

/// Context of the kernel: physical addresses, for rings and headers.
const KERNEL: u8 = 1;
/// Context of the process that the payload belongs to.
const PROCESS: u8 = 2;
/// Descriptors of the queue.
const QUEUE_SIZE: u32 = 64;

const REQUIRED: u64 = feature::VERSION_1 | feature::ACCESS_PLATFORM | feature::CSUM | feature::HOST_TSO4;
const OPTIONAL: u64 = feature::RING_INDIRECT_DESC | feature::RING_EVENT_IDX | feature::RING_RESET;

/// Sends one super-frame: its virtio_net_hdr and headers lie in the kernel's memory, its payload in a process's. `page_in`
/// is asked for the pages that the process has not touched yet; it says whether it mapped the page.
pub fn first_frame<P: Bus + Memory>(
    platform: &mut P,
    areas: Areas,
    root_table: u64,
    header: (u64, u32),
    payload: (u64, u32),
    mut page_in: impl FnMut(&mut P, u64) -> bool,
) -> Result<(), Error<P::Error>> {
    // The device is found and reset, and features are agreed on.
    let features = negotiate(platform, REQUIRED, OPTIONAL)?;

    // Two address spaces, and a queue that may use both. Its rings are the kernel's. A buffer whose descriptor names no
    // context is the process's; one that names the kernel's is allowed because of the mask.
    set_context(platform, KERNEL, &AddressSpace::BARE)?;
    set_context(platform, PROCESS, &AddressSpace::user(mode::SV39, root_table))?;
    let binding = Binding {
        ring_context: KERNEL,
        default_context: PROCESS,
        names_allowed: true,
        mask: 1 << KERNEL,
        recoverable: true,
        ..Binding::default()
    };
    let mut slots = [Slot::default(); QUEUE_SIZE as usize];
    let mut queue = Queue::start(platform, 0, QUEUE_SIZE, features, areas, &binding, &mut slots)?;
    set_weight(platform, 0, 4)?;
    set_polling(platform, 10_000, 1 << 0)?;
    driver_ok(platform)?;

    // One chain. The engine cuts it into segments.
    queue.wake(platform, Wake::After(1))?;
    let chain = [
        Buffer {
            context: KERNEL,
            virt_addr: header.0,
            bytes: header.1,
        },
        Buffer {
            context: 0,
            virt_addr: payload.0,
            bytes: payload.1,
        },
    ];
    let head = queue.send(platform, &chain)?;
    queue.kick(platform)?;

    // What an interrupt handler does.
    loop {
        let causes = acknowledge_interrupts(platform)?;
        if causes.parked {
            serve_faults(platform, &mut page_in)?;
        }
        if let Some(used) = queue.reap(platform)? {
            assert_eq!(used.head, head);
            break;
        }
        platform.relax()?;
    }
    queue.stop(platform)?;
    Ok(())
}

/// Maps the pages that queues wait for, or gives their chains up.
fn serve_faults<P: Bus + Memory>(
    platform: &mut P,
    page_in: &mut impl FnMut(&mut P, u64) -> bool,
) -> Result<(), Error<P::Error>> {
    let waiting = parked_queues(platform)?;
    for number in (0..16).filter(|number| waiting >> number & 1 == 1) {
        let Some(fault) = parked(platform, number)? else {
            continue;
        };
        if fault.context == PROCESS && page_in(platform, fault.virt_addr) {
            invalidate(platform, Scope::Page(fault.context, fault.virt_addr))?;
            resume(platform, number)?;
        } else {
            abort(platform, number)?;
        }
    }
    Ok(())
}
