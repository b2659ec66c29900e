#!/usr/bin/env bash
# `make bench`: builds the rig, sets up the peers in a virtual environment outside the checkout, prints tables.
set -euo pipefail
cd "$(dirname "$0")/.."
cache="${TENFOLD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tenfold}"
cargo build --locked --quiet --package tenfold-bench --package tenfold
cargo build --locked --quiet --package tenfold-engine-gguf --package tenfold-store --examples
venv="$cache/bench/$(sha256sum bench/requirements.txt | cut -c1-12)"
if [ ! -x "$venv/bin/python" ] || [ ! -f "$venv/ready" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement bench/requirements.txt
    touch "$venv/ready"
fi
exec "$venv/bin/python" bench/run.py --target "${CARGO_TARGET_DIR}" --cache "$cache" "$@"
