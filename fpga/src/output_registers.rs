//! Moves flip-flops behind a block RAM into it.
//!
//! A DP16KD gives its data 4.3 ns after the clock on speed grade 8 and 5.8 ns on grade 6; with its own output register
//! (`REGMODE` = `OUTREG`, Lattice FPGA-TN-02204, "EBR output registers") that is a flip-flop's time. Yosys knows only
//! memories without it, so this is done with its netlist: where every data output of a port goes to just one flip-flop that
//! the register can stand for, the flip-flops go and the register comes.

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A wire of one bit, by Yosys's number.
type Bit = u64;

/// Outputs of one port of a DP16KD.
const PORT_BITS: usize = 18;
/// Width at which both ports' outputs together are one word.
const WIDE: &str = "100100";

/// Rewrites a netlist of Yosys (JSON). Gives it with the number of flip-flops that went into block RAMs.
pub fn absorb(netlist: &str) -> Result<(String, usize)> {
    let mut netlist: Value = serde_json::from_str(netlist).context("the netlist of Yosys cannot be read")?;
    let modules = netlist
        .get_mut("modules")
        .and_then(Value::as_object_mut)
        .context("the netlist of Yosys has no modules")?;
    let mut absorbed = 0;
    for module in modules.values_mut() {
        absorbed += absorb_in(module)?;
    }
    Ok((serde_json::to_string(&netlist)?, absorbed))
}

/// What reads a bit: cells by name with the port; a port of the module has no name.
type Readers = BTreeMap<Bit, Vec<(String, String)>>;

fn absorb_in(module: &mut Value) -> Result<usize> {
    let Some(cells) = module.get("cells").and_then(Value::as_object) else {
        return Ok(0);
    };
    let memories: Vec<&String> = cells
        .iter()
        .filter(|(_, cell)| kind(cell) == "DP16KD")
        .map(|(name, _)| name)
        .collect();
    if memories.is_empty() {
        return Ok(0);
    }
    let readers = readers(module, cells);
    let mut moves = Vec::new();
    for name in memories {
        let memory = &cells[name];
        for sides in sides_that_act_together(memory) {
            if let Some(registers) = registers_behind(memory, &sides, cells, &readers) {
                moves.push((name.clone(), sides, registers));
            }
        }
    }
    let cells = module
        .get_mut("cells")
        .and_then(Value::as_object_mut)
        .context("a module of the netlist has no cells")?;
    let mut absorbed = 0;
    for (name, sides, registers) in moves {
        for (port, register) in registers {
            let flip_flop = cells.remove(&register).context("a flip-flop is behind two memories")?;
            cells[&name]["connections"][port] = flip_flop["connections"]["Q"].clone();
            absorbed += 1;
        }
        for side in sides {
            cells[&name]["parameters"][format!("REGMODE_{side}")] = "OUTREG".into();
            cells[&name]["connections"][format!("OCE{side}")] = Value::from(vec!["1"]);
        }
    }
    Ok(absorbed)
}

fn kind(cell: &Value) -> &str {
    cell["type"].as_str().unwrap_or_default()
}

fn parameter<'a>(cell: &'a Value, name: &str) -> &'a str {
    cell["parameters"][name].as_str().unwrap_or_default().trim()
}

fn bit(cell: &Value, port: &str) -> Option<Bit> {
    cell["connections"][port].get(0).and_then(Value::as_u64)
}

fn is_constant(cell: &Value, port: &str, value: &str) -> bool {
    cell["connections"][port].get(0).and_then(Value::as_str) == Some(value)
}

fn readers(module: &Value, cells: &Map<String, Value>) -> Readers {
    let mut readers = Readers::new();
    for (name, cell) in cells {
        let Some(connections) = cell["connections"].as_object() else {
            continue;
        };
        for (port, bits) in connections {
            if cell["port_directions"][port] == "output" {
                continue;
            }
            for bit in bits.as_array().into_iter().flatten().filter_map(Value::as_u64) {
                readers.entry(bit).or_default().push((name.clone(), port.clone()));
            }
        }
    }
    let ports = module["ports"].as_object().into_iter().flat_map(Map::values);
    for bit in ports.flat_map(|port| port["bits"].as_array().into_iter().flatten().filter_map(Value::as_u64)) {
        readers.entry(bit).or_default().push(Default::default());
    }
    readers
}

