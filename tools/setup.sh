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
# What lathe-standalone for AArch64 is made of, and what runs it in tests.
native=$(dpkg --print-architecture)
if [ "$native" != arm64 ]; then
  packages+=(libstdc++-12-dev:arm64 libpcre2-dev:arm64 libutf8proc-dev:arm64 qemu-user-static)
fi
missing=()
for package in "${packages[@]}"; do # a name may be there for several processors
  processor=$native
  [[ "$package" != *:* ]] || processor=${package#*:}
  dpkg-query -W -f '${Architecture} ${db:Status-Abbrev}\n' "$package" 2>/dev/null | grep -Eq "^($processor|all) ii" ||
    missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing ${missing[*]}"
  sudo=""; [ "$(id -u)" = 0 ] || sudo=sudo
  if [[ "${missing[*]}" == *:arm64* ]]; then $sudo dpkg --add-architecture arm64; fi
  $sudo apt-get update -q
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends "${missing[@]}"
fi

if ! cmp -s tools/requirements.txt .venv/requirements.installed; then
  echo "setup: installing tools/requirements.txt into .venv"
  rm -rf .venv
  python3 -m venv .venv
  # What is listed and no more: of halide its library, of nvcc its ptxas.
  .venv/bin/pip install -q --no-deps --disable-pip-version-check -r tools/requirements.txt
  cp tools/requirements.txt .venv/requirements.installed
fi
echo "setup: done"
