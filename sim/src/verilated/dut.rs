//! One instance of a model.

use super::{shim, Shared};
use anyhow::{bail, Context as _};
use std::collections::BTreeMap;
use std::ffi::{c_void, CStr, CString};
use std::path::Path;
use std::sync::Arc;

/// Which way a port goes, as the model sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Set by the test.
    Input,
    /// Set by the model.
    Output,
}

/// How the model keeps a port's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Storage {
    Byte,
    Half,
    Word,
    Double,
    /// 32-bit words, lowest first
    Words,
}

/// Handle of a port. One handle serves all instances of a model.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    // from the instance's first port; the ports of an instance lie in one object, so it is the same for all instances
    offset: u32,
    width: u32,
    storage: Storage,
    model: u64,
}

impl Port {
    /// Width in bits.
    pub fn width(self) -> u32 {
        self.width
    }
}

/// What a model says of a port.
#[derive(Clone, Debug)]
pub struct PortInfo {
    /// Name as in the Verilog.
    pub name: String,
    /// Direction.
    pub direction: Direction,
    /// Width in bits.
    pub width: u32,
}

/// A device under test. It may move to another thread; several may run at the same time.
pub struct Dut {
    handle: *mut c_void,
    base: *mut u8,
    model: u64,
    tick: unsafe extern "C" fn(*mut c_void),
    eval: unsafe extern "C" fn(*mut c_void),
    ports: BTreeMap<String, (Direction, Port)>,
    shared: Arc<Shared>,
}

// Safety: an instance has a context of its own and no thread-bound state; `&mut self` on everything that changes it.
unsafe impl Send for Dut {}

impl Dut {
    pub(super) fn new(shared: Arc<Shared>) -> anyhow::Result<Dut> {
        let entry = shared.entry_points;
        let model = shared.id;
        // Safety: the entry points belong to the library that `shared` keeps loaded.
        let handle = unsafe { (entry.new)() };
        let mut dut = Dut {
            handle,
            base: std::ptr::null_mut(),
            model,
            tick: entry.tick,
            eval: entry.eval,
            ports: BTreeMap::new(),
            shared,
        };
        let none = shim::RawPort {
            name: std::ptr::null(),
            width: 0,
            output: 0,
            value: std::ptr::null_mut(),
        };
        // Safety: asks for the count, then gives room for as many.
        let count = unsafe { (entry.ports)(handle, std::ptr::null_mut(), 0) };
        let mut rows = vec![none; count];
        // Safety: see above.
        unsafe { (entry.ports)(handle, rows.as_mut_ptr(), count) };
        let base = rows.iter().map(|row| row.value as usize).min().unwrap_or(0);
        dut.base = rows
            .iter()
            .map(|row| row.value.cast())
            .min()
            .unwrap_or(std::ptr::null_mut());
        for row in rows {
            // Safety: the names are literals of the library.
            let name = unsafe { CStr::from_ptr(row.name) }
                .to_str()
                .context("a port's name is not text")?;
            let storage = match row.width {
                1..=8 => Storage::Byte,
                9..=16 => Storage::Half,
                17..=32 => Storage::Word,
                33..=64 => Storage::Double,
                _ => Storage::Words,
            };
            let direction = if row.output == 1 {
                Direction::Output
            } else {
                Direction::Input
            };
            let offset = u32::try_from(row.value as usize - base).context("the model's ports lie too far apart")?;
            let port = Port {
                offset,
                width: row.width,
                storage,
                model,
            };
            dut.ports.insert(name.to_owned(), (direction, port));
        }
        Ok(dut)
    }

    /// The port of that name, as in the Verilog (`payload$req_valid`).
    pub fn port(&self, name: &str) -> anyhow::Result<Port> {
        match self.ports.get(name) {
            Some((_, port)) => Ok(*port),
            None => bail!("the model has no port `{name}`; similar are: {}", self.similar(name)),
        }
    }

    /// As [`Dut::port`], for a port that the test sets.
    pub fn input(&self, name: &str) -> anyhow::Result<Port> {
        self.directed(name, Direction::Input)
    }

    /// As [`Dut::port`], for a port that the model sets.
    pub fn output(&self, name: &str) -> anyhow::Result<Port> {
        self.directed(name, Direction::Output)
    }

    fn directed(&self, name: &str, wanted: Direction) -> anyhow::Result<Port> {
        let port = self.port(name)?;
        if self.ports[name].0 != wanted {
            bail!("port `{name}` of the model is not an {wanted:?}; correct its direction or the test");
        }
        Ok(port)
    }

