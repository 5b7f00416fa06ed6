//! The model binding.

use rust_hdl::core::check_error::check_all;
use rust_hdl::core::module_defines::ModuleDefines;
use rust_hdl::prelude::*;
use segwalk_hdl::bus::fifo::Fifo;
use segwalk_sim::pattern::Rng;
use segwalk_sim::verilated::{Direction, Idle, Model, Spec};
use segwalk_sim::witness::Witness;

const COUNTER: &str = "
module counter(input clock, input step$valid, input [11:0] step$by, input [39:0] mask, input [99:0] wide,
               output reg [63:0] total, output [99:0] wide_too, output any);
  initial total = 0;
  always @(posedge clock) if (step$valid) total <= total + step$by;
  assign any = |(total & mask);
  assign wide_too = wide + 1;
endmodule";

fn counter(trace: bool) -> Model {
    Model::build(&Spec {
        top: "counter",
        verilog: COUNTER,
        trace,
        ..Default::default()
    })
    .unwrap()
}

#[test]
fn ports_have_the_verilog_names_and_every_width() {
    let mut dut = counter(false).instance().unwrap();
    let valid = dut.input("step$valid").unwrap();
    let by = dut.port("step$by").unwrap();
    let mask = dut.port("mask").unwrap();
    let total = dut.output("total").unwrap();
    let any = dut.port("any").unwrap();
    let (wide, wide_too) = (dut.port("wide").unwrap(), dut.port("wide_too").unwrap());
    dut.set(valid, 1);
    dut.set(by, 0xFFF);
    for _ in 0..1000 {
        dut.tick();
    }
    assert_eq!(dut.get(total), 4_095_000);
    assert_eq!(dut.get(any), 0);
    dut.set(mask, 0xFF_FFFF_FFFF);
    assert_eq!(dut.get(any), 0, "combinational outputs wait for eval");
    dut.eval();
    assert_eq!(dut.get(any), 1);
    assert_eq!(dut.get(total), 4_095_000, "eval has no clock edge");
    dut.set_words(wide, &[u32::MAX, u32::MAX, 7]);
    dut.eval();
    assert_eq!(dut.get_words(wide_too), [0, 0, 8, 0]);
    assert_eq!(dut.get_words(total), [4_095_000, 0]);
    let clock = dut.ports().find(|p| p.name == "clock").unwrap();
    assert_eq!((clock.direction, clock.width), (Direction::Input, 1));
}

#[test]
fn a_wrong_name_or_direction_is_explained() {
    let dut = counter(false).instance().unwrap();
    let error = dut.port("step_valid").unwrap_err().to_string();
    assert!(
        error.contains("no port `step_valid`") && error.contains("`step$valid`"),
        "{error}"
    );
    let error = dut.input("total").unwrap_err().to_string();
    assert!(error.contains("not an Input"), "{error}");
}

#[test]
fn instances_run_in_threads_of_their_own() {
    let model = counter(false);
    let (valid, by, total) = {
        let dut = model.instance().unwrap();
        (
            dut.port("step$valid").unwrap(),
            dut.port("step$by").unwrap(),
            dut.port("total").unwrap(),
        )
    };
    let runs: Vec<_> = (1..=8u64)
        .map(|step| {
            let model = model.clone();
            std::thread::spawn(move || {
                let mut dut = model.instance().unwrap();
                dut.set(valid, 1);
                dut.set(by, step);
                for _ in 0..20_000 {
                    dut.tick();
                }
                assert_eq!(dut.get(total), 20_000 * step);
            })
        })
        .collect();
    for run in runs {
        run.join().unwrap();
    }
}

