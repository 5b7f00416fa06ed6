//! Integration tests live in `tests/tests/`, one file a capability.
