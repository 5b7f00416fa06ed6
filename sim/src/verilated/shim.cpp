// C interface to the model; included after the model's sources so that the compiler sees through the calls.
#include "Vmodel.h"
#include "Vmodel___024root.h"
#include "Vmodel__Syms.h"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
using SegwalkTrace = VerilatedFstC;
#elif VM_TRACE_VCD
#include "verilated_vcd_c.h"
using SegwalkTrace = VerilatedVcdC;
#endif

struct SegwalkPort {
    const char* name;  // as in the Verilog
    uint32_t width;
    uint32_t output;
    void* value;
};

struct SegwalkDut {
    VerilatedContext context;
    Vmodel* top = nullptr;
#if VM_TRACE
    SegwalkTrace trace;
#endif
    bool tracing = false;
    bool started = false;
};

#define SEGWALK_EXPORT extern "C" __attribute__((visibility("default")))

static void segwalk_dump(SegwalkDut* dut) {
#if VM_TRACE
    if (__builtin_expect(dut->tracing, 0)) dut->trace.dump(dut->context.time());
#endif
}

SEGWALK_EXPORT SegwalkDut* segwalk_new() {
    SegwalkDut* dut = new SegwalkDut;
#if VM_TRACE
    dut->context.traceEverOn(true);
#endif
    dut->top = new Vmodel{&dut->context, "TOP"};
    return dut;
}

SEGWALK_EXPORT void segwalk_free(SegwalkDut* dut) {
    dut->top->final();
#if VM_TRACE
    if (dut->tracing) dut->trace.close();
#endif
    delete dut->top;
    delete dut;
}

#ifdef SEGWALK_IDLE
// The first evaluation sees all clocks low and settles everything. From then on the model is told which clocks rise.
static void segwalk_settle(SegwalkDut* dut) {
    Vmodel___024root* root = dut->top->rootp;
    if (__builtin_expect(!dut->started, 0)) {
        segwalk_low(dut->top);
        dut->top->eval();
        dut->started = true;
    }
    root->__VnbaTriggered.clear();
    if (segwalk_inputs(root)) Vmodel___024root___eval_nba(root);
}
#else
static void segwalk_settle(SegwalkDut* dut) { dut->top->eval(); }
#endif

SEGWALK_EXPORT void segwalk_eval(SegwalkDut* dut) { segwalk_settle(dut); }

// Half a clock is 5 time units, so that waves have whole numbers.
SEGWALK_EXPORT void segwalk_tick(SegwalkDut* dut) {
#ifdef SEGWALK_IDLE
    segwalk_settle(dut);
    dut->top->rootp->__VnbaTriggered.clear();
    segwalk_raise(dut->top->rootp);
    Vmodel___024root___eval_nba(dut->top->rootp);
    dut->context.timeInc(10);
    return;
#endif
#ifdef SEGWALK_CLOCK_BEFORE
    // Nothing happens on a falling edge, so the model is told that one was seen: inputs settle and the rising edge follows
    // in one evaluation. The first evaluation takes the clock as it finds it, and waves show the falling edge too.
    if (__builtin_expect(dut->started && !dut->tracing, 1)) {
        dut->top->rootp->SEGWALK_CLOCK_BEFORE = 0;
        dut->top->clock = 1;
        dut->top->eval();
        dut->context.timeInc(10);
        return;
    }
    dut->started = true;
#endif
#if SEGWALK_HAS_CLOCK
    dut->top->clock = 0;
#endif
    dut->top->eval();
    segwalk_dump(dut);
    dut->context.timeInc(5);
#if SEGWALK_HAS_CLOCK
    dut->top->clock = 1;
    dut->top->eval();
#endif
    segwalk_dump(dut);
    dut->context.timeInc(5);
}

// 0: done, 1: built without waves, 2: the file cannot be written
SEGWALK_EXPORT int segwalk_trace(SegwalkDut* dut, const char* path) {
#if VM_TRACE
    if (dut->tracing) {
        dut->trace.close();
    } else {
        dut->top->trace(&dut->trace, 99);
    }
    dut->trace.open(path);
    dut->tracing = dut->trace.isOpen();
    return dut->tracing ? 0 : 2;
#else
    return 1;
#endif
}

SEGWALK_EXPORT size_t segwalk_ports(SegwalkDut* dut, SegwalkPort* ports, size_t room) {
    const SegwalkPort all[] = {
SEGWALK_PORTS
        {nullptr, 0, 0, nullptr},
    };
    const size_t count = sizeof(all) / sizeof(all[0]) - 1;
    for (size_t i = 0; i < count && i < room; ++i) ports[i] = all[i];
    return count;
}