    /// All ports by name.
    pub fn ports(&self) -> impl Iterator<Item = PortInfo> + '_ {
        self.ports.iter().map(|(name, (direction, port))| PortInfo {
            name: name.clone(),
            direction: *direction,
            width: port.width,
        })
    }

    /// Byte offset of a port, when the model keeps it in so many bytes.
    pub(super) fn offset(&self, name: &str, wanted: Direction, bytes: usize) -> anyhow::Result<u32> {
        let port = self.directed(name, wanted)?;
        let kept = match port.storage {
            Storage::Byte => 1,
            Storage::Half => 2,
            Storage::Word => 4,
            Storage::Double => 8,
            Storage::Words => 4 * port.width.div_ceil(32) as usize,
        };
        if kept != bytes {
            bail!(
                "port `{name}` of the model has {} bits, which is not what the harness expects",
                port.width
            );
        }
        Ok(port.offset)
    }

    /// The first port, and what tells models apart.
    #[inline]
    pub(super) fn base(&self) -> (*mut u8, u64) {
        (self.base, self.model)
    }

    fn similar(&self, name: &str) -> String {
        let mut names: Vec<(usize, &str)> = self.ports.keys().map(|n| (distance(n, name), n.as_str())).collect();
        names.sort_unstable();
        names.truncate(5);
        let names: Vec<String> = names.iter().map(|(_, n)| format!("`{n}`")).collect();
        names.join(", ")
    }

    /// Value of a port of up to 64 bits.
    #[inline]
    pub fn get(&self, port: Port) -> u64 {
        let at = self.at(port);
        // Safety: the port belongs to this model, and its storage is as Verilator documents for its width.
        unsafe {
            match port.storage {
                Storage::Byte => u64::from(*at),
                Storage::Half => u64::from(*at.cast::<u16>()),
                Storage::Word => u64::from(*at.cast::<u32>()),
                Storage::Double => *at.cast::<u64>(),
                Storage::Words => wide(port),
            }
        }
    }

    /// Sets a port of up to 64 bits; seen by the model with the next `tick` or `eval`.
    #[inline]
    pub fn set(&mut self, port: Port, value: u64) {
        debug_assert!(
            port.width >= 64 || value >> port.width == 0,
            "{value:#x} does not fit a port of {} bits",
            port.width
        );
        let at = self.at(port);
        // Safety: as in `get`.
        unsafe {
            match port.storage {
                Storage::Byte => *at = value as u8,
                Storage::Half => *at.cast::<u16>() = value as u16,
                Storage::Word => *at.cast::<u32>() = value as u32,
                Storage::Double => *at.cast::<u64>() = value,
                Storage::Words => drop(wide(port)),
            }
        }
    }

    /// Value of a port of any width in 32-bit words, lowest first.
    pub fn get_words(&self, port: Port) -> Vec<u32> {
        if port.storage != Storage::Words {
            let value = self.get(port);
            return [value as u32, (value >> 32) as u32][..port.width.div_ceil(32) as usize].to_vec();
        }
        let at = self.at(port).cast::<u32>();
        // Safety: a wide port has an array of this many words.
        unsafe { std::slice::from_raw_parts(at, port.width.div_ceil(32) as usize) }.to_vec()
    }

    /// Sets a port of any width; missing words are 0.
    pub fn set_words(&mut self, port: Port, words: &[u32]) {
        let word = |at: usize| words.get(at).copied().unwrap_or(0);
        if port.storage != Storage::Words {
            return self.set(port, u64::from(word(0)) | u64::from(word(1)) << 32);
        }
        let count = port.width.div_ceil(32) as usize;
        let at = self.at(port).cast::<u32>();
        // Safety: as in `get_words`.
        let value = unsafe { std::slice::from_raw_parts_mut(at, count) };
        for (at, value) in value.iter_mut().enumerate() {
            *value = word(at);
        }
    }

    /// One clock: inputs settle, then the rising edge. Afterwards outputs are those after the edge.
    #[inline]
    pub fn tick(&mut self) {
        // Safety: the handle lives as long as `self`.
        unsafe { (self.tick)(self.handle) }
    }

    /// Settles combinational outputs after inputs changed; no edge.
    #[inline]
    pub fn eval(&mut self) {
        // Safety: as in `tick`.
        unsafe { (self.eval)(self.handle) }
    }

    /// Writes waves from now on; the model must have been built with `Spec::trace`.
    pub fn trace_to(&mut self, path: &Path) -> anyhow::Result<()> {
        let text = CString::new(path.to_string_lossy().as_bytes()).context("the file name contains a zero byte")?;
        // Safety: the handle lives, the text ends with a zero.
        match unsafe { (self.shared.entry_points.trace)(self.handle, text.as_ptr()) } {
            0 => Ok(()),
            1 => bail!("this model cannot write waves; build it with `trace: true`"),
            _ => bail!(
                "cannot write waves to {}; give a path that can be written",
                path.display()
            ),
        }
    }

    #[inline]
    fn at(&self, port: Port) -> *mut u8 {
        assert!(port.model == self.model, "the port belongs to another model");
        // Safety: the offset was taken from a port of an instance of this model.
        unsafe { self.base.add(port.offset as usize) }
    }
}

impl Drop for Dut {
    fn drop(&mut self) {
        // Safety: the handle is not used again. Runs the model's final blocks and closes the waves.
        unsafe { (self.shared.entry_points.free)(self.handle) }
    }
}

#[cold]
fn wide(port: Port) -> u64 {
    panic!("the port has {} bits; use get_words and set_words", port.width)
}

/// Edits between two names, for the sentence that names similar ports.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
