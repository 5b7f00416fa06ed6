//! The documentation's tables, made from the data, so that they cannot say anything else.

use crate::page_table::Mode;
use crate::refusal::{Class, FaultCause, Refusal};
use crate::registers::{self, Access, Field, Register};
use std::fmt::Write;

/// How `docs/registers.md` is written anew.
pub const REGENERATE: &str = "cargo run -q -p segwalk-model --example register_docs > docs/registers.md";

/// The page `docs/registers.md`.
pub fn registers_page() -> String {
    format!(
        "# Registers, refusal codes, fault causes\n\n\
         This page is generated from the data that the RTL, the model and the tests use. After a change there, write it\n\
         anew:\n\n\
         ```sh\n{REGENERATE}\n```\n\n\
         ## Registers\n\n\
         AXI4-Lite, 32-bit accesses, {} bytes. Below 0x200 lies virtio-mmio version 2 with device ID {} (virtio 1.2,\n\
         4.2.2), above it what is the engine's own. Transmit queue `k` is virtio queue `2k + 1`. Fields stand under their\n\
         register with their bits; bits without a field read 0 and are to be written as 0.\n\n\
         {}\n\
         ## Refusal codes\n\n\
         A *packet* refusal completes the chain with `len` 0 and counts; the queue goes on. A *ring* refusal stops the\n\
         queue and sets DEVICE_NEEDS_RESET. The counter of a code is the register in the last column. \"Rule\" numbers\n\
         are those of the segmentation rules.\n\n\
         {}\n\
         ## Fault causes\n\n\
         They stand in FAULT_INFO. A payload access that faults refuses its chain with the code in the last column; an\n\
         access to ring memory that faults is {} ({}).\n\n\
         {}",
        registers::BLOCK_BYTES,
        registers::DEVICE_ID,
        register_table(),
        refusal_table(),
        Refusal::RingFault.name(),
        Refusal::RingFault.code(),
        fault_cause_table(),
    )
}

/// Every register with its fields, and the refusal counters.
pub fn register_table() -> String {
    let mut table = String::from(
        "| Offset | Register or field | Bits | Access | After reset | Meaning |\n\
         |---|---|---|---|---|---|\n",
    );
    for register in registers::ALL {
        register_rows(&mut table, register);
    }
    let last = registers::REFUSALS_BASE + 4 * (registers::REFUSALS - 1);
    row(
        &mut table,
        [
            &format!("0x{:03X} to 0x{last:03X}", registers::REFUSALS_BASE),
            "`REFUSALS`",
            "31:0",
            access(Access::ReadOnly),
            "0",
            "Refusals by code, a counter each: code `c` at the first offset + 4 * `c`.",
        ],
    );
    table
}

/// These registers with their fields; a name that no register has is a programming error.
pub fn table_of(names: &[&str]) -> String {
    let mut table = String::from(
        "| Offset | Register or field | Bits | Access | After reset | Meaning |\n\
         |---|---|---|---|---|---|\n",
    );
    for name in names {
        let register = registers::ALL.iter().find(|register| register.name == *name);
        register_rows(
            &mut table,
            register.unwrap_or_else(|| panic!("there is no register {name}")),
        );
    }
    table
}

/// Every refusal code.
pub fn refusal_table() -> String {
    let mut table = String::from("| Code | Name | Class | Meaning | Counter |\n|---|---|---|---|---|\n");
    for refusal in Refusal::ALL {
        let class = match refusal.class() {
            Class::Packet => "packet",
            Class::Ring => "ring",
        };
        let counter = registers::REFUSALS_BASE + 4 * u16::from(refusal.code());
        row(
            &mut table,
            [
                &refusal.code().to_string(),
                refusal.name(),
                class,
                refusal.sentence(),
                &format!("0x{counter:03X}"),
            ],
        );
    }
    table
}

/// Every fault cause.
pub fn fault_cause_table() -> String {
    let mut table = String::from("| Cause | Name | Meaning | Refusal code |\n|---|---|---|---|\n");
    for cause in FaultCause::ALL {
        row(
            &mut table,
            [
                &cause.code().to_string(),
                cause.name(),
                cause.sentence(),
                &cause.refusal().code().to_string(),
            ],
        );
    }
    table
}

/// How the table of causes in `docs/mmu.md` is written anew.
pub const REGENERATE_CAUSES: &str = "cargo run -q -p segwalk-model --example mmu_docs";

/// Lines around the table of causes in `docs/mmu.md`.
pub const CAUSES_MARKS: [&str; 2] = ["<!-- causes: begin -->\n", "<!-- causes: end -->\n"];

/// Where each fault cause arises: for every format the levels whose entries can have it.
pub fn cause_places_table() -> String {
    const MODES: [Mode; 6] = [
        Mode::Bare,
        Mode::Sv32,
        Mode::Sv39,
        Mode::Sv48,
        Mode::X86_32,
        Mode::X86_64,
    ];
    let mut table = format!(
        "| Cause | Name | Meaning | {} |\n|---|---|---{}|\n",
        MODES.map(Mode::name).join(" | "),
        "|---".repeat(MODES.len())
    );
    for cause in FaultCause::ALL {
        let [bare, sv32, sv39, sv48, x86_32, x86_64] = MODES.map(|mode| places(mode, *cause));
        let code = cause.code().to_string();
        row(
            &mut table,
            [
                &code,
                cause.name(),
                cause.sentence(),
                &bare,
                &sv32,
                &sv39,
                &sv48,
                &x86_32,
                &x86_64,
            ],
        );
    }
    table
}

