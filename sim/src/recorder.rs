//! Records what a model's inputs were at every clock, to run the same clocks in another simulator.

use crate::verilated::{Direction, Dut, Port};
use std::fmt::Write as _;

/// Inputs of a model, clock by clock.
pub struct Recorder {
    // (name, width, handle), first in the lowest bits of a vector
    inputs: Vec<(String, u32, Port)>,
    outputs: Vec<(String, u32)>,
    // a vector a line, hexadecimal, as $readmemh wants it
    vectors: String,
    clocks: usize,
}

impl Recorder {
    /// Nothing recorded yet.
    pub fn new(dut: &Dut) -> anyhow::Result<Self> {
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for info in dut.ports().filter(|info| info.name != "clock") {
            match info.direction {
                Direction::Input => inputs.push((info.name.clone(), info.width, dut.port(&info.name)?)),
                Direction::Output => outputs.push((info.name, info.width)),
            }
        }
        Ok(Self {
            inputs,
            outputs,
            vectors: String::new(),
            clocks: 0,
        })
    }

    /// Remembers the inputs; to be called right before the clock's edge.
    pub fn capture(&mut self, dut: &Dut) {
        // bits of the vector, lowest first
        let mut bits: Vec<bool> = Vec::new();
        for (_, width, port) in &self.inputs {
            let words = dut.get_words(*port);
            bits.extend((0..*width as usize).map(|at| words[at / 32] >> (at % 32) & 1 == 1));
        }
        let digits = bits.chunks(4).rev().map(|nibble| {
            nibble
                .iter()
                .rev()
                .fold(0u32, |digit, bit| digit << 1 | u32::from(*bit))
        });
        for digit in digits {
            self.vectors.push(char::from_digit(digit, 16).unwrap_or('0'));
        }
        self.vectors.push('\n');
        self.clocks += 1;
    }

    /// Clocks recorded.
    pub fn clocks(&self) -> usize {
        self.clocks
    }

    /// The vectors, one a line, for `$readmemh`.
    pub fn vectors(&self) -> &str {
        &self.vectors
    }

    /// A testbench in Verilog 2005 that feeds the vectors in `file` to module `top` and prints a line of hexadecimal
    /// values of `shown` (ports of either direction) at every clock at which all ports of `when` are 1.
    pub fn testbench(&self, top: &str, file: &str, when: &[&str], shown: &[&str]) -> String {
        let width: u32 = self.inputs.iter().map(|(_, width, _)| width).sum();
        let mut ports = String::from("    .clock(clock)");
        let mut names = String::new();
        let mut lsb = 0;
        for (name, width, _) in &self.inputs {
            let _ = writeln!(
                names,
                "  wire [{}:0] {name} = vector[{}:{lsb}];",
                width - 1,
                lsb + width - 1
            );
            let _ = write!(ports, ",\n    .{name}({name})");
            lsb += width;
        }
        for (name, width) in &self.outputs {
            let _ = writeln!(names, "  wire [{}:0] {name};", width - 1);
            let _ = write!(ports, ",\n    .{name}({name})");
        }
        let format = vec!["%h"; shown.len()].join(" ");
        format!(
            "module replay;\n  reg [{top_bit}:0] vectors [0:{last}];\n  reg [{top_bit}:0] vector;\n  reg clock;\n  integer \
             at;\n{names}  {top} dut(\n{ports}\n  );\n  initial begin\n    $readmemh(\"{file}\", vectors);\n    clock = \
             0;\n    for (at = 0; at <= {last}; at = at + 1) begin\n      vector = vectors[at];\n      #1 if ({when}) \
             $display(\"{format}\", {shown});\n      clock = 1;\n      #1 clock = 0;\n    end\n    $finish;\n  \
             end\nendmodule\n",
            top_bit = width - 1,
            last = self.clocks.saturating_sub(1),
            when = when.join(" & "),
            shown = shown.join(", "),
        )
    }
}
