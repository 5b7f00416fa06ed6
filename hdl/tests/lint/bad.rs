//! Kernels whose Verilog differs from the Rust model or does not elaborate.
#![allow(clippy::all)] // kernels are written for what they show

use super::*;

bad! { mask_beside_comparison, Precedence,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = self.a.val() & 0x0F == self.b.val();
    }
}

bad! { xor_beside_less, Precedence,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = self.a.val() ^ self.b.val() < 0x40;
    }
}

bad! { comparison_beside_mask, Precedence,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = self.a.val() == self.b.val() & 0x0F;
    }
}

bad! { sum_equals, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = (self.a.val() + 1) == self.b.val();
    }
}

bad! { sum_with_bits_equals, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = (self.a.val() + bits::<8>(1)) == self.b.val();
    }
}

bad! { difference_greater, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = (self.a.val() - self.b.val()) > 16;
    }
}

bad! { sum_less, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = (self.a.val() + self.b.val()) < 100;
    }
}

bad! { sum_equals_cast, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = (self.a.val() + self.b.val()) == bit_cast::<8, 16>(self.w.val());
    }
}

bad! { sum_in_condition, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = false;
        if (self.a.val() + 1) == self.b.val() {
            self.o1.next = true;
        }
    }
}

bad! { sum_shifted_right, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = (self.a.val() + 1) >> 1;
    }
}

bad! { wide_sum_shifted_right, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o16.next = (self.w.val() + 7) >> 3;
    }
}

bad! { left_shift_equals, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = (self.a.val() << 4) == 0x10;
    }
}

bad! { left_shift_by_signal_greater, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = (self.a.val() << self.s.val()) > 15;
    }
}

bad! { sum_widened, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o16.next = bit_cast::<16, 8>(self.a.val() + self.b.val());
    }
}

bad! { difference_widened, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o16.next = bit_cast::<16, 8>(self.a.val() - self.b.val());
    }
}

bad! { left_shift_widened, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o16.next = bit_cast::<16, 8>(self.a.val() << 4);
    }
}

bad! { not_widened, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o16.next = bit_cast::<16, 8>(!self.a.val());
    }
}

bad! { xor_not_widened, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o16.next = bit_cast::<16, 8>(self.a.val() ^ !self.b.val());
    }
}

bad! { not_of_cast_equals, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = !bit_cast::<8, 16>(self.w.val()) == self.b.val();
    }
}

bad! { not_equals_literal, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = !self.a.val() == 0xF0;
    }
}

bad! { cast_sum_shifted_right, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = (bit_cast::<8, 16>(self.w.val()) + self.a.val()) >> 1;
    }
}

bad! { cast_sum_equals, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = (bit_cast::<8, 16>(self.w.val()) + self.a.val()) == self.b.val();
    }
}

bad! { shift_amount_is_a_sum, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o16.next = self.w.val() >> (self.s.val() + 1);
    }
}

bad! { shift_amount_is_a_difference, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o16.next = self.w.val() >> (bits::<4>(8) - self.s.val());
    }
}

bad! { left_shift_amount_is_a_sum, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o16.next = self.w.val() << (self.s.val() + 1);
    }
}

bad! { index_is_a_sum, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = self.w.val().get_bit((self.s.val() + 1).index());
    }
}

bad! { sum_reduced, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = (self.a.val() + 1).any();
    }
}

bad! { all_with_a_literal, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = (self.a.val() | 0xF0).all();
    }
}

bad! { all_of_a_cast, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = bit_cast::<8, 16>(self.w.val()).all();
    }
}

bad! { match_on_a_sum, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = false;
        match (self.s.val() + 1).index() {
            0 => {
                self.o1.next = true;
            }
            _ => {}
        }
    }
}

bad! { bit_not_in_a_sum, NotInSum,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val() + !self.f.val();
    }
}

bad! { comparison_not_in_a_sum, NotInSum,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val() + (!(self.a.val() > self.b.val()));
    }
}

bad! { masked_bit_not_in_a_sum, NotInSum,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val() + (self.g.val() & !self.f.val());
    }
}

bad! { bit_not_widened, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = bit_cast::<8, 1>((!self.f.val()).into());
    }
}

bad! { replace_bit_with_not, Width,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val().replace_bit(3, !self.f.val());
    }
}

bad! { slice_of_a_sum, SliceOfExpression,
    #[hdl_gen]
    fn update(&mut self) {
        self.o4.next = (self.a.val() + self.b.val()).get_bits::<4>(0);
    }
}

