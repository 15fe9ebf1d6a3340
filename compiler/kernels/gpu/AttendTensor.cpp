//===- AttendTensor.cpp - attention by tensor cores: rows, and their queries ------------------------------------===//
#include "compiler/kernels/gpu/AttendTensor.h"
#include "llvm/ADT/bit.h"

using namespace lathe;
using namespace lathe::gpu;
using llvm::divideCeil;

TensorAttend::TensorAttend(const AttendKernel &k, TileCall &call)
    : k(k), call(call), c(call.code), keys(call.array("K")), values(call.array("V")), out(call.array("partial")),
      g(shiftRight(c.lane(), 2)), t(c.lane() & 3), warp(c.warp()), size(k.headSize), valueSize(k.valueSize()),
      group(k.heads / k.kvHeads), split(k.splitPositions), pages(split / kPagePositions),
      rounds(divideCeil(split, kWarps * kPositions)) {
  const int64_t all = divideCeil(k.rows * group, kQueries);
  passes = divideCeil(all, std::max<int64_t>(1, kMaxTiles / rounds));
  tiles = divideCeil(all, passes);
  queries = tiles * kQueries;
  blocks = valueSize / kComponents;
  groups = llvm::bit_floor(static_cast<uint64_t>(std::max<int64_t>(1, kWarps / blocks)));
  while (steps() % groups)
    groups /= 2;
  start = call.tile.s * double(split);
}

void TensorAttend::run() {
  if (k.rows == 1)
    return runRows(c.i32(0), c.i32(1));
  // Bit r: row r is of the same sequence as the one before it, and follows it.
  V rows = min(call.tile.rowsLeft, double(k.rows)), own = min(c.lane(), rows - 1), before = max(own - 1, 0);
  const Array &slots = call.array("slots"), &positions = call.array("positions");
  V follows = (c.lane() > 0) & (c.lane() < rows) & (slots.at({own}) == slots.at({before})) &
              (positions.at({own}) == positions.at({before}) + 1);
  V mask = c.warpSum(select(follows, c.i32(1) << c.lane(), c.i32(0)));
  c.loop(c.i32(0), rows, 1, [&](V row) {
    V rest = shiftRight(mask, row);
    c.ifThen((rest & 1) == 0, [&] {
      V ones = shiftRight(rest, 1), above = (ones ^ -1) & (ones + 1); // the lowest bit that is none
      runRows(row, (shiftRight(bitsOf(toF32(above)), 23) & 0xff) - 126);
    });
  });
}

void TensorAttend::runRows(V first, V count) {
  firstRow = first, rowCount = count;
  V before = call.array("positions").at({first}) - start;
  V last = k.rows == 1 ? before : call.array("positions").at({first + count - 1}) - start;
  begin = k.window ? inSplit(before + double(1 - k.window)) : c.i32(0);
  end = inSplit(last + 1);
  V seen = begin < end;
  c.ifThen(seen, [&] {
    if (passes == 1)
      runQueries(c.i32(0));
    else
      c.loop(c.i32(0), c.i32(passes), 1, [&](V pass) { runQueries(pass * double(queries)); });
  });
  // Splits beyond a row are not joined, but one that its window has left is.
  c.ifThen(k.rows == 1 ? !seen : !seen & (last >= 0), [&] {
    c.eachOf(count * double(group * (valueSize + 2)), [&](V i) {
      V component = i % (valueSize + 2), query = i / double(valueSize + 2);
      V number = fromBits(select(component == 0, c.i32(kInfinityBelow), c.i32(0)));
      out.store({component, query % group, firstRow + query / double(group)}, number);
    });
  });
}

