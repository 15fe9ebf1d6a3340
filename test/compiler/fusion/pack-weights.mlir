// RUN: lathe-opt %s --lathe-pack-weights | FileCheck %s

lathe.weight @embedding "q4_1" : tensor<100x64xf32>
lathe.weight @norm "f32" : tensor<1x64xf32>
lathe.weight @layers.0.mlp.gate "f16" : tensor<96x64xf32>
lathe.weight @layers.0.mlp.up "f16" : tensor<96x64xf32>
lathe.weight @layers.0.gate.bias "f32" : tensor<1x96xf32>
lathe.weight @layers.0.up.bias "f32" : tensor<1x96xf32>

// One table for embedding and head, in all functions; pairs of a glu are interleaved, and so are their biases.
// CHECK-COUNT-1: lathe.packed @embedding.packed "q4_1" [@embedding]
// CHECK: lathe.packed @norm.packed "f32" [@norm]
// CHECK: lathe.packed @"layers.0.mlp.gate+up.packed" "f16" interleave [@layers.0.mlp.gate, @layers.0.mlp.up]
// CHECK: lathe.packed @"layers.0.gate.bias+layers.0.up.bias.packed" "f32" interleave [@layers.0.gate.bias, @layers.0.up.bias]
// CHECK-NOT: lathe.packed

// CHECK-LABEL: @decode
func.func @decode(%ids: tensor<?xi32>) -> tensor<?x100xf32> {
  // CHECK: lathe.embed %{{.*}}, @embedding.packed
  // CHECK: lathe.norm rms %{{.*}}, @norm.packed
  // CHECK: lathe.linear %{{.*}}, [@embedding.packed]
  %x = lathe.embed %ids, @embedding : tensor<?x64xf32>
  %n = lathe.norm rms %x, @norm eps 1.0e-5 : tensor<?x64xf32>
  %y = lathe.linear %n, [@embedding] : tensor<?x64xf32> -> tensor<?x100xf32>
  return %y : tensor<?x100xf32>
}

// CHECK-LABEL: @prefill
func.func @prefill(%ids: tensor<?xi32>) -> tensor<?x96xf32> {
  // CHECK: lathe.embed %{{.*}}, @embedding.packed
  // CHECK: lathe.linear %{{.*}}, [@"layers.0.mlp.gate+up.packed"] bias [@"layers.0.gate.bias+layers.0.up.bias.packed"]
  %x = lathe.embed %ids, @embedding : tensor<?x64xf32>
  %m = lathe.linear %x, [@layers.0.mlp.gate, @layers.0.mlp.up] bias [@layers.0.gate.bias, @layers.0.up.bias] : tensor<?x64xf32> -> tensor<?x192xf32>
  %g = lathe.slice %m offset 0 : tensor<?x192xf32> -> tensor<?x96xf32>
  %u = lathe.slice %m offset 96 : tensor<?x192xf32> -> tensor<?x96xf32>
  %h = lathe.glu silu %g, %u : tensor<?x96xf32>
  return %h : tensor<?x96xf32>
}
