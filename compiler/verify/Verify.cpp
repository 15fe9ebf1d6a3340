#include "compiler/verify/Verify.h"
#include "compiler/support/Error.h"
#include "compiler/verify/Reference.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <thread>

namespace lathe {
namespace {

using Oracle = reference::Interpreter<double>;

/// Of f32 arithmetic: see Verify.h.
struct Bounds {
  double logits, phase;
};

/// A score this part below another may come out above it.
constexpr double kNearTie = 1e-2;

Bounds boundsOf(const lathe_variant &variant) { return variant.state.layers ? Bounds{1e-8, 3e-7} : Bounds{1e-9, 3e-8}; }

/// Whether it rounds what is stored.
bool rounds(const reference::Options &options) { return options.quantized || options.cache != CacheFormat::F32; }

/// What the program rounds.
reference::Options roundingOf(const lathe_variant &variant, mlir::ModuleOp fused, unsigned threads) {
  reference::Options options{.cache = variant.cache.layers > 0 ? cacheFormatOf(variant) : CacheFormat::F32,
                             .threads = threads};
  fused.walk([&](ir::QuantizeOp) { options.quantized = true; });
  return options;
}

/// Rows of each step: prefill, decode, prefill that goes on from there, decode.
std::vector<size_t> planSteps(const Context &context, double budget) {
  const lathe_variant &variant = context.model().variant();
  const lathe_program &largest = variant.programs[variant.n_programs - 1];
  double perToken = 1;
  for (uint32_t i = 0; i < largest.n_phases; ++i)
    perToken += double(variant.phases[largest.first_phase + i].work.operations) / 2;
  size_t tokens = size_t(std::clamp(budget / perToken, 6.0, 320.0));
  tokens = std::min<size_t>(tokens, context.model().tables().max_context);
  size_t chunk = std::max<size_t>(1, std::min({tokens / 2, size_t(context.maxRows()), size_t(64)}));
  std::vector<size_t> steps;
  for (size_t left = tokens; left > 0;) {
    steps.push_back(std::min(left, steps.size() % 3 == 0 ? chunk : 1)); // chunk, 1, 1, chunk, …
    left -= steps.back();
  }
  return steps;
}

/// What the program's phases gave in the latest step, by phase.
struct Recorded {
  std::string name;
  size_t rows = 0, columns = 0;
  std::vector<float> values;
};

/// What the reference that rounds gave: by phase, in the order of the program's.
using Rounded = std::vector<reference::Matrix<double>>;

class Comparison {
public:
  Comparison(Context &context, mlir::ModuleOp fused, reference::WeightLookup weights,
             const reference::Options &rounding)
      : context(context), fused(fused), bounds(boundsOf(context.model().variant())), sequence(context.newSequence()),
        oracle(fused, weights, rounding) {
    if (rounds(rounding))
      exact.emplace(fused, std::move(weights), reference::Options{.threads = rounding.threads});
  }

  llvm::Error step(llvm::ArrayRef<int32_t> ids) {
    if (llvm::Error error = runProgram(ids))
      return error;
    Rounded rounded;
    llvm::Error error = runReference(
        oracle, ids, [&](Deviation &deviation, const Recorded &record, const reference::Matrix<double> &value) {
          compare(deviation.error, record.values.data(), value);
          if (exact)
            rounded.push_back(value);
        });
    if (error || !exact)
      return error;
    return runReference(
        *exact, ids,
        [&, next = size_t(0)](Deviation &deviation, const Recorded &, const reference::Matrix<double> &value) mutable {
          compare(deviation.formats, rounded[next++].values.data(), value);
        });
  }

  std::vector<Deviation> deviations;

private:
  /// Sees each phase with numbers to compare, then the logits.
  using Comparer =
      std::function<void(Deviation &, const Recorded &program, const reference::Matrix<double> &reference)>;

  llvm::Error runProgram(llvm::ArrayRef<int32_t> ids) {
    recorded.clear();
    bool allLogits = ids.size() <= context.maxLogitRows();
    StepPart part{&sequence, ids, allLogits ? LogitsWanted::All : LogitsWanted::Last};
    Result<void> done = context.step({&part, 1}, [&](const PhaseEvent &event) {
      Recorded &record = recorded.emplace_back();
      record.name = event.table->name;
      if (!event.fetch)
        return;
      const float *result = event.fetch();
      record.rows = event.rows;
      record.columns = event.columns;
      for (size_t row = 0; row < event.rows; ++row) {
        const float *begin = result + row * event.rowStride;
        record.values.insert(record.values.end(), begin, begin + event.columns);
      }
    });
    if (!done)
      return makeError("{0}", done.message());
    Recorded &logits = recorded.emplace_back("logits", context.logitRows(), context.model().tables().vocabulary);
    for (size_t row = 0; row < logits.rows; ++row)
      llvm::append_range(logits.values, context.logits(row));
    return llvm::Error::success();
  }

