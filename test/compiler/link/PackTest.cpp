//===- PackTest.cpp - packing loses nothing and puts every byte where Packed.h says ------------------------------===//
#include "compiler/link/Pack.h"
#include "compiler/link/PackedRows.h"
#include "compiler/link/Panels.h"
#include "compiler/support/Half.h"
#include "test/TemporaryFolder.h"
#include "test/compiler/link/MemoryWeights.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace lathe;
using testing::AllOf;
using testing::HasSubstr;

namespace {

/// What matrices that are stored so are packed as.
PackedFormat packedFor(Format format) { return *lathe::packedFor(formatInfo(format).name); }

std::vector<Format> allFormats() {
  std::vector<Format> all;
  for (const FormatInfo &each : formats())
    all.push_back(each.format);
  return all;
}

/// Where packWeights writes; gone at the end.
class ScratchFile {
public:
  ScratchFile() : fd(open(folder.file("data").c_str(), O_RDWR | O_CREAT | O_EXCL, 0600)) {}
  ~ScratchFile() { close(fd); }
  std::vector<uint8_t> read(uint64_t start, uint64_t size) const {
    std::vector<uint8_t> bytes(size);
    EXPECT_EQ(pread(fd, bytes.data(), size, start), static_cast<ssize_t>(size));
    return bytes;
  }
  test::TemporaryFolder folder;
  int fd;
};

PackedWeight matrix(std::string name, std::vector<std::string> sources, PackedFormat format, int64_t rows,
                    int64_t columns, bool interleave = false) {
  PackedWeight weight{std::move(name), std::move(sources), format, false, interleave, rows, columns, 0};
  weight.bytes = weight.panels() * panelBytes(format, columns);
  return weight;
}

PackedWeight vector(std::string name, std::vector<std::string> sources, int64_t columns, bool interleave = false) {
  PackedWeight weight{std::move(name), std::move(sources), PackedFormat::F32, true, interleave, 1, columns, 0};
  weight.bytes = (interleave ? weight.panels() * kPanelRows : columns) * 4;
  return weight;
}

struct Packed {
  WeightsLayout layout;
  std::vector<uint8_t> data;
  uint64_t hash;
  const uint8_t *at(llvm::StringRef name) const { return data.data() + layout.find(0, name)->offset; }
};

/// Packs behind 100 bytes of something else; `set` must outlive the result.
llvm::Expected<Packed> pack(const ProgramSet &set, const WeightSource &source, unsigned jobs = 2,
                            std::string tokenizer = "") {
  llvm::Expected<WeightsLayout> layout = layOutWeights({&set}, tokenizer.size());
  if (!layout)
    return layout.takeError();
  ScratchFile file;
  llvm::Expected<uint64_t> hash = packWeights(*layout, source, tokenizer, file.fd, 100, {jobs, {}});
  if (!hash)
    return hash.takeError();
  std::vector<uint8_t> data = file.read(100, layout->dataBytes);
  return Packed{std::move(*layout), std::move(data), *hash};
}

std::string failure(const ProgramSet &set, const WeightSource &source) {
  llvm::Expected<Packed> packed = pack(set, source);
  return packed ? "" : llvm::toString(packed.takeError());
}

std::vector<float> row(const Weight &weight, int64_t index) {
  std::vector<float> values(weight.columns);
  llvm::cantFail(weight.readRow(index, values.data()));
  return values;
}

std::vector<float> unpacked(const PackedWeight &weight, const uint8_t *data, int64_t index) {
  std::vector<float> values(weight.columns);
  unpackRow(weight, data, index, values.data());
  return values;
}

/// Equal bit for bit; but zeros may differ in sign, which ternary and E2M1 numbers have in storage and not in panels.
bool sameNumbers(const std::vector<float> &a, const std::vector<float> &b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](float x, float y) { return std::memcmp(&x, &y, 4) == 0 || (x == 0 && y == 0); });
}

} // namespace

