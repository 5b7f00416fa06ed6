//! Rules on the names of a module, and what is said of modules without a kernel.

use super::*;
use segwalk_hdl::bus::ram::BlockRam;
use segwalk_hdl::lint::inspect;

macro_rules! module {
    ($name:ident { $($field:ident: $type:ty),* $(,)? } $($update:tt)*) => {
        #[derive(LogicBlock, Default)]
        struct $name { $($field: $type),* }
        impl Logic for $name { $($update)* }
    };
}

#[test]
fn reserved_word_of_a_signal() {
    module!(Dut { a: Signal<In, Bit>, table: Signal<Out, Bit> }
        #[hdl_gen]
        fn update(&mut self) {
            self.table.next = self.a.val();
        }
    );
    flags::<Dut>(Rule::FieldName);
}

#[test]
fn reserved_word_of_systemverilog() {
    module!(Dut { bit: Signal<In, Bit>, o: Signal<Out, Bit> }
        #[hdl_gen]
        fn update(&mut self) {
            self.o.next = self.bit.val();
        }
    );
    flags::<Dut>(Rule::FieldName);
}

#[test]
fn reserved_word_of_a_child() {
    module!(Dut { clock: Signal<In, Clock>, buf: DFF<Bit>, o: Signal<Out, Bit> }
        #[hdl_gen]
        fn update(&mut self) {
            dff_setup!(self, clock, buf);
            self.o.next = self.buf.q.val();
        }
    );
    flags::<Dut>(Rule::FieldName);
}

#[test]
fn reserved_word_inside_a_name() {
    #[derive(Clone, Debug, Default, LogicInterface)]
    struct Bus {
        release: Signal<In, Bit>,
        case: Signal<Out, Bit>,
    }
    module!(Dut { table: Bus }
        #[hdl_gen]
        fn update(&mut self) {
            self.table.case.next = self.table.release.val();
        }
    );
    let found = check(&Dut::default(), "top");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn name_ending_in_self() {
    module!(Dut { itself: Signal<In, Bit>, o: Signal<Out, Bit> }
        #[hdl_gen]
        fn update(&mut self) {
            self.o.next = self.itself.val();
        }
    );
    flags::<Dut>(Rule::FieldName);
}

#[test]
fn field_called_next() {
    module!(Dut { a: Signal<In, Bit>, next: Signal<Local, Bit>, o: Signal<Out, Bit> }
        #[hdl_gen]
        fn update(&mut self) {
            self.o.next = self.a.val();
        }
    );
    flags::<Dut>(Rule::FieldName);
}

#[test]
fn signed_signal() {
    module!(Dut { a: Signal<In, Signed<8>>, o: Signal<Out, Bit> }
        #[hdl_gen]
        fn update(&mut self) {
            self.o.next = self.a.val() < 0.into();
        }
    );
    flags::<Dut>(Rule::SignedSignal);
}

#[test]
fn signed_casts() {
    module!(Dut { a: Signal<In, Signed<16>>, w: Signal<In, Bits<16>>, o: Signal<Out, Bits<16>> }
        #[hdl_gen]
        fn update(&mut self) {
            self.o.next = unsigned_cast(signed_bit_cast::<16, 16>(self.a.val())) + self.w.val();
        }
    );
    flags::<Dut>(Rule::SignedCast);
}

#[test]
fn signal_that_nothing_drives() {
    module!(Dut { a: Signal<In, Bit>, o: Signal<Out, Bit>, forgotten: Signal<Out, Bit> }
        #[hdl_gen]
        fn update(&mut self) {
            self.o.next = self.a.val();
        }
    );
    let found = check(&Dut::default(), "top");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(
        (found[0].rule, found[0].expression.as_str()),
        (Rule::Undriven, "forgotten")
    );
}

mod one {
    use rust_hdl::prelude::*;
    #[derive(Copy, Clone, Debug, PartialEq, LogicState)]
    pub enum State {
        Idle,
        Read,
    }
    #[derive(LogicBlock, Default)]
    pub struct One {
        pub clock: Signal<In, Clock>,
        pub state: Signal<Out, State>,
        register: DFF<State>,
    }
    impl Logic for One {
        #[hdl_gen]
        fn update(&mut self) {
            dff_setup!(self, clock, register);
            self.register.d.next = State::Read;
            self.state.next = self.register.q.val();
        }
    }
}

mod two {
    use rust_hdl::prelude::*;
    #[derive(Copy, Clone, Debug, PartialEq, LogicState)]
    pub enum State {
        Idle,
        Write,
    }
}

#[test]
fn two_enums_of_one_name() {
    module!(Dut { clock: Signal<In, Clock>, child: one::One, mine: DFF<two::State>, o: Signal<Out, Bit> }
        #[hdl_gen]
        fn update(&mut self) {
            dff_setup!(self, clock, mine);
            clock!(self, clock, child);
            self.mine.d.next = two::State::Idle;
            self.o.next = true;
        }
    );
    flags::<Dut>(Rule::EnumName);
}

#[test]
fn enum_value_by_a_longer_path() {
    module!(Dut { clock: Signal<In, Clock>, mine: DFF<two::State> }
        #[hdl_gen]
        fn update(&mut self) {
            dff_setup!(self, clock, mine);
            self.mine.d.next = two::State::Write;
        }
    );
    flags::<Dut>(Rule::UnknownName);
}

#[test]
fn hand_written_modules_are_listed() {
    module!(Dut { clock: Signal<In, Clock>, at: DFF<Bits<4>>, ram: BlockRam<Bits<8>, 4>, o: Signal<Out, Bits<8>> }
        #[hdl_gen]
        fn update(&mut self) {
            dff_setup!(self, clock, at);
            clock!(self, clock, ram);
            self.at.d.next = self.at.q.val() + 1;
            self.ram.read_addr.next = self.at.q.val();
            self.ram.write_addr.next = 0.into();
            self.ram.write_data.next = 0.into();
            self.ram.write_enable.next = false;
            self.o.next = self.ram.read_data.val();
        }
    );
    let report = inspect(&Dut::default(), "core");
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    assert_eq!(report.checked, ["core"]);
    assert_eq!(report.skipped, ["core$ram"]);
}
