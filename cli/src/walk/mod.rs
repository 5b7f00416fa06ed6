//! `segwalk walk`: one translation, entry by entry.

mod input;

use crate::output::{print_json, print_text, table};
use crate::send::ModeArg;
use anyhow::Result;
use clap::ValueEnum;
use input::{Image, Map, Word};
use segwalk_model::page_table::{Access, Mode};
use segwalk_sim::walk::{report, Engine, EngineReport, Question, WalkReport};

/// Show one translation: each level's entry, the result or what was wrong
///
/// Without --map, --entry and --memory it walks the tables of a demonstration, which has a page of every kind.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  segwalk walk
  segwalk walk 0x12346678 --write
  segwalk walk --mode x86-64 0x40123456
  segwalk walk --mode sv48 0x7000001234 --map 0x7000001000=0x5000:4k:ru --write
  segwalk walk --mode x86-32 0x400123 --root 0x1000 --entry 0x1004=0x2027 --entry 0x2000=0x3067
  segwalk walk --mode x86-64 0x7f12345678 --root 0x1c42000 --memory ram.bin@0 --engine model

Numbers are hexadecimal with 0x, else decimal. A file for --memory is physical memory as it lies there, for example what
QEMU's `pmemsave` writes. PERMS are letters out of r w x u a d; `rwuad` if none are given. SIZE is 4k, 2m, 4m, 1g, 512g.

Exit status: 0 when the engines agree, whether they translate or fault; 1 when they differ; 2 on other errors.")]
pub struct Args {
    /// Virtual address
    #[arg(value_parser = input::number)]
    address: Option<u64>,
    /// Format of the page tables
    #[arg(long, value_enum, default_value = "sv39")]
    mode: ModeArg,
    /// Ask for a write instead of a read
    #[arg(long)]
    write: bool,
    /// Allow supervisor pages too
    #[arg(long)]
    supervisor: bool,
    /// Whether a clear accessed bit is a fault [default: yes for sv32, sv39 and sv48, no for x86]
    #[arg(long, value_enum, value_name = "yes|no")]
    accessed_faults: Option<YesNo>,
    /// Physical address of the root table
    #[arg(long, value_name = "ADDR", value_parser = input::number)]
    root: Option<u64>,
    /// Map a page; its tables are made from --root on
    #[arg(long, value_name = "VIRT=PHYS[:SIZE][:PERMS]", value_parser = input::map, conflicts_with = "memory")]
    map: Vec<Map>,
    /// Put an entry at a physical address
    #[arg(long, value_name = "ADDR=VALUE", value_parser = input::word)]
    entry: Vec<Word>,
    /// Put a file into physical memory
    #[arg(long, value_name = "FILE@ADDR", value_parser = input::image)]
    memory: Vec<Image>,
    /// Who translates
    #[arg(long, value_enum, default_value = "both")]
    engine: EngineArg,
    /// Print nothing but JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum YesNo {
    Yes,
    No,
}

#[derive(Clone, Copy, ValueEnum)]
enum EngineArg {
    Model,
    Rtl,
    Both,
}

impl Args {
    fn mode(&self) -> Mode {
        self.mode.into()
    }

    fn engine(&self) -> Engine {
        match self.engine {
            EngineArg::Model => Engine::Model,
            EngineArg::Rtl => Engine::Rtl,
            EngineArg::Both => Engine::Both,
        }
    }

    fn access(&self) -> Access {
        if self.write {
            Access::Write
        } else {
            Access::Read
        }
    }
}

/// Runs the command; false when the engines differ.
pub fn run(args: &Args) -> Result<bool> {
    let (question, places) = input::question(args)?;
    let report = report(&question, args.engine())?;
    if args.json {
        print_json(&report)?;
    } else {
        print_text(&render(&question, &report))?;
        if !places.is_empty() {
            print_text(&demonstration(args, &places))?;
        }
    }
    if let Some(difference) = &report.difference {
        eprintln!("segwalk: the engines differ: {difference}");
    }
    Ok(report.is_good())
}

fn render(question: &Question, report: &WalkReport) -> String {
    let mut text = format!("{}\n{}\n", report.context_line(), report.question_line(question));
    // engines that agree are shown once
    let shown = if report.agree == Some(true) {
        1
    } else {
        report.engines.len()
    };
    for engine in &report.engines[..shown] {
        if shown > 1 {
            text += &format!("\nThe {}:\n", name(engine));
        }
        if !engine.steps.is_empty() {
            text += &format!("{}\n", steps(engine));
        }
        text += &format!("{}\n", engine.result_line());
    }
    if let Some(rtl) = report.engines.iter().find(|engine| engine.engine == "rtl") {
        text += &format!(
            "{}{}\n",
            if report.agree == Some(true) {
                "Model and RTL agree. "
            } else {
                ""
            },
            effort(rtl)
        );
    }
    text.trim_end().to_string()
}

fn name(engine: &EngineReport) -> &'static str {
    match engine.engine {
        "rtl" => "RTL",
        _ => "model",
    }
}

fn steps(engine: &EngineReport) -> String {
    let mut table = table(
        &["level", "index", "entry at", "entry", "set bits", "what it is"],
        &[0, 1],
    );
    for step in &engine.steps {
        table.add_row([
            step.level.to_string(),
            step.index.to_string(),
            step.entry_addr.clone(),
            step.entry.clone().unwrap_or_else(|| "-".into()),
            step.bits.join(" "),
            step.meaning.clone(),
        ]);
    }
    table.to_string()
}

/// What the MMU did for it.
fn effort(rtl: &EngineReport) -> String {
    let reads = rtl.read_bytes.as_deref().unwrap_or_default();
    let clocks = rtl.clocks.unwrap_or_default();
    let sizes: Vec<String> = reads.iter().map(u64::to_string).collect();
    match sizes.len() {
        0 => format!("The RTL read nothing and answered after {clocks} clocks."),
        _ => format!(
            "The RTL read {} bytes and answered after {clocks} clocks.",
            sizes.join(" + ")
        ),
    }
}

/// Says what the tables are, and to who has asked for no address what else there is.
fn demonstration(args: &Args, places: &[(u64, String)]) -> String {
    let mode = args.mode().name();
    let own = "your own are given with --map, --entry or --memory";
    if args.address.is_some() {
        return format!("\nThe tables are a demonstration's; `segwalk walk --mode {mode}` lists its addresses, {own}.");
    }
    let mut table = table(&["address", "what is there"], &[]);
    for (virt_addr, what) in places {
        table.add_row([format!("{virt_addr:#x}"), what.clone()]);
    }
    format!(
        "\nThe tables are a demonstration's; {own}. Try `segwalk walk --mode {mode} ADDRESS`, also with --write:\n{table}"
    )
}
