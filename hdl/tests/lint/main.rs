//! The kernel lint: bad kernels that it must flag, good ones that it must leave alone.

use rust_hdl::prelude::*;
use segwalk_hdl::lint::{check, Finding, Rule};

/// States of the test modules.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum TestState {
    Idle,
    Run,
    Stop,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct Pair {
    low: Bits<8>,
    high: Bits<8>,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct Nested {
    pair: Pair,
    tag: Bits<4>,
}

/// A module with one of everything; the kernel comes from the caller.
macro_rules! kernel {
    ($name:ident, $($update:tt)*) => {
        #[derive(LogicBlock)]
        struct $name {
            clock: Signal<In, Clock>,
            a: Signal<In, Bits<8>>,
            b: Signal<In, Bits<8>>,
            s: Signal<In, Bits<4>>,
            f: Signal<In, Bit>,
            g: Signal<In, Bit>,
            w: Signal<In, Bits<16>>,
            wide: Signal<In, Bits<64>>,
            pair: Signal<In, Pair>,
            nested: Signal<In, Nested>,
            o4: Signal<Out, Bits<4>>,
            o8: Signal<Out, Bits<8>>,
            o16: Signal<Out, Bits<16>>,
            o64: Signal<Out, Bits<64>>,
            o1: Signal<Out, Bit>,
            t4: Signal<Local, Bits<4>>,
            t8: Signal<Local, Bits<8>>,
            t9: Signal<Local, Bits<9>>,
            t16: Signal<Local, Bits<16>>,
            t1: Signal<Local, Bit>,
            inner: Signal<Local, Pair>,
            out_pair: Signal<Out, Pair>,
            many: [Signal<Local, Bits<8>>; 4],
            ff: DFF<Bits<8>>,
            state: DFF<TestState>,
            bank: [DFF<Bits<8>>; 4],
            k: Constant<Bits<8>>,
        }
        impl Default for $name {
            fn default() -> Self {
                Self {
                    clock: Default::default(),
                    a: Default::default(),
                    b: Default::default(),
                    s: Default::default(),
                    f: Default::default(),
                    g: Default::default(),
                    w: Default::default(),
                    wide: Default::default(),
                    pair: Default::default(),
                    nested: Default::default(),
                    o4: Default::default(),
                    o8: Default::default(),
                    o16: Default::default(),
                    o64: Default::default(),
                    o1: Default::default(),
                    t4: Default::default(),
                    t8: Default::default(),
                    t9: Default::default(),
                    t16: Default::default(),
                    t1: Default::default(),
                    inner: Default::default(),
                    out_pair: Default::default(),
                    many: Default::default(),
                    ff: Default::default(),
                    state: Default::default(),
                    bank: Default::default(),
                    k: Constant::new(3.into()),
                }
            }
        }
        impl Logic for $name { $($update)* }
    };
}

/// Findings of a module of [`kernel!`], which leaves most of its signals undriven.
fn findings<T: Block + Default>() -> Vec<Finding> {
    let mut dut = T::default();
    dut.connect_all();
    let mut found = check(&dut, "top");
    found.retain(|f| f.rule != Rule::Undriven);
    found
}

#[track_caller]
fn flags<T: Block + Default>(rule: Rule) {
    let found = findings::<T>();
    assert!(
        found.iter().any(|f| f.rule == rule),
        "{} is not reported; found {found:#?}",
        rule.code()
    );
    assert!(found.iter().all(|f| f.message.len() > 20), "a message says what to do");
}

#[track_caller]
fn accepts<T: Block + Default>() {
    let found = findings::<T>();
    assert!(found.is_empty(), "{found:#?}");
}

macro_rules! bad {
    ($name:ident, $rule:ident, $($update:tt)*) => {
        #[test]
        fn $name() {
            kernel!(Dut, $($update)*);
            $crate::flags::<Dut>(segwalk_hdl::lint::Rule::$rule);
        }
    };
}

macro_rules! good {
    ($name:ident, $($update:tt)*) => {
        #[test]
        fn $name() {
            kernel!(Dut, $($update)*);
            $crate::accepts::<Dut>();
        }
    };
}

mod bad;
mod design;
mod good;
mod names;
mod sources;
