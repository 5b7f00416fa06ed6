use super::*;
use std::collections::HashSet;

#[test]
fn every_case_has_a_name_of_its_own() {
    let cases = [matrix(), sweep()].concat();
    let names: HashSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len());
    assert_eq!(sweep().len(), SWEEP_MSS.len() * SWEEP_LATENCIES.len());
}
