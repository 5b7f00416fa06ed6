//! What the shim asks a model with further clocks: which groups change at the next edge.
//!
//! The question must be exact, so it is read from the C++ that Verilator wrote: a flip-flop of a group is judged by the
//! one statement that moves it, `q = d` or `q` and some other expression. One that has no such statement, or one that
//! asks for more than members, is told, and gets the clock itself.

use super::idle::{self, Split};
use super::layout::Placed;
use anyhow::{ensure, Context as _, Result};
use regex::Regex;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Flip-flops and held inputs, and how they move.
pub(super) struct Moves {
    /// Groups of flip-flops by the name of their `q` in C++.
    pub(super) groups: HashMap<String, usize>,
    /// What a member, or a word of a wide one, becomes at the edge.
    becomes: BTreeMap<String, Vec<(String, String)>>,
    /// Held inputs and what they hold, by group.
    inputs: BTreeMap<usize, Vec<(String, String)>>,
    /// Modules of flip-flops that cannot be judged.
    pub(super) unknown: HashSet<String>,
}

/// One statement that gives a member a value.
struct Statement<'a> {
    word: Option<usize>,
    value: &'a str,
    /// In no condition.
    plain: bool,
}

impl Moves {
    /// Reads the statements of the model's clock, `sources`. Its header tells the members.
    pub(super) fn read(split: &Split, top: &str, header: &str, sources: &str) -> Result<Moves> {
        let sources = Regex::new("//.*")?.replace_all(sources, "");
        let members = members(header)?;
        let statements = statements(&sources)?;
        let word = Regex::new(r"\w+")?;
        let names: HashSet<String> = word.find_iter(&sources).map(|name| plain_name(name.as_str())).collect();
        let pure = Regex::new(r"^(vlSelf->\w+|[IQCS]Data|0x[0-9a-f]+U?L*|\d+U?L*|[\s()\[\]<>&|^~+\-*=!?:])*$")?;

        let mut moves = Moves {
            groups: HashMap::new(),
            becomes: BTreeMap::new(),
            inputs: BTreeMap::new(),
            unknown: HashSet::new(),
        };
        for (module, group) in &split.flip_flops {
            let name = format!("{module}$q");
            let Some((member, words)) = members.get(&name) else {
                // what the optimiser took out does not change; what it keeps in a function cannot be asked
                if names.contains(&name) {
                    moves.unknown.insert(module.clone());
                }
                continue;
            };
            let empty = vec![];
            let found = statements.get(member.as_str()).unwrap_or(&empty);
            let whole = match words {
                None => found.len() == 1 && found[0].word.is_none(),
                Some(words) => {
                    let places: HashSet<_> = found.iter().filter_map(|statement| statement.word).collect();
                    found.len() == *words && places.len() == *words
                }
            };
            let known = found
                .iter()
                .all(|statement| statement.plain && pure.is_match(statement.value));
            if !whole || !known || sources.contains(&format!("__Vdly__{member}")) {
                moves.unknown.insert(module.clone());
                continue;
            }
            let becomes = found.iter().map(|statement| {
                let word = statement.word.map(|word| format!("[{word}U]")).unwrap_or_default();
                (format!("{member}{word}"), statement.value.to_owned())
            });
            moves.becomes.insert(member.clone(), becomes.collect());
            moves.groups.insert(member.clone(), *group);
        }
        for (input, group) in &split.inputs {
            if let Some((member, words)) = members.get(&format!("{top}${}", idle::held(input))) {
                let (port, _) = members.get(input).context("an input is no member of the model")?;
                ensure!(words.is_none(), "an input is wider than 64 bits");
                moves
                    .inputs
                    .entry(*group)
                    .or_default()
                    .push((member.clone(), port.clone()));
            }
        }
        Ok(moves)
    }

    /// The functions of the shim; `sources` is the C++ of the model's clock.
    pub(super) fn source(&self, split: &Split, placed: &Placed, sources: &str) -> Result<String> {
        let clocks = idle::clocks(split.groups);
        let triggers = triggers(sources, &clocks)?;
        let raise = |clock: &str| format!("vlSelf->__VnbaTriggered.at({}U) = true;", triggers[clock]);

        let mut text = String::from("#define SEGWALK_IDLE\n#include <cstring>\n");
        text += "static void segwalk_low(Vmodel* top) {\n";
        text.extend(clocks.iter().map(|clock| format!("    top->{clock} = 0;\n")));
        text += "}\nstatic bool segwalk_inputs(Vmodel___024root* vlSelf) {\n    bool any = false;\n";
        for (group, inputs) in &self.inputs {
            let differ: Vec<String> = inputs
                .iter()
                .map(|(held, port)| format!("(vlSelf->{held} != vlSelf->{port})"))
                .collect();
            text += &format!(
                "    if ({}) {{ {} any = true; }}\n",
                differ.join("\n        | "),
                raise(&idle::input_clock(*group))
            );
        }
        text += "    return any;\n}\nstatic void segwalk_raise(Vmodel___024root* vlSelf) {\n";
        for group in 1..=split.groups {
            let changes = self.changes(group, placed);
            text += &format!(
                "    if ({}) {}\n",
                changes.join("\n        || "),
                raise(&idle::clock(group))
            );
        }
        Ok(text + &format!("    {}\n}}\n", raise("clock")))
    }

