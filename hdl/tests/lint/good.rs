//! Kernels that mean the same in Rust and in Verilog.
#![allow(clippy::all)] // kernels are written for what they show

use super::*;

good! { parenthesised_mask_and_comparison,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = ((self.a.val() & 0x0F) == self.b.val()) | (self.a.val() < 3);
    }
}

good! { sum_at_its_own_width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val() + self.b.val() - 1;
    }
}

good! { sum_through_a_local,
    #[hdl_gen]
    fn update(&mut self) {
        self.t8.next = self.a.val() + 1;
        self.o1.next = self.t8.val() == self.b.val();
    }
}

good! { wide_sum_of_casts,
    #[hdl_gen]
    fn update(&mut self) {
        self.o16.next = bit_cast::<16, 8>(self.a.val()) + bit_cast::<16, 8>(self.b.val());
    }
}

good! { concatenation,
    #[hdl_gen]
    fn update(&mut self) {
        self.o16.next = (bit_cast::<16, 8>(self.a.val()) << 8) | bit_cast::<16, 8>(self.b.val());
    }
}

good! { borrow_bit,
    #[hdl_gen]
    fn update(&mut self) {
        self.t9.next = bit_cast::<9, 8>(self.a.val()) - bit_cast::<9, 8>(self.b.val());
        self.o1.next = self.t9.val().get_bit(8);
    }
}

good! { accumulation_in_a_loop,
    #[hdl_gen]
    fn update(&mut self) {
        self.t8.next = 0.into();
        for ix in 0..8 {
            if self.a.val().get_bit(ix) {
                self.t8.next = self.t8.val() + 1;
            }
        }
        self.o8.next = self.t8.val();
    }
}

good! { or_in_a_loop,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = 0.into();
        for ix in 0..4 {
            self.o8.next = self.o8.val() | (self.a.val() << ix);
        }
    }
}

good! { reading_back_an_output,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val();
        if self.f.val() {
            self.o8.next = self.o8.val() + 1;
        }
        self.o1.next = self.o8.val() == 3;
    }
}

good! { shift_by_a_signal,
    #[hdl_gen]
    fn update(&mut self) {
        self.o16.next = (self.w.val() >> self.s.val()) | (self.w.val() << self.s.val());
    }
}

good! { carry_in,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val() + self.b.val() + self.f.val();
    }
}

good! { carry_in_of_a_comparison,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val() + (self.a.val() > self.b.val());
    }
}

good! { negation_of_bits,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = !self.f.val() & !(self.a.val() == 3) & !self.a.val().any();
    }
}

good! { condition_with_not,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = false;
        if !self.f.val() & (!self.g.val() | (self.s.val() != 0)) {
            self.o1.next = true;
        }
    }
}

good! { complement_at_its_own_width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = !self.a.val() & (self.b.val() ^ !self.a.val());
    }
}

good! { twos_complement,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = !self.a.val() + 1;
    }
}

good! { not_equals_bit,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = !self.f.val() == self.g.val();
    }
}

good! { narrowing_cast_of_a_sum,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = bit_cast::<8, 16>(self.w.val() + 1);
    }
}

good! { reductions,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = self.a.val().any() | self.b.val().all() | self.w.val().xor() | !self.a.val().all();
    }
}

good! { any_of_a_mask,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = (self.a.val() & 0xF0).any();
    }
}

good! { constant_slices,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.w.val().get_bits::<8>(8);
        self.o1.next = self.w.val().get_bit(15);
    }
}

good! { variable_slice_in_range,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = self.w.val().get_bit(self.s.val().index());
    }
}

good! { loop_slices,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = 0.into();
        for ix in 0..4 {
            self.t4.next = self.w.val().get_bits::<4>(ix * 4);
            self.o8.next = self.o8.val() + bit_cast::<8, 4>(self.t4.val());
        }
    }
}

good! { struct_fields,
    #[hdl_gen]
    fn update(&mut self) {
        self.out_pair.next.low = self.pair.val().high;
        self.out_pair.next.high = self.pair.val().low;
    }
}

good! { nested_struct_through_a_local,
    #[hdl_gen]
    fn update(&mut self) {
        self.inner.next = self.nested.val().pair;
        self.o8.next = self.inner.val().low;
        self.o4.next = self.nested.val().tag;
    }
}

good! { struct_fields_with_default,
    #[hdl_gen]
    fn update(&mut self) {
        self.out_pair.next = self.pair.val();
        if self.f.val() {
            self.out_pair.next.low = self.a.val();
        }
    }
}

