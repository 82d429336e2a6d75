//! How a file is replaced: whole or not at all, whoever is killed at whatever byte.
//!
//! The new text is written beside the old one, synced, and put in its place in one step.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// What the names of unfinished files begin with; the file's own name follows, a dash, and so many
/// letters and digits that were drawn.
const UNFINISHED: &str = ".new-";
const DRAWN: usize = 6;

/// Replaces `path` by what `write` writes, readable and writable for its owner alone.
pub fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let (folder, name) = parts(path);
    let mut file = unfinished(&folder, &name)?;
    write(file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // Without this the new name may be lost with the power.
    File::open(&folder)?.sync_all()
}

/// Whether `path` could be replaced: tries what [`replace`] begins with, and leaves nothing behind.
pub fn try_out(path: &Path) -> io::Result<()> {
    let (folder, name) = parts(path);
    unfinished(&folder, &name).map(drop)
}

/// Removes what interrupted replacements of `path` left.
pub fn clear(path: &Path) {
    let (folder, name) = parts(path);
    clear_those(&folder, |of| of == name);
}

/// The same of every file in `folder` whose name ends in `ending`. Others may be just being written,
/// by whoever they belong to.
pub fn clear_all(folder: &Path, ending: &str) {
    clear_those(folder, |of| of.ends_with(ending));
}

fn clear_those(folder: &Path, is_meant: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let parts = name.strip_prefix(UNFINISHED).and_then(|rest| rest.rsplit_once('-'));
        if parts.is_some_and(|(of, drawn)| drawn.len() == DRAWN && is_meant(of)) {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The beginning of a replacement, which is gone when it is dropped.
fn unfinished(folder: &Path, name: &str) -> io::Result<NamedTempFile> {
    let prefix = format!("{UNFINISHED}{name}-");
    tempfile::Builder::new().prefix(&prefix).rand_bytes(DRAWN).tempfile_in(folder)
}

/// The folder of a file, and its name there.
fn parts(path: &Path) -> (PathBuf, String) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    (folder.unwrap_or(Path::new(".")).to_owned(), name)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_for_its_owner_alone() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("token");
        for text in ["one", "two"] {
            replace(&path, |file| file.write_all(text.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_replacement_that_fails_leaves_the_old_text_and_nothing_beside_it() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("token");
        replace(&path, |file| file.write_all(b"old")).unwrap();
        let full = replace(&path, |file| {
            file.write_all(b"ne")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert!(full.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_what_was_left_of_this_file_is_cleared() {
        let room = tempfile::tempdir().unwrap();
        let others = [".new-other-a1B2c3", ".new-token-eu-a1B2c3", "token"];
        for name in others.into_iter().chain([".new-token-a1B2c3"]) {
            fs::write(room.path().join(name), "x").unwrap();
        }
        clear(&room.path().join("token"));
        let left = |name: &str| room.path().join(name).exists();
        assert!(!left(".new-token-a1B2c3") && others.into_iter().all(left));
    }
}
