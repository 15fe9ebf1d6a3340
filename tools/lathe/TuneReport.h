//===- TuneReport.h - what tuning found, for people -----------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_TUNEREPORT_H
#define LATHE_TOOLS_LATHE_TUNEREPORT_H

#include "compiler/tune/Tuner.h"

namespace lathe::cli {

/// A line a key: where it started and ended, the gain, the limit that binds and how near it is.
std::string reportText(const tune::TuneResult &result);
/// A line a record.
std::string checkText(llvm::ArrayRef<tune::RecordCheck> checks);
/// A section a key: every candidate, why the winner won, what is left to the roofline.
std::string explainText(const tune::JournalText &journal);

} // namespace lathe::cli

#endif
