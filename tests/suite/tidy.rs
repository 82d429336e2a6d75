//! Reads the sources and holds them to the house's rules.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use partnercenter_exporter::{checks, sources};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Rooms in the order of `lib.rs`.
fn rooms() -> Vec<String> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    lib.lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

/// The room a file under `src/` belongs to.
fn room(file: &Path) -> String {
    let relative = file.strip_prefix(root().join("src")).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The rooms a source text uses by `crate::ROOM`, tests included.
fn used(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for part in line.split("crate::").skip(1) {
            if let Some(group) = part.strip_prefix('{') {
                let group = group.split_once("};").map_or(group, |(inside, _)| inside);
                found.extend(
                    group.split(',').map(|name| name.split("::").next().unwrap().trim().to_owned()),
                );
            } else {
                let end =
                    part.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(part.len());
                found.push(part[..end].to_owned());
            }
        }
    }
    found
}

#[test]
fn arrows_point_one_way() {
    let rooms = rooms();
    let place: BTreeMap<_, _> =
        rooms.iter().enumerate().map(|(place, room)| (room.clone(), place)).collect();
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let room = room(&file);
        let Some(here) = place.get(&room) else { continue };
        for target in used(&fs::read_to_string(&file).unwrap()) {
            if let Some(there) = place.get(&target)
                && there > here
            {
                wrong.push(format!("{} uses {target}, which stands after {room}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_arrows_sees_them() {
    let text = "use crate::{posture, sources};\nlet x = crate::server::serve;\n// crate::config\nuse crate::wire::{self, Text};";
    assert_eq!(used(text), ["posture", "sources", "server", "wire"]);
    assert!(rooms().len() > 12, "{:?}", rooms());
}

#[test]
fn the_simulator_stands_apart() {
    let rooms = rooms();
    for file in rust_files(&root().join("src")).iter().filter(|file| room(file) == "simulator") {
        for target in used(&fs::read_to_string(file).unwrap()) {
            assert!(
                target == "simulator" || !rooms.contains(&target),
                "{} uses {target}",
                file.display()
            );
        }
    }
    for file in rust_files(&root().join("src")) {
        let room = room(&file);
        if !["simulator", "commands", "main", "lib"].contains(&room.as_str()) {
            let text = fs::read_to_string(&file).unwrap();
            assert!(!used(&text).contains(&"simulator".to_owned()), "{}", file.display());
        }
    }
}

#[test]
fn files_are_named_as_their_ids() {
    for check in checks::ALL {
        let file = root().join("src/checks").join(format!("{}.rs", check.id.replace('-', "_")));
        let text =
            fs::read_to_string(&file).unwrap_or_else(|_| panic!("{} is missing", file.display()));
        assert!(text.contains(&format!("id: \"{}\"", check.id)), "{}", file.display());
    }
    for about in sources::all() {
        let file = root().join("src/sources").join(format!("{}.rs", about.id));
        assert!(file.exists(), "{} is missing", file.display());
    }
    let leaves = |folder: &str, shapes: &[&str]| {
        let folder = root().join(folder);
        let files = rust_files(&folder).into_iter();
        // A large source has rooms of its own, in the folder of its name.
        files
            .filter(|file| file.parent() == Some(&folder))
            .filter(|file| !shapes.iter().any(|shape| file.ends_with(shape)))
            .count()
    };
    assert_eq!(leaves("src/checks", &CHECK_SHAPES), checks::ALL.len());
    assert_eq!(leaves("src/sources", &SOURCE_SHAPES), sources::all().len());
}

/// What the leaves of a folder share: the shape of a check; the shapes of a source and of the rows
/// that several sources read, and how objects are read in turn.
const CHECK_SHAPES: [&str; 1] = ["check.rs"];
const SOURCE_SHAPES: [&str; 5] = ["source.rs", "policy.rs", "role.rs", "alert.rs", "sweep.rs"];

#[test]
fn checks_do_not_know_each_other_and_sources_do_not_either() {
    for (folder, shapes) in [("src/checks", &CHECK_SHAPES[..]), ("src/sources", &SOURCE_SHAPES[..])]
    {
        let folder = root().join(folder);
        for file in rust_files(&folder) {
            let is_within_one = file.parent() != Some(&folder);
            if is_within_one || shapes.iter().any(|shape| file.ends_with(shape)) {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for line in code.lines().filter(|line| line.starts_with("use super::")) {
                let is_shape = shapes.iter().any(|shape| {
                    line.starts_with(&format!("use super::{}::", shape.trim_end_matches(".rs")))
                });
                // What is known so far may say what to read next, and the schedule how far back.
                let is_known =
                    line == "use super::Facts;" || line == "use super::{Facts, Schedule};";
                assert!(is_shape || is_known, "{}: {line}", file.display());
            }
        }
    }
}

#[test]
fn every_file_opens_with_a_sentence_on_what_it_is_for() {
    for folder in ["src", "tests"] {
        for file in rust_files(&root().join(folder)) {
            let text = fs::read_to_string(&file).unwrap();
            let first = text.lines().next().unwrap_or_default();
            assert!(first.starts_with("//! ") && first.len() > 20, "{}: {first}", file.display());
        }
    }
}

#[test]
fn each_dependency_has_its_sentence_and_nothing_is_ignored() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
    assert!(dependencies.matches("\n#").count() > 12);
    for file in rust_files(&root().join("src")).into_iter().chain(rust_files(&root().join("tests")))
    {
        let text = fs::read_to_string(&file).unwrap();
        let ignored = ["#[", "ignore", "]"].concat();
        assert!(!text.contains(&ignored), "{}", file.display());
    }
}
