#include "tools/lathe/Command.h"
#include "compiler/spec/Input.h"
#include "compiler/support/Formats.h"

namespace lathe::cli {

char UsageError::ID = 0;
char Interrupted::ID = 0;
char NeedsCompiler::ID = 0;

void addInputFlags(CLI::App &command, InputOptions &input) {
  command.add_option("--weights", input.weightsPath, "a checkpoint for a spec textproto");
  command.add_flag("--random-weights", input.randomWeights, "seeded random weights for a spec textproto");
  command.add_option("--quantize", input.quantize, "store matrices as one of " + formatNames(FormatSet::Quantizing));
  command.add_option("--max-context", input.maxContext, "positions of one sequence (default: the model's)")
      ->check(CLI::PositiveNumber);
}

void addProgramFlags(CLI::App &command, ProgramFlags &program) {
  command
      .add_option("--kv", program.cache,
                  "numbers of the KV cache: f16; f32, exact, in twice the memory; or q8, bytes with a scale for each "
                  "position and head, in half of it (default: f32 when all matrices are f32, else f16)")
      ->check(CLI::IsMember({"f16", "f32", "q8"}));
  command
      .add_option("--activations", program.activations,
                  "what matrices of integer formats are multiplied by: q16, 16 bits as two planes of bytes; q8, one "
                  "plane: faster, and as exact as llama.cpp; f32, exact and slow (default: q16)")
      ->check(CLI::IsMember({"f32", "q16", "q8"}));
}

llvm::Error refuseFlags(llvm::StringRef bundle, const InputOptions &input, const ProgramFlags &program) {
  const char *given = !program.cache.empty()       ? "--kv"
                      : !program.activations.empty() ? "--activations"
                      : !input.weightsPath.empty() ? "--weights"
                      : input.randomWeights        ? "--random-weights"
                      : !input.quantize.empty()    ? "--quantize"
                      : input.maxContext           ? "--max-context"
                                                   : nullptr;
  if (!given)
    return llvm::Error::success();
  return llvm::make_error<UsageError>(
      llvm::formatv("{0}: is a bundle, compiled already: {1} has no meaning for it", bundle, given).str());
}

} // namespace lathe::cli