  llvm::Error runReference(Oracle &oracle, llvm::ArrayRef<int32_t> ids, const Comparer &comparer) {
    std::string program = context.latestProgram()->name;
    size_t phase = 0;
    std::string mismatch;
    auto take = [&](const Recorded &record, const reference::Matrix<double> &value, double bound) {
      if (record.rows != size_t(value.rows) || record.columns != size_t(value.columns))
        mismatch = llvm::formatv("phase \"{0}\" has {1} x {2} numbers, the reference {3} x {4}", record.name,
                                 record.rows, record.columns, value.rows, value.columns);
      else
        comparer(deviation(program, record.name, bound), record, value);
    };
    oracle.observe([&](mlir::OpResult result, const reference::Matrix<double> &value) {
      auto op = llvm::dyn_cast<ir::PhaseOp>(result.getOwner());
      if (!op || !mismatch.empty())
        return;
      while (phase < recorded.size() && recorded[phase].name != op.getName())
        ++phase; // one without a result, which is not observed
      if (phase >= recorded.size()) {
        mismatch = llvm::formatv("the program has no phase \"{0}\" there", op.getName());
        return;
      }
      const Recorded &record = recorded[phase++];
      if (!record.values.empty())
        take(record, value, bounds.phase);
    });
    oracle.decide([&](ir::RouteOp op, int64_t row, const std::vector<double> &wanted, std::vector<int64_t> chosen) {
      return programsChoice(op, row, wanted, std::move(chosen));
    });
    std::vector<int32_t> positions, slots(ids.size(), 0), logitRows;
    for (size_t row = 0; row < ids.size(); ++row) {
      positions.push_back(int32_t(sequence.length() - ids.size() + row));
      if (row + context.logitRows() >= ids.size())
        logitRows.push_back(int32_t(row));
    }
    llvm::Expected<reference::Matrix<double>> logits = oracle.step(program, {ids, positions, slots, logitRows});
    if (!logits)
      return makeError("program {0}, {1}", program, llvm::toString(logits.takeError()));
    if (mismatch.empty())
      take(recorded.back(), *logits, bounds.logits);
    if (!mismatch.empty())
      return makeError("@{0}: {1}", program, mismatch);
    return llvm::Error::success();
  }

  /// What the program chose for a row, if by scores as high as those of the reference's choice, or nearly.
  std::vector<int64_t> programsChoice(ir::RouteOp op, int64_t row, const std::vector<double> &wanted,
                                      std::vector<int64_t> chosen) const {
    auto phase = op->getParentOfType<ir::PhaseOp>();
    auto record = llvm::find_if(recorded, [&](const Recorded &r) { return r.name == phase.getName(); });
    if (record == recorded.end() || record->columns != 2 * chosen.size() || size_t(row) >= record->rows)
      return chosen;
    double lowest = std::numeric_limits<double>::infinity();
    for (int64_t expert : chosen)
      lowest = std::min(lowest, wanted[expert]);
    const float *first = record->values.data() + size_t(row) * record->columns;
    std::vector<int64_t> taken;
    for (size_t j = 0; j < chosen.size(); ++j) {
      const double expert = first[j];
      if (!(expert >= 0 && expert < double(wanted.size())) || (!taken.empty() && expert <= double(taken.back())) ||
          wanted[size_t(expert)] < lowest - kNearTie * std::abs(lowest))
        return chosen;
      taken.push_back(int64_t(expert));
    }
    return taken;
  }

  Deviation &deviation(const std::string &program, const std::string &phase, double bound) {
    auto found =
        llvm::find_if(deviations, [&](const Deviation &d) { return d.program == program && d.phase == phase; });
    if (found != deviations.end())
      return *found;
    return deviations.emplace_back(Deviation{program, phase, bound});
  }

  /// Where both are -infinity they agree: it is the highest score of a split that sees no position.
  template <typename T> static void compare(SquaredError &error, const T *got, const reference::Matrix<double> &want) {
    for (size_t i = 0; i < want.values.size(); ++i)
      if (!(double(got[i]) == want.values[i] && std::isinf(want.values[i]) && want.values[i] < 0))
        error.add(double(got[i]), want.values[i]);
  }

  Context &context;
  mlir::ModuleOp fused;
  Bounds bounds;
  Sequence sequence;
  Oracle oracle;                  ///< rounds what the program rounds
  std::optional<Oracle> exact;    ///< rounds nothing; none: nor does the program
  std::vector<Recorded> recorded; ///< the logits last
};

/// One step after another of a decode program: all of its sequences, or, so that a tile is not full, all but one.
class Batches {
public:
  explicit Batches(Context &context) : context(context) {}

