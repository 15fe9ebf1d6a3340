#include "runtime/device/cpu/Limits.h"
#include "runtime/core/AlignedBuffer.h"
#include "runtime/device/cpu/OperationForms.h"
#include "runtime/device/cpu/ReadForms.h"
#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace lathe {
namespace {

constexpr uint64_t kMega = 1 << 20;
constexpr uint64_t kPiece = kMega / 4; ///< that a worker takes at once, of what no cache of its own holds
constexpr uint64_t kBlocks = 16 * 512; ///< a block of each of the streams of readForms()
/// What is beyond every cache is twice the last one, within these.
constexpr uint64_t kLeastMemory = 256 * kMega, kMostMemory = 1024 * kMega, kShortMemory = 32 * kMega;

/// Not more than a time slice has, and more than a phase: where something else wants the cores some samples are whole.
constexpr double kSampleSeconds = 1e-3;
constexpr double kRoofSeconds = 0.5;    ///< for all samples of a roof, where something else has the cores
constexpr int64_t kIterations = 400'000; ///< of a loop of operations: about as long

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string cpuName() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0)
      return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown";
}

/// Bytes that can be had without taking them from others, as far as the system tells.
uint64_t availableMemory() {
  uint64_t kilobytes = 0;
  std::ifstream info("/proc/meminfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("MemAvailable:", 0) == 0)
      std::istringstream(line.substr(13)) >> kilobytes;
  uint64_t available = kilobytes ? kilobytes * 1024 : kLeastMemory, most = 0, used = 0;
  // Of a container.
  if (std::ifstream("/sys/fs/cgroup/memory.max") >> most && std::ifstream("/sys/fs/cgroup/memory.current") >> used)
    available = std::min(available, most > used ? most - used : 0);
  return available;
}

uint64_t cacheBytes(int name, uint64_t otherwise) {
  const long bytes = sysconf(name);
  return bytes > 0 ? uint64_t(bytes) : otherwise;
}

template <typename Body> double timed(WorkerPool &workers, Body &body) {
  const double start = now();
  workers.run(body);
  return now() - start;
}

/// Reads a region over and over. Where the workers' own caches hold it, each reads its part of it; else pieces are
/// taken as they come, so that one that has no core for a while does not hold up the others.
class Reader {
public:
  Reader(WorkerPool &workers, const uint8_t *data, uint64_t bytes, uint64_t cachePerThread)
      : workers(workers), data(data), own(bytes <= workers.size() * cachePerThread),
        piece(own ? bytes / workers.size() : kPiece), pieces(bytes / piece) {}

  /// Bytes a second. Takes about kSampleSeconds if they come as fast as `guess` says.
  double sample(const ReadForm &form, double guess) {
    const auto count = std::max<uint64_t>(1, uint64_t(guess * kSampleSeconds / double(piece * workers.size())));
    const uint64_t all = count * workers.size();
    std::atomic<uint64_t> taken{0}, sum{0};
    auto body = [&](unsigned worker) {
      uint64_t mine = 0, i = 0;
      if (own)
        for (; i < count; ++i)
          mine += form.read(data + worker * piece, piece);
      else
        while ((i = taken.fetch_add(1, std::memory_order_relaxed)) < all)
          mine += form.read(data + (cursor + i) % pieces * piece, piece);
      sum += mine;
    };
    const double seconds = timed(workers, body);
    cursor = (cursor + all) % pieces;
    return double(all * piece) / seconds;
  }

private:
  WorkerPool &workers;
  const uint8_t *data;
  bool own;
  uint64_t piece, pieces, cursor = 0;
};

/// A step's bytes as a region to read, and at least a block of each stream of each worker.
uint64_t regionOf(uint64_t bytes, uint64_t threads, uint64_t cachePerThread) {
  const uint64_t unit = bytes <= threads * cachePerThread ? threads * kBlocks : kPiece;
  return (bytes + unit - 1) / unit * unit;
}

} // namespace

