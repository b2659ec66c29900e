#!/usr/bin/env bash
# Installs what is missing and may be installed; otherwise names it in one line. Quick when nothing is missing.
# usage: setup.sh [test]
set -euo pipefail

packages=()
need() { # command package
    command -v "$1" >/dev/null 2>&1 || packages+=("$2")
}
need cmake cmake
need c++ g++
need git git
# bindgen reads llama.cpp's headers with libclang; libclang-cpp, which LLVM brings along, is another library.
if [ -z "${LIBCLANG_PATH:-}" ] && ! compgen -G '/usr/lib/llvm-*/lib/libclang[.-][s0-9]*' >/dev/null \
    && ! compgen -G '/usr/lib/*/libclang[.-][s0-9]*' >/dev/null; then
    packages+=(libclang-dev)
fi
if [ "${1:-}" = test ]; then
    # The store's tests run on a real PostgreSQL that they start themselves.
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || packages+=(postgresql)
    # Invoices are printed with a font that has Chinese characters, and read back.
    compgen -G '/usr/share/fonts/*/noto/NotoSansCJK-Regular.ttc' >/dev/null \
        || compgen -G '/usr/share/fonts/truetype/wqy/wqy-*.ttc' >/dev/null || packages+=(fonts-wqy-zenhei)
    need pdftotext poppler-utils
    # The console's pages are opened in a real browser.
    need chromium chromium
fi

if [ ${#packages[@]} -gt 0 ]; then
    if command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
        sudo=""
        [ "$(id -u)" = 0 ] || sudo="sudo -n"
        echo "installing: ${packages[*]}"
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    else
        echo "please install these packages first: ${packages[*]}   (apt-get install ${packages[*]})" >&2
        exit 1
    fi
fi

command -v cargo >/dev/null 2>&1 || { echo "please install a Rust toolchain first: https://rustup.rs" >&2; exit 1; }
if [ "${1:-}" = test ]; then
    command -v cargo-nextest >/dev/null 2>&1 || cargo install --locked --quiet cargo-nextest
    python3 -c 'import venv, ensurepip' 2>/dev/null || { echo "please install these packages first: python3-venv" >&2; exit 1; }
    command -v npm >/dev/null 2>&1 || { echo "please install these packages first: nodejs npm" >&2; exit 1; }
fi
