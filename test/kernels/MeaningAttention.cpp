//===- MeaningAttention.cpp - what a kernel's description means: rotations, the cache and what reads it ---------===//
#include "compiler/kernels/Describe.h"
#include "test/kernels/Module.h"
#include <cmath>
#include <limits>

using namespace lathe;
using namespace lathe::test;
using llvm::Expected;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

const Argument &find(const std::vector<Argument> &arguments, const std::string &name) {
  return *std::ranges::find(arguments, name, &Argument::name);
}

/// Declares @rotation as a kernel's: the first frequency turns fast, the last slowly.
void declare(Module &m, const Rotation &k) {
  std::vector<double> frequencies, beyond;
  for (int64_t i = 0; i < k.rotated / 2; ++i) {
    frequencies.push_back(std::pow(10000.0, -2.0 * double(i) / double(k.rotated)));
    beyond.push_back(frequencies.back() / double(i + 2));
  }
  std::string rotation = "lathe.rotation @rotation " + text(frequencies);
  rotation += option("magnitude", k.rule == LengthRule::Grow ? k.magnitude : 1.25, 1) + option("limit", k.limit);
  if (k.rule == LengthRule::Grow)
    rotation += " growth " + text(8.0);
  if (k.rule == LengthRule::Switch)
    rotation += " beyond " + text(beyond) + " long_magnitude " + text(0.75);
  m.symbol(rotation);
}

std::string rope(const Rotation &k, const std::string &value, int64_t headSize, const std::string &type) {
  return std::string("lathe.rope ") + (k.pairing == Pairing::Interleaved ? "interleaved %" : "half_split %") + value +
         ", %positions" + (k.rule == LengthRule::None ? "" : " lengths %lengths") + ", @rotation head_size " +
         std::to_string(headSize) + " : " + type;
}

/// The tables that the bundle of a model with @rotation has.
void addTables(Numbers &numbers, Module &m, const Rotation &k, int64_t maxPages, int64_t length) {
  auto rotation = m.parsed().lookupSymbol<ir::RotationOp>("rotation");
  auto [first, second] = rotaryTables(rotation, maxPages, k.limit + k.grown - 1);
  const bool grows = k.rule == LengthRule::Grow;
  numbers[grows ? "frequencies" : "high"].assign(first.begin(), first.end());
  numbers[grows ? "growth" : "low"].assign(second.begin(), second.end());
  if (k.rule != LengthRule::None)
    numbers["lengths"] = {double(length)};
}

/// Where our sequence's page is in memory.
int64_t physical(int64_t page, int64_t pages) { return pages - 1 - page % pages; }

/// What says where a row is: slot 1 of the table has the pages that its sequence has come to, all else points nowhere.
/// Of several rows at `positions`, those of the call are [first, first + count).
Numbers place(const std::vector<Argument> &arguments, const std::vector<int64_t> &positions, int64_t split,
              int64_t first = 0, int64_t count = 1) {
  const Argument &table = find(arguments, "pages");
  const int64_t position = positions[first + count - 1];
  const int64_t maxPages = table.dims[0].extent, pages = find(arguments, "K").dims[2].extent;
  std::vector<double> lines(countOf(table), -1e6);
  for (int64_t page = 0; page <= position / kPagePositions; ++page)
    lines[maxPages + page] = double(physical(page, pages));
  std::vector<double> slots(positions.size(), 0), tile = {77, 77, double(split), 77};
  std::fill_n(slots.begin() + first, count, 1);
  if (positions.size() > 1)
    tile.insert(tile.end(), {77, double(first), double(count)});
  return {{"positions", {positions.begin(), positions.end()}}, {"slots", slots}, {"pages", lines}, {"tile", tile}};
}

/// One KV head's pages, full of `number`; bytes, which have no infinity, of -128.
struct Pages {
  Pages(const std::vector<Argument> &arguments, double number)
      : size(find(arguments, "K").dims[1].extent), valueSize(find(arguments, "V").dims[0].extent),
        pages(find(arguments, "K").dims[2].extent), bytes(find(arguments, "K").type == ElementType::I8) {
    for (const char *name : {"K", "V"})
      numbers[name].assign(countOf(find(arguments, name)), bytes ? -128 : number);
    if (bytes)
      numbers["S"].assign(countOf(find(arguments, "S")), number);
  }

