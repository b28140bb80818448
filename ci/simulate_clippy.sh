#!/bin/sh
# What `simulate_rustc.sh` does, for lints, as errors. `cargo clippy` would put its driver in the wrapper's place, and
# then cargo does not see the cfg by which it chooses dependencies.
rustc=$1
shift
exec clippy-driver "$rustc" "$@" --cfg simulate -D warnings