class EachFormat : public testing::TestWithParam<Format> {
protected:
  /// `columns`, or that many blocks when the format has blocks of 256.
  static int64_t columnsFor(int64_t columns) { return columns * std::max<int64_t>(1, blockColumns(GetParam()) / 32); }
  PackedFormat packed = packedFor(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Pack, EachFormat, testing::ValuesIn(allFormats()),
                         [](const auto &info) { return formatName(info.param).str(); });

TEST_P(EachFormat, PacksAndUnpacksExactly) {
  std::vector<int64_t> widths =
      isInteger(packed) ? std::vector<int64_t>{32, 96, 576} : std::vector<int64_t>{1, 7, 33, 576};
  for (int64_t rows : {1, 15, 16, 17, 37})
    for (int64_t width : widths) {
      const int64_t columns = columnsFor(width);
      SCOPED_TRACE(llvm::formatv("{0} x {1}", rows, columns).str());
      MemoryWeights source;
      const Weight &weight = source.add("w", GetParam(), rows, columns);
      ProgramSet set;
      set.weights.push_back(matrix("w", {"w"}, packed, rows, columns));
      llvm::Expected<Packed> bytes = pack(set, source);
      ASSERT_TRUE(bool(bytes)) << llvm::toString(bytes.takeError());
      for (int64_t r = 0; r < rows; ++r)
        ASSERT_TRUE(sameNumbers(unpacked(set.weights[0], bytes->at("w"), r), row(weight, r))) << "row " << r;
    }
}

TEST_P(EachFormat, PadsWithRowsOfZeros) {
  MemoryWeights source;
  source.add("w", GetParam(), 17, columnsFor(64));
  ProgramSet set;
  set.weights.push_back(matrix("w", {"w"}, packedFor(GetParam()), 17, columnsFor(64)));
  llvm::Expected<Packed> packed = pack(set, source);
  ASSERT_TRUE(bool(packed)) << llvm::toString(packed.takeError());
  for (int64_t r = 17; r < 32; ++r)
    EXPECT_THAT(unpacked(set.weights[0], packed->at("w"), r), testing::Each(testing::Eq(0.f))) << "row " << r;
}

TEST_P(EachFormat, StacksSources) {
  MemoryWeights source;
  std::vector<const Weight *> weights = {&source.add("a", GetParam(), 5, columnsFor(64)),
                                         &source.add("b", GetParam(), 20, columnsFor(64)),
                                         &source.add("c", GetParam(), 16, columnsFor(64))};
  ProgramSet set;
  set.weights.push_back(matrix("abc", {"a", "b", "c"}, packedFor(GetParam()), 41, columnsFor(64)));
  llvm::Expected<Packed> packed = pack(set, source);
  ASSERT_TRUE(bool(packed)) << llvm::toString(packed.takeError());
  int64_t stacked = 0;
  for (const Weight *weight : weights)
    for (int64_t r = 0; r < weight->rows; ++r, ++stacked)
      ASSERT_TRUE(sameNumbers(unpacked(set.weights[0], packed->at("abc"), stacked), row(*weight, r)))
          << "row " << stacked;
}

TEST_P(EachFormat, InterleavesPanels) {
  for (int64_t rows : {16, 21}) {
    MemoryWeights source;
    const Weight &gate = source.add("gate", GetParam(), rows, columnsFor(32));
    const Weight &up = source.add("up", GetParam(), rows, columnsFor(32));
    ProgramSet set;
    set.weights.push_back(
        matrix("both", {"gate", "up"}, packedFor(GetParam()), 2 * rows, columnsFor(32), /*interleave=*/true));
    llvm::Expected<Packed> packed = pack(set, source);
    ASSERT_TRUE(bool(packed)) << llvm::toString(packed.takeError());
    // Panels 2i and 2i + 1 read as an ordinary matrix are rows 16i.. of each.
    PackedWeight plain =
        matrix("plain", {}, packedFor(GetParam()), set.weights[0].panels() * kPanelRows, columnsFor(32));
    for (int64_t r = 0; r < rows; ++r) {
      int64_t panel = r / kPanelRows * 2, slot = r % kPanelRows;
      EXPECT_TRUE(sameNumbers(unpacked(plain, packed->at("both"), panel * kPanelRows + slot), row(gate, r))) << r;
      EXPECT_TRUE(sameNumbers(unpacked(plain, packed->at("both"), (panel + 1) * kPanelRows + slot), row(up, r))) << r;
      EXPECT_TRUE(sameNumbers(unpacked(set.weights[0], packed->at("both"), r), row(gate, r))) << r;
      EXPECT_TRUE(sameNumbers(unpacked(set.weights[0], packed->at("both"), rows + r), row(up, r))) << r;
    }
  }
}

TEST_P(EachFormat, PacksEachExpertLikeAMatrixOfItsOwn) {
  const int64_t experts = 3, part = 20, columns = columnsFor(64);
  const PackedFormat format = packedFor(GetParam());
  MemoryWeights source;
  const Weight *weights[] = {&source.add("gate", GetParam(), experts * part, columns),
                             &source.add("up", GetParam(), experts * part, columns)};
  ProgramSet set;
  set.weights.push_back(matrix("both", {"gate", "up"}, format, 2 * experts * part, columns, /*interleave=*/true));
  set.weights.push_back(matrix("alone", {"up"}, format, experts * part, columns));
  for (PackedWeight &weight : set.weights) {
    weight.experts = experts;
    weight.bytes = weight.panels() * panelBytes(format, columns);
    EXPECT_EQ(weight.panels(), experts * (weight.interleave ? 4 : 2));
  }
  llvm::Expected<Packed> packed = pack(set, source);
  ASSERT_TRUE(bool(packed)) << llvm::toString(packed.takeError());
  for (int64_t r = 0; r < experts * part; ++r) {
    for (int64_t s : {0, 1})
      ASSERT_TRUE(
          sameNumbers(unpacked(set.weights[0], packed->at("both"), s * experts * part + r), row(*weights[s], r)));
    ASSERT_TRUE(sameNumbers(unpacked(set.weights[1], packed->at("alone"), r), row(*weights[1], r)));
    // As a kernel finds it, from the first byte of its expert.
    PackedWeight own = matrix("own", {"gate", "up"}, format, 2 * part, columns, /*interleave=*/true);
    const uint8_t *expert = packed->at("both") + r / part * own.bytes;
    ASSERT_TRUE(sameNumbers(unpacked(own, expert, part + r % part), row(*weights[1], r)));
  }
}

/// Read by the words of compiler/layout/Packed.h and nothing else.
TEST_P(EachFormat, PutsNumbersWhereKernelsReadThem) {
  const int64_t columns = columnsFor(96);
  MemoryWeights source;
  const MemoryWeight &weight = source.add("w", GetParam(), 16, columns);
  std::vector<StoredRow> rows;
  for (int64_t r = 0; r < 16; ++r)
    rows.push_back({weight.blocks.data() + r * rowBytes(weight.format, columns), weight.format});
  std::vector<uint8_t> panel(panelBytes(packed, columns));
  packPanel(packed, columns, rows, panel.data());
  if (!isInteger(packed)) { // [columns][16]
    int64_t size = blockBytes(weight.format);
    for (int64_t r = 0; r < 16; ++r)
      for (int64_t c = 0; c < columns; ++c)
        ASSERT_EQ(std::memcmp(panel.data() + (c * 16 + r) * size, rows[r].blocks + c * size, size), 0)
            << r << ", " << c;
    return;
  }
  const PanelLayout &layout = panelLayout(packed);
  auto bits = [](const uint8_t *plane, int width, int64_t row, int64_t c) {
    const int64_t quad = c / 4, quads = 8 / width;
    return plane[quad / quads * 64 + row * 4 + c % 4] >> quad % quads * width & ((1 << width) - 1);
  };
  auto half = [](const uint8_t *at) { return halfToFloat(static_cast<uint16_t>(at[0] | at[1] << 8)); };
  const int64_t blockHead = layout.blockScales ? (layout.minimum ? 64 : 32) : 0;
  for (int64_t r = 0; r < 16; ++r) {
    const std::vector<float> numbers = row(weight, r);
    for (int64_t c = 0; c < columns; ++c) {
      const uint8_t *step = panel.data() + columns / 256 * blockHead + c / 32 * layout.stepBytes();
      const uint8_t *high = step + 64 * layout.lowBits, *scales = high + 64 * layout.highBits;
      int code = bits(step, layout.lowBits, r, c % 32);
      if (layout.highBits)
        code |= bits(high, layout.highBits, r, c % 32) << layout.lowBits;
      if (GetParam() == Format::MXFP4)
        continue; // HalideLinearTest reads what PacksAndUnpacksExactly has packed
      const int64_t group = c % 32 / layout.group, groups = 32 / layout.group;
      float scale, minimum = 0;
      if (layout.blockScales) {
        const uint8_t *head = panel.data() + c / 256 * blockHead + r * 2, *s = scales + group * 16 + r;
        scale = half(head) * static_cast<int8_t>(*s);
        if (layout.minimum)
          minimum = half(head + 32) * s[groups * 16];
      } else {
        const uint8_t *s = scales + (group * 16 + r) * 2;
        scale = half(s);
        if (layout.minimum)
          minimum = half(s + groups * 32);
      }
      const float product = scale * static_cast<float>(code - layout.zero);
      ASSERT_EQ(product + minimum, numbers[c]) << "row " << r << ", column " << c;
    }
  }
}

TEST_P(EachFormat, RefusesWhatIsNoFiniteNumber) {
  const int64_t columns = columnsFor(96), block = blockBytes(GetParam()), last = rowBytes(GetParam(), columns) - block;
  for (int64_t at = 0; at < block; ++at) {
    if (!MemoryWeights::holdsExponent(GetParam(), at, block))
      continue;
    MemoryWeights source;
    source.add("w", GetParam(), 37, columns);
    ProgramSet set;
    set.weights.push_back(matrix("w", {"w"}, packed, 37, columns));
    ASSERT_EQ(failure(set, source), "");
    for (int64_t row : {36, 20}) { // the first of the two is named, whichever thread comes first
      uint8_t *damaged = source.edit("w").blocks.data() + row * rowBytes(GetParam(), columns) + last;
      damaged[at] = 0xff;
      if (at > 0 && blockColumns(GetParam()) == 1) // of bf16 and f32 the next byte has a bit of the exponent too
        damaged[at - 1] |= 0x80;
      EXPECT_THAT(failure(set, source), AllOf(HasSubstr(llvm::formatv("tensor 'tensor.w': row {0}, column {1} is ", row,
                                                                      columns - blockColumns(GetParam()))
                                                            .str()),
                                              HasSubstr("; a finite number would be right")));
    }
  }
}

TEST(PackErrors, AVectorOfNoFiniteNumber) {
  for (uint32_t bits : {0x7f800000u, 0xff800000u, 0x7fc00000u, 0x7f800001u}) {
    MemoryWeights source;
    source.add("norm", Format::F32, 1, 50);
    std::memcpy(source.edit("norm").blocks.data() + 49 * 4, &bits, 4);
    ProgramSet set;
    set.weights.push_back(vector("norm", {"norm"}, 50));
    EXPECT_THAT(failure(set, source), HasSubstr("tensor 'tensor.norm': row 0, column 49 is "));
  }
}

TEST(Pack, VectorsAreFloatsOneAfterAnother) {
  MemoryWeights source;
  const Weight &a = source.add("a", Format::F16, 1, 20), &b = source.add("b", Format::F32, 1, 3);
  ProgramSet set;
  set.weights.push_back(vector("ab", {"a", "b"}, 23));
  llvm::Expected<Packed> packed = pack(set, source);
  ASSERT_TRUE(bool(packed)) << llvm::toString(packed.takeError());
  std::vector<float> both = row(a, 0), second = row(b, 0);
  both.insert(both.end(), second.begin(), second.end());
  EXPECT_TRUE(sameNumbers(unpacked(set.weights[0], packed->at("ab"), 0), both));
  EXPECT_EQ(packed->data.size(), 128u) << "zeros up to the next 64 bytes";
  EXPECT_THAT(std::vector<uint8_t>(packed->data.begin() + 92, packed->data.end()), testing::Each(0));
}

TEST(Pack, InterleavedVectorsFollowTheirMatrix) {
  MemoryWeights source;
  const Weight &a = source.add("a", Format::F32, 1, 20), &b = source.add("b", Format::F32, 1, 20);
  ProgramSet set;
  set.weights.push_back(vector("ab", {"a", "b"}, 40, /*interleave=*/true));
  llvm::Expected<Packed> packed = pack(set, source);
  ASSERT_TRUE(bool(packed)) << llvm::toString(packed.takeError());
  ASSERT_EQ(packed->data.size(), 4u * 64);
  std::vector<float> stored(64), first = row(a, 0), second = row(b, 0);
  std::memcpy(stored.data(), packed->data.data(), 256);
  EXPECT_EQ(stored[0], first[0]);
  EXPECT_EQ(stored[16 + 3], second[3]);
  EXPECT_EQ(stored[32 + 2], first[18]);
  EXPECT_EQ(stored[48 + 3], second[19]);
  EXPECT_EQ(stored[32 + 4], 0);
  first.insert(first.end(), second.begin(), second.end());
  EXPECT_TRUE(sameNumbers(unpacked(set.weights[0], packed->at("ab"), 0), first));
}

TEST(Pack, LaysOutInTheOrderOfReading) {
  MemoryWeights source;
  for (const char *role : {"unused", "second", "first"})
    source.add(role, Format::Q8_0, 16, 32);
  ProgramSet set;
  for (const char *role : {"unused", "second", "first"})
    set.weights.push_back(matrix(role, {role}, PackedFormat::Q8_0, 16, 32));
  set.tables.push_back({"table", {1, 2, 3}});
  Phase phase;
  Call call{NormKernel{NormKind::None, 32}, Scope::Tile, {}};
  for (const char *role : {"first", "table", "second", "first"})
    call.views.push_back({Base::Weights, role});
  phase.calls.push_back(call);
  set.programs.push_back({"decode", 1, 1, false, 0, {phase}});
  llvm::Expected<Packed> packed = pack(set, source, 2, "the tokenizer's blob");
  ASSERT_TRUE(bool(packed)) << llvm::toString(packed.takeError());
  std::vector<std::string> names;
  for (const WeightPlace &place : packed->layout.places) {
    names.push_back(place.name().str());
    EXPECT_EQ(place.offset % 64, 0u) << names.back();
  }
  EXPECT_THAT(names, testing::ElementsAre("first", "table", "second", "unused"));
  float values[3];
  std::memcpy(values, packed->at("table"), sizeof values);
  EXPECT_THAT(values, testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(packed->layout.tokenizerOffset % 64, 0u);
  EXPECT_EQ(std::memcmp(packed->data.data() + packed->layout.tokenizerOffset, "the tokenizer's blob", 20), 0);
}

TEST(Pack, IsTheSameForAnyNumberOfJobs) {
  MemoryWeights source;
  source.add("big", Format::Q4_1, 3000, 2048); // several chunks
  source.add("small", Format::F32, 7, 9);
  ProgramSet set;
  set.weights.push_back(matrix("big", {"big"}, PackedFormat::Q4_1, 3000, 2048));
  set.weights.push_back(matrix("small", {"small"}, PackedFormat::F32, 7, 9));
  llvm::Expected<Packed> one = pack(set, source, 1), three = pack(set, source, 3);
  ASSERT_TRUE(one && three);
  EXPECT_EQ(one->hash, three->hash);
  EXPECT_TRUE(one->data == three->data);
  uint64_t hash = 14695981039346656037u; // model_abi.h: FNV-1a over 64-bit words
  for (size_t i = 0; i < one->data.size(); i += 8)
    hash = (hash ^ llvm::support::endian::read64le(one->data.data() + i)) * 1099511628211u;
  EXPECT_EQ(one->hash, hash);
}

TEST(Pack, ReportsProgressToTheEnd) {
  MemoryWeights source;
  source.add("w", Format::F32, 64, 64);
  ProgramSet set;
  set.weights.push_back(matrix("w", {"w"}, PackedFormat::F32, 64, 64));
  llvm::Expected<WeightsLayout> layout = layOutWeights({&set}, 0);
  ASSERT_TRUE(bool(layout));
  ScratchFile file;
  uint64_t last = 0;
  llvm::Expected<uint64_t> hash = packWeights(*layout, source, "", file.fd, 0, {2, [&](uint64_t done, uint64_t total) {
                                                                                  EXPECT_LE(done, total);
                                                                                  last = done;
                                                                                }});
  ASSERT_TRUE(bool(hash));
  EXPECT_EQ(last, layout->dataBytes);
}

TEST(PackErrors, NameWhatDoesNotFit) {
  MemoryWeights source;
  source.add("q4", Format::Q4_0, 16, 64);
  source.add("q8", Format::Q8_0, 16, 64);
  source.add("odd", Format::F32, 16, 40);
  source.add("tall", Format::Q4_0, 17, 64);
  auto fails = [&](PackedWeight weight) {
    ProgramSet set;
    set.weights.push_back(std::move(weight));
    return failure(set, source);
  };
  EXPECT_THAT(fails(matrix("mixed", {"q4", "q8"}, PackedFormat::Q4_0, 32, 64)),
              HasSubstr("q8 (tensor tensor.q8) is stored as q8_0 where mixed is packed as q4_0"));
  EXPECT_THAT(fails(matrix("w", {"absent"}, PackedFormat::Q4_0, 16, 64)), HasSubstr("absent"));
  EXPECT_THAT(fails(matrix("w", {"q4"}, PackedFormat::Q4_0, 16, 96)), HasSubstr("has 64 columns where w has 96"));
  EXPECT_THAT(fails(matrix("w", {"q4"}, PackedFormat::Q4_0, 20, 64)), HasSubstr("16 rows, the program wants 20"));
  EXPECT_THAT(fails(matrix("w", {"odd"}, PackedFormat::Q8_0, 16, 40)), HasSubstr("not a multiple of 32"));
  EXPECT_THAT(fails(matrix("w", {"q4", "tall"}, PackedFormat::Q4_0, 32, 64, true)), HasSubstr("has 17 rows where"));
  EXPECT_THAT(fails(vector("v", {"q4"}, 64)), HasSubstr("is a matrix of 16 rows where a vector is wanted"));
  PackedWeight wrong = matrix("w", {"q4"}, PackedFormat::Q4_0, 16, 64);
  wrong.bytes += 1;
  EXPECT_THAT(fails(wrong), HasSubstr("packing needs"));
  ProgramSet twice;
  twice.weights = {matrix("w", {"q4"}, PackedFormat::Q4_0, 16, 64), matrix("w", {"q4"}, PackedFormat::Q4_0, 16, 64)};
  EXPECT_THAT(failure(twice, source), HasSubstr("called w"));
}

/// What the program says of a weight is wrong in itself: before any source is looked at.
TEST(PackErrors, NameWhatIsNoWeight) {
  struct Case {
    PackedWeight good;
    void (*change)(PackedWeight &weight);
    const char *error;
  };
  const PackedWeight plain = matrix("w", {"a"}, PackedFormat::Q4_0, 16, 64),
                     pair = matrix("w", {"a", "b"}, PackedFormat::Q4_0, 32, 64, true), one = vector("v", {"a"}, 50),
                     halves = vector("v", {"a", "b"}, 50, true);
  const Case cases[] = {
      {plain, [](PackedWeight &w) { w.rows = 0; }, "w: 0 x 64 from 1 sources is not a weight"},
      {plain, [](PackedWeight &w) { w.columns = -32; }, "w: 16 x -32 from 1 sources is not a weight"},
      {plain, [](PackedWeight &w) { w.sources.clear(); }, "w: 16 x 64 from 0 sources is not a weight"},
      {one, [](PackedWeight &w) { w.rows = 2; }, "v: 2 x 50 from 1 sources is not a weight"},
      {pair, [](PackedWeight &w) { w.sources.pop_back(); }, "w: only two weights of one shape can be interleaved"},
      {pair, [](PackedWeight &w) { w.rows = 31; }, "w: only two weights of one shape can be interleaved"},
      {halves, [](PackedWeight &w) { w.columns = 49; }, "v: only two weights of one shape can be interleaved"},
      {plain, [](PackedWeight &w) { w.experts = 0; }, "w: 16 rows are not those of 0 experts"},
      {plain, [](PackedWeight &w) { w.experts = 3; }, "w: 16 rows are not those of 3 experts"},
      {pair, [](PackedWeight &w) { w.experts = 32; }, "w: 32 rows are not those of 32 experts"},
      {plain,
       [](PackedWeight &w) {
         w.experts = 2;
         w.sources.push_back("b");
       },
       "w: 16 rows are not those of 2 experts"},
      {plain, [](PackedWeight &w) { w.columns = 48; }, "w: 48 columns are not a multiple of 32, as q4_0 needs"},
      {one, [](PackedWeight &w) { w.bytes = 256; }, "v: the program plans 256 bytes where packing needs 200"},
  };
  for (const Case &each : cases) {
    ProgramSet set;
    set.weights = {each.good};
    EXPECT_EQ(llvm::toString(layOutWeights({&set}, 0).takeError()), "");
    each.change(set.weights[0]);
    EXPECT_EQ(llvm::toString(layOutWeights({&set}, 0).takeError()), each.error);
  }
}

TEST(PackErrors, NameSourcesOfOtherLengths) {
  MemoryWeights source;
  source.add("a", Format::F32, 1, 50);
  source.add("b", Format::F32, 1, 30);
  ProgramSet set;
  set.weights = {vector("v", {"a", "b"}, 90)};
  EXPECT_THAT(failure(set, source), HasSubstr("v: its sources have 80 elements, the program wants 90"));
  set.weights = {vector("v", {"a", "b"}, 100, true)};
  EXPECT_THAT(failure(set, source), HasSubstr("b (tensor tensor.b) has 30 elements where v interleaves two of 50"));
  set.weights = {vector("v", {"a"}, 50)};
  set.tables = {{"v", {1, 2}}};
  EXPECT_THAT(failure(set, source), HasSubstr("two weights or tables are called v"));
}

TEST(PackErrors, AFullDiskIsAnError) {
  MemoryWeights source;
  source.add("w", Format::F32, 64, 64);
  ProgramSet set;
  set.weights.push_back(matrix("w", {"w"}, PackedFormat::F32, 64, 64));
  llvm::Expected<WeightsLayout> layout = layOutWeights({&set}, 0);
  ASSERT_TRUE(bool(layout));
  FILE *full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  llvm::Expected<uint64_t> hash = packWeights(*layout, source, "", fileno(full), 0);
  std::fclose(full);
  ASSERT_FALSE(bool(hash));
  EXPECT_THAT(llvm::toString(hash.takeError()), HasSubstr("No space left"));
}
