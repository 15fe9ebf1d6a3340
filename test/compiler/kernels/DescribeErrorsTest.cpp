//===- DescribeErrorsTest.cpp - what describe refuses -------------------------------------------------------------===//
//
// Each case is a module of test/compiler/fusion/Inputs, fused, printed and changed in one way (TextEdits.h), and words
// of the error. Verifiers find nothing wrong with it: what they see to is asserted in describe.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/dialect/Lathe.h"
#include "compiler/fusion/Passes.h"
#include "compiler/kernels/Describe.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "test/compiler/fusion/FusionInputs.h"
#include "test/compiler/kernels/TextEdits.h"
#include <gmock/gmock.h>

using namespace lathe;

namespace {

struct Edit {
  const char *from, *to;
};

struct Case {
  const char *name, *input;
  std::vector<Edit> edits;
  const char *error;
};

void PrintTo(const Case &value, std::ostream *out) { *out << value.name; }

const std::vector<Case> modules = {
    {"NoMaxContext",
     "llama-q4",
     {{"{lathe.max_context = 1024 : i64, lathe.plan", "{lathe.plan"}},
     "has no attribute lathe.max_context; run lathe-plan-memory"},
    {"NoMaxRows",
     "llama-q4",
     {{", lathe.max_rows = 8 : i64}", "}"}},
     "function @decode: func.func has no attribute lathe.max_rows; run lathe-plan-memory"},
    {"NoLogitRows", "llama-q4", {{" lathe.max_logit_rows = 8 : i64,", ""}}, "has no attribute lathe.max_logit_rows"},
    {"NoArena", "llama-q4", {{"lathe.arena_bytes = ..., lathe", "lathe"}}, "has no attribute lathe.arena_bytes"},
    {"NoBody",
     "llama-q4",
     {{"func.func @decode", "func.func private @other(tensor<?xi32>)\n func.func @decode"}},
     "function @other: has no body"},
    {"MatrixAndVector",
     "llama-q4",
     {{"lathe.embed %i, @token_embedding.packed", "lathe.embed %i, @norm.packed"}},
     "@norm.packed is used as a matrix and as a vector"},
    {"NotPacked",
     "llama-q4",
     {{"lathe.embed %i, @token_embedding.packed", "lathe.embed %i, @token_embedding"}},
     "@token_embedding is used and is not a lathe.packed; run lathe-pack-weights"},
    {"WeightsOfNoKernel",
     "llama-q4",
     {{"lathe.packed @norm.packed \"f32\" [@norm]",
       "lathe.packed @norm.packed \"f32\" [@norm]\n lathe.packed @other.packed \"f32\" [@norm]"},
      {"lathe.slice %x offset 64 :", "lathe.slice %x offset 64 {by = @other.packed} :"}},
     "lathe.slice names @other.packed, and describe knows no kernel that would read it"},
    // A symbol of a module inside is another one.
    {"SourcesThatDoNotFit",
     "llama-q4",
     {{"lathe.packed @norm.packed \"f32\" [@norm]", R"(lathe.packed @norm.packed "f32" [@norm]
       lathe.packed @other.packed "q4_1" [@layers.0.mlp.up]
       module {
         lathe.weight @other.packed "f32" : tensor<1x64xf32>
         func.func @inner(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
           %y = lathe.norm rms %x, @other.packed eps 1.0e-5 : tensor<?x64xf32>
           return %y : tensor<?x64xf32>
         }
       })"}},
     "@other.packed has sources that cannot be packed together as q4_1"},
    {"KvHeadsDiffer",
     "llama-q4",
     {{"layer 1 kv_heads 2 head_size 16 :", "layer 1 kv_heads 4 head_size 8 :"}},
     "layers differ in KV heads, head sizes or split"},
    {"SplitsDiffer",
     "llama-q4",
     {{"lathe.attend %q, %p, %s layer 1...split 256", "lathe.attend %q, %p, %s layer 1...split 128"}},
     "lathe.attend: layers differ in KV heads, head sizes or split"},
    {"SplitsOfHalfPages", "llama-q4", {{"split 256 :", "split 100 :"}}, "the split is not whole pages"},
    {"StateTooLarge",
     "recurrent",
     {{"@layers.0.conv \"f32\" : tensor<37x3xf32>", "@layers.0.conv \"f32\" : tensor<37x100000000xf32>"}},
     "the recurrent state of a layer has more than 2^31 numbers"},
    {"OutsideOfPhases",
     "llama-q4",
     {{"return %l : tensor<?x100xf32>",
       "%more = lathe.scale %l by 2.0 : tensor<?x100xf32>\n return %more : tensor<?x100xf32>"}},
     "lathe.scale stands outside of phases; run lathe-form-phases"},
    {"TwoResults",
     "llama-q4",
     {{"-> tensor<?x100xf32> attributes", "-> (tensor<?x100xf32>, tensor<?x100xf32>) attributes"},
      {"return %l : tensor<?x100xf32>", "return %l, %l : tensor<?x100xf32>, tensor<?x100xf32>"}},
     "gives 2 results; a step gives logits"},
    {"GivesNoLogits",
     "llama-q4",
     {{"-> tensor<?x100xf32> attributes", "-> tensor<?x64xf32> attributes"},
      {"return %l : tensor<?x100xf32>", "return %0 : tensor<?x64xf32>"}},
     "must give what its last phase makes, the logits"},
    {"OtherVocabulary",
     "llama-f32",
     {{"func.func @prefill(...) -> tensor<?x100xf32>", "func.func @prefill(...) -> tensor<?x64xf32>"},
      {R"(lathe.phase "logits" (%a = %x : tensor<?x64xf32>) -> tensor<?x100xf32>...{
          %l = lathe.linear %a, [@token_embedding.packed] : tensor<?x64xf32> -> tensor<?x100xf32>
          lathe.yield %l : tensor<?x100xf32>
          }
          return %r : tensor<?x100xf32>)",
       R"(lathe.phase "logits" (%a = %x : tensor<?x64xf32>) -> tensor<?x64xf32>...{
          %l = lathe.linear %a, [@layers.0.attention.output.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
          lathe.yield %l : tensor<?x64xf32>
          }
          return %r : tensor<?x64xf32>)"}},
     "function @prefill: gives 64 logits where another function gives 100"},
};

const std::vector<Case> phases = {
    {"MixesRows",
     "llama-q4",
     {{"%t = lathe.take_rows %a, %r : tensor<?x64xf32>",
       "%u = lathe.take_rows %a, %r : tensor<?x64xf32>\n %t = lathe.add %u, %a : tensor<?x64xf32>"}},
     "phase \"logits\": lathe.phase mixes rows of all tokens with rows of wanted logits"},
    {"ChoicesOfNothing",
     "llama-q4",
     {{"lathe.phase \"embed\" (...) -> tensor<?x64xf32> offsets",
       "lathe.phase \"embed\" (...) -> tensor<?x64xf32> rows choices offsets"}},
     "phase \"embed\": lathe.phase has rows that are choices, and no input that says which"},
    {"MixesRowsOfChoices",
     "experts",
     {{"%d = lathe.dispatch %a, %c : tensor<?x20xf32>",
       "%e = lathe.dispatch %a, %c : tensor<?x20xf32>\n %d = lathe.add %e, %a : tensor<?x20xf32>"}},
     "mixes rows of all tokens with rows of wanted logits, or of choices"},
    {"TwoResults",
     "llama-q4",
     {{R"(%o = lathe.phase "embed" (...) -> tensor<?x64xf32> offsets [0]...{
          %e = lathe.embed %i, @token_embedding.packed : tensor<?x64xf32>
          lathe.yield %e : tensor<?x64xf32>)",
       R"(%o, %more = lathe.phase "embed" (...) -> (tensor<?x64xf32>, tensor<?x64xf32>) offsets [0, 8192]...{
          %e = lathe.embed %i, @token_embedding.packed : tensor<?x64xf32>
          lathe.yield %e, %e : tensor<?x64xf32>, tensor<?x64xf32>)"}},
     "phase \"embed\": lathe.phase has more than one result"},
    {"NoPlaces",
     "llama-q4",
     {{"lathe.phase \"embed\" (...) -> tensor<?x64xf32> offsets [0]",
       "lathe.phase \"embed\" (...) -> tensor<?x64xf32>"}},
     "has no places in memory; run lathe-plan-memory"},
    {"GivesItsInput",
     "llama-q4",
     {{R"(lathe.phase "layers.0.mlp.norm" (%a = %x : tensor<?x64xf32>) -> tensor<?x64x!lathe.q16>...{
          %n = lathe.norm rms %a, @layers.0.mlp.norm.packed eps 1.000000e-05 : tensor<?x64xf32>
          %q = lathe.quantize %n : tensor<?x64xf32> -> tensor<?x64x!lathe.q16>
          lathe.yield %q)",
       R"(lathe.phase "layers.0.mlp.norm" (%q = %1 : tensor<?x64x!lathe.q16>) -> tensor<?x64x!lathe.q16>...{
          lathe.yield %q)"}},
     "phase \"layers.0.mlp.norm\": lathe.phase gives what none of its ops makes"},
    {"GivesPartOfItsInput",
     "recurrent",
     {{R"(%a = lathe.activation silu %c : tensor<?x37xf32>
          lathe.yield %a)",
       R"(%more = lathe.slice %arg4 offset 0 : tensor<?x74xf32> -> tensor<?x37xf32>
          lathe.yield %more)"}},
     "phase \"layers.0.conv\": lathe.phase gives what none of its ops makes"},
    {"MakesNothing",
     "llama-f32",
     {{R"(%k = lathe.rope half_split %x, %p, @rotary head_size 16 : tensor<?x32xf32>
          lathe.append %k, %v, %p, %s layer 0 kv_heads 2 head_size 16 : tensor<?x32xf32>
          lathe.yield %q : tensor<?x64xf32>
          })",
       R"(%k = lathe.rope half_split %x, %p, @rotary head_size 16 : tensor<?x32xf32>
          lathe.append %k, %v, %p, %s layer 0 kv_heads 2 head_size 16 : tensor<?x32xf32>
          lathe.yield %q : tensor<?x64xf32>
          }
          lathe.phase "idle" () offsets [] {
            lathe.yield
          })"}},
     "phase \"idle\": lathe.phase has nothing to run"},
    {"LogitsOfAllRows",
     "llama-q4",
     {{R"(lathe.phase "logits" (%a = %x : tensor<?x64xf32>, %r = %rows : tensor<?xi32>) -> tensor<?x100xf32>...{
          %t = lathe.take_rows %a, %r : tensor<?x64xf32>
          %n = lathe.norm rms %t,)",
       R"(lathe.phase "logits" (%a = %x : tensor<?x64xf32>, %r = %rows : tensor<?xi32>)
          -> tensor<?x100xf32> offsets [-1] {
          %n = lathe.norm rms %a,)"}},
     "gives the function's result for all rows; lathe.take_rows must say which rows want logits"},
    {"RowsOfTheCaller",
     "llama-q4",
     {{"%arg3: tensor<?xi32>) -> tensor<?x100xf32>",
       "%arg3: tensor<?xi32>, %more: tensor<?x64xf32>) -> tensor<?x100xf32>"},
      {"lathe.phase \"layers.0.attention.query+key+value\" (%a = %x : tensor<?x64xf32>)",
       "lathe.phase \"layers.0.attention.query+key+value\" (%a = %more : tensor<?x64xf32>)"}},
     "lathe.norm reads something that is neither a phase's result nor made in this phase"},
    {"IndicesOfElsewhere",
     "llama-q4",
     {{"func.func @prefill", "func.func private @positions() -> tensor<?xi32>\n func.func @prefill"},
      {"lathe.append %k, %v, %p, %s layer 0",
       "%made = func.call @positions() : () -> tensor<?xi32>\n lathe.append %k, %v, %made, %s layer 0"}},
     "lathe.append takes indices that are not an argument of the function"},
    {"ArgumentOfTwoMeanings",
     "llama-q4",
     {{"lathe.attend %q, %p, %s layer 0", "lathe.attend %q, %s, %p layer 0"}},
     "lathe.attend uses an argument of the function as something else than another op does"},
    {"PositionsOfLogits",
     "llama-q4",
     {{R"(lathe.phase "logits" (%a = %x : tensor<?x64xf32>, %r = %rows : tensor<?xi32>)...{
          %t = lathe.take_rows %a, %r : tensor<?x64xf32>
          %n = lathe.norm rms %t,)",
       R"(lathe.phase "logits" (%a = %x : tensor<?x64xf32>, %r = %rows : tensor<?xi32>, %p = %arg1 : tensor<?xi32>)...{
          %t = lathe.take_rows %a, %r : tensor<?x64xf32>
          %u = lathe.rope half_split %t, %p, @rotary head_size 16 : tensor<?x64xf32>
          %n = lathe.norm rms %u,)"}},
     "lathe.rope needs positions or slots, and only the rows of a step have them"},
    {"TakesRowsOfTakenRows",
     "llama-f32",
     {{R"(lathe.phase "logits" (%a = %x : tensor<?x64xf32>) -> tensor<?x100xf32>...{
          %l = lathe.linear %a,)",
       R"(lathe.phase "logits" (%a = %x : tensor<?x64xf32>, %r = %arg3 : tensor<?xi32>) -> tensor<?x100xf32>...{
          %t = lathe.take_rows %a, %r : tensor<?x64xf32>
          %l = lathe.linear %t,)"}},
     "lathe.take_rows must take whole rows of an earlier phase's result"},
    {"OpWithoutKernel",
     "llama-q4",
     {{"func.func @prefill", "func.func private @other(tensor<?x64xf32>) -> tensor<?x64xf32>\n func.func @prefill"},
      {"%e = lathe.embed %i, @token_embedding.packed : tensor<?x64xf32>",
       R"(%e0 = lathe.embed %i, @token_embedding.packed : tensor<?x64xf32>
          %e = func.call @other(%e0) : (tensor<?x64xf32>) -> tensor<?x64xf32>)"}},
     "phase \"embed\": func.call has no kernel here"},
    {"OpWithoutResult",
     "llama-q4",
     {{"func.func @prefill", "func.func private @other()\n func.func @prefill"},
      {"%e = lathe.embed %i, @token_embedding.packed",
       "func.call @other() : () -> ()\n %e = lathe.embed %i, @token_embedding.packed"}},
     "phase \"embed\": func.call has no kernel here"},
    {"TwoLinears",
     "llama-f32",
     {{"%l = lathe.linear %h, [@layers.0.mlp.down.packed] : ... -> tensor<?x64xf32>",
       R"(%more = lathe.linear %h, [@layers.0.mlp.down.packed] : ... -> tensor<?x64xf32>
          %l = lathe.linear %h, [@layers.0.mlp.down.packed] : tensor<?x96xf32> -> tensor<?x64xf32>)"}},
     "phase \"layers.0.mlp.down\": lathe.linear is there twice"},
};

const std::vector<Case> attention = {
    {"TurnsAThird",
     "llama-q4",
     {{"%k = lathe.rope half_split %x, %p, @rotary head_size 16 : tensor<?x32xf32>",
       R"(%more = lathe.rope half_split %x, %p, @rotary head_size 16 : tensor<?x32xf32>
          %k = lathe.rope half_split %x, %p, @rotary head_size 16 : tensor<?x32xf32>)"}},
     "phase \"layers.0.attention\": lathe.rope must turn attention's query or key"},
    // In prefill the query is the phase's result.
    {"TurnsWhatNobodyReads",
     "llama-q4",
     {{"lathe.append %k, %v, %p, %s layer 0 kv_heads 2 head_size 16 : tensor<?x32xf32> lathe.yield %q",
       R"(lathe.append %k, %v, %p, %s layer 0 kv_heads 2 head_size 16 : tensor<?x32xf32>
          %more = lathe.rope half_split %v, %p, @rotary head_size 16 : tensor<?x32xf32>
          lathe.yield %q)"}},
     "phase \"layers.0.attention.append\": lathe.rope must turn attention's query or key"},
    {"TurnsTheQueryAlone",
     "llama-q4",
     {{"%k = lathe.rope half_split %x, %p, @rotary head_size 16 : tensor<?x32xf32> lathe.append %k,",
       "lathe.append %x,"}},
     "lathe.append has a rotation for only one of query and key"},
    {"TurnsInTwoWays",
     "llama-q4",
     {{"lathe.rope half_split %x, %p, @rotary head_size 16 : tensor<?x64xf32>",
       "lathe.rope interleaved %x, %p, @rotary head_size 16 : tensor<?x64xf32>"}},
     "lathe.rope of the query differs from the key's"},
    {"HeadsThatDoNotDivide",
     "llama-q4",
     {{R"(lathe.phase "layers.0.attention.append" (...) -> tensor<?x64xf32>...{
          %x = lathe.slice %a offset 0 : tensor<?x128xf32> -> tensor<?x64xf32>)",
       R"(lathe.phase "layers.0.attention.append" (...) -> tensor<?x48xf32>...{
          %x = lathe.slice %a offset 0 : tensor<?x128xf32> -> tensor<?x48xf32>)"},
      {R"(%q = lathe.rope half_split %x, %p, @rotary head_size 16 : tensor<?x64xf32>
          %k = lathe.rope half_split %y, %p, @rotary head_size 16 : tensor<?x32xf32>
          lathe.append %k, %v, %p, %s layer 0 kv_heads 2 head_size 16 : tensor<?x32xf32>
          lathe.yield %q : tensor<?x64xf32>)",
       R"(%q = lathe.rope half_split %x, %p, @rotary head_size 16 : tensor<?x48xf32>
          %k = lathe.rope half_split %y, %p, @rotary head_size 16 : tensor<?x32xf32>
          lathe.append %k, %v, %p, %s layer 0 kv_heads 2 head_size 16 : tensor<?x32xf32>
          lathe.yield %q : tensor<?x48xf32>)"},
      {"lathe.phase \"layers.0.attention\" (%a = %q : tensor<?x64xf32>,",
       "lathe.phase \"layers.0.attention\" (%a = %0 : tensor<?x64xf32>,"}},
     "lathe.rope has heads that its key's heads do not divide"},
    {"TwoCombines",
     "llama-q4",
     {{R"(split 256 : tensor<?x64xf32> -> tensor<?x?x72xf32>
          %c = lathe.combine %a, %p heads 4 head_size 16 : tensor<?x?x72xf32> -> tensor<?x64xf32>)",
       R"(split 256 : tensor<?x64xf32> -> tensor<?x?x72xf32>
          %more = lathe.combine %a, %p heads 4 head_size 16 : tensor<?x?x72xf32> -> tensor<?x64xf32>
          %c = lathe.combine %a, %p heads 4 head_size 16 : tensor<?x?x72xf32> -> tensor<?x64xf32>)"}},
     "lathe.attend in a phase without lathe.append must lead to one lathe.combine"},
    {"MoreAfterCombine",
     "llama-q4",
     {{R"(%q = lathe.quantize %c : tensor<?x64xf32> -> tensor<?x64x!lathe.q16>
          lathe.yield %q : tensor<?x64x!lathe.q16>)",
       R"(%more = lathe.scale %c by 2.0 : tensor<?x64xf32>
          %q = lathe.quantize %more : tensor<?x64xf32> -> tensor<?x64x!lathe.q16>
          lathe.yield %q : tensor<?x64x!lathe.q16>)"}},
     "lathe.combine is followed by ops that do not fit a tile of one KV head"},
    {"NothingAfterCombine",
     "llama-f32",
     {{R"(%c = lathe.combine %a, %p heads 4 head_size 16 : tensor<?x?x72xf32> -> tensor<?x64xf32>
          lathe.yield %c : tensor<?x64xf32>)",
       R"(%c = lathe.combine %a, %p heads 4 head_size 16 : tensor<?x?x72xf32> -> tensor<?x64xf32>
          %more = lathe.scale %arg4 by 2.0 : tensor<?x64xf32>
          lathe.yield %more : tensor<?x64xf32>)"}},
     "lathe.combine is followed by ops that do not fit a tile of one KV head"},
    {"GroupsAcrossKvHeads",
     "hybrid",
     {{"kv_heads 2 head_size 16 :", "kv_heads 4 head_size 8 :"},
      {"heads 4 kv_heads 2 head_size 16", "heads 8 kv_heads 4 head_size 8"},
      {"heads 4 head_size 16 :", "heads 8 head_size 8 :"},
      {"tensor<?x?x72xf32>", "tensor<?x?x80xf32>"}},
     "lathe.combine quantises columns of a KV head that are not whole groups of 32"},
    {"TwoLengths",
     "llama-q4",
     {{"lathe.packed @norm.packed", R"(lathe.rotation @rotary.0 [1.0, 0.1] limit 100 beyond [0.5, 0.05]
          lathe.rotation @rotary.1 [1.0, 0.1] limit 200 beyond [0.5, 0.05]
          lathe.packed @norm.packed)"},
      {"func.func @decode(...) ->", "func.func @decode(..., %lengths: tensor<?xi32>) ->"},
      {R"(lathe.phase "layers.0.attention" (...) -> tensor<?x?x72xf32>...{
          %a = lathe.slice...
          %b = lathe.slice...
          %c = lathe.slice...
          %q = lathe.rope half_split %x, %p, @rotary head_size 16 : tensor<?x64xf32>
          %k = lathe.rope half_split %y, %p, @rotary head_size 16 : tensor<?x32xf32>)",
       R"(lathe.phase "layers.0.attention" (..., %n = %lengths : tensor<?xi32>) -> tensor<?x?x72xf32>...{
          %a = lathe.slice...
          %b = lathe.slice...
          %c = lathe.slice...
          %q = lathe.rope half_split %x, %p lengths %n, @rotary.0 head_size 16 : tensor<?x64xf32>
          %k = lathe.rope half_split %y, %p lengths %n, @rotary.0 head_size 16 : tensor<?x32xf32>)"},
      {R"(lathe.phase "layers.1.attention" (...) -> tensor<?x?x72xf32>...{
          %a = lathe.slice...
          %b = lathe.slice...
          %c = lathe.slice...
          %q = lathe.rope half_split %x, %p, @rotary head_size 16 : tensor<?x64xf32>
          %k = lathe.rope half_split %y, %p, @rotary head_size 16 : tensor<?x32xf32>)",
       R"(lathe.phase "layers.1.attention" (..., %n = %lengths : tensor<?xi32>) -> tensor<?x?x72xf32>...{
          %a = lathe.slice...
          %b = lathe.slice...
          %c = lathe.slice...
          %q = lathe.rope half_split %x, %p lengths %n, @rotary.1 head_size 16 : tensor<?x64xf32>
          %k = lathe.rope half_split %y, %p lengths %n, @rotary.1 head_size 16 : tensor<?x32xf32>)"}},
     "@rotary.1 changes beyond 200 positions, another rotation beyond 100"},
};

const std::vector<Case> linears = {
    {"TableOfFewerPositions",
     "placement",
     {{"@positions \"f32\" : tensor<1024x60xf32>", "@positions \"f32\" : tensor<1000x60xf32>"}},
     "lathe.embed has a table of 1000 positions where a sequence has 1024"},
    {"FloatWeightsAndQuantisedRows",
     "llama-f32",
     {{"%l = lathe.linear %n, [@layers.0.attention.output.packed] : tensor<?x64xf32>",
       R"(%q = lathe.quantize %n : tensor<?x64xf32> -> tensor<?x64x!lathe.q16>
          %l = lathe.linear %q, [@layers.0.attention.output.packed] : tensor<?x64x!lathe.q16>)"}},
     "lathe.linear has f32 weights and quantised rows"},
    {"MoreThanThePhaseGives",
     "llama-f32",
     {{R"(%l = lathe.linear %h, [@layers.0.mlp.down.packed] : ... -> tensor<?x64xf32>
          %s = lathe.add %r, %l : tensor<?x64xf32>
          lathe.yield %s)",
       R"(%l = lathe.linear %h, [@layers.0.mlp.down.packed] : ... -> tensor<?x64xf32>
          %s = lathe.add %r, %l : tensor<?x64xf32>
          lathe.yield %l)"}},
     "lathe.linear is followed by ops that its phase does not give"},
    {"ExpertsDiffer",
     "experts",
     {{"@layers.0.mlp.experts.down.packed \"f32\" experts 3", "@layers.0.mlp.experts.down.packed \"f32\""}},
     "lathe.linear has choices of 3 experts and weights of 1"},
    {"ChoicesOfOtherExperts",
     "experts",
     {{"lathe.assign %r experts 3", "lathe.assign %r experts 2"}},
     "lathe.linear has choices of 2 experts and weights of 3"},
    {"GluOfWhatIsNotInterleaved",
     "llama-q4",
     {{"\"q4_1\" interleave [@layers.0.mlp.gate,", "\"q4_1\" [@layers.0.mlp.gate,"}},
     "lathe.linear feeds a glu and its weights are not interleaved"},
    {"InterleavedWithoutGlu",
     "hybrid",
     {{"\"q8_0\" [@mamba.gate, @mamba.input]", "\"q8_0\" interleave [@mamba.gate, @mamba.input]"}},
     "lathe.linear feeds no glu and its weights are interleaved"},
    {"ReadsPartOfRows",
     "recurrent",
     {{"%g = lathe.glu silu %a, %b : tensor<?x37xf32> %l = lathe.linear %g,",
       "%g = lathe.glu silu %a, %b : tensor<?x37xf32>\n %l = lathe.linear %a,"}},
     "phase \"layers.0.output\": lathe.linear reads part of another linear's rows"},
    {"AddsToPartOfRows",
     "recurrent",
     {{R"(%s = lathe.slice %x offset 0 : tensor<?x74xf32> -> tensor<?x37xf32>
          %g = lathe.glu silu %s, %y : tensor<?x37xf32>
          %l = lathe.linear %g, [@layers.0.output.packed] : tensor<?x37xf32> -> tensor<?x36xf32>
          %a = lathe.add %r, %l)",
       R"(%s = lathe.slice %x offset 0 : tensor<?x74xf32> -> tensor<?x37xf32>
          %more = lathe.slice %x offset 0 : tensor<?x74xf32> -> tensor<?x36xf32>
          %g = lathe.glu silu %s, %y : tensor<?x37xf32>
          %l = lathe.linear %g, [@layers.0.output.packed] : tensor<?x37xf32> -> tensor<?x36xf32>
          %a = lathe.add %more, %l)"}},
     "lathe.linear adds to rows that are not an earlier phase's whole result"},
    // What does not come in the order of a linear's kernel.
    {"SliceAfterScale",
     "llama-q4",
     {{R"([@"layers.0.mlp.gate+up.packed"] : tensor<?x64x!lathe.q16> -> tensor<?x192xf32>
          %g = lathe.slice %l offset 0)",
       R"([@"layers.0.mlp.gate+up.packed"] : tensor<?x64x!lathe.q16> -> tensor<?x192xf32>
          %more = lathe.scale %l by 2.0 : tensor<?x192xf32>
          %g = lathe.slice %more offset 0)"}},
     "phase \"layers.0.mlp.gate+up\": lathe.slice does not fit the epilogue of the linear before it"},
    {"GluTheOtherWayRound",
     "llama-q4",
     {{"lathe.glu silu %g, %u :", "lathe.glu silu %u, %g :"}},
     "lathe.glu does not fit the epilogue"},
    {"AddOfAScaledStream",
     "llama-q4",
     {{"lathe.add %r, %l :", "lathe.add %l, %r scale 0.5 :"}},
     "lathe.add does not fit the epilogue"},
    {"OpOnOtherRows",
     "llama-q4",
     {{R"(%s = lathe.add %r, %l :)", "%more = lathe.scale %r by 2.0 : tensor<?x64xf32>\n %s = lathe.add %more, %l :"}},
     "lathe.scale does not fit the epilogue"},
    {"TwoActivations",
     "plain",
     {{"%a = lathe.activation gelu_erf %l :",
       "%more = lathe.activation gelu_erf %l : tensor<?x50xf32>\n %a = lathe.activation gelu_erf %more :"}},
     "lathe.activation does not fit the epilogue"},
    {"TwoScales",
     "plain",
     {{"%s = lathe.scale %l by 2.5",
       "%more = lathe.scale %l by 2.0 : tensor<?x50xf32>\n %s = lathe.scale %more by 2.5"}},
     "lathe.scale does not fit the epilogue"},
    {"TwoSoftcaps",
     "plain",
     {{"%s = lathe.softcap %l cap 3.0",
       "%more = lathe.softcap %l cap 2.0 : tensor<?x50xf32>\n %s = lathe.softcap %more cap 3.0"}},
     "lathe.softcap does not fit the epilogue"},
    {"NormAfterLinear",
     "llama-f32",
     {{R"(%l = lathe.linear %n, [@"layers.0.attention.query+key+value.packed"] : tensor<?x64xf32> -> tensor<?x128xf32>
          lathe.yield %l)",
       R"(%l = lathe.linear %n, [@"layers.0.attention.query+key+value.packed"] : tensor<?x64xf32> -> tensor<?x128xf32>
          %more = lathe.norm rms %l eps 1.0e-5 : tensor<?x128xf32>
          lathe.yield %more)"}},
     "lathe.norm does not fit the epilogue"},
};

const std::vector<Case> mixers = {
    {"CollectsRowsOfTheStep",
     "experts",
     {{R"(%o = lathe.collect %x, %c, %r : tensor<?x20xf32>, tensor<?x2x!lathe.route>
          %g = lathe.gate %y by %z)",
       R"(%o = lathe.collect %y, %c, %r : tensor<?x20xf32>, tensor<?x2x!lathe.route>
          %g = lathe.gate %y by %z)"}},
     "lathe.collect must take whole rows of an earlier phase's choices"},
    {"AssignWithOthers",
     "experts",
     {{"func.func @prefill", "func.func private @other()\n func.func @prefill"},
      {"%a = lathe.assign %r experts 3", "func.call @other() : () -> ()\n %a = lathe.assign %r experts 3"}},
     "lathe.assign stands in a phase with other ops"},
    {"TooManyChoices",
     "experts",
     {{"lathe.max_rows = 8 :", "lathe.max_rows = 1048576 :"}},
     "lathe.assign has more than 2^20 choices in a step"},
    {"ConvOfHalves",
     "recurrent",
     {{"@layers.0.conv.packed \"f32\"", "@layers.0.conv.packed \"f16\""}},
     "lathe.conv has weights that are not f32"},
    {"MoreAfterConv",
     "recurrent",
     {{R"(%a = lathe.activation silu %c : tensor<?x37xf32>
          lathe.yield %a)",
       R"(%a = lathe.activation silu %c : tensor<?x37xf32>
          %more = lathe.scale %a by 2.0 : tensor<?x37xf32>
          lathe.yield %more)"}},
     "lathe.conv is followed by ops that its phase does not give"},
    {"ConvThatNobodyReads",
     "recurrent",
     {{R"(%a = lathe.activation silu %c : tensor<?x37xf32>
          lathe.yield %a)",
       R"(%more = lathe.slice %arg4 offset 0 : tensor<?x74xf32> -> tensor<?x37xf32>
          %a = lathe.scale %more by 2.0 : tensor<?x37xf32>
          lathe.yield %a)"}},
     "lathe.conv is followed by ops that its phase does not give"},
    {"MoreAfterScan",
     "recurrent",
     {{R"(: tensor<?x37xf32>, tensor<?x37xf32>, tensor<?x5xf32>, tensor<?x5xf32>
          lathe.yield %s)",
       R"(: tensor<?x37xf32>, tensor<?x37xf32>, tensor<?x5xf32>, tensor<?x5xf32>
          %more = lathe.scale %s by 2.0 : tensor<?x37xf32>
          lathe.yield %more)"}},
     "lathe.scan is followed by ops that its phase does not give"},
};

class DescribeErrors : public testing::TestWithParam<Case> {
protected:
  DescribeErrors() { context.loadDialect<ir::LatheDialect, mlir::func::FuncDialect>(); }

  /// A module of the folder, fused, as text.
  std::string fused(const std::string &name) {
    auto module = mlir::parseSourceFile<mlir::ModuleOp>(test::fusionInputPath(name), &context);
    mlir::PassManager passes(&context);
    buildFusionPipeline(passes, {.decodeRows = 8});
    EXPECT_TRUE(module && succeeded(passes.run(*module)));
    std::string text;
    llvm::raw_string_ostream(text) << *module;
    return text;
  }

  /// Words of the error; empty where there is none.
  std::string describeError(const std::string &text) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module)
      return "no valid module:\n" + text;
    return llvm::toString(describe(*module).takeError());
  }

  mlir::MLIRContext context;
};

