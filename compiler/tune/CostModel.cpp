//===- CostModel.cpp - what a phase may take with some values, unmeasured -----------------------------------------===//
#include "compiler/tune/CostModel.h"
#include <algorithm>

namespace lathe::tune {
namespace {

constexpr double kCallSeconds = 0.2e-6; ///< of a tile: its views, its counter, the start of its streams
/// Of a multiply-add's time: reading an operand that is not in a register yet, and unpacking a vector of codes.
constexpr double kLoad = 0.4, kUnpack = 1.5;

double valueOr(const Values &values, const char *name, int64_t otherwise) {
  const int64_t *value = values.find(name);
  return double(value ? *value : otherwise);
}

/// Times of a multiply-add that one takes in a register tile of `rows` x `panels`.
double productCost(const LinearKernel &linear, const TargetDesc &target, double rows, double panels) {
  const bool integer = isInteger(linear.format);
  const double vectors = 16.0 / double(std::max<int64_t>(1, target.lanes)); // of a panel's 16 rows
  const double registers = target.lanes == 16 ? 32 : 16;
  const double wanted = vectors * (rows * panels * (integer ? 2 : 1) + panels) + 1;
  return 1 + kLoad * (rows + panels) / (rows * panels) + (integer ? kUnpack / rows : 0) +
         std::max(0.0, wanted / registers - 1);
}

} // namespace

double estimateSeconds(const CostInput &input, const Values &values) {
  const double tileRows = valueOr(values, kTileRows, 1), tileColumns = valueOr(values, kTileColumns, 1);
  const double rows = double(std::max<int64_t>(1, input.rows));
  const double rowTiles = double((input.rows + int64_t(tileRows) - 1) / int64_t(tileRows));
  const double tiles = rowTiles * double(input.grid.columns) / tileColumns;
  double product = 1;
  if (const auto *linear = std::get_if<LinearKernel>(&input.kernel))
    product = productCost(*linear, input.target, valueOr(values, "rows", 1), valueOr(values, "panels", 1));
  else if (const int64_t *heads = values.find("heads")) // each key is converted once for so many
    product = 1 + kLoad * double(*heads + 4) / double(*heads * 4);
  const double operations = input.operations * rowTiles * tileRows / rows; // with those of rows that are not there
  const double work = std::max(input.bytes / input.readRate, operations / input.operationRate * product);
  const double threads = input.threads, turns = double(int64_t((tiles + threads - 1) / threads));
  // Workers of unequal speed wait for half a tile at the end, beside what the numbers do not divide.
  const double imbalance = tiles > 0 ? std::max(1.0, turns * threads / tiles) + threads / tiles / 2 : 1;
  return work * imbalance + turns * kCallSeconds;
}

} // namespace lathe::tune
