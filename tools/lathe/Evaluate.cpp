#include "tools/lathe/Evaluate.h"
#include "tools/lathe/Command.h"
#include "tools/run/Run.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace lathe::cli {
NamedTensor &LayerRecorder::named(int64_t hidden, size_t width) {
  std::string name = "hidden." + std::to_string(hidden);
  for (NamedTensor &layer : layers)
    if (layer.name == name)
      return layer;
  layers.push_back({std::move(name), {tokens, width}, {}});
  return layers.back();
}

PhaseObserver LayerRecorder::observer() {
  return [this](const PhaseEvent &event) {
    if (!event.fetch || !event.table->hidden)
      return;
    const float *result = event.fetch();
    for (size_t row = 0; row < event.rows; ++row)
      add(event.table->hidden - 1, llvm::ArrayRef(result + row * event.rowStride, event.columns), event.columns);
  };
}

const float *firstNotFinite(llvm::ArrayRef<float> logits) {
  const float *wrong = llvm::find_if(logits, [](float logit) { return !std::isfinite(logit); });
  return wrong == logits.end() ? nullptr : wrong;
}

llvm::Error notFinite(const std::string &where, size_t token, float logit) {
  return makeError("{0}: the logit of token {1} is {2}; its numbers are beyond f32, or beyond the cache without "
                   "--kv f32",
                   where, token, double(logit));
}

llvm::Error checkFinite(size_t sequence, llvm::ArrayRef<float> logits, size_t vocabulary) {
  const float *wrong = firstNotFinite(logits);
  if (!wrong)
    return llvm::Error::success();
  const size_t at = size_t(wrong - logits.begin());
  return notFinite("sequence " + std::to_string(sequence) + ", position " + std::to_string(at / vocabulary),
                   at % vocabulary, *wrong);
}

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

} // namespace lathe::cli
