//! The files of a folder as Rust code, each also as gzip and brotli where that pays.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Writes the compressed files to `out` and gives the code that includes them.
pub(crate) fn pack(dist: &Path, out: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    collect(dist, dist, &mut files)?;
    files.sort();
    let mut code = String::from(
        "pub(crate) static MISSING: Option<&str> = None;\npub(crate) static FILES: &[File] = &[\n",
    );
    for (index, (path, place)) in files.iter().enumerate() {
        let plain = fs::read(place)?;
        let is_page = place.extension().is_some_and(|ending| ending == "html");
        let pays = |packed: &[u8]| !is_page && packed.len() < plain.len() / 10 * 9;
        let gzip = Some(gzip(&plain)?).filter(|packed| pays(packed));
        let brotli = Some(brotli(&plain)?).filter(|packed| pays(packed));
        let copy = write(out, &format!("{index}.plain"), &plain)?;
        let packed = |ending: &str, packed: Option<Vec<u8>>| -> io::Result<String> {
            Ok(match packed {
                None => "None".to_owned(),
                Some(bytes) => {
                    format!("Some(include_bytes!({:?}))", write(out, &format!("{index}.{ending}"), &bytes)?)
                }
            })
        };
        let (gzip, brotli) = (packed("gz", gzip)?, packed("br", brotli)?);
        let _ = writeln!(
            code,
            "    File {{ path: {path:?}, plain: include_bytes!({copy:?}), gzip: {gzip}, brotli: {brotli} }},"
        );
    }
    code.push_str("];\n");
    Ok(code)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let place = entry?.path();
        if place.is_dir() {
            collect(root, &place, files)?;
        } else {
            println!("cargo::rerun-if-changed={}", place.display());
            let parts: Vec<String> = place
                .strip_prefix(root)
                .unwrap_or(&place)
                .components()
                .map(|part| part.as_os_str().to_string_lossy().into_owned())
                .collect();
            // Source maps would double the size of the library.
            if place.extension().is_none_or(|ending| ending != "map") {
                files.push((parts.join("/"), place));
            }
        }
    }
    Ok(())
}

fn write(out: &Path, name: &str, bytes: &[u8]) -> io::Result<String> {
    let folder = out.join("page");
    fs::create_dir_all(&folder)?;
    let place = folder.join(name);
    fs::write(&place, bytes)?;
    Ok(place.to_string_lossy().into_owned())
}

fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain)?;
    encoder.finish()
}

fn brotli(plain: &[u8]) -> io::Result<Vec<u8>> {
    // Without optimisation the best quality takes a minute.
    let quality = if env::var("OPT_LEVEL").is_ok_and(|level| level == "0") { 5 } else { 11 };
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 1 << 16, quality, 22);
    encoder.write_all(plain)?;
    encoder.flush()?;
    Ok(encoder.into_inner())
}
