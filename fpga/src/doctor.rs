//! Which tools are there, which versions, and what to do.

use crate::tools::{self, Tool};
use serde::Serialize;

/// The state of one tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Found, and new enough.
    Good,
    /// Not there or too old; one target needs it.
    MissingOptional,
    /// Not there or too old; `make demo` and `make test` need it.
    Missing,
}

/// What there is of one tool.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// Command.
    pub tool: &'static str,
    /// What Segwalk does with it.
    pub purpose: &'static str,
    /// State.
    pub state: State,
    /// The program that is used.
    pub found: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The oldest version that works.
    pub wanted: String,
    /// One sentence: what to do. Empty when there is nothing to do.
    pub advice: String,
}

/// Looks at every tool.
pub fn doctor() -> Vec<Check> {
    tools::ALL.iter().map(check).collect()
}

fn check(tool: &Tool) -> Check {
    let (state, found, version, advice) = match tool.find() {
        Ok(found) => {
            let version = found.version.map(|version| version.to_string());
            (
                State::Good,
                Some(found.path.display().to_string()),
                version,
                String::new(),
            )
        }
        Err(sentence) if tool.optional => (State::MissingOptional, None, None, sentence.to_string()),
        Err(sentence) => (State::Missing, None, None, sentence.to_string()),
    };
    let wanted = format!("{} or newer", tool.oldest);
    Check {
        tool: tool.name,
        purpose: tool.purpose,
        state,
        found,
        version,
        wanted,
        advice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_found_and_every_missing_tool_has_advice() {
        let checks = doctor();
        assert_eq!(checks.len(), tools::ALL.len());
        assert_eq!(checks[0].state, State::Good);
        for check in checks {
            assert_eq!(check.state == State::Good, check.found.is_some(), "{}", check.tool);
            assert_eq!(check.state == State::Good, check.advice.is_empty(), "{}", check.tool);
        }
    }
}