Result<MachineMeter> MachineMeter::create(unsigned threads, std::vector<uint64_t> footprints) {
  MachineMeter meter;
  meter.machine = cpuName();
  Result<std::unique_ptr<WorkerPool>> workers = WorkerPool::create(threads);
  if (!workers)
    return workers.takeError();
  meter.workers = workers.take();
  meter.threads = meter.workers->size();

  auto add = [&](Roof::Kind kind, const char *name, uint64_t bytes, const auto &forms) {
    Roof &roof = meter.all.emplace_back(Roof{.kind = kind, .name = name, .bytes = bytes});
    for (size_t way = 0; way < forms.size(); ++way)
      roof.forms.push_back({.name = forms[way].name, .way = way});
  };
  const uint64_t own = meter.cachePerThread = cacheBytes(_SC_LEVEL2_CACHE_SIZE, kMega / 4);
  const uint64_t last = cacheBytes(_SC_LEVEL3_CACHE_SIZE, 0), count = meter.workers->size();
  uint64_t memory = std::clamp(2 * last, kLeastMemory, kMostMemory);
  memory = std::max(std::min(memory, availableMemory() / 4), kShortMemory) / kPiece * kPiece;
  add(Roof::Kind::Read, "memory", memory, readForms());
  if (const uint64_t shared = regionOf(4 * own * count, count, own); shared <= std::min(last / 2, memory))
    add(Roof::Kind::Read, "L3", shared, readForms());
  add(Roof::Kind::Read, "L2", regionOf(own / 2 * count, count, own), readForms());
  std::ranges::sort(footprints, std::greater());
  for (uint64_t bytes : footprints)
    if (const uint64_t region = regionOf(bytes, count, own);
        bytes && region < memory && meter.all.back().bytes != region)
      add(Roof::Kind::Read, "step", region, readForms());
  add(Roof::Kind::F32, "f32", 0, f32Forms());
  if (!dot4Forms().empty())
    add(Roof::Kind::Dot4, "dot4", 0, dot4Forms());
  return meter;
}

Result<void> MachineMeter::measureReads(bool smallPages) {
  const uint64_t bytes = all.front().bytes; // the largest region
  Result<AlignedBuffer> memory =
      AlignedBuffer::create(bytes, "measuring how fast memory is read",
                            smallPages ? AlignedBuffer::Pages::Small : AlignedBuffer::Pages::Huge);
  if (!memory)
    return memory.takeError();
  uint8_t *data = memory->data();
  auto touch = [&](unsigned worker) {
    const uint64_t part = (bytes + workers->size() - 1) / workers->size(), begin = std::min(bytes, worker * part);
    std::fill(data + begin, data + std::min(bytes, begin + part), uint8_t(worker + 1));
  };
  workers->run(touch);
  for (Roof &roof : all) {
    std::vector<RoofForm *> forms;
    for (RoofForm &form : roof.forms)
      if (roof.kind == Roof::Kind::Read && form.smallPages == smallPages)
        forms.push_back(&form);
    if (forms.empty())
      continue;
    Reader reader(*workers, data, roof.bytes, cachePerThread);
    double guess = 8e9 * workers->size();
    Result<void> done = sampleForms(std::move(forms), kRoofSeconds, [&](RoofForm &form) -> Result<void> {
      const double rate = reader.sample(readForms()[form.way], guess);
      form.samples.push_back({rounds, rate});
      guess = std::max(guess / 2, rate);
      return {};
    });
    if (!done)
      return done;
  }
  return {};
}

Result<void> MachineMeter::measureOperations() {
  for (Roof &roof : all) {
    if (roof.kind == Roof::Kind::Read)
      continue;
    std::vector<RoofForm *> forms;
    for (RoofForm &form : roof.forms)
      forms.push_back(&form);
    Result<void> done = sampleForms(std::move(forms), kRoofSeconds, [&](RoofForm &form) -> Result<void> {
      const OperationForm &way = (roof.kind == Roof::Kind::F32 ? f32Forms() : dot4Forms())[form.way];
      auto body = [&](unsigned) { way.loop(kIterations); };
      const double seconds = timed(*workers, body);
      form.samples.push_back({rounds, way.perIteration * kIterations * workers->size() / seconds});
      return {};
    });
    if (!done)
      return done;
  }
  return {};
}

Result<void> MachineMeter::measure() {
  if (Result<void> done = measureReads(/*smallPages=*/false); !done)
    return done;
  Roof &memory = all.front();
  if (rounds == 0)
    memory.forms.push_back(
        {.name = memory.best().name + ", pages of 4 KB", .way = memory.best().way, .smallPages = true});
  if (rounds == 0 || memory.best().smallPages)
    if (Result<void> done = measureReads(/*smallPages=*/true); !done)
      return done;
  if (Result<void> done = measureOperations(); !done)
    return done;
  ++rounds;
  return {};
}

Result<MachineLimits> measureMachine(unsigned threads) {
  Result<MachineMeter> meter = MachineMeter::create(threads);
  if (!meter)
    return meter.takeError();
  if (Result<void> done = meter->measure(); !done)
    return done.takeError();
  return meter->limits();
}

} // namespace lathe
