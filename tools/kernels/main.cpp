//===- main.cpp - lathe-kernels: measures every family of kernels at the sizes of real models ------------------===//
//
//   lathe-kernels --family linear --target x86-64-v3
//
// The sizes are the benchmarks among test/kernels/*Cases.cpp, the schedule the one that holds where no record does.
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "compiler/object/Cache.h"
#include "runtime/device/cpu/Limits.h"
#include "tools/kernels/Measure.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

using namespace lathe;

namespace {

nlohmann::ordered_json json(const Measurement &one) {
  nlohmann::ordered_json values = nlohmann::ordered_json::object();
  for (const auto &[name, value] : one.values.all())
    values[name] = value;
  return {{"family", one.family},
          {"kernel", one.symbol},
          {"target", one.target},
          {"schedule", values},
          {"ns", one.nanoseconds},
          {"bytes_per_s", one.bytes / one.nanoseconds * 1e9},
          {"operations_per_s", one.operations / one.nanoseconds * 1e9}};
}

void print(const Measurement &one) {
  llvm::outs() << llvm::format("%12.1f %8.2f %8.2f  %-48s %s\n", one.nanoseconds, one.bytes / one.nanoseconds,
                               one.operations / one.nanoseconds, one.symbol.c_str(), one.values.print().c_str());
}

int complain(llvm::StringRef message, int code) {
  llvm::outs().flush();
  llvm::errs() << "lathe-kernels: " << message << '\n';
  return code;
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Measures every family of kernels at the sizes of real models, on one thread.", "lathe-kernels");
  std::string family, target = "host";
  MeasureOptions options{.cacheDirectory = defaultCacheDirectory()};
  bool asJson = false;
  std::vector<std::string> families;
  for (const KernelFamily &one : kernelFamilies())
    families.emplace_back(one.name);
  app.add_option("--family", family, "only this one")->check(CLI::IsMember(families));
  app.add_option("--target", target, "what the code is for; by default this machine");
  app.add_option("--seconds", options.seconds, "of each kernel; 0: each call once")->check(CLI::NonNegativeNumber);
  app.add_option("--megabytes", options.megabytes, "of weights or cached keys that the calls go through")
      ->check(CLI::PositiveNumber);
  app.add_flag("--json", asJson, "one JSON object on stdout");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &problem) {
    const int code = app.exit(problem);
    return code ? 2 : 0;
  }
  const std::optional<TargetDesc> chosen = findTarget(target);
  if (!chosen || chosen->device != DeviceKind::Cpu || (chosen->features & ~hostFeatures()))
    return complain("--target " + target + " is not one that this machine runs", 2);

  Result<MachineLimits> limits = options.seconds > 0 ? measureMachine(1) : MachineLimits();
  if (!limits)
    return complain(limits.message(), 1);
  const MachineLimits machine = limits.take();
  if (!asJson) {
    if (options.seconds > 0)
      llvm::outs() << machine.machine
                   << llvm::format(", 1 thread: reads %.1f GB/s, %.0f GFLOP/s of f32, %.0f GOP/s of bytes\n",
                                   machine.readBytesPerSecond / 1e9, machine.f32OperationsPerSecond / 1e9,
                                   machine.dot4OperationsPerSecond / 1e9);
    llvm::outs() << chosen->name << "\n     ns a call     GB/s    GOP/s  kernel, schedule\n";
  }
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const std::vector<test::KernelCase> &cases : test::allCases())
    for (const test::KernelCase &one : cases) {
      if (!one.benchmark || (!family.empty() && family != kernelFamily(one.kernel).name))
        continue;
      llvm::Expected<Measurement> measured = measure(one, *chosen, fallbackValues(one.kernel, *chosen), options);
      if (!measured)
        return complain(llvm::toString(measured.takeError()), 1);
      if (asJson)
        all.push_back(json(*measured));
      else
        print(*measured);
    }
  if (asJson)
    llvm::outs() << nlohmann::ordered_json{{"cpu", machine.machine},
                                           {"read_bytes_per_s", machine.readBytesPerSecond},
                                           {"f32_operations_per_s", machine.f32OperationsPerSecond},
                                           {"dot4_operations_per_s", machine.dot4OperationsPerSecond},
                                           {"kernels", all}}
                        .dump()
                 << '\n';
  return 0;
}
