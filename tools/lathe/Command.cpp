#include "tools/lathe/Command.h"
#include "compiler/spec/Input.h"

namespace lathe::cli {

char UsageError::ID = 0;
char Interrupted::ID = 0;

void addInputFlags(CLI::App &command, InputOptions &input) {
  command.add_option("--weights", input.weightsPath, "a checkpoint for a spec textproto");
  command.add_flag("--random-weights", input.randomWeights, "seeded random weights for a spec textproto");
  command.add_option("--quantize", input.quantize, "store matrices as one of " + formatNames(FormatSet::Quantizing));
  command.add_option("--max-context", input.maxContext, "positions of one sequence (default: the model's)")
      ->check(CLI::PositiveNumber);
}

} // namespace lathe::cli