    /// Conditions one of which holds when a group changes.
    fn changes(&self, group: usize, placed: &Placed) -> Vec<String> {
        let mut changes = vec![format!("vlSelf->{}", idle::writes(group))];
        let mut side_by_side = HashSet::new();
        if let Some(pairs) = placed.groups.get(&group) {
            side_by_side.extend(pairs.iter().map(|(q, _)| q.as_str()));
            if let (Some((q, d)), Some((last, _))) = (pairs.first(), pairs.last()) {
                changes.push(format!(
                    "std::memcmp(&vlSelf->{q}, &vlSelf->{d},
            (const char*)(&vlSelf->{last} + 1) - (const char*)&vlSelf->{q}) != 0"
                ));
            }
        }
        let alone = self
            .becomes
            .iter()
            .filter(|(q, _)| self.groups.get(*q) == Some(&group) && !side_by_side.contains(q.as_str()));
        let differ: Vec<String> = alone
            .flat_map(|(_, becomes)| becomes)
            .map(|(q, value)| format!("(vlSelf->{q} != ({value}))"))
            .collect();
        if !differ.is_empty() {
            changes.push(format!("({})", differ.join("\n            | ")));
        }
        changes
    }
}

/// Verilator's name of a member as in the Verilog, with `$` between instances.
fn plain_name(mangled: &str) -> String {
    mangled.replace("__DOT__", "$").replace("__024", "$")
}

/// Members by plain name: name in C++ and, of wide ones, the number of words.
fn members(header: &str) -> Result<HashMap<String, (String, Option<usize>)>> {
    let member = Regex::new(r"(?m)^\s*(?:[CSIQ]Data|VlWide<(\d+)>)/\*\d+:0\*/ (\w+);$")?;
    let port = Regex::new(r"(?m)^\s*VL_(?:IN|OUT)(?:8|16|64|)\((\w+),")?;
    let ports = port
        .captures_iter(header)
        .map(|c| (plain_name(&c[1]), (c[1].to_owned(), None)));
    let members = member.captures_iter(header).map(|c| {
        let words = c.get(1).and_then(|words| words.as_str().parse().ok());
        (plain_name(&c[2]), (c[2].to_owned(), words))
    });
    Ok(members.chain(ports).collect())
}

/// All statements that give a member a value, by member.
fn statements(sources: &str) -> Result<HashMap<&str, Vec<Statement<'_>>>> {
    let move_ = Regex::new(r"^\s*vlSelf->(\w+)\s*(?:\[(0x[0-9a-f]+|\d+)U\]\s*)?=\s*([^=][\s\S]*);$")?;
    let mut found = HashMap::<_, Vec<_>>::new();
    let mut depth = 0;
    for statement in sources.split_inclusive([';', '{', '}']) {
        match statement.chars().last() {
            Some('{') => depth += 1,
            Some('}') => depth -= 1,
            _ => {}
        }
        if let Some(parts) = move_.captures(statement) {
            let whole = |at| parts.get(at).map(|part: regex::Match<'_>| part.as_str());
            let word = whole(2).map(|word| match word.strip_prefix("0x") {
                Some(digits) => usize::from_str_radix(digits, 16),
                None => word.parse(),
            });
            found.entry(whole(1).unwrap_or_default()).or_default().push(Statement {
                word: word.transpose()?,
                value: whole(3).unwrap_or_default(),
                plain: depth == 1,
            });
        }
    }
    Ok(found)
}

