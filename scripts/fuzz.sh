#!/usr/bin/env bash
# A while for each fuzz target; a finding ends it with an error and is kept in the cache folder.
# usage: fuzz.sh [SECONDS-PER-TARGET [TARGET ...]]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds="${1:-60}"
shift || true
cargo +nightly fuzz --version >/dev/null 2>&1 || {
    echo "please install these first: rustup toolchain install nightly; cargo install --locked cargo-fuzz" >&2
    exit 1
}
cache="${TENFOLD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tenfold}/fuzz"
# Instrumented objects are of no use to other builds, so they have a folder of their own.
export CARGO_TARGET_DIR="${FUZZ_TARGET_DIR:-$cache/target}"
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cargo +nightly fuzz list)
for target in "${targets[@]}"; do
    mkdir -p "$cache/corpus/$target" "$cache/findings/$target"
    echo "== $target"
    cargo +nightly fuzz run "$target" "$cache/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -artifact_prefix="$cache/findings/$target/" -print_final_stats=1 -verbosity=0
done
