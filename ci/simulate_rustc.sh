#!/bin/sh
# What cargo runs as RUSTC_WORKSPACE_WRAPPER: the compiler, for the workspace's own crates, with `--cfg simulate`.
rustc=$1
shift
exec "$rustc" --cfg simulate "$@"
