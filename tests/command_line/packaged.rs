//! The pages that go to the registry with the crate: what they link to goes with them.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// The files that `cargo publish` would send.
fn packaged() -> BTreeSet<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect()
}

/// The targets of a page's links to other files, `(docs/verify.md#codes)` as `docs/verify.md`.
fn relative_links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .filter_map(|target| target.split('#').next())
        .filter(|file| !file.is_empty() && !file.contains("://"))
}

/// `docs/../lab/leaks.sh` is `lab/leaks.sh`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => assert!(plain.pop(), "{} leads out of the crate", path.display()),
            part => plain.push(part),
        }
    }
    plain
}

#[test]
fn what_a_page_links_to_is_in_the_crate() {
    let files = packaged();
    let page = |file: &&PathBuf| file.extension().is_some_and(|extension| extension == "md");
    let mut links = 0;
    for file in files.iter().filter(page) {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        for link in relative_links(&text) {
            links += 1;
            let target = plain(&file.parent().unwrap().join(link));
            let folder = files.range(target.clone()..).next().is_some_and(|next| next.starts_with(&target));
            assert!(folder, "{} links to {}, which is not in the crate", file.display(), target.display());
        }
    }
    assert!(links > 0, "the pages link to nothing");
}

#[test]
fn links_are_found_in_a_page() {
    let text = "[a](docs/a.md#b), [c](#d), [e](https://example.com/f.md), ![g](g.svg)";
    assert_eq!(relative_links(text).collect::<Vec<_>>(), ["docs/a.md", "g.svg"]);
}