TEST_P(DescribeErrors, AreTold) {
  std::string text = fused(GetParam().input);
  ASSERT_EQ(describeError(text), "") << "before it is changed";
  for (auto [from, to] : GetParam().edits) {
    std::optional<std::string> changed = test::edited(text, from, to);
    ASSERT_TRUE(changed) << GetParam().input << " has nowhere: " << from << "\n" << text;
    text = *changed;
  }
  EXPECT_THAT(describeError(text), testing::HasSubstr(GetParam().error));
}

TEST_F(DescribeErrors, NoFunction) {
  EXPECT_EQ(describeError("module attributes {lathe.max_context = 64 : i64} {}"),
            "the module has no function to describe");
}

const auto name = [](const testing::TestParamInfo<Case> &info) { return std::string(info.param.name); };
INSTANTIATE_TEST_SUITE_P(Modules, DescribeErrors, testing::ValuesIn(modules), name);
INSTANTIATE_TEST_SUITE_P(Phases, DescribeErrors, testing::ValuesIn(phases), name);
INSTANTIATE_TEST_SUITE_P(Attention, DescribeErrors, testing::ValuesIn(attention), name);
INSTANTIATE_TEST_SUITE_P(Linears, DescribeErrors, testing::ValuesIn(linears), name);
INSTANTIATE_TEST_SUITE_P(Mixers, DescribeErrors, testing::ValuesIn(mixers), name);

} // namespace
