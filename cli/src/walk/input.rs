//! What is to be walked, from the command line.

use super::Args;
use anyhow::{bail, ensure, Context as _, Result};
use segwalk_model::limits::PHYS_ADDR_BITS;
use segwalk_model::memory::{MemoryMut, SparseMemory};
use segwalk_model::page_table::{size_name, AddressSpace, Context, Format, Mode, Permissions};
use segwalk_sim::walk::{demo, Question};
use std::path::PathBuf;

/// Largest file that is put into physical memory.
const IMAGE_BYTES_MAX: u64 = 1 << 30;

/// A page to be mapped.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    virt_addr: u64,
    phys_addr: u64,
    page_bytes: u64,
    permissions: Permissions,
}

/// An entry to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    phys_addr: u64,
    value: u64,
}

/// A file to be put into memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    path: PathBuf,
    phys_addr: u64,
}

/// A number, hexadecimal with 0x; underscores may separate digits.
pub fn number(text: &str) -> Result<u64, String> {
    let digits = text.replace('_', "");
    let parsed = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    parsed.map_err(|_| format!("`{text}` is not a number of up to 64 bits; write it as 0x12ab or 4779"))
}

/// `VIRT=PHYS[:SIZE][:PERMS]`
pub fn map(text: &str) -> Result<Map, String> {
    let form = "write it as VIRT=PHYS, VIRT=PHYS:SIZE or VIRT=PHYS:SIZE:PERMS";
    let (virt_addr, rest) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` has no =; {form}"))?;
    let mut parts = rest.split(':');
    let phys_addr = number(parts.next().unwrap_or_default())?;
    let (mut page_bytes, mut permissions) = (4096, Permissions::USER_WRITE);
    let options: Vec<&str> = parts.collect();
    if options.len() > 2 {
        return Err(format!("`{text}` has too many colons; {form}"));
    }
    for option in options {
        if option.starts_with(|c: char| c.is_ascii_digit()) {
            page_bytes = size(option)?;
        } else {
            permissions = letters(option)?;
        }
    }
    Ok(Map {
        virt_addr: number(virt_addr)?,
        phys_addr,
        page_bytes,
        permissions,
    })
}

fn size(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    Ok(match lower.trim_end_matches('b').trim_end_matches('i') {
        "4k" => 1 << 12,
        "2m" => 1 << 21,
        "4m" => 1 << 22,
        "1g" => 1 << 30,
        "512g" => 1 << 39,
        _ => return Err(format!("`{text}` is no page size; give 4k, 2m, 4m, 1g or 512g")),
    })
}

fn letters(text: &str) -> Result<Permissions, String> {
    if let Some(bad) = text.chars().find(|letter| !"rwxuad-".contains(*letter)) {
        return Err(format!(
            "`{bad}` in `{text}` is no permission; give letters out of r w x u a d, or -"
        ));
    }
    let has = |letter| text.contains(letter);
    Ok(Permissions {
        read: has('r'),
        write: has('w'),
        execute: has('x'),
        user: has('u'),
        accessed: has('a'),
        dirty: has('d'),
    })
}

/// `ADDR=VALUE`
pub fn word(text: &str) -> Result<Word, String> {
    let (phys_addr, value) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` has no =; write it as ADDR=VALUE"))?;
    Ok(Word {
        phys_addr: phys(number(phys_addr)?)?,
        value: number(value)?,
    })
}

/// `FILE@ADDR`
pub fn image(text: &str) -> Result<Image, String> {
    let (path, phys_addr) = text
        .rsplit_once('@')
        .ok_or_else(|| format!("`{text}` does not say where it lies; write it as FILE@ADDR, for example ram.bin@0"))?;
    let phys_addr = phys(number(phys_addr)?)?;
    if phys_addr % 4096 != 0 {
        return Err(format!(
            "{phys_addr:#x} is not the beginning of a page; give a multiple of 4096"
        ));
    }
    Ok(Image {
        path: path.into(),
        phys_addr,
    })
}

fn phys(addr: u64) -> Result<u64, String> {
    match addr >> PHYS_ADDR_BITS {
        0 => Ok(addr),
        _ => Err(format!(
            "{addr:#x} is beyond the {PHYS_ADDR_BITS} bits of a physical address; give a lower one"
        )),
    }
}

/// The question, and for the demonstration what else may be asked.
pub fn question(args: &Args) -> Result<(Question, Vec<(u64, String)>)> {
    let mode = args.mode();
    let own = !(args.map.is_empty() && args.entry.is_empty() && args.memory.is_empty() && args.root.is_none());
    let (memory, mut context, places) = if own {
        let (memory, context) = tables(args, mode)?;
        (memory, context, vec![])
    } else {
        let demo = demo::demo(mode)?;
        (demo.memory, demo.space.context(), demo.places)
    };
    ensure!(
        !own || args.address.is_some(),
        "give the virtual address that is to be translated, for example `segwalk walk 0x1000 --map 0x1000=0x2000`"
    );
    context.user_only = !args.supervisor;
    if let Some(answer) = args.accessed_faults {
        context.accessed_faults = matches!(answer, super::YesNo::Yes);
    }
    let question = Question {
        context,
        virt_addr: args.address.unwrap_or(demo::ADDRESS),
        access: args.access(),
        memory,
    };
    Ok((question, places))
}

