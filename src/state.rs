//! What survives a restart: small files in one directory, each replaced whole or not at all.
//!
//! Losing the directory costs history, never correctness. One process owns it at a time.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::durable;

/// The format this program writes. A newer one is refused, since it cannot be known what is in it.
const FORMAT: u32 = 1;

/// The largest file read back, in bytes.
const BOUND_BYTES: u64 = 256 << 20;

const LOCK: &str = "lock";

/// The directory, owned by this process until dropped.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
    /// Held for its lock.
    _lock: File,
}

/// Why state cannot be used. Every text names the place and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process has it.
    #[error(
        "state directory {} is in use by another process; give each exporter a directory of its own",
        .0.display()
    )]
    Taken(PathBuf),
    /// Others may look into it.
    #[error(
        "state directory {} is open to others (mode {mode:03o}); run: chmod 700 {}, or name a directory in it, which is then made so",
        path.display(), path.display()
    )]
    Open {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Written by a newer program.
    #[error(
        "{} has format {found}, and this version knows formats up to {FORMAT}; \
         run the newer version again, or move the state directory away and lose its history",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format it names.
        found: u32,
    },
    /// Not what we write.
    #[error("{} is damaged ({reason}); move it away to go on without its history", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The system said no.
    #[error("cannot use {}: {error}; check that it exists, is writable and has space", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    format: u32,
    data: T,
}

impl StateDirectory {
    /// Takes the directory, making it if need be, and clears what an interrupted write left.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |error| StateError::Io { path: path.to_owned(), error };
        if !path.exists() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700).create(path).map_err(failed)?;
        }
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(StateError::Open { path: path.to_owned(), mode });
        }
        let lock = File::create(path.join(LOCK)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::Taken(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        durable::clear_all(path, ".json");
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Replaces `name` by `data`, whole or not at all.
    pub fn write<T: Serialize>(&self, name: &str, data: &T) -> Result<(), StateError> {
        let path = self.path.join(name);
        let written = durable::replace(&path, |file| {
            let mut buffer = io::BufWriter::new(file);
            serde_json::to_writer(&mut buffer, &Envelope { format: FORMAT, data })?;
            buffer.flush()
        });
        written.map_err(|error| StateError::Io { path: path.clone(), error })
    }

    /// Puts a damaged file aside, where whoever wants to know may look into it.
    pub fn set_aside(&self, name: &str) {
        let (path, aside) = (self.path.join(name), self.path.join(format!("{name}.damaged")));
        // What cannot be moved is written over.
        let _ = fs::rename(path, aside);
    }

    /// Reads `name` back; `None` if it was never written.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StateError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let path = self.path.join(name);
        let mut body = Vec::new();
        match File::open(&path) {
            Ok(file) => file
                .take(BOUND_BYTES)
                .read_to_end(&mut body)
                .map_err(|error| StateError::Io { path: path.clone(), error })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StateError::Io { path, error }),
        };
        let damaged = |error: serde_json::Error| StateError::Damaged {
            path: path.clone(),
            reason: format!("{:?} error in line {}", error.classify(), error.line()),
        };
        let Head { format } = serde_json::from_slice(&body).map_err(damaged)?;
        if format > FORMAT {
            return Err(StateError::Newer { path, found: format });
        }
        let Envelope { data, .. } = serde_json::from_slice(&body).map_err(damaged)?;
        Ok(Some(data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> tempfile::TempDir {
        let room = tempfile::tempdir().unwrap();
        fs::set_permissions(room.path(), fs::Permissions::from_mode(0o700)).unwrap();
        room
    }

    #[test]
    fn what_was_written_is_read_back_and_what_was_not_is_none() {
        let room = room();
        let state = StateDirectory::open(room.path()).unwrap();
        assert_eq!(state.read::<Vec<u32>>("a.json").unwrap(), None);
        state.write("a.json", &vec![1, 2]).unwrap();
        state.write("a.json", &vec![3]).unwrap();
        assert_eq!(state.read::<Vec<u32>>("a.json").unwrap(), Some(vec![3]));
        let mode = fs::metadata(room.path().join("a.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_second_process_is_refused_until_the_first_lets_go() {
        let room = room();
        let first = StateDirectory::open(room.path()).unwrap();
        let error = StateDirectory::open(room.path()).unwrap_err();
        assert!(matches!(error, StateError::Taken(_)), "{error}");
        drop(first);
        StateDirectory::open(room.path()).unwrap();
    }

    #[test]
    fn a_directory_open_to_others_is_refused_with_the_remedy() {
        let room = room();
        fs::set_permissions(room.path(), fs::Permissions::from_mode(0o750)).unwrap();
        let error = StateDirectory::open(room.path()).unwrap_err().to_string();
        assert!(error.contains("mode 750") && error.contains("chmod 700"), "{error}");
    }

    #[test]
    fn a_missing_directory_is_made_for_us_alone() {
        let room = room();
        let path = room.path().join("deep/down");
        StateDirectory::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_newer_format_is_refused_and_a_cut_file_is_damaged() {
        let room = room();
        let state = StateDirectory::open(room.path()).unwrap();
        fs::write(room.path().join("a.json"), r#"{"format":2,"data":{"new":"shape"}}"#).unwrap();
        let error = state.read::<Vec<u32>>("a.json").unwrap_err();
        assert!(matches!(error, StateError::Newer { found: 2, .. }), "{error}");
        state.write("b.json", &vec![1_u32, 2, 3]).unwrap();
        let whole = fs::read(room.path().join("b.json")).unwrap();
        for end in 0..whole.len() {
            fs::write(room.path().join("b.json"), &whole[..end]).unwrap();
            let error = state.read::<Vec<u32>>("b.json").unwrap_err();
            assert!(matches!(error, StateError::Damaged { .. }), "cut at {end}: {error}");
        }
    }

    #[test]
    fn what_an_interrupted_write_left_is_cleared_and_the_old_file_stands() {
        let room = room();
        let state = StateDirectory::open(room.path()).unwrap();
        state.write("a.json", &vec![1_u32]).unwrap();
        drop(state);
        let (remnant, foreign) = (".new-a.json-a1B2c3", ".new-contoso.token-a1B2c3");
        for name in [remnant, foreign] {
            fs::write(room.path().join(name), "{\"form").unwrap();
        }
        let state = StateDirectory::open(room.path()).unwrap();
        assert!(!room.path().join(remnant).exists());
        assert!(room.path().join(foreign).exists(), "somebody may just be writing it");
        assert_eq!(state.read::<Vec<u32>>("a.json").unwrap(), Some(vec![1]));
    }

    #[test]
    fn a_failed_write_names_the_file_and_leaves_the_old_one() {
        let room = room();
        let state = StateDirectory::open(room.path()).unwrap();
        state.write("a.json", &vec![1_u32]).unwrap();
        struct Refusing;
        impl Serialize for Refusing {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("no space left"))
            }
        }
        let error = state.write("a.json", &Refusing).unwrap_err().to_string();
        assert!(error.contains("a.json") && error.contains("no space left"), "{error}");
        assert_eq!(state.read::<Vec<u32>>("a.json").unwrap(), Some(vec![1]));
    }
}