void TensorAttend::runQueries(V first) {
  firstQuery = first;
  const int64_t mark = c.sharedMark();
  begins = c.shared(ElementType::I32, {queries}), ends = c.shared(ElementType::I32, {queries});
  factors = c.shared(ElementType::F32, {queries});
  if (k.alibi)
    slopes = c.shared(ElementType::F32, {queries}), distances = c.shared(ElementType::I32, {queries});
  highs = c.shared(ElementType::F32, {queries, kWarps}), totals = c.shared(ElementType::F32, {queries, kWarps});
  physical = c.shared(ElementType::I32, {pages});
  const int64_t passing = c.sharedMark();
  fragments = c.shared(ElementType::I32, {4, kWarpThreads, tiles, size / kStep});
  std::vector<V> early;
  if (loadsEarly())
    early = c.ifElse(isSeen(warp), [&] {
      V page = call.array("pages").at({call.tile.s * double(pages) + warp / double(kPagePositions / kPositions),
                                       call.array("slots").at({firstRow})});
      return loadKeys(keysOfLane(warp, page), c.i32(0), size / kStep);
    }, [&] { return std::vector<V>(size / kStep * 8, c.i32(0)); });
  findPages();
  loadQueries();
  c.barrier();
  std::vector<std::vector<V>> scores;
  for (int64_t round = 0; round < rounds; ++round)
    scores.push_back(multiplyKeys(warp + double(round * kWarps), early));
  c.freeShared(passing);
  fragments = c.shared(ElementType::I32, {4, kWarpThreads, tiles, steps()});
  weigh(scores);
  for (int64_t block = 0; block < blocks; block += kWarps)
    mixValues(block, passing);
  if (passes > 1 || k.rows > 1)
    c.barrier(); // the next ones write where these read
  c.freeShared(mark);
}

void TensorAttend::findPages() {
  V slot = call.array("slots").at({firstRow}), firstPage = call.tile.s * double(pages);
  const Array &table = call.array("pages");
  c.eachOf(pages, [&](V page) {
    V known = min(max(page, begin / double(kPagePositions)), (end - 1) / double(kPagePositions));
    physical.store({page}, table.at({firstPage + known, slot}));
  });
  if (k.rows > 1)
    return;
  const int64_t line = 128 / elementBytes(values.argument.type), lines = valueSize * kPagePositions / line;
  c.eachOf(pages * lines, [&](V i) {
    V page = i / double(lines), place = page * double(kPagePositions);
    c.ifThen((place < end) & (place + double(kPagePositions) > begin), [&] {
      Array own = from(values, {i % lines * double(line), c.i32(0), table.at({firstPage + page, slot})});
      c.ptx("prefetch.global.L2 [$0];", {}, {c.wrap(own.pointer)});
    });
  });
}

TensorAttend::Query TensorAttend::queryAt(V i) {
  V query = firstQuery + i, row = query / double(group);
  return {firstRow + min(row, rowCount - 1), query % group, row < rowCount};
}

/// Each warp every 8th query: all numbers of it under way, then by the power of two that makes the largest 256 … 511.
void TensorAttend::loadQueries() {
  const int64_t pieces = divideCeil(size, 4 * kWarpThreads);
  const Array &q = call.array("q");
  std::vector<V> numbers;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    Query query = queryAt(warp + double(tile * kQueries));
    for (int64_t j = 0; j < pieces; ++j) {
      V component = min((c.lane() + double(j * kWarpThreads)) * 4, double(size - 4));
      for (int64_t i = 0; i < 4; ++i)
        numbers.push_back(q.at({component + double(i), query.head, query.row}));
    }
  }
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const V *own = &numbers[tile * pieces * 4];
    V largest = abs(own[0]);
    for (int64_t i = 1; i < pieces * 4; ++i)
      largest = max(largest, abs(own[i]));
    V exponent = min(max(shiftRight(bitsOf(c.warpMax(largest)), 23), 16), 245);
    V up = fromBits((c.i32(262) - exponent) << 23), down = fromBits((exponent - 8) << 23);
    for (int64_t j = 0; j < pieces; ++j) {
      V piece = c.lane() + double(j * kWarpThreads);
      std::vector<V> scaled;
      for (int64_t i = 0; i < 4; ++i)
        scaled.push_back(own[j * 4 + i] * up);
      auto store = [&] {
        fragments.storeWords({c.i32(0), warp * 4 + (piece & 3), c.i32(tile), shiftRight(piece, 2)}, halves(scaled));
      };
      if (size % (4 * kWarpThreads) == 0)
        store();
      else
        c.ifThen(piece < double(size / 4), store);
    }
    c.ifThen(c.lane() == 0, [&] { describeQuery(warp + double(tile * kQueries), down); });
  }
}

void TensorAttend::describeQuery(V i, V down) {
  Query query = queryAt(i);
  V position = call.array("positions").at({query.row}), place = position - start;
  auto ifReal = [&](V number) { return select(query.real, number, c.i32(0)); };
  begins.store({i}, k.window ? ifReal(inSplit(place + double(1 - k.window))) : c.i32(0));
  ends.store({i}, ifReal(inSplit(place + 1)));
  factors.store({i}, scoreFactor(k, call, position, query.head) * down);
  if (k.alibi) {
    slopes.store({i}, call.array("slopes").at({query.head}));
    distances.store({i}, -place);
  }
}
