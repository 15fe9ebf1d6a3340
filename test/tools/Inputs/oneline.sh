#!/bin/sh
# usage: oneline.sh CODE COMMAND...   the command must end with CODE, within 20 s and 16 GB of address space, and one line on stderr that
# starts with "lathe: ". Prints that line.
code=$1
shift
message=$(ulimit -v 16000000 && timeout 20 "$@" 2>&1 >/dev/null)
got=$?
printf '%s\n' "$message"
[ "$got" = "$code" ] || { echo "exit $got, expected $code: $*"; exit 1; }
[ "$(printf '%s\n' "$message" | wc -l)" = 1 ] || { echo "not one line: $*"; exit 1; }
case $message in "lathe: "*) ;; *) echo "no 'lathe: ': $*"; exit 1 ;; esac
