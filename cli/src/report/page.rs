//! The page: charts and the tables beside them.

use super::charts::{bars, lines, Axes, Bar, Bars, Line};
use super::{Grade, Measured, AREA_AIM};
use crate::bench::{meets, shares};
use crate::output::thousands;
use anyhow::Result;
use maud::{html, Markup, PreEscaped, DOCTYPE};
use segwalk_sim::bench::{Figure, SWEEP_LATENCIES, SWEEP_MSS};

/// The whole page as text.
pub fn page(measured: &Measured) -> Result<String> {
    let style = PreEscaped(include_str!("page.css"));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Segwalk: figures" }
                style { (style) }
            }
            body {
                h1 { "Segwalk: figures" }
                p {
                    "Throughput and latency are those of the emitted Verilog in Verilator, counted in clocks, every byte compared \
                     with the model. Area and clock are those of " (measured.synth.yosys.split(" (").next().unwrap_or_default()) " and nextpnr on an ECP5 LFE5UM-85F."
                }
                (figures(&measured.matrix))
                (throughput(&measured.sweep)?)
                (clocks(&measured.matrix)?)
                (area(measured)?)
                @if !measured.grades.is_empty() { (clock_rate(&measured.grades)?) }
                (speed(measured)?)
            }
        }
    };
    Ok(page.into_string())
}

fn figures(matrix: &[Figure]) -> Markup {
    html! {
        h2 { "Figures" }
        p {
            "Sink always ready; super-frames of 64 KiB, 32 of them measured after 6 others, in 4 KiB pages that are scattered in \
             physical memory. The bound is what bus and stream allow at best: 8 bytes a clock each."
        }
        div.scroll { table {
            thead { tr { th { "case" } th { "value" } th { "aim" } th { "bound" } th { "unit" } th { "walks a super-frame" } } }
            tbody { @for figure in matrix {
                tr {
                    td { (figure.name) }
                    td.good[meets(figure) == Some(true)].bad[meets(figure) == Some(false)] { (number(figure.value)) }
                    td { (figure.aim.map_or(String::new(), number)) }
                    td { (number(figure.bound)) }
                    td { (figure.unit.name()) }
                    td { (format!("{:.1}", figure.walks_per_chain)) }
                }
            } }
        } }
    }
}

fn throughput(sweep: &[Figure]) -> Result<Markup> {
    let value = |mss: u16, latency: u32| {
        let name = format!("sweep_mss{mss}_l{latency}");
        sweep
            .iter()
            .find(|figure| figure.name == name)
            .map(|figure| figure.value)
    };
    let over_mss: Vec<Line> = SWEEP_LATENCIES
        .iter()
        .map(|latency| Line {
            name: format!("{latency} clocks"),
            points: SWEEP_MSS
                .iter()
                .filter_map(|mss| Some((f64::from(*mss), value(*mss, *latency)?)))
                .collect(),
        })
        .collect();
    let over_latency: Vec<Line> = [64, 128, 256, 512, 1448, 9000]
        .iter()
        .map(|mss| Line {
            name: format!("MSS {mss}"),
            points: SWEEP_LATENCIES
                .iter()
                .filter_map(|latency| Some((f64::from(*latency), value(*mss, *latency)?)))
                .collect(),
        })
        .collect();
    let mss_axes = Axes {
        title: "Throughput over MSS, a line for each memory latency",
        x: "MSS in bytes",
        y: "beats a clock",
        ticks: SWEEP_MSS.iter().map(|mss| f64::from(*mss)).collect(),
    };
    let latency_axes = Axes {
        title: "Throughput over memory latency, a line for each MSS",
        x: "memory latency in clocks",
        y: "beats a clock",
        ticks: SWEEP_LATENCIES.iter().map(|latency| f64::from(*latency)).collect(),
    };
    Ok(html! {
        h2 { "Throughput over MSS and latency" }
        p {
            "Output beats of 8 bytes a clock, super-frames of 64 KiB in one virtual range, warm TLB. Lines that lie on each other \
             are drawn thick below thin. Reads are open for up to 512 beats, which covers a latency of about 450 clocks."
        }
        div.pair {
            div.charts {
                (PreEscaped(lines(&mss_axes, &over_mss)?))
                (PreEscaped(lines(&latency_axes, &over_latency)?))
            }
            div.scroll { table {
                thead { tr { th { "MSS" } @for latency in SWEEP_LATENCIES { th { (latency) " clocks" } } } }
                tbody { @for mss in SWEEP_MSS {
                    tr { td { (mss) } @for latency in SWEEP_LATENCIES { td { (value(mss, latency).map_or("".into(), number)) } } }
                } }
            } }
        }
    })
}

