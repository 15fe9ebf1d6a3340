#include "runtime/device/cpu/CpuFeatures.h"
#include <algorithm>
#include <cmath>
#include <fstream>
#include <sched.h>
#include <set>
#include <sstream>
#include <thread>

namespace lathe {

namespace {

/// Processors' worth of time in a "<quota> <period>" file of microseconds (cgroup v2's cpu.max); 0: no limit there.
double quotaOf(const std::string &path) {
  std::ifstream file(path);
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0)
    return 0;
  return std::strtod(quota.c_str(), nullptr) / period;
}

/// The same for cgroup v1, which keeps the two numbers in files of their own; a quota of -1 is no limit.
double quotaOfV1(const std::string &folder) {
  std::ifstream quotaFile(folder + "/cpu.cfs_quota_us"), periodFile(folder + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  if (!(quotaFile >> quota) || !(periodFile >> period) || quota <= 0 || period <= 0)
    return 0;
  return quota / period;
}

/// The tightest limit from this process's cgroup up to the root; 0: none.
double cgroupProcessors() {
  std::ifstream file("/proc/self/cgroup");
  std::string line, group;
  while (std::getline(file, line))
    if (line.starts_with("0::"))
      group = line.substr(3);
  double tightest = quotaOfV1("/sys/fs/cgroup/cpu");
  for (;;) {
    const double quota = quotaOf("/sys/fs/cgroup" + group + "/cpu.max");
    if (quota > 0 && (tightest == 0 || quota < tightest))
      tightest = quota;
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos)
      return tightest;
    group.resize(slash);
  }
}

} // namespace

unsigned usableCores() {
  unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) {
    // Two hyperthreads of one core share its vector units and its path to memory: count the core once.
    std::set<std::string> physical;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &mask))
        continue;
      std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
      std::string siblings;
      physical.insert(std::getline(file, siblings) ? siblings : "cpu " + std::to_string(cpu));
    }
    cores = std::max(1u, unsigned(physical.size()));
  }
  if (const double granted = cgroupProcessors(); granted > 0)
    cores = std::min(cores, std::max(1u, unsigned(std::floor(granted))));
  return cores;
}

} // namespace lathe
