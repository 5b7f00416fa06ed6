//! Places a model's registers so that a clock moves many at a time.
//!
//! Verilator writes a flip-flop as `q = d`, a load and a store each, hundreds of them a clock, and the speed of a model is
//! that of fetching its straight-line code. When all `q` lie side by side and all `d` in the same order, the compiler
//! merges neighbours into one move. Only the order of members changes, so what the model does cannot.

use std::collections::{BTreeMap, HashMap, HashSet};

/// Changes with what this makes of a header: part of the names of built models.
pub(super) const VERSION: &str = "flip-flops side by side, 2";
/// Types of members, widest first, so that nothing lies between two of a type.
const TYPES: [&str; 4] = ["QData", "IData", "SData", "CData"];
/// What comes behind the last member of the design.
const BEHIND: &str = "    // INTERNAL VARIABLES";

/// A header, and what was placed in it.
pub(super) struct Placed {
    pub(super) header: String,
    /// `q` and `d` of flip-flops by group, in the order in which they lie.
    pub(super) groups: BTreeMap<usize, Vec<(String, String)>>,
}

/// The header of a model's insides with the flip-flops of a group side by side; `sources` is the C++ of its clock. A
/// header that is not as expected stays as it is.
pub(super) fn side_by_side(header: &str, sources: &str, group: impl Fn(&str) -> usize) -> Placed {
    let members: HashMap<&str, &str> = header
        .lines()
        .filter_map(member)
        .map(|(kind, name)| (name, kind))
        .collect();
    let mut placed = HashSet::new();
    let mut groups = BTreeMap::<usize, Vec<_>>::new();
    for (q, d) in flip_flops(sources) {
        let kind = members.get(q).filter(|kind| members.get(d) == Some(kind));
        if let (Some(kind), false, false) = (kind, placed.contains(q), placed.contains(d)) {
            placed.extend([q, d]);
            groups.entry(group(q)).or_default().push((*kind, q, d));
        }
    }
    if placed.is_empty() || header.lines().filter(|line| *line == BEHIND).count() != 1 {
        return Placed {
            header: header.to_owned(),
            groups: BTreeMap::new(),
        };
    }
    let width = |kind: &str| TYPES.iter().position(|prefix| kind.starts_with(prefix));
    // stable: within a type they keep the order in which they are moved
    groups
        .values_mut()
        .for_each(|pairs| pairs.sort_by_key(|(kind, ..)| width(kind)));
    let mut text = String::new();
    for line in header.lines() {
        if line == BEHIND {
            for pairs in groups.values() {
                let mut list = |side: fn(&(&str, &str, &str)) -> String| {
                    text += "    struct alignas(64) {\n";
                    text.extend(pairs.iter().map(side));
                    text += "    };\n";
                };
                list(|(kind, q, _)| format!("        {kind} {q};\n"));
                list(|(kind, _, d)| format!("        {kind} {d};\n"));
            }
        }
        if member(line).is_none_or(|(_, name)| !placed.contains(name)) {
            text += line;
            text.push('\n');
        }
    }
    let names = |pairs: Vec<(&str, &str, &str)>| pairs.into_iter().map(|(_, q, d)| (q.into(), d.into())).collect();
    Placed {
        header: text,
        groups: groups.into_iter().map(|(group, pairs)| (group, names(pairs))).collect(),
    }
}

/// Type and name of a member of up to 64 bits: `SData/*9:0*/ name;`.
fn member(line: &str) -> Option<(&str, &str)> {
    let (kind, name) = line.trim().strip_suffix(';')?.split_once(' ')?;
    let plain = !name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    // the width in the comment is not part of the type
    let (kind, _) = kind.split_once("/*")?;
    (plain && TYPES.contains(&kind)).then_some((kind, name))
}

/// Flip-flops, `vlSelf->q = vlSelf->d;` as a statement of its own, in the order in which they are moved.
fn flip_flops(sources: &str) -> impl Iterator<Item = (&str, &str)> {
    // a statement begins behind the end of another one, or of a block
    let statements = sources.split_inclusive([';', '{', '}']).filter_map(|statement| {
        let (left, right) = statement.strip_suffix(';')?.split_once('=')?;
        let q = left.trim().strip_prefix("vlSelf->")?;
        let d = right.trim().strip_prefix("vlSelf->")?;
        (q.ends_with("__024q") && d.ends_with("__024d")).then_some((q, d))
    });
    statements.filter(|(q, d)| q.trim_end_matches('q') == d.trim_end_matches('d'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "  public:
    struct {
        CData/*0:0*/ a__024q;
        CData/*0:0*/ a__024d;
        CData/*0:0*/ other;
        SData/*9:0*/ b__024d;
        SData/*9:0*/ b__024q;
        SData/*9:0*/ c__024q;
        CData/*0:0*/ c__024d;
    };
    // INTERNAL VARIABLES
    Syms* const vlSymsp;
";

    #[test]
    fn flip_flops_lie_in_the_same_order_widest_first() {
        let sources = "{\n    vlSelf->a__024q = vlSelf->a__024d;\n    vlSelf->b__024q \n        = vlSelf->b__024d;\n
            vlSelf->c__024q = vlSelf->c__024d;\n    vlSelf->other = vlSelf->a__024d;\n";
        let expected = "  public:
    struct {
        CData/*0:0*/ other;
        SData/*9:0*/ c__024q;
        CData/*0:0*/ c__024d;
    };
    struct alignas(64) {
        SData b__024q;
        CData a__024q;
    };
    struct alignas(64) {
        SData b__024d;
        CData a__024d;
    };
    // INTERNAL VARIABLES
    Syms* const vlSymsp;
";
        let placed = side_by_side(HEADER, sources, |_| 0);
        assert_eq!(placed.header, expected);
        let b = ("b__024q".to_owned(), "b__024d".to_owned());
        assert_eq!(placed.groups[&0][0], b);
        // groups lie behind one another
        let placed = side_by_side(HEADER, sources, |q| usize::from(q == "b__024q"));
        assert_eq!(placed.groups[&1], [b]);
        assert!(placed.header.find("CData a__024d;") < placed.header.find("SData b__024q;"));
    }

    #[test]
    fn what_is_not_as_expected_stays() {
        assert_eq!(side_by_side(HEADER, "x = y;", |_| 0).header, HEADER);
        let sources = "vlSelf->a__024q = vlSelf->a__024d;";
        let header = HEADER.replace("INTERNAL", "OTHER");
        assert_eq!(side_by_side(&header, sources, |_| 0).header, header);
    }
}
