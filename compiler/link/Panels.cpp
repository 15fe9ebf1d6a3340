//===- Panels.cpp - stored rows to packed panels and back -------------------------------------------------------===//
#include "compiler/link/Panels.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/ErrorHandling.h"
#include <cassert>
#include <cstring>

using namespace lathe;
using llvm::support::endian::read32le;
using llvm::support::endian::write32le;

namespace {

constexpr int64_t kScaleBytes = 2;          // one f16
constexpr uint32_t kLow = 0x0f0f0f0f;       // the low nibbles of four bytes
constexpr uint32_t kOffset128 = 0x80808080; // i8 <-> i8 + 128, four at a time

/// The words of a group: word w of row r lies at 4 * (16 * w + r).
uint8_t *wordAt(uint8_t *group, int64_t word, int64_t row) { return group + 4 * (kPanelRows * word + row); }
const uint8_t *wordAt(const uint8_t *group, int64_t word, int64_t row) { return group + 4 * (kPanelRows * word + row); }

/// GGUF's nibbles: byte i of 16 has column i low, column i + 16 high. Ours: byte 4j + b of 16 has column 8j + b low,
/// column 8j + 4 + b high. So with w0..w3 the source's words, j = 0, 1 take low nibbles and j = 2, 3 high ones.
void packNibbles(const uint8_t *block, uint8_t *group, int64_t row) {
  uint32_t w[4];
  for (int i = 0; i < 4; ++i)
    w[i] = read32le(block + 4 * i);
  for (int j = 0; j < 2; ++j) {
    uint32_t even = w[2 * j], odd = w[2 * j + 1];
    write32le(wordAt(group, j, row), (even & kLow) | (odd & kLow) << 4);
    write32le(wordAt(group, j + 2, row), (even >> 4 & kLow) | (odd & ~kLow));
  }
}

void unpackNibbles(const uint8_t *group, int64_t row, uint8_t *block) {
  for (int j = 0; j < 2; ++j) {
    uint32_t low = read32le(wordAt(group, j, row)), high = read32le(wordAt(group, j + 2, row));
    write32le(block + 8 * j, (low & kLow) | (high & kLow) << 4);
    write32le(block + 8 * j + 4, (low >> 4 & kLow) | (high & ~kLow));
  }
}

/// Where the parts of an integer format lie, in a stored block (d, m, then quants) and in a packed group (quants, d,
/// m).
struct IntegerLayout {
  bool nibbles, minimum;
  int64_t quantBytes() const { return (nibbles ? 4 : 8) * 4 * kPanelRows; }
  int64_t blockQuants() const { return minimum ? 2 * kScaleBytes : kScaleBytes; }
};

IntegerLayout integerLayout(PackedFormat format) {
  assert(isInteger(format));
  return {format != PackedFormat::Q8_0, format == PackedFormat::Q4_1};
}

void packInteger(PackedFormat format, int64_t columns, llvm::ArrayRef<const uint8_t *> rows, uint8_t *panel) {
  IntegerLayout layout = integerLayout(format);
  int64_t step = panelStepBytes(format), block = blockBytes(storedFormat(format));
  std::memset(panel, 0, panelBytes(format, columns));
  for (int64_t group = 0; group < columns / kGroup; ++group, panel += step) {
    uint8_t *scales = panel + layout.quantBytes();
    for (int64_t r = 0; r < kPanelRows; ++r) {
      if (!rows[r])
        continue;
      const uint8_t *from = rows[r] + group * block;
      std::memcpy(scales + r * kScaleBytes, from, kScaleBytes);
      if (layout.minimum)
        std::memcpy(scales + (kPanelRows + r) * kScaleBytes, from + kScaleBytes, kScaleBytes);
      const uint8_t *quants = from + layout.blockQuants();
      if (layout.nibbles) {
        packNibbles(quants, panel, r);
        continue;
      }
      for (int64_t word = 0; word < 8; ++word)
        write32le(wordAt(panel, word, r), read32le(quants + 4 * word) ^ kOffset128);
    }
  }
}

void unpackInteger(PackedFormat format, int64_t columns, const uint8_t *panel, int64_t row, uint8_t *blocks) {
  IntegerLayout layout = integerLayout(format);
  int64_t step = panelStepBytes(format), block = blockBytes(storedFormat(format));
  for (int64_t group = 0; group < columns / kGroup; ++group, panel += step, blocks += block) {
    const uint8_t *scales = panel + layout.quantBytes();
    std::memcpy(blocks, scales + row * kScaleBytes, kScaleBytes);
    if (layout.minimum)
      std::memcpy(blocks + kScaleBytes, scales + (kPanelRows + row) * kScaleBytes, kScaleBytes);
    uint8_t *quants = blocks + layout.blockQuants();
    if (layout.nibbles) {
      unpackNibbles(panel, row, quants);
      continue;
    }
    for (int64_t word = 0; word < 8; ++word)
      write32le(quants + 4 * word, read32le(wordAt(panel, word, row)) ^ kOffset128);
  }
}

/// [16][columns] to [columns][16], in tiles of one cache line a row.
template <typename Element> void packFloats(int64_t columns, llvm::ArrayRef<const uint8_t *> rows, uint8_t *panel) {
  constexpr int64_t tile = 64 / sizeof(Element);
  for (int64_t begin = 0; begin < columns; begin += tile) {
    int64_t count = std::min(tile, columns - begin);
    Element line[tile];
    for (int64_t r = 0; r < kPanelRows; ++r) {
      if (rows[r])
        std::memcpy(line, rows[r] + begin * sizeof(Element), count * sizeof(Element));
      else
        std::memset(line, 0, sizeof line);
      for (int64_t c = 0; c < count; ++c)
        std::memcpy(panel + ((begin + c) * kPanelRows + r) * sizeof(Element), &line[c], sizeof(Element));
    }
  }
}

template <typename Element> void unpackFloats(int64_t columns, const uint8_t *panel, int64_t row, uint8_t *out) {
  for (int64_t c = 0; c < columns; ++c)
    std::memcpy(out + c * sizeof(Element), panel + (c * kPanelRows + row) * sizeof(Element), sizeof(Element));
}

} // namespace

Format lathe::storedFormat(PackedFormat format) {
  switch (format) {
  case PackedFormat::F32:
    return Format::F32;
  case PackedFormat::F16:
    return Format::F16;
  case PackedFormat::BF16:
    return Format::BF16;
  case PackedFormat::Q4_0:
    return Format::Q4_0;
  case PackedFormat::Q4_1:
    return Format::Q4_1;
  case PackedFormat::Q8_0:
    return Format::Q8_0;
  }
  llvm_unreachable("a packed format without storage");
}

void lathe::packPanel(PackedFormat format, int64_t columns, llvm::ArrayRef<const uint8_t *> rows, uint8_t *panel) {
  assert(rows.size() == kPanelRows);
  if (isInteger(format))
    return packInteger(format, columns, rows, panel);
  if (format == PackedFormat::F32)
    return packFloats<uint32_t>(columns, rows, panel);
  packFloats<uint16_t>(columns, rows, panel);
}

void lathe::unpackPanelRow(PackedFormat format, int64_t columns, const uint8_t *panel, int64_t row, uint8_t *blocks) {
  assert(row >= 0 && row < kPanelRows);
  if (isInteger(format))
    return unpackInteger(format, columns, panel, row, blocks);
  if (format == PackedFormat::F32)
    return unpackFloats<uint32_t>(columns, panel, row, blocks);
  unpackFloats<uint16_t>(columns, panel, row, blocks);
}
