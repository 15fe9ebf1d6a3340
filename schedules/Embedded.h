//===- Embedded.h - the records of schedules/, carried in the program -----------------------------------*- C++ -*-===//
#ifndef LATHE_SCHEDULES_EMBEDDED_H
#define LATHE_SCHEDULES_EMBEDDED_H

#include "compiler/support/EmbeddedFile.h"
#include <span>

namespace lathe {

/// Every .textproto of schedules/ and below, by path.
std::span<const EmbeddedFile> embeddedRecords();

} // namespace lathe

#endif
