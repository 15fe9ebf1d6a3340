#!/bin/sh
# usage: format.sh FOLDER FORMAT LIMIT OUT   eval of FOLDER/NAME-FORMAT.gguf, NAME being the folder's: NMSE against the golden logits at most
# LIMIT from compiled code, 1e-12 from the reference: the weights decode exactly.
set -eu
inputs=$(dirname "$0")
model=$1/$(basename "$1")-$2.gguf
bundle=$("$inputs/bundle.sh" "gguf-$2" "$model")
lathe eval "$bundle" --ids "$1/golden.safetensors" --logits "$4/$2.safetensors"
python3 "$inputs/nmse.py" "$4/$2.safetensors" logits "$1/golden.safetensors" "logits.$2" "$3"
for model in "$bundle" "$model"; do # packed and as stored
  lathe eval "$model" --reference --ids "$1/golden.safetensors" --logits "$4/$2.reference.safetensors"
  python3 "$inputs/nmse.py" "$4/$2.reference.safetensors" logits "$1/golden.safetensors" "logits.$2" 1e-12
done
