//! Whose memory a queue may use.

use crate::registers::{BIND_CONTEXTS, BIND_MASK};

/// Which contexts a queue uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// Context of the rings.
    pub ring_context: u8,
    /// Context of buffers whose descriptor names none.
    pub default_context: u8,
    /// Descriptors may name a context.
    pub names_allowed: bool,
    /// TCP checksum seeds have no length in them (rule 15, LSO contract).
    pub seed_without_length: bool,
    /// A translation fault parks the queue instead of refusing the chain.
    pub recoverable: bool,
    /// Contexts that descriptors may name, one bit each.
    pub mask: u16,
}

impl Binding {
    /// The binding that these values of BIND_CONTEXTS and BIND_MASK make.
    pub fn from_registers(contexts: u32, mask: u32) -> Self {
        let field = |name| BIND_CONTEXTS.field(name).get(contexts);
        Self {
            ring_context: field("ring_context") as u8,
            default_context: field("default_context") as u8,
            names_allowed: field("names_allowed") != 0,
            seed_without_length: field("seed_without_length") != 0,
            recoverable: field("recoverable") != 0,
            mask: BIND_MASK.field("contexts").get(mask) as u16,
        }
    }

    /// The values of BIND_CONTEXTS and BIND_MASK that make this binding.
    pub fn to_registers(self) -> (u32, u32) {
        let put = |name, value| BIND_CONTEXTS.field(name).put(value);
        let contexts = put("ring_context", self.ring_context.into())
            | put("default_context", self.default_context.into())
            | put("names_allowed", self.names_allowed.into())
            | put("seed_without_length", self.seed_without_length.into())
            | put("recoverable", self.recoverable.into());
        (contexts, BIND_MASK.field("contexts").put(self.mask.into()))
    }

    /// The context that a descriptor's name stands for, or nothing when it is not allowed.
    pub fn resolve(&self, name: u8) -> Option<u8> {
        match name {
            0 => Some(self.default_context),
            _ if self.names_allowed && self.mask >> name & 1 == 1 => Some(name),
            _ => None,
        }
    }
}
