//! The makers' own Python code, which `scripts/setup.sh test` installs.

use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a script of `tests/support/` with JSON in and JSON out; an error holds what the script said.
pub fn run(script: &str, input: &Value) -> Result<Value, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages = root.join("vendor/tools/python");
    assert!(packages.is_dir(), "the tests' Python packages are not there: run scripts/setup.sh test");
    let mut child = Command::new("python3")
        .arg(root.join("tests/support").join(script))
        .env("PYTHONPATH", packages)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3");
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap())
}
