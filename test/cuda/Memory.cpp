//===- Memory.cpp - allocations -----------------------------------------------------------------------------------===//
#include "test/cuda/Memory.h"
#include <cstring>
#include <new>
#include <sys/mman.h>

namespace lathe::ptx {

static uint64_t roundUp(uint64_t bytes, uint64_t unit) { return (bytes + unit - 1) / unit * unit; }
static constexpr uint64_t unit = 512; ///< what an allocation takes, as on a device
static constexpr uint64_t gap = 1 << 20;

Memory::~Memory() {
  for (auto &[begin, entry] : allocations)
    munmap(entry.host, roundUp(entry.end - entry.begin, 4096));
}

uint64_t Memory::allocate(uint64_t bytes, bool counted) {
  const uint64_t takes = roundUp(bytes, unit);
  if (counted && takes > total - used)
    return 0;
  void *host = mmap(nullptr, roundUp(bytes, 4096), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (host == MAP_FAILED)
    return 0;
  std::memset(host, poison, bytes);
  Entry entry;
  entry.begin = next;
  entry.end = next + bytes;
  entry.host = static_cast<uint8_t *>(host);
  entry.counted = counted;
  if (counted)
    used += takes;
  allocations[next] = entry;
  next += takes + gap;
  return entry.begin;
}

bool Memory::free(uint64_t begin) {
  const auto found = allocations.find(begin);
  if (found == allocations.end())
    return false;
  const uint64_t bytes = found->second.end - found->second.begin;
  munmap(found->second.host, roundUp(bytes, 4096));
  if (found->second.counted)
    used -= roundUp(bytes, unit);
  allocations.erase(found);
  return true;
}

Allocation Memory::find(uint64_t address) const {
  auto after = allocations.upper_bound(address);
  if (after == allocations.begin())
    return {};
  const Entry &entry = std::prev(after)->second;
  return address < entry.end ? Allocation(entry) : Allocation();
}

uint8_t *Memory::host(uint64_t address, uint64_t bytes) const {
  const Allocation found = find(address);
  return found.host && found.holds(address, bytes) ? found.at(address) : nullptr;
}

std::string Memory::describe(uint64_t address) const {
  char text[200];
  auto after = allocations.upper_bound(address);
  const Entry *entry = after == allocations.begin() ? nullptr : &std::prev(after)->second;
  if (entry && address < entry->end + gap / 2)
    std::snprintf(text, sizeof text, "%s%llu bytes past the %s of the allocation of %llu bytes at 0x%llx", "",
                  (unsigned long long)(address < entry->end ? address - entry->begin : address - entry->end),
                  address < entry->end ? "begin" : "end", (unsigned long long)(entry->end - entry->begin),
                  (unsigned long long)entry->begin);
  else if (after != allocations.end() && after->first - address <= gap / 2)
    std::snprintf(text, sizeof text, "%llu bytes before the allocation of %llu bytes at 0x%llx",
                  (unsigned long long)(after->first - address),
                  (unsigned long long)(after->second.end - after->second.begin), (unsigned long long)after->first);
  else
    std::snprintf(text, sizeof text, "in no allocation");
  return text;
}

} // namespace lathe::ptx