  /// `round`: to bytes, as a cache has them.
  void put(int64_t position, const double *key, const double *value, bool round = true) {
    const int64_t page = physical(position / kPagePositions, pages), at = position % kPagePositions;
    std::vector<double> k(key, key + size), v(value, value + valueSize);
    if (bytes)
      for (auto [which, head, spread] : {std::tuple(0, &k, spreadOf(size)), {1, &v, int64_t(1)}}) {
        reference::HeadBytes<double> made = *reference::bytesOf<double>(*head, spread);
        numbers["S"][(page * 2 + which) * kPagePositions + at] = made.scale;
        for (double &number : made.numbers)
          number = round ? std::nearbyint(number) : number;
        *head = std::move(made.numbers);
      }
    for (int64_t i = 0; i < size; ++i)
      numbers["K"][(page * size + i) * kPagePositions + at] = k[i];
    for (int64_t i = 0; i < valueSize; ++i)
      numbers["V"][(page * kPagePositions + at) * valueSize + i] = v[i];
  }

  int64_t size, valueSize, pages;
  bool bytes;
  Numbers numbers; ///< K, V and, of bytes, S
};

std::string at(int64_t position, int64_t split) {
  return "position " + std::to_string(position) + " split " + std::to_string(split);
}

} // namespace

Expected<Example> test::meaning(const RotateKernel &k, const KernelCase &c) {
  const std::string type = rowsType(k.heads * k.headSize);
  Module m;
  Example example{.before = {{"x", Draw(c).argument("x")}}, .matrix = {}, .calls = {}};
  declare(m, k.rotation);
  m.rows("x", example.before["x"], k.heads * k.headSize);
  m.op("y", rope(k.rotation, "x", k.headSize, type));
  m.end("f", "y", type);
  addTables(example.before, m, k.rotation, k.maxPages, c.length);
  for (int64_t position : c.at) {
    Expected<Matrix> y = m.run("f", {{0}, {int32_t(position)}, {}, int32_t(c.length)});
    if (!y)
      return y.takeError();
    example.calls.push_back({{{"positions", {double(position)}}}, {{"y", row(*y, 0)}}, at(position, 0)});
  }
  return example;
}

Expected<Example> test::meaning(const AppendKernel &k, const KernelCase &c) {
  const Draw draw(c);
  const std::vector<Argument> arguments = argumentsOf(k);
  const int64_t queries = groupOf(k.heads, k.kvHeads) * k.headSize;
  Module m;
  Example example{.before = {{"k", draw.argument("k")}, {"v", draw.argument("v")}}, .matrix = {}, .calls = {}};
  m.rows("k", example.before["k"], k.headSize);
  if (k.rotation.rotated) {
    declare(m, k.rotation);
    m.op("turned", rope(k.rotation, "k", k.headSize, rowsType(k.headSize)));
    m.end("key", "turned", rowsType(k.headSize));
    m.rows("q", example.before["q"] = draw.argument("q"), queries);
    m.op("turned", rope(k.rotation, "q", k.headSize, rowsType(queries)));
    m.end("query", "turned", rowsType(queries));
    addTables(example.before, m, k.rotation, k.maxPages, c.length);
  } else {
    m.end("key", "k", rowsType(k.headSize));
  }
  const int64_t splits = k.splitPositions ? k.maxPages * kPagePositions / k.splitPositions : 1;
  for (int64_t position : c.at) {
    const Module::Rows here = {{0}, {int32_t(position)}, {}, int32_t(c.length)};
    Expected<Matrix> key = m.run("key", here);
    if (!key)
      return key.takeError();
    for (int64_t split = 0; split < splits; ++split) {
      Example::Call call{place(arguments, {position}, split), {}, at(position, split)};
      Pages cache(arguments, 99);
      call.inputs.insert(cache.numbers.begin(), cache.numbers.end());
      if (!k.splitPositions || position / k.splitPositions == split)
        cache.put(position, key->row(0), example.before["v"].data(), /*round=*/false);
      call.outputs = std::move(cache.numbers);
      if (k.rotation.rotated) {
        Expected<Matrix> query = m.run("query", here);
        if (!query)
          return query.takeError();
        call.outputs["qr"] = row(*query, 0);
      }
      example.calls.push_back(std::move(call));
    }
  }
  return example;
}

