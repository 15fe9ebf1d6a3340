//===- Rotary.h - the frequencies of a rotary embedding -----------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_IMPORT_ROTARY_H
#define LATHE_COMPILER_IMPORT_ROTARY_H

#include "models/model.pb.h"
#include <vector>

namespace lathe {

/// Radians a position for each of dims / 2 pairs: theta^(-2i/dims), stretched as `rotary.scaling` says.
std::vector<double> rotaryFrequencies(const spec::Rotary &rotary);

} // namespace lathe

#endif
