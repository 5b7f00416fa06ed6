//! Rules on expressions: grouping, widths, slices, literals.
//!
//! Verilog computes `+ - * << ~` at the width of the whole expression around them, Rust at the width of their
//! operands. Where the result is cut off to its own width anyway (an assignment, a narrowing cast) both agree.
//! Everywhere else the upper bits show, and the result has to go through a signal of its own width first.

use super::finding::{Rule, Sink};
use super::scope::{Loops, NameError, Role, Scope, Signal};
use super::text;
use rust_hdl::core::ast::{VerilogExpression as E, VerilogOp as Op, VerilogOpUnary as Unary};

/// Width of an integer without a width in Verilog: localparams of enums, loop variables.
const INTEGER_BITS: usize = 32;

/// What is around an expression.
#[derive(Clone, Copy)]
pub(super) struct Around {
    /// Bits above the expression's own width are cut off.
    cut: bool,
    /// Verilog's width here, if known.
    width: Option<usize>,
    /// What is done with the value, for the message.
    use_of: &'static str,
}

/// Walks the expressions of one kernel.
pub(super) struct Expressions<'a> {
    pub(super) scope: &'a Scope,
    pub(super) loops: Loops,
    pub(super) found: &'a mut Sink,
}

/// What a name stands for.
pub(super) enum Named {
    LoopValue,
    Signal(String, Signal),
    EnumValue,
    Unknown,
}

pub(super) fn is_comparison(op: &Op) -> bool {
    matches!(op, Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge)
}

/// How tightly Verilog's operators bind.
fn verilog_binding(op: &Op) -> u8 {
    match op {
        Op::Mul => 9,
        Op::Add | Op::Sub => 8,
        Op::Shl | Op::Shr => 7,
        Op::Lt | Op::Le | Op::Gt | Op::Ge => 6,
        Op::Eq | Op::Ne => 5,
        Op::BitAnd => 4,
        Op::BitXor => 3,
        Op::BitOr => 2,
        Op::LogicalAnd => 1,
        Op::LogicalOr => 0,
    }
}

fn inside_parens(e: &E) -> &E {
    match e {
        E::Paren(inner) => inside_parens(inner),
        other => other,
    }
}

fn widest(a: Option<usize>, b: Option<usize>) -> Option<usize> {
    Some(a?.max(b?))
}

