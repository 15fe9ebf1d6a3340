// A mixture is routes, their list by expert, and linears whose rows are choices. What a decode step does to a row before
// a product runs in its phase; a prefill step gathers the choices' rows first, in the order of the list.
// RUN: lathe-opt %S/Inputs/experts.mlir --lathe-fusion | FileCheck %s

// Weights of an expert lie together, gate and up side by side.
// CHECK: lathe.packed @"layers.0.mlp.experts.gate+up.packed" "f32" interleave experts 3 [@layers.0.mlp.experts.gate, @layers.0.mlp.experts.up]
// CHECK: lathe.packed @layers.0.mlp.experts.down.packed "f32" experts 3 [@layers.0.mlp.experts.down]

// CHECK-LABEL: func.func @decode
// CHECK: %[[X:.*]] = lathe.phase "layers.0.attention_norm"
// CHECK: %[[L:.*]] = lathe.phase "layers.0.mlp.router" (%{{.*}} = %[[X]] : tensor<?x20xf32>) -> tensor<?x3xf32>
// CHECK: %[[R:.*]] = lathe.phase "layers.0.mlp.router route" (%{{.*}} = %[[L]] : {{.*}}) -> tensor<?x2x!lathe.route>
// CHECK: %[[C:.*]] = lathe.phase "layers.0.mlp.router assign" (%{{.*}} = %[[R]] : {{.*}}) -> tensor<?x!lathe.choice> rows once
// CHECK: %[[H:.*]] = lathe.phase "layers.0.mlp.experts.gate+up" ({{.*}}) -> tensor<?x36xf32> rows choices
// CHECK-NEXT: lathe.dispatch
// CHECK-NEXT: lathe.linear {{.*}} of %{{.*}} experts 3
// CHECK: lathe.glu gelu_tanh
// CHECK: %[[D:.*]] = lathe.phase "layers.0.mlp.experts.down" (%{{.*}} = %[[H]] : tensor<?x36xf32>, %{{.*}} = %[[C]] : tensor<?x!lathe.choice>) -> tensor<?x20xf32>
// CHECK: lathe.phase "layers.0.mlp.shared.router"
// CHECK: lathe.phase "layers.0.mlp_norm" (%{{.*}} = %[[D]] : tensor<?x20xf32>, %{{.*}} = %[[C]] : tensor<?x!lathe.choice>, %{{.*}} = %[[R]] :
// CHECK-NEXT: lathe.collect
// CHECK-NEXT: lathe.gate
// CHECK-NEXT: lathe.add
// CHECK-NEXT: lathe.add
// CHECK-NEXT: lathe.norm

// CHECK-LABEL: func.func @prefill
// CHECK: lathe.phase "layers.0.mlp.router assign"
// CHECK: lathe.phase "layers.0.mlp.experts.gate+up input" ({{.*}}) -> tensor<?x20xf32> rows choices
// CHECK-NEXT: lathe.dispatch
// CHECK-NEXT: lathe.yield
// CHECK: lathe.phase "layers.0.mlp.experts.gate+up" (
// CHECK-NEXT: lathe.linear
