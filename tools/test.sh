#!/usr/bin/env bash
# Sets up and runs every test: unit tests and lit through ctest, the readers of untrusted input again under AddressSanitizer
# and UBSan, what runs on several threads again under ThreadSanitizer, all golden models as programs for AArch64 under qemu,
# and conformance over ../shared/data where that is.
# The last line counts: N passed, N failed, N skipped. No arguments; quick the second time.
set -uo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }
die() { printf 'test.sh: %s\n' "$*" >&2; exit 1; }
results=()

# ctest over one preset; its JUnit file feeds the count at the end.
run_tests() { # preset directory [ctest options]
  local preset=$1 directory=$2
  shift 2
  rm -f "$directory/tests.xml"
  .venv/bin/ctest --preset "$preset" --output-junit "$PWD/$directory/tests.xml" "$@"
  [ -e "$directory/tests.xml" ] || die "ctest left no $directory/tests.xml"
  results+=("$directory/tests.xml")
}

say "set-up"
tools/setup.sh || die "set-up failed"

say "build (build/, Release)"
.venv/bin/cmake --preset default >/dev/null || die "configuring build/ failed"
.venv/bin/cmake --build --preset default || die "building build/ failed"

say "tests"
run_tests default build -j "$(nproc)"

say "untrusted input under AddressSanitizer and UBSan (build-asan/)"
.venv/bin/cmake --preset asan >/dev/null || die "configuring build-asan/ failed"
.venv/bin/cmake --build --preset asan --target untrusted-tests || die "building build-asan/ failed"
# libLLVM is not instrumented: containers that cross its border look overflown.
ASAN_OPTIONS=detect_container_overflow=0 run_tests asan build-asan -L untrusted -j "$(nproc)"

say "threads under ThreadSanitizer (build-tsan/)"
.venv/bin/cmake --preset tsan >/dev/null || die "configuring build-tsan/ failed"
.venv/bin/cmake --build --preset tsan --target threads-tests || die "building build-tsan/ failed"
run_tests tsan build-tsan -L threads -j "$(nproc)"

say "AArch64 under qemu (build-aarch64/)"
.venv/bin/cmake --preset aarch64 >/dev/null || die "configuring build-aarch64/ failed"
.venv/bin/cmake --build --preset aarch64 || die "building build-aarch64/ failed"
python3 tools/golden/conformance.py build/bin/lathe test/data/golden --target armv8.2-a+dotprod \
  --under qemu-aarch64-static --junit build/aarch64.xml
[ -e build/aarch64.xml ] && results+=(build/aarch64.xml)

say "golden models on a CUDA device that is interpreted"
LATHE_CUDA_DRIVER=$PWD/build/lib/libcuda-sim.so LATHE_PTXAS='' python3 tools/golden/conformance.py build/bin/lathe test/data/golden \
  --device cuda --junit build/cuda.xml
[ -e build/cuda.xml ] && results+=(build/cuda.xml)

say "conformance over ../shared/data"
python3 tools/golden/conformance.py build/bin/lathe ../shared/data/golden --junit build/conformance.xml
[ -e build/conformance.xml ] && results+=(build/conformance.xml)

say "summary"
python3 tools/golden/summary.py "${results[@]}"