/// The levels of a format that can have a cause; `before` when it is found before an entry is read.
fn places(mode: Mode, cause: FaultCause) -> String {
    if mode.fails_before_walk(cause) {
        return "before".into();
    }
    let levels: Vec<String> = mode.format().map_or(vec![], |format| {
        (0..format.levels)
            .rev()
            .filter(|level| format.can_fail(*level, cause))
            .map(|level| level.to_string())
            .collect()
    });
    levels.join(" ")
}

/// The page with the table of causes written anew; nothing when the page has no marks.
pub fn with_cause_places(page: &str) -> Option<String> {
    let (head, rest) = page.split_once(CAUSES_MARKS[0])?;
    let (_, tail) = rest.split_once(CAUSES_MARKS[1])?;
    let [begin, end] = CAUSES_MARKS;
    Some(format!("{head}{begin}{}{end}{tail}", cause_places_table()))
}

fn register_rows(table: &mut String, register: &Register) {
    row(
        table,
        [
            &format!("0x{:03X}", register.offset),
            &format!("`{}`", register.name),
            "31:0",
            access(register.access),
            &reset(register.reset),
            register.doc,
        ],
    );
    for field in register.fields {
        let value = match register.access {
            Access::WriteOnly => String::new(),
            _ => reset(field.get(register.reset)),
        };
        row(
            table,
            ["", &format!("`.{}`", field.name), &bits(field), "", &value, field.doc],
        );
    }
}

fn access(access: Access) -> &'static str {
    match access {
        Access::ReadOnly => "read",
        Access::WriteOnly => "write",
        Access::ReadWrite => "read, write",
    }
}

fn bits(field: &Field) -> String {
    match field.width {
        1 => field.lsb.to_string(),
        width => format!("{}:{}", field.lsb + width - 1, field.lsb),
    }
}

fn reset(value: u32) -> String {
    match value {
        0..=9 => value.to_string(),
        _ => format!("0x{value:X}"),
    }
}

fn row<const CELLS: usize>(table: &mut String, cells: [&str; CELLS]) {
    let cells = cells.map(|cell| cell.replace('|', "\\|"));
    writeln!(table, "| {} |", cells.join(" | ")).expect("a string takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_the_generated_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/registers.md");
        let found = std::fs::read_to_string(path).expect("docs/registers.md is there");
        assert!(
            found == registers_page(),
            "docs/registers.md is out of date; write it anew with\n{REGENERATE}"
        );
    }

    #[test]
    fn the_causes_in_the_page_of_the_mmu_are_the_generated_ones() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/mmu.md");
        let page = std::fs::read_to_string(path).expect("docs/mmu.md is there");
        assert!(
            with_cause_places(&page).as_ref() == Some(&page),
            "the causes in docs/mmu.md are out of date; write them anew with\n{REGENERATE_CAUSES}"
        );
    }

    #[test]
    fn the_page_of_the_mmu_names_registers_that_are_there() {
        let page = include_str!("../../docs/mmu.md");
        let capitals = |name: &&str| name.len() > 3 && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        let named: Vec<&str> = page.split('`').skip(1).step_by(2).filter(capitals).collect();
        assert!(named.len() > 20);
        for name in named {
            assert!(
                registers::ALL.iter().any(|register| register.name == name),
                "docs/mmu.md names the register {name}, which is not there"
            );
        }
    }

    #[test]
    fn every_register_code_and_cause_has_a_row_with_a_sentence() {
        let page = registers_page();
        for register in registers::ALL {
            assert!(page.contains(&format!("| 0x{:03X} | `{}` |", register.offset, register.name)));
            assert!(
                register.doc.ends_with('.'),
                "{} ends without a full stop",
                register.name
            );
            for field in register.fields {
                assert!(page.contains(&format!("`.{}` | {} |", field.name, bits(field))));
                assert!(field.doc.ends_with('.'), "{} ends without a full stop", field.name);
            }
        }
        for refusal in Refusal::ALL {
            assert!(page.contains(&format!("| {} | {} |", refusal.code(), refusal.name())));
            assert!(
                refusal.sentence().ends_with('.'),
                "{} ends without a full stop",
                refusal.name()
            );
        }
        for cause in FaultCause::ALL {
            assert!(page.contains(&format!("| {} | {} |", cause.code(), cause.name())));
        }
    }

    #[test]
    fn every_row_of_a_table_has_the_cells_of_its_head() {
        for table in [
            register_table(),
            refusal_table(),
            fault_cause_table(),
            cause_places_table(),
        ] {
            let cells = |line: &str| line.replace("\\|", "").matches('|').count();
            let head = cells(table.lines().next().unwrap());
            assert!(table.lines().all(|line| cells(line) == head));
        }
    }
}
