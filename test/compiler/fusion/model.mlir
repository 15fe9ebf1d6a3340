// Phases of a whole step: five a layer in decode, embedding and head aside; nine in prefill, where row ops are phases of their own.
// RUN: lathe-opt %S/Inputs/llama-q4.mlir --lathe-fusion | FileCheck %s

// CHECK-LABEL: @decode(
// CHECK-SAME: lathe.arena_bytes = 1920
// CHECK: lathe.phase "embed"
// CHECK: lathe.phase "layers.0.attention.query+key+value"
// CHECK: lathe.phase "layers.0.attention"
// CHECK: lathe.phase "layers.0.attention.output"
// CHECK: lathe.phase "layers.0.mlp.gate+up"
// CHECK: lathe.phase "layers.0.mlp.down"
// CHECK-COUNT-5: lathe.phase "layers.1
// CHECK: lathe.phase "logits"
// CHECK-NOT: lathe.phase

// CHECK-LABEL: @prefill
// CHECK-SAME: lathe.arena_bytes = 225792
// CHECK: lathe.phase "embed"
// CHECK: lathe.phase "layers.0.attention.norm"
// CHECK: lathe.phase "layers.0.attention.query+key+value"
// CHECK: lathe.phase "layers.0.attention.append"
// CHECK: lathe.phase "layers.0.attention"
// CHECK: lathe.phase "layers.0.attention.output"
// CHECK: lathe.phase "layers.0.mlp.norm"
// CHECK: lathe.phase "layers.0.mlp.gate+up"
// CHECK: lathe.phase "layers.0.mlp.down input"
// CHECK: lathe.phase "layers.0.mlp.down"
// CHECK-COUNT-9: lathe.phase "layers.1
// CHECK: lathe.phase "norm"
// CHECK: lathe.phase "logits"
// CHECK-NOT: lathe.phase

// Steps of more sequences have the same phases.
// CHECK-LABEL: @decode2(
// CHECK-SAME: lathe.arena_bytes = 3840
// CHECK-COUNT-12: lathe.phase
// CHECK-NOT: lathe.phase
// CHECK-LABEL: @decode8(
// CHECK-SAME: lathe.arena_bytes = 15360
// CHECK-COUNT-12: lathe.phase
// CHECK-NOT: lathe.phase
