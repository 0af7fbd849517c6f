//! What the build makes of a built interface.

use std::fs;
use std::io::Read;

use crate::embed;

#[test]
fn only_names_that_vite_makes_are_taken_for_hashed() {
    let (dist, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(dist.path().join("assets/fonts")).unwrap();
    fs::create_dir(dist.path().join("files")).unwrap();
    for (path, expected) in [
        ("assets/index-BxYz1234.js", true),
        ("assets/index-BxYz1234.js.map", true),
        ("assets/inter-latin-Dx4kXJAl.woff2", true),
        ("assets/a-________.css", true),
        ("assets/my-document.pdf", false),
        ("assets/my-Document.pdf", false),
        ("assets/READ-MECHANGE.txt", false),
        ("assets/report-20240131.pdf", false),
        ("assets/report-2024-1-1.pdf", false),
        ("assets/-BxYz1234.js", false),
        ("assets/indexBxYz1234.js", false),
        ("assets/index-BxYz123.js", false),
        ("assets/fonts/index-BxYz1234.js", false),
        ("files/index-BxYz1234.js", false),
        ("index-BxYz1234.js", false),
    ] {
        let file = dist.path().join(path);
        fs::write(&file, "x").unwrap();
        let table = embed::table(dist.path(), out.path()).unwrap();
        assert_eq!(table.contains("is_hashed: true"), expected, "{path}");
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn every_file_of_the_interface_is_embedded_with_smaller_forms_that_are_the_same() {
    let dist = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let script = "console.log('hello');\n".repeat(500);
    fs::create_dir(dist.path().join("assets")).unwrap();
    fs::write(dist.path().join("index.html"), "<!doctype html>").unwrap();
    fs::write(dist.path().join("assets/index-Bx12_-34.js"), &script).unwrap();
    fs::write(dist.path().join("assets/plain.css"), "a{}").unwrap();
    fs::write(dist.path().join(".hidden"), "no").unwrap();
    let table = embed::table(dist.path(), out.path()).unwrap();
    let lines: Vec<&str> = table.lines().filter(|line| line.contains("Asset {")).collect();
    let [hashed, css, index] = lines[..] else {
        panic!("{table}");
    };
    assert!(hashed.contains("\"assets/index-Bx12_-34.js\"") && hashed.contains("is_hashed: true"));
    assert!(hashed.contains("\"text/javascript; charset=utf-8\""));
    assert!(
        css.contains("is_hashed: false") && css.contains("text/css"),
        "{css}"
    );
    assert!(
        index.contains("is_hashed: false") && index.contains("text/html"),
        "{index}"
    );
    assert!(
        index.contains("brotli: None, gzip: None"),
        "nothing to win: {index}"
    );

    let form = |ending: &str| fs::read(out.path().join(format!("asset0.{ending}"))).unwrap();
    assert_eq!(form("plain"), script.as_bytes());
    let (br, gz) = (form("br"), form("gz"));
    assert!(br.len() < gz.len() && gz.len() < script.len() / 10);
    let mut text = String::new();
    brotli::Decompressor::new(&*br, 4096)
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, script);
    text.clear();
    flate2::read::GzDecoder::new(&*gz)
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, script);
}
