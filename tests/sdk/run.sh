#!/usr/bin/env bash
# Runs the SDK tests against the real binary in $TENFOLD_BIN.
# usage: run.sh [pytest arguments | --node]      for example: run.sh -k responses
# The SDKs are installed once, outside the checkout, in a folder named after what is pinned.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
: "${TENFOLD_BIN:?set TENFOLD_BIN to the tenfold binary}"
pins="$(cat "$here/requirements.txt" "$here/package.json" "$here/package-lock.json" | sha256sum | cut -c1-16)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/tenfold/sdk"
env="$cache/$pins"
if [ ! -f "$env/ready" ]; then
    rm -rf "$env"
    mkdir -p "$env"
    python3 -m venv "$env/venv"
    "$env/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$env/"
    (cd "$env" && npm ci --no-audit --no-fund --loglevel=error)
    touch "$env/ready"
fi
exec env TENFOLD_SDK_CACHE="$cache" TENFOLD_SDK_ENV="$env" PYTHONDONTWRITEBYTECODE=1 "$env/venv/bin/python" "$here/run.py" "$@"
