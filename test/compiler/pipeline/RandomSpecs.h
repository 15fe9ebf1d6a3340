//===- RandomSpecs.h - valid specs that mix all axes of model.proto -----------------------------------*- C++ -*-===//
//
// Drawn by reflection over lathe.spec.Model: enums, booleans, alternatives and messages by themselves, numbers from a
// table in RandomSpecs.cpp. So a new axis takes part as soon as it is in model.proto; a number that the table does not
// know is a failure that says so. What cannot go together is left to validate(), which refuses it.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_COMPILER_PIPELINE_RANDOMSPECS_H
#define LATHE_TEST_COMPILER_PIPELINE_RANDOMSPECS_H

#include "models/model.pb.h"
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace lathe::test {

class RandomSpecs {
public:
  explicit RandomSpecs(uint64_t seed) : random(seed) {}

  /// A small spec that validate() passes.
  spec::Model next();
  /// The specs, of `drawn` valid ones, that show the most values of fields that none before them has: at most `count`.
  std::vector<spec::Model> varied(size_t count, size_t drawn);

  /// Numeric and text fields of Model, at any depth, for which the table has no values.
  static std::vector<std::string> unknownFields();
  /// Every value that an enum, boolean or alternative may take: "Norm.placement = POST".
  static std::set<std::string> allValues();
  /// Those of a spec, numbers too.
  static std::set<std::string> valuesOf(const google::protobuf::Message &message);
  /// Why drawn specs were refused, and how often.
  std::map<std::string, size_t> refusals;

private:
  using Message = google::protobuf::Message;
  using Field = google::protobuf::FieldDescriptor;
  /// Sets each field of the message with this probability.
  void draw(Message &message, double density);
  void drawField(Message &message, const Field &field, double density);
  bool chance(double probability) { return std::uniform_real_distribution<>()(random) < probability; }
  size_t below(size_t limit) { return random() % limit; }

  std::mt19937_64 random;
};

} // namespace lathe::test

#endif
