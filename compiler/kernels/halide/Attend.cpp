//===- Attend.cpp - partial softmax over one split of the KV cache: the mathematics -----------------------------===//
//
// A query is a head of a row, numbered from the call's first row: row * group + head. All queries of a call are of one
// sequence, so that what is read of the cache is read once for all of them. The split's positions are read in blocks
// that divide a page; a block's scores are one vector (or a few). Positions that a row does not see get a score far
// below any other and no weight; blocks that no row sees are not read at all.
//
// The softmax of arXiv:1706.03762 in the partial form of arXiv:1805.02867 (a maximum, a sum and a mix that combine
// joins). Each query's sums go over components and over positions in their order, and what other rows see adds zeros:
// so its bits are the same whatever else is computed beside it. (multiplyAdd: LLVM unrolls short loops and would add
// their terms in another order, in one kernel and not in the other.)
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Math.h"
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

AttendStages lathe::defineKernel(const AttendKernel &k, KernelBuilder &kernel) {
  const TargetDesc &target = kernel.target;
  AttendStages s;
  const int page = static_cast<int>(kPagePositions), size = static_cast<int>(k.headSize);
  const int split = static_cast<int>(k.splitPositions), window = static_cast<int>(k.window);
  const int rows = static_cast<int>(k.rows), group = static_cast<int>(k.heads / k.kvHeads);
  s.block = static_cast<int>(4 * target.lanes);
  const int blocks = split / s.block, pageBlocks = page / s.block;
  const float unseen = -1e30f;

  // The call's rows. Directives may compute some more queries than there are, which are the last row's again.
  auto ofCall = [&](int entry) { return unsafe_promise_clamped(kernel.load("tile", {entry}), 0, rows); };
  Expr firstRow = rows > 1 ? ofCall(5) : Expr(0), rowCount = rows > 1 ? ofCall(6) : Expr(1);
  auto rowOf = [&](Expr query) { return rows > 1 ? min(firstRow + query / group, rows - 1) : Expr(0); };
  auto positionOf = [&](Expr row) { return kernel.load("positions", {row}); };

  // Positions [begin, end) of this split, as counted from its start: that a row sees, and that any of them does.
  Expr start = kernel.load("tile", {2}) * split;
  auto beginOf = [&](Expr row) { return k.window ? clamp(positionOf(row) + 1 - window - start, 0, split) : Expr(0); };
  auto endOf = [&](Expr row) { return clamp(positionOf(row) + 1 - start, 0, split); };
  Expr lastRow = rows > 1 ? clamp(firstRow + rowCount - 1, 0, rows - 1) : Expr(0);
  Expr begin = beginOf(firstRow), end = endOf(lastRow), count = max(end - begin, 0);
  Expr firstBlock = unsafe_promise_clamped(min(begin / s.block, blocks - 1), 0, blocks - 1);
  Expr blockCount =
      unsafe_promise_clamped(select(count > 0, (end + s.block - 1) / s.block - begin / s.block, 0), 0, blocks);
  // Bounds inference may ask for a block of an empty range: it gets a page that a row does see.
  const int maxPages = static_cast<int>(k.maxPages);
  Expr firstPage = k.window ? max(positionOf(firstRow) + 1 - window, 0) / page : Expr(0);
  auto physical = [&](Expr pageOfSplit) {
    Expr logical = clamp(start / page + pageOfSplit, firstPage, positionOf(lastRow) / page);
    Expr physical =
        kernel.load("pages", {unsafe_promise_clamped(logical, 0, maxPages - 1), kernel.load("slots", {firstRow})});
    return unsafe_promise_clamped(physical, 0, kernel.extent("K", 2) - 1);
  };

  // The cache's numbers in f32: what the products read.
  ImageParam q = kernel.in("q"), keys = kernel.in("K"), valuesIn = kernel.in("V");
  Expr block = s.b + firstBlock;
  s.key = Func("key"), s.value = Func("value");
  s.key(s.v, s.c, s.b) = widen(keys((block % pageBlocks) * s.block + s.v, s.c, physical(block / pageBlocks)), target);
  Expr place = begin + s.p;
  s.value(s.c, s.p) = widen(valuesIn(s.c, place % page, physical(place / page)), target);
  const bool bytes = k.cache == CacheFormat::Q8;
  auto queryAt = [&](Expr c, Expr i) -> Expr { return q(c, i % group, rowOf(i)); };
  if (bytes) {
    s.spread = SpreadStages("spread", size, {s.i}, [&](const std::vector<Expr> &at) { return queryAt(at[0], at[1]); });
    s.spreadQuery = Func("query");
    s.spreadQuery(s.c, s.i) = s.spread.levels.empty() ? queryAt(s.c, s.i) : Expr(s.spread.levels.back()(s.c, s.i));
  }
  /// Of a block's position: its key's scale, or (1) its value's.
  auto scaleOf = [&](int which) -> Expr {
    return kernel.in("S")((block % pageBlocks) * s.block + s.v, which, physical(block / pageBlocks));
  };

  s.component = RDom(0, size, "component");
  s.dot = Func("dot");
  s.dot(s.v, s.i, s.b) = 0.0f;
  s.dot(s.v, s.i, s.b) = multiplyAdd(bytes ? Expr(s.spreadQuery(s.component, s.i)) : queryAt(s.component, s.i),
                                     s.key(s.v, s.component, s.b), s.dot(s.v, s.i, s.b), target);
  Expr position = positionOf(rowOf(s.i)), scale = static_cast<float>(k.scale);
  if (k.scales)
    scale = strict_float(scale * kernel.in("scales")(s.i % group));
  if (k.every) {
    Expr entry =
        unsafe_promise_clamped((position + 1) / static_cast<int>(k.every), 0, static_cast<int>(k.temperatures) - 1);
    scale = strict_float(scale * kernel.in("temperatures")(entry));
  }
  Expr score = (bytes ? strict_float(s.dot(s.v, s.i, s.b) * scaleOf(0)) : Expr(s.dot(s.v, s.i, s.b))) * scale;
  if (k.softcap != 0)
    score = softcap(score, k.softcap);
  if (k.alibi) {
    Expr distance = start + block * s.block + s.v - position; // not above 0 where it is seen
    score = strict_float(score + kernel.in("slopes")(s.i % group) * cast<float>(distance));
  }
  Expr offset = block * s.block + s.v, seen = offset >= beginOf(rowOf(s.i)) && offset < endOf(rowOf(s.i));
  s.score = Func("score");
  s.score(s.v, s.i, s.b) = select(seen, score, unseen);

  s.blocks = RDom(0, blockCount, "blocks");
  s.highLanes = Func("high_lanes");
  s.highLanes(s.v, s.i) = unseen;
  s.highLanes(s.v, s.i) = max(s.highLanes(s.v, s.i), s.score(s.v, s.i, s.blocks));
  s.highTree = treeReduce(s.highLanes, s.block, [](Expr a, Expr b) { return max(a, b); });
  s.high = Func("high");
  s.high(s.i) = s.highTree.at(s.i);

  s.weight = Func("weight");
  Expr weight = exponential(s.score(s.v, s.i, s.b) - s.high(s.i));
  if (bytes)
    s.weight(s.v, s.i, s.b) =
        Tuple(select(seen, weight, 0.0f), select(seen, strict_float(weight * scaleOf(1)), 0.0f));
  else
    s.weight(s.v, s.i, s.b) = select(seen, weight, 0.0f);
  auto weightOf = [&](Expr v, Expr b, int which) -> Expr {
    return bytes ? Expr(s.weight(v, s.i, b)[which]) : Expr(s.weight(v, s.i, b));
  };
  s.sumLanes = Func("sum_lanes");
  s.sumLanes(s.v, s.i) = 0.0f;
  s.sumLanes(s.v, s.i) = strict_float(s.sumLanes(s.v, s.i) + weightOf(s.v, s.blocks, 0));
  s.sumTree = treeReduce(s.sumLanes, s.block, [](Expr a, Expr b) { return strict_float(a + b); });
  s.sum = Func("sum");
  s.sum(s.i) = s.sumTree.at(s.i);

  s.position = RDom(0, count, "position");
  Expr p = begin + s.position;
  s.mixed = Func("mixed");
  s.mixed(s.c, s.i) = 0.0f;
  Expr ofBlock = unsafe_promise_clamped(p / s.block - firstBlock, 0, blocks - 1);
  s.mixed(s.c, s.i) =
      multiplyAdd(weightOf(p % s.block, ofBlock, 1), s.value(s.c, s.position), s.mixed(s.c, s.i), target);

  // -inf by its bits: arithmetic may assume that there are no infinities.
  auto orNothing = [&](Expr high, Expr row) {
    return reinterpret<float>(
        select(endOf(row) > beginOf(row), reinterpret<int32_t>(high), static_cast<int32_t>(0xff800000)));
  };
  s.query = RDom(0, rowCount * group, "query");
  s.mixedComponent = RDom(0, static_cast<int>(k.valueSize()), 0, rowCount * group, "mixed_component");
  Expr i = s.query, c = s.mixedComponent.x, j = s.mixedComponent.y;
  s.partial = Func("partial_out");
  s.partial(s.c, s.i, s.r) = undef<float>();
  s.partial(0, i % group, rowOf(i)) = orNothing(s.high(i), rowOf(i));
  s.partial(1, i % group, rowOf(i)) = s.sum(i);
  s.partial(2 + c, j % group, rowOf(j)) = s.mixed(c, j);
  kernel.out("partial", s.partial);
  return s;
}
