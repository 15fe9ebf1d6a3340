#!/bin/sh
# usage: bundle.sh NAME INPUT [options of lathe compile]
# Prints the folder of a bundle that tests share: compiled by the first that asks, again when the compiler is newer.
set -eu
name=$1 input=$2
shift 2
mkdir -p "$LATHE_TEST_BUNDLES"
bundle=$LATHE_TEST_BUNDLES/$name
exec 9>"$bundle.lock"
flock 9
if ! [ "$bundle/model.so" -nt "$(command -v lathe-compiler)" ]; then
  rm -rf "$bundle"
  lathe compile "$input" -o "$bundle" "$@" >&2
fi
echo "$bundle"
