//! Runs Verilator and the C++ compiler.
//!
//! The compiler is called directly rather than through Verilator's makefile: the optimisation level is then ours (the
//! makefile's own `-Os` wins over `-CFLAGS -O3`), and the runtime, which takes longer to compile than a small model,
//! is compiled once for all models.

use super::changes::Moves;
use super::idle::{self, Split};
use super::{cache, layout, shim, Spec};
use anyhow::{bail, Context as _};
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// File name of the shared library in an entry of the cache.
pub(super) const LIBRARY: &str = "model.so";
/// Header of a model's insides; the name follows [`shim::PREFIX`].
const INSIDES: &str = "Vmodel___024root.h";
/// Says why a model that was to have idle groups has one clock.
pub(super) const ONE_CLOCK: &str = "one-clock";
/// Runs of Verilator after which a design with idle groups is given up.
const VERILATIONS: usize = 4;
/// Written last, so that an entry with it is whole.
const COMPLETE: &str = "complete";

/// Always given to Verilator. The warning classes are those that Rust-HDL's way of writing raises everywhere; the lint
/// test looks at all others.
const VERILATOR_ARGS: &[&str] = &[
    "--cc",
    "--prefix",
    shim::PREFIX,
    "-O3",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "--no-timing",
    "-Wno-fatal",
    "-Wno-WIDTH",
    "-Wno-DECLFILENAME",
    "-Wno-UNUSED",
    "-Wno-VARHIDDEN",
];

/// For all C++. Hidden symbols keep several models in one process apart and calls inside a model direct.
const CXX_ARGS: &[&str] = &[
    "-std=gnu++17",
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-semantic-interposition",
    "-fno-gnu-unique",
    "-faligned-new",
    "-fcf-protection=none",
    "-w",
];
const FAST: &str = "-O3";
/// Constructors and resets: run once, and are much code.
const SLOW: &str = "-O1";

/// File format of waves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceFormat {
    /// GTKWave's compressed format; needs the headers of zlib.
    Fst,
    /// Text; taken when the headers of zlib are not there.
    Vcd,
}

impl TraceFormat {
    /// Usual extension of such a file.
    pub fn extension(self) -> &'static str {
        match self {
            TraceFormat::Fst => "fst",
            TraceFormat::Vcd => "vcd",
        }
    }
}

pub(super) struct Built {
    pub(super) directory: PathBuf,
    /// Tells models apart; the same for the same sources and flags.
    pub(super) id: String,
    pub(super) trace: Option<TraceFormat>,
}

#[derive(Clone)]
struct Tools {
    /// Version lines of Verilator and of the compiler.
    version: String,
    /// Folder with the runtime's sources.
    include: PathBuf,
    /// C++ compiler.
    cxx: String,
}

impl Tools {
    /// Asked once in a process: starting Verilator takes longer than loading a model.
    fn find() -> anyhow::Result<Tools> {
        static FOUND: OnceLock<Tools> = OnceLock::new();
        if let Some(tools) = FOUND.get() {
            return Ok(tools.clone());
        }
        let tools = Tools::look()?;
        Ok(FOUND.get_or_init(|| tools).clone())
    }

    fn look() -> anyhow::Result<Tools> {
        let version = output("verilator", &["--version"])?;
        let major = version
            .split_whitespace()
            .nth(1)
            .and_then(|v| v.split('.').next()?.parse().ok());
        if major.unwrap_or(0) < 5 {
            bail!("`{}` is too old; install Verilator 5.006 or newer", version.trim());
        }
        let root = output("verilator", &["--getenv", "VERILATOR_ROOT"])?;
        let cxx = std::env::var("CXX").unwrap_or_else(|_| "g++".into());
        let compiler = output(&cxx, &["--version"])?;
        Ok(Tools {
            version: version + compiler.lines().next().unwrap_or_default(),
            include: Path::new(root.trim()).join("include"),
            cxx,
        })
    }

