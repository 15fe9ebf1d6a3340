//===- Attend.cpp - partial softmax over one split of the KV cache ----------------------------------------------===//
//
// The softmax of arXiv:1706.03762 in the partial form of arXiv:1805.02867, as kernels/halide/Attend.cpp has it.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/AttendPlain.h"
#include "compiler/kernels/gpu/AttendTensor.h"

using namespace lathe;
using namespace lathe::gpu;

bool gpu::usesTensorCores(const AttendKernel &k) {
  return k.cache == CacheFormat::F16 && k.headSize % TensorAttend::kStep == 0 &&
         k.valueSize() % TensorAttend::kComponents == 0;
}

int64_t gpu::mostRows(const AttendKernel &k) {
  const int64_t rounds = llvm::divideCeil(k.splitPositions, kWarps * TensorAttend::kPositions);
  const int64_t queries = TensorAttend::kMaxTiles / rounds * TensorAttend::kQueries;
  return usesTensorCores(k) ? std::clamp<int64_t>(queries / (k.heads / k.kvHeads), 1, TensorAttend::kMaxRows) : 1;
}

V gpu::scoreFactor(const AttendKernel &k, TileCall &call, V position, V head) {
  V factor = call.code.f32(static_cast<float>(k.scale));
  if (k.scales)
    factor = factor * call.array("scales").at({head});
  if (k.every) {
    V entry = min((position + 1) / double(k.every), double(k.temperatures - 1));
    factor = factor * call.array("temperatures").at({entry});
  }
  return factor;
}

void gpu::writeKernel(const AttendKernel &k, TileCall &call) {
  assert((k.rows == 1 || k.rows <= mostRows(k)) && "as many as the space has");
  if (usesTensorCores(k))
    TensorAttend(k, call).run();
  else
    PlainAttend(k, call).run();
}
