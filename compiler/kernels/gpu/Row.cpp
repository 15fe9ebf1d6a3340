//===- Row.cpp - the row of results that several families end with ---------------------------------------------===//
#include "compiler/kernels/gpu/Row.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace lathe::gpu {

namespace {

constexpr int64_t kRun = 4;

/// Bytes `choice` says of a's and b's eight.
V bytes(V a, V b, const char *choice) {
  return a.code->ptx(std::string("prmt.b32 $0, $1, $2, ") + choice + ";", {a.code->i32Type()}, {a, b}, false)[0];
}

V largestOfLanes(Code &code, V value, int64_t lanes) {
  for (int64_t mask = 1; mask < lanes; mask *= 2)
    value = max(value, code.shuffleXor(value, mask));
  return value;
}

void store(TileCall &call, V own, const std::function<void()> &body) { own.code ? call.code.ifThen(own, body) : body(); }

/// A run of four of a quantised row, with its neighbours' in the lanes beside it.
void writeQuantized(TileCall &call, ActFormat format, V first, V own, const V *v) {
  Code &code = call.code;
  const bool two = format == ActFormat::Q16;
  const int64_t group = scaleColumns(format);
  const float largest = two ? 32512.0f : 127.0f;
  V amax = largestOfLanes(code, max(max(abs(v[0]), abs(v[1])), max(abs(v[2]), abs(v[3]))), group / kRun);
  V zero = amax < 7.888609052e-31f; // 2^-100
  V inverse = select(zero, code.f32(0), largest / amax), scale = select(zero, code.f32(0), amax / largest);
  V whole[kRun];
  for (int64_t c = 0; c < kRun; ++c)
    whole[c] = toI32(roundToEven(v[c] * inverse));
  V sum = (whole[0] + whole[1]) + (whole[2] + whole[3]);
  for (int64_t mask = 1; mask < kSumColumns / kRun; mask *= 2)
    sum = sum + code.shuffleXor(sum, mask);
  V halves[2]; // bytes 0 and 1 of two columns beside each other
  for (int64_t c = 0; c < 2; ++c) {
    V a = whole[2 * c], b = whole[2 * c + 1];
    halves[c] = two ? bytes(a + 128, b + 128, "0x5140") : bytes(a, b, "0x5140");
  }
  V low = bytes(halves[0], halves[1], "0x5410");
  store(call, own, [&] {
    if (two) { // low - 128 has the bits of low with the highest one turned
      call.array("q").storeWords({first}, {bytes(halves[0], halves[1], "0x7632")});
      call.array("low").storeWords({first}, {low ^ int64_t(int32_t(0x80808080))});
    } else {
      call.array("q").storeWords({first}, {low});
    }
    code.ifThen(first % group == 0, [&] { call.array("scale").store({first / double(group)}, scale); });
    code.ifThen(first % kSumColumns == 0, [&] { call.array("sum").store({first / double(kSumColumns)}, sum); });
  });
}

void writeRun(TileCall &call, ActFormat format, int64_t width, V first, V own, const V *v) {
  if (format != ActFormat::F32)
    return writeQuantized(call, format, first, own, v);
  const Array &y = call.array("y");
  store(call, own, [&] {
    if (width == 1)
      return y.store({first}, v[0]);
    y.storeWords({first}, {bitsOf(v[0]), bitsOf(v[1]), bitsOf(v[2]), bitsOf(v[3])});
  });
}

} // namespace

void writeColumns(TileCall &call, ActFormat format, int64_t columns, int64_t most,
                  const std::function<std::vector<V>(const Columns &)> &values) {
  Code &code = call.code;
  const int64_t width = columns % kRun ? 1 : kRun, turn = width * kThreads, turns = (columns + turn - 1) / turn;
  const int64_t parts = (turns * width + most - 1) / most, inPart = (turns + parts - 1) / parts;
  V place = width == 1 ? code.thread() : code.thread() * double(width);
  auto write = [&](V start, bool known) {
    Columns mine{width, {}, {}};
    for (int64_t i = 0; i < inPart; ++i) {
      V first = start + double(i * turn);
      const bool inside = known && (i + 1) * turn <= columns;
      mine.own.push_back(inside ? V() : first < double(columns));
      mine.first.push_back(inside ? first : min(first, double(columns - width)));
    }
    std::vector<V> result = values(mine);
    for (int64_t i = 0; i < inPart; ++i)
      writeRun(call, format, width, mine.first[i], mine.own[i], &result[i * width]);
  };
  if (parts == 1)
    return write(place, true);
  code.loop(code.i32(0), code.i32(turns), inPart, [&](V i) { write(place + i * double(turn), false); });
}

std::vector<V> loadColumns(const Array &array, const Columns &columns, const std::vector<V> &rest) {
  Code &code = *array.code;
  auto index = [&](V column) {
    std::vector<V> all = {column};
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  };
  auto single = [&] {
    std::vector<V> values;
    for (size_t i = 0; i < columns.size(); ++i)
      values.push_back(array.at(index(columns.at(i))));
    return values;
  };
  if (columns.width == 1)
    return single();
  // A row may be a slice of a longer one, which begins anywhere.
  V start = code.wrap(
      mlir::LLVM::PtrToIntOp::create(code.b, code.loc(), code.b.getI64Type(), array.pointer));
  return code.ifElse(
      (start & 15) == 0,
      [&] {
        std::vector<V> values;
        for (V first : columns.first)
          for (V word : array.words(index(first), kRun))
            values.push_back(fromBits(word));
        return values;
      },
      single);
}

void writeRow(TileCall &call, ActFormat format, int64_t columns, const std::function<V(V)> &value) {
  writeColumns(call, format, columns, 2 * kRun, [&](const Columns &mine) {
    std::vector<V> values;
    for (size_t i = 0; i < mine.size(); ++i)
      values.push_back(value(mine.at(i)));
    return values;
  });
}

} // namespace lathe::gpu
