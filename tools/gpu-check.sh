#!/usr/bin/env bash
# Packs what a machine with a GPU has to answer into a folder that needs nothing else there but the driver and python3.
#
#   tools/gpu-check.sh OUT_FOLDER [--build build] [--tiny] [--only PATTERN] [--no-speed]
#
# On that machine: OUT_FOLDER/check.sh [REPORT], which writes REPORT.txt and REPORT.json (tools/gpu/check.py says what).
# Made again, only what is older than the compiler is compiled. --tiny: a few small models, for a try of it all on the
# interpreter of GPU code: LATHE_CUDA_DRIVER=build/lib/libcuda-sim.so OUT_FOLDER/check.sh
set -euo pipefail
exec python3 "$(dirname "$0")/gpu/pack.py" "$@"
