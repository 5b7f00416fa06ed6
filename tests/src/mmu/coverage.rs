//! Which outcomes were seen, and which are missing.

use segwalk_model::page_table::{Mode, Walk};
use segwalk_model::refusal::FaultCause;
use std::collections::BTreeMap;

/// Where a lookup ended: mode, level (nothing when no entry was read), cause (nothing when it translated).
type Place = (u8, Option<usize>, Option<FaultCause>);

/// Counts of every outcome.
#[derive(Default)]
pub struct Coverage {
    seen: BTreeMap<Place, u64>,
}

impl Coverage {
    /// Counts a walk.
    pub fn add(&mut self, mode: Mode, walk: &Walk) {
        let level = walk.steps.last().map(|step| step.level);
        *self.seen.entry((mode.code(), level, walk.result.err())).or_insert(0) += 1;
    }

    /// The outcomes that were never seen although the hardware serves their mode.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let mut want = |mode: Mode, level: Option<usize>, cause: Option<FaultCause>| {
            if !self.seen.contains_key(&(mode.code(), level, cause)) {
                missing.push(describe(mode, level, cause));
            }
        };
        for mode in Mode::ALL {
            for cause in FaultCause::ALL {
                if mode.fails_before_walk(*cause) && (mode.supported_by_rtl() || mode.format().is_none()) {
                    want(mode, None, Some(*cause));
                }
            }
            if mode == Mode::Bare {
                want(mode, None, None);
            }
            let Some(format) = mode.format().filter(|_| mode.supported_by_rtl()) else {
                continue;
            };
            for level in 0..format.levels {
                if format.leaf_legal(level) {
                    want(mode, Some(level), None);
                }
                for cause in FaultCause::ALL.iter().filter(|cause| format.can_fail(level, **cause)) {
                    want(mode, Some(level), Some(*cause));
                }
            }
        }
        missing
    }

    /// A line for each outcome.
    pub fn report(&self) -> String {
        self.seen
            .iter()
            .map(|((mode, level, cause), count)| {
                format!("{count:>9}  {}\n", describe(Mode::from_code(*mode), *level, *cause))
            })
            .collect()
    }
}

fn describe(mode: Mode, level: Option<usize>, cause: Option<FaultCause>) -> String {
    let level = level.map_or("before the walk".to_string(), |level| format!("level {level}"));
    format!(
        "{:8} {level:16} {}",
        mode.name(),
        cause.map_or("translated", FaultCause::name)
    )
}
