//! Deliberate faults: what implementations get wrong, each as a change to a decision or to the frames that leave. The
//! table is good enough when it notices every one of them by a case of the rule that is broken.
//!
//! A fault that changes a header field keeps the checksums consistent with it, as a wrong implementation would: it has
//! to be noticed by the field, not by a checksum.

mod checksums;
mod headers;
mod list;
mod view;

use super::{all, Case};
use crate::refusal::Refusal;
use crate::segment::segment;
use crate::virtio_net_hdr::gso;
use headers::is_empty;
pub use list::FAULTS;
use view::View;
use Change::{Cut, Each, One, Refused, Unchecked};

/// A way to break a rule.
#[derive(Clone, Copy)]
pub struct Fault {
    /// Rule that it breaks.
    pub rule: u8,
    /// What it does, in a few words.
    pub name: &'static str,
    change: Change,
}

type Frames = Vec<Vec<u8>>;

#[derive(Clone, Copy)]
enum Change {
    /// The frames of a super-frame that was cut.
    Cut(fn(&Case, Frames) -> Frames),
    /// One frame of a super-frame that was cut: the case, the frame and its number, the last one's number.
    Each(fn(&View, &mut Vec<u8>, usize, usize)),
    /// A frame that left in one piece.
    One(fn(&View, &mut Vec<u8>)),
    /// A check that is missing: the frame is sent as it is.
    Unchecked(Refusal),
    /// A refusal that is too much.
    Refused(fn(&Case) -> bool, Refusal),
}

impl Fault {
    /// What an implementation with this fault makes of a case.
    pub fn apply(&self, case: &Case) -> Result<Vec<Vec<u8>>, Refusal> {
        let right = segment(&case.hdr, &case.frame, &case.settings);
        let was_cut = case.hdr.gso() != gso::NONE && right.as_ref().is_ok_and(|frames| frames.len() > 1);
        match (self.change, right) {
            (Refused(applies, refusal), Ok(frames)) => {
                if applies(case) {
                    Err(refusal)
                } else {
                    Ok(frames)
                }
            }
            (Unchecked(unchecked), Err(refusal)) if refusal == unchecked => Ok(vec![case.frame.clone()]),
            (Cut(change), Ok(frames)) if was_cut => Ok(change(case, frames)),
            (Cut(_), Ok(frames)) => Ok(if self.rule == 24 && is_empty(case) {
                vec![]
            } else {
                frames
            }),
            (Each(change), Ok(mut frames)) if was_cut => {
                if let Some(view) = View::of(case) {
                    let last = frames.len() - 1;
                    for (index, frame) in frames.iter_mut().enumerate() {
                        change(&view, frame, index, last);
                    }
                }
                Ok(frames)
            }
            (One(change), Ok(mut frames)) if !was_cut => {
                let view = View::of(case).unwrap_or(View {
                    case,
                    ip: 14,
                    l4: usize::from(case.hdr.csum_start),
                    payload: case.frame.len(),
                });
                if case.hdr.needs_csum() || case.settings.pad {
                    change(&view, &mut frames[0]);
                }
                Ok(frames)
            }
            (_, right) => right,
        }
    }

    /// The first case of the broken rule that notices the fault.
    pub fn noticed_by<'a>(&self, cases: &'a [Case]) -> Option<&'a Case> {
        cases
            .iter()
            .find(|case| case.rule == self.rule && self.apply(case) != case.outcome())
    }
}

/// Every fault with the case that notices it, if there is one.
pub fn noticed() -> Vec<(Fault, Option<&'static str>)> {
    let cases = all();
    FAULTS
        .iter()
        .map(|fault| (*fault, fault.noticed_by(&cases).map(|case| case.name)))
        .collect()
}
