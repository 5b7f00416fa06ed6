//! The board: PLL, engine, memory, bridge, Ethernet transmitter.

use super::bridge::Bridge;
use super::cells::Pll;
use super::control::BoardControl;
use super::data::Board;
use super::mac::ethernet::Ethernet;
use super::memory::AxiRam;
use super::register_manager::RegisterManager;
use super::resets::{Lights, ResetStretcher};
use super::rgmii::RgmiiOutput;
use crate::top::SegwalkCore;
use rust_hdl::prelude::*;

/// The board with a transmitter's queue of `2^A` words of 8 bytes (`A1` is `A + 1`) and `LEDS` lights.
#[derive(LogicBlock)]
pub struct BoardTop<const A: usize, const A1: usize, const LEDS: usize> {
    /// The board's oscillator.
    pub clock_in: Signal<In, Clock>,
    /// Button or reset pin, active low.
    pub reset_n: Signal<In, Bit>,
    /// From the PC.
    pub uart_rx: Signal<In, Bit>,
    /// To the PC.
    pub uart_tx: Signal<Out, Bit>,
    /// Lights, 1 is on.
    pub lights: Signal<Out, Bits<LEDS>>,
    /// RGMII TXC.
    pub eth_tx_clk: Signal<Out, Bit>,
    /// RGMII TX_CTL.
    pub eth_tx_ctl: Signal<Out, Bit>,
    /// RGMII TD.
    pub eth_tx_data: Signal<Out, Bits<4>>,
    /// Reset of the PHY.
    pub eth_reset_n: Signal<Out, Bit>,
    /// Management clock.
    pub eth_mdc: Signal<Out, Bit>,
    /// Management data, level for the pad.
    pub eth_mdio_out: Signal<Out, Bit>,
    /// The pad is driven.
    pub eth_mdio_drive: Signal<Out, Bit>,
    /// Level on the pad.
    pub eth_mdio_in: Signal<In, Bit>,
    //
    pll: Pll,
    core_resets: ResetStretcher,
    tx_resets: ResetStretcher,
    core: SegwalkCore,
    memory: AxiRam,
    bridge: Bridge,
    manager: RegisterManager,
    control: BoardControl,
    ethernet: Ethernet<A, A1>,
    rgmii: RgmiiOutput,
    show: Lights,
    core_reset: DFF<Bit>,
    good: Signal<Local, Bit>,
    board_access: Signal<Local, Bit>,
    damaged: Signal<Local, Bit>,
}

impl<const A: usize, const A1: usize, const LEDS: usize> BoardTop<A, A1, LEDS> {
    /// The top of `board`, with `baud` bits a second to the PC and a PHY reset of `phy_reset_ms` milliseconds.
    pub fn new(board: &Board, baud: u32, phy_reset_ms: u64) -> Self {
        let core_hz = board.pll.core_hz();
        let bit_clocks = (core_hz + u64::from(baud) / 2) / u64::from(baud);
        Self {
            clock_in: Default::default(),
            reset_n: Default::default(),
            uart_rx: Default::default(),
            uart_tx: Default::default(),
            lights: Default::default(),
            eth_tx_clk: Default::default(),
            eth_tx_ctl: Default::default(),
            eth_tx_data: Default::default(),
            eth_reset_n: Default::default(),
            eth_mdc: Default::default(),
            eth_mdio_out: Default::default(),
            eth_mdio_drive: Default::default(),
            eth_mdio_in: Default::default(),
            pll: Pll::new(board.pll),
            core_resets: Default::default(),
            tx_resets: Default::default(),
            core: SegwalkCore::new(&board.core),
            memory: AxiRam::new(board.memory_bytes),
            bridge: Bridge::new(board.memory_bytes, bit_clocks as u32),
            manager: Default::default(),
            control: BoardControl::new(board.memory_bytes, core_hz, phy_reset_ms),
            ethernet: Default::default(),
            rgmii: RgmiiOutput::new(board.tx_delay_steps),
            show: Lights::new(core_hz),
            core_reset: Default::default(),
            good: Default::default(),
            board_access: Default::default(),
            damaged: Default::default(),
        }
    }
}

