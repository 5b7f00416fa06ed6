//! A module between registers: what it is placed and routed in, so that its clock rate is that of paths from register to
//! register and it needs four pins whatever its ports are.

use anyhow::{bail, Context, Result};
use std::fmt::Write as _;

/// Name of the module around the module.
pub const BOUNDARY: &str = "boundary";

/// Direction and width of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Port {
    name: String,
    output: bool,
    width: usize,
}

/// Verilog of module [`BOUNDARY`] with an instance of `top`: a shift register feeds its inputs, and its outputs are added
/// to a second one, so that nothing is optimised away.
pub fn wrap(verilog: &str, top: &str) -> Result<String> {
    let ports = ports(verilog, top)?;
    let width = |output: bool| {
        ports
            .iter()
            .filter(|p| p.output == output)
            .map(|p| p.width)
            .sum::<usize>()
    };
    let (inputs, outputs) = (width(false), width(true));
    if inputs < 2 || outputs < 2 {
        bail!("module {top} has too few ports to be placed by itself");
    }
    let mut text = format!(
        "module {BOUNDARY}(input clock, input shift_in, output shift_out);\n\
         reg [{i}:0] from; reg [{o}:0] to; reg [{o}:0] sum; wire [{o}:0] result;\n\
         always @(posedge clock) begin\n\
         from <= {{from[{below}:0], shift_in}}; to <= result; sum <= {{sum[{beneath}:0], 1'b0}} ^ to;\n\
         end\n\
         assign shift_out = sum[{o}];\n\
         {top} dut(.clock(clock)",
        i = inputs - 1,
        o = outputs - 1,
        below = inputs - 2,
        beneath = outputs - 2,
    );
    let (mut input, mut output) = (0, 0);
    for port in &ports {
        let (signal, at) = if port.output {
            ("result", &mut output)
        } else {
            ("from", &mut input)
        };
        write!(text, ",\n.{}({signal}[{}:{at}])", port.name, *at + port.width - 1)
            .context("a string can be written")?;
        *at += port.width;
    }
    text.push_str(");\nendmodule\n");
    Ok(text)
}

/// The ports of a module of emitted Verilog, but its clock.
fn ports(verilog: &str, top: &str) -> Result<Vec<Port>> {
    let start = verilog
        .find(&format!("module {top}("))
        .with_context(|| format!("there is no module {top} in the Verilog"))?;
    let mut ports = Vec::new();
    for line in verilog[start..]
        .lines()
        .skip(1)
        .take_while(|line| !line.trim().starts_with("endmodule"))
    {
        let words: Vec<&str> = line.trim().trim_end_matches(';').split_whitespace().collect();
        let (output, rest) = match words[..] {
            ["input", "wire", ref rest @ ..] => (false, rest),
            ["output", "reg" | "wire", ref rest @ ..] => (true, rest),
            _ => continue,
        };
        let (width, name) = match rest {
            [name] => (1, name),
            [range, name] => {
                let high = range.trim_start_matches('[').split(':').next().unwrap_or_default();
                (
                    high.parse::<usize>()
                        .with_context(|| format!("cannot read the width of {name}: {range}"))?
                        + 1,
                    name,
                )
            }
            _ => bail!("cannot read the port `{line}` of module {top}"),
        };
        if *name != "clock" {
            ports.push(Port {
                name: (*name).to_string(),
                output,
                width,
            });
        }
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_is_connected_at_its_width() {
        let verilog = "module m(clock,a,b$c,d);\n    input wire  clock;\n    input wire  [7:0] a;\n    \
                       input wire  b$c;\n    output reg  [3:0] d;\n    reg x;\nendmodule // m\nmodule m$x(e);\n    input wire  e;\nendmodule // m$x\n";
        let text = wrap(verilog, "m").unwrap();
        for part in ["reg [8:0] from", ".a(from[7:0])", ".b$c(from[8:8])", ".d(result[3:0])"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains(".e("), "a port of another module in {text}");
        assert!(wrap(verilog, "n").unwrap_err().to_string().contains("no module n"));
    }
}