#[test]
fn a_build_asked_for_by_many_threads_is_made_once() {
    let verilog = COUNTER.replace("counter", "shared_counter");
    std::thread::scope(|scope| {
        let builds: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let spec = Spec {
                        top: "shared_counter",
                        verilog: &verilog,
                        ..Default::default()
                    };
                    let model = Model::build(&spec).unwrap();
                    model.instance().unwrap().tick();
                    model.directory().to_owned()
                })
            })
            .collect();
        let folders: Vec<_> = builds.into_iter().map(|b| b.join().unwrap()).collect();
        assert!(folders.windows(2).all(|w| w[0] == w[1]));
    });
}

#[test]
fn waves_are_written_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let model = counter(true);
    let path = folder
        .path()
        .join(format!("waves.{}", model.trace_format().unwrap().extension()));
    let mut dut = model.instance().unwrap();
    dut.trace_to(&path).unwrap();
    for _ in 0..100 {
        dut.tick();
    }
    drop(dut);
    assert!(std::fs::metadata(&path).unwrap().len() > 100);
    assert!(model
        .instance()
        .unwrap()
        .trace_to(&folder.path().join("no/such/folder"))
        .is_err());
    let error = counter(false)
        .instance()
        .unwrap()
        .trace_to(&path)
        .unwrap_err()
        .to_string();
    assert!(error.contains("trace: true"), "{error}");
}

#[test]
fn broken_verilog_shows_what_verilator_says() {
    let spec = Spec {
        top: "broken",
        verilog: "module broken(input clock); assign x = ; endmodule",
        ..Default::default()
    };
    let error = format!("{:#}", Model::build(&spec).map(|_| ()).unwrap_err());
    assert!(error.contains("`broken`") && error.contains("syntax error"), "{error}");
}

#[test]
fn an_emitted_queue_keeps_order() {
    let mut block = Fifo::<Bits<16>, 3>::default();
    block.connect_all();
    check_all(&block).unwrap();
    let mut defines = ModuleDefines::default();
    block.accept("queue", &mut defines);
    let verilog = defines.defines();
    let model = Model::build(&Spec {
        top: "queue",
        verilog: &verilog,
        ..Default::default()
    })
    .unwrap();
    let mut dut = model.instance().unwrap();
    let [reset, in_valid, in_data, out_ready] =
        ["reset", "in_valid", "in_data", "out_ready"].map(|name| dut.input(name).unwrap());
    let [in_ready, out_valid, out_data] = ["in_ready", "out_valid", "out_data"].map(|name| dut.output(name).unwrap());
    dut.set(reset, 1);
    dut.tick();
    dut.set(reset, 0);
    let (mut sent, mut got) = (0u64, 0u64);
    for clock in 0..3000u64 {
        dut.set(in_valid, u64::from(clock % 5 != 0));
        dut.set(in_data, sent & 0xFFFF);
        dut.set(out_ready, u64::from(clock % 3 != 0));
        sent += dut.get(in_valid) & dut.get(in_ready);
        if dut.get(out_valid) & dut.get(out_ready) == 1 {
            assert_eq!(dut.get(out_data), got & 0xFFFF, "clock {clock}");
            got += 1;
        }
        dut.tick();
    }
    assert!(got > 1900, "{got} of {sent}");
    assert!(sent - got <= 9);
}

