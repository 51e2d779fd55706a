//! Compressed bodies, honest and not.

use std::io::Write;

use flate2::write::{GzEncoder, ZlibEncoder};
use flate2::{Compress, Compression, Crc, FlushCompress};

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

/// `mib` MiB of zeros as gzip, in about a thousandth of that and at once: one compressed MiB that stands on its own (a full
/// flush ends it) is repeated, and the checksum is put together from its own.
pub(super) fn gzip_bomb(mib: usize) -> Vec<u8> {
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    const LAST_EMPTY_BLOCK: [u8; 2] = [3, 0];
    let zeros = vec![0; MIB];
    let mut block = Vec::with_capacity(64 * 1024);
    let mut compress = Compress::new(Compression::best(), false);
    if compress.compress_vec(&zeros, &mut block, FlushCompress::Full).is_err() {
        return Vec::new();
    }
    let mut part = Crc::new();
    part.update(&zeros);
    let mut whole = Crc::new();
    let mut out = HEADER.to_vec();
    for _ in 0..mib {
        out.extend_from_slice(&block);
        whole.combine(&part);
    }
    out.extend_from_slice(&LAST_EMPTY_BLOCK);
    out.extend_from_slice(&whole.sum().to_le_bytes());
    out.extend_from_slice(&whole.amount().to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_bomb_is_small_on_the_wire() {
        let bomb = gzip_bomb(8);
        assert!(bomb.len() < 16 * 1024, "{} bytes", bomb.len());
        let mut all = Vec::new();
        flate2::read::GzDecoder::new(&bomb[..]).read_to_end(&mut all).unwrap();
        assert!(all.len() == 8 * MIB && all.iter().all(|byte| *byte == 0));
    }
}
