// What an engineer would write in C++ for the same work: memory with a latency behind the AXI4 port, register writes,
// frames kept. Replays a script of the Rust bench on the same model and prints CPU nanoseconds, clocks and a hash of
// the frames, so that both are known to have done the same.
#include "fast.cpp"
#include "slow.cpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

struct Read {
    uint64_t addr, ready_at;
    uint32_t beats, beat;
    uint8_t id;
};
struct Answer {
    uint64_t ready_at;
    uint8_t id, resp;
};
struct Write {
    uint64_t addr;
    uint32_t beats, beat;
    uint8_t id, resp;
};
using Page = std::array<uint8_t, 4096>;

struct Bench {
    VerilatedContext context;
    std::unique_ptr<Vmodel> top{new Vmodel{&context, "TOP"}};
    std::unordered_map<uint64_t, std::unique_ptr<Page>> pages;
    std::deque<Read> reads;
    std::deque<Write> writes;
    std::deque<Answer> answers;
    struct Beat {
        uint64_t data;
        uint8_t strobe;
    };
    std::deque<Beat> data;
    std::vector<uint8_t> bytes;
    std::vector<size_t> ends;
    uint64_t clock = 0, latency = 1;
    static constexpr size_t max_open = 64;

    Page* page(uint64_t addr) {
        auto found = pages.find(addr >> 12);
        return found == pages.end() ? nullptr : found->second.get();
    }

    void tick() {
        top->clock = 0;
        top->eval();
        top->clock = 1;
        top->eval();
        ++clock;
    }

    void step() {
        // read data
        bool valid = !reads.empty() && reads.front().ready_at <= clock;
        top->m_axi_rvalid = valid;
        if (valid) {
            Read& read = reads.front();
            uint64_t addr = (read.addr & ~7ull) + 8ull * read.beat;
            Page* memory = page(addr);
            uint64_t word = 0;
            if (memory) memcpy(&word, memory->data() + (addr & 0xFF8), 8);
            top->m_axi_rid = read.id;
            top->m_axi_rdata = word;
            top->m_axi_rresp = memory ? 0 : 3;
            top->m_axi_rlast = read.beat + 1 == read.beats;
            if (top->m_axi_rready && ++read.beat == read.beats) reads.pop_front();
        }
        // write answers
        valid = !answers.empty() && answers.front().ready_at <= clock;
        top->m_axi_bvalid = valid;
        if (valid) {
            top->m_axi_bid = answers.front().id;
            top->m_axi_bresp = answers.front().resp;
            if (top->m_axi_bready) answers.pop_front();
        }
        // addresses
        bool ready = reads.size() < max_open;
        top->m_axi_arready = ready;
        if (ready && top->m_axi_arvalid)
            reads.push_back({top->m_axi_araddr, clock + latency, top->m_axi_arlen + 1u, 0, top->m_axi_arid});
        ready = writes.size() + answers.size() < max_open;
        top->m_axi_awready = ready;
        if (ready && top->m_axi_awvalid)
            writes.push_back({top->m_axi_awaddr, top->m_axi_awlen + 1u, 0, top->m_axi_awid, 0});
        // write data
        ready = data.size() < 16;
        top->m_axi_wready = ready;
        if (ready && top->m_axi_wvalid) data.push_back({top->m_axi_wdata, top->m_axi_wstrb});
        while (!data.empty() && !writes.empty()) {
            Write& write = writes.front();
            uint64_t addr = (write.addr & ~7ull) + 8ull * write.beat;
            if (Page* memory = page(addr)) {
                for (int i = 0; i < 8; ++i)
                    if (data.front().strobe >> i & 1) (*memory)[(addr & 0xFF8) + i] = data.front().data >> (8 * i);
            } else {
                write.resp = 3;
            }
            data.pop_front();
            if (++write.beat == write.beats) {
                answers.push_back({clock + latency, write.id, write.resp});
                writes.pop_front();
            }
        }
        // frames
        top->m_axis_tready = 1;
        if (top->m_axis_tvalid) {
            uint64_t word = top->m_axis_tdata;
            size_t count = __builtin_ctz(~unsigned(top->m_axis_tkeep));
            const uint8_t* from = reinterpret_cast<const uint8_t*>(&word);
            bytes.insert(bytes.end(), from, from + count);
            if (top->m_axis_tlast) ends.push_back(bytes.size());
        }
        tick();
    }

    void write_register(uint32_t offset, uint32_t value) {
        bool address = false, word = false;
        top->s_axil_awaddr = offset;
        top->s_axil_wdata = value;
        top->s_axil_wstrb = 15;
        top->s_axil_bready = 1;
        for (;;) {
            top->s_axil_awvalid = !address;
            top->s_axil_wvalid = !word;
            if (top->s_axil_awready) address = true;
            if (top->s_axil_wready) word = true;
            bool done = top->s_axil_bvalid;
            step();
            if (done) break;
        }
        top->s_axil_bready = 0;
    }
};

static uint64_t number(FILE* file) {
    uint64_t value = 0;
    if (fread(&value, 8, 1, file) != 1) {
        fprintf(stderr, "the script is too short\n");
        exit(1);
    }
    return value;
}

static uint64_t nanoseconds() {
    timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

// script, in 64-bit words: latency, frames to wait for, pages (number and 4096 bytes each), register writes
int main(int argc, char** argv) {
    const int runs = argc > 2 ? atoi(argv[2]) : 1;
    uint64_t spent = 0, clocks = 0, hash = 0;
    for (int run = 0; run < runs; ++run) {
        FILE* file = fopen(argv[1], "rb");
        if (!file) {
            fprintf(stderr, "cannot read the script\n");
            return 1;
        }
        Bench bench;
        bench.latency = number(file);
        const uint64_t frames = number(file);
        for (uint64_t left = number(file); left; --left) {
            uint64_t at = number(file);
            auto page = std::make_unique<Page>();
            if (fread(page->data(), 4096, 1, file) != 1) return 1;
            bench.pages[at] = std::move(page);
        }
        std::vector<std::pair<uint32_t, uint32_t>> writes;
        for (uint64_t left = number(file); left; --left) {
            uint32_t offset = number(file);
            writes.emplace_back(offset, number(file));
        }
        fclose(file);
        bench.bytes.reserve(1 << 20);
        bench.top->reset = 1;
        for (int i = 0; i < 4; ++i) bench.tick();
        bench.top->reset = 0;
        const uint64_t start = nanoseconds(), first = bench.clock;
        for (auto [offset, value] : writes) bench.write_register(offset, value);
        while (bench.ends.size() < frames) bench.step();
        spent += nanoseconds() - start;
        clocks = bench.clock - first;
        hash = 0xcbf29ce484222325ull;
        for (uint8_t byte : bench.bytes) hash = (hash ^ byte) * 0x100000001b3ull;
    }
    printf("%llu %llu %llu\n", (unsigned long long)spent, (unsigned long long)clocks, (unsigned long long)hash);
    return 0;
}
