//! How they spell it.