/// A word of 36 bits is read through both ports: then their registers are changed together, and only if both have the same
/// clock, so that it does not matter which of the two clocks a half.
fn sides_that_act_together(memory: &Value) -> Vec<Vec<char>> {
    let wide = ["DATA_WIDTH_A", "DATA_WIDTH_B"]
        .iter()
        .any(|width| parameter(memory, width).trim_start_matches('0') == WIDE);
    match wide {
        false => vec![vec!['A'], vec!['B']],
        true if bit(memory, "CLKA") == bit(memory, "CLKB") => vec![vec!['A', 'B']],
        true => vec![],
    }
}

/// The output and the flip-flop for each bit that is read, if the output registers of `sides` can stand for all of them.
fn registers_behind(
    memory: &Value,
    sides: &[char],
    cells: &Map<String, Value>,
    readers: &Readers,
) -> Option<Vec<(String, String)>> {
    let mut registers = Vec::new();
    for side in sides {
        let port = |name: &str| format!("{name}{side}");
        let clock = bit(memory, &port("CLK"))?;
        let plain = parameter(memory, &format!("CLK{side}MUX")) == port("CLK")
            && is_constant(memory, &port("CE"), "1")
            && is_constant(memory, &port("RST"), "0")
            && ["", "NOREG"].contains(&parameter(memory, &format!("REGMODE_{side}")));
        if !plain {
            return None;
        }
        for index in 0..PORT_BITS {
            let output = format!("DO{side}{index}");
            let Some(read_by) = bit(memory, &output).and_then(|bit| readers.get(&bit)) else {
                continue;
            };
            let [(name, port)] = read_by.as_slice() else {
                return None;
            };
            if port != "DI" || !is_plain_register(cells.get(name)?, clock) {
                return None;
            }
            registers.push((output, name.clone()));
        }
    }
    let distinct: BTreeSet<&String> = registers.iter().map(|(_, name)| name).collect();
    (!registers.is_empty() && distinct.len() == registers.len()).then_some(registers)
}

