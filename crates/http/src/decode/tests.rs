//! Against encoders, and against data that is none.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;

const TEXT: &[u8] = b"hello hello hello hello, decoder";

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn brotli(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::CompressorWriter::new(&mut out, 4096, 5, 22).write_all(data).unwrap();
    out
}

fn zstd(data: &[u8]) -> Vec<u8> {
    zstd::encode_all(data, 3).unwrap()
}

type Encode = fn(&[u8]) -> Vec<u8>;

const ENCODINGS: [(&str, Encode); 6] = [
    ("gzip", gzip),
    ("X-GZIP", gzip),
    ("deflate", zlib),
    ("deflate", raw_deflate),
    ("br", brotli),
    ("zstd", zstd),
];

#[test]
fn every_encoding_is_undone_at_once_and_byte_by_byte() {
    let long: Vec<u8> = (0..70_000_u32).map(|n| (n / 7 % 251) as u8).collect();
    for (name, encode) in ENCODINGS {
        for data in [TEXT, b"", &long] {
            let encoded = encode(data);
            assert_eq!(decode_body(name, &encoded, 1 << 20).as_deref(), Ok(data), "{name}");
            assert_eq!(decode_body_strict(name, &encoded, 1 << 20).as_deref(), Ok(data), "{name}");
            let mut decoder = StreamDecoder::new(name, 1 << 20).unwrap();
            let mut out = Vec::new();
            for byte in &encoded {
                decoder.push(&[*byte], &mut out).unwrap();
            }
            assert_eq!((decoder.finish(), out.as_slice()), (Ok(()), data), "{name}");
        }
    }
}

#[test]
fn lists_are_undone_from_the_end() {
    let encoded = brotli(&gzip(&zstd(TEXT)));
    assert_eq!(decode_body("zstd, gzip,br", &encoded, 100).as_deref(), Ok(TEXT));
    assert_eq!(decode_body("zstd, identity, gzip,, br", &encoded, 100).as_deref(), Ok(TEXT));
    assert_eq!(decode_body("gzip, foo", b"", 9), Err(DecodeBodyError::Unknown("foo".to_owned())));
    assert_eq!(decode_body("gzip,gzip,gzip,gzip,gzip,gzip", b"", 9), Err(DecodeBodyError::TooMany(6)));
}

#[test]
fn unknown_encodings_leave_the_body_alone() {
    for name in ["", "identity", "foo", "compress"] {
        assert_eq!(decode_body(name, TEXT, 100).as_deref(), Ok(TEXT));
        assert!(StreamDecoder::new(name, 1).unwrap().is_identity());
        assert_eq!(decode_body(name, TEXT, 5), Err(DecodeBodyError::TooLarge { limit: 5 }));
    }
}

#[test]
fn gzip_members_follow_each_other_and_garbage_is_ignored() {
    let mut encoded = gzip(b"one ");
    encoded.extend(gzip(b"two"));
    assert_eq!(decode_body("gzip", &encoded, 100).as_deref(), Ok(&b"one two"[..]));
    encoded.extend(b"\0\0\0garbage");
    assert_eq!(decode_body_strict("gzip", &encoded, 100).as_deref(), Ok(&b"one two"[..]));
    let mut frames = zstd(b"one ");
    frames.extend(zstd(b"two"));
    assert_eq!(decode_body("zstd", &frames, 100).as_deref(), Ok(&b"one two"[..]));
}

#[test]
fn empty_members_without_end_are_no_body() {
    let few = [gzip(b"").repeat(500), gzip(TEXT)].concat();
    let whole = |body: &[u8]| decode_body_strict("gzip", body, 1 << 20);
    assert_eq!(whole(&few).unwrap(), TEXT);
    assert!(whole(&gzip(b"").repeat(50_000)).is_err());
    assert_eq!(whole(&gzip(TEXT).repeat(5_000)).unwrap().len(), 5_000 * TEXT.len());
}

#[test]
fn a_cut_body_gives_what_there_is_unless_asked_to_be_strict() {
    for (name, encode) in ENCODINGS {
        let encoded = encode(TEXT);
        let cut = &encoded[..encoded.len() - 1];
        let strict = decode_body_strict(name, cut, 100);
        assert!(matches!(strict, Err(DecodeBodyError::Truncated { .. })), "{name}: {strict:?}");
        match decode_body(name, cut, 100) {
            Ok(part) => assert!(name != "zstd" && TEXT.starts_with(&part), "{name}"),
            Err(error) => assert_eq!(error, DecodeBodyError::Truncated { encoding: "zstd" }),
        }
        assert_eq!(decode_body(name, b"", 100).as_deref(), Ok(&b""[..]), "{name}: a response to HEAD");
        assert!(decode_body_strict(name, b"", 100).is_err(), "{name}");
    }
}

/// Found by the fuzzer: brotli's decoder asked for more input with output left inside.
#[test]
fn a_cut_body_gives_all_there_is_however_it_comes() {
    let hex = concat!(
        "0a0a0e01088a0a01188a8a0a1b8a8aaa8a8a0a0a01088a000000ffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffff0000ffffffffff000000020000080000000000ffffffffffffffffffffff00000002000008fd",
        "5be22408082b0005188a8a64640000000000000000000a01188a8a646400000000000000fbff002d4001003372010000",
    );
    let body: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let at_once = decode_body("br", &body, 1 << 16).unwrap();
    let mut decoder = StreamDecoder::new("br", 1 << 16).unwrap();
    let mut in_pieces = Vec::new();
    for piece in body.chunks(10) {
        decoder.push(piece, &mut in_pieces).unwrap();
    }
    assert_eq!((at_once.len(), at_once == in_pieces), (in_pieces.len(), true));
}

