//===- Assign.cpp - the choices of a step by expert: the mathematics --------------------------------------------===//
//
// A counting sort, once a step and by one worker. Its one trick: the next free place of each expert and the place that
// each choice got stand in one array, so that taking a place and moving on are one loop in the order of the choices.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

AssignStages lathe::defineKernel(const AssignKernel &k, KernelBuilder &kernel) {
  AssignStages s;
  const ChoiceLayout &l = k.layout;
  const int experts = static_cast<int>(l.experts), choices = static_cast<int>(l.choices);
  const int tileRows = static_cast<int>(l.tileRows), tiles = static_cast<int>(l.tiles());
  Expr rows = clamp(kernel.load("tile", {4}), 0, static_cast<int>(l.rows));
  RDom choice(0, rows * choices, "choice"), expert(0, experts, "expert"), step(0, 2, 0, rows * choices, "step");
  auto expertOf = [&](Expr i) {
    return clamp(cast<int32_t>(kernel.in("routes")(i % choices, i / choices)), 0, experts - 1);
  };

  s.count = Func("count");
  s.count(s.e) = 0;
  s.count(expertOf(choice)) += 1;
  s.first = Func("first"); // tile of each expert; then their number
  s.first(s.e) = 0;
  s.first(expert + 1) = s.first(expert) + (s.count(expert) + tileRows - 1) / tileRows;

  s.places = Func("places_out");
  s.places(s.i) = undef<int32_t>();
  s.places(expert) = s.first(expert) * tileRows;
  Expr cursor = expertOf(step.y);
  s.places(select(step.x == 0, experts + step.y, cursor)) = s.places(cursor) + step.x;

  Expr place = unsafe_promise_clamped(s.places(experts + choice), 0, tiles * tileRows - 1);
  s.tiles = Func("tiles_out");
  s.tiles(s.i) = 0;
  s.tiles(0) = s.first(experts);
  s.tiles(1 + place / tileRows) = expertOf(choice);
  s.rows = Func("rows_out");
  s.rows(s.i) = 0; // what fills a tile up is row 0 again
  s.rows(place) = choice / choices;
  kernel.out("tiles", s.tiles);
  kernel.out("rows", s.rows);
  kernel.out("places", s.places);
  return s;
}
