#!/usr/bin/env bash
# Installs what Lathe builds with: Debian packages, a virtual environment with the packages pinned in
# tools/requirements.txt. Prints what it does; installs nothing that is already there. Debian 12, root (or sudo).
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  g++ ninja-build ccache git ca-certificates python3 python3-venv
  libmlir-22-dev mlir-22-tools llvm-22-dev llvm-22-tools clang-22 libclang-rt-22-dev lld-22
  libprotobuf-dev protobuf-compiler nlohmann-json3-dev libcli11-dev
  libpcre2-dev libutf8proc-dev libgtest-dev libgmock-dev
)
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null)" = "ii " ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing ${missing[*]}"
  sudo=""; [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -q
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends "${missing[@]}"
fi

if ! cmp -s tools/requirements.txt .venv/requirements.installed; then
  echo "setup: installing tools/requirements.txt into .venv"
  rm -rf .venv
  python3 -m venv .venv
  .venv/bin/pip install -q --disable-pip-version-check -r tools/requirements.txt
  cp tools/requirements.txt .venv/requirements.installed
fi
echo "setup: done"
