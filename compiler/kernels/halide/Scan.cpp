//===- Scan.cpp - a selective scan, one row: the mathematics -----------------------------------------------------===//
//
// S6 (arXiv:2312.00752, algorithm 2) with the lanes of a block 16 channels, SSD (arXiv:2405.21060, section 7) with the
// channels of one head. The state is replaced in place; at position 0 what was there counts as zero.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Math.h"
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

ScanStages lathe::defineKernel(const ScanKernel &k, KernelBuilder &kernel) {
  ScanStages s;
  const int lanes = static_cast<int>(k.lanes()), heads = static_cast<int>(k.heads);
  ImageParam x = kernel.in("x"), b = kernel.in("b"), c = kernel.in("c"), a = kernel.in("a"), d = kernel.in("d");
  Expr position = kernel.load("positions", {0});
  Expr block = unsafe_promise_clamped(kernel.load("blocks", {0}), 0, kernel.extent("state", 3) - 1);
  Expr channel = min(s.part * lanes + s.lane, heads * static_cast<int>(k.headSize) - 1);
  // What a head has one of; with lanes of channels, each lane is a head.
  auto ofHead = [&](ImageParam values) -> Expr { return k.byChannel ? values(s.lane, s.part) : values(s.part); };
  Expr head = kernel.load("tile", {1}) * heads + (k.byChannel ? channel : Expr(s.part));
  Expr group = k.groups == 1
                   ? Expr(0)
                   : unsafe_promise_clamped(head / static_cast<int>(k.groupHeads), 0, static_cast<int>(k.groups) - 1);

  const std::vector<Var> steps = k.byChannel ? std::vector<Var>{s.lane, s.part} : std::vector<Var>{s.part};
  s.step = Func("step");
  Expr step =
      softplus(strict_float(kernel.in("dt")(k.byChannel ? channel : Expr(s.part)) + ofHead(kernel.in("dt_bias"))));
  if (k.dtMin > 0)
    step = max(step, static_cast<float>(k.dtMin));
  if (k.dtMax > 0)
    step = min(step, static_cast<float>(k.dtMax));
  s.step(steps) = step;
  Expr decay;
  if (k.byChannel) {
    decay = exponential(strict_float(s.step(steps) * a(s.lane, s.n, s.part)));
  } else {
    s.decay = Func("decay");
    s.decay(s.part) = exponential(strict_float(s.step(steps) * a(s.part)));
    decay = s.decay(s.part);
  }
  s.state = Func("state_out");
  s.state(s.lane, s.n, s.part, s.block) = undef<float>();
  s.state(s.lane, s.n, s.part, block) = decay * select(position > 0, s.state(s.lane, s.n, s.part, block), 0.0f) +
                                        s.step(steps) * x(channel) * b(s.n, group);
  s.state.bound(s.n, 0, static_cast<int>(k.stateSize));
  s.numbers = RDom(0, static_cast<int>(k.stateSize), "numbers");
  s.sum = Func("sum");
  s.sum(s.lane, s.part) = ofHead(d) * x(channel);
  s.sum(s.lane, s.part) += s.state(s.lane, s.numbers, s.part, block) * c(s.numbers, group);
  s.y = Func("y_out");
  s.y(s.lane, s.part) = s.sum(s.lane, s.part);
  kernel.out("state", s.state);
  kernel.out("y", s.y);
  return s;
}
