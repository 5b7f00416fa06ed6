//! Checks page-table entries as they come from memory, one a clock, against the masks of the current row.
//!
//! Four clocks: take the entry; reduce it under the row's masks; join what belongs together; name the cause. The order of
//! causes is that of `segwalk_model::page_table`.

use super::rows::{by_row, group_rows, group_values, row_set, Row, PAGE_GROUPS, ROWS};
use rust_hdl::prelude::*;
use segwalk_model::limits::PHYS_PAGE_BITS;
use segwalk_model::refusal::FaultCause;

logic_block! {
    /// The checker.
    pub struct EntryCheck {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// A read begins: the next entry is the first.
        pub start: Signal<In, Bit>,
        /// An entry is here.
        pub data_valid: Signal<In, Bit>,
        /// The entry.
        pub data: Signal<In, Bits<64>>,
        /// The bus answered it with an error.
        pub data_error: Signal<In, Bit>,
        /// Row of the entry, one hot; steady from a clock before it until its result is out, as is all below.
        pub row: Signal<In, Bits<ROWS>>,
        /// Low virtual page bits, for superpages.
        pub virt_page: Signal<In, Bits<PHYS_PAGE_BITS>>,
        /// The access is a write.
        pub write: Signal<In, Bit>,
        /// Supervisor pages fault.
        pub user_only: Signal<In, Bit>,
        /// A clear accessed bit faults.
        pub accessed_faults: Signal<In, Bit>,
        /// Every pointer so far was a user one.
        pub user_above: Signal<In, Bit>,
        /// Every pointer so far allowed writes.
        pub write_above: Signal<In, Bit>,
        /// Every pointer so far was accessed.
        pub accessed_above: Signal<In, Bit>,
        /// A result is out.
        pub valid: Signal<Out, Bit>,
        /// Its place in the read.
        pub place: Signal<Out, Bits<4>>,
        /// It ends the walk, if `cause` is 0.
        pub leaf: Signal<Out, Bit>,
        /// 0, or the FaultCause of this access.
        pub cause: Signal<Out, Bits<5>>,
        /// Page of the leaf, or of the next table.
        pub phys_page: Signal<Out, Bits<PHYS_PAGE_BITS>>,
        /// The leaf may go into the TLB.
        pub fillable: Signal<Out, Bit>,
        /// A read is allowed.
        pub readable: Signal<Out, Bit>,
        /// A write is allowed.
        pub writable: Signal<Out, Bit>,
        /// `user_above` of the next level.
        pub user: Signal<Out, Bit>,
        /// `write_above` of the next level.
        pub write_all: Signal<Out, Bit>,
        /// `accessed_above` of the next level.
        pub accessed: Signal<Out, Bit>,
        // taken
        p0_valid: DFF<Bit>,
        p0_error: DFF<Bit>,
        p0_entry: DFF<Bits<64>>,
        inverted: Signal<Local, Bits<64>>,
        // What counts in the row of this read: steady, so a register costs nothing and shortens the path.
        valid_bits: DFF<Bits<64>>,
        leaf_bits: DFF<Bits<64>>,
        bad_leaf_bits: DFF<Bits<64>>,
        bad_pointer_bits: DFF<Bits<64>>,
        write_only_bits: DFF<Bits<64>>,
        far_bits: DFF<Bits<64>>,
        misaligned_bits: DFF<Bits<64>>,
        read_bits: DFF<Bits<64>>,
        write_bits: DFF<Bits<64>>,
        user_bits: DFF<Bits<64>>,
        accessed_bits: DFF<Bits<64>>,
        dirty_bits: DFF<Bits<64>>,
        inside_bits: DFF<Bits<PHYS_PAGE_BITS>>,
        new_valid: Signal<Local, Bits<64>>,
        new_leaf: Signal<Local, Bits<64>>,
        new_bad_leaf: Signal<Local, Bits<64>>,
        new_bad_pointer: Signal<Local, Bits<64>>,
        new_write_only: Signal<Local, Bits<64>>,
        new_far: Signal<Local, Bits<64>>,
        new_misaligned: Signal<Local, Bits<64>>,
        new_read: Signal<Local, Bits<64>>,
        new_write: Signal<Local, Bits<64>>,
        new_user: Signal<Local, Bits<64>>,
        new_accessed: Signal<Local, Bits<64>>,
        new_dirty: Signal<Local, Bits<64>>,
        new_inside: Signal<Local, Bits<PHYS_PAGE_BITS>>,
        every_level: DFF<Bit>,
        page_group: [DFF<Bit>; PAGE_GROUPS],
        t_page: Signal<Local, Bits<PHYS_PAGE_BITS>>,
        shifted: Signal<Local, Bits<64>>,
        // reduced
        p1_valid: DFF<Bit>,
        p1_error: DFF<Bit>,
        p1_present: DFF<Bit>,
        p1_leaf: DFF<Bit>,
        p1_bad_leaf: DFF<Bit>,
        p1_bad_pointer: DFF<Bit>,
        p1_write_only: DFF<Bit>,
        p1_far: DFF<Bit>,
        p1_misaligned: DFF<Bit>,
        p1_read: DFF<Bit>,
        p1_write: DFF<Bit>,
        p1_user: DFF<Bit>,
        p1_accessed: DFF<Bit>,
        p1_dirty: DFF<Bit>,
        p1_page: DFF<Bits<PHYS_PAGE_BITS>>,
        user_now: Signal<Local, Bit>,
        write_now: Signal<Local, Bit>,
        accessed_now: Signal<Local, Bit>,
        can_write: Signal<Local, Bit>,
        outside: Signal<Local, Bits<PHYS_PAGE_BITS>>,
        // joined
        p2_valid: DFF<Bit>,
        p2_error: DFF<Bit>,
        p2_absent: DFF<Bit>,
        p2_reserved: DFF<Bit>,
        p2_far: DFF<Bit>,
        p2_leaf: DFF<Bit>,
        p2_misaligned: DFF<Bit>,
        p2_supervisor: DFF<Bit>,
        p2_read: DFF<Bit>,
        p2_write: DFF<Bit>,
        p2_refused: DFF<Bit>,
        p2_stale: DFF<Bit>,
        p2_user: DFF<Bit>,
        p2_write_all: DFF<Bit>,
        p2_accessed: DFF<Bit>,
        p2_page: DFF<Bits<PHYS_PAGE_BITS>>,
        sound: Signal<Local, Bit>,
        // named
        p3_valid: DFF<Bit>,
        p3_place: DFF<Bits<4>>,
        p3_leaf: DFF<Bit>,
        p3_cause: DFF<Bits<5>>,
        p3_fillable: DFF<Bit>,
        p3_read: DFF<Bit>,
        p3_write: DFF<Bit>,
        p3_user: DFF<Bit>,
        p3_write_all: DFF<Bit>,
        p3_accessed: DFF<Bit>,
        p3_page: DFF<Bits<PHYS_PAGE_BITS>>,
        //
        valid_mask: [Constant<Bits<64>>; ROWS] = by_row(|row| row.format.valid_mask),
        leaf_mask: [Constant<Bits<64>>; ROWS] = by_row(Row::leaf),
        bad_leaf_mask: [Constant<Bits<64>>; ROWS] = by_row(Row::reserved_leaf),
        bad_pointer_mask: [Constant<Bits<64>>; ROWS] = by_row(Row::reserved_pointer),
        write_only_mask: [Constant<Bits<64>>; ROWS] = by_row(Row::write_needs_read),
        far_mask: [Constant<Bits<64>>; ROWS] = by_row(Row::out_of_range),
        misaligned_mask: [Constant<Bits<64>>; ROWS] = by_row(Row::misaligned),
        read_mask: [Constant<Bits<64>>; ROWS] = by_row(|row| row.format.read_mask),
        write_mask: [Constant<Bits<64>>; ROWS] = by_row(|row| row.format.write_mask),
        user_mask: [Constant<Bits<64>>; ROWS] = by_row(|row| row.format.user_mask),
        accessed_mask: [Constant<Bits<64>>; ROWS] = by_row(|row| row.format.accessed_mask),
        dirty_mask: [Constant<Bits<64>>; ROWS] = by_row(|row| row.format.dirty_mask),
        page_lsb: [Constant<Bits<6>>; PAGE_GROUPS] = group_values(Row::page_lsb),
        page_rows: [Constant<Bits<ROWS>>; PAGE_GROUPS] = group_rows(Row::page_lsb),
        inside_mask: [Constant<Bits<PHYS_PAGE_BITS>>; ROWS] = by_row(Row::inside),
        every_level_rows: Constant<Bits<ROWS>> = row_set(Row::every_level),
        walk_bus_error: Constant<Bits<5>> = cause(FaultCause::WalkBusError),
        not_present: Constant<Bits<5>> = cause(FaultCause::NotPresent),
        reserved_bits: Constant<Bits<5>> = cause(FaultCause::ReservedBits),
        phys_range: Constant<Bits<5>> = cause(FaultCause::PhysRange),
        misaligned: Constant<Bits<5>> = cause(FaultCause::Misaligned),
        supervisor: Constant<Bits<5>> = cause(FaultCause::Supervisor),
        not_readable: Constant<Bits<5>> = cause(FaultCause::NotReadable),
        not_writable: Constant<Bits<5>> = cause(FaultCause::NotWritable),
        accessed_clear: Constant<Bits<5>> = cause(FaultCause::AccessedClear),
    }
}