good! { else_if_chain_covers,
    #[hdl_gen]
    fn update(&mut self) {
        if self.f.val() {
            self.o8.next = self.a.val();
        } else if self.g.val() {
            self.o8.next = self.b.val();
        } else {
            self.o8.next = 0.into();
        }
    }
}

good! { match_on_an_enum,
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state);
        self.o1.next = self.state.q.val() == TestState::Run;
        match self.state.q.val() {
            TestState::Idle => {
                self.state.d.next = TestState::Run;
            }
            TestState::Run => {
                if self.f.val() {
                    self.state.d.next = TestState::Stop;
                }
            }
            _ => {
                self.state.d.next = TestState::Idle;
            }
        }
    }
}

good! { match_with_all_arms_written,
    #[hdl_gen]
    fn update(&mut self) {
        match self.s.val().index() {
            0 => {
                self.o8.next = self.a.val();
            }
            1 => {
                self.o8.next = self.b.val();
            }
            _ => {
                self.o8.next = 0.into();
            }
        }
    }
}

good! { registers,
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, ff);
        if self.f.val() {
            self.ff.d.next = self.ff.q.val() + 1;
        }
        self.o8.next = self.ff.q.val();
    }
}

good! { register_bank,
    #[hdl_gen]
    fn update(&mut self) {
        for ix in 0..4 {
            self.bank[ix].clock.next = self.clock.val();
            self.bank[ix].d.next = self.bank[ix].q.val();
            if self.s.val().index() == ix {
                self.bank[ix].d.next = self.a.val();
            }
        }
        self.o8.next = self.bank[0].q.val();
    }
}

good! { bank_read_by_a_loop,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = 0.into();
        for ix in 0..4 {
            self.bank[ix].clock.next = self.clock.val();
            self.bank[ix].d.next = self.a.val();
            if self.s.val() == ix.to_bits() {
                self.o8.next = self.bank[ix].q.val();
            }
        }
    }
}

good! { shift_register,
    #[hdl_gen]
    fn update(&mut self) {
        for ix in 0..4 {
            self.bank[ix].clock.next = self.clock.val();
        }
        self.bank[0].d.next = self.a.val();
        for ix in 1..4 {
            self.bank[ix].d.next = self.bank[ix - 1].q.val();
        }
    }
}

good! { constant_field,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = self.a.val() == self.k.val();
        self.o8.next = self.k.val() + 1;
    }
}

good! { big_literal,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = self.wide.val() == 0xFFFF_FFFF_FFFF_u64;
    }
}

good! { replace_a_bit,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val().replace_bit(3, self.f.val());
    }
}

good! { logical_operators,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = (self.f.val() && !self.g.val()) || (self.a.val() == 0);
    }
}

good! { narrow_then_compare,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = bit_cast::<8, 16>(self.w.val()) == self.b.val();
    }
}

good! { shifted_right_then_compared,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = (self.w.val() >> 12) == 3;
    }
}

good! { local_array,
    #[hdl_gen]
    fn update(&mut self) {
        for ix in 0..4 {
            self.many[ix].next = self.a.val() + ix.to_bits();
        }
        self.o8.next = self.many[0].val() ^ self.many[3].val();
    }
}

good! { nested_loops,
    #[hdl_gen]
    fn update(&mut self) {
        self.o16.next = 0.into();
        for ix in 0..4 {
            for jx in 0..4 {
                if self.w.val().get_bit(4 * ix + jx) {
                    self.o16.next = self.o16.val() + 1;
                }
            }
        }
    }
}

good! { comments,
    #[hdl_gen]
    fn update(&mut self) {
        println!("a comment");
        self.o8.next = self.a.val();
    }
}

good! { match_on_all_variants,
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state);
        self.o1.next = false;
        match self.state.q.val() {
            TestState::Idle => {
                self.o1.next = true;
            }
            TestState::Run => {}
            TestState::Stop => {
                self.state.d.next = TestState::Idle;
            }
        }
    }
}

good! { match_on_a_bit_pattern_each,
    #[hdl_gen]
    fn update(&mut self) {
        self.t4.next = self.s.val() & 3;
        match self.a.val().get_bits::<1>(0).index() {
            0 => {
                self.o8.next = self.a.val();
            }
            _ => {
                self.o8.next = self.b.val();
            }
        }
    }
}
