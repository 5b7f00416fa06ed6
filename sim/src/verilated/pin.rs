//! Ports for the harness's own hot loop: the type is known when they are bound, and the model is checked once for a
//! group of ports rather than at every access.

use super::{Direction, Dut};
use std::marker::PhantomData;

/// A port that the model keeps as a `T` (`u8` up to 8 bits, `u16`, `u32`, `u64`).
pub(crate) struct Pin<T> {
    offset: u32,
    kept_as: PhantomData<T>,
}

impl<T> Clone for Pin<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Pin<T> {}

/// Integers that Verilator keeps ports in.
pub(crate) trait Kept: Copy {}
impl Kept for u8 {}
impl Kept for u16 {}
impl Kept for u32 {}
impl Kept for u64 {}

/// The model whose ports a group binds; the group keeps it beside its pins.
#[derive(Clone, Copy)]
pub(crate) struct Owner(u64);

impl Owner {
    /// The model of an instance.
    pub(crate) fn of(dut: &Dut) -> Self {
        Self(dut.base().1)
    }

    /// Access to the pins of one instance; all pins used with it must come from a model of the same owner.
    #[inline]
    pub(crate) fn pins(self, dut: &mut Dut) -> Pins<'_> {
        let (base, model) = dut.base();
        assert!(model == self.0, "the ports belong to another model");
        Pins { base, dut: PhantomData }
    }
}

/// The pins of one instance.
pub(crate) struct Pins<'a> {
    base: *mut u8,
    dut: PhantomData<&'a mut Dut>,
}

impl Pins<'_> {
    /// Value of a port.
    ///
    /// # Safety
    /// The pin was bound on the model of the owner that gave these pins.
    #[inline(always)]
    pub(crate) unsafe fn get<T: Kept>(&self, pin: Pin<T>) -> T {
        *self.base.add(pin.offset as usize).cast::<T>()
    }

    /// Sets a port.
    ///
    /// # Safety
    /// As for `get`.
    #[inline(always)]
    pub(crate) unsafe fn set<T: Kept>(&mut self, pin: Pin<T>, value: T) {
        *self.base.add(pin.offset as usize).cast::<T>() = value;
    }
}

impl<T: Kept> Pin<T> {
    /// The port of that name and direction; an error when the model keeps it in another type.
    pub(crate) fn bind(dut: &Dut, name: &str, direction: Direction) -> anyhow::Result<Self> {
        Ok(Self {
            offset: dut.offset(name, direction, size_of::<T>())?,
            kept_as: PhantomData,
        })
    }
}
