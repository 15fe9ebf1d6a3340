//===- Second.h - a second backend and a second device, for tests -------------------------------------*- C++ -*-===//
//
// Not fast and not for use: they show that nothing between the dialect and a session is the CPU's alone, in the shape that
// a GPU's will have. The backend makes one unit of code a program, which the device loads by itself; the device walks the
// phase table serially, in another order than the CPU's workers, and has weights and pages of its own.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_CONFORMANCE_SECOND_H
#define LATHE_TEST_CONFORMANCE_SECOND_H

#include "compiler/backend/Backend.h"
#include "runtime/device/Device.h"

namespace lathe::test {

/// "second", which is no target of lathe's own.
TargetDesc secondTarget();
const Backend &secondBackend();
std::shared_ptr<const Device> secondDevice();

} // namespace lathe::test

#endif
