#!/usr/bin/env bash
# Builds the web console into console/dist, from where it goes into the binary. Quick when nothing has changed.
set -euo pipefail
cd "$(dirname "$0")/../console"

if ! command -v npm >/dev/null 2>&1; then
    echo "npm is not installed: the binary will be without the web console (apt-get install nodejs npm)" >&2
    exit 0
fi
# What the build is made of, by content: a fresh clone has other times.
made_of="$(cat package.json package-lock.json tsconfig.json vite.config.ts index.html \
    $(find src public scripts -type f | LC_ALL=C sort) | sha256sum | cut -c1-64)"
[ "$(cat dist/made_of 2>/dev/null)" = "$made_of" ] && exit 0
[ -d node_modules ] && [ node_modules -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error
npm run --silent build
echo "$made_of" >dist/made_of