    fn has_zlib(&self) -> anyhow::Result<bool> {
        let mut child = Command::new(&self.cxx)
            .args(["-E", "-x", "c++", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| not_started(&self.cxx, e))?;
        child
            .stdin
            .take()
            .context("the compiler has no standard input")?
            .write_all(b"#include <zlib.h>\n")?;
        Ok(child.wait()?.success())
    }
}

fn not_started(program: &str, error: std::io::Error) -> anyhow::Error {
    if error.kind() == std::io::ErrorKind::NotFound {
        anyhow::anyhow!("`{program}` is not installed; install it with `apt-get install verilator g++`")
    } else {
        anyhow::Error::new(error).context(format!("cannot start `{program}`"))
    }
}

fn output(program: &str, args: &[&str]) -> anyhow::Result<String> {
    let done = Command::new(program)
        .args(args)
        .output()
        .map_err(|e| not_started(program, e))?;
    if !done.status.success() {
        bail!(
            "`{program} {}` failed: {}",
            args.join(" "),
            String::from_utf8_lossy(&done.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// Runs a tool, keeps what it says in a log beside the sources, and shows the end of it when it fails.
fn run(command: &mut Command, log: &Path) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| not_started(&program, e))?;
    let mut text = format!("{command:?}\n").into_bytes();
    text.extend_from_slice(&done.stdout);
    text.extend_from_slice(&done.stderr);
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)?
        .write_all(&text)?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        let lines: Vec<&str> = said.lines().collect();
        // the first errors are those that count
        let errors: Vec<&str> = lines.iter().filter(|l| l.contains("rror")).take(20).copied().collect();
        let shown = if errors.is_empty() {
            lines[lines.len().saturating_sub(20)..].join("\n")
        } else {
            errors.join("\n")
        };
        bail!("{program} failed ({}):\n{shown}", done.status);
    }
    Ok(())
}

/// A folder that is removed unless it is moved into place.
struct Scratch(PathBuf);

impl Scratch {
    fn new(cache: &Path, name: &str) -> anyhow::Result<Scratch> {
        let folder = cache.join(format!(".{name}.{}", std::process::id()));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(Scratch(folder))
    }

