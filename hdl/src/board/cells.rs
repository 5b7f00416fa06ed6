//! Cells of the ECP5 that no logic can replace, as black boxes, and what a simulator puts in their places.

use rust_hdl::prelude::*;

/// The PLL's numbers: `input / input_divider * feedback * feedback_divider` is the oscillator, 400 to 800 MHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PllSettings {
    /// Clock of the board's oscillator, in Hz.
    pub input_hz: u64,
    /// CLKI_DIV.
    pub input_divider: u64,
    /// CLKFB_DIV.
    pub feedback: u64,
    /// CLKOP_DIV; CLKOP closes the loop and drives nothing else.
    pub feedback_divider: u64,
    /// CLKOS_DIV, for the Ethernet clock.
    pub tx_divider: u64,
    /// CLKOS2_DIV, for the core's clock.
    pub core_divider: u64,
}

impl PllSettings {
    /// Frequency of the oscillator in the PLL.
    pub const fn oscillator_hz(&self) -> u64 {
        self.input_hz / self.input_divider * self.feedback * self.feedback_divider
    }
    /// Frequency of the Ethernet clock.
    pub const fn tx_hz(&self) -> u64 {
        self.oscillator_hz() / self.tx_divider
    }
    /// Frequency of the core's clock.
    pub const fn core_hz(&self) -> u64 {
        self.oscillator_hz() / self.core_divider
    }
}

/// The clocks: EHXPLLL.
#[derive(LogicBlock)]
pub struct Pll {
    /// The board's oscillator.
    pub clock_in: Signal<In, Clock>,
    /// 125 MHz for Ethernet.
    pub tx_clock: Signal<Out, Clock>,
    /// The core's clock.
    pub core_clock: Signal<Out, Clock>,
    /// Both are steady.
    pub locked: Signal<Out, Bit>,
    _settings: PllSettings,
}

impl Pll {
    /// A PLL with these settings.
    pub fn new(settings: PllSettings) -> Self {
        Self {
            clock_in: Default::default(),
            tx_clock: Default::default(),
            core_clock: Default::default(),
            locked: Default::default(),
            _settings: settings,
        }
    }
}

impl Logic for Pll {
    fn update(&mut self) {
        self.tx_clock.next = self.clock_in.val();
        self.core_clock.next = self.clock_in.val();
        self.locked.next = true;
    }
    fn connect(&mut self) {
        self.tx_clock.connect();
        self.core_clock.connect();
        self.locked.connect();
    }
    fn hdl(&self) -> Verilog {
        let s = &self._settings;
        let mhz = |hz: u64| hz as f64 / 1e6;
        Verilog::Wrapper(Wrapper {
            code: format!(
                "wire feedback;\n\
                 (* FREQUENCY_PIN_CLKI=\"{}\", FREQUENCY_PIN_CLKOS=\"{}\", FREQUENCY_PIN_CLKOS2=\"{}\" *)\n\
                 EHXPLLL #(.PLLRST_ENA(\"DISABLED\"), .INTFB_WAKE(\"DISABLED\"), .STDBY_ENABLE(\"DISABLED\"),\n\
                 .DPHASE_SOURCE(\"DISABLED\"), .OUTDIVIDER_MUXA(\"DIVA\"), .OUTDIVIDER_MUXB(\"DIVB\"),\n\
                 .OUTDIVIDER_MUXC(\"DIVC\"), .OUTDIVIDER_MUXD(\"DIVD\"), .FEEDBK_PATH(\"CLKOP\"),\n\
                 .CLKI_DIV({}), .CLKFB_DIV({}),\n\
                 .CLKOP_ENABLE(\"ENABLED\"), .CLKOP_DIV({}), .CLKOP_CPHASE({}), .CLKOP_FPHASE(0),\n\
                 .CLKOS_ENABLE(\"ENABLED\"), .CLKOS_DIV({}), .CLKOS_CPHASE(0), .CLKOS_FPHASE(0),\n\
                 .CLKOS2_ENABLE(\"ENABLED\"), .CLKOS2_DIV({}), .CLKOS2_CPHASE(0), .CLKOS2_FPHASE(0)) cell_pll (\n\
                 .RST(1'b0), .STDBY(1'b0), .CLKI(clock_in), .CLKFB(feedback), .CLKOP(feedback),\n\
                 .CLKOS(tx_clock), .CLKOS2(core_clock), .LOCK(locked),\n\
                 .PHASESEL0(1'b0), .PHASESEL1(1'b0), .PHASEDIR(1'b1), .PHASESTEP(1'b1), .PHASELOADREG(1'b1),\n\
                 .PLLWAKESYNC(1'b0), .ENCLKOP(1'b0), .ENCLKOS(1'b0), .ENCLKOS2(1'b0));",
                mhz(s.input_hz),
                mhz(s.tx_hz()),
                mhz(s.core_hz()),
                s.input_divider,
                s.feedback,
                s.feedback_divider,
                s.feedback_divider - 1,
                s.tx_divider,
                s.core_divider,
            ),
            cores: String::new(),
        })
    }
}

/// An output that changes on both edges: ODDRX1F. `high` is on the pin while the clock is high, `low` while it is low,
/// both one clock later.
#[derive(LogicBlock, Default)]
pub struct OutputDdr {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Level of the first half.
    pub high: Signal<In, Bit>,
    /// Level of the second half.
    pub low: Signal<In, Bit>,
    /// The pin.
    pub pin: Signal<Out, Bit>,
}

