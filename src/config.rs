//! What we were told: flags and the YAML file, gathered into each room's `Settings`.
//!
//! This is the only room that reads the environment. Every accepted key works; unknown keys, and
//! keys that do nothing yet, are refused. Every error names the file, the line, the key and the
//! remedy, and never repeats what stands there, since a secret may.

pub mod flags;

mod app_user;
mod declared;
mod file;
mod gather;
mod value;

pub use file::schema;
pub use gather::{ConfigError, load, parse};
pub use value::{HumanDuration, parse_duration};

/// The port unless another is given. Registered for nobody else as far as is known.
pub const DEFAULT_PORT: u16 = 10058;
