//! The names of one module, and how Rust-HDL makes Verilog names of what a kernel writes.

use rust_hdl::core::atom::{Atom, AtomKind};
use rust_hdl::core::type_descriptor::{TypeDescriptor, TypeKind};
use std::collections::{BTreeMap, BTreeSet};

/// What a signal is to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Input,
    Output,
    Local,
    Constant,
    ChildInput,
    ChildOutput,
    Bidirectional,
}

impl Role {
    fn of(kind: AtomKind) -> Self {
        match kind {
            AtomKind::InputParameter => Role::Input,
            AtomKind::OutputParameter | AtomKind::OutputPassthrough => Role::Output,
            AtomKind::StubInputSignal => Role::ChildInput,
            AtomKind::StubOutputSignal => Role::ChildOutput,
            AtomKind::Constant => Role::Constant,
            AtomKind::LocalSignal => Role::Local,
            AtomKind::InOutParameter => Role::Bidirectional,
        }
    }

    /// A child's port seen from outside; `None` for what is inside the child.
    pub(super) fn seen_from_parent(kind: AtomKind) -> Option<Self> {
        match Role::of(kind) {
            Role::Input => Some(Role::ChildInput),
            Role::Output => Some(Role::ChildOutput),
            Role::Bidirectional => Some(Role::Bidirectional),
            _ => None,
        }
    }

    /// The kernel has to write it.
    pub(super) fn is_driven_here(self) -> bool {
        matches!(self, Role::Output | Role::Local | Role::ChildInput)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Signal {
    pub(super) role: Role,
    pub(super) width: usize,
    pub(super) signed: bool,
}

/// An enum that has localparams in the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EnumType {
    pub(super) name: String,
    /// As Verilog names, `State$Idle`.
    pub(super) variants: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Scope {
    pub(super) name: String,
    pub(super) signals: BTreeMap<String, Signal>,
    pub(super) children: BTreeSet<String>,
    pub(super) interfaces: BTreeSet<String>,
    pub(super) enums: Vec<EnumType>,
    open_interfaces: Vec<String>,
}

impl Scope {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_string(),
            signals: BTreeMap::new(),
            children: BTreeSet::new(),
            interfaces: BTreeSet::new(),
            enums: Vec::new(),
            open_interfaces: Vec::new(),
        }
    }

    pub(super) fn enter_interface(&mut self, name: &str) {
        self.interfaces.insert(name.to_string());
        self.open_interfaces.push(name.to_string());
    }

    pub(super) fn leave_interface(&mut self) {
        self.open_interfaces.pop();
    }

    /// Takes a field of the module and gives its Verilog name.
    pub(super) fn add_atom(&mut self, name: &str, atom: &dyn Atom) -> String {
        let mut parts = self.open_interfaces.clone();
        parts.push(name.to_string());
        let full_name = parts.join("$");
        self.add_signal(&full_name, Role::of(atom.kind()), atom);
        full_name
    }

    pub(super) fn add_signal(&mut self, name: &str, role: Role, atom: &dyn Atom) {
        let descriptor = atom.descriptor();
        self.signals.insert(
            name.to_string(),
            Signal {
                role,
                width: atom.bits(),
                signed: has_signed(&descriptor),
            },
        );
        self.add_enums(&descriptor);
    }

    fn add_enums(&mut self, descriptor: &TypeDescriptor) {
        match &descriptor.kind {
            TypeKind::Enum(variants) => {
                let found = EnumType {
                    name: descriptor.name.clone(),
                    variants: variants.iter().map(|v| v.replace("::", "$")).collect(),
                };
                if !self.enums.contains(&found) {
                    self.enums.push(found);
                }
            }
            TypeKind::Composite(fields) => fields.iter().for_each(|f| self.add_enums(&f.kind)),
            TypeKind::Bits(_) | TypeKind::Signed(_) => {}
        }
    }

    pub(super) fn is_enum_value(&self, name: &str) -> bool {
        self.enums.iter().any(|e| e.variants.iter().any(|v| v == name))
    }
}

