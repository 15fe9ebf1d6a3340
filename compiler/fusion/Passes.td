//===- Passes.td - from ops to phases -------------------------------------------------------------*- tablegen -*-===//
#ifndef LATHE_COMPILER_FUSION_PASSES_TD
#define LATHE_COMPILER_FUSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def WritePlan : Pass<"lathe-plan", "mlir::ModuleOp"> {
  let summary = "what a target wants of fusion becomes the module's lathe.plan, which later passes read";
  let description = [{
    Also the programs: where steps may have more sequences than the smallest decode program takes, decode functions are
    copied for them. compiler/fusion/Plan.h says what the options mean.
  }];
  let dependentDialects = ["::lathe::ir::LatheDialect"];
  let options = [
    Option<"split", "split", "int64_t", "FusionOptions().splitPositions", "positions of one split, a multiple of 64">,
    Option<"decodeRows", "decode-rows", "int64_t", "FusionOptions().decodeRows", "rows (sequences) of the smallest decode step at most">,
    Option<"sequences", "sequences", "int64_t", "FusionOptions().sequences", "sequences of a step at most">,
    Option<"prefillRows", "prefill-rows", "int64_t", "FusionOptions().prefillRows", "rows of a prefill step at most, a multiple of 64">,
    Option<"prefillLogitRows", "prefill-logit-rows", "int64_t", "FusionOptions().prefillLogitRows", "rows of a prefill step whose logits may be asked for, at most">,
    Option<"maxContext", "max-context", "int64_t", "FusionOptions().maxContext", "positions of a sequence; 0: the module's lathe.max_context">,
    Option<"choiceTileRows", "choice-tile-rows", "int64_t", "FusionOptions().choiceTileRows", "rows of a tile of choices of experts; 0: by their number">,
    Option<"repeatRows", "repeat-rows", "int64_t", "FusionOptions().repeatRows", "rows of a decode step at most whose norms run in every linear that reads them">,
    Option<"splitsInGrid", "splits-in-grid", "bool", "FusionOptions().splitsInGrid", "attention's splits are tiles of the grid in every step, joined in a phase of its own">,
    Option<"activations", "activations", "std::string", "nameOf(FusionOptions().activations)", "what linears of integer formats multiply: f32, q16 or q8">
  ];
}

def SplitAttention : Pass<"lathe-split-attention", "mlir::ModuleOp"> {
  let summary = "lathe.attention becomes append, attend and combine";
  let description = [{
    The context is cut into splits of the plan's number of positions, which depends on nothing but the model: so a row's
    result has the same bits in whatever step and on however many workers it is computed.
  }];
  let dependentDialects = ["::lathe::ir::LatheDialect"];
}

def MergeLinears : Pass<"lathe-merge-linears", "mlir::ModuleOp"> {
  let summary = "query, key and value, or gate and up, become one linear and slices of its result";
  let description = [{
    Members share the input, the weight format and the presence of a bias; what differs stays by itself.
  }];
  let dependentDialects = ["::lathe::ir::LatheDialect"];
}

def QuantizeActivations : Pass<"lathe-quantize-activations", "mlir::ModuleOp"> {
  let summary = "the input of every linear with weights in an integer format is quantised as the plan says, once for all its users";
  let dependentDialects = ["::lathe::ir::LatheDialect"];
}

def PackWeights : Pass<"lathe-pack-weights", "mlir::ModuleOp"> {
  let summary = "every use of weights goes through one lathe.packed";
  let description = [{
    One for each different list of weights: a head that shares the embedding's table shares its packed form, and all
    functions share all. Pairs that feed a lathe.glu are interleaved. A packed symbol is its sources' names joined, and
    ".packed": @layers.0.mlp.gate+up.packed.
  }];
  let dependentDialects = ["::lathe::ir::LatheDialect"];
}

def FormPhases : Pass<"lathe-form-phases", "mlir::ModuleOp"> {
  let summary = "ops become phases, by the function's kind of step";
  let description = [{
    A function's kind is its attribute lathe.kind, or else its name.

    decode   rows of distinct sequences. Ops on single rows that lead to a linear run in its phase, once on every
             worker (of more sequences than the plan's repeat_rows in phases of their own, as in prefill); rotation,
             append and attention are one phase. Five phases a layer.
    prefill  many rows. Ops on single rows are phases of their own, so that no worker repeats them; attention joins its
             own splits.

    With the plan's splits_in_grid attention gives its partials in prefill, too, and lathe.combine is always of a phase of
    row ops.

    What follows a linear and works on its result element by element (glu, activation, scale, softcap, add) becomes
    its epilogue, as far as its kernel's order of them goes. Other ops on rows, wherever they stand, are phases of
    their own: one for each chain that nothing else reads. A rotation that attention does not read is one of them. What
    reads other rows than its own (take_rows, dispatch, collect, assign) finds them in an earlier phase's result. An op
    that makes a hidden state (lathe.hidden) is the last of its phase.
  }];
  let dependentDialects = ["::lathe::ir::LatheDialect"];
}

def PlanMemory : Pass<"lathe-plan-memory", "mlir::ModuleOp"> {
  let summary = "gives each phase's results a place in the function's arena";
  let description = [{
    First fit by liveness, aligned to 64 bytes. A result that only replaces a residual, tile by tile, takes its place. The
    function gets lathe.max_rows (unless lathe-plan has given it), lathe.max_logit_rows and lathe.arena_bytes. A result
    that is returned has offset -1: it lies in the logits.
  }];
  let dependentDialects = ["::lathe::ir::LatheDialect"];
}

#endif