    fn keep_as(self, place: &Path) -> anyhow::Result<()> {
        fs::write(self.0.join(COMPLETE), "")?;
        if place.exists() {
            fs::remove_dir_all(place)?;
        }
        fs::rename(&self.0, place).with_context(|| format!("cannot move the built model to {}", place.display()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // gone already when it was kept
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..12])
}

pub(super) fn build(spec: &Spec) -> anyhow::Result<Built> {
    let tools = Tools::find()?;
    let trace = match spec.trace {
        false => None,
        true if tools.has_zlib()? => Some(TraceFormat::Fst),
        true => Some(TraceFormat::Vcd),
    };
    let cache = cache::folder();
    let flags = format!(
        "{VERILATOR_ARGS:?} {CXX_ARGS:?} {FAST} {SLOW} {} {:?}",
        tools.cxx, trace
    );
    let id = hash(&[
        spec.verilog,
        spec.top,
        &spec.verilator_args.join("\n"),
        &flags,
        shim::TEMPLATE,
        layout::VERSION,
        idle::VERSION,
        &format!("{:?}", spec.idle),
        &tools.version,
    ]);
    let entry = format!("{}-{id}", spec.top);
    let directory = cache.join(&entry);
    if !directory.join(COMPLETE).exists() {
        let _lock = cache::Lock::take(&cache, &entry)?;
        if !directory.join(COMPLETE).exists() {
            let scratch = Scratch::new(&cache, &entry)?;
            model(spec, trace, &tools, &cache, &scratch.0)?;
            scratch.keep_as(&directory)?;
        }
    }
    Ok(Built { directory, id, trace })
}

/// Verilator's C++ of a design, and what is made of it.
struct Sources {
    /// Verilator's list of files.
    classes: String,
    /// Insides of the model, with flip-flops side by side.
    insides: String,
    /// Functions for further clocks.
    clocks: Option<String>,
}

/// Runs Verilator in `folder`.
fn verilate(spec: &Spec, verilog: &str, trace: Option<TraceFormat>, folder: &Path, log: &Path) -> anyhow::Result<()> {
    fs::write(folder.join("model.v"), verilog)?;
    let mut verilator = Command::new("verilator");
    verilator
        .current_dir(folder)
        .args(VERILATOR_ARGS)
        .args(["--Mdir", ".", "--top-module", spec.top]);
    match trace {
        Some(TraceFormat::Fst) => drop(verilator.arg("--trace-fst")),
        Some(TraceFormat::Vcd) => drop(verilator.arg("--trace")),
        None => {}
    }
    run(verilator.args(spec.verilator_args).arg("model.v"), log)
}

/// Verilator's list of files, the header of the model's insides and the C++ of its clock.
fn read(folder: &Path) -> anyhow::Result<(String, String, String)> {
    let classes = fs::read_to_string(folder.join(format!("{}_classes.mk", shim::PREFIX)))?;
    let insides = fs::read_to_string(folder.join(INSIDES))?;
    let mut sources = String::new();
    for class in &names(&classes, &["VM_CLASSES_FAST", "VM_SUPPORT_FAST"]) {
        sources += &fs::read_to_string(folder.join(format!("{class}.cpp")))?;
    }
    Ok((classes, insides, sources))
}

/// The design with one clock.
fn plain(spec: &Spec, trace: Option<TraceFormat>, folder: &Path, log: &Path) -> anyhow::Result<Sources> {
    verilate(spec, spec.verilog, trace, folder, log)?;
    let (classes, insides, sources) = read(folder)?;
    let insides = layout::side_by_side(&insides, &sources, |_| 0).header;
    Ok(Sources {
        classes,
        insides,
        clocks: None,
    })
}

/// The design with a clock for each group. Flip-flops whose changes cannot be read from the C++ get the clock itself, and
/// Verilator, which may then write others in another way, runs again.
fn with_idle(spec: &Spec, idle: &idle::Idle, folder: &Path, log: &Path) -> anyhow::Result<Sources> {
    let mut always = HashSet::new();
    for _ in 0..VERILATIONS {
        let split: Split = idle::split(spec.verilog, spec.top, idle, &always)
            .context("the Verilog is not written as the harness expects of a design with idle groups")?;
        verilate(spec, &split.verilog, None, folder, log)?;
        let (classes, insides, sources) = read(folder)?;
        let moves = Moves::read(&split, spec.top, &insides, &sources)?;
        if moves.unknown.is_empty() {
            let placed = layout::side_by_side(&insides, &sources, |q| moves.groups.get(q).copied().unwrap_or(0));
            let clocks = moves.source(&split, &placed, &sources)?;
            return Ok(Sources {
                classes,
                insides: placed.header,
                clocks: Some(clocks),
            });
        }
        always.extend(moves.unknown);
    }
    bail!("Verilator's C++ does not tell how {} flip-flops change", always.len())
}

fn model(spec: &Spec, trace: Option<TraceFormat>, tools: &Tools, cache: &Path, folder: &Path) -> anyhow::Result<()> {
    let log = folder.join("build.log");
    // waves show the design as it is
    let idle = spec.idle.filter(|_| trace.is_none());
    let made = match &idle {
        // another version of Verilator may write other C++; the model with one clock is slower, not different
        Some(idle) => with_idle(spec, idle, folder, &log).or_else(|error| {
            fs::write(folder.join(ONE_CLOCK), format!("{error:#}\n"))?;
            plain(spec, trace, folder, &log)
        }),
        None => plain(spec, trace, folder, &log),
    };
    let Sources {
        classes,
        insides,
        clocks,
    } = made?;
    fs::write(folder.join(INSIDES), &insides)?;
    let header = fs::read_to_string(folder.join(format!("{}.h", shim::PREFIX)))?;
    let mut fast = includes(&classes, &["VM_CLASSES_FAST", "VM_SUPPORT_FAST"]);
    fast.push_str(&shim::source(&header, &insides, spec.verilog, clocks.as_deref())?);
    fs::write(folder.join("fast.cpp"), fast)?;
    fs::write(
        folder.join("slow.cpp"),
        includes(&classes, &["VM_CLASSES_SLOW", "VM_SUPPORT_SLOW"]),
    )?;

    let runtime_classes = names(&classes, &["VM_GLOBAL_FAST", "VM_GLOBAL_SLOW"]);
    let (runtime, fast, slow) = std::thread::scope(|scope| {
        let compile = |name: &'static str, level: &'static str| {
            let (log, defines) = (folder.join(format!("{name}.log")), defines(trace));
            let mut command = Command::new(&tools.cxx);
            command
                .current_dir(folder)
                .args(CXX_ARGS)
                .args(defines)
                .arg(level)
                .arg("-I.")
                .arg("-isystem");
            command
                .arg(&tools.include)
                .args(["-c", "-o", &format!("{name}.o"), &format!("{name}.cpp")]);
            run(&mut command, &log)
        };
        let slow = scope.spawn(move || compile("slow", SLOW));
        let runtime = runtime(&runtime_classes, trace, tools, cache);
        let fast = compile("fast", FAST);
        (
            runtime,
            fast,
            slow.join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("the compiler thread failed"))),
        )
    });
    slow?;
    fast?;
    let mut link = Command::new(&tools.cxx);
    link.current_dir(folder)
        .args(["-shared", "-Wl,-Bsymbolic", "-o", LIBRARY, "fast.o", "slow.o"])
        .args(runtime?);
    if trace == Some(TraceFormat::Fst) {
        link.arg("-lz");
    }
    run(link.args(["-lpthread", "-latomic"]), &log)?;
    // the sources stay for whoever wants to look, the objects are in the library
    for name in ["fast.o", "slow.o"] {
        fs::remove_file(folder.join(name))?;
    }
    Ok(())
}

