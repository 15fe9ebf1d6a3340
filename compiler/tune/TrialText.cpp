//===- TrialText.cpp - results of trials on their way between processes -------------------------------------------===//
#include "compiler/support/Error.h"
#include "compiler/tune/Trial.h"
#include <nlohmann/json.hpp>

namespace lathe::tune {

using Json = nlohmann::json;

static llvm::Expected<Json> parse(const std::string &text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded())
    return makeError("an answer that is none: {0}", printable(text));
  return json;
}

std::string encode(const TrialResult &result) {
  return Json{{"groups", result.groups}, {"same_bits", result.sameBits}}.dump();
}

llvm::Expected<TrialResult> decodeTrial(const std::string &text) {
  llvm::Expected<Json> json = parse(text);
  if (!json)
    return json.takeError();
  return TrialResult{(*json)["groups"].get<std::vector<TrialResult::Times>>(), (*json)["same_bits"].get<bool>()};
}

std::string encode(const Profile &profile) {
  Json programs = Json::array();
  for (const Profile::ProgramTime &program : profile.programs) {
    Json phases = Json::array();
    for (const Profile::PhaseTime &phase : program.phases)
      phases.push_back({phase.seconds, phase.work.bytes, phase.work.operations, phase.work.rate});
    programs.push_back({{"possible", program.possible}, {"rows", program.rows}, {"phases", std::move(phases)}});
  }
  return Json{{"programs", std::move(programs)}}.dump();
}

llvm::Expected<Profile> decodeProfile(const std::string &text) {
  llvm::Expected<Json> json = parse(text);
  if (!json)
    return json.takeError();
  Profile profile;
  for (const Json &program : (*json)["programs"]) {
    Profile::ProgramTime &time = profile.programs.emplace_back();
    time.possible = program["possible"].get<bool>();
    time.rows = program["rows"].get<uint32_t>();
    for (const Json &phase : program["phases"])
      time.phases.push_back(
          {phase[0].get<double>(), {phase[1].get<double>(), phase[2].get<double>(), phase[3].get<uint32_t>()}});
  }
  return profile;
}

} // namespace lathe::tune
