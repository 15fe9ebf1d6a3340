//===- Journal.cpp - every measurement, on disk as soon as it is made ---------------------------------------------===//
#include "compiler/tune/Journal.h"
#include "compiler/support/Error.h"
#include "compiler/support/File.h"
#include "llvm/ADT/STLExtras.h"
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <sys/file.h>
#include <unistd.h>

namespace lathe::tune {
namespace {

using Json = nlohmann::ordered_json;
using llvm::Error;
using llvm::Expected;

constexpr unsigned kVersion = 1;
constexpr llvm::StringLiteral kBeginning = "{\"lathe_tune\"";
constexpr uint64_t kMostBytes = 1 << 30;
constexpr const char *kNames[] = {"lost", "no better", "won", "other bits", "failed", "crashed", "timed out"};

/// JSON has no infinities: null.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }
double number(const Json &json, double otherwise) { return json.is_number() ? json.get<double>() : otherwise; }

Json jsonOf(const JournalHead &head) {
  return {{"lathe_tune", kVersion},      {"model", head.model},     {"target", head.target},
          {"generator", head.generator}, {"machine", head.machine}, {"threads", head.threads}};
}

Json jsonOf(const KeyLine &line) {
  return {{"look", line.key},
          {"program", line.program},
          {"start", line.start},
          {"fallback", line.fallback},
          {"ns", line.nanoseconds},
          {"limit_ns", line.limitNanoseconds},
          {"binds", line.memory ? "memory" : "arithmetic"},
          {"weight", line.weight}};
}

Json jsonOf(const Measurement &m) {
  Json json = {{"key", m.key}, {"values", m.values}, {"incumbent", m.incumbent}, {"outcome", nameOf(m.outcome)}};
  if (!m.detail.empty())
    json["detail"] = m.detail;
  if (m.ran()) {
    json["change"] = number(m.change);
    json["low"] = number(m.low);
    json["high"] = number(m.high);
    json["chance"] = number(m.chance);
    json["pairs"] = m.pairs;
    json["stage"] = m.confirmation ? "confirmation" : "screening";
    json["ns"] = number(m.nanoseconds);
    json["incumbent_ns"] = number(m.incumbentNanoseconds);
  }
  json["seconds"] = number(m.seconds);
  if (!m.record.empty())
    json["record"] = m.record;
  return json;
}

/// Throws what nlohmann throws where a field is missing or of another kind.
Measurement measurementOf(const Json &json) {
  Measurement m;
  m.key = json.at("key");
  m.values = json.at("values");
  m.incumbent = json.at("incumbent");
  const auto *name = llvm::find(kNames, json.at("outcome").get<std::string>());
  if (name == std::end(kNames))
    throw std::runtime_error("no such outcome");
  m.outcome = Outcome(name - kNames);
  m.detail = json.value("detail", "");
  m.pairs = json.value("pairs", size_t(0));
  m.confirmation = json.value("stage", "") == "confirmation";
  const double infinity = std::numeric_limits<double>::infinity();
  auto read = [&](const char *field, double otherwise) {
    return json.contains(field) ? number(json[field], otherwise) : 0;
  };
  m.change = read("change", 0);
  m.low = read("low", -infinity);
  m.high = read("high", infinity);
  m.chance = read("chance", 1);
  m.nanoseconds = read("ns", 0);
  m.incumbentNanoseconds = read("incumbent_ns", 0);
  m.seconds = read("seconds", 0);
  m.record = json.value("record", "");
  return m;
}

KeyLine keyLineOf(const Json &json) {
  return {json.at("look"),     json.at("program"),           json.at("start"), json.at("fallback"), json.at("ns"),
          json.at("limit_ns"), json.at("binds") == "memory", json.at("weight")};
}

Expected<JournalHead> headOf(llvm::StringRef name, const Json &json) {
  if (!json.is_object() || !json.contains("lathe_tune"))
    return makeError("{0}:1: is no journal of 'lathe tune'", name);
  if (json["lathe_tune"] != kVersion)
    return makeError("{0}:1: is of version {1} of the journal; this lathe reads {2}", name, json["lathe_tune"].dump(),
                     kVersion);
  return JournalHead{json.at("model"), json.at("target"), json.at("generator"), json.at("machine"), json.at("threads")};
}

/// What keeps a journal of `there` from going on with `here`; nothing if it fits.
std::string difference(const JournalHead &there, const JournalHead &here) {
  const Json a = jsonOf(there), b = jsonOf(here);
  for (const auto &[field, value] : a.items())
    if (value != b[field])
      return llvm::formatv("its {0} is {1}, now it is {2}", field, value.dump(), b[field].dump()).str();
  return "";
}

} // namespace

const char *nameOf(Outcome outcome) { return kNames[size_t(outcome)]; }

Expected<JournalText> parseJournal(llvm::StringRef name, llvm::StringRef text) {
  JournalText journal;
  size_t number = 0;
  while (true) {
    const size_t end = text.find('\n', journal.bytes);
    if (end == llvm::StringRef::npos)
      break; // nothing, or a line that was torn
    const llvm::StringRef line = text.slice(journal.bytes, end);
    ++number;
    const Json json = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    try {
      if (number == 1) {
        Expected<JournalHead> head = headOf(name, json);
        if (!head)
          return head.takeError();
        journal.head = std::move(*head);
      } else if (json.contains("look")) {
        KeyLine key = keyLineOf(json);
        llvm::erase_if(journal.keys, [&](const KeyLine &other) { return other.key == key.key; });
        journal.keys.push_back(std::move(key));
      } else {
        journal.measurements.push_back(measurementOf(json));
      }
    } catch (const std::exception &) { // nlohmann's, whose words are its own
      return makeError("{0}:{1}: is no line of a journal", name, number);
    }
    journal.bytes = end + 1;
  }
  if (!number)
    return makeError("{0}: has no whole line; a journal begins with what it is of", name);
  return journal;
}

Expected<JournalText> readJournal(const std::string &path) {
  Expected<std::string> text = readSmallFile(path, kMostBytes);
  return text ? parseJournal(path, *text) : text.takeError();
}

/// What a journal at `path` has; nothing where there is none, or one whose head was torn.
static Expected<std::optional<JournalText>> readIfThere(const std::string &path) {
  uint64_t size = 0;
  if (llvm::sys::fs::file_size(path, size) || size == 0)
    return std::nullopt;
  Expected<std::string> text = readSmallFile(path, kMostBytes);
  if (!text)
    return text.takeError();
  if (llvm::StringRef(*text).starts_with(kBeginning) && !llvm::StringRef(*text).contains('\n'))
    return std::nullopt;
  Expected<JournalText> journal = parseJournal(path, *text);
  if (!journal)
    return journal.takeError();
  return std::optional(std::move(*journal));
}

Expected<std::unique_ptr<Journal>> Journal::open(const std::string &path, const JournalHead &head, bool afresh) {
  Expected<std::optional<JournalText>> read = readIfThere(path);
  if (!read)
    return read.takeError();
  JournalText earlier;
  const bool there = !afresh && *read;
  if (there) {
    if (std::string other = difference((*read)->head, head); !other.empty())
      return makeError("{0}: its measurements don't belong to this run: {1}; --fresh begins anew, --out names another",
                       path, other);
    earlier = std::move(**read);
  }
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0)
    return makeError("{0}: {1}", path, std::strerror(errno));
  std::unique_ptr<Journal> journal(new Journal(path, fd));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0)
    return makeError("{0}: another 'lathe tune' writes to it", path);
  if (::ftruncate(fd, off_t(earlier.bytes)) != 0) // cuts off a torn line, or all
    return makeError("{0}: {1}", path, std::strerror(errno));
  journal->earlier = std::move(earlier);
  if (!there)
    if (Error failed = journal->write(jsonOf(head).dump()))
      return std::move(failed);
  return journal;
}

Journal::~Journal() { ::close(fd); }

Error Journal::write(std::string line) {
  line += '\n';
  if (::write(fd, line.data(), line.size()) != ssize_t(line.size()) || ::fdatasync(fd) != 0)
    return makeError("{0}: {1}", path, std::strerror(errno));
  return Error::success();
}

static std::string lineOf(const Json &json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace); // a child's last words may be any bytes
}

Error Journal::add(const KeyLine &key) { return write(lineOf(jsonOf(key))); }
Error Journal::add(const Measurement &measurement) { return write(lineOf(jsonOf(measurement))); }

} // namespace lathe::tune
