//===- Choices.h - how the choices of experts lie -------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_LAYOUT_CHOICES_H
#define LATHE_COMPILER_LAYOUT_CHOICES_H

#include <cstdint>

namespace lathe {

/// Where the choices of a step's rows lie: those of an expert one after another, each expert's in whole tiles, so that
/// a tile has one expert's weights. What fills an expert's last tile up has no meaning. The table that says so is one
/// block of i32 arrays:
///   tiles[1 + tiles()]             the number of tiles, then the expert of each
///   rows[places()]                 the row of each place
///   places[experts + rows * choices]
///                                  after one number for each expert, which only assign uses: the place of each row's
///                                  choices, the row's own side by side
struct ChoiceLayout {
  int64_t rows = 0;    ///< of a step, at most
  int64_t choices = 0; ///< of a row
  int64_t experts = 1;
  int64_t tileRows = 1; ///< places of a tile

  /// The layout for the rows of a program. Steps of few rows are bound by memory, and a tile's rows are computed
  /// whether there are choices for them or not: a place a tile. Else register tiles of linears divide 6: about as many
  /// rows as a third of an expert's share, so that not too many of its last tile are wasted.
  /// `asked`: the tile of steps of many rows where something better is known.
  static constexpr ChoiceLayout of(int64_t rows, int64_t choices, int64_t experts, int64_t asked = 0) {
    int64_t share = rows * choices / experts / 3 / 6 * 6;
    return {rows, choices, experts, rows < 64 ? 1 : asked ? asked : share < 6 ? 6 : share > 24 ? 24 : share};
  }
  /// At most.
  constexpr int64_t tiles() const {
    int64_t all = rows * choices, used = all < experts ? all : experts; // experts that are chosen, at most
    return (all + used * (tileRows - 1)) / tileRows;
  }
  constexpr int64_t places() const { return tiles() * tileRows; }
  static constexpr int64_t aligned(int64_t count) { return (count * 4 + 63) / 64 * 64; }
  constexpr int64_t rowsOffset() const { return aligned(1 + tiles()); } ///< bytes
  constexpr int64_t placesOffset() const { return rowsOffset() + aligned(places()); }
  constexpr int64_t bytes() const { return placesOffset() + aligned(experts + rows * choices); }
};

} // namespace lathe

#endif
