//! Rules on statements: what is written on every path, and what is read before that.

use super::coverage::Coverage;
use super::expression::{Expressions, Named};
use super::finding::{Rule, Sink};
use super::scope::{Loops, Role, Scope};
use super::text;
use rust_hdl::core::ast::{
    VerilogBlockOrConditional as Otherwise, VerilogCase, VerilogConditional, VerilogExpression as E, VerilogLink,
    VerilogLoop, VerilogMatch, VerilogStatement as S,
};
use std::collections::BTreeMap;

/// Checks the kernel of one module.
pub(super) fn check(scope: &Scope, body: &[S], found: &mut Sink) {
    let mut kernel = Kernel {
        expressions: Expressions {
            scope,
            loops: Loops::default(),
            found,
        },
        written: BTreeMap::new(),
        linked: BTreeMap::new(),
        reads: false,
    };
    kernel.links(body);
    let mut done = Coverage::default();
    for signal in kernel.linked.keys() {
        if let Some(s) = scope.signals.get(signal) {
            done.write(signal, s.width, 0, s.width);
        }
    }
    kernel.block(body, &mut done);
    kernel.finish(&done);
}

struct Kernel<'a> {
    expressions: Expressions<'a>,
    /// Signals that the kernel assigns, with the name as written.
    written: BTreeMap<String, String>,
    /// Signals that a `join` or `link` drives.
    linked: BTreeMap<String, String>,
    reads: bool,
}

