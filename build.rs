//! Tells the program what it was built from: the source revision and the compiler's version.

use std::process::Command;

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script everything this way")]
fn main() {
    let revision = std::env::var("PARTNERCENTER_EXPORTER_REVISION")
        .ok()
        .or_else(|| output("git", &["rev-parse", "--short=12", "HEAD"]))
        .unwrap_or_else(|| "unknown".to_owned());
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = output(&rustc, &["--version"]).unwrap_or_default();
    let version = version.split_whitespace().nth(1).unwrap_or("unknown").to_owned();
    println!("cargo:rustc-env=PARTNERCENTER_EXPORTER_REVISION={revision}");
    println!("cargo:rustc-env=PARTNERCENTER_EXPORTER_RUSTVERSION={version}");
    println!("cargo:rerun-if-env-changed=PARTNERCENTER_EXPORTER_REVISION");
    println!("cargo:rerun-if-changed=build.rs");
    // HEAD names a branch and stays as it is when the branch moves on; its log does not.
    for path in [".git/HEAD", ".git/logs/HEAD"] {
        if std::path::Path::new(path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned()).filter(|text| !text.is_empty())
}
