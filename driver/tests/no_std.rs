//! The crate builds for a processor without an operating system, where its target is installed.

use std::process::Command;

const TARGET: &str = "riscv32imac-unknown-none-elf";

#[test]
fn builds_without_the_standard_library() {
    let installed = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    let there = installed.is_ok_and(|output| {
        let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        std::path::Path::new(&path).exists()
    });
    if !there {
        println!("skipped: the target is missing; install it with `rustup target add {TARGET}`");
        return;
    }
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    // A folder of its own, because cargo holds the lock of the usual one.
    let target_dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/no-std");
    let output = Command::new(env!("CARGO"))
        .args([
            "check",
            "--quiet",
            "--offline",
            "--target",
            TARGET,
            "--manifest-path",
            manifest,
        ])
        .args(["--target-dir", target_dir])
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
