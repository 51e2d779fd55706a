//! What the servers do on the wire, and the direction of the workspace's dependencies.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod delay;
mod layers;
mod misbehave;
