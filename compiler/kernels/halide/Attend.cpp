//===- Attend.cpp - partial softmax over one split of the KV cache: the mathematics -----------------------------===//
//
// The split's positions are read in blocks that divide a page; a block's scores are one vector (or a few). Positions
// that the row does not see get a score far below any other and no weight; blocks that it does not see are not read at
// all.
//
// The softmax of arXiv:1706.03762 in the partial form of arXiv:1805.02867 (a maximum, a sum and a mix that combine
// joins).
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
  const int split = static_cast<int>(k.splitPositions);
  s.block = static_cast<int>(4 * target.lanes);
  const int blocks = split / s.block, pageBlocks = page / s.block;
  const float unseen = -1e30f;

  // Positions [begin, end) that the row sees in this split, as counted from its start.
  Expr start = kernel.load("tile", {2}) * split, position = kernel.load("positions", {0});
  Expr end = clamp(position + 1 - start, 0, split);
  Expr begin = k.window ? clamp(position + 1 - static_cast<int>(k.window) - start, 0, split) : Expr(0);
  Expr count = max(end - begin, 0);
  Expr firstBlock = unsafe_promise_clamped(min(begin / s.block, blocks - 1), 0, blocks - 1);
  Expr blockCount =
      unsafe_promise_clamped(select(count > 0, (end + s.block - 1) / s.block - begin / s.block, 0), 0, blocks);
  // Bounds inference may ask for a block of an empty range: it gets a page that the row does see.
  const int maxPages = static_cast<int>(k.maxPages);
  Expr firstPage = k.window ? max(position + 1 - static_cast<int>(k.window), 0) / page : Expr(0);
  auto physical = [&](Expr pageOfSplit) {
    Expr logical = clamp(start / page + pageOfSplit, firstPage, position / page);
    Expr physical = kernel.load("pages", {unsafe_promise_clamped(logical, 0, maxPages - 1), kernel.load("slots", {0})});
    return unsafe_promise_clamped(physical, 0, kernel.extent("K", 2) - 1);
  };

  ImageParam q = kernel.in("q"), keys = kernel.in("K"), valuesIn = kernel.in("V");
  Expr block = s.b + firstBlock;
  const bool bytes = k.cache == CacheFormat::Q8;
  if (bytes) {
    s.spread = SpreadStages("spread", size, {s.h}, [&](const std::vector<Expr> &at) { return q(at); });
    s.query = Func("query");
    s.query(s.c, s.h) = s.spread.levels.empty() ? q(s.c, s.h) : s.spread.levels.back()(s.c, s.h);
  }
  /// Of a block's position: its key's scale, or (1) its value's.
  auto scaleOf = [&](int which) -> Expr {
    return kernel.in("S")((block % pageBlocks) * s.block + s.v, which, physical(block / pageBlocks));
  };
  s.component = RDom(0, size, "component");
  s.dot = Func("dot");
  s.dot(s.v, s.h, s.b) = 0.0f;
  s.dot(s.v, s.h, s.b) +=
      (bytes ? s.query(s.component, s.h) : q(s.component, s.h)) *
      widen(keys((block % pageBlocks) * s.block + s.v, s.component, physical(block / pageBlocks)), target);
  Expr scale = static_cast<float>(k.scale);
  if (k.scales)
    scale = strict_float(scale * kernel.in("scales")(s.h));
  if (k.every) {
    Expr entry =
        unsafe_promise_clamped((position + 1) / static_cast<int>(k.every), 0, static_cast<int>(k.temperatures) - 1);
    scale = strict_float(scale * kernel.in("temperatures")(entry));
  }
  Expr score = (bytes ? strict_float(s.dot(s.v, s.h, s.b) * scaleOf(0)) : s.dot(s.v, s.h, s.b)) * scale;
  if (k.softcap != 0)
    score = softcap(score, k.softcap);
  if (k.alibi) {
    Expr distance = start + block * s.block + s.v - position; // not above 0 where it is seen
    score = strict_float(score + kernel.in("slopes")(s.h) * cast<float>(distance));
  }
  auto seen = [&](Expr offset) { return offset >= begin && offset < end; };
  s.score = Func("score");
  s.score(s.v, s.h, s.b) = select(seen(block * s.block + s.v), score, unseen);

  s.blocks = RDom(0, blockCount, "blocks");
  s.highLanes = Func("high_lanes");
  s.highLanes(s.v, s.h) = unseen;
  s.highLanes(s.v, s.h) = max(s.highLanes(s.v, s.h), s.score(s.v, s.h, s.blocks));
  s.highTree = treeReduce(s.highLanes, s.block, [](Expr a, Expr b) { return max(a, b); });
  s.high = Func("high");
  s.high(s.h) = s.highTree.at(s.h);

  s.weight = Func("weight");
  Expr weight = exponential(s.score(s.v, s.h, s.b) - s.high(s.h)), isSeen = seen(block * s.block + s.v);
  if (bytes)
    s.weight(s.v, s.h, s.b) =
        Tuple(select(isSeen, weight, 0.0f), select(isSeen, strict_float(weight * scaleOf(1)), 0.0f));
  else
    s.weight(s.v, s.h, s.b) = select(isSeen, weight, 0.0f);
  auto weightOf = [&](Expr v, Expr b, int which) -> Expr {
    return bytes ? Expr(s.weight(v, s.h, b)[which]) : Expr(s.weight(v, s.h, b));
  };
  s.sumLanes = Func("sum_lanes");
  s.sumLanes(s.v, s.h) = 0.0f;
  s.sumLanes(s.v, s.h) += weightOf(s.v, s.blocks, 0);
  s.sumTree = treeReduce(s.sumLanes, s.block, [](Expr a, Expr b) { return strict_float(a + b); });
  s.sum = Func("sum");
  s.sum(s.h) = s.sumTree.at(s.h);

  s.position = RDom(begin, count, "position");
  Expr p = s.position;
  s.mixed = Func("mixed");
  s.mixed(s.c, s.h) = 0.0f;
  s.mixed(s.c, s.h) += weightOf(p % s.block, unsafe_promise_clamped(p / s.block - firstBlock, 0, blocks - 1), 1) *
                       widen(valuesIn(s.c, p % page, physical(p / page)), target);

  // -inf by its bits: arithmetic may assume that there are no infinities.
  Expr high =
      reinterpret<float>(select(count > 0, reinterpret<int32_t>(s.high(s.h)), static_cast<int32_t>(0xff800000)));
  s.partial = Func("partial_out");
  s.partial(s.c, s.h) = undef<float>();
  s.partial(0, s.h) = high;
  s.partial(1, s.h) = s.sum(s.h);
  s.mixedComponent = RDom(0, static_cast<int>(k.valueSize()), "mixed_component");
  s.partial(2 + s.mixedComponent, s.h) = s.mixed(s.mixedComponent, s.h);
  kernel.out("partial", s.partial);
  return s;
}