/// Instances as the core's Verilog has them: a module each for a flip-flop and a memory.
const PARTS: &str = "
module parts(clock,reset,go,address,wide,sum,word,copy,now);
    input wire  clock;
    input wire  reset;
    input wire  go;
    input wire  [1:0] address;
    input wire  [63:0] wide;
    output wire  [15:0] sum;
    output wire  [15:0] word;
    output wire  [99:0] copy;
    output wire  now;
    wire [15:0] slow$q, fast$q, word$q;
    wire [99:0] copy$q;
    reg [15:0] slow$d;
    always @(*) begin
        slow$d = slow$q;
        if (go & address == 2) slow$d = fast$q;
        if (reset) slow$d = 0;
    end
    parts$fast fast(.d(reset ? 16'h0 : fast$q + 16'h1), .q(fast$q), .clock(clock));
    parts$slow slow(.d(slow$d), .q(slow$q), .clock(clock));
    parts$word word$r(.d(memory$read), .q(word$q), .clock(clock));
    parts$copy copy$r(.d({slow$q, fast$q[15:12], copy$q[79:0]} ^ {wide, 36'h0}), .q(copy$q), .clock(clock));
    wire [15:0] memory$read;
    parts$memory memory(.clock(clock), .read_addr(address), .read_data(memory$read),
        .write_addr(slow$q[1:0]), .write_data(fast$q), .write_enable(go & fast$q[2]));
    assign sum = slow$q + fast$q;
    assign word = word$q;
    assign copy = copy$q;
    assign now = go & slow$q[0];
endmodule
FLIP_FLOPS
module parts$memory(clock,read_addr,read_data,write_addr,write_data,write_enable);
    input wire  clock;
    input wire  [1:0] read_addr;
    output wire  [15:0] read_data;
    input wire  [1:0] write_addr;
    input wire  [15:0] write_data;
    input wire  write_enable;
    reg [15:0] mem [0:3];
    initial begin mem[0] = 0; mem[1] = 0; mem[2] = 0; mem[3] = 0; end
    always @(posedge clock) if (write_enable) mem[write_addr] <= write_data;
    assign read_data = mem[read_addr];
endmodule
";

#[test]
fn idle_groups_change_nothing() {
    let flip_flop = |(name, width): (&str, u32)| {
        format!(
            "module parts${name}(d,q,clock);\n    input wire  [{0}:0] d;\n    output reg  [{0}:0] q;\n    input wire  \
             clock;\n    initial begin\n       q = 0;\n    end\n    always @(posedge clock) begin\n       q <= d;\n    \
             end\nendmodule\n",
            width - 1
        )
    };
    let flip_flops = [("fast", 16), ("slow", 16), ("word", 16), ("copy", 100)].map(flip_flop);
    let verilog = PARTS.replace("FLIP_FLOPS", &flip_flops.concat());
    let build = |idle| {
        Model::build(&Spec {
            top: "parts",
            verilog: verilog.trim_start(),
            idle,
            ..Default::default()
        })
        .unwrap()
    };
    let groups = build(Some(Idle {
        groups: &[&["slow", "copy"], &["word", "memory"]],
        busy: &[],
        busy_inputs: &["wide"],
    }));
    assert_eq!(groups.one_clock(), None);
    let mut dut = groups.instance().unwrap();
    assert!(dut.ports().all(|port| !port.name.starts_with("idle_")));
    let mut witness = Witness::new(&dut, &build(None)).unwrap();
    let mut rng = Rng::new(3);
    let [reset, go, address, wide] = ["reset", "go", "address", "wide"].map(|name| dut.input(name).unwrap());
    let now = dut.output("now").unwrap();
    let mut seen = [false; 2];
    for clock in 0..20_000 {
        // long quiet stretches, so that groups do stand still
        if clock % 64 < 8 {
            let random = rng.next_u64();
            dut.set(reset, u64::from(random % 50 == 0));
            dut.set(go, random >> 8 & 1);
            dut.set(address, random >> 9 & 3);
            dut.set(wide, if random >> 12 & 1 == 0 { 0 } else { rng.next_u64() });
            dut.eval();
            seen[dut.get(now) as usize] = true;
        }
        witness.tick(&dut);
        dut.tick();
        assert_eq!(witness.difference(&dut), None, "clock {clock}");
    }
    assert_eq!(seen, [true; 2]);
    // one that is not written like this is evaluated whole, and says so
    let other = Model::build(&Spec {
        top: "counter",
        verilog: COUNTER,
        idle: Some(Idle {
            groups: &[],
            busy: &[],
            busy_inputs: &[],
        }),
        ..Default::default()
    });
    assert!(other.unwrap().one_clock().is_some());
}