bad! { bit_of_a_cast, SliceOfExpression,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = bit_cast::<8, 16>(self.w.val()).get_bit(3);
    }
}

bad! { slice_of_a_slice, SliceOfExpression,
    #[hdl_gen]
    fn update(&mut self) {
        self.o4.next = self.w.val().get_bits::<8>(4).get_bits::<4>(2);
    }
}

bad! { slice_beyond_the_end, OutOfRange,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.w.val().get_bits::<8>(12);
    }
}

bad! { slice_that_can_leave, OutOfRange,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.w.val().get_bits::<8>(self.s.val().index());
    }
}

bad! { bit_that_can_leave, OutOfRange,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = self.a.val().get_bit(self.s.val().index());
    }
}

bad! { slice_in_a_loop_leaves, OutOfRange,
    #[hdl_gen]
    fn update(&mut self) {
        self.o4.next = 0.into();
        for ix in 0..4 {
            self.o4.next = self.o4.val() | self.w.val().get_bits::<4>(ix * 5);
        }
    }
}

bad! { loop_variable_is_a_field, LoopName,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val();
        for s in 0_usize..4 {
            self.o8.next = self.o8.val() + bit_cast::<8, 4>(self.s.val()) + s.to_bits();
        }
    }
}

bad! { loop_variable_is_a_child, LoopName,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val();
        for ff in 0_usize..4 {
            self.o8.next = self.o8.val() + ff.to_bits();
        }
    }
}

bad! { inner_loop_shadows, LoopName,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val();
        for ix in 0..4 {
            self.o1.next = self.a.val().get_bit(ix);
            for ix in 0_usize..2 {
                self.o8.next = self.o8.val() + ix.to_bits();
            }
        }
    }
}

bad! { out_only_under_if, Latch,
    #[hdl_gen]
    fn update(&mut self) {
        if self.f.val() {
            self.o8.next = self.a.val();
        }
    }
}

bad! { local_only_under_if, Latch,
    #[hdl_gen]
    fn update(&mut self) {
        if self.f.val() {
            self.t8.next = self.a.val();
        }
    }
}

bad! { child_input_only_under_if, Latch,
    #[hdl_gen]
    fn update(&mut self) {
        self.ff.clock.next = self.clock.val();
        if self.f.val() {
            self.ff.d.next = self.a.val();
        }
    }
}

bad! { out_missing_in_else, Latch,
    #[hdl_gen]
    fn update(&mut self) {
        if self.f.val() {
            self.o8.next = self.a.val();
            self.o1.next = true;
        } else {
            self.o8.next = self.b.val();
        }
    }
}

bad! { out_missing_in_else_if, Latch,
    #[hdl_gen]
    fn update(&mut self) {
        if self.f.val() {
            self.o8.next = self.a.val();
        } else if self.g.val() {
            self.o8.next = self.b.val();
        }
    }
}

bad! { out_missing_in_an_arm, Latch,
    #[hdl_gen]
    fn update(&mut self) {
        match self.s.val().index() {
            0 => {
                self.o8.next = self.a.val();
            }
            _ => {}
        }
    }
}

bad! { match_without_default, Latch,
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state);
        match self.state.q.val() {
            TestState::Idle => {
                self.o1.next = true;
            }
            TestState::Run => {
                self.o1.next = false;
            }
            TestState::Stop => {
                self.o1.next = false;
            }
        }
    }
}

bad! { array_element_under_if, Latch,
    #[hdl_gen]
    fn update(&mut self) {
        for ix in 0..4 {
            if self.a.val().get_bit(ix) {
                self.many[ix].next = self.a.val();
            }
        }
    }
}

bad! { array_written_in_part, ReadBeforeWrite,
    #[hdl_gen]
    fn update(&mut self) {
        for ix in 0..3 {
            self.many[ix].next = self.a.val();
        }
        self.o8.next = self.many[3].val();
    }
}

bad! { bank_input_under_if, Latch,
    #[hdl_gen]
    fn update(&mut self) {
        for ix in 0..4 {
            self.bank[ix].clock.next = self.clock.val();
            if self.f.val() {
                self.bank[ix].d.next = self.a.val();
            }
        }
    }
}

bad! { struct_written_in_part, Latch,
    #[hdl_gen]
    fn update(&mut self) {
        self.out_pair.next.low = self.a.val();
    }
}

bad! { struct_field_under_if, Latch,
    #[hdl_gen]
    fn update(&mut self) {
        self.out_pair.next.low = self.a.val();
        if self.f.val() {
            self.out_pair.next.high = self.b.val();
        }
    }
}

