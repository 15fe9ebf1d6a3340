//===- Style.h - the report's style sheet, carried in the program ---------------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_BENCH_STYLE_H
#define LATHE_TOOLS_LATHE_BENCH_STYLE_H

#include "compiler/support/EmbeddedFile.h"
#include <span>

namespace lathe {

/// report.css.
std::span<const EmbeddedFile> embeddedReportStyle();

} // namespace lathe

#endif
