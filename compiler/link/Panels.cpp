//===- Panels.cpp - stored rows to packed panels and back -------------------------------------------------------===//
#include "compiler/link/Panels.h"
#include "compiler/spec/Blocks.h"
#include "compiler/support/Half.h"
#include "llvm/Support/Endian.h"
#include <cassert>
#include <cstring>

using namespace lathe;
using llvm::support::endian::read16le;
using llvm::support::endian::read32le;
using llvm::support::endian::write16le;
using llvm::support::endian::write32le;

namespace {

//===-- codes -----------------------------------------------------------------------------------------------------===//

constexpr int kQuads = kGroup / 4; ///< of a step

/// The bits of a format that is not evenly spaced that stand for a number (times 2).
uint8_t e2m1Bits(int doubled) {
  const int magnitude = doubled < 0 ? -doubled : doubled;
  const int place = magnitude <= 4 ? magnitude : magnitude == 6 ? 5 : magnitude == 8 ? 6 : 7;
  return static_cast<uint8_t>(place | (doubled < 0 ? 8 : 0));
}
int e2m1Doubled(int bits) {
  constexpr int magnitudes[] = {0, 1, 2, 3, 4, 6, 8, 12};
  return bits & 8 ? -magnitudes[bits & 7] : magnitudes[bits & 7];
}

uint8_t codeOf(const PanelLayout &layout, int value) {
  return layout.evenly ? static_cast<uint8_t>(value + layout.zero) : e2m1Bits(value);
}
int valueOf(const PanelLayout &layout, int code) { return layout.evenly ? code - layout.zero : e2m1Doubled(code); }

/// Puts `bits` bits from `shift` up of each of a row's 32 codes into a plane of zeros.
void putPlane(const uint8_t *codes, int bits, int shift, int64_t row, uint8_t *plane) {
  const int quads = 8 / bits; // of a line
  const uint32_t mask = 0x01010101u * ((1u << bits) - 1);
  for (int line = 0; line < kQuads / quads; ++line) {
    uint32_t word = 0;
    for (int s = 0; s < quads; ++s) // four codes at once: the mask takes what the shift brings from the next byte
      word |= (read32le(codes + 4 * (line * quads + s)) >> shift & mask) << s * bits;
    write32le(plane + 64 * line + 4 * row, word);
  }
}

/// The inverse: adds to the codes.
void takePlane(const uint8_t *plane, int bits, int shift, int64_t row, uint8_t *codes) {
  const int quads = 8 / bits;
  for (int quad = 0; quad < kQuads; ++quad)
    for (int c = 0; c < 4; ++c) {
      const int byte = plane[64 * (quad / quads) + 4 * row + c];
      codes[4 * quad + c] |= static_cast<uint8_t>((byte >> quad % quads * bits & ((1 << bits) - 1)) << shift);
    }
}

//===-- integer formats -------------------------------------------------------------------------------------------===//

uint16_t scaleBits(const PanelLayout &layout, float value) {
  return layout.brain ? floatToBfloat(value) : floatToHalf(value);
}
float scaleValue(const PanelLayout &layout, const uint8_t *at) {
  return layout.brain ? bfloatToFloat(read16le(at)) : halfToFloat(read16le(at));
}

/// One step of one row: `first` is its first column in the block.
void packStep(const PanelLayout &layout, const IntegerBlock &block, int64_t first, int64_t row, uint8_t *step) {
  uint8_t codes[kGroup];
  for (int64_t i = 0; i < kGroup; ++i)
    codes[i] = codeOf(layout, block.values[first + i]);
  putPlane(codes, layout.lowBits, 0, row, step);
  if (layout.highBits)
    putPlane(codes, layout.highBits, layout.lowBits, row, step + layout.highAt());
  for (int64_t h = 0; h < layout.groups(); ++h) {
    const int64_t at = h * kPanelRows + row, g = first / layout.group + h;
    uint8_t *scales = step + layout.scalesAt(), *minimums = step + layout.minimumsAt();
    if (layout.blockScales) {
      scales[at] = static_cast<uint8_t>(block.scales[g]);
      if (layout.minimum)
        minimums[at] = static_cast<uint8_t>(block.minimums[g]);
    } else {
      write16le(scales + 2 * at, scaleBits(layout, block.d));
      if (layout.minimum)
        write16le(minimums + 2 * at, scaleBits(layout, block.m));
    }
  }
}

void packIntegers(PackedFormat format, int64_t columns, llvm::ArrayRef<StoredRow> rows, uint8_t *panel) {
  const PanelLayout &layout = panelLayout(format);
  std::memset(panel, 0, panelBytes(format, columns));
  uint8_t *steps = panel + layout.headBytes(columns);
  IntegerBlock block;
  for (int64_t r = 0; r < kPanelRows; ++r) {
    const auto &[blocks, stored] = rows[r];
    if (!blocks)
      continue;
    const int64_t width = blockColumns(stored), bytes = blockBytes(stored);
    for (int64_t b = 0; b < columns / width; ++b) {
      takeApart(stored, blocks + b * bytes, block);
      assert(block.hasMinimum == layout.minimum && (block.group == layout.group || !layout.blockScales));
      if (layout.blockScales) {
        uint8_t *head = panel + b * layout.blockHeadBytes() + 2 * r;
        write16le(head, floatToHalf(block.d));
        if (layout.minimum)
          write16le(head + 2 * kPanelRows, floatToHalf(block.m));
      }
      for (int64_t first = 0; first < width; first += kGroup)
        packStep(layout, block, first, r, steps + (b * width + first) / kGroup * layout.stepBytes());
    }
  }
}

void unpackIntegers(PackedFormat format, int64_t columns, const uint8_t *panel, int64_t row, float *out) {
  const PanelLayout &layout = panelLayout(format);
  const uint8_t *step = panel + layout.headBytes(columns);
  for (int64_t first = 0; first < columns; first += kGroup, step += layout.stepBytes()) {
    uint8_t codes[kGroup] = {};
    takePlane(step, layout.lowBits, 0, row, codes);
    if (layout.highBits)
      takePlane(step + layout.highAt(), layout.highBits, layout.lowBits, row, codes);
    const uint8_t *head = panel + first / kBlock * layout.blockHeadBytes() + 2 * row;
    for (int64_t h = 0; h < layout.groups(); ++h) {
      const int64_t at = h * kPanelRows + row;
      // d * s (m * t), or d (m) alone.
      auto factor = [&](const uint8_t *block, const uint8_t *group) {
        return layout.blockScales ? scaleValue(layout, block) * static_cast<float>(static_cast<int8_t>(group[at]))
                                  : scaleValue(layout, group + 2 * at);
      };
      const float scale = factor(head, step + layout.scalesAt());
      const float minimum = layout.minimum ? factor(head + 2 * kPanelRows, step + layout.minimumsAt()) : 0;
      for (int64_t i = h * layout.group; i < (h + 1) * layout.group; ++i) {
        const float product = scale * static_cast<float>(valueOf(layout, codes[i]));
        out[first + i] = layout.minimum ? product + minimum : product;
      }
    }
  }
}

//===-- floats ----------------------------------------------------------------------------------------------------===//

/// [16][columns] to [columns][16], in tiles of one cache line a row.
template <typename Element> void packFloats(int64_t columns, llvm::ArrayRef<StoredRow> rows, uint8_t *panel) {
  constexpr int64_t tile = 64 / sizeof(Element);
  for (int64_t begin = 0; begin < columns; begin += tile) {
    int64_t count = std::min(tile, columns - begin);
    Element line[tile];
    for (int64_t r = 0; r < kPanelRows; ++r) {
      if (rows[r].blocks)
        std::memcpy(line, rows[r].blocks + begin * sizeof(Element), count * sizeof(Element));
      else
        std::memset(line, 0, sizeof line);
      for (int64_t c = 0; c < count; ++c)
        std::memcpy(panel + ((begin + c) * kPanelRows + r) * sizeof(Element), &line[c], sizeof(Element));
    }
  }
}

/// Elements of a row, one after another.
template <typename Element> void unpackFloats(int64_t columns, const uint8_t *panel, int64_t row, uint8_t *out) {
  for (int64_t c = 0; c < columns; ++c)
    std::memcpy(out + c * sizeof(Element), panel + (c * kPanelRows + row) * sizeof(Element), sizeof(Element));
}

} // namespace

void lathe::packPanel(PackedFormat format, int64_t columns, llvm::ArrayRef<StoredRow> rows, uint8_t *panel) {
  assert(rows.size() == kPanelRows && llvm::all_of(rows, [&](const StoredRow &row) {
           return !row.blocks || packedFor(formatInfo(row.format).name) == format;
         }));
  if (isInteger(format))
    return packIntegers(format, columns, rows, panel);
  if (format == PackedFormat::F32)
    return packFloats<uint32_t>(columns, rows, panel);
  packFloats<uint16_t>(columns, rows, panel);
}

void lathe::unpackPanelRow(PackedFormat format, int64_t columns, const uint8_t *panel, int64_t row, float *out) {
  assert(row >= 0 && row < kPanelRows);
  if (isInteger(format))
    return unpackIntegers(format, columns, panel, row, out);
  const bool wide = format == PackedFormat::F32;
  std::vector<uint8_t> elements(columns * (wide ? 4 : 2));
  (wide ? unpackFloats<uint32_t> : unpackFloats<uint16_t>)(columns, panel, row, elements.data());
  dequantize(wide                          ? Format::F32
             : format == PackedFormat::F16 ? Format::F16
                                           : Format::BF16,
             elements.data(), columns, out);
}