/// Numbers of the clocks' triggers, when rising edges of these clocks are all that the model waits for.
fn triggers<'a>(sources: &str, clocks: &'a [String]) -> Result<HashMap<&'a str, usize>> {
    let trigger = Regex::new(r"__VactTriggered\.at\((\d+)U\)\s*=\s*\(\(IData\)\(vlSelf->(\w+)\)\s*&")?;
    let found: HashMap<String, usize> = trigger
        .captures_iter(sources)
        .filter_map(|c| Some((c[2].to_owned(), c[1].parse().ok()?)))
        .collect();
    let all = sources.matches("__VactTriggered.at(").count();
    // what is done at the edge must be all in one function, which looks at the triggers
    let active = Regex::new(r"___eval_act\(\w+\* vlSelf\) \{[^}]*\}[^}]*Triggered[^}]*\}")?;
    ensure!(
        all == clocks.len() && sources.contains("___eval_nba(Vmodel___024root* vlSelf) {") && !active.is_match(sources),
        "the model waits for other edges than those of its clocks"
    );
    clocks
        .iter()
        .map(|clock| Ok((clock.as_str(), *found.get(clock).context("a clock has no trigger")?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verilated::layout;

    const HEADER: &str = "
        VL_IN8(clock,0,0);
        VL_IN8(go,0,0);
        CData/*0:0*/ t__DOT__held__024go;
        SData/*9:0*/ t__DOT__a__024q;
        SData/*9:0*/ t__DOT__a__024d;
        SData/*9:0*/ t__DOT__b__024q;
        SData/*9:0*/ t__DOT__c__024q;
        SData/*9:0*/ t__DOT__e__024q;
        VlWide<2>/*39:0*/ t__DOT__w__024q;
    // INTERNAL VARIABLES
";
    const SOURCES: &str = "
void Vmodel___024root___eval_nba(Vmodel___024root* vlSelf) {
    // Body
    vlSelf->t__DOT__a__024q 
        = vlSelf->t__DOT__a__024d;
    vlSelf->t__DOT__b__024q = (0x3ffU & ((IData)(vlSelf->t__DOT__a__024q) >> 1U));
    vlSelf->t__DOT__w__024q[0U] = vlSelf->x[0U];
    vlSelf->t__DOT__w__024q[1U] = vlSelf->x[1U];
    vlSelf->t__DOT__c__024q = local;
    if (vlSelf->go) {
        vlSelf->t__DOT__e__024q = vlSelf->x;
    }
    t__DOT__f__024q = vlSelf->x;
}
void Vmodel___024root___eval_act(Vmodel___024root* vlSelf) {
    if (false && vlSelf) {}
}
void triggers(Vmodel___024root* vlSelf) {
TRIGGERS}
";

    fn split() -> Split {
        let parts = ["a", "b", "c", "e", "f", "gone", "w"];
        Split {
            verilog: String::new(),
            flip_flops: parts.map(|part| (format!("t${part}"), 1)).to_vec(),
            inputs: vec![("go".into(), 2), ("unused".into(), 2)],
            groups: 1,
        }
    }

    fn sources() -> String {
        let trigger = |(at, clock): (usize, String)| {
            format!("    vlSelf->__VactTriggered.at({at}U) = ((IData)(vlSelf->{clock}) & (~ 1));\n")
        };
        let triggers: String = idle::clocks(1).into_iter().enumerate().map(trigger).collect();
        SOURCES.replace("TRIGGERS", &triggers)
    }

    #[test]
    fn those_without_one_plain_statement_of_members_are_told() {
        let moves = Moves::read(&split(), "t", HEADER, &sources()).unwrap();
        let mut unknown: Vec<_> = moves.unknown.iter().map(String::as_str).collect();
        unknown.sort_unstable();
        assert_eq!(unknown, ["t$c", "t$e", "t$f"]);
        assert_eq!(moves.groups.len(), 3);
    }

    #[test]
    fn every_move_is_asked_for() {
        let (split, sources) = (split(), sources());
        let moves = Moves::read(&split, "t", HEADER, &sources).unwrap();
        let placed = layout::side_by_side(HEADER, &sources.replace("// Body", ";"), |_| 1);
        let text = moves.source(&split, &placed, &sources).unwrap();
        for part in [
            "if ((vlSelf->t__DOT__held__024go != vlSelf->go)) { vlSelf->__VnbaTriggered.at(1U) = true; any = true; }",
            "if (vlSelf->idle_writes_1\n",
            "std::memcmp(&vlSelf->t__DOT__a__024q, &vlSelf->t__DOT__a__024d,",
            "(vlSelf->t__DOT__b__024q != ((0x3ffU & ((IData)(vlSelf->t__DOT__a__024q) >> 1U))))",
            "(vlSelf->t__DOT__w__024q[0U] != (vlSelf->x[0U]))",
            "(vlSelf->t__DOT__w__024q[1U] != (vlSelf->x[1U]))",
            ") vlSelf->__VnbaTriggered.at(2U) = true;\n    vlSelf->__VnbaTriggered.at(3U) = true;\n}\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("t__DOT__a__024q != "), "{text}");
    }

    #[test]
    fn other_edges_are_refused() {
        let clocks = idle::clocks(1);
        assert_eq!(triggers(&sources(), &clocks).unwrap()["clock"], 3);
        let more = sources() + "vlSelf->__VactTriggered.at(4U) = ((IData)(vlSelf->other) & 1);";
        assert!(triggers(&more, &clocks).is_err());
        let active = sources().replace(
            "vlSelf) {}\n",
            "vlSelf) {}\n    if (vlSelf->__VactTriggered.at(0U)) x();\n",
        );
        assert!(triggers(&active, &clocks).is_err());
    }
}
