// Stand-in for the core in the harness's own tests: copies memory to the frame stream in bursts of 8 beats, then writes
// one word and raises irq. Register `faults` makes it break rules on purpose.
//   0x00 source (page number), 0x04 bursts, 0x08 go, 0x0C status (bit 0 busy, bit 1 a read failed, bit 2 the write failed),
//   0x10 destination (page number), 0x14 faults
module segwalk_core(
  input clock, input reset,
  input [11:0] s_axil_awaddr, input [2:0] s_axil_awprot, input s_axil_awvalid, output reg s_axil_awready,
  input [31:0] s_axil_wdata, input [3:0] s_axil_wstrb, input s_axil_wvalid, output reg s_axil_wready,
  output reg [1:0] s_axil_bresp, output reg s_axil_bvalid, input s_axil_bready,
  input [11:0] s_axil_araddr, input [2:0] s_axil_arprot, input s_axil_arvalid, output reg s_axil_arready,
  output reg [31:0] s_axil_rdata, output reg [1:0] s_axil_rresp, output reg s_axil_rvalid, input s_axil_rready,
  output [3:0] m_axi_awid, output [39:0] m_axi_awaddr, output [7:0] m_axi_awlen, output [2:0] m_axi_awsize,
  output [1:0] m_axi_awburst, output m_axi_awlock, output [3:0] m_axi_awcache, output [2:0] m_axi_awprot,
  output reg m_axi_awvalid, input m_axi_awready,
  output reg [63:0] m_axi_wdata, output reg [7:0] m_axi_wstrb, output reg m_axi_wlast, output reg m_axi_wvalid,
  input m_axi_wready,
  input [3:0] m_axi_bid, input [1:0] m_axi_bresp, input m_axi_bvalid, output reg m_axi_bready,
  output reg [3:0] m_axi_arid, output reg [39:0] m_axi_araddr, output reg [7:0] m_axi_arlen, output [2:0] m_axi_arsize,
  output [1:0] m_axi_arburst, output m_axi_arlock, output [3:0] m_axi_arcache, output [2:0] m_axi_arprot,
  output reg m_axi_arvalid, input m_axi_arready,
  input [3:0] m_axi_rid, input [63:0] m_axi_rdata, input [1:0] m_axi_rresp, input m_axi_rlast, input m_axi_rvalid,
  output reg m_axi_rready,
  output reg [63:0] m_axis_tdata, output reg [7:0] m_axis_tkeep, output reg m_axis_tlast, output reg m_axis_tvalid,
  input m_axis_tready,
  output reg irq, output [63:0] debug_states);

  assign m_axi_awid = 0, m_axi_awlen = 0, m_axi_awsize = 3, m_axi_awburst = 1, m_axi_awlock = 0, m_axi_awcache = 3;
  assign m_axi_awprot = 0, m_axi_arsize = 3, m_axi_arlock = 0, m_axi_arcache = 3, m_axi_arprot = 0;

  reg [27:0] source, destination;
  reg [15:0] bursts;
  reg [7:0] faults;  // 0 AR falls, 1 crosses 4 KiB, 2 wlast low, 3 hole in tkeep, 4 never answers R, 5 ID 9
  reg busy, read_failed, write_failed;
  assign m_axi_awaddr = {destination, 12'h010};
  assign m_axi_arburst = 1;

  // 256 words; credits keep the reads from overrunning them
  reg [63:0] ram [0:255];
  reg [8:0] write_at, read_at, credits;
  reg [15:0] asked, beats_in, beats_out;
  wire [15:0] beats = {bursts[12:0], 3'b0};
  wire take_r = m_axi_rvalid & m_axi_rready;
  wire take_ar = m_axi_arvalid & m_axi_arready;
  wire stream_free = ~m_axis_tvalid | m_axis_tready;
  wire pop = (write_at != read_at) & stream_free;
  reg [1:0] state;  // 0 idle, 1 copying, 2 writing, 3 waiting for the answer
  assign debug_states = {17'd0, state == 1, 36'd0, m_axi_arvalid, 7'd0, state};

  always @(posedge clock) begin
    // registers
    s_axil_awready <= 0; s_axil_wready <= 0; s_axil_arready <= 0;
    if (s_axil_awvalid & s_axil_wvalid & ~s_axil_awready & ~s_axil_bvalid) begin
      s_axil_awready <= 1; s_axil_wready <= 1;
    end
    if (s_axil_awvalid & s_axil_awready) begin
      s_axil_bvalid <= 1;
      s_axil_bresp <= s_axil_awaddr[11:5] != 0 ? 2 : 0;
      case (s_axil_awaddr[4:2])
        0: source <= s_axil_wdata;
        1: bursts <= s_axil_wdata;
        2: begin busy <= 1; state <= 1; end
        4: destination <= s_axil_wdata;
        5: faults <= s_axil_wdata;
        default: ;
      endcase
    end else if (s_axil_bready) s_axil_bvalid <= 0;
    if (s_axil_arvalid & ~s_axil_arready & ~s_axil_rvalid) s_axil_arready <= 1;
    if (s_axil_arvalid & s_axil_arready) begin
      s_axil_rvalid <= 1;
      s_axil_rresp <= s_axil_araddr[11:5] != 0 ? 2 : 0;
      case (s_axil_araddr[4:2])
        0: s_axil_rdata <= source;
        1: s_axil_rdata <= bursts;
        3: s_axil_rdata <= {write_failed, read_failed, busy};
        default: s_axil_rdata <= 0;
      endcase
    end else if (s_axil_rready) s_axil_rvalid <= 0;

    // read addresses
    credits <= credits - (take_ar ? 8 : 0) + (pop ? 1 : 0);
    if (take_ar) m_axi_arvalid <= 0;
    if (faults[0] & m_axi_arvalid & ~m_axi_arready) m_axi_arvalid <= 0;
    if (state == 1 & asked != bursts & (~m_axi_arvalid | take_ar) & credits >= (take_ar ? 16 : 8)) begin
      m_axi_arvalid <= 1;
      m_axi_arid <= faults[5] ? 9 : 2;
      m_axi_arlen <= 7;
      m_axi_araddr <= {source, 12'h000} + {asked, 6'h00} + (faults[1] ? 40'hFC8 : 0);
      asked <= asked + 1;
    end
    // read data
    m_axi_rready <= ~faults[4];
    if (take_r) begin
      ram[write_at[7:0]] <= m_axi_rdata;
      write_at <= write_at + 1;
      beats_in <= beats_in + 1;
      if (m_axi_rresp != 0) read_failed <= 1;
    end
    // frames of 16 beats, the last of 3 bytes
    if (stream_free) m_axis_tvalid <= pop;
    if (pop) begin
      m_axis_tdata <= ram[read_at[7:0]];
      read_at <= read_at + 1;
      beats_out <= beats_out + 1;
      m_axis_tlast <= beats_out[3:0] == 15;
      m_axis_tkeep <= beats_out[3:0] == 15 ? (faults[3] ? 8'h05 : 8'h07) : 8'hFF;
    end
    // the end
    if (m_axi_awready) m_axi_awvalid <= 0;
    if (m_axi_wready) m_axi_wvalid <= 0;
    if (state == 1 & beats_out == beats & ~m_axis_tvalid) begin
      state <= 2;
      m_axi_awvalid <= 1;
      m_axi_wvalid <= 1;
      m_axi_wdata <= {48'h600D, beats_out};
      m_axi_wstrb <= 8'h3F;
      m_axi_wlast <= ~faults[2];
    end
    m_axi_bready <= 1;
    if (m_axi_bvalid & m_axi_bready) begin
      state <= 0;
      busy <= 0;
      irq <= 1;
      write_failed <= m_axi_bresp != 0;
    end

    if (reset) begin
      state <= 0; busy <= 0; irq <= 0; read_failed <= 0; write_failed <= 0; faults <= 0;
      s_axil_awready <= 0; s_axil_wready <= 0; s_axil_bvalid <= 0; s_axil_arready <= 0; s_axil_rvalid <= 0;
      m_axi_arvalid <= 0; m_axi_awvalid <= 0; m_axi_wvalid <= 0; m_axi_bready <= 0; m_axi_rready <= 0;
      m_axis_tvalid <= 0; write_at <= 0; read_at <= 0; asked <= 0; beats_in <= 0; beats_out <= 0; credits <= 256;
    end
  end
endmodule