impl Expressions<'_> {
    /// What the name of a signal in the tree stands for.
    pub(super) fn named(&self, raw: &str) -> Named {
        if self.loops.value(raw).is_some() {
            return Named::LoopValue;
        }
        match self.loops.resolve(raw) {
            Ok(name) => match self.scope.signals.get(&name) {
                Some(signal) => Named::Signal(name, *signal),
                None if self.scope.is_enum_value(&name) => Named::EnumValue,
                None => Named::Unknown,
            },
            Err(_) => Named::Unknown,
        }
    }

    /// The value if it is one for this turn of the loops.
    pub(super) fn constant(&self, e: &E) -> Option<usize> {
        match inside_parens(e) {
            E::Literal(l) => text::literal(l).map(|(value, _)| value as usize),
            E::Signal(raw) => self.loops.value(raw),
            E::Binary(left, op, right) => {
                let (left, right) = (self.constant(left)?, self.constant(right)?);
                match op {
                    Op::Add => left.checked_add(right),
                    Op::Sub => left.checked_sub(right),
                    Op::Mul => left.checked_mul(right),
                    Op::Shl => left.checked_shl(right as u32),
                    Op::Shr => left.checked_shr(right as u32),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Width in Rust; `None` for what takes its width from its surroundings.
    pub(super) fn rust_width(&self, e: &E) -> Option<usize> {
        match e {
            E::Signal(raw) => match self.named(raw) {
                Named::Signal(_, signal) => Some(signal.width),
                _ => None,
            },
            E::Literal(l) => text::literal(l).filter(|(_, bits)| *bits == 1).map(|_| 1),
            E::Cast(_, width) => Some(*width),
            E::Paren(inner) | E::IndexReplace(inner, _, _) | E::Unary(Unary::Not | Unary::Neg, inner) => {
                self.rust_width(inner)
            }
            E::Unary(Unary::All | Unary::Any | Unary::Xor, _) | E::Index(_, _) => Some(1),
            E::Slice(_, width, _) => Some(*width),
            E::Binary(left, op, right) => match op {
                op if is_comparison(op) => Some(1),
                Op::LogicalAnd | Op::LogicalOr => Some(1),
                Op::Shl | Op::Shr => self.rust_width(left),
                Op::Mul => Some(self.rust_width(left)? + self.rust_width(right)?),
                _ => self.rust_width(left).max(self.rust_width(right)),
            },
            E::Signed(_) | E::Unsigned(_) => None,
        }
    }

    /// Width that Verilog gives the expression when nothing is around it.
    pub(super) fn verilog_width(&self, e: &E) -> Option<usize> {
        match e {
            E::Signal(raw) => match self.named(raw) {
                Named::Signal(_, signal) => Some(signal.width),
                Named::LoopValue | Named::EnumValue => Some(INTEGER_BITS),
                Named::Unknown => None,
            },
            E::Literal(l) => text::literal(l).map(|(_, bits)| bits),
            E::Cast(inner, width) => widest(self.verilog_width(inner), Some(*width)),
            E::Paren(inner) | E::Unary(Unary::Not | Unary::Neg, inner) => self.verilog_width(inner),
            E::Unary(Unary::All | Unary::Any | Unary::Xor, _) | E::Index(_, _) => Some(1),
            E::Slice(_, width, _) => Some(*width),
            E::IndexReplace(inner, _, _) => widest(self.verilog_width(inner), Some(INTEGER_BITS)),
            E::Binary(left, op, right) => match op {
                op if is_comparison(op) => Some(1),
                Op::LogicalAnd | Op::LogicalOr => Some(1),
                Op::Shl | Op::Shr => self.verilog_width(left),
                _ => widest(self.verilog_width(left), self.verilog_width(right)),
            },
            E::Signed(_) | E::Unsigned(_) => None,
        }
    }

    /// Checks a value that is assigned to `target_width` bits.
    pub(super) fn assigned(&mut self, value: &E, target_width: Option<usize>) {
        if let Some(width) = target_width {
            self.literal_fits(value, width, value);
        }
        let width = widest(self.verilog_width(value), target_width);
        self.check(
            value,
            Around {
                cut: true,
                width,
                use_of: "assigned",
            },
        );
    }

    /// Checks a value that stands alone and is used as it is: a condition, the operand of a match, an index.
    pub(super) fn alone(&mut self, value: &E, use_of: &'static str, at_least: usize) {
        let width = widest(self.verilog_width(value), Some(at_least));
        self.check(
            value,
            Around {
                cut: false,
                width,
                use_of,
            },
        );
    }

    fn check(&mut self, e: &E, around: Around) {
        match e {
            E::Signal(raw) => self.name(raw),
            E::Literal(_) => {}
            E::Paren(inner) => self.check(inner, around),
            E::Cast(inner, width) => self.cast(e, inner, *width, around),
            E::Signed(inner) | E::Unsigned(inner) => {
                self.found.add(
                    Rule::SignedCast,
                    text::expression(e),
                    "a signed cast does not truncate or extend in Verilog as it does in Rust; use Bits with an explicit borrow or sign bit",
                );
                self.alone(inner, "cast", 1);
            }
            E::Unary(Unary::Not, inner) => self.not(e, inner, around),
            E::Unary(Unary::Neg, inner) => {
                self.found.add(
                    Rule::Literal,
                    text::expression(e),
                    "a negative value has no width; write the constant out or subtract from 0 in a Local",
                );
                self.check(inner, around);
            }
            E::Unary(Unary::All, inner) => {
                let narrow = self.rust_width(inner);
                if narrow.is_none() || narrow != self.verilog_width(inner) {
                    self.found.add(
                        Rule::Width,
                        text::expression(e),
                        "`all()` of an expression with a literal or a cast looks at Verilog's upper bits, which are 0; assign it to a Local of its width and reduce the Local",
                    );
                }
                self.alone(inner, "reduced", 1);
            }
            E::Unary(_, inner) => self.alone(inner, "reduced", 1),
            E::Binary(left, op, right) => self.binary(e, left, op, right, around),
            E::Index(base, at) => self.slice(e, base, 1, at),
            E::Slice(base, width, at) => self.slice(e, base, *width, at),
            E::IndexReplace(base, at, bit) => {
                self.check(base, around);
                self.index(e, base, 1, at);
                self.check(
                    bit,
                    Around {
                        cut: false,
                        use_of: "put in another value",
                        ..around
                    },
                );
            }
        }
    }

    fn name(&mut self, raw: &str) {
        match self.loops.resolve(raw) {
            Err(NameError::TwoIndices) => self.found.add(
                Rule::ArrayIndex,
                text::name(raw),
                "Rust-HDL computes only one index of a name; use a flat array, as in `[row * COLUMNS + column]`",
            ),
            Err(NameError::Index) => self.found.add(
                Rule::ArrayIndex,
                text::name(raw),
                "an index may only have loop variables and numbers; loop over all elements and compare the loop variable with the index, or loop and let the last write win",
            ),
            Ok(_) if !matches!(self.named(raw), Named::Unknown) => {}
            Ok(_) if raw.contains("val()") => self.found.add(
                Rule::UnknownName,
                raw.replace('$', "."),
                "a field of a field has no Verilog; copy the inner struct to a Local of its type and read the Local's field",
            ),
            Ok(_) => self.found.add(
                Rule::UnknownName,
                text::name(raw),
                "Verilog has no such name in this module; put a const into a `Constant<Bits<_>>` field, and write enum values as `Type::Variant` with a signal of that type in the module",
            ),
        }
    }

    fn cast(&mut self, e: &E, inner: &E, width: usize, around: Around) {
        self.literal_fits(inner, width, e);
        let narrows = self.rust_width(inner).is_some_and(|own| width <= own);
        let around_inner = Around {
            cut: narrows,
            width: widest(widest(self.verilog_width(inner), Some(width)), around.width),
            use_of: "widened",
        };
        self.check(inner, around_inner);
    }

    fn not(&mut self, e: &E, inner: &E, around: Around) {
        if let E::Literal(l) = inside_parens(inner) {
            if text::literal(l).is_none_or(|(_, bits)| bits != 1) {
                self.found.add(
                    Rule::Literal,
                    text::expression(e),
                    "the complement of a literal has no width; write the mask out",
                );
            }
            return;
        }
        // `~|x` is one operator with one bit.
        let reduction = matches!(inner, E::Unary(Unary::All | Unary::Any | Unary::Xor, _));
        let own_width = self.rust_width(inner);
        if !around.cut && !reduction && (own_width.is_none() || own_width != around.width) {
            let (rule, message) = if around.use_of == "added" {
                (
                    Rule::NotInSum,
                    "Verilog inverts at the width of the sum, so this bit becomes many; assign it to a Local Bit first or use `if`".to_string(),
                )
            } else {
                (
                    Rule::Width,
                    self.use_a_local("inverted value", "inverts the upper bits too", around),
                )
            };
            self.found.add(rule, text::expression(e), message);
        }
        self.check(inner, around);
    }

    fn binary(&mut self, e: &E, left: &E, op: &Op, right: &E, around: Around) {
        self.grouping(e, left, op, right);
        if !matches!(op, Op::Shl | Op::Shr | Op::LogicalAnd | Op::LogicalOr | Op::Mul) {
            for (literal, other) in [(left, right), (right, left)] {
                if let Some(width) = self.rust_width(other) {
                    self.literal_fits(literal, width, e);
                }
            }
        }
        match op {
            Op::Add | Op::Sub | Op::Mul | Op::Shl if !around.cut && self.constant(e).is_none() => {
                let kept = match op {
                    Op::Sub => "keeps the borrow",
                    Op::Shl => "keeps the bits shifted out",
                    _ => "keeps the carry",
                };
                let message = self.use_a_local("result", kept, around);
                self.found.add(Rule::Width, text::expression(e), message);
            }
            _ => {}
        }
        match op {
            Op::Add | Op::Sub => {
                let own_width = self.rust_width(e);
                for operand in [left, right] {
                    let narrow = self.rust_width(operand).is_some_and(|width| Some(width) != own_width);
                    let around_operand = if narrow {
                        Around {
                            cut: false,
                            use_of: "added",
                            ..around
                        }
                    } else {
                        around
                    };
                    self.check(operand, around_operand);
                }
            }
            Op::Mul => {
                for operand in [left, right] {
                    self.check(
                        operand,
                        Around {
                            cut: false,
                            use_of: "multiplied",
                            ..around
                        },
                    );
                }
            }
            Op::Shl | Op::Shr => {
                let cut = around.cut && matches!(op, Op::Shl);
                let use_of = if matches!(op, Op::Shr) {
                    "shifted right"
                } else {
                    around.use_of
                };
                self.check(left, Around { cut, use_of, ..around });
                self.alone(right, "a shift amount", 1);
            }
            Op::LogicalAnd | Op::LogicalOr => {
                self.alone(left, "a condition", 1);
                self.alone(right, "a condition", 1);
            }
            op if is_comparison(op) => {
                let width = widest(self.verilog_width(left), self.verilog_width(right));
                for operand in [left, right] {
                    self.check(
                        operand,
                        Around {
                            cut: false,
                            width,
                            use_of: "compared",
                        },
                    );
                }
            }
            _ => {
                self.check(left, around);
                self.check(right, around);
            }
        }
    }

    fn use_a_local(&self, what: &str, kept: &str, around: Around) -> String {
        format!(
            "the {what} is {} in the same expression, where Verilog {kept}; assign it to a Local of its own width and use the Local",
            match around.use_of {
                "a shift amount" | "an index" | "a condition" | "a match operand" => format!("used as {}", around.use_of),
                other => other.to_string(),
            }
        )
    }

    /// The tree's grouping must be the one Verilog finds in the text without parentheses.
    fn grouping(&mut self, e: &E, left: &E, op: &Op, right: &E) {
        let binding = verilog_binding(op);
        let left_regroups = matches!(left, E::Binary(_, inner, _) if verilog_binding(inner) < binding);
        let right_regroups = matches!(right, E::Binary(_, inner, _) if verilog_binding(inner) <= binding);
        if left_regroups || right_regroups {
            self.found.add(
                Rule::Precedence,
                text::expression(e),
                "Verilog groups this differently; put every comparison and every bitwise operand in parentheses",
            );
        }
    }

    fn literal_fits(&mut self, e: &E, width: usize, whole: &E) {
        let E::Literal(l) = inside_parens(e) else {
            return;
        };
        let fits = text::literal(l).is_some_and(|(value, _)| width >= 128 || value >> width == 0);
        if !fits {
            self.found.add(
                Rule::Literal,
                text::expression(whole),
                format!("the literal does not fit in {width} bits: Rust-HDL stops there, Verilog cuts it off; write a value that fits"),
            );
        }
    }

    fn slice(&mut self, e: &E, base: &E, width: usize, at: &E) {
        if !matches!(base, E::Signal(_)) {
            self.found.add(
                Rule::SliceOfExpression,
                text::expression(e),
                "Verilog slices only signals; assign the value to a Local and slice the Local",
            );
            self.alone(base, "sliced", 1);
        } else {
            self.check(
                base,
                Around {
                    cut: true,
                    width: None,
                    use_of: "sliced",
                },
            );
        }
        self.index(e, base, width, at);
    }

    fn index(&mut self, e: &E, base: &E, width: usize, at: &E) {
        let base_width = self.rust_width(base);
        if let Some(at) = self.constant(at) {
            if base_width.is_some_and(|bits| at + width > bits) {
                self.found.add(
                    Rule::OutOfRange,
                    text::expression(e),
                    "the slice ends beyond the signal, which is X in Verilog; correct the offset or the width",
                );
            }
            return;
        }
        self.alone(at, "an index", 1);
        let reach = self
            .rust_width(at)
            .map(|bits| ((1usize << bits.min(24)) - 1).saturating_add(width));
        if let (Some(bits), Some(reach)) = (base_width, reach) {
            if reach > bits {
                self.found.add(
                    Rule::OutOfRange,
                    text::expression(e),
                    format!("the index can reach bit {} of {bits}, which is X in Verilog; shift right by a Local instead, or make the index narrower", reach - 1),
                );
            }
        }
    }

    /// Whether the kernel reads something that changes.
    pub(super) fn reads_a_signal(&self, e: &E) -> bool {
        match e {
            E::Signal(raw) => matches!(self.named(raw), Named::Signal(_, s) if s.role != Role::Constant),
            E::Literal(_) => false,
            E::Cast(a, _) | E::Signed(a) | E::Unsigned(a) | E::Paren(a) | E::Unary(_, a) => self.reads_a_signal(a),
            E::Binary(a, _, b) | E::Index(a, b) | E::Slice(a, _, b) => self.reads_a_signal(a) || self.reads_a_signal(b),
            E::IndexReplace(a, b, c) => [a, b, c].into_iter().any(|x| self.reads_a_signal(x)),
        }
    }
}
