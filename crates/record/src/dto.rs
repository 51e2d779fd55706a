//! What the page and the server say to each other: the live stream and the endpoints that Locust does not have.
//!
//! `ui/src/api/schema.ts` is made from these types by the test in `dto/tests.rs`, which fails when it is out of date.

use std::collections::BTreeMap;

/// Locust's word for the state of a run.
pub type RunState = String;
/// How a threshold stands: `ok`, `failed`, `no data` (at the end, which counts as failed), or `waiting` for its first number.
pub type Outcome = String;
/// How much speaks against a run's numbers: `green`: nothing; `amber`; `red`; or `none`: nobody looked.
pub type VerdictLevel = String;
/// A number as the host gives it, whole or not.
pub type AnyNumber = serde_json::Value;
/// Parameters and environment of a run.
pub type Info = serde_json::Value;
/// How many of each.
pub type Counts = BTreeMap<String, u64>;
/// How much of each.
pub type Shares = BTreeMap<String, f64>;
/// Smallest and largest response time (ms), and number of requests between.
pub type Bin = (f64, f64, u64);

/// Declares types of the wire, and for tests a constant that says what they are made of.
macro_rules! wire {
    ($types:ident: $($(#[doc = $doc:literal])* pub struct $name:ident { $($(#[doc = $field_doc:literal])* pub $field:ident: $kind:ty,)* })*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
            #[serde(default)]
            pub struct $name { $($(#[doc = $field_doc])* pub $field: $kind,)* }
        )*

        #[cfg(test)]
        pub(super) const $types: &[super::tests::Type] = &[$(super::tests::Type {
            name: stringify!($name),
            docs: &[$($doc),*],
            fields: &[$(super::tests::Field { name: stringify!($field), docs: &[$($field_doc),*], kind: stringify!($kind) }),*],
        }),*];
    };
}

mod arrivals;
mod figures;
mod generator;
mod runs;
mod stream;
mod verdict;

pub use arrivals::*;
pub use figures::*;
pub use generator::*;
pub use runs::*;
pub use stream::*;
pub use verdict::*;

#[cfg(test)]
mod tests;
