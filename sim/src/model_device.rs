//! The reference model behind the register block, for software that wants a device without Verilator.

use crate::device::{Device, EmittedFrame};
use anyhow::{bail, Result};
use segwalk_hdl::mmu::types::DEFAULT_TLB_ENTRIES;
use segwalk_model::engine::Engine;
use segwalk_model::limits::{CONTEXTS, PHYS_ADDR_BITS, QUEUE_SIZE_MAX, TX_QUEUES};
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::{Context, Mode};
use segwalk_model::registers::{self as reg, feature, status, Register};
use segwalk_model::virtqueue::{Binding, QueueConfig};
use std::collections::HashMap;

/// Registers that each queue has its own of.
const QUEUE_REGISTERS: [Register; 13] = [
    reg::QUEUE_NUM,
    reg::QUEUE_READY,
    reg::QUEUE_DESC_LOW,
    reg::QUEUE_DESC_HIGH,
    reg::QUEUE_DRIVER_LOW,
    reg::QUEUE_DRIVER_HIGH,
    reg::QUEUE_DEVICE_LOW,
    reg::QUEUE_DEVICE_HIGH,
    reg::BIND_CONTEXTS,
    reg::BIND_MASK,
    reg::QUEUE_RESET,
    reg::QUEUE_WEIGHT,
    reg::QUEUE_RATE,
];

/// The model as a device. Work is done at the doorbell, in no time but a clock for each beat.
pub struct ModelDevice {
    engine: Engine,
    memory: SparseMemory,
    registers: HashMap<u16, u32>,
    queue_registers: HashMap<(u32, u16), u32>,
    features: u64,
    frames: Vec<EmittedFrame>,
    clock: u64,
}

impl Default for ModelDevice {
    fn default() -> Self {
        Self::new()
    }
}

impl ModelDevice {
    /// A device after reset.
    pub fn new() -> Self {
        ModelDevice {
            engine: Engine::default(),
            memory: SparseMemory::new(),
            registers: HashMap::new(),
            queue_registers: HashMap::new(),
            features: 0,
            frames: Vec::new(),
            clock: 0,
        }
    }

    fn value(&self, register: Register) -> u32 {
        self.registers.get(&register.offset).copied().unwrap_or(register.reset)
    }

    /// Transmit queue that QUEUE_SEL names.
    fn selected(&self) -> Option<usize> {
        transmit_queue(self.value(reg::QUEUE_SEL))
    }

    fn queue_value(&self, register: Register) -> u32 {
        let key = (self.value(reg::QUEUE_SEL), register.offset);
        self.queue_registers.get(&key).copied().unwrap_or(register.reset)
    }

    fn reset(&mut self) {
        let kept = std::mem::take(&mut self.memory);
        let (clock, frames) = (self.clock, std::mem::take(&mut self.frames));
        *self = ModelDevice {
            memory: kept,
            clock,
            frames,
            ..ModelDevice::new()
        };
    }

    fn set_status(&mut self, value: u32) {
        if value == 0 {
            return self.reset();
        }
        let before = self.value(reg::STATUS);
        let mut value = value | before & status::DEVICE_NEEDS_RESET;
        if self.features & !feature::OFFERED != 0 || self.features & feature::VERSION_1 == 0 {
            value &= !status::FEATURES_OK;
        }
        self.registers.insert(reg::STATUS.offset, value);
        self.engine.settings.features = self.features;
    }

