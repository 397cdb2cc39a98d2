//! Embedded migrations are input of the build.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
