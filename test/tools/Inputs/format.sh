#!/bin/sh
# usage: format.sh FOLDER FORMAT LIMIT OUT   eval of FOLDER/llama-gqa-FORMAT.gguf: NMSE against the golden logits at most
# LIMIT from compiled code, 1e-12 from the reference: the weights decode exactly.
set -eu
inputs=$(dirname "$0")
bundle=$("$inputs/bundle.sh" "gguf-$2" "$1/llama-gqa-$2.gguf")
lathe eval "$bundle" --ids "$1/golden.safetensors" --logits "$4/$2.safetensors"
python3 "$inputs/nmse.py" "$4/$2.safetensors" logits "$1/golden.safetensors" "logits.$2" "$3"
for model in "$bundle" "$1/llama-gqa-$2.gguf"; do # packed and as stored
  lathe eval "$model" --reference --ids "$1/golden.safetensors" --logits "$4/$2.reference.safetensors"
  python3 "$inputs/nmse.py" "$4/$2.reference.safetensors" logits "$1/golden.safetensors" "logits.$2" 1e-12
done