    fn set_ready(&mut self, value: u32) {
        let Some(queue) = self.selected() else { return };
        let size = self.queue_value(reg::QUEUE_NUM);
        let legal = size.is_power_of_two() && size <= QUEUE_SIZE_MAX;
        let ready = value & 1 == 1 && legal;
        let pair = |low, high| u64::from(self.queue_value(high)) << 32 | u64::from(self.queue_value(low));
        if ready {
            let config = QueueConfig {
                size: size as u16,
                descriptor_addr: pair(reg::QUEUE_DESC_LOW, reg::QUEUE_DESC_HIGH),
                avail_addr: pair(reg::QUEUE_DRIVER_LOW, reg::QUEUE_DRIVER_HIGH),
                used_addr: pair(reg::QUEUE_DEVICE_LOW, reg::QUEUE_DEVICE_HIGH),
                binding: Binding::from_registers(
                    self.queue_value(reg::BIND_CONTEXTS),
                    self.queue_value(reg::BIND_MASK),
                ),
                indirect: self.features & feature::RING_INDIRECT_DESC != 0,
                event_idx: self.features & feature::RING_EVENT_IDX != 0,
            };
            self.engine.enable_queue(queue, config);
        } else {
            self.engine.disable_queue(queue);
        }
        let key = (self.value(reg::QUEUE_SEL), reg::QUEUE_READY.offset);
        self.queue_registers.insert(key, u32::from(ready));
    }

    fn commit_context(&mut self) {
        let mode = self.value(reg::CTX_MODE);
        let root = u64::from(self.value(reg::CTX_ROOT_HIGH)) << 32 | u64::from(self.value(reg::CTX_ROOT_LOW));
        let context = reg::CTX_SELECT.field("context").get(self.value(reg::CTX_SELECT)) as usize % CONTEXTS;
        self.engine.contexts[context] = Context {
            mode: Mode::from_code(reg::CTX_MODE.field("mode").get(mode) as u8),
            root_page: root >> 12,
            user_only: reg::CTX_MODE.field("user_only").get(mode) != 0,
            accessed_faults: reg::CTX_MODE.field("accessed_faults").get(mode) != 0,
        };
    }

    fn doorbell(&mut self, queue: u32) {
        if let Some(queue) = transmit_queue(queue) {
            self.serve(queue);
        }
    }

    /// Resets the selected queue, where the driver may.
    fn reset_queue(&mut self) {
        let Some(queue) = self.selected().filter(|_| self.features & feature::RING_RESET != 0) else {
            return;
        };
        self.engine.reset_queue(queue);
        let key = (self.value(reg::QUEUE_SEL), reg::QUEUE_READY.offset);
        self.queue_registers.insert(key, 0);
    }

    /// Resumes or aborts the selected queue, and goes on with it.
    fn park_control(&mut self, value: u32) {
        let Some(queue) = self.selected() else { return };
        if self.engine.parked(queue).is_none() {
            return;
        }
        if reg::PARK_CONTROL.field("abort").get(value) != 0 {
            self.engine.abort(queue);
        } else if reg::PARK_CONTROL.field("resume").get(value) != 0 {
            self.engine.resume(queue);
        }
        self.serve(queue);
    }

    /// What a PARK register of the selected queue says.
    fn park_value(&self, register: Register) -> u32 {
        let Some(record) = self.selected().and_then(|queue| self.engine.parked(queue)) else {
            return 0;
        };
        let put = |name, value| reg::PARK_INFO.field(name).put(value);
        match register {
            reg::PARK_INFO => {
                put("context", record.fault.context.into())
                    | put("cause", record.fault.cause.code().into())
                    | put("valid", 1)
            }
            reg::PARK_HEAD => record.head.into(),
            reg::PARK_ADDR_LOW => (record.fault.virt_page << 12) as u32,
            reg::PARK_ADDR_HIGH => (record.fault.virt_page >> 20) as u32,
            reg::PARK_BYTES => record.sent_bytes as u32,
            _ => record.sent_frames as u32,
        }
    }

    /// Serves what is available on a queue, in slices as a device would complete it.
    fn serve(&mut self, queue: usize) {
        if self.value(reg::STATUS) & status::DRIVER_OK == 0 {
            return;
        }
        self.apply_settings();
        let outcomes = self.engine.process_queue(&self.memory, queue);
        for bytes in outcomes.iter().flat_map(|outcome| outcome.frames.clone()) {
            let first_clock = self.clock;
            self.clock += bytes.len().div_ceil(8) as u64;
            self.frames.push(EmittedFrame {
                first_clock,
                last_clock: self.clock - 1,
                bytes,
            });
        }
        if self.engine.complete(&mut self.memory, queue, &outcomes) {
            self.interrupt("used_buffer");
        }
        if outcomes.last().is_some_and(|outcome| outcome.parked) {
            self.interrupt("queue_parked");
        }
        if self.engine.stopped(queue).is_some() {
            let value = self.value(reg::STATUS) | status::DEVICE_NEEDS_RESET;
            self.registers.insert(reg::STATUS.offset, value);
            self.interrupt("config_change");
        }
    }

