// What a target wants is written on the module; decode functions are copied for steps of more sequences.
// RUN: lathe-opt %s --lathe-plan | FileCheck %s --check-prefix=DEFAULT
// RUN: lathe-opt %s --lathe-plan="sequences=1" | FileCheck %s --check-prefix=ONE
// RUN: lathe-opt %s --lathe-plan="decode-rows=4 sequences=8" | FileCheck %s --check-prefix=FOUR
// RUN: lathe-opt %s --lathe-plan="sequences=9 split=128 choice-tile-rows=8" | FileCheck %s --check-prefix=NINE
// RUN: lathe-opt %s --lathe-plan="sequences=100" | FileCheck %s --check-prefix=MANY
// RUN: lathe-opt %s --lathe-plan="repeat-rows=0 splits-in-grid" | FileCheck %s --check-prefix=GRID

// DEFAULT: lathe.max_context = 640 : i64, lathe.plan = {activations = "q16", choice_tile_rows = 0 : i64, decode_rows = 1 : i64, max_context = 640 : i64, prefill_logit_rows = 64 : i64, prefill_rows = 192 : i64, repeat_rows = 8 : i64, sequences = 8 : i64, split = 256 : i64, splits_in_grid = false}
// DEFAULT: func.func @decode(
// DEFAULT: func.func @prefill(
// DEFAULT: func.func @decode2({{.*}}attributes {lathe.kind = "decode", lathe.max_rows = 2 : i64}
// DEFAULT: func.func @decode8({{.*}}attributes {lathe.kind = "decode", lathe.max_rows = 8 : i64}
// DEFAULT-NOT: func.func

// ONE: func.func @decode(
// ONE: func.func @prefill(
// ONE-NOT: func.func

// FOUR: func.func @prefill(
// FOUR: func.func @decode8(
// FOUR-NOT: func.func

// NINE: choice_tile_rows = 8 : i64
// NINE-SAME: sequences = 9 : i64, split = 128 : i64
// NINE: func.func @decode8(
// NINE: func.func @decode16({{.*}}attributes {lathe.kind = "decode", lathe.max_rows = 16 : i64}
// NINE-NOT: func.func

// GRID: repeat_rows = 0 : i64, sequences = 8 : i64, split = 256 : i64, splits_in_grid = true}

// MANY: func.func @decode8(
// MANY: func.func @decode64({{.*}}lathe.max_rows = 64 : i64
// MANY: func.func @decode128({{.*}}lathe.max_rows = 128 : i64
// MANY-NOT: func.func
module attributes {lathe.max_context = 640 : i64} {
  func.func @decode(%ids: tensor<?xi32>) -> tensor<?xi32> {
    return %ids : tensor<?xi32>
  }
  func.func @prefill(%ids: tensor<?xi32>) -> tensor<?xi32> {
    return %ids : tensor<?xi32>
  }
}