impl Kernel<'_> {
    /// Collects what joins and links drive; they hold wherever in the kernel they stand.
    fn links(&mut self, body: &[S]) {
        for statement in body {
            match statement {
                S::Link(links) => {
                    for link in links {
                        let (driven, field) = match link {
                            VerilogLink::Forward(l) => (&l.other_name, &l.my_name),
                            VerilogLink::Backward(l) | VerilogLink::Bidirectional(l) => (&l.owner_name, &l.my_name),
                        };
                        let raw = if field.is_empty() {
                            driven.clone()
                        } else {
                            format!("{driven}${}", field.trim_start_matches('.').replace('.', "$"))
                        };
                        match self.expressions.loops.resolve(&raw) {
                            Ok(name) => {
                                self.linked.insert(name, raw);
                            }
                            Err(_) => self.expressions.found.add(
                                Rule::ArrayIndex,
                                text::name(&raw),
                                "an index may only have loop variables and numbers; join the elements one by one or in a loop",
                            ),
                        }
                    }
                }
                S::Loop(l) => self.turns(l, |kernel| kernel.links(&l.block)),
                S::Macro(inner) => self.links(inner),
                _ => {}
            }
        }
    }

    fn turns(&mut self, l: &VerilogLoop, mut body: impl FnMut(&mut Self)) {
        for value in l.from.as_usize()..l.to.as_usize() {
            // Rust-HDL puts in the outermost variable of a name first.
            self.expressions.loops.0.push((l.index.clone(), value));
            body(self);
            self.expressions.loops.0.pop();
        }
    }

    fn block(&mut self, body: &[S], done: &mut Coverage) {
        for statement in body {
            self.statement(statement, done);
        }
    }

    fn statement(&mut self, statement: &S, done: &mut Coverage) {
        match statement {
            S::Assignment(target, value) => {
                self.read(value, done);
                let target = self.target(target);
                self.expressions.assigned(value, target.as_ref().map(|t| t.1));
                if let Some((name, width)) = target {
                    done.write(&name, width, 0, width);
                }
            }
            S::SliceAssignment {
                base,
                width,
                offset,
                replacement,
            } => {
                self.read(replacement, done);
                self.expressions.assigned(replacement, Some(*width));
                let lsb = self.expressions.constant(offset).unwrap_or(0);
                if let Some((name, full_width)) = self.target(base) {
                    done.write(&name, full_width, lsb, *width);
                }
            }
            S::If(conditional) => self.conditional(conditional, done),
            S::Match(m) => self.matching(m, done),
            S::Loop(l) => {
                self.loop_name(&l.index);
                self.turns(l, |kernel| kernel.block(&l.block, done));
            }
            S::Macro(inner) => self.block(inner, done),
            S::Link(_) => self.reads = true,
            S::Comment(_) => {}
        }
    }

    /// The signal that is assigned, and its width.
    fn target(&mut self, target: &E) -> Option<(String, usize)> {
        let E::Signal(raw) = target else {
            return None;
        };
        let Named::Signal(name, signal) = self.expressions.named(raw) else {
            // Says what is wrong with the name.
            self.expressions.alone(target, "assigned", 1);
            return None;
        };
        if !signal.role.is_driven_here() {
            let owner = match signal.role {
                Role::ChildOutput => "its child drives it",
                Role::Input => "whoever contains the module drives it",
                _ => "it is not a signal that a kernel drives",
            };
            self.expressions.found.add(
                Rule::Latch,
                text::name(raw),
                format!("this must not be written here: {owner}"),
            );
            return None;
        }
        if self.linked.contains_key(&name) {
            self.expressions.found.add(
                Rule::Latch,
                text::name(raw),
                "a join or link drives this already; remove one of the two",
            );
        }
        self.written.entry(name.clone()).or_insert_with(|| raw.clone());
        Some((name, signal.width))
    }

    fn conditional(&mut self, c: &VerilogConditional, done: &mut Coverage) {
        self.read(&c.test, done);
        self.expressions.alone(&c.test, "a condition", 1);
        let mut otherwise = done.clone();
        self.block(&c.then, done);
        match &c.otherwise {
            Otherwise::Block(body) => self.block(body, &mut otherwise),
            Otherwise::Conditional(next) => self.statement(next, &mut otherwise),
            Otherwise::None => {}
        }
        done.meet(&otherwise);
    }

    fn matching(&mut self, m: &VerilogMatch, done: &mut Coverage) {
        self.read(&m.test, done);
        let width = self.expressions.rust_width(&m.test);
        // Labels are numbers without a width, so the operand is widened to 32 bits.
        self.expressions.alone(&m.test, "a match operand", 32);
        let mut has_default = false;
        let mut labels = 0usize;
        let before = done.clone();
        let mut after: Option<Coverage> = None;
        for case in &m.cases {
            match case.condition.as_str() {
                "default" => has_default = true,
                _ => {
                    self.label(case, width, &m.test);
                    labels += 1;
                }
            }
            let mut path = before.clone();
            self.block(&case.block, &mut path);
            match &mut after {
                Some(all) => all.meet(&path),
                None => after = Some(path),
            }
        }
        let all_values = width.is_some_and(|bits| bits < 20 && labels >= 1 << bits);
        if has_default || all_values {
            *done = after.unwrap_or(before);
            return;
        }
        // Verilog keeps what the remaining values do not write, also where Rust's match is complete.
        if let Some(mut all) = after {
            all.meet(&before);
            *done = all;
        }
    }

    fn label(&mut self, case: &VerilogCase, width: Option<usize>, test: &E) {
        let label = case.condition.as_str();
        let number = label.replace('_', "").parse::<u128>();
        let known = self.expressions.scope.is_enum_value(label);
        if let Ok(value) = number {
            if width.is_some_and(|bits| bits < 128 && value >> bits != 0) {
                self.expressions.found.add(
                    Rule::Literal,
                    format!("match {} {{ {label} => .. }}", text::expression(test)),
                    "the operand never has this value; correct the label or the operand's width",
                );
            }
        } else if !known {
            self.expressions.found.add(
                Rule::MatchArm,
                format!("match {} {{ {} => .. }}", text::expression(test), text::name(label)),
                "Verilog has no such label; use a plain decimal number, `Type::Variant` or `_`, and `if` for a bool",
            );
        }
    }

    fn loop_name(&mut self, index: &str) {
        let scope = self.expressions.scope;
        let starts =
            |name: &String| name == index || name.strip_prefix(index).is_some_and(|rest| rest.starts_with('$'));
        if scope.signals.keys().any(starts) || scope.children.iter().chain(&scope.interfaces).any(starts) {
            self.expressions.found.add(
                Rule::LoopName,
                index,
                "the loop variable has the name of a field, and Rust-HDL puts its number there too; rename it (`ix`, `lane`)",
            );
        }
        if self.expressions.loops.value(index).is_some() {
            self.expressions.found.add(
                Rule::LoopName,
                index,
                "the loop variable hides an outer one, but Rust-HDL puts in the outer one's number; rename it",
            );
        }
    }

    /// Reports reads of what is not written yet, and of what must not be read.
    fn read(&mut self, e: &E, done: &Coverage) {
        self.reads |= self.expressions.reads_a_signal(e);
        match e {
            E::Signal(raw) => self.read_bits(raw, None, done),
            E::Literal(_) => {}
            E::Cast(a, _) | E::Signed(a) | E::Unsigned(a) | E::Paren(a) | E::Unary(_, a) => self.read(a, done),
            E::Binary(a, _, b) => {
                self.read(a, done);
                self.read(b, done);
            }
            E::Index(base, at) => self.read_slice(base, 1, at, done),
            E::Slice(base, width, at) => self.read_slice(base, *width, at, done),
            E::IndexReplace(a, b, c) => [a, b, c].into_iter().for_each(|x| self.read(x, done)),
        }
    }

    fn read_slice(&mut self, base: &E, width: usize, at: &E, done: &Coverage) {
        match (base, self.expressions.constant(at)) {
            (E::Signal(raw), Some(lsb)) => self.read_bits(raw, Some((lsb, width)), done),
            _ => self.read(base, done),
        }
        self.read(at, done);
    }

    fn read_bits(&mut self, raw: &str, part: Option<(usize, usize)>, done: &Coverage) {
        let Named::Signal(name, signal) = self.expressions.named(raw) else {
            return;
        };
        match signal.role {
            Role::ChildInput => self.expressions.found.add(
                Rule::ChildInputRead,
                text::name(raw),
                "this is a child's input: Verilog reads what was written last so far, the Rust model what was written last of all; keep the value in a Local and read that",
            ),
            Role::Local | Role::Output => {
                let (lsb, count) = part.unwrap_or((0, signal.width));
                if !done.holds(&name, lsb, count) {
                    self.expressions.found.add(
                        Rule::ReadBeforeWrite,
                        text::name(raw),
                        "this is read before it is written on every path, so Verilog takes its old value; write a default to it at the top of the kernel",
                    );
                }
            }
            Role::Input | Role::Constant | Role::ChildOutput | Role::Bidirectional => {}
        }
    }

    fn finish(self, done: &Coverage) {
        let Expressions { scope, found, .. } = self.expressions;
        for (name, signal) in &scope.signals {
            if !signal.role.is_driven_here() || done.holds(name, 0, signal.width) {
                continue;
            }
            match self.written.get(name) {
                Some(raw) => found.add(
                    Rule::Latch,
                    text::name(raw),
                    "this is not written on every path (not all of its bits, or not for the bit patterns that a match has no arm for), which makes a latch; write a default to it at the top of the kernel",
                ),
                None => found.add(
                    Rule::Undriven,
                    text::name(name),
                    "nothing drives this signal; write it in the kernel, join it, or remove it",
                ),
            }
        }
        if !self.written.is_empty() && !self.reads {
            found.add(
                Rule::NoInputs,
                "update",
                "the kernel reads no signal, so `always @(*)` never runs in Icarus and its outputs stay X; let it read one (a clock assigned to a child will do)",
            );
        }
    }
}
