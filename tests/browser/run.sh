#!/usr/bin/env bash
# Opens the console's pages in Chromium, against the real binary in $TENFOLD_BIN with a real model.
# usage: run.sh [pytest arguments]
# Pictures of every page are left in ${TENFOLD_PICTURES:-$XDG_CACHE_HOME/tenfold/pictures}.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
: "${TENFOLD_BIN:?set TENFOLD_BIN to the tenfold binary}"
pins="$(cat "$here/requirements.txt" "$here/package.json" "$here/package-lock.json" | sha256sum | cut -c1-16)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/tenfold"
env="$cache/browser/$pins"
if [ ! -f "$env/ready" ]; then
    rm -rf "$env"
    mkdir -p "$env"
    python3 -m venv "$env/venv"
    "$env/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$env/"
    (cd "$env" && npm ci --no-audit --no-fund --loglevel=error)
    touch "$env/ready"
fi
exec env TENFOLD_SDK_CACHE="$cache/sdk" TENFOLD_AXE="$env/node_modules/axe-core/axe.min.js" \
    TENFOLD_PICTURES="${TENFOLD_PICTURES:-$cache/pictures}" PYTHONDONTWRITEBYTECODE=1 \
    "$env/venv/bin/python" -m pytest -p no:cacheprovider --rootdir "$here" -q -ra "${@:-$here}"
