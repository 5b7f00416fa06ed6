//! A translation as people and programs read it.

use super::{difference, seen_by_model, Engine, Question, Seen};
use anyhow::Result;
use segwalk_model::limits::{PHYS_ADDR_BITS, PHYS_PAGE_BITS};
use segwalk_model::page_table::{size_name, Access};
use segwalk_model::refusal::FaultCause;
use serde::Serialize;

/// One entry of the walk.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// Level, 0 for 4 KiB pages.
    pub level: usize,
    /// What the format's document calls it.
    pub name: &'static str,
    /// Index into the table.
    pub index: u64,
    /// Physical address.
    pub entry_addr: String,
    /// The entry; nothing when the bus answered with an error.
    pub entry: Option<String>,
    /// Names of its set bits; reserved ones as numbers in brackets.
    pub bits: Vec<String>,
    /// What it is.
    pub meaning: String,
}

/// What one engine found.
#[derive(Clone, Debug, Serialize)]
pub struct EngineReport {
    /// `model` or `rtl`.
    pub engine: &'static str,
    /// The entries, root first.
    pub steps: Vec<StepReport>,
    /// Where the address leads.
    pub phys_addr: Option<String>,
    /// Size of the page; the MMU does not tell it.
    pub page_bytes: Option<u64>,
    /// Name of the cause.
    pub cause: Option<&'static str>,
    /// Its code.
    pub cause_code: Option<u8>,
    /// It in a sentence.
    pub sentence: Option<&'static str>,
    /// Which bits led to it; only the model says.
    pub because: Option<String>,
    /// Bytes of each read of the MMU.
    pub read_bytes: Option<Vec<u64>>,
    /// Clocks from request to answer.
    pub clocks: Option<u64>,
}

/// The whole translation.
#[derive(Clone, Debug, Serialize)]
pub struct WalkReport {
    /// Format.
    pub mode: &'static str,
    /// Physical address of the root table; nothing in Bare.
    pub root: Option<String>,
    /// Supervisor pages fault.
    pub user_only: bool,
    /// A clear accessed bit faults.
    pub accessed_faults: bool,
    /// Read or write.
    pub access: Access,
    /// The address.
    pub virt_addr: String,
    /// What each engine found.
    pub engines: Vec<EngineReport>,
    /// Whether they agree; nothing when only one was asked.
    pub agree: Option<bool>,
    /// In what they differ.
    pub difference: Option<String>,
}

/// Asks the engines.
pub fn report(question: &Question, engine: Engine) -> Result<WalkReport> {
    let model = question.model();
    let mut engines = Vec::new();
    let mut differs = None;
    if engine != Engine::Rtl {
        let because = model.explain(&question.context, question.virt_addr, question.access);
        let result = model.result.map(|translation| translation.phys_addr);
        let found = found(question, "model", &seen_by_model(&model), result);
        engines.push(EngineReport {
            page_bytes: model.result.ok().map(|translation| translation.page_bytes),
            because,
            ..found
        });
    }
    if engine != Engine::Model {
        let rtl = question.rtl()?;
        let found = found(question, "rtl", &rtl.seen, rtl.result);
        engines.push(EngineReport {
            read_bytes: Some(rtl.reads.iter().map(|read| read.bytes()).collect()),
            clocks: Some(rtl.clocks),
            ..found
        });
        differs = difference(&model, &rtl);
    }
    let context = &question.context;
    Ok(WalkReport {
        mode: context.mode.name(),
        root: context.mode.format().map(|_| hex(context.root_page << 12)),
        user_only: context.user_only,
        accessed_faults: context.accessed_faults,
        access: question.access,
        virt_addr: hex(question.virt_addr),
        engines,
        agree: (engine == Engine::Both).then_some(differs.is_none()),
        difference: differs.filter(|_| engine == Engine::Both),
    })
}

fn hex(value: u64) -> String {
    format!("{value:#x}")
}

