//===- Rows.cpp - names of rows' formats ------------------------------------------------------------------------===//
#include "compiler/layout/Rows.h"

using namespace lathe;

static constexpr ActFormat kActFormats[] = {ActFormat::F32, ActFormat::Q16, ActFormat::Q8};
static constexpr CacheFormat kCacheFormats[] = {CacheFormat::F32, CacheFormat::F16, CacheFormat::Q8};

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

const char *lathe::nameOf(CacheFormat format) {
  switch (format) {
  case CacheFormat::F32:
    return "f32";
  case CacheFormat::F16:
    return "f16";
  case CacheFormat::Q8:
    break;
  }
  return "q8";
}

template <class Formats> static auto find(const Formats &formats, std::string_view name) {
  std::optional<std::remove_cvref_t<decltype(formats[0])>> found;
  for (auto format : formats)
    if (name == nameOf(format))
      found = format;
  return found;
}

std::optional<ActFormat> lathe::findActFormat(std::string_view name) { return find(kActFormats, name); }
std::optional<CacheFormat> lathe::findCacheFormat(std::string_view name) { return find(kCacheFormats, name); }

std::string lathe::actFormatNames() {
  std::string names;
  for (ActFormat format : kActFormats)
    names += (names.empty() ? "" : ", ") + std::string(nameOf(format));
  return names;
}
