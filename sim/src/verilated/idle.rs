//! Clocks that are raised only where something changes.
//!
//! A model's speed is that of fetching its code, and all of it runs on each rising edge, though most of a design stands
//! still on most clocks. So the Verilog that Verilator gets (and only that) has further clocks: groups of flip-flops that
//! seldom change have one each, and so have groups of inputs, which are held in registers. All clocks belong to the same
//! edge. The shim raises that of a group when a flip-flop's `d` differs from its `q` or a memory is written; where
//! nothing of this is so, the edge would change nothing. Verilator does the rest: logic that depends on groups which
//! stand still is not evaluated.

use std::collections::HashSet;

/// Changes with what this makes of a design: part of the names of built models.
pub(super) const VERSION: &str = "idle groups, 2";
/// What a flip-flop's module does.
const FLIP_FLOP: &str = "    always @(posedge clock) begin\n       q <= d;\n    end\n";
/// What a memory's module does, where only writing waits for the clock.
const MEMORY: &str = "    always @(posedge clock) if (write_enable) mem[write_addr] <= write_data;\n";
const INPUT: &str = "    input wire ";

/// What of a design mostly stands still. A wrong guess costs speed only.
#[derive(Clone, Copy, Debug)]
pub struct Idle<'a> {
    /// Instances below the top, by group. What is in no group has the clock itself.
    pub groups: &'a [&'a [&'a str]],
    /// Flip-flops and memories in these instances that change on many clocks, as paths below the top with `$` between
    /// names.
    pub busy: &'a [&'a str],
    /// Inputs that change on many clocks; the others are a group of their own.
    pub busy_inputs: &'a [&'a str],
}

/// A design with further clocks.
pub(super) struct Split {
    pub(super) verilog: String,
    /// Modules of flip-flops and the groups they are in, which count from 1.
    pub(super) flip_flops: Vec<(String, usize)>,
    /// Inputs and the groups they are in, which count from 1.
    pub(super) inputs: Vec<(String, usize)>,
    pub(super) groups: usize,
}

/// Groups of inputs: those that change on many clocks, and the others.
pub(super) const INPUT_GROUPS: usize = 2;

/// Name of a group's clock.
pub(super) fn clock(group: usize) -> String {
    format!("idle_clock_{group}")
}

/// Name of the clock of a group of inputs.
pub(super) fn input_clock(group: usize) -> String {
    format!("idle_inputs_{group}")
}

/// Names of all clocks.
pub(super) fn clocks(groups: usize) -> Vec<String> {
    let inputs = (1..=INPUT_GROUPS).map(input_clock);
    inputs.chain((1..=groups).map(clock)).chain(["clock".into()]).collect()
}

/// Name of the output which says that a memory of a group is written at the next edge.
pub(super) fn writes(group: usize) -> String {
    format!("idle_writes_{group}")
}

/// Name of the register that holds an input.
pub(super) fn held(input: &str) -> String {
    format!("held${input}")
}

/// Whether a port is one of those that are added.
pub(super) fn is_added(port: &str) -> bool {
    ["idle_clock_", "idle_inputs_", "idle_writes_"]
        .iter()
        .any(|prefix| port.starts_with(prefix))
}

/// The design with a clock for each group; those of `always` keep the clock itself. None for a design that is not written
/// as expected.
pub(super) fn split(verilog: &str, top: &str, idle: &Idle, always: &HashSet<String>) -> Option<Split> {
    let modules = modules(verilog);
    let names: HashSet<&str> = modules.iter().filter_map(|text| name(text)).collect();
    let mut flip_flops = vec![];
    let mut written = vec![vec![]; idle.groups.len() + 1];
    let mut text = String::new();
    let mut top_text = None;
    for module in &modules {
        let name = name(module).unwrap_or_default();
        if name == top {
            top_text = Some((text.len(), *module));
            continue;
        }
        let memory = module.contains(MEMORY);
        let clocked = module.matches("@(posedge").count() == 1 && (memory || module.contains(FLIP_FLOP));
        match group(name, top, idle).filter(|_| clocked && !always.contains(name)) {
            Some(group) => {
                text += &module.replace("(posedge clock)", &format!("(posedge {top}.{})", clock(group)));
                if memory {
                    written[group].push(path(name, &names)? + ".write_enable");
                } else {
                    flip_flops.push((name.to_owned(), group));
                }
            }
            None => text += module,
        }
    }
    let (at, top_text) = top_text?;
    let (top_text, inputs) = with_clocks(top_text, idle, &written)?;
    text.insert_str(at, &top_text);
    Some(Split {
        verilog: text,
        flip_flops,
        inputs,
        groups: idle.groups.len(),
    })
}

/// The text from each `module` to the next one; what is before the first is a part too.
fn modules(verilog: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = verilog.match_indices("\nmodule ").map(|(at, _)| at + 1).collect();
    starts.insert(0, 0);
    starts.push(verilog.len());
    starts.windows(2).map(|range| &verilog[range[0]..range[1]]).collect()
}

fn name(module: &str) -> Option<&str> {
    Some(module.strip_prefix("module ")?.split_once('(')?.0.trim())
}

/// The group of a module, whose name is the path of its one instance.
fn group(name: &str, top: &str, idle: &Idle) -> Option<usize> {
    let below = name.strip_prefix(top)?.strip_prefix('$')?;
    let instance = below.split('$').next()?;
    let group = idle.groups.iter().position(|group| group.contains(&instance))?;
    (!idle.busy.contains(&below)).then_some(group + 1)
}

