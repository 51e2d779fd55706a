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
    /// Whether a length counts beside a transfer coding other than `chunked`, as with Python's http.client. Without it the
    /// connection's end is the body's, as RFC 9112 has it.
    pub lengths_beside_codings: bool,
    /// Whether a `Content-Length` that is no number of bytes is read as http.client reads it: `+3` is 3, and `-1` or `abc`
    /// says nothing, so that the connection's end is the body's. Without it they are errors.
    pub odd_lengths: bool,
}

impl Default for Limits {
    /// 256 KiB and 256 fields of head, 32 interim responses, any length of body; nothing is forgiven of lengths.
    fn default() -> Self {
        Self {
            max_head: 256 * 1024,
            max_headers: 256,
            max_body: u64::MAX,
            max_informational: 32,
            lengths_beside_codings: false,
            odd_lengths: false,
        }
    }
}
