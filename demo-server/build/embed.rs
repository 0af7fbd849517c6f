//! Makes of a folder of files a table for the server: with their media types, hashes and compressed forms.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// Rust text of a `&[Asset]` for the files of `dist`. What it includes is written to `out`.
pub(crate) fn table(dist: &Path, out: &Path) -> io::Result<String> {
    let mut paths = Vec::new();
    collect(dist, "", &mut paths)?;
    paths.sort();
    let mut table = "&[\n".to_owned();
    for (index, path) in paths.iter().enumerate() {
        let content = fs::read(dist.join(path))?;
        let form = |ending: &str, bytes: &[u8]| {
            let file = out.join(format!("asset{index}.{ending}"));
            fs::write(&file, bytes)?;
            Ok::<_, io::Error>(format!("include_bytes!({:?})", file.to_string_lossy()))
        };
        let smaller = |ending: &str, bytes: &[u8]| {
            // What saves less than a tenth is not worth a client's work.
            if bytes.len() < content.len() / 10 * 9 {
                form(ending, bytes).map(|form| format!("Some({form})"))
            } else {
                Ok("None".to_owned())
            }
        };
        let hash = Sha256::digest(&content);
        let hash = hash.iter().take(16).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let _ = writeln!(
            table,
            "    Asset {{ path: {path:?}, media_type: {:?}, is_hashed: {}, hash: {hash:?}, plain: {}, brotli: {}, gzip: {} }},",
            media_type(path),
            is_hashed(path),
            form("plain", &content)?,
            smaller("br", &brotli(&content)?)?,
            smaller("gz", &gzip(&content)?)?,
        );
    }
    table.push(']');
    Ok(table)
}

/// Paths below a folder, with `/` between their parts. Hidden files stay out.
fn collect(folder: &Path, prefix: &str, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{path}/"), paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

/// Whether the name changes with the content, as Vite makes it: `assets/index-BxYz1234.js`.
///
/// A file that is taken for one and is not would stay in caches for a year, so a hash that could be a word or a date is
/// none: about one of 700 is like that, and is asked for again each time.
fn is_hashed(path: &str) -> bool {
    let Some(name) = path.strip_prefix("assets/").filter(|name| !name.contains('/')) else {
        return false;
    };
    let stem = name.split('.').next().unwrap_or_default().as_bytes();
    let Some((rest, hash)) = stem.len().checked_sub(8).map(|at| stem.split_at(at)) else {
        return false;
    };
    let may = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_word = hash[1..].iter().all(u8::is_ascii_lowercase) && hash[0].is_ascii_alphabetic()
        || hash.iter().all(u8::is_ascii_uppercase);
    let is_number = hash.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
    rest.len() > 1 && rest.ends_with(b"-") && hash.iter().all(may) && !is_word && !is_number
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

fn brotli(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut form = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut form, 4096, 11, 22);
    writer.write_all(content)?;
    writer.flush()?;
    drop(writer);
    Ok(form)
}

fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::best());
    writer.write_all(content)?;
    writer.finish()
}