Expected<Example> test::meaning(const AttendKernel &k, const KernelCase &c) {
  const Draw draw(c);
  const std::vector<Argument> arguments = argumentsOf(k);
  const int64_t group = groupOf(k.heads, k.kvHeads), size = k.headSize, valueSize = k.valueSize();
  const int64_t length = *std::ranges::max_element(c.at) + 1, splits = k.maxPages * kPagePositions / k.splitPositions;
  const bool half = k.cache == CacheFormat::F16, bytes = k.cache == CacheFormat::Q8;
  const std::vector<double> keys = draw("K", length * size, half), values = draw("V", length * valueSize, half);
  Module m({.cache = bytes ? CacheFormat::Q8 : CacheFormat::F32});
  Example example{.before = {{"q", draw.argument("q")}}, .matrix = {}, .calls = {}};
  m.rows("k", keys, size);
  m.rows("v", values, valueSize);
  m.op("lathe.append %k, %v, %positions, %slots layer 0 kv_heads 1 head_size " + std::to_string(size) + " : " +
       rowsType(size) + ", " + rowsType(valueSize));
  m.end("append", "k", rowsType(size));

  m.rows("q", example.before["q"], group * size);
  std::string attend = "lathe.attend %q, %positions, %slots layer 0 heads " + std::to_string(group) +
                       " kv_heads 1 head_size " + std::to_string(size) + option("value_size", k.ownValueSize) +
                       " scale " + text(k.scale) + option("window", k.window) + option("softcap", k.softcap, 0);
  if (k.alibi) {
    std::vector<double> &slopes = example.before["slopes"] = draw.argument("slopes");
    for (double &slope : slopes)
      slope = std::fabs(slope); // of what is far, less
    attend += " alibi " + text(slopes);
  }
  if (k.scales) {
    m.vector("scales", example.before["scales"] = draw.argument("scales"));
    attend += " scales @scales";
  }
  if (k.every) {
    example.before["temperatures"] = temperatureTable(0.5, k.every, k.every * (k.temperatures - 1));
    attend += " temperature " + text(0.5) + " every " + std::to_string(k.every);
  }
  const int64_t partial = valueSize + 2;
  const std::string type = "tensor<?x?x" + std::to_string(group * partial) + "xf32>";
  m.op("y", attend + " split " + std::to_string(k.splitPositions) + " : " + rowsType(group * size) + " -> " + type);
  m.end("attend", "y", type);
  Expected<Matrix> appended = m.run("append", {counting(length), counting(length)});
  if (!appended)
    return appended.takeError();

  for (size_t tile = 0; tile < c.at.size(); tile += k.rows) {
    const std::vector<int64_t> positions(c.at.begin() + tile, c.at.begin() + tile + k.rows);
    Expected<Matrix> partials = m.run("attend", {counting(k.rows), {positions.begin(), positions.end()}});
    if (!partials)
      return partials.takeError();
    for (int64_t first = 0, end; first < k.rows; first = end) { // each run of rows that follow one another
      for (end = first + 1; end < k.rows && positions[end] == positions[end - 1] + 1;)
        ++end;
      // What no row may see must not matter, whatever its bits are.
      Pages cache(arguments, kInfinity);
      for (int64_t p = 0; p <= positions[end - 1]; ++p)
        cache.put(p, &keys[p * size], &values[p * valueSize]);
      for (int64_t split = 0; split < splits; ++split) {
        Example::Call call{place(arguments, positions, split, first, end - first), {}, at(positions[first], split)};
        call.inputs.insert(cache.numbers.begin(), cache.numbers.end());
        std::vector<double> &result = call.outputs["partial"];
        result.assign(k.rows * group * partial, kFree);
        for (int64_t r = first; r < end; ++r) {
          std::vector<double> of(group * partial);
          if (split * k.splitPositions <= positions[r])
            of = part(*partials, r, split * group * partial, group * partial);
          else // of a split that the row does not see: see lathe.attend
            for (int64_t h = 0; h < group; ++h)
              of[h * partial] = -kInfinity;
          std::ranges::copy(of, result.begin() + r * group * partial);
        }
        example.calls.push_back(std::move(call));
      }
    }
  }
  return example;
}

Expected<Example> test::meaning(const CombineKernel &k, const KernelCase &c) {
  const Draw draw(c);
  const int64_t width = k.headSize + 2;
  Example example;
  std::vector<double> sinks;
  if (k.sinks) {
    sinks = example.before["sinks"] = draw.argument("sinks");
    for (int64_t h = 0; h < k.heads; h += 3)
      sinks[h] = example.before["sinks"][h] = 40; // takes all
  }
  for (int64_t position : c.at) {
    const int64_t splits = position / k.splitPositions + 1;
    std::vector<double> partials = draw.argument("partial");
    Matrix seen(1, splits * k.heads * width);
    for (int64_t s = 0; s < k.maxSplits; ++s)
      for (int64_t h = 0; h < k.heads; ++h) {
        double *p = &partials[(s * k.heads + h) * width];
        p[1] = std::fabs(p[1]) + 1; // a sum of exponentials, of which the highest is 1
        if (s >= splits)
          p[0] = 1e30;                   // stale
        else if (s == 0 && splits > 1) { // out of the window
          p[0] = -kInfinity;
          std::fill(p + 1, p + width, 0.0);
        }
        if (s < splits)
          std::copy(p, p + width, seen.row(0) + (s * k.heads + h) * width);
      }
    Numbers inputs = {{"positions", {double(position)}}, {"partial", partials}};
    const Matrix joined = reference::combine(seen, k.heads, k.headSize, sinks);
    example.calls.push_back({inputs, {{"y", joined.values}}, at(position, 0)});
  }
  return example;
}
