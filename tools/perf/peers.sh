#!/usr/bin/env bash
# Sets up what check_perf.py measures Lathe beside: llama.cpp, OpenVINO GenAI and ONNX Runtime GenAI, each in an environment
# of its own, and their forms of two models. 25 minutes on 2 cores, 12 GB; run again, it does what is missing.
# usage: peers.sh [llama] [openvino] [ort]     (all three without arguments; LATHE_PEERS=~/.cache/lathe-peers is where)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export LATHE_PEERS=${LATHE_PEERS:-$HOME/.cache/lathe-peers} HF_HUB_OFFLINE=1
[ $# -gt 0 ] || set -- llama openvino ort
mkdir -p "$LATHE_PEERS"/{venvs,gguf,openvino,ort}
cd "$LATHE_PEERS"

environment() { # NAME packages…
  local name=$1
  shift
  [ ! -e "venvs/$name/.done" ] || return 0
  echo "peers: environment $name"
  python3 -m venv "venvs/$name"
  "venvs/$name/bin/pip" install -q --disable-pip-version-check "$@"
  touch "venvs/$name/.done"
}
wants() { [[ " $wanted " == *" $1 "* ]]; }
wanted="$*"

quickstart=gguf/SmolLM2-135M-Instruct.Q4_1.gguf
if [ ! -e "$quickstart" ]; then
  model="$here/../../.cache/models/SmolLM2-135M-Instruct.Q4_1.gguf"
  [ -e "$model" ] || { echo "peers: tools/quickstart.sh fetches $model, which is not there" >&2; exit 1; }
  cp "$model" "$quickstart"
fi

# Built here, as its users would, but without AMX: with it 0.3.36 ends in a segmentation fault on a Sapphire Rapids VM.
flags="-DGGML_NATIVE=OFF"
has() { grep -qw "$1" /proc/cpuinfo; }
add() { ! has "$1" || flags+=" -DGGML_$2=ON"; }
add avx AVX; add avx2 AVX2; add fma FMA; add f16c F16C; add bmi2 BMI2; add avx_vnni AVX_VNNI; add avx512f AVX512
add avx512vbmi AVX512_VBMI; add avx512_vnni AVX512_VNNI; add avx512_bf16 AVX512_BF16
CMAKE_ARGS="$flags" CMAKE_BUILD_PARALLEL_LEVEL=$(nproc) environment llama \
  --no-cache-dir --no-binary llama-cpp-python llama-cpp-python==0.3.36 gguf numpy
[ -e gguf/smol_Q4_0.gguf ] || venvs/llama/bin/python "$here/requantize.py" gguf
for format in Q4_0 Q8_0; do
  [ -e "gguf/r1b_$format.gguf" ] || venvs/llama/bin/python "$here/random_gguf.py" "gguf/r1b_$format.gguf" $format 1b
done

if wants openvino || wants ort; then
  environment hf torch==2.13.0 transformers==5.23.0 accelerate gguf sentencepiece protobuf onnxruntime-genai==0.18.0 \
    onnxruntime==1.31.1 onnx onnx-ir
  [ -e r1b_hf/config.json ] || venvs/hf/bin/python "$here/hf_models.py" "$LATHE_PEERS"
fi
if wants openvino; then
  environment openvino openvino-genai==2026.4.1.0 numpy
  environment export torch==2.13.0 optimum-intel==2.2.0 openvino==2026.4.1 openvino-tokenizers==2026.4.1.0 nncf
  venvs/export/bin/pip uninstall -q -y torchvision 2>/dev/null || true # its import fails
  for model in smol r1b; do
    for bits in int4 int8; do
      [ $bits = int8 ] || groups="--group-size 32 --ratio 1.0 --sym"
      [ -e "openvino/${model}_$bits/openvino_model.bin" ] || venvs/export/bin/optimum-cli export openvino -m "${model}_hf" \
        --task text-generation-with-past --weight-format $bits ${groups-} "openvino/${model}_$bits" >/dev/null
      unset groups
    done
  done
fi
if wants ort; then
  environment ort onnxruntime-genai==0.18.0 onnxruntime==1.31.1 numpy
  for model in smol r1b; do
    for bits in int4 int8; do
      [ $bits = int8 ] || algorithm=algo_config=rtn_last
      [ -e "ort/${model}_$bits/genai_config.json" ] || venvs/hf/bin/python -m onnxruntime_genai.models.builder \
        -i "${model}_hf" -o "ort/${model}_$bits" -p $bits -e cpu -c ort-cache \
        --extra_options accuracy_level=4 block_size=32 prune_lm_head=true ${algorithm-} >/dev/null
      unset algorithm
    done
  done
fi
echo "peers: $LATHE_PEERS is ready; tools/perf/check_perf.py measures"