impl<const A: usize, const A1: usize, const LEDS: usize> Logic for BoardTop<A, A1, LEDS> {
    #[hdl_gen]
    fn update(&mut self) {
        // Clocks and resets
        self.pll.clock_in.next = self.clock_in.val();
        self.core_resets.clock.next = self.pll.core_clock.val();
        self.tx_resets.clock.next = self.pll.tx_clock.val();
        self.core.clock.next = self.pll.core_clock.val();
        self.memory.clock.next = self.pll.core_clock.val();
        self.bridge.clock.next = self.pll.core_clock.val();
        self.manager.clock.next = self.pll.core_clock.val();
        self.control.clock.next = self.pll.core_clock.val();
        self.ethernet.clock.next = self.pll.core_clock.val();
        self.ethernet.tx_clock.next = self.pll.tx_clock.val();
        self.rgmii.clock.next = self.pll.tx_clock.val();
        self.show.clock.next = self.pll.core_clock.val();
        self.core_reset.clock.next = self.pll.core_clock.val();
        self.good.next = self.pll.locked.val() & self.reset_n.val();
        self.core_resets.good.next = self.good.val();
        self.tx_resets.good.next = self.good.val();
        self.core_reset.d.next = self.core_resets.reset.val() | self.control.core_reset.val();
        self.core.reset.next = self.core_reset.q.val();
        self.memory.reset.next = self.core_resets.reset.val();
        self.bridge.reset.next = self.core_resets.reset.val();
        self.manager.reset.next = self.core_reset.q.val();
        self.control.reset.next = self.core_resets.reset.val();
        self.ethernet.reset.next = self.core_resets.reset.val();
        self.ethernet.tx_reset.next = self.tx_resets.reset.val();
        self.show.reset.next = self.core_resets.reset.val();

        // PC
        self.bridge.uart_rx.next = self.uart_rx.val();
        self.uart_tx.next = self.bridge.uart_tx.val();
        self.board_access.next = self.bridge.register_addr.val().get_bit(12);
        self.manager.access_valid.next = self.bridge.register_valid.val() & !self.board_access.val();
        self.manager.access_write.next = self.bridge.register_write.val();
        self.manager.access_addr.next = self.bridge.register_addr.val().get_bits::<12>(0);
        self.manager.access_data.next = self.bridge.register_write_data.val();
        self.control.access_valid.next = self.bridge.register_valid.val() & self.board_access.val();
        self.control.access_write.next = self.bridge.register_write.val();
        self.control.access_addr.next = self.bridge.register_addr.val().get_bits::<12>(0);
        self.control.access_data.next = self.bridge.register_write_data.val();
        self.bridge.register_done.next = self.manager.done.val() | self.control.done.val();
        self.bridge.register_read_data.next = self.manager.read_data.val();
        if self.board_access.val() {
            self.bridge.register_read_data.next = self.control.read_data.val();
        }
        self.memory.bridge_valid.next = self.bridge.memory_valid.val();
        self.memory.bridge_write.next = self.bridge.memory_write.val();
        self.memory.bridge_addr.next = self.bridge.memory_addr.val();
        self.memory.bridge_write_data.next = self.bridge.memory_write_data.val();
        self.bridge.memory_done.next = self.memory.bridge_done.val();
        self.bridge.memory_read_data.next = self.memory.bridge_read_data.val();

        // Engine: registers
        self.core.s_axil_awaddr.next = self.manager.axil.awaddr.val();
        self.core.s_axil_awprot.next = 0.into();
        self.core.s_axil_awvalid.next = self.manager.axil.awvalid.val();
        self.manager.axil.awready.next = self.core.s_axil_awready.val();
        self.core.s_axil_wdata.next = self.manager.axil.wdata.val();
        self.core.s_axil_wstrb.next = self.manager.axil.wstrb.val();
        self.core.s_axil_wvalid.next = self.manager.axil.wvalid.val();
        self.manager.axil.wready.next = self.core.s_axil_wready.val();
        self.manager.axil.bresp.next = self.core.s_axil_bresp.val();
        self.manager.axil.bvalid.next = self.core.s_axil_bvalid.val();
        self.core.s_axil_bready.next = self.manager.axil.bready.val();
        self.core.s_axil_araddr.next = self.manager.axil.araddr.val();
        self.core.s_axil_arprot.next = 0.into();
        self.core.s_axil_arvalid.next = self.manager.axil.arvalid.val();
        self.manager.axil.arready.next = self.core.s_axil_arready.val();
        self.manager.axil.rdata.next = self.core.s_axil_rdata.val();
        self.manager.axil.rresp.next = self.core.s_axil_rresp.val();
        self.manager.axil.rvalid.next = self.core.s_axil_rvalid.val();
        self.core.s_axil_rready.next = self.manager.axil.rready.val();

        // Engine: memory
        self.memory.arid.next = self.core.m_axi_arid.val();
        self.memory.araddr.next = self.core.m_axi_araddr.val();
        self.memory.arlen.next = self.core.m_axi_arlen.val();
        self.memory.arvalid.next = self.core.m_axi_arvalid.val();
        self.core.m_axi_arready.next = self.memory.arready.val();
        self.core.m_axi_rid.next = self.memory.rid.val();
        self.core.m_axi_rdata.next = self.memory.rdata.val();
        self.core.m_axi_rresp.next = self.memory.rresp.val();
        self.core.m_axi_rlast.next = self.memory.rlast.val();
        self.core.m_axi_rvalid.next = self.memory.rvalid.val();
        self.memory.rready.next = self.core.m_axi_rready.val();
        self.memory.awid.next = self.core.m_axi_awid.val();
        self.memory.awaddr.next = self.core.m_axi_awaddr.val();
        self.memory.awvalid.next = self.core.m_axi_awvalid.val();
        self.core.m_axi_awready.next = self.memory.awready.val();
        self.memory.wdata.next = self.core.m_axi_wdata.val();
        self.memory.wstrb.next = self.core.m_axi_wstrb.val();
        self.memory.wlast.next = self.core.m_axi_wlast.val();
        self.memory.wvalid.next = self.core.m_axi_wvalid.val();
        self.core.m_axi_wready.next = self.memory.wready.val();
        self.core.m_axi_bid.next = self.memory.bid.val();
        self.core.m_axi_bresp.next = self.memory.bresp.val();
        self.core.m_axi_bvalid.next = self.memory.bvalid.val();
        self.memory.bready.next = self.core.m_axi_bready.val();

        // Engine: frames
        self.ethernet.frames.tvalid.next = self.core.m_axis_tvalid.val();
        self.ethernet.frames.tdata.next = self.core.m_axis_tdata.val();
        self.ethernet.frames.tkeep.next = self.core.m_axis_tkeep.val();
        self.ethernet.frames.tlast.next = self.core.m_axis_tlast.val();
        self.core.m_axis_tready.next = self.ethernet.frames.tready.val();
        self.rgmii.tx_data.next = self.ethernet.tx_data.val();
        self.rgmii.tx_enable.next = self.ethernet.tx_enable.val();
        self.eth_tx_clk.next = self.rgmii.pin_clock.val();
        self.eth_tx_ctl.next = self.rgmii.pin_control.val();
        self.eth_tx_data.next = self.rgmii.pin_data.val();

        // Board
        self.control.irq.next = self.core.irq.val();
        self.control.sent.next = self.ethernet.sent.val();
        self.control.dropped.next = self.ethernet.dropped.val();
        self.control.answered.next = self.bridge.answered.val();
        self.control.bad_frames.next = self.bridge.bad_frames.val();
        self.eth_reset_n.next = self.control.phy_reset_n.val();
        self.eth_mdc.next = self.control.mdc.val();
        self.eth_mdio_out.next = self.control.mdio_out.val();
        self.eth_mdio_drive.next = self.control.mdio_drive.val();
        self.control.mdio_in.next = self.eth_mdio_in.val();
        self.show.sent.next = self.ethernet.sent.val();
        self.damaged.next = self.bridge.bad_frames.val().any();
        self.show.trouble.next = self.damaged.val() | self.ethernet.dropped.val().any();
        self.lights.next = bit_cast::<LEDS, 3>(self.show.lights.val());
    }
}