/// A flip-flop on this clock's rising edge, without enable and reset, that begins with 0 as the output register does.
fn is_plain_register(cell: &Value, clock: Bit) -> bool {
    kind(cell) == "TRELLIS_FF"
        && bit(cell, "CLK") == Some(clock)
        && parameter(cell, "CLKMUX") == "CLK"
        && parameter(cell, "CEMUX") == "1"
        && parameter(cell, "REGSET") == "RESET"
        && (cell["connections"].get("LSR").is_none() || is_constant(cell, "LSR", "0"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A memory of 18 bits with `outputs` bits read on side B, each into a flip-flop with `parameters` and `more` ports.
    fn design(outputs: u64, parameters: &[(&str, &str)], more: &[(&str, Value)]) -> Value {
        let mut memory = json!({
            "type": "DP16KD",
            "parameters": {"DATA_WIDTH_A": "010010", "DATA_WIDTH_B": "010010", "CLKAMUX": "CLKA", "CLKBMUX": "CLKB"},
            "port_directions": {"CLKA": "input", "CLKB": "input"},
            "connections": {
                "CLKA": [2], "CLKB": [2], "CEA": ["1"], "CEB": ["1"], "RSTA": ["0"], "RSTB": ["0"], "OCEB": ["0"]
            }
        });
        let mut cells = Map::new();
        for index in 0..outputs {
            let output = format!("DOB{index}");
            memory["port_directions"][&output] = "output".into();
            memory["connections"][&output] = json!([100 + index]);
            let mut register = json!({
                "type": "TRELLIS_FF",
                "parameters": {"CLKMUX": "CLK", "CEMUX": "1 ", "REGSET": "RESET"},
                "port_directions": {"CLK": "input", "DI": "input", "LSR": "input", "Q": "output"},
                "connections": {"CLK": [2], "DI": [100 + index], "LSR": ["0"], "Q": [200 + index]}
            });
            for (name, value) in parameters {
                register["parameters"][*name] = (*value).into();
            }
            for (name, value) in more {
                register["connections"][*name] = value.clone();
            }
            cells.insert(format!("register{index}"), register);
        }
        cells.insert("memory".into(), memory);
        json!({"modules": {"top": {"ports": {}, "cells": cells}}})
    }

    fn absorbed(design: &Value) -> (Value, usize) {
        let (netlist, count) = absorb(&design.to_string()).unwrap();
        (serde_json::from_str(&netlist).unwrap(), count)
    }

    #[test]
    fn flip_flops_behind_a_memory_become_its_output_register() {
        let (netlist, count) = absorbed(&design(18, &[], &[]));
        assert_eq!(count, 18);
        let cells = netlist["modules"]["top"]["cells"].as_object().unwrap();
        assert_eq!(cells.len(), 1);
        let memory = &cells["memory"];
        assert_eq!(memory["parameters"]["REGMODE_B"], "OUTREG");
        assert_eq!(memory["parameters"].get("REGMODE_A"), None);
        assert_eq!(memory["connections"]["OCEB"], json!(["1"]));
        assert_eq!(memory["connections"]["DOB17"], json!([217]));
    }

    #[test]
    fn what_the_output_register_cannot_do_stays_a_flip_flop() {
        type Change<'a> = (&'a [(&'a str, &'a str)], &'a [(&'a str, Value)]);
        let cases: [Change; 6] = [
            (&[("CEMUX", "CE")], &[]),
            (&[("CLKMUX", "INV")], &[]),
            (&[("REGSET", "SET")], &[]),
            (&[], &[("LSR", json!([7]))]),
            (&[], &[("CLK", json!([3]))]),
            (&[("CEMUX", "INV")], &[]),
        ];
        for (parameters, more) in cases {
            let before = design(2, parameters, more);
            assert_eq!(absorbed(&before), (before.clone(), 0), "{parameters:?} {more:?}");
        }
    }

    #[test]
    fn an_output_that_something_else_reads_keeps_all_flip_flops() {
        let mut read_twice = design(3, &[], &[]);
        read_twice["modules"]["top"]["cells"]["logic"] =
            json!({"type": "LUT4", "port_directions": {"A": "input"}, "connections": {"A": [101]}});
        assert_eq!(absorbed(&read_twice).1, 0);
        let mut a_port = design(3, &[], &[]);
        a_port["modules"]["top"]["ports"]["out"] = json!({"direction": "output", "bits": [102]});
        assert_eq!(absorbed(&a_port).1, 0);
        let mut memory_waits = design(3, &[], &[]);
        memory_waits["modules"]["top"]["cells"]["memory"]["connections"]["CEB"] = json!([9]);
        assert_eq!(absorbed(&memory_waits).1, 0);
    }

    #[test]
    fn a_word_of_both_ports_needs_one_clock_and_takes_both_registers() {
        let mut wide = design(4, &[], &[]);
        for width in ["DATA_WIDTH_A", "DATA_WIDTH_B"] {
            wide["modules"]["top"]["cells"]["memory"]["parameters"][width] = "0000100100".into();
        }
        let (netlist, count) = absorbed(&wide);
        assert_eq!(count, 4);
        assert_eq!(
            netlist["modules"]["top"]["cells"]["memory"]["parameters"]["REGMODE_A"],
            "OUTREG"
        );
        wide["modules"]["top"]["cells"]["memory"]["connections"]["CLKA"] = json!([3]);
        assert_eq!(absorbed(&wide).1, 0);
    }

    #[test]
    fn what_is_no_netlist_is_an_error() {
        assert!(absorb("{}").is_err());
        assert!(absorb("").is_err());
    }
}