fn defines(trace: Option<TraceFormat>) -> [String; 5] {
    [
        "-DVM_COVERAGE=0".into(),
        "-DVM_SC=0".into(),
        format!("-DVM_TRACE={}", u8::from(trace.is_some())),
        format!("-DVM_TRACE_FST={}", u8::from(trace == Some(TraceFormat::Fst))),
        format!("-DVM_TRACE_VCD={}", u8::from(trace == Some(TraceFormat::Vcd))),
    ]
}

/// The runtime's object files, compiled once for all models of a kind.
fn runtime(
    classes: &[String],
    trace: Option<TraceFormat>,
    tools: &Tools,
    cache: &Path,
) -> anyhow::Result<Vec<PathBuf>> {
    let flags = format!("{CXX_ARGS:?} {FAST} {} {}", tools.cxx, tools.include.display());
    let id = hash(&[&classes.join(" "), &defines(trace).join(" "), &flags, &tools.version]);
    let entry = format!("runtime-{id}");
    let directory = cache.join(&entry);
    if !directory.join(COMPLETE).exists() {
        let _lock = cache::Lock::take(cache, &entry)?;
        if !directory.join(COMPLETE).exists() {
            let scratch = Scratch::new(cache, &entry)?;
            for class in classes {
                let source = tools.include.join(format!("{class}.cpp"));
                let mut command = Command::new(&tools.cxx);
                command
                    .current_dir(&scratch.0)
                    .args(CXX_ARGS)
                    .args(defines(trace))
                    .arg(FAST)
                    .arg("-I");
                command.arg(&tools.include).arg("-I").arg(tools.include.join("vltstd"));
                command.args(["-c", "-o", &format!("{class}.o")]).arg(source);
                run(&mut command, &scratch.0.join("build.log"))?;
            }
            scratch.keep_as(&directory)?;
        }
    }
    Ok(classes
        .iter()
        .map(|class| directory.join(format!("{class}.o")))
        .collect())
}

/// The values of some lists in Verilator's `_classes.mk`.
fn names(classes: &str, lists: &[&str]) -> Vec<String> {
    let mut found = vec![];
    let mut inside = false;
    for line in classes.lines() {
        let line = line.trim();
        if let Some((list, _)) = line.split_once("+=") {
            inside = lists.contains(&list.trim());
        } else if inside && line.ends_with('\\') {
            found.push(line.trim_end_matches('\\').trim().to_owned());
        } else {
            inside = false;
        }
    }
    found
}

fn includes(classes: &str, lists: &[&str]) -> String {
    names(classes, lists)
        .iter()
        .map(|name| format!("#include \"{name}.cpp\"\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn lists_of_classes() {
        let text = "VM_CLASSES_FAST += \\\n\ta \\\n\tb__1 \\\n\nVM_CLASSES_SLOW += \\\n\tc \\\n\n";
        assert_eq!(names(text, &["VM_CLASSES_FAST"]), ["a", "b__1"]);
        assert_eq!(names(text, &["VM_CLASSES_FAST", "VM_CLASSES_SLOW"]), ["a", "b__1", "c"]);
    }
}