/// Memory and context from --root, --memory, --map and --entry.
fn tables(args: &Args, mode: Mode) -> Result<(SparseMemory, Context)> {
    let Some(format) = mode.format() else {
        bail!("Bare has no page tables; leave --root, --map, --entry and --memory out, or give another --mode");
    };
    let root = args.root.unwrap_or(demo::ROOT_PAGE << 12);
    ensure!(
        root % 4096 == 0 && root >> PHYS_ADDR_BITS == 0,
        "--root {root:#x} cannot be a table; give a multiple of 4096 below {:#x}",
        1u64 << PHYS_ADDR_BITS
    );
    ensure!(
        args.root.is_some() || !args.map.is_empty(),
        "give --root with --entry or --memory: the physical address of the root table"
    );
    let mut memory = SparseMemory::new();
    for image in &args.memory {
        load(&mut memory, image)?;
    }
    let mut context = Context::new(mode, root >> 12);
    if !args.map.is_empty() {
        context = build(&mut memory, mode, format, root >> 12, &args.map)?;
    }
    for word in &args.entry {
        write(&mut memory, format, word)?;
    }
    Ok((memory, context))
}

fn build(memory: &mut SparseMemory, mode: Mode, format: &Format, root_page: u64, maps: &[Map]) -> Result<Context> {
    let tables = 1 + (maps.len() * (format.levels - 1)) as u64;
    (root_page..root_page + tables).for_each(|page| memory.add_page(page));
    let mut next = root_page;
    let mut frames = || {
        next += 1;
        next - 1
    };
    let mut space = AddressSpace::new(mode, memory, &mut frames)?;
    for map in maps {
        let legal = |level: &usize| format.leaf_legal(*level);
        let Some(level) = (0..format.levels)
            .filter(legal)
            .find(|level| format.page_bytes(*level) == map.page_bytes)
        else {
            let sizes: Vec<String> = (0..format.levels)
                .filter(legal)
                .map(|level| size_name(format.page_bytes(level)))
                .collect();
            bail!(
                "{} has no pages of {}; it has {}",
                mode.name(),
                size_name(map.page_bytes),
                sizes.join(", ")
            );
        };
        space
            .map(
                memory,
                &mut frames,
                map.virt_addr,
                map.phys_addr,
                level,
                map.permissions,
            )
            .with_context(|| format!("cannot map {:#x} to {:#x}", map.virt_addr, map.phys_addr))?;
    }
    Ok(space.context())
}

fn write(memory: &mut SparseMemory, format: &Format, word: &Word) -> Result<()> {
    let bytes = format.entry_bytes as u64;
    ensure!(
        word.phys_addr % bytes == 0,
        "--entry {:#x} is not the place of an entry; give a multiple of {bytes}",
        word.phys_addr
    );
    ensure!(
        bytes == 8 || word.value >> 32 == 0,
        "--entry value {:#x} does not fit into the 4 bytes of a {} entry; give a smaller one",
        word.value,
        format.name
    );
    memory.add_page(word.phys_addr >> 12);
    memory.write(word.phys_addr, &word.value.to_le_bytes()[..format.entry_bytes])?;
    Ok(())
}

fn load(memory: &mut SparseMemory, image: &Image) -> Result<()> {
    let name = image.path.display();
    let bytes = std::fs::metadata(&image.path)
        .with_context(|| format!("cannot read {name}; give a file that exists"))?
        .len();
    ensure!(
        bytes <= IMAGE_BYTES_MAX,
        "{name} is larger than {}; cut out the part with the page tables",
        size_name(IMAGE_BYTES_MAX)
    );
    ensure!(
        image.phys_addr + bytes <= 1 << PHYS_ADDR_BITS,
        "{name} ends beyond the {PHYS_ADDR_BITS} bits of a physical address; put it lower"
    );
    let data = std::fs::read(&image.path).with_context(|| format!("cannot read {name}"))?;
    for (at, page) in data.chunks(4096).enumerate() {
        let phys_addr = image.phys_addr + 4096 * at as u64;
        memory.add_page(phys_addr >> 12);
        memory.write(phys_addr, page)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_maps_are_read_as_written() {
        assert_eq!(number("0x12_ab"), Ok(0x12AB));
        assert_eq!(number("4779"), Ok(4779));
        assert_eq!(number("0xFFFFFFFFFFFFFFFF"), Ok(u64::MAX));
        assert!(["", "0x", "12ab", "-1", "0x1_0000_0000_0000_0000"]
            .iter()
            .all(|text| number(text).is_err()));
        let found = map("0x200000=0x400000:2M:ru").unwrap();
        assert_eq!(
            (found.virt_addr, found.phys_addr, found.page_bytes),
            (0x20_0000, 0x40_0000, 1 << 21)
        );
        assert!(found.permissions.read && found.permissions.user && !found.permissions.accessed);
        assert_eq!(map("4096=8192").unwrap().permissions, Permissions::USER_WRITE);
        assert_eq!(map("4096=8192:rw").unwrap().page_bytes, 4096);
        for bad in ["", "1", "1=", "=1", "1=2:3k", "1=2:z", "1=2:4k:r:w"] {
            assert!(map(bad).is_err(), "{bad}");
        }
        assert!(word("0x10000000000=1").is_err() && word("8=1").is_ok());
        assert!(image("ram.bin").is_err() && image("a@b@0x1000").is_ok() && image("ram.bin@0x10").is_err());
    }
}