  /// What each sequence has alone is what the reference was compared with; here its bits must come again.
  llvm::Error run() {
    const lathe_variant &variant = context.model().variant();
    for (uint32_t i = 0; i < variant.n_programs; ++i) {
      const lathe_program &program = variant.programs[i];
      const size_t rows = std::min(program.max_rows, context.model().tables().max_slots);
      if (program.distinct_sequences && rows > 1)
        if (llvm::Error wrong = compare(program, rows > 2 ? rows - 1 : rows))
          return wrong;
    }
    return llvm::Error::success();
  }

private:
  using Logits = std::vector<float>;
  static constexpr size_t kTexts = 3; ///< that sequences take in turn

  llvm::Expected<std::vector<Logits>> decode(size_t count, size_t firstText) {
    std::vector<Sequence> sequences;
    while (sequences.size() < count)
      sequences.push_back(context.newSequence());
    std::vector<Logits> logits(count);
    const lathe_model &tables = context.model().tables();
    for (uint32_t at = 0; at < std::min(2u, tables.max_context); ++at) {
      std::vector<int32_t> ids(count);
      std::vector<StepPart> parts;
      for (size_t i = 0; i < count; ++i) {
        ids[i] = int32_t((uint64_t((firstText + i) % kTexts * 2 + at) * 2654435761u >> 7) % tables.vocabulary);
        parts.push_back({&sequences[i], {&ids[i], 1}});
      }
      if (Result<void> done = context.step(parts); !done)
        return makeError("a step of {0} sequences: {1}", count, done.message());
      for (size_t i = 0; i < count; ++i)
        llvm::append_range(logits[i], context.logits(i));
    }
    return logits;
  }

  llvm::Error compare(const lathe_program &program, size_t count) {
    for (size_t text = alone.size(); text < kTexts; ++text) {
      llvm::Expected<std::vector<Logits>> one = decode(1, text);
      if (!one)
        return one.takeError();
      alone.push_back(std::move(one->front()));
    }
    llvm::Expected<std::vector<Logits>> together = decode(count, 0);
    if (!together)
      return together.takeError();
    for (size_t i = 0; i < count; ++i) {
      const Logits &got = (*together)[i], &wanted = alone[i % kTexts];
      if (got.size() != wanted.size() || std::memcmp(got.data(), wanted.data(), got.size() * sizeof(float)) != 0)
        return makeError("program {0}: the logits of sequence {1} of {2} in a step are not bit for bit those that it "
                         "has alone",
                         program.name, i, count);
    }
    return llvm::Error::success();
  }

  Context &context;
  std::vector<Logits> alone; ///< by text
};

} // namespace

double Verification::logitsNmse() const {
  double largest = 0;
  for (const Deviation &deviation : deviations)
    if (deviation.phase == "logits")
      largest = std::max(largest, deviation.nmse());
  return largest;
}

double Verification::formatsNmse() const {
  double largest = 0;
  for (const Deviation &deviation : deviations)
    if (deviation.phase == "logits")
      largest = std::max(largest, deviation.formats.nmse());
  return largest;
}

const Deviation &Verification::worst() const {
  return *llvm::max_element(
      deviations, [](const Deviation &a, const Deviation &b) { return a.nmse() / a.bound() < b.nmse() / b.bound(); });
}

llvm::Error Verification::judge(llvm::StringRef bundle) const {
  for (const Deviation &deviation : deviations)
    if (deviation.over())
      return makeError(
          "{0}: program {1}, phase \"{2}\" is not what the reference computes: NMSE {3:e2}, at most {4:e2} "
          "would be right",
          bundle, deviation.program, deviation.phase, deviation.nmse(), deviation.bound());
  return llvm::Error::success();
}

llvm::Expected<Verification> verify(std::shared_ptr<const Model> model, mlir::ModuleOp fused,
                                    reference::WeightLookup weights, const VerifyOptions &options) {
  const lathe_model &tables = model->tables();
  const uint32_t pages = model->variant().cache.max_pages + 1 + tables.max_slots; // a long sequence, then short ones
  Result<std::unique_ptr<Context>> context =
      Context::create(model, {.threads = options.threads, .cachePages = pages});
  if (!context)
    return makeError("{0}", context.message());
  const reference::Options rounding = roundingOf(model->variant(), fused, (*context)->threads());
  const unsigned references = rounds(rounding) ? 2 : 1;
  std::vector<size_t> steps = planSteps(**context, options.budget / references);
  Comparison comparison(**context, fused, std::move(weights), rounding);
  Verification verification;
  uint64_t state = 1;
  for (size_t rows : steps) {
    if (options.progress)
      options.progress(verification.steps, steps.size());
    std::vector<int32_t> ids(rows);
    for (int32_t &id : ids) { // any will do, as long as they differ
      state = state * 6364136223846793005u + 1442695040888963407u;
      id = int32_t((state >> 33) % tables.vocabulary);
    }
    if (llvm::Error error = comparison.step(ids))
      return std::move(error);
    verification.tokens += rows;
    verification.steps += 1;
  }
  verification.deviations = std::move(comparison.deviations);
  if (llvm::Error wrong = Batches(**context).run())
    return std::move(wrong);
  return verification;
}

} // namespace lathe
