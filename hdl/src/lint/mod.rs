//! Kernel lint: finds what Rust-HDL accepts but Verilog understands differently.
//!
//! Rust-HDL copies the expressions of `update` to Verilog as they are written. Verilog sizes an expression by its
//! context where Rust wraps at the width of the operands, has other precedences, and keeps the old value of what is
//! not assigned on a path. None of that is reported by Rust-HDL or by a simulator, so it is found here: [`check`]
//! looks at the syntax tree of every module of a design, [`check_sources`] at the source text for what is no longer
//! in the tree. Each finding names its [`Rule`] and says what to write instead. Modules whose body is hand-written
//! Verilog have no tree; [`inspect`] lists them.

mod coverage;
mod expression;
mod finding;
mod flow;
mod names;
mod scope;
mod source;
mod text;

pub use finding::{Finding, Rule};
pub use source::{check_source, check_sources};

use rust_hdl::core::ast::Verilog;
use rust_hdl::core::atom::Atom;
use rust_hdl::core::probe::Probe;
use rust_hdl::prelude::Block;
use scope::{Role, Scope};
use std::collections::BTreeSet;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// What the lint saw of a design.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is wrong, by module in the order of the design.
    pub findings: Vec<Finding>,
    /// Paths of the modules whose kernels were checked.
    pub checked: Vec<String>,
    /// Paths of the modules that were not, registers aside: their body is hand-written Verilog, or there is none.
    pub skipped: Vec<String>,
}

/// Checks the kernels of `block` and of everything below it; `top_name` is the name of the outermost module.
pub fn check(block: &dyn Block, top_name: &str) -> Vec<Finding> {
    inspect(block, top_name).findings
}

/// Like [`check`], and says which modules were looked at.
pub fn inspect(block: &dyn Block, top_name: &str) -> Report {
    let mut walk = Walk::default();
    block.accept(top_name, &mut walk);
    walk.report
}

/// Rust-HDL's `DFF`, which is in every design a hundred times.
fn is_flip_flop(scope: &Scope) -> bool {
    scope.signals.keys().map(String::as_str).eq(["clock", "d", "q"])
}

/// Goes through the modules; each is checked when all its fields are known.
#[derive(Default)]
struct Walk {
    open: Vec<Scope>,
    report: Report,
}

impl Walk {
    fn path(&self) -> String {
        self.open.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join("$")
    }
}

impl Probe for Walk {
    fn visit_start_scope(&mut self, name: &str, _node: &dyn Block) {
        if let Some(parent) = self.open.last_mut() {
            parent.children.insert(name.to_string());
        }
        self.open.push(Scope::new(name));
    }

    fn visit_start_namespace(&mut self, name: &str, _node: &dyn Block) {
        if let Some(scope) = self.open.last_mut() {
            scope.enter_interface(name);
        }
    }

    fn visit_atom(&mut self, name: &str, signal: &dyn Atom) {
        let Some(scope) = self.open.last_mut() else {
            return;
        };
        let full_name = scope.add_atom(name, signal);
        let child = scope.name.clone();
        // A child's ports are signals of its parent.
        if let (Some(role), Some(position)) = (Role::seen_from_parent(signal.kind()), self.open.len().checked_sub(2)) {
            self.open[position].add_signal(&format!("{child}${full_name}"), role, signal);
        }
    }

    fn visit_end_namespace(&mut self, _name: &str, _node: &dyn Block) {
        if let Some(scope) = self.open.last_mut() {
            scope.leave_interface();
        }
    }

    fn visit_end_scope(&mut self, _name: &str, node: &dyn Block) {
        let path = self.path();
        let Some(scope) = self.open.pop() else {
            return;
        };
        let mut found = finding::Sink::new(&path);
        let body = match catch_unwind(AssertUnwindSafe(|| node.hdl())) {
            Ok(Verilog::Combinatorial(body)) => body,
            Ok(_) => {
                if !is_flip_flop(&scope) {
                    self.report.skipped.push(path);
                }
                return;
            }
            Err(panic) => {
                let reason = panic
                    .downcast_ref::<String>()
                    .map_or("no reason is given", String::as_str);
                let message = format!(
                    "Rust-HDL stops while it makes the syntax tree of this kernel: {reason}; correct the kernel"
                );
                found.add(Rule::NoTree, "update", message);
                self.report.findings.extend(found.into_findings());
                return;
            }
        };
        names::check(&scope, &mut found);
        flow::check(&scope, &body, &mut found);
        let mut seen = BTreeSet::new();
        self.report.findings.extend(
            found
                .into_findings()
                .into_iter()
                .filter(|f| seen.insert((f.rule, f.message.clone(), f.expression.clone()))),
        );
        self.report.checked.push(path);
    }
}
