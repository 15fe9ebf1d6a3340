//===- ValidatePositions.cpp - what a spec may say of positions ---------------------------------------------------===//
#include "compiler/spec/Checks.h"
#include <cmath>

namespace lathe {

static void checkYarn(const spec::Rotary &rotary, Checks &checks) {
  const spec::Rotary::Yarn &yarn = rotary.scaling().yarn();
  checks.positive("positions.rotary.scaling.yarn.factor", yarn.factor());
  checks.range("positions.rotary.scaling.yarn.original_context", yarn.original_context(), maxContext);
  checks.positive("positions.rotary.scaling.yarn.beta_slow", yarn.beta_slow());
  checks.positive("positions.rotary.scaling.yarn.beta_fast", yarn.beta_fast());
  checks.require(yarn.beta_fast() >= yarn.beta_slow(),
                 "positions.rotary.scaling.yarn.beta_fast = {0} is below beta_slow = {1}",
                 Checks::text(yarn.beta_fast()), Checks::text(yarn.beta_slow()));
  checks.require(rotary.theta() > 1, "positions.rotary.theta = {0} is not above 1, which scaling by YaRN needs",
                 Checks::text(rotary.theta()));
  checks.notNegative("positions.rotary.scaling.yarn.magnitude", yarn.magnitude());
  checks.notNegative("positions.rotary.scaling.yarn.mscale", yarn.mscale());
  checks.notNegative("positions.rotary.scaling.yarn.mscale_all_dims", yarn.mscale_all_dims());
}

static void checkForNtk(const spec::Rotary &rotary, Checks &checks) {
  checks.require(rotary.dims() > 2, "positions.rotary.dims = {0} is not above 2, which scaling by NTK needs",
                 rotary.dims());
}

static void checkLongRope(const spec::Rotary &rotary, Checks &checks) {
  const spec::Rotary::LongRope &longrope = rotary.scaling().longrope();
  for (const auto &[name, factors] :
       {std::pair("short_factor", &longrope.short_factor()), std::pair("long_factor", &longrope.long_factor())}) {
    checks.require(factors->empty() || factors->size() == int64_t(rotary.dims() / 2),
                   "positions.rotary.scaling.longrope.{0} has {1} numbers; there are {2} frequencies", name,
                   factors->size(), rotary.dims() / 2);
    for (double factor : *factors)
      checks.positive("positions.rotary.scaling.longrope: a factor", factor);
  }
  checks.range("positions.rotary.scaling.longrope.original_context", longrope.original_context(), maxContext);
  checks.require(longrope.original_context() > 1,
                 "positions.rotary.scaling.longrope.original_context = 1: it has no logarithm to divide by");
  checks.notNegative("positions.rotary.scaling.longrope.short_magnitude", longrope.short_magnitude());
  checks.notNegative("positions.rotary.scaling.longrope.long_magnitude", longrope.long_magnitude());
  checks.notNegative("positions.rotary.scaling.longrope.factor", longrope.factor());
}

static void checkTable(const spec::Rotary &rotary, Checks &checks) {
  const spec::Rotary::Scaling &scaling = rotary.scaling();
  if (scaling.has_longrope()) {
    checkLongRope(rotary, checks);
    checks.require(!scaling.has_dynamic_ntk(), "positions.rotary.scaling: longrope and dynamic_ntk exclude each other");
  }
  if (!scaling.has_divisors())
    return;
  const auto &divisors = scaling.divisors().divisor();
  checks.require(divisors.size() == int64_t(rotary.dims() / 2),
                 "positions.rotary.scaling.divisors has {0} numbers; there are {1} frequencies", divisors.size(),
                 rotary.dims() / 2);
  for (double divisor : divisors)
    checks.positive("positions.rotary.scaling.divisors.divisor", divisor);
}

static void checkScaling(const spec::Rotary &rotary, Checks &checks) {
  switch (rotary.scaling().kind_case()) {
  case spec::Rotary::Scaling::kLinear:
    checks.require(std::isfinite(rotary.scaling().linear().factor()) && rotary.scaling().linear().factor() != 0,
                   "positions.rotary.scaling.linear.factor = {0} is not a finite number other than 0",
                   Checks::text(rotary.scaling().linear().factor()));
    break;
  case spec::Rotary::Scaling::kLlama3: {
    const spec::Rotary::Llama3 &llama3 = rotary.scaling().llama3();
    checks.positive("positions.rotary.scaling.llama3.factor", llama3.factor());
    checks.positive("positions.rotary.scaling.llama3.low_freq_factor", llama3.low_freq_factor());
    checks.positive("positions.rotary.scaling.llama3.high_freq_factor", llama3.high_freq_factor());
    checks.require(llama3.high_freq_factor() > llama3.low_freq_factor(),
                   "positions.rotary.scaling.llama3.high_freq_factor = {0} is not above low_freq_factor = {1}",
                   Checks::text(llama3.high_freq_factor()), Checks::text(llama3.low_freq_factor()));
    checks.range("positions.rotary.scaling.llama3.original_context", llama3.original_context(), maxContext);
    break;
  }
  case spec::Rotary::Scaling::kYarn:
    checkYarn(rotary, checks);
    break;
  case spec::Rotary::Scaling::kNtk:
    checks.positive("positions.rotary.scaling.ntk.factor", rotary.scaling().ntk().factor());
    checkForNtk(rotary, checks);
    break;
  case spec::Rotary::Scaling::kDynamicNtk:
    checks.positive("positions.rotary.scaling.dynamic_ntk.factor", rotary.scaling().dynamic_ntk().factor());
    checks.range("positions.rotary.scaling.dynamic_ntk.original_context",
                 rotary.scaling().dynamic_ntk().original_context(), maxContext);
    checkForNtk(rotary, checks);
    break;
  case spec::Rotary::Scaling::KIND_NOT_SET:
    break;
  }
  checkTable(rotary, checks);
  if (rotary.scaling().has_magnitude())
    checks.positive("positions.rotary.scaling.magnitude", rotary.scaling().magnitude());
}

static void checkRotary(const spec::Model &model, Checks &checks) {
  const spec::Rotary &rotary = model.positions().rotary();
  checks.positive("positions.rotary.theta", rotary.theta());
  checks.require(rotary.dims() >= 2 && rotary.dims() % 2 == 0 && rotary.dims() <= model.attention().head_size(),
                 "positions.rotary.dims = {0} is not an even number from 2 to attention.head_size = {1}", rotary.dims(),
                 model.attention().head_size());
  checks.require(rotary.pairing() == spec::Rotary::INTERLEAVED || rotary.pairing() == spec::Rotary::HALF_SPLIT,
                 "positions.rotary.pairing is not set: INTERLEAVED or HALF_SPLIT");
  checkScaling(rotary, checks);
}

void checkPositions(const spec::Model &model, Checks &checks) {
  switch (model.positions().kind_case()) {
  case spec::Positions::kRotary:
    return model.has_mamba() ? void() : checkRotary(model, checks); // nothing rotates in a scan
  case spec::Positions::kLearned: {
    const spec::Learned &learned = model.positions().learned();
    checks.range("positions.learned.rows", learned.rows(), maxVocabulary);
    checks.require(uint64_t(learned.offset()) + model.max_context() <= learned.rows(),
                   "positions.learned.rows = {0} is less than offset = {1} and max_context = {2} together",
                   learned.rows(), learned.offset(), model.max_context());
    return;
  }
  case spec::Positions::kSinusoidal: {
    const spec::Sinusoidal &sines = model.positions().sinusoidal();
    checks.require(uint64_t(sines.offset()) + model.max_context() <= maxVocabulary,
                   "positions.sinusoidal.offset = {0} and max_context = {1} together are more than {2}", sines.offset(),
                   model.max_context(), maxVocabulary);
    checks.require(model.dim() % 2 == 0 && (model.dim() > 2 || !sines.inclusive()),
                   "dim = {0} has no sine and cosine of each frequency, as positions.sinusoidal asks for", model.dim());
    return checks.positive("positions.sinusoidal.theta", sines.theta());
  }
  case spec::Positions::kAlibi:
    return checks.notNegative("positions.alibi.max_bias", model.positions().alibi().max_bias());
  case spec::Positions::kNone:
    return;
  case spec::Positions::KIND_NOT_SET:
    return checks.require(false, "positions has no kind: rotary, learned, sinusoidal, alibi or none");
  }
}

} // namespace lathe
