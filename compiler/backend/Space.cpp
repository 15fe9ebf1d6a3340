//===- Space.cpp - what the schedule of a kernel may vary -------------------------------------------------------===//
#include "compiler/backend/Space.h"
#include <algorithm>
#include <cassert>

using namespace lathe;

const int64_t *Values::find(const std::string &name) const {
  auto found = std::ranges::find(list, name, &std::pair<std::string, int64_t>::first);
  return found == list.end() ? nullptr : &found->second;
}

int64_t Values::operator[](const std::string &name) const {
  const int64_t *value = find(name);
  assert(value && "a value that the space does not have");
  return *value;
}

void Values::set(const std::string &name, int64_t value) {
  auto found = std::ranges::find(list, name, &std::pair<std::string, int64_t>::first);
  if (found == list.end())
    list.emplace_back(name, value);
  else
    found->second = value;
}

std::string Values::print() const {
  std::string text;
  for (const auto &[name, value] : list)
    text += (text.empty() ? "" : " ") + name + "=" + std::to_string(value);
  return text;
}

Values Space::fallback() const {
  Values values;
  for (const Parameter &parameter : parameters)
    values.set(parameter.name, parameter.fallback);
  return values;
}

bool Space::holds(const Values &values) const {
  auto allowed = [&](const Parameter &parameter) {
    const int64_t *value = values.find(parameter.name);
    return value && std::ranges::binary_search(parameter.choices, *value);
  };
  return values.all().size() == parameters.size() && std::ranges::all_of(parameters, allowed) &&
         (!constraint || constraint(values));
}
