//! The example of `docs/programming.md` runs on the emitted core, and the page says what the model says.

mod first_frame;

use anyhow::{Error, Result};
use segwalk_driver::{Areas, Bus, IndirectArea, Memory, Platform};
use segwalk_model::docs;
use segwalk_model::memory::{Memory as _, MemoryMut};
use segwalk_model::page_table::{Mode, Permissions};
use segwalk_model::segment::SegmentSettings;
use segwalk_sim::core_bench::{BenchConfig, CoreBench};
use segwalk_sim::device::Device;
use segwalk_sim::driver::FEATURES;
use segwalk_sim::process::PageLayout;
use segwalk_sim::session::{Session, KERNEL};
use segwalk_tests::device;
use segwalk_tests::rig::{check, super_frame};

/// The core's registers, and memory by physical address as a kernel sees it.
struct Board(CoreBench);

impl Platform for Board {
    type Error = Error;
}

impl Bus for Board {
    fn read_offset(&mut self, offset: u16) -> Result<u32> {
        self.0.read_offset(offset)
    }

    fn write_offset(&mut self, offset: u16, value: u32) -> Result<()> {
        self.0.write_offset(offset, value)
    }

    fn relax(&mut self) -> Result<()> {
        self.0.run(20)
    }
}

impl Memory for Board {
    fn read_u16(&mut self, addr: u64) -> Result<u16> {
        let word = self.0.memory().read_u32(addr & !3)?;
        Ok((word >> (8 * (addr & 2))) as u16)
    }

    fn read_u32(&mut self, addr: u64) -> Result<u32> {
        Ok(self.0.memory().read_u32(addr)?)
    }

    fn write_u16(&mut self, addr: u64, value: u16) -> Result<()> {
        Ok(self.0.memory_mut().write(addr, &value.to_le_bytes())?)
    }

    fn write_u32(&mut self, addr: u64, value: u32) -> Result<()> {
        Ok(self.0.memory_mut().write(addr, &value.to_le_bytes())?)
    }

    fn write_u64(&mut self, addr: u64, value: u64) -> Result<()> {
        Ok(self.0.memory_mut().write(addr, &value.to_le_bytes())?)
    }

    fn barrier(&mut self) {}
}

#[test]
fn the_example_sends_its_frame_in_spite_of_a_page_fault() {
    let frame = super_frame(20_000);
    let mut session = Session::new(device(BenchConfig::default()).unwrap(), 3, FEATURES).unwrap();
    let user = session.add_process(Mode::Sv39, PageLayout::Scattered).unwrap();
    let header = session.allocate_with(KERNEL, &frame.header_bytes()).unwrap();
    let payload = session.allocate_with(user, &frame.payload).unwrap();
    let pages = session.pages.run(session.device.memory_mut(), 8, 1) << 12;
    let areas = Areas {
        descriptors: pages,
        avail: pages + 0x1000,
        used: pages + 0x2000,
        indirect: Some(IndirectArea {
            addr: pages + 0x3000,
            entries: 8,
        }),
    };
    let root_table = session.process(user).context().root_page << 12;
    // The third page of the payload is not there when the engine comes to it.
    let gone = (payload.virt_addr & !0xFFF) + 2 * 4096;
    let phys_addr = payload.phys_pages[2] << 12;
    let mut space = session.process(user).space().clone();
    space.unmap(session.device.memory_mut(), gone).unwrap();
    let spare = session.pages.run(session.device.memory_mut(), 4, 1);

    let mut faults = Vec::new();
    let mut board = Board(session.device);
    let page_in = |board: &mut Board, virt_addr: u64| {
        faults.push(virt_addr);
        let mut tables = spare..spare + 4;
        let mut tables = || tables.next().expect("a mapping needs no more than four tables");
        let page = space.map(
            board.0.memory_mut(),
            &mut tables,
            virt_addr,
            phys_addr,
            0,
            Permissions::USER_READ,
        );
        page.is_ok()
    };
    first_frame::first_frame(
        &mut board,
        areas,
        root_table,
        (header.virt_addr, header.bytes as u32),
        (payload.virt_addr, payload.bytes as u32),
        page_in,
    )
    .unwrap();
    assert_eq!(faults, [gone]);
    let expected = frame.expected(&SegmentSettings::default()).unwrap();
    check(expected, &board.0.take_frames());
}

/// How the page is written anew.
const WRITE: &str = "SEGWALK_WRITE_DOCS=1 cargo test -p segwalk-tests --test programming";

/// The page with every generated part as it must be: what stands between `<!-- WHAT -->` and `<!-- end -->`.
fn regenerate(page: &str) -> String {
    let mut lines = page.lines();
    let mut out = String::new();
    while let Some(line) = lines.next() {
        out += &format!("{line}\n");
        let Some(what) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) else {
            continue;
        };
        let (kind, names) = what.split_once(": ").unwrap_or((what, ""));
        let names: Vec<&str> = names.split_whitespace().collect();
        let text = match kind {
            "registers" => docs::table_of(&names),
            "refusals" => docs::refusal_table(),
            "causes" => docs::fault_cause_table(),
            "example" => format!("```rust\n{}```\n", include_str!("first_frame.rs")),
            other => panic!("docs/programming.md has a part {other:?} that nothing makes"),
        };
        out += &text;
        out += "<!-- end -->\n";
        lines.by_ref().find(|line| *line == "<!-- end -->");
    }
    out
}

#[test]
fn the_page_holds_the_example_and_the_registers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/programming.md");
    let page = std::fs::read_to_string(path).expect("docs/programming.md is there");
    let expected = regenerate(&page);
    if std::env::var_os("SEGWALK_WRITE_DOCS").is_some() {
        std::fs::write(path, &expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "docs/programming.md is out of date; write it anew with\n{WRITE}"
    );
}
