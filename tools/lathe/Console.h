//===- Console.h - what a person sees while a command works -------------------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_CONSOLE_H
#define LATHE_TOOLS_LATHE_CONSOLE_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>
#include <vector>

namespace lathe::cli {

/// A line on stderr that is written over, there only while stderr is a terminal.
class Progress {
public:
  Progress();
  ~Progress() { clear(); }
  void show(llvm::StringRef text);
  void clear();

private:
  bool terminal, shown = false;
};

/// "98.3 MB" (powers of 1000).
std::string bytesText(double bytes);
/// "134,515,008".
std::string groupedDigits(uint64_t number);

/// Columns as wide as their widest cell; the first to the left, the others to the right.
class Table {
public:
  explicit Table(std::vector<std::string> header) { rows.push_back(std::move(header)); }
  void add(std::vector<std::string> row) { rows.push_back(std::move(row)); }
  std::string text() const;

private:
  std::vector<std::vector<std::string>> rows;
};

} // namespace lathe::cli

#endif
