//! How much of a response is accepted.

/// How much of a response is accepted before it is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head, status line and header fields; also of the trailers after a chunked body. At most 1 GiB counts.
    pub max_head: usize,
    /// Header fields in a head, and in trailers.
    pub max_headers: usize,
    /// Bytes of a body, as transferred (before any content encoding is undone).
    pub max_body: u64,
    /// Interim (1xx) responses before the final one.
    pub max_informational: u32,
}

impl Default for Limits {
    /// 256 KiB and 256 fields of head, 32 interim responses, any length of body.
    fn default() -> Self {
        Self { max_head: 256 * 1024, max_headers: 256, max_body: u64::MAX, max_informational: 32 }
    }
}