fn has_signed(descriptor: &TypeDescriptor) -> bool {
    match &descriptor.kind {
        TypeKind::Signed(_) => true,
        TypeKind::Composite(fields) => fields.iter().any(|f| has_signed(&f.kind)),
        TypeKind::Bits(_) | TypeKind::Enum(_) => false,
    }
}

/// The loops around a place of the kernel, outermost first, with the value of this turn.
#[derive(Clone, Debug, Default)]
pub(super) struct Loops(pub(super) Vec<(String, usize)>);

/// Why a name has no Verilog name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameError {
    /// The index is not made of loop variables and numbers.
    Index,
    /// More than one index in the name.
    TwoIndices,
}

impl Loops {
    pub(super) fn value(&self, name: &str) -> Option<usize> {
        self.0.iter().find(|(variable, _)| variable == name).map(|l| l.1)
    }

    /// The Verilog name of a name of the syntax tree, with the index of an array put in.
    pub(super) fn resolve(&self, raw: &str) -> Result<String, NameError> {
        let name = raw
            .strip_prefix('.')
            .unwrap_or(raw)
            .replace("::", "$")
            .replace('.', "$");
        let name = name.trim_end_matches("$next");
        let Some(open) = name.find('[') else {
            return Ok(name.to_string());
        };
        if name[open + 1..].contains('[') {
            return Err(NameError::TwoIndices);
        }
        let close = name[open..].find(']').map(|at| open + at).ok_or(NameError::Index)?;
        let index = self.evaluate(&name[open + 1..close]).ok_or(NameError::Index)?;
        Ok(format!("{}${}{}", &name[..open], index, &name[close + 1..]))
    }

    fn evaluate(&self, text: &str) -> Option<i64> {
        let mut rest = text;
        let value = self.sum(&mut rest)?;
        rest.is_empty().then_some(value)
    }

    fn sum(&self, rest: &mut &str) -> Option<i64> {
        let mut value = self.product(rest)?;
        loop {
            if take(rest, '+') {
                value = value.checked_add(self.product(rest)?)?;
            } else if take(rest, '-') {
                value = value.checked_sub(self.product(rest)?)?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&self, rest: &mut &str) -> Option<i64> {
        let mut value = self.primary(rest)?;
        loop {
            if take(rest, '*') {
                value = value.checked_mul(self.primary(rest)?)?;
            } else if take(rest, '/') {
                value = value.checked_div(self.primary(rest)?)?;
            } else if take(rest, '%') {
                value = value.checked_rem(self.primary(rest)?)?;
            } else {
                return Some(value);
            }
        }
    }

    fn primary(&self, rest: &mut &str) -> Option<i64> {
        if take(rest, '(') {
            let value = self.sum(rest)?;
            return take(rest, ')').then_some(value);
        }
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        *rest = after;
        match word.parse::<i64>() {
            Ok(number) => Some(number),
            Err(_) => self.value(word).map(|v| v as i64),
        }
    }
}

fn take(rest: &mut &str, wanted: char) -> bool {
    match rest.strip_prefix(wanted) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loops() -> Loops {
        Loops(vec![("ix".into(), 3), ("lane".into(), 1)])
    }

    #[test]
    fn indices_are_computed() {
        assert_eq!(loops().resolve("slot[2*ix+1]$q").unwrap(), "slot$7$q");
        assert_eq!(loops().resolve("slot[(ix-1)*lane]$d$next").unwrap(), "slot$2$d");
        assert_eq!(loops().resolve("plain$q").unwrap(), "plain$q");
    }

    #[test]
    fn other_indices_are_refused() {
        assert_eq!(loops().resolve("slot[N-1]$q"), Err(NameError::Index));
        assert_eq!(loops().resolve("slot[sel$val()$index()]$q"), Err(NameError::Index));
        assert_eq!(loops().resolve("slot[ix][lane]"), Err(NameError::TwoIndices));
    }
}
