//===- Run.cpp - a kernel's memory, and its calls ---------------------------------------------------------------===//
#include "test/kernels/Run.h"
#include "compiler/object/AbiType.h"
#include "compiler/support/Error.h"
#include "compiler/support/Half.h"
#include <cstring>
#include <sys/mman.h>

using namespace lathe;
using namespace lathe::test;

static constexpr size_t kPage = 4096, kFront = 256;
static constexpr uint8_t kCanary = 0xA5;

GuardedBytes::GuardedBytes(size_t size) : bytes(size) {
  size_t used = (size + kFront + kPage - 1) / kPage * kPage;
  mapped = used + kPage;
  mapping = static_cast<uint8_t *>(mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (mapping == MAP_FAILED || mprotect(mapping + used, kPage, PROT_NONE))
    abort();
  begin = mapping + used - size;
  memset(mapping, kCanary, begin - mapping);
}

GuardedBytes::~GuardedBytes() { munmap(mapping, mapped); }

bool GuardedBytes::intact() const {
  for (const uint8_t *p = mapping; p != begin; ++p)
    if (*p != kCanary)
      return false;
  return true;
}

bool test::isMatrixPart(const KernelDesc &kernel, const std::string &argument) {
  if (!std::holds_alternative<LinearKernel>(kernel) && !std::holds_alternative<EmbedKernel>(kernel))
    return false;
  for (const char *part : {"w", "wh", "d", "m", "s", "t"})
    if (argument == part)
      return true;
  return false;
}

KernelRun::KernelRun(const KernelDesc &kernel) : kernel(kernel), arguments(argumentsOf(kernel)) {
  slots.reserve(arguments.size());
  for (const Argument &argument : arguments) {
    auto storage = std::make_shared<GuardedBytes>(argument.spanBytes());
    std::vector<lathe_dim> dims;
    for (const Argument::Dim &dim : argument.dims)
      dims.push_back({0, static_cast<int32_t>(dim.extent), static_cast<int32_t>(dim.stride), 0});
    Slot &slot = slots.emplace_back(Slot{storage, storage->data(), std::move(dims), {}});
    slot.buffer.host = slot.host;
    slot.buffer.type = abiType(argument.type);
    slot.buffer.dimensions = static_cast<int32_t>(slot.dims.size());
    slot.buffer.dim = slot.dims.data();
    pointers.push_back(&slot.buffer);
  }
  pointers.push_back(nullptr);
}

size_t KernelRun::find(const std::string &name) const {
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].name == name)
      return i;
  llvm::report_fatal_error(llvm::Twine(symbol(kernel)) + " has no argument " + name);
}

/// Byte offset of element `index`, the first dimension fastest.
static int64_t offset(const Argument &argument, int64_t index) {
  int64_t elements = 0;
  for (const Argument::Dim &dim : argument.dims) {
    elements += index % dim.extent * dim.stride;
    index /= dim.extent;
  }
  return elements * elementBytes(argument.type);
}

template <class T> static void store(uint8_t *place, T value) { memcpy(place, &value, sizeof value); }
template <class T> static T load(const uint8_t *place) {
  T value;
  memcpy(&value, place, sizeof value);
  return value;
}

static void store(uint8_t *place, ElementType type, double v) {
  switch (type) {
  case ElementType::F32:
    return store(place, static_cast<float>(v));
  case ElementType::F16:
    return store(place, floatToHalf(static_cast<float>(v)));
  case ElementType::BF16:
    return store(place, floatToBfloat(static_cast<float>(v)));
  case ElementType::I8:
    return store(place, static_cast<int8_t>(v));
  case ElementType::U8:
    return store(place, static_cast<uint8_t>(v));
  case ElementType::U16:
    return store(place, static_cast<uint16_t>(v));
  case ElementType::I32:
    return store(place, static_cast<int32_t>(v));
  }
}

static double load(const uint8_t *place, ElementType type) {
  switch (type) {
  case ElementType::F32:
    return load<float>(place);
  case ElementType::F16:
    return halfToFloat(load<uint16_t>(place));
  case ElementType::BF16:
    return bfloatToFloat(load<uint16_t>(place));
  case ElementType::I8:
    return load<int8_t>(place);
  case ElementType::U8:
    return load<uint8_t>(place);
  case ElementType::U16:
    return load<uint16_t>(place);
  case ElementType::I32:
    return load<int32_t>(place);
  }
  return 0;
}

void KernelRun::set(const std::string &name, const std::vector<double> &values) {
  const size_t i = find(name);
  const Argument &argument = arguments[i];
  if (int64_t(values.size()) != countOf(argument))
    llvm::report_fatal_error(llvm::Twine(symbol(kernel)) + ": " + name + " has " + llvm::Twine(countOf(argument)) +
                             " elements, and here are " + llvm::Twine(values.size()));
  for (size_t e = 0; e < values.size(); ++e)
    store(slots[i].host + offset(argument, e), argument.type, values[e]);
}

void KernelRun::set(const Numbers &numbers) {
  for (const auto &[name, values] : numbers)
    set(name, values);
}

void KernelRun::setMatrix(const std::vector<uint8_t> &panels) {
  auto storage = std::make_shared<GuardedBytes>(panels.size());
  memcpy(storage->data(), panels.data(), panels.size());
  const auto *linear = std::get_if<LinearKernel>(&kernel);
  const auto *embed = std::get_if<EmbedKernel>(&kernel);
  const std::vector<int64_t> offsets =
      linear ? matrixOffsets(linear->format, linear->columns) : matrixOffsets(embed->format, embed->columns);
  size_t part = 0;
  for (size_t i = 0; i < arguments.size(); ++i)
    if (isMatrixPart(kernel, arguments[i].name)) {
      slots[i].storage = storage;
      slots[i].buffer.host = slots[i].host = storage->data() + offsets.at(part++);
      if (slots[i].host + arguments[i].spanBytes() > storage->data() + storage->size())
        llvm::report_fatal_error(llvm::Twine(symbol(kernel)) + ": " + arguments[i].name + " leaves its panels");
    }
}

std::vector<double> KernelRun::read(const std::string &name) const {
  const size_t i = find(name);
  std::vector<double> values(countOf(arguments[i]));
  for (size_t e = 0; e < values.size(); ++e)
    values[e] = load(slots[i].host + offset(arguments[i], e), arguments[i].type);
  return values;
}

std::string KernelRun::outputs() const {
  std::string bytes;
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].output)
      bytes.append(reinterpret_cast<const char *>(slots[i].storage->data()), slots[i].storage->size());
  return bytes;
}

llvm::Error KernelRun::call(const KernelFunction &function) {
  if (int status = function(pointers.data()))
    return makeError("{0} gives the status {1}", symbol(kernel), status);
  for (size_t i = 0; i < arguments.size(); ++i)
    if (!slots[i].storage->intact())
      return makeError("{0} wrote in front of {1}", symbol(kernel), arguments[i].name);
  return llvm::Error::success();
}