impl Logic for OutputDdr {
    fn update(&mut self) {
        self.pin.next = self.high.val();
    }
    fn connect(&mut self) {
        self.pin.connect();
    }
    fn hdl(&self) -> Verilog {
        Verilog::Wrapper(Wrapper {
            code: "ODDRX1F cell_ddr (.SCLK(clock), .RST(1'b0), .D0(high), .D1(low), .Q(pin));".into(),
            cores: String::new(),
        })
    }
}

/// Picoseconds of one step of [`OutputDelay`].
pub const DELAY_STEP_PS: u32 = 25;
/// Most steps.
pub const DELAY_STEPS_MAX: u32 = 127;

/// A delay in front of an output pin: DELAYF.
#[derive(LogicBlock, Default)]
pub struct OutputDelay {
    /// From an [`OutputDdr`].
    pub early: Signal<In, Bit>,
    /// The pin.
    pub pin: Signal<Out, Bit>,
    _steps: u32,
}

impl OutputDelay {
    /// A delay of `steps` steps of [`DELAY_STEP_PS`].
    pub fn new(steps: u32) -> Self {
        assert!(
            steps <= DELAY_STEPS_MAX,
            "a delay of {steps} steps asked for; DELAYF has {DELAY_STEPS_MAX}"
        );
        Self {
            _steps: steps,
            ..Default::default()
        }
    }
}

impl Logic for OutputDelay {
    fn update(&mut self) {
        self.pin.next = self.early.val();
    }
    fn connect(&mut self) {
        self.pin.connect();
    }
    fn hdl(&self) -> Verilog {
        let code = if self._steps == 0 {
            "assign pin = early;".to_string()
        } else {
            format!(
                "wire at_end;\n\
                 DELAYF #(.DEL_MODE(\"USER_DEFINED\"), .DEL_VALUE({})) cell_delay (\n\
                 .A(early), .LOADN(1'b1), .MOVE(1'b0), .DIRECTION(1'b0), .Z(pin), .CFLAG(at_end));",
                self._steps
            )
        };
        Verilog::Wrapper(Wrapper {
            code,
            cores: String::new(),
        })
    }
}

/// The cells for a simulator. The PLL's input stands for the Ethernet clock: CLKOS is CLKI, and CLKOS2 is as much slower
/// as its divider is larger. DDR outputs change on both edges; delays are none.
pub const SIMULATION: &str = r#"
module EHXPLLL #(
    parameter PLLRST_ENA = "", parameter INTFB_WAKE = "", parameter STDBY_ENABLE = "", parameter DPHASE_SOURCE = "",
    parameter OUTDIVIDER_MUXA = "", parameter OUTDIVIDER_MUXB = "", parameter OUTDIVIDER_MUXC = "",
    parameter OUTDIVIDER_MUXD = "", parameter FEEDBK_PATH = "", parameter CLKI_DIV = 1, parameter CLKFB_DIV = 1,
    parameter CLKOP_ENABLE = "", parameter CLKOP_DIV = 1, parameter CLKOP_CPHASE = 0, parameter CLKOP_FPHASE = 0,
    parameter CLKOS_ENABLE = "", parameter CLKOS_DIV = 1, parameter CLKOS_CPHASE = 0, parameter CLKOS_FPHASE = 0,
    parameter CLKOS2_ENABLE = "", parameter CLKOS2_DIV = 1, parameter CLKOS2_CPHASE = 0, parameter CLKOS2_FPHASE = 0
) (
    input RST, input STDBY, input CLKI, input CLKFB, output CLKOP, output CLKOS, output CLKOS2, output LOCK,
    input PHASESEL0, input PHASESEL1, input PHASEDIR, input PHASESTEP, input PHASELOADREG, input PLLWAKESYNC,
    input ENCLKOP, input ENCLKOS, input ENCLKOS2
);
    localparam RATIO = CLKOS2_DIV / CLKOS_DIV;
    reg [3:0] locking = 0;
    always @(posedge CLKI) if (locking != 15) locking <= locking + 1;
    assign LOCK = locking == 15;
    assign CLKOP = 1'b0;
    assign CLKOS = CLKI;
    generate
        if (RATIO == 1) begin : same
            assign CLKOS2 = CLKI;
        end else begin : slower
            reg half = 0;
            reg [3:0] count = 0;
            always @(posedge CLKI) begin
                count <= count == RATIO - 1 ? 0 : count + 1;
                half <= count >= RATIO / 2;
            end
            assign CLKOS2 = half;
        end
    endgenerate
endmodule
module ODDRX1F(input SCLK, input RST, input D0, input D1, output Q);
    reg high = 0;
    reg low = 0;
    always @(posedge SCLK) begin
        high <= D0 & ~RST;
        low <= D1 & ~RST;
    end
    assign Q = SCLK ? high : low;
endmodule
module DELAYF #(parameter DEL_MODE = "", parameter DEL_VALUE = 0)
    (input A, input LOADN, input MOVE, input DIRECTION, output Z, output CFLAG);
    assign Z = A;
    assign CFLAG = 1'b0;
endmodule
"#;
