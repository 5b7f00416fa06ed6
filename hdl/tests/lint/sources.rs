//! Rules on the source text.

use segwalk_hdl::lint::{check_source, check_sources, Rule};

fn rules(body: &str) -> Vec<Rule> {
    let text = format!("impl Logic for X {{ #[hdl_gen] fn update(&mut self) {{ {body} }} }}");
    check_source("x.rs", &text).unwrap().iter().map(|f| f.rule).collect()
}

#[test]
fn inclusive_range_in_a_kernel() {
    assert_eq!(
        rules("for ix in 0..=3 { self.o.next = ix.into(); }"),
        [Rule::InclusiveRange]
    );
    assert_eq!(
        rules("if self.f.val() { for ix in 0..=3 { self.o.next = ix.into(); } }"),
        [Rule::InclusiveRange]
    );
}

#[test]
fn match_guard_in_a_kernel() {
    assert_eq!(rules("match x { 0 if self.f.val() => {} _ => {} }"), [Rule::MatchGuard]);
}

#[test]
fn function_that_looks_like_a_cast() {
    assert_eq!(rules("self.o.next = bits_rev(self.a.val());"), [Rule::CastLikeFunction]);
    for name in ["bits_rev", "BitsOf", "bit_cast_up"] {
        let found = check_source("x.rs", &format!("fn {name}(x: u8) -> u8 {{ x }}")).unwrap();
        assert_eq!(found[0].rule, Rule::CastLikeFunction);
        assert_eq!(found[0].module, "x.rs:1");
    }
    let renamed = check_source("x.rs", "use other::swap as bits_swap;").unwrap();
    assert_eq!(renamed[0].rule, Rule::CastLikeFunction);
}

#[test]
fn variants_without_their_enum() {
    let found = check_source("x.rs", "use crate::walker::WalkState::*;").unwrap();
    assert_eq!(found[0].rule, Rule::BareVariants);
}

#[test]
fn kernels_inside_macros() {
    let text = "macro_rules! unit { ($n:ident) => { impl Logic for $n { #[hdl_gen] fn update(&mut self) {
        for ix in 0..=3 { match x { 0 if y => {} _ => {} } } } } } }";
    let found: Vec<Rule> = check_source("x.rs", text).unwrap().iter().map(|f| f.rule).collect();
    assert_eq!(found, [Rule::InclusiveRange, Rule::MatchGuard]);
}

#[test]
fn plain_rust_is_left_alone() {
    assert!(
        rules("for ix in 0..4 { if self.f.val() { self.o.next = bits::<8>(3); } match x { 0 => {} _ => {} } }")
            .is_empty()
    );
    let text = "use rust_hdl::prelude::*;
        use crate::registers::*;
        fn plain() { for i in 0..=3 { match i { 0 if i > 1 => {} _ => {} } } }
        macro_rules! plain { ($a:expr) => { for i in 0..=3 { let _ = i; } } }
        impl X { fn bits(&self) -> usize { 3 } }";
    assert!(check_source("x.rs", text).unwrap().is_empty());
}

#[test]
fn the_crate_itself_is_clean() {
    let found = check_sources(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap();
    assert!(
        found.is_empty(),
        "{}",
        found.iter().map(|f| format!("{f}\n")).collect::<String>()
    );
}

#[test]
fn a_missing_directory_is_said() {
    let error = check_sources("/no/such/directory").unwrap_err();
    assert!(format!("{error:#}").contains("cannot list"));
}