    fn interrupt(&mut self, field: &str) {
        let value = self.value(reg::INTERRUPT_STATUS) | reg::INTERRUPT_STATUS.field(field).mask();
        self.registers.insert(reg::INTERRUPT_STATUS.offset, value);
    }

    fn apply_settings(&mut self) {
        let mask = |register: Register| register.field("mask").get(self.value(register)) as u16;
        let (first, middle, last) = (mask(reg::FLAGS_FIRST), mask(reg::FLAGS_MIDDLE), mask(reg::FLAGS_LAST));
        let bit = |register: Register, name| register.field(name).get(self.value(register)) != 0;
        let (fifteen, fixed) = (bit(reg::ID_CONTROL, "fifteen_bits"), bit(reg::ID_CONTROL, "fixed"));
        let pad = bit(reg::FRAME_CONTROL, "pad");
        let settings = &mut self.engine.settings;
        (settings.flags_first, settings.flags_middle, settings.flags_last) = (first, middle, last);
        (settings.id_fifteen_bits, settings.id_fixed, settings.pad) = (fifteen, fixed, pad);
    }

    fn error_info(&self) -> u32 {
        let Some(error) = self.engine.error else { return 0 };
        let put = |name, value| reg::ERROR_INFO.field(name).put(value);
        put("queue", error.queue as u32) | put("code", error.refusal.code().into()) | put("valid", 1)
    }

    fn fault_info(&self) -> u32 {
        let Some(record) = self.engine.fault else { return 0 };
        let put = |name, value| reg::FAULT_INFO.field(name).put(value);
        put("queue", record.queue as u32)
            | put("context", record.fault.context.into())
            | put("cause", record.fault.cause.code().into())
            | put("valid", 1)
    }

    fn capabilities() -> u32 {
        let put = |name, value| reg::CAPABILITIES.field(name).put(value);
        put("tx_queues", TX_QUEUES as u32)
            | put("contexts", CONTEXTS as u32)
            | put("phys_addr_bits", PHYS_ADDR_BITS as u32)
            | put("tlb_log2", DEFAULT_TLB_ENTRIES.ilog2())
    }
}

fn transmit_queue(queue: u32) -> Option<usize> {
    (0..TX_QUEUES).find(|k| reg::tx_queue_index(*k as u32) == queue)
}

