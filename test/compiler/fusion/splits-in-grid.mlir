// Splits of the context as tiles of the grid, also in prefill: attention gives partials, and a phase of row ops joins them.
// RUN: lathe-opt %S/Inputs/llama-q4.mlir --lathe-plan="sequences=1 splits-in-grid" --lathe-split-attention --lathe-merge-linears --lathe-quantize-activations --lathe-pack-weights --lathe-form-phases --lathe-plan-memory | FileCheck %s --check-prefixes=CHECK,REPEAT
// RUN: lathe-opt %S/Inputs/llama-q4.mlir --lathe-plan="sequences=1 splits-in-grid repeat-rows=0" --lathe-split-attention --lathe-merge-linears --lathe-quantize-activations --lathe-pack-weights --lathe-form-phases --lathe-plan-memory | FileCheck %s --check-prefixes=CHECK,ONCE

// Without repeated rows decode has the row ops' phases of prefill.
// CHECK-LABEL: @decode(
// CHECK: lathe.phase "embed"
// ONCE: lathe.phase "layers.0.attention.norm"
// CHECK: lathe.phase "layers.0.attention.query+key+value"
// REPEAT-NEXT: lathe.norm
// CHECK: %[[A:.*]] = lathe.phase "layers.0.attention" {{.*}} -> tensor<?x?x72xf32>
// CHECK-NEXT: lathe.slice
// CHECK: lathe.append
// CHECK-NEXT: lathe.attend
// CHECK-NEXT: lathe.yield
// A combine runs once, where it leads to a linear, too.
// CHECK: %[[C:.*]] = lathe.phase "layers.0.attention.output input" (%{{.*}} = %[[A]] : {{.*}} -> tensor<?x64x!lathe.q16>
// CHECK-NEXT: lathe.combine
// CHECK-NEXT: lathe.quantize
// CHECK-NEXT: lathe.yield
// CHECK: lathe.phase "layers.0.attention.output" (%{{.*}} = %[[C]] :
// CHECK-NEXT: lathe.linear
// ONCE: lathe.phase "layers.0.mlp.norm"
// CHECK: lathe.phase "layers.0.mlp.gate+up"
// REPEAT-NEXT: lathe.norm
// ONCE: lathe.phase "layers.0.mlp.down input"
// CHECK: lathe.phase "layers.0.mlp.down"
// REPEAT-COUNT-6: lathe.phase "layers.1
// ONCE-COUNT-9: lathe.phase "layers.1
// ONCE: lathe.phase "norm"
// CHECK: lathe.phase "logits"
// CHECK-NOT: lathe.phase

// CHECK-LABEL: @prefill(
// CHECK: %[[Q:.*]] = lathe.phase "layers.0.attention.append"
// CHECK: lathe.append
// CHECK: %[[A:.*]] = lathe.phase "layers.0.attention" (%{{.*}} = %[[Q]] : {{.*}} -> tensor<?x?x72xf32>
// CHECK-NEXT: lathe.attend
// CHECK-NEXT: lathe.yield
// CHECK: %[[C:.*]] = lathe.phase "layers.0.attention.output input" (%{{.*}} = %[[A]] : {{.*}} -> tensor<?x64x!lathe.q16>
// CHECK-NEXT: lathe.combine
// CHECK-NEXT: lathe.quantize
// CHECK-NEXT: lathe.yield
// CHECK: lathe.phase "layers.0.attention.output" (%{{.*}} = %[[C]] :
// CHECK: lathe.phase "layers.0.mlp.norm"