/// The instance of a module, with dots. Instances too may have a `$` in their names.
fn path(name: &str, names: &HashSet<&str>) -> Option<String> {
    let ends: Vec<usize> = name.match_indices('$').map(|(at, _)| at).chain([name.len()]).collect();
    let mut from = 0;
    let mut path = String::new();
    for end in ends {
        if names.contains(&name[..end]) {
            path = path + if from == 0 { "" } else { "." } + &name[from..end];
            from = end + 1;
        }
    }
    (from == name.len() + 1).then_some(path)
}

/// The top with further clocks, its inputs held.
fn with_clocks(top: &str, idle: &Idle, written: &[Vec<String>]) -> Option<(String, Vec<(String, usize)>)> {
    let (ports, body) = top.split_once(");\n")?;
    let mut inputs = vec![];
    let (mut declared, mut held_too) = (String::new(), String::new());
    let (mut added, mut rest) = (vec![], vec![]);
    for line in body.lines() {
        let Some(port) = line.strip_prefix(INPUT).map(str::trim) else {
            rest.push(line);
            continue;
        };
        declared = declared + line + "\n";
        let port = port.strip_suffix(';')?;
        let (range, name) = port.rsplit_once(' ').unwrap_or(("", port));
        if name == "clock" {
            continue;
        }
        let group = if idle.busy_inputs.contains(&name) { 1 } else { 2 };
        let (held, clock) = (held(name), input_clock(group));
        held_too += &format!("    reg {range} {held};\n    initial {held} = 0;\n");
        held_too += &format!("    always @(posedge {clock}) {held} <= {name};\n");
        inputs.push((name.to_owned(), group));
    }
    for group in 1..=INPUT_GROUPS {
        added.push(input_clock(group));
        declared += &format!("    input wire {};\n", input_clock(group));
    }
    for (group, enables) in written.iter().enumerate().skip(1) {
        let (clock, writes) = (clock(group), writes(group));
        let any = if enables.is_empty() {
            "1'b0".into()
        } else {
            enables.join(" | ")
        };
        declared += &format!("    input wire {clock};\n    output wire {writes};\n    assign {writes} = {any};\n");
        added.extend([clock, writes]);
    }
    let names: HashSet<&str> = inputs.iter().map(|(name, _)| name.as_str()).collect();
    let mut text = format!("{ports},{});\n{declared}{held_too}", added.join(","));
    for line in rest {
        text += &renamed(line, &names);
        text.push('\n');
    }
    Some((text, inputs))
}

/// A line in which inputs are read from the registers that hold them. `.name(` is a port of an instance.
fn renamed(line: &str, inputs: &HashSet<&str>) -> String {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let mut text = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(part) {
        let (before, from) = rest.split_at(start);
        let (word, behind) = from.split_at(from.find(|c| !part(c)).unwrap_or(from.len()));
        text += before;
        match inputs.contains(word) && !before.ends_with('.') {
            true => text += &held(word),
            false => text += word,
        }
        rest = behind;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESIGN: &str = "module top(clock,a,b,out);
    input wire  clock;
    input wire  [3:0] a;
    input wire  b;
    always @(*) x$a = a;
    part x(.a(x$a), .b(b));
endmodule
module top$x(a,b);
endmodule
module top$x$r(d,q,clock);
    always @(posedge clock) begin
       q <= d;
    end
endmodule
module top$x$s$0(d,q,clock);
    always @(posedge clock) begin
       q <= d;
    end
endmodule
module top$x$m$1(clock,write_enable);
    always @(posedge clock) if (write_enable) mem[write_addr] <= write_data;
endmodule
";

    #[test]
    fn a_group_has_a_clock_and_inputs_are_held() {
        let idle = Idle {
            groups: &[&["x"]],
            busy: &["x$s$0"],
            busy_inputs: &["b"],
        };
        let split = split(DESIGN, "top", &idle, &HashSet::new()).unwrap();
        assert_eq!(split.flip_flops, [("top$x$r".to_owned(), 1)]);
        assert_eq!(split.inputs, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
        let text = &split.verilog;
        assert!(text.starts_with("module top(clock,a,b,out,idle_inputs_1,idle_inputs_2,idle_clock_1,idle_writes_1);\n"));
        assert_eq!(text.matches("@(posedge clock)").count(), 1, "{text}");
        assert_eq!(text.matches("@(posedge top.idle_clock_1)").count(), 2, "{text}");
        assert!(
            text.contains("assign idle_writes_1 = top.x.m$1.write_enable;"),
            "{text}"
        );
        assert!(text.contains("always @(posedge idle_inputs_2) held$a <= a;"), "{text}");
        assert!(
            text.contains("x$a = held$a;\n    part x(.a(x$a), .b(held$b));"),
            "{text}"
        );
    }

    #[test]
    fn those_that_cannot_be_judged_keep_the_clock() {
        let idle = Idle {
            groups: &[&["x"]],
            busy: &[],
            busy_inputs: &[],
        };
        let always = HashSet::from(["top$x$s$0".to_owned()]);
        let split = split(DESIGN, "top", &idle, &always).unwrap();
        assert_eq!(split.flip_flops, [("top$x$r".to_owned(), 1)]);
        assert!(super::split(DESIGN, "other", &idle, &always).is_none());
    }
}