#[test]
fn what_is_not_encoded_is_corrupt() {
    for name in ["gzip", "deflate", "br", "zstd"] {
        let result = decode_body(name, b"\xff\xfe<html>not at all</html>", 100);
        assert_eq!(result, Err(DecodeBodyError::Corrupt { encoding: name }), "{name}");
    }
}

#[test]
fn no_more_memory_is_taken_than_the_cap_and_a_step() {
    // Just beyond a power of two: a vector that doubles as it likes would take, and be filled with, twice as much.
    const CAP: u64 = (1 << 20) + 100;
    let zeros = vec![0; 8 << 20];
    for (name, encode) in ENCODINGS {
        let bomb = encode(&zeros);
        let mut decoder = StreamDecoder::new(name, CAP).unwrap();
        let mut out = Vec::new();
        assert_eq!(decoder.push(&bomb, &mut out), Err(DecodeBodyError::TooLarge { limit: CAP }), "{name}");
        assert!(out.len() as u64 <= CAP + (32 << 10), "{name}: {} bytes", out.len());
    }
}

#[test]
fn bombs_stop_at_the_cap() {
    let zeros = vec![0; 4 << 20];
    for (name, encode) in ENCODINGS {
        let bomb = encode(&zeros);
        let mut decoder = StreamDecoder::new(name, 1 << 16).unwrap();
        let mut out = Vec::new();
        assert_eq!(
            decoder.push(&bomb, &mut out),
            Err(DecodeBodyError::TooLarge { limit: 1 << 16 }),
            "{name}"
        );
        assert!(out.len() < 1 << 18, "{name}: {}", out.len());
    }
    let twice = gzip(&gzip(&zeros));
    assert_eq!(decode_body("gzip, gzip", &twice, 1000), Err(DecodeBodyError::TooLarge { limit: 1000 }));
    assert_eq!(decode_body("gzip", &gzip(&zeros[..1000]), 1000).map(|body| body.len()), Ok(1000));
}

/// What is inflated at once, if it is.
fn at_once(body: &[u8]) -> Option<Vec<u8>> {
    let whole = Whole::find("gzip", body, 1 << 20)?;
    let mut out = vec![0; whole.len()];
    whole.fill(&mut out).then_some(out)
}

#[test]
fn a_plain_member_is_inflated_at_once() {
    for data in [TEXT, b""] {
        assert_eq!(at_once(&gzip(data)).as_deref(), Some(data));
    }
    assert!(Whole::find("gzip", &gzip(TEXT), TEXT.len() - 1).is_none(), "beyond the cap");
    assert!(
        Whole::find("br", &gzip(TEXT), 100).is_none() && Whole::find("gzip, br", &gzip(TEXT), 100).is_none()
    );
}

#[test]
fn what_may_have_something_behind_its_member_is_not_inflated_at_once() {
    let member = gzip(TEXT);
    let twice = member.repeat(2);
    assert!(at_once(&twice).is_none(), "it ends as its first member does");
    assert_eq!(decode_body_strict("gzip", &twice, 100).unwrap(), TEXT.repeat(2));
    let trailer = member.last_chunk::<8>().unwrap();
    for garbage in [&b"\x1f\x8b"[..], b"\0", b"garbage", trailer] {
        let body = [&member, garbage].concat();
        let same = decode_in_steps("gzip", &body, 100, true);
        assert_eq!(decode_body_strict("gzip", &body, 100), same, "{garbage:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_inflated_at_once_is_what_steps_make_of_it(
        data in proptest::collection::vec(0_u8..4, 0..3000),
        more in proptest::collection::vec(any::<u8>(), 0..24),
        twice: bool,
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in 0_usize..12,
        cap in prop_oneof![Just(1_usize << 20), 0_usize..3000],
        strict: bool,
    ) {
        let mut body = gzip(&data);
        if twice {
            body.extend(gzip(&data));
        }
        body.extend(more);
        body.truncate(body.len().saturating_sub(cut));
        for (place, bits) in flips {
            if !body.is_empty() {
                let place = place.index(body.len());
                body[place] ^= bits;
            }
        }
        prop_assert_eq!(decode("gzip", &body, cap, strict), decode_in_steps("gzip", &body, cap, strict));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_data_survives_any_way_of_cutting(data: Vec<u8>, size in 1_usize..200, which in 0..ENCODINGS.len()) {
        let (name, encode) = ENCODINGS[which];
        let mut decoder = StreamDecoder::new(name, 1 << 20).unwrap();
        let mut out = Vec::new();
        for part in encode(&data).chunks(size) {
            decoder.push(part, &mut out).unwrap();
        }
        prop_assert_eq!(decoder.finish(), Ok(()));
        prop_assert_eq!(out, data);
    }

    #[test]
    fn noise_never_panics(noise: Vec<u8>, which in 0..ENCODINGS.len()) {
        let (name, encode) = ENCODINGS[which];
        let mut encoded = encode(&noise);
        let _ = decode_body(name, &noise, 1000);
        if let Some(byte) = encoded.last_mut() {
            *byte ^= 0x55;
        }
        let _ = decode_body_strict(name, &encoded, 1000);
    }
}
