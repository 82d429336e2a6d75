//! Tokens against a token endpoint of the tests' own.
