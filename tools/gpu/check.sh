#!/usr/bin/env bash
# The checks of this folder on this machine: ./check.sh [REPORT] [--seconds N] [--only PATTERN] [--jobs N]
# Writes REPORT.txt and REPORT.json after each step; what they have is not done again. check.py says more.
exec python3 "$(dirname "$0")/check.py" "$@"
