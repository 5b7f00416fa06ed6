//! Expressions of the syntax tree as text, near to what the kernel's author wrote.

use rust_hdl::core::ast::{VerilogExpression as E, VerilogLiteral, VerilogOp, VerilogOpUnary};

/// A name of the tree as the author wrote it: `ff$q` is `ff.q`.
pub(super) fn name(raw: &str) -> String {
    raw.trim_end_matches("$next").trim_start_matches('.').replace('$', ".")
}

/// Value and width of a literal; `None` when it is wider than 128 bits.
pub(super) fn literal(literal: &VerilogLiteral) -> Option<(u128, usize)> {
    let shown = literal.to_string();
    let (bits, digits) = shown.split_once('\'')?;
    let radix = if digits.starts_with('b') { 2 } else { 16 };
    let value = u128::from_str_radix(digits.get(1..)?, radix).ok()?;
    Some((value, bits.parse().ok()?))
}

pub(super) fn operator(op: &VerilogOp) -> &'static str {
    match op {
        VerilogOp::Add => "+",
        VerilogOp::Sub => "-",
        VerilogOp::Mul => "*",
        VerilogOp::LogicalAnd => "&&",
        VerilogOp::LogicalOr => "||",
        VerilogOp::BitXor => "^",
        VerilogOp::BitAnd => "&",
        VerilogOp::BitOr => "|",
        VerilogOp::Shl => "<<",
        VerilogOp::Shr => ">>",
        VerilogOp::Eq => "==",
        VerilogOp::Lt => "<",
        VerilogOp::Le => "<=",
        VerilogOp::Ne => "!=",
        VerilogOp::Ge => ">=",
        VerilogOp::Gt => ">",
    }
}

/// The expression.
pub(super) fn expression(e: &E) -> String {
    match e {
        E::Signal(raw) => name(raw),
        E::Literal(l) => match literal(l) {
            Some((value, 1)) => (value == 1).to_string(),
            Some((value, _)) if value < 10 => value.to_string(),
            Some((value, _)) => format!("{value:#x}"),
            None => l.to_string(),
        },
        E::Cast(inner, width) => format!("bit_cast::<{width}, _>({})", expression(inner)),
        E::Signed(inner) => format!("signed_cast({})", expression(inner)),
        E::Unsigned(inner) => format!("unsigned_cast({})", expression(inner)),
        E::Paren(inner) => format!("({})", expression(inner)),
        E::Binary(left, op, right) => format!("{} {} {}", expression(left), operator(op), expression(right)),
        E::Unary(VerilogOpUnary::Not, inner) => format!("!{}", expression(inner)),
        E::Unary(VerilogOpUnary::Neg, inner) => format!("-{}", expression(inner)),
        E::Unary(VerilogOpUnary::All, inner) => format!("{}.all()", expression(inner)),
        E::Unary(VerilogOpUnary::Any, inner) => format!("{}.any()", expression(inner)),
        E::Unary(VerilogOpUnary::Xor, inner) => format!("{}.xor()", expression(inner)),
        E::Index(base, at) => format!("{}.get_bit({})", expression(base), expression(at)),
        E::Slice(base, width, at) => format!("{}.get_bits::<{width}>({})", expression(base), expression(at)),
        E::IndexReplace(base, at, bit) => {
            format!(
                "{}.replace_bit({}, {})",
                expression(base),
                expression(at),
                expression(bit)
            )
        }
    }
}
