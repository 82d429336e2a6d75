//! Whom to ask instead.
