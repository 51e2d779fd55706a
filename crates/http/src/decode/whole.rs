//! Whole gzip bodies of one plain member, which nearly all are: inflated at once, to the place where they are wanted.
//!
//! Only what [`decode_body`](super::decode_body) would make the same of is done here. A body says how long it gets and what its
//! checksum is; if one of them turns out otherwise, or anything might follow the member, that one has to look at it.

use std::cell::RefCell;

use libdeflater::Decompressor;

/// Magic number and method of a member, no flags behind them.
const PLAIN: [u8; 4] = [0x1f, 0x8b, 8, 0];
const HEAD: usize = 10;
const TRAILER: usize = 8;
/// Deflate cannot shrink anything further than this.
const MOST: u64 = 1032;

thread_local! {
    static INFLATE: RefCell<Decompressor> = RefCell::new(Decompressor::new());
}

/// A body that says how long it gets.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a> {
    deflated: &'a [u8],
    checksum: u32,
    length: usize,
}

impl<'a> Whole<'a> {
    /// A body with that `Content-Encoding`, if it is one that can be inflated at once to at most `cap` bytes.
    pub fn find(encodings: &str, raw: &'a [u8], cap: usize) -> Option<Self> {
        if !(encodings.eq_ignore_ascii_case("gzip") || encodings.eq_ignore_ascii_case("x-gzip"))
            || raw.len() < HEAD + TRAILER
            || !raw.starts_with(&PLAIN)
        {
            return None;
        }
        let (deflated, trailer) = raw[HEAD..].split_last_chunk::<TRAILER>()?;
        // The last eight bytes may belong to a second member that ends as the first does.
        if memchr::memmem::find(deflated, &PLAIN[..3]).is_some() {
            return None;
        }
        let trailer = u64::from_le_bytes(*trailer);
        let length = (trailer >> 32) as u32;
        if u64::from(length) > (raw.len() as u64).saturating_mul(MOST) || length as usize > cap {
            return None;
        }
        Some(Self { deflated, checksum: trailer as u32, length: length as usize })
    }

    /// How long it gets.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing comes of it.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Inflates it to `out`, which is as long as [`Self::len`] says. False: it is not what it says; `out` holds anything.
    pub fn fill(&self, out: &mut [u8]) -> bool {
        let made = INFLATE.with_borrow_mut(|inflate| inflate.deflate_decompress(self.deflated, out));
        out.len() == self.length && made == Ok(self.length) && libdeflater::crc32(out) == self.checksum
    }
}
