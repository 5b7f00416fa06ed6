//! Rules on the names of a module: reserved words, enums, signed types.

use super::finding::{Rule, Sink};
use super::scope::{Role, Scope};
use super::text;

/// Words of Verilog-2005 and SystemVerilog-2017; Verilator reads `.v` files as the latter.
const RESERVED: &str = "
    accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin bind bins
    binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const
    constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge
    else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule
    endpackage endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event eventually expect
    export extends extern final first_match for force foreach forever fork forkjoin function generate genvar global
    highz0 highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input
    inside instance int integer interconnect interface intersect join join_any join_none large let liblist library
    local localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor
    noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive priority program
    property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase
    randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0
    rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled
    signed small soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1
    sync_accept_on sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri
    tri0 tri1 triand trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var
    vectored virtual void wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor";

/// Checks the names of one module.
pub(super) fn check(scope: &Scope, found: &mut Sink) {
    for (name, signal) in &scope.signals {
        // A child's ports are checked in the child.
        if matches!(signal.role, Role::ChildInput | Role::ChildOutput) {
            continue;
        }
        reserved(name, found);
        mangled(name, found);
        if signal.signed {
            found.add(
                Rule::SignedSignal,
                text::name(name),
                "signed values compare and extend differently in Verilog; use Bits with an explicit sign or borrow bit",
            );
        }
    }
    for name in &scope.children {
        reserved(name, found);
    }
    // An interface's name never stands alone in Verilog, but Rust-HDL mangles it.
    for name in scope.children.iter().chain(&scope.interfaces) {
        mangled(name, found);
    }
    for (position, one) in scope.enums.iter().enumerate() {
        if scope.enums[..position].iter().any(|other| other.name == one.name) {
            found.add(
                Rule::EnumName,
                &one.name,
                "two enums with this name meet in the module and their values collide in Verilog; give each enum a name of its own",
            );
        }
    }
}

fn reserved(name: &str, found: &mut Sink) {
    if RESERVED.split_whitespace().any(|word| word == name) {
        found.add(Rule::FieldName, name, "Verilog reserves this word; rename the field");
    }
}

fn mangled(name: &str, found: &mut Sink) {
    for part in name.split('$') {
        if part.ends_with("self") {
            found.add(
                Rule::FieldName,
                text::name(name),
                "Rust-HDL removes `self.` from names wherever it stands, also at the end of this one; rename the field",
            );
        }
        if part == "next" {
            found.add(
                Rule::FieldName,
                text::name(name),
                "Rust-HDL takes a field called `next` for the `.next` of an assignment; rename the field",
            );
        }
    }
}
