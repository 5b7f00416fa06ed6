//! The table on the model.

use super::*;
use crate::segment::segment;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn the_model_gives_what_every_case_expects() {
    let mut wrong = Vec::new();
    for case in all() {
        let found = segment(&case.hdr, &case.frame, &case.settings);
        let expected = case.outcome();
        if found != expected {
            let at = match (&found, &expected) {
                (Ok(found), Ok(expected)) => format!(
                    "{} frames for {}, first differing byte {:?}",
                    found.len(),
                    expected.len(),
                    found.iter().zip(expected).enumerate().find_map(|(n, (f, e))| f
                        .iter()
                        .zip(e)
                        .position(|(f, e)| f != e)
                        .or((f.len() != e.len()).then_some(f.len().min(e.len())))
                        .map(|at| (n, at)))
                ),
                (found, expected) => format!(
                    "{:?} for {:?}",
                    found.as_ref().map(Vec::len),
                    expected.as_ref().map(Vec::len)
                ),
            };
            wrong.push(format!("rule {}: {}: {at}", case.rule, case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_covers_every_rule_about_frames() {
    let cases = all();
    assert!(cases.len() >= 120, "{} cases", cases.len());
    let names: BTreeSet<_> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "names are unique");
    let mut rules = BTreeMap::<u8, usize>::new();
    cases.iter().for_each(|case| *rules.entry(case.rule).or_default() += 1);
    println!("{} cases: {rules:?}", cases.len());
    assert!((1..=22).chain([24]).all(|rule| rules.contains_key(&rule)), "{rules:?}");
}

#[test]
fn every_fault_is_noticed_by_a_case_of_its_rule() {
    let noticed = fault::noticed();
    for (fault, case) in &noticed {
        println!(
            "rule {:2}: {:75} {}",
            fault.rule,
            fault.name,
            case.unwrap_or("NOT NOTICED")
        );
    }
    let missed: Vec<_> = noticed
        .iter()
        .filter(|(_, case)| case.is_none())
        .map(|(fault, _)| (fault.rule, fault.name))
        .collect();
    assert!(missed.is_empty(), "nothing notices {missed:?}");
    let broken: BTreeSet<u8> = fault::FAULTS.iter().map(|fault| fault.rule).collect();
    assert!((1..=22).chain([24]).all(|rule| broken.contains(&rule)), "{broken:?}");
}
