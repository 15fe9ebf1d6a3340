// What a target wants is written on the module; decode functions are copied for steps of more sequences.
// RUN: lathe-opt %s --lathe-plan | FileCheck %s --check-prefix=DEFAULT
// RUN: lathe-opt %s --lathe-plan="sequences=9 split=128 choice-tile-rows=8" | FileCheck %s --check-prefix=NINE
// RUN: lathe-opt %s --lathe-plan="sequences=100" | FileCheck %s --check-prefix=MANY

// DEFAULT: lathe.max_context = 640 : i64, lathe.plan = {activations = "q16", choice_tile_rows = 0 : i64, decode_rows = 8 : i64, max_context = 640 : i64, prefill_logit_rows = 64 : i64, prefill_rows = 192 : i64, sequences = 0 : i64, split = 256 : i64}
// DEFAULT-NOT: @decode{{[0-9]}}

// NINE: choice_tile_rows = 8 : i64
// NINE-SAME: sequences = 9 : i64, split = 128 : i64
// NINE: func.func @decode(
// NINE: func.func @prefill(
// NINE: func.func @decode16({{.*}}attributes {lathe.kind = "decode", lathe.max_rows = 16 : i64}
// NINE-NOT: func.func

// MANY: func.func @decode64({{.*}}lathe.max_rows = 64 : i64
// MANY: func.func @decode128({{.*}}lathe.max_rows = 128 : i64
module attributes {lathe.max_context = 640 : i64} {
  func.func @decode(%ids: tensor<?xi32>) -> tensor<?xi32> {
    return %ids : tensor<?xi32>
  }
  func.func @prefill(%ids: tensor<?xi32>) -> tensor<?xi32> {
    return %ids : tensor<?xi32>
  }
}
