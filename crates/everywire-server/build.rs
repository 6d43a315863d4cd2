//! Has the binary built anew when a file of the playground comes or goes: the compiler itself notices only changes
//! of files that it has seen.

fn main() {
    println!("cargo::rerun-if-changed=playground");
}