impl Device for ModelDevice {
    fn read_offset(&mut self, offset: u16) -> Result<u32> {
        let counters = &self.engine.counters;
        if (reg::REFUSALS_BASE..reg::REFUSALS_BASE + 4 * reg::REFUSALS).contains(&offset) {
            return Ok(counters.by_code[usize::from((offset - reg::REFUSALS_BASE) / 4)] as u32);
        }
        let Some(register) = reg::ALL.iter().find(|register| register.offset == offset).copied() else {
            bail!("there is no register at {offset:#x}");
        };
        if QUEUE_REGISTERS.contains(&register) {
            return Ok(self.queue_value(register));
        }
        let record = self.engine.fault;
        let value = match register {
            reg::DEVICE_FEATURES => match self.value(reg::DEVICE_FEATURES_SEL) {
                0 => feature::OFFERED as u32,
                1 => (feature::OFFERED >> 32) as u32,
                _ => 0,
            },
            reg::QUEUE_NUM_MAX => self.selected().map_or(0, |_| QUEUE_SIZE_MAX),
            reg::CAPABILITIES => Self::capabilities(),
            reg::TLB_CONTROL => 0,
            reg::FAULT_INFO => self.fault_info(),
            reg::FAULT_HEAD => record.map_or(0, |record| record.head.into()),
            reg::FAULT_ADDR_LOW => record.map_or(0, |record| (record.fault.virt_page << 12) as u32),
            reg::FAULT_ADDR_HIGH => record.map_or(0, |record| (record.fault.virt_page >> 20) as u32),
            reg::ERROR_INFO => self.error_info(),
            reg::ERROR_HEAD => self.engine.error.map_or(0, |error| error.head.into()),
            reg::QUEUES_STOPPED => (0..TX_QUEUES)
                .map(|k| u32::from(self.engine.stopped(k).is_some()) << k)
                .sum(),
            reg::QUEUES_PARKED => (0..TX_QUEUES)
                .map(|k| u32::from(self.engine.parked(k).is_some()) << k)
                .sum(),
            reg::PARK_INFO
            | reg::PARK_HEAD
            | reg::PARK_ADDR_LOW
            | reg::PARK_ADDR_HIGH
            | reg::PARK_BYTES
            | reg::PARK_FRAMES => self.park_value(register),
            reg::COUNT_CHAINS => counters.chains as u32,
            reg::COUNT_FRAMES => counters.frames as u32,
            reg::COUNT_BYTES_LOW => counters.bytes as u32,
            reg::COUNT_BYTES_HIGH => (counters.bytes >> 32) as u32,
            reg::COUNT_REFUSED => counters.refused as u32,
            reg::COUNT_FAULTS => counters.faults as u32,
            register => self.value(register),
        };
        Ok(value)
    }

    fn write_offset(&mut self, offset: u16, value: u32) -> Result<()> {
        let Some(register) = reg::ALL.iter().find(|register| register.offset == offset).copied() else {
            bail!("there is no register at {offset:#x}");
        };
        match register {
            reg::STATUS => self.set_status(value),
            reg::DRIVER_FEATURES if self.value(reg::STATUS) & status::FEATURES_OK == 0 => {
                let shift = 32 * self.value(reg::DRIVER_FEATURES_SEL).min(1);
                self.features = self.features & !(0xFFFF_FFFF << shift) | u64::from(value) << shift;
            }
            reg::QUEUE_READY => self.set_ready(value),
            reg::QUEUE_NOTIFY => self.doorbell(value),
            reg::CTX_COMMIT => self.commit_context(),
            reg::QUEUE_RESET if value & 1 == 1 => self.reset_queue(),
            reg::QUEUE_RESET => {}
            reg::PARK_CONTROL => self.park_control(value),
            reg::INTERRUPT_ACK => {
                let left = self.value(reg::INTERRUPT_STATUS) & !value;
                self.registers.insert(reg::INTERRUPT_STATUS.offset, left);
            }
            reg::FAULT_INFO => self.engine.fault = None,
            reg::ERROR_INFO => self.engine.error = None,
            register if QUEUE_REGISTERS.contains(&register) => {
                self.queue_registers.insert((self.value(reg::QUEUE_SEL), offset), value);
            }
            register if register.access == reg::Access::ReadOnly => {}
            _ => {
                self.registers.insert(offset, value);
            }
        }
        Ok(())
    }

    fn memory(&self) -> &SparseMemory {
        &self.memory
    }

    fn memory_mut(&mut self) -> &mut SparseMemory {
        &mut self.memory
    }

    fn run(&mut self, clocks: u64) -> Result<()> {
        self.clock += clocks;
        Ok(())
    }

    fn run_until(&mut self, done: &mut dyn FnMut(&SparseMemory) -> Result<bool>) -> Result<()> {
        if !done(&self.memory)? {
            bail!("the model has served all that was announced and the wait goes on; ring the doorbell first");
        }
        Ok(())
    }

    fn clock(&self) -> u64 {
        self.clock
    }

    fn take_frames(&mut self) -> Vec<EmittedFrame> {
        std::mem::take(&mut self.frames)
    }
}