fn cause(cause: FaultCause) -> Constant<Bits<5>> {
    Constant::new(cause.code().to_bits())
}

impl Logic for EntryCheck {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            p0_valid,
            p0_error,
            p0_entry,
            valid_bits,
            leaf_bits,
            bad_leaf_bits,
            bad_pointer_bits,
            write_only_bits,
            far_bits,
            misaligned_bits,
            read_bits,
            write_bits,
            user_bits,
            accessed_bits,
            dirty_bits,
            inside_bits,
            p1_valid,
            p1_error,
            p1_present,
            p1_leaf,
            p1_bad_leaf,
            p1_bad_pointer,
            p1_write_only,
            p1_far,
            p1_misaligned,
            p1_read,
            p1_write,
            p1_user,
            p1_accessed,
            p1_dirty,
            p1_page,
            every_level,
            p2_valid,
            p2_error,
            p2_absent,
            p2_reserved,
            p2_far,
            p2_leaf,
            p2_misaligned,
            p2_supervisor,
            p2_read,
            p2_write,
            p2_refused,
            p2_stale,
            p2_user,
            p2_write_all,
            p2_accessed,
            p2_page,
            p3_valid,
            p3_place,
            p3_leaf,
            p3_cause,
            p3_fillable,
            p3_read,
            p3_write,
            p3_user,
            p3_write_all,
            p3_accessed,
            p3_page
        );
        // Taken
        self.p0_valid.d.next = self.data_valid.val();
        self.p0_error.d.next = self.data_error.val();
        self.p0_entry.d.next = self.data.val();

        // What counts in this row
        self.new_valid.next = 0.into();
        self.new_leaf.next = 0.into();
        self.new_bad_leaf.next = 0.into();
        self.new_bad_pointer.next = 0.into();
        self.new_write_only.next = 0.into();
        self.new_far.next = 0.into();
        self.new_misaligned.next = 0.into();
        self.new_read.next = 0.into();
        self.new_write.next = 0.into();
        self.new_user.next = 0.into();
        self.new_accessed.next = 0.into();
        self.new_dirty.next = 0.into();
        self.new_inside.next = 0.into();
        for ix in 0..ROWS {
            if self.row.val().get_bit(ix) {
                self.new_valid.next = self.new_valid.val() | self.valid_mask[ix].val();
                self.new_leaf.next = self.new_leaf.val() | self.leaf_mask[ix].val();
                self.new_bad_leaf.next = self.new_bad_leaf.val() | self.bad_leaf_mask[ix].val();
                self.new_bad_pointer.next = self.new_bad_pointer.val() | self.bad_pointer_mask[ix].val();
                self.new_write_only.next = self.new_write_only.val() | self.write_only_mask[ix].val();
                self.new_far.next = self.new_far.val() | self.far_mask[ix].val();
                self.new_misaligned.next = self.new_misaligned.val() | self.misaligned_mask[ix].val();
                self.new_read.next = self.new_read.val() | self.read_mask[ix].val();
                self.new_write.next = self.new_write.val() | self.write_mask[ix].val();
                self.new_user.next = self.new_user.val() | self.user_mask[ix].val();
                self.new_accessed.next = self.new_accessed.val() | self.accessed_mask[ix].val();
                self.new_dirty.next = self.new_dirty.val() | self.dirty_mask[ix].val();
                self.new_inside.next = self.new_inside.val() | self.inside_mask[ix].val();
            }
        }
        self.valid_bits.d.next = self.new_valid.val();
        self.leaf_bits.d.next = self.new_leaf.val();
        self.bad_leaf_bits.d.next = self.new_bad_leaf.val();
        self.bad_pointer_bits.d.next = self.new_bad_pointer.val();
        self.write_only_bits.d.next = self.new_write_only.val();
        self.far_bits.d.next = self.new_far.val();
        self.misaligned_bits.d.next = self.new_misaligned.val();
        self.read_bits.d.next = self.new_read.val();
        self.write_bits.d.next = self.new_write.val();
        self.user_bits.d.next = self.new_user.val();
        self.accessed_bits.d.next = self.new_accessed.val();
        self.dirty_bits.d.next = self.new_dirty.val();
        self.inside_bits.d.next = self.new_inside.val();
        self.every_level.d.next = (self.row.val() & self.every_level_rows.val()) != 0;

        // Reduced
        self.inverted.next = !self.p0_entry.q.val();
        self.p1_valid.d.next = self.p0_valid.q.val();
        self.p1_error.d.next = self.p0_error.q.val();
        self.p1_present.d.next = (self.inverted.val() & self.valid_bits.q.val()) == 0;
        self.p1_leaf.d.next = (self.p0_entry.q.val() & self.leaf_bits.q.val()) != 0;
        self.p1_bad_leaf.d.next = (self.p0_entry.q.val() & self.bad_leaf_bits.q.val()) != 0;
        self.p1_bad_pointer.d.next = (self.p0_entry.q.val() & self.bad_pointer_bits.q.val()) != 0;
        self.p1_write_only.d.next = (self.p0_entry.q.val() & self.write_only_bits.q.val()) != 0;
        self.p1_far.d.next = (self.p0_entry.q.val() & self.far_bits.q.val()) != 0;
        self.p1_misaligned.d.next = (self.p0_entry.q.val() & self.misaligned_bits.q.val()) != 0;
        self.p1_read.d.next = (self.inverted.val() & self.read_bits.q.val()) == 0;
        self.p1_write.d.next = (self.inverted.val() & self.write_bits.q.val()) == 0;
        self.p1_user.d.next = (self.inverted.val() & self.user_bits.q.val()) == 0;
        self.p1_accessed.d.next = (self.inverted.val() & self.accessed_bits.q.val()) == 0;
        self.p1_dirty.d.next = (self.inverted.val() & self.dirty_bits.q.val()) == 0;
        self.t_page.next = 0.into();
        for ix in 0..PAGE_GROUPS {
            self.page_group[ix].clock.next = self.clock.val();
            self.page_group[ix].d.next = (self.row.val() & self.page_rows[ix].val()) != 0;
            self.shifted.next = self.p0_entry.q.val() >> self.page_lsb[ix].val();
            if self.page_group[ix].q.val() {
                self.t_page.next = self.t_page.val() | self.shifted.val().get_bits::<PHYS_PAGE_BITS>(0);
            }
        }
        self.p1_page.d.next = self.t_page.val();

        // Joined
        self.user_now.next = self.p1_user.q.val() & self.user_above.val();
        self.write_now.next = self.p1_write.q.val() & self.write_above.val();
        self.accessed_now.next = self.p1_accessed.q.val() & self.accessed_above.val();
        self.can_write.next = self.write_now.val() & self.p1_dirty.q.val();
        self.p2_valid.d.next = self.p1_valid.q.val();
        self.p2_error.d.next = self.p1_error.q.val();
        self.p2_absent.d.next = !self.p1_present.q.val();
        self.p2_reserved.d.next = (self.p1_leaf.q.val() & self.p1_bad_leaf.q.val())
            | (!self.p1_leaf.q.val() & self.p1_bad_pointer.q.val())
            | (self.p1_write_only.q.val() & !self.p1_read.q.val());
        self.p2_far.d.next = self.p1_far.q.val();
        self.p2_leaf.d.next = self.p1_leaf.q.val();
        self.p2_misaligned.d.next = self.p1_leaf.q.val() & self.p1_misaligned.q.val();
        self.p2_supervisor.d.next = self.p1_leaf.q.val() & self.user_only.val() & !self.user_now.val();
        self.p2_read.d.next = self.p1_read.q.val();
        self.p2_write.d.next = self.can_write.val();
        self.p2_refused.d.next = self.p1_leaf.q.val()
            & ((self.write.val() & !self.can_write.val()) | (!self.write.val() & !self.p1_read.q.val()));
        self.p2_stale.d.next = self.p1_leaf.q.val() & self.accessed_faults.val() & !self.accessed_now.val();
        self.p2_user.d.next = self.user_now.val() | !self.every_level.q.val();
        self.p2_write_all.d.next = self.write_now.val() | !self.every_level.q.val();
        self.p2_accessed.d.next = self.accessed_now.val() | !self.every_level.q.val();
        self.outside.next = !self.inside_bits.q.val();
        self.p2_page.d.next = self.p1_page.q.val();
        if self.p1_leaf.q.val() {
            // A superpage's low bits are the address's; what stood there in the entry is checked above or is PAT.
            self.p2_page.d.next =
                (self.virt_page.val() & self.inside_bits.q.val()) | (self.p1_page.q.val() & self.outside.val());
        }

        // Named
        self.p3_valid.d.next = self.p2_valid.q.val();
        self.p3_leaf.d.next = self.p2_leaf.q.val();
        self.p3_read.d.next = self.p2_read.q.val();
        self.p3_write.d.next = self.p2_write.q.val();
        self.p3_user.d.next = self.p2_user.q.val();
        self.p3_write_all.d.next = self.p2_write_all.q.val();
        self.p3_accessed.d.next = self.p2_accessed.q.val();
        self.p3_page.d.next = self.p2_page.q.val();
        self.p3_cause.d.next = 0.into();
        if self.p2_error.q.val() {
            self.p3_cause.d.next = self.walk_bus_error.val();
        } else if self.p2_absent.q.val() {
            self.p3_cause.d.next = self.not_present.val();
        } else if self.p2_reserved.q.val() {
            self.p3_cause.d.next = self.reserved_bits.val();
        } else if self.p2_far.q.val() {
            self.p3_cause.d.next = self.phys_range.val();
        } else if self.p2_misaligned.q.val() {
            self.p3_cause.d.next = self.misaligned.val();
        } else if self.p2_supervisor.q.val() {
            self.p3_cause.d.next = self.supervisor.val();
        } else if self.p2_refused.q.val() {
            self.p3_cause.d.next = self.not_readable.val();
            if self.write.val() {
                self.p3_cause.d.next = self.not_writable.val();
            }
        } else if self.p2_stale.q.val() {
            self.p3_cause.d.next = self.accessed_clear.val();
        }
        // Whether this access is allowed does not matter to the TLB: it keeps both permissions.
        self.sound.next = !self.p2_error.q.val()
            & !self.p2_absent.q.val()
            & !self.p2_reserved.q.val()
            & !self.p2_far.q.val()
            & !self.p2_misaligned.q.val()
            & !self.p2_supervisor.q.val()
            & !self.p2_stale.q.val();
        self.p3_fillable.d.next = self.sound.val() & self.p2_leaf.q.val();
        if self.p3_valid.q.val() {
            self.p3_place.d.next = self.p3_place.q.val() + 1;
        }
        if self.start.val() {
            self.p3_place.d.next = 0.into();
        }
        self.valid.next = self.p3_valid.q.val();
        self.place.next = self.p3_place.q.val();
        self.leaf.next = self.p3_leaf.q.val();
        self.cause.next = self.p3_cause.q.val();
        self.phys_page.next = self.p3_page.q.val();
        self.fillable.next = self.p3_fillable.q.val();
        self.readable.next = self.p3_read.q.val();
        self.writable.next = self.p3_write.q.val();
        self.user.next = self.p3_user.q.val();
        self.write_all.next = self.p3_write_all.q.val();
        self.accessed.next = self.p3_accessed.q.val();
        if self.reset.val() {
            self.p0_valid.d.next = false;
            self.p1_valid.d.next = false;
            self.p2_valid.d.next = false;
            self.p3_valid.d.next = false;
        }
    }
}