fn found(question: &Question, engine: &'static str, seen: &[Seen], result: Result<u64, FaultCause>) -> EngineReport {
    let last = seen.len().saturating_sub(1);
    let steps = seen
        .iter()
        .enumerate()
        .map(|(at, seen)| step(question, seen, (at == last).then_some(result)))
        .collect();
    let cause = result.err();
    EngineReport {
        engine,
        steps,
        phys_addr: result.ok().map(hex),
        page_bytes: None,
        cause: cause.map(FaultCause::name),
        cause_code: cause.map(FaultCause::code),
        sentence: cause.map(FaultCause::sentence),
        because: None,
        read_bytes: None,
        clocks: None,
    }
}

fn step(question: &Question, seen: &Seen, result: Option<Result<u64, FaultCause>>) -> StepReport {
    let format = question.context.mode.format().expect("a walk has a format");
    let meaning = match (seen.entry, result) {
        (None, _) => "the bus answers with an error".to_string(),
        (Some(entry), None) => format!("the next table is at {:#x}", table_addr(format.page_number(entry))),
        (Some(_), Some(Ok(phys_addr))) => {
            let bytes = format.page_bytes(seen.level);
            format!("a page of {} at {:#x}", size_name(bytes), phys_addr & !(bytes - 1))
        }
        (Some(_), Some(Err(cause))) => format!("fault {}: {}", cause.code(), cause.name()),
    };
    StepReport {
        level: seen.level,
        name: format.entry_name(seen.level),
        index: seen.index,
        entry_addr: hex(seen.entry_addr),
        entry: seen
            .entry
            .map(|entry| format!("{entry:#0width$x}", width = 2 + 2 * format.entry_bytes)),
        bits: seen.entry.map_or(vec![], |entry| format.bit_names(entry, seen.level)),
        meaning,
    }
}

fn table_addr(page: u64) -> u64 {
    (page & ((1 << PHYS_PAGE_BITS) - 1)) << 12
}

impl WalkReport {
    /// The context in a line.
    pub fn context_line(&self) -> String {
        let mode = match self.mode {
            "bare" => return format!("Bare: a virtual address is the physical one, up to {PHYS_ADDR_BITS} bits"),
            mode if mode.starts_with("sv") => mode.replacen('s', "S", 1),
            mode => mode.to_string(),
        };
        let Some(root) = &self.root else {
            return format!("A context whose mode is {mode}");
        };
        let pages = if self.user_only {
            "user pages only"
        } else {
            "user and supervisor pages"
        };
        let accessed = if self.accessed_faults { "faults" } else { "is ignored" };
        format!("{mode}, root table at {root}; {pages}; a clear accessed bit {accessed}")
    }

    /// What is asked, in a line: the address with the index that each level takes from it.
    pub fn question_line(&self, question: &Question) -> String {
        let what = match question.access {
            Access::Read => "Read",
            Access::Write => "Write",
        };
        let mut line = format!("{what} at virtual address {}", self.virt_addr);
        if let Some(format) = question
            .context
            .mode
            .format()
            .filter(|f| f.is_canonical(question.virt_addr))
        {
            let indexes: Vec<String> = (0..format.levels)
                .rev()
                .map(|level| format.index(question.virt_addr, level).to_string())
                .collect();
            let offset = question.virt_addr & 0xFFF;
            line += &format!(": indexes {}, offset {offset:#x}", indexes.join(", "));
        }
        line
    }

    /// Nothing differs.
    pub fn is_good(&self) -> bool {
        self.agree != Some(false)
    }
}

impl EngineReport {
    /// Result or cause in a sentence.
    pub fn result_line(&self) -> String {
        match (&self.phys_addr, self.cause, self.cause_code, self.sentence) {
            (Some(phys_addr), ..) => match self.page_bytes {
                Some(bytes) if bytes < 1 << PHYS_ADDR_BITS => {
                    format!("Physical address {phys_addr}, in a page of {}.", size_name(bytes))
                }
                _ => format!("Physical address {phys_addr}."),
            },
            (None, Some(name), Some(code), Some(sentence)) => {
                let because = self
                    .because
                    .as_ref()
                    .map_or(String::new(), |because| format!(" Here: {because}."));
                format!("Fault {code}, {name}: {sentence}{because}")
            }
            _ => "No result.".to_string(),
        }
    }
}
