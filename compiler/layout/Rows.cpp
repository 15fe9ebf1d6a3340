//===- Rows.cpp - names of rows' formats ------------------------------------------------------------------------===//
#include "compiler/layout/Rows.h"

using namespace lathe;

static constexpr ActFormat kFormats[] = {ActFormat::F32, ActFormat::Q16, ActFormat::Q8};

const char *lathe::nameOf(ActFormat format) {
  switch (format) {
  case ActFormat::F32:
    return "f32";
  case ActFormat::Q16:
    return "q16";
  case ActFormat::Q8:
    break;
  }
  return "q8";
}

std::optional<ActFormat> lathe::findActFormat(std::string_view name) {
  for (ActFormat format : kFormats)
    if (name == nameOf(format))
      return format;
  return std::nullopt;
}

std::string lathe::actFormatNames() {
  std::string names;
  for (ActFormat format : kFormats)
    names += (names.empty() ? "" : ", ") + std::string(nameOf(format));
  return names;
}
