//===- Modules.h - the code of a variant on a card ------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_DEVICE_CUDA_MODULES_H
#define LATHE_RUNTIME_DEVICE_CUDA_MODULES_H

#include "runtime/abi/model_abi.h"
#include "runtime/device/cuda/Card.h"
#include <map>
#include <string>
#include <utility>

namespace lathe::cuda {

/// Units of a variant, loaded when a function of one is first asked for. Of units of one name that follow one another,
/// the first that the driver takes: machine code of the card, else PTX, which it compiles (0.1 to 1 s each).
class Modules {
public:
  Modules(const Card &card, const lathe_variant &variant) : card(&card), variant(&variant) {}

  /// The function that runs a phase, allowed the shared memory that its launch asks for.
  Result<CUfunction> function(const lathe_launch &launch);

private:
  struct Function {
    CUfunction handle = nullptr;
    uint32_t shared = 48 << 10; ///< bytes that it may be launched with: so many without asking
  };

  Result<CUmodule> load(uint32_t unit);
  Result<Module> loadOne(const lathe_unit &unit) const;

  const Card *card;
  const lathe_variant *variant;
  std::map<uint32_t, Module> loaded; ///< by the number that launches have
  std::map<std::pair<uint32_t, std::string>, Function> functions;
};

} // namespace lathe::cuda

#endif
