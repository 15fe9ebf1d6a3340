#include "tools/lathe/Evaluate.h"
#include "tools/lathe/Command.h"
#include "tools/lathe/Console.h"
#include "tools/run/Run.h"
#include <cmath>
#include <numeric>

namespace lathe::cli {
namespace {

/// Gathers hidden states, which come step after step.
class LayerRecorder {
public:
  LayerRecorder(std::vector<NamedTensor> &layers, const IdBatch &batch) : layers(layers) {
    for (const auto &sequence : batch)
      tokens += sequence.size();
  }

  void add(int64_t hidden, const reference::Matrix<double> &rows) {
    NamedTensor &layer = named(hidden, size_t(rows.columns));
    layer.values.insert(layer.values.end(), rows.values.begin(), rows.values.end());
  }

  PhaseObserver observer() {
    return [this](const PhaseEvent &event) {
      if (!event.fetch || !event.table->hidden)
        return;
      const float *result = event.fetch();
      NamedTensor &layer = named(event.table->hidden - 1, event.columns);
      for (size_t row = 0; row < event.rows; ++row) {
        const float *begin = result + row * event.rowStride;
        layer.values.insert(layer.values.end(), begin, begin + event.columns);
      }
    };
  }

private:
  NamedTensor &named(int64_t hidden, size_t width) {
    std::string name = "hidden." + std::to_string(hidden);
    for (NamedTensor &layer : layers)
      if (layer.name == name)
        return layer;
    layers.push_back({std::move(name), {tokens, width}, {}});
    return layers.back();
  }

  std::vector<NamedTensor> &layers;
  size_t tokens = 0; // of all sequences
};

/// `logits` are those of one sequence.
llvm::Error checkFinite(size_t sequence, llvm::ArrayRef<float> logits, size_t vocabulary) {
  auto wrong = llvm::find_if(logits, [](float logit) { return !std::isfinite(logit); });
  if (wrong == logits.end())
    return llvm::Error::success();
  const size_t at = size_t(wrong - logits.begin());
  return makeError(
      "sequence {0}, position {1}: the logit of token {2} is {3}; its numbers are beyond f32, or beyond the "
      "cache without --kv f32",
      sequence, at / vocabulary, at % vocabulary, double(*wrong));
}

} // namespace

llvm::Expected<Evaluation> evaluateProgram(Context &context, const IdBatch &batch, bool layers, size_t step) {
  Evaluation evaluation;
  evaluation.vocabulary = context.model().tables().vocabulary;
  LayerRecorder recorder(evaluation.layers, batch);
  for (size_t i = 0; i < batch.size(); ++i) {
    if (interrupted())
      return llvm::make_error<Interrupted>();
    Session session(context);
    auto keep = [&](size_t, std::span<const float> logits) {
      evaluation.logits.insert(evaluation.logits.end(), logits.begin(), logits.end());
    };
    Result<void> fed = session.feedAll(batch[i], keep, layers ? recorder.observer() : PhaseObserver(), step);
    if (!fed)
      return makeError("sequence {0}: {1}", i, fed.message());
    llvm::ArrayRef<float> logits = evaluation.logits;
    if (llvm::Error error =
            checkFinite(i, logits.take_back(batch[i].size() * evaluation.vocabulary), evaluation.vocabulary))
      return std::move(error);
  }
  return evaluation;
}

llvm::Expected<Evaluation> evaluateReference(const ReferenceModel &model, const IdBatch &batch, bool layers,
                                             unsigned threads) {
  Evaluation evaluation;
  LayerRecorder recorder(evaluation.layers, batch);
  reference::Interpreter<double> oracle(*model.module, model.weights, {.quantized = false, .threads = threads});
  if (layers)
    oracle.observe([&](mlir::OpResult result, const reference::Matrix<double> &value) {
      if (std::optional<int64_t> hidden = ir::hiddenOf(result.getOwner()))
        recorder.add(*hidden, value);
    });
  for (size_t i = 0; i < batch.size(); ++i) {
    if (interrupted())
      return llvm::make_error<Interrupted>();
    std::vector<int32_t> positions(batch[i].size()), slots(batch[i].size(), 0);
    std::iota(positions.begin(), positions.end(), 0);
    oracle.reset();
    auto logits = oracle.step("prefill", {batch[i], positions, slots, /*logitRows=*/positions});
    if (!logits)
      return makeError("sequence {0}: {1}", i, llvm::toString(logits.takeError()));
    evaluation.vocabulary = size_t(logits->columns);
    evaluation.logits.insert(evaluation.logits.end(), logits->values.begin(), logits->values.end());
    llvm::ArrayRef<float> all = evaluation.logits;
    if (llvm::Error error = checkFinite(i, all.take_back(logits->values.size()), evaluation.vocabulary))
      return std::move(error);
  }
  return evaluation;
}

} // namespace lathe::cli
