//! The generated C++ beside the model, and its entry points.

use super::idle;
use anyhow::{bail, Context as _};
use std::ffi::{c_char, c_int, c_void};

/// Name of the C++ class of every model; models are apart because their symbols are hidden.
pub(super) const PREFIX: &str = "Vmodel";
/// The shim before the table of ports is filled in.
pub(super) const TEMPLATE: &str = include_str!("shim.cpp");

/// One row of the shim's table; the layout of `SegwalkPort` in the template.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct RawPort {
    pub(super) name: *const c_char,
    pub(super) width: u32,
    pub(super) output: u32,
    pub(super) value: *mut c_void,
}

/// The shim's functions, valid as long as the library is loaded.
#[derive(Clone, Copy)]
pub(super) struct EntryPoints {
    pub(super) new: unsafe extern "C" fn() -> *mut c_void,
    pub(super) free: unsafe extern "C" fn(*mut c_void),
    pub(super) eval: unsafe extern "C" fn(*mut c_void),
    pub(super) tick: unsafe extern "C" fn(*mut c_void),
    pub(super) trace: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
    pub(super) ports: unsafe extern "C" fn(*mut c_void, *mut RawPort, usize) -> usize,
}

impl EntryPoints {
    pub(super) fn load(library: &libloading::Library) -> anyhow::Result<EntryPoints> {
        macro_rules! symbol {
            ($name:literal) => {
                // Safety: the signature is that of the template.
                *unsafe { library.get(concat!($name, "\0").as_bytes()) }.context(concat!(
                    "the model's library has no `",
                    $name,
                    "`"
                ))?
            };
        }
        Ok(EntryPoints {
            new: symbol!("segwalk_new"),
            free: symbol!("segwalk_free"),
            eval: symbol!("segwalk_eval"),
            tick: symbol!("segwalk_tick"),
            trace: symbol!("segwalk_trace"),
            ports: symbol!("segwalk_ports"),
        })
    }
}

/// The shim for a model, by the port declarations in its header: `VL_IN8(&name,msb,lsb);`, `VL_OUTW(&name,msb,lsb,n);`,
/// by the header of its insides and by the Verilog. A model with further clocks has functions that raise them.
pub(super) fn source(header: &str, insides: &str, verilog: &str, clocks: Option<&str>) -> anyhow::Result<String> {
    let mut rows = String::new();
    let mut has_clock = false;
    for line in header.lines().map(str::trim) {
        let Some((kind, rest)) = line.strip_prefix("VL_").and_then(|l| l.split_once("(&")) else {
            continue;
        };
        let output = match kind.trim_end_matches(|c: char| c.is_ascii_digit() || c == 'W') {
            "IN" => 0,
            "OUT" => 1,
            _ => bail!("Verilator's header has a port of kind `VL_{kind}`, which the harness does not know: {line}"),
        };
        let fields: Vec<&str> = rest.trim_end_matches(");").split(',').collect();
        let (Some(msb), Some(lsb)) = (number(&fields, 1), number(&fields, 2)) else {
            bail!("Verilator's header has a port that the harness cannot read: {line}");
        };
        let width = msb - lsb + 1;
        let name = verilog_name(fields[0]);
        if clocks.is_some() && idle::is_added(&name) {
            continue;
        }
        has_clock |= name == "clock";
        rows += &format!(
            "        {{\"{name}\", {width}, {output}, (void*)&dut->top->{}}},\n",
            fields[0]
        );
    }
    let before = match (clocks, clock_before(verilog, insides)) {
        (Some(functions), _) => functions.to_owned(),
        (None, Some(name)) if has_clock => format!("#define SEGWALK_CLOCK_BEFORE {name}\n"),
        _ => String::new(),
    };
    Ok(before
        + &TEMPLATE
            .replace("SEGWALK_PORTS", rows.trim_end())
            .replace("SEGWALK_HAS_CLOCK", if has_clock { "1" } else { "0" }))
}

/// The variable in which a model keeps `clock` as it was at the last evaluation (`__Vtrigrprev__TOP__clock` or
/// `__Vtrigprevexpr___TOP__clock__0`), when rising edges of `clock` are all that it waits for.
fn clock_before(verilog: &str, insides: &str) -> Option<String> {
    let kept = |line: &str| {
        let name = line.trim().strip_suffix(';')?.rsplit(' ').next()?;
        (name.starts_with("__Vtrig") && name.contains("prev")).then(|| name.to_owned())
    };
    let mut before = insides.lines().filter_map(kept);
    let one_trigger = insides.contains("VlTriggerVec<1> __VactTriggered;");
    let name = before.next().filter(|_| before.next().is_none() && one_trigger)?;
    (name.contains("__TOP__clock") && !verilog.contains("negedge")).then_some(name)
}

fn number(fields: &[&str], at: usize) -> Option<i64> {
    fields.get(at)?.trim().parse().ok()
}

/// Undoes Verilator's spelling of characters that C++ has no room for: `__024` is `$`, and `___05F` is `__`.
fn verilog_name(mangled: &str) -> String {
    let mut name = String::new();
    let mut rest = mangled;
    while let Some(c) = rest.chars().next() {
        let code = rest
            .strip_prefix("__0")
            .and_then(|r| u8::from_str_radix(r.get(..2)?, 16).ok());
        if let Some(code) = code {
            name.push(code as char);
            rest = &rest[5..];
        } else {
            name.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_in_the_verilog() {
        assert_eq!(verilog_name("payload__024req_valid"), "payload$req_valid");
        assert_eq!(verilog_name("o___05Fx"), "o__x");
        assert_eq!(verilog_name("m_axi_araddr"), "m_axi_araddr");
    }

    #[test]
    fn ports_of_a_header() {
        let header = "    VL_IN8(&clock,0,0);\n    VL_OUTW(&w,99,0,4);\n    VL_IN64(&a__024b,39,0);\n";
        let text = source(header, "", "", None).unwrap();
        assert!(text.contains("{\"clock\", 1, 0, (void*)&dut->top->clock},"));
        assert!(text.contains("{\"w\", 100, 1, (void*)&dut->top->w},"));
        assert!(text.contains("{\"a$b\", 40, 0, (void*)&dut->top->a__024b},"));
        assert!(text.contains("#if 1"));
        assert!(source("VL_INOUT8(&pad,0,0);", "", "", None).is_err());
    }

    #[test]
    fn one_evaluation_a_clock_where_only_rising_edges_count() {
        let one = "    VlTriggerVec<1> __VactTriggered;\n        CData/*0:0*/ __Vtrigrprev__TOP__clock;\n";
        let name = clock_before("always @(posedge clock)", one);
        assert_eq!(name.as_deref(), Some("__Vtrigrprev__TOP__clock"));
        assert_eq!(clock_before("always @(negedge clock)", one), None);
        let two = format!("{one}        CData/*0:0*/ __Vtrigrprev__TOP__other;\n");
        assert_eq!(clock_before("", &two), None);
        assert_eq!(clock_before("", &one.replace("<1>", "<2>")), None);
    }
}
