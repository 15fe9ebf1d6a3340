//===- Collect.cpp - the weighted sum of a row's choices --------------------------------------------------------===//
#include "compiler/kernels/gpu/Row.h"

namespace lathe::gpu {

void writeKernel(const CollectKernel &k, TileCall &call) {
  Code &code = call.code;
  std::vector<V> places, weights;
  for (int64_t choice = 0; choice < k.choices; ++choice) {
    places.push_back(call.array("places").at({code.i32(choice)}));
    weights.push_back(call.array("weights").at({code.i32(choice)}));
  }
  writeColumns(call, k.output, k.columns, 8, [&](const Columns &mine) {
    std::vector<V> sums(mine.size(), code.f32(0));
    for (int64_t choice = 0; choice < k.choices; ++choice) {
      std::vector<V> x = loadColumns(call.array("x"), mine, {places[choice]});
      for (size_t i = 0; i < sums.size(); ++i)
        sums[i] = sums[i] + weights[choice] * x[i];
    }
    return sums;
  });
}

} // namespace lathe::gpu
