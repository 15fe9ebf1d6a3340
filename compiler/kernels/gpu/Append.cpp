//===- Append.cpp - the KV cache's new entry --------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Rotate.h"
#include <optional>

namespace lathe::gpu {

namespace {

/// The components of a key or value that a thread has: thread, thread + kThreads, …. Those beyond the size stand in the
/// place of the last.
class Head {
public:
  Head(Code &code, int64_t size) : code(code) {
    for (int64_t at = 0; at < size; at += kThreads) {
      V c = code.thread() + double(at);
      owned.push_back(c < double(size));
      components.push_back(min(c, double(size - 1)));
    }
  }
  std::vector<V> values(const std::function<V(V)> &x) const {
    std::vector<V> all;
    for (V c : components)
      all.push_back(x(c));
    return all;
  }
  void store(const std::vector<V> &values, const std::function<void(V c, V value)> &body) const {
    for (size_t j = 0; j < values.size(); ++j)
      code.ifThen(owned[j], [&] { body(components[j], values[j]); });
  }
  V largest(const std::vector<V> &bits) const {
    V most;
    for (size_t j = 0; j < bits.size(); ++j) {
      V one = select(owned[j], bits[j], code.i32(0));
      most = most.code ? max(most, one) : one;
    }
    return code.blockMax(most);
  }

private:
  Code &code;
  std::vector<V> components, owned;
};

/// layout/Rows.h has the formulas; `spread` is h. Bits of magnitudes are ordered as these are, with infinity and NaN
/// above all numbers, and one of those is what the scale is then. The values become bytes; gives their scale.
V toBytes(Code &code, const Head &head, int64_t spread, std::vector<V> &values) {
  std::vector<V> magnitudes;
  for (V value : values)
    magnitudes.push_back(bitsOf(value) & 0x7fffffff);
  V most = head.largest(magnitudes), largest = fromBits(most), none = code.f32(0);
  V finite = most < 0x7f800000, zero = most < 0x0d800000; // 2^-100
  V inverse = select(finite & !zero, 127.0f / largest, none);
  for (V &value : values)
    value = toI32(roundToEven(value * inverse));
  V scale = select(zero, none, largest / static_cast<float>(127 * spread));
  return fromBits(select(finite, bitsOf(scale), most));
}

/// Writes the row's key and value.
void writeCache(const AppendKernel &k, TileCall &call, V position, const std::function<V(V)> &key) {
  Code &code = call.code;
  const Array &keys = call.array("K"), &values = call.array("V"), &v = call.array("v");
  V zero = code.i32(0), place = position % kPagePositions;
  V page = call.array("pages").at({position / double(kPagePositions), call.array("slots").at({zero})});
  const Head keyHead(code, k.headSize), valueHead(code, k.valueSize());
  std::vector<V> keyNumbers = keyHead.values(key);
  std::vector<V> valueNumbers = valueHead.values([&](V c) { return v.at({c}); });
  if (k.cache == CacheFormat::Q8) {
    spread(code, k.headSize, keyNumbers);
    V keyScale = toBytes(code, keyHead, spreadOf(k.headSize), keyNumbers);
    V valueScale = toBytes(code, valueHead, 1, valueNumbers);
    code.ifThen(code.thread() == 0, [&] {
      call.array("S").store({place, zero, page}, keyScale);
      call.array("S").store({place, code.i32(1), page}, valueScale);
    });
  }
  keyHead.store(keyNumbers, [&](V c, V number) { keys.store({place, c, page}, number); });
  valueHead.store(valueNumbers, [&](V c, V number) { values.store({c, place, page}, number); });
}

} // namespace

void writeKernel(const AppendKernel &k, TileCall &call) {
  Code &code = call.code;
  const int64_t mark = code.sharedMark();
  V position = call.array("positions").at({code.i32(0)});
  const Array &keyIn = call.array("k");
  std::function<V(V)> key = [&](V c) { return keyIn.at({c}); };
  std::optional<Turn> turn;
  if (k.rotation.rotated) {
    turn.emplace(call, k.rotation, k.headSize);
    const Array &q = call.array("q"), &qr = call.array("qr");
    code.eachOf(groupOf(k.heads, k.kvHeads) * k.headSize, [&](V i) {
      V h = i / double(k.headSize), c = i % k.headSize;
      qr.store({c, h}, turn->at(c, [&](V from) { return q.at({from, h}); }));
    });
    key = [&](V c) { return turn->at(c, [&](V from) { return keyIn.at({from}); }); };
  }
  auto write = [&] { writeCache(k, call, position, key); };
  // With splits, the block of the one that holds the position writes.
  k.splitPositions ? code.ifThen(call.tile.s == position / double(k.splitPositions), write) : write();
  code.freeShared(mark);
}

} // namespace lathe::gpu