fn clocks(matrix: &[Figure]) -> Result<Markup> {
    let parts: Vec<&str> = matrix
        .first()
        .map(|figure| figure.counts.named().map(|(name, _)| name))
        .unwrap_or_default()
        .to_vec();
    let rows: Vec<Bar> = matrix
        .iter()
        .map(|figure| Bar {
            name: figure.name.clone(),
            parts: shares(figure).map(|(_, share)| 100.0 * share).collect(),
            label: String::new(),
        })
        .collect();
    let around = Bars {
        title: "Where the clocks went, by case",
        parts: &parts,
        marks: &[],
        full: 100.0,
        margins: (170, 20),
    };
    Ok(html! {
        h2 { "Where the clocks went" }
        p {
            "Share of the clocks in which a beat left, or what the output waited for: payload on its way from memory, a \
             translation, descriptors, the engine's own pipeline, or the sink. Of latency_first_byte: the clocks from the doorbell to \
             the first beat."
        }
        div.pair {
            div.charts {
                (PreEscaped(bars(&around, &rows)?))
            }
            div.scroll { table {
                thead { tr { th { "case" } @for part in &parts { th { (part) } } } }
                tbody { @for figure in matrix {
                    tr { td { (figure.name) } @for (_, share) in shares(figure) { td { (format!("{:.2} %", 100.0 * share)) } } }
                } }
            } }
        }
    })
}

fn area(measured: &Measured) -> Result<Markup> {
    let modules = measured.synth.modules.iter().filter(|module| !module.path.is_empty());
    let mut top: Vec<_> = modules.clone().filter(|module| !module.path.contains('.')).collect();
    top.sort_by_key(|module| std::cmp::Reverse(module.cells.lut4));
    let longest = top.iter().map(|module| module.cells.lut4).max().unwrap_or(1);
    let rows: Vec<Bar> = top
        .iter()
        .map(|module| Bar {
            name: module.path.clone(),
            parts: vec![module.cells.lut4 as f64],
            label: format!(
                "{} LUT4, {} block RAMs",
                thousands(module.cells.lut4),
                module.cells.block_rams
            ),
        })
        .collect();
    let around = Bars {
        title: "Look-up tables by module",
        parts: &[],
        marks: &[],
        full: longest as f64,
        margins: (150, 230),
    };
    let total = &measured.synth.total;
    let class = |fits: bool| if fits { "good" } else { "bad" };
    Ok(html! {
        h2 { "Area by module" }
        p {
            "The whole core, optimised across modules: "
            span class=(class(total.lut4 <= AREA_AIM.0)) { (thousands(total.lut4)) " LUT4" } " (aim " (thousands(AREA_AIM.0)) "), "
            (thousands(total.flip_flops)) " flip-flops, "
            span class=(class(total.block_rams <= AREA_AIM.1)) { (total.block_rams) " block RAMs" } " (aim " (AREA_AIM.1) "). \
             Modules are counted by themselves, so their sum is a little more."
        }
        div.pair {
            div.charts {
                (PreEscaped(bars(&around, &rows)?))
            }
            div.scroll { table {
                thead { tr { th { "module" } th { "LUT4" } th { "FF" } th { "block RAM" } th { "LUT RAM" } th { "carry" } } }
                tbody { @for module in modules {
                    tr {
                        td { (module.path) }
                        td { (thousands(module.cells.lut4)) }
                        td { (thousands(module.cells.flip_flops)) }
                        td { (module.cells.block_rams) }
                        td { (module.cells.lut_rams) }
                        td { (module.cells.carries) }
                    }
                } }
            } }
        }
    })
}