bad! { local_read_before_write, ReadBeforeWrite,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.t8.val();
        self.t8.next = self.a.val();
    }
}

bad! { local_read_in_condition, ReadBeforeWrite,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = false;
        if self.t1.val() {
            self.o1.next = true;
        }
        self.t1.next = self.f.val();
    }
}

bad! { local_read_in_match, ReadBeforeWrite,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = false;
        match self.t8.val().index() {
            0 => {
                self.o1.next = true;
            }
            _ => {}
        }
        self.t8.next = self.a.val();
    }
}

bad! { local_read_after_partial_write, ReadBeforeWrite,
    #[hdl_gen]
    fn update(&mut self) {
        if self.f.val() {
            self.t8.next = self.a.val();
        }
        self.o8.next = self.t8.val();
    }
}

bad! { out_read_before_write, ReadBeforeWrite,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.o8.val() + 1;
    }
}

bad! { struct_field_read_before_write, ReadBeforeWrite,
    #[hdl_gen]
    fn update(&mut self) {
        self.inner.next.low = self.a.val();
        self.o8.next = self.inner.val().high;
        self.inner.next.high = self.b.val();
    }
}

bad! { child_input_read, ChildInputRead,
    #[hdl_gen]
    fn update(&mut self) {
        self.ff.clock.next = self.clock.val();
        self.ff.d.next = self.a.val();
        self.o8.next = self.ff.d.val();
        self.ff.d.next = self.b.val();
    }
}

bad! { child_output_written, Latch,
    #[hdl_gen]
    fn update(&mut self) {
        self.ff.clock.next = self.clock.val();
        self.ff.d.next = self.a.val();
        self.ff.q.next = self.b.val();
    }
}

bad! { nested_field, UnknownName,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.nested.val().pair.low;
    }
}

bad! { bool_arms, MatchArm,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = false;
        match self.f.val() {
            true => {
                self.o1.next = self.g.val();
            }
            false => {}
        }
    }
}

bad! { hexadecimal_arm, MatchArm,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = false;
        match self.a.val().index() {
            0x10 => {
                self.o1.next = true;
            }
            _ => {}
        }
    }
}

bad! { binding_arm, MatchArm,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = self.f.val();
        match self.a.val().index() {
            0 => {
                self.o1.next = true;
            }
            _other => {}
        }
    }
}

bad! { mask_too_wide, Literal,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val() & 0x1FF;
    }
}

bad! { addend_too_wide, Literal,
    #[hdl_gen]
    fn update(&mut self) {
        self.o16.next = self.w.val() + 0x7FFF_FFFF;
    }
}

bad! { comparison_too_wide, Literal,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = self.a.val() == 256;
    }
}

bad! { assigned_too_wide, Literal,
    #[hdl_gen]
    fn update(&mut self) {
        self.o4.next = self.s.val();
        if self.f.val() {
            self.o4.next = 16.into();
        }
    }
}

bad! { cast_too_wide, NoTree,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val() + bits::<8>(256);
    }
}

bad! { complement_of_a_literal, Literal,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val() & !0x0F;
    }
}

bad! { label_never_matches, Literal,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = false;
        match self.s.val().index() {
            16 => {
                self.o1.next = true;
            }
            _ => {}
        }
    }
}

bad! { two_indices_in_one_name, ArrayIndex,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.a.val();
        for ix in 0..2 {
            self.o8.next = self.o8.val() | self.many[[0, 1][ix]].val();
        }
    }
}

bad! { index_is_a_signal, ArrayIndex,
    #[hdl_gen]
    fn update(&mut self) {
        for ix in 0..4 {
            self.many[ix].next = self.a.val();
        }
        self.o8.next = self.many[self.s.val().index()].val();
    }
}

bad! { constants_only, NoInputs,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = 3.into();
    }
}

const THRESHOLD: usize = 3;

bad! { bare_const, UnknownName,
    #[hdl_gen]
    fn update(&mut self) {
        self.o1.next = self.s.val().index() == THRESHOLD;
    }
}

use TestState::{Idle, Run};

bad! { bare_variant, UnknownName,
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state);
        self.o1.next = self.state.q.val() == Idle;
    }
}

bad! { bare_variant_arm, MatchArm,
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state);
        self.o1.next = false;
        match self.state.q.val() {
            Run => {
                self.o1.next = true;
            }
        _ => {}
        }
    }
}

bad! { const_as_slice_offset, UnknownName,
    #[hdl_gen]
    fn update(&mut self) {
        self.o8.next = self.w.val().get_bits::<8>(THRESHOLD);
    }
}
