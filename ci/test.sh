#!/usr/bin/env bash
# The README's test command, and what only another feature shows.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test
cargo test -p structures --features stats --test cuckoo_striped
