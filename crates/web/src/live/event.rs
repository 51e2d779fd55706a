//! One event of the stream, written and compressed once for all pages.

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status};
use serde::Serialize;

/// The beginning of a gzip stream: no name, no time, unknown system.
pub(crate) const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// An event as it goes out.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// As text.
    pub(crate) plain: Bytes,
    /// As blocks of a deflate stream that refer to nothing before them: they can be put together in any order.
    pub(crate) deflated: Bytes,
}

impl Event {
    /// `id` is what a page sends back when it reconnects.
    pub(crate) fn new(kind: &str, id: &str, data: &impl Serialize) -> Self {
        let json = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
        let plain = format!("event: {kind}\nid: {id}\ndata: {json}\n\n");
        Self { deflated: deflate(plain.as_bytes()).into(), plain: plain.into() }
    }

    /// How soon a page tries again after it has lost the connection; also makes the first byte arrive at once.
    pub(crate) fn opening() -> Self {
        let plain = "retry: 1000\n\n";
        Self { deflated: deflate(plain.as_bytes()).into(), plain: plain.into() }
    }
}

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(4), false);
    let mut out = Vec::with_capacity(data.len() / 4 + 64);
    loop {
        let consumed = compress.total_in() as usize;
        let status = compress.compress_vec(&data[consumed..], &mut out, FlushCompress::Sync);
        let room = out.len() < out.capacity();
        if !matches!(status, Ok(Status::Ok)) || (compress.total_in() as usize == data.len() && room) {
            return out;
        }
        out.reserve(out.capacity());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn events_can_be_joined_to_one_gzip_stream() {
        let words: Vec<String> = (0..5_000).map(|i| format!("/name/{i}/{}", i * 7919 % 1000)).collect();
        let events = [
            Event::opening(),
            Event::new("tick", "a.1.2", &words),
            Event::new("tick", "a.1.3", &"small"),
            Event::new("tick", "a.1.2", &words),
        ];
        let mut stream = GZIP_HEADER.to_vec();
        let mut expected = Vec::new();
        for event in &events {
            stream.extend_from_slice(&event.deflated);
            expected.extend_from_slice(&event.plain);
        }
        assert!(stream.len() < expected.len() / 3);
        let mut back = vec![0; expected.len()];
        flate2::read::GzDecoder::new(&stream[..]).read_exact(&mut back).unwrap();
        assert_eq!(back, expected);
        assert!(events[2].plain.starts_with(b"event: tick\nid: a.1.3\ndata: \"small\"\n\n"));
    }
}