fn clock_rate(grades: &[Grade]) -> Result<Markup> {
    let rows: Vec<Bar> = grades
        .iter()
        .flat_map(|grade| {
            grade.placements.iter().map(|placement| Bar {
                name: format!("grade {}, seed {}", grade.grade, placement.seed),
                parts: vec![placement.fmax_mhz],
                label: format!("{:.2} MHz", placement.fmax_mhz),
            })
        })
        .collect();
    let marks: Vec<(f64, String)> = grades
        .iter()
        .map(|grade| {
            (
                grade.aim_mhz,
                format!("aim at grade {}: {} MHz", grade.grade, grade.aim_mhz),
            )
        })
        .collect();
    let fastest = rows
        .iter()
        .flat_map(|row| row.parts.iter().copied())
        .fold(0.0, f64::max);
    let around = Bars {
        title: "Clock by seed",
        parts: &[],
        marks: &marks,
        full: fastest.max(160.0),
        margins: (150, 110),
    };
    Ok(html! {
        h2 { "Clock by seed" }
        p { "Placed and routed by nextpnr between registers." }
        div.pair {
            div.charts {
                (PreEscaped(bars(&around, &rows)?))
            }
            div.scroll { table {
                thead { tr {
                    th { "speed grade" } th { "median" } th { "aim" }
                    @for placement in grades.first().map_or(&[][..], |grade| &grade.placements) { th { "seed " (placement.seed) } }
                } }
                tbody { @for grade in grades {
                    tr {
                        td { (grade.grade) }
                        td.good[grade.median_mhz() >= grade.aim_mhz].bad[grade.median_mhz() < grade.aim_mhz] {
                            (format!("{:.2} MHz", grade.median_mhz()))
                        }
                        td { (format!("{:.2} MHz", grade.aim_mhz)) }
                        @for placement in &grade.placements { td { (format!("{:.2}", placement.fmax_mhz)) } }
                    }
                } }
            } }
        }
        @for grade in grades {
            p { "Critical path at grade " (grade.grade) ", in the placement with the median clock:" }
            ol { @for step in grade.critical_path() { li { code { (step) } } } }
        }
    })
}

fn speed(measured: &Measured) -> Result<Markup> {
    let kinds = [
        "harness with bus rules checked",
        "harness without checks",
        "C++ testbench",
    ];
    let rows: Vec<Bar> = measured
        .speeds
        .iter()
        .flat_map(|speed| {
            let values = [speed.checked, speed.unchecked, speed.cpp];
            kinds.iter().zip(values).map(|(kind, value)| Bar {
                name: format!("{}: {kind}", speed.name),
                parts: vec![value],
                label: format!("{value:.2}"),
            })
        })
        .collect();
    let fastest = rows
        .iter()
        .flat_map(|row| row.parts.iter().copied())
        .fold(0.0, f64::max);
    let around = Bars {
        title: "Million simulated clocks a CPU second",
        parts: &[],
        marks: &[],
        full: fastest.max(0.1),
        margins: (310, 60),
    };
    let all = measured.matrix.iter().chain(&measured.sweep);
    let clocks: u64 = all.clone().map(|figure| figure.simulated_clocks).sum();
    let seconds: f64 = all.map(|figure| figure.cpu_time.as_secs_f64()).sum();
    Ok(html! {
        h2 { "Simulation speed" }
        p {
            "Million simulated clocks a CPU second: the harness against a C++ testbench of the same model with the same \
             stimulus. The figures on this page took " (thousands(clocks)) " clocks in " (format!("{seconds:.1}")) " CPU seconds, with \
             every bus rule and every byte checked."
        }
        @if !rows.is_empty() {
            (PreEscaped(bars(&around, &rows)?))
            div.scroll { table {
                thead { tr { th { "model" } @for kind in kinds { th { (kind) } } th { "harness to C++" } } }
                tbody { @for speed in &measured.speeds {
                    tr {
                        td { (speed.name) }
                        @for value in [speed.checked, speed.unchecked, speed.cpp] { td { (format!("{value:.3}")) } }
                        td { (format!("{:.2}", speed.checked / speed.cpp)) }
                    }
                } }
            } }
        }
    })
}

/// Beats a clock with four digits behind the point, clocks with two.
fn number(value: f64) -> String {
    match value > 2.0 {
        true => format!("{value:.2}"),
        false => format!("{value:.4}"),
    }
}
