//! Compressed bodies, honest and not.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

const MIB: usize = 1024 * 1024;

/// `text` as gzip.
pub(super) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// `text` as zlib, which HTTP calls deflate.
pub(super) fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// `mib` MiB of zeros as gzip: about a thousandth of that.
pub(super) fn gzip_bomb(mib: usize) -> Vec<u8> {
    let zeros = vec![0; MIB];
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..mib {
        if encoder.write_all(&zeros).is_err() {
            break;
        }
    }
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_small_on_the_wire() {
        let bomb = gzip_bomb(8);
        assert!(bomb.len() < 16 * 1024, "{} bytes", bomb.len());
    }
}
