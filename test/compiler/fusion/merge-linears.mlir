// RUN: lathe-opt %s --lathe-merge-linears | FileCheck %s

lathe.weight @q "q4_1" : tensor<64x64xf32>
lathe.weight @k "q4_1" : tensor<32x64xf32>
lathe.weight @v "q8_0" : tensor<32x64xf32>
lathe.weight @gate "f16" : tensor<96x64xf32>
lathe.weight @up "f16" : tensor<96x64xf32>
lathe.weight @up.q8_0 "q8_0" : tensor<96x64xf32>
lathe.weight @gate.bias "f32" : tensor<1x96xf32>
lathe.weight @up.bias "f32" : tensor<1x96xf32>
lathe.rotation @rotary [1.0]

// The value has another format and stays alone.
// CHECK-LABEL: @attention
func.func @attention(%x: tensor<?x64xf32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>) -> tensor<?x64xf32> {
  // CHECK: %[[QK:.*]] = lathe.linear %[[X:.*]], [@q, @k] : tensor<?x64xf32> -> tensor<?x96xf32>
  // CHECK: %[[Q:.*]] = lathe.slice %[[QK]] offset 0 : tensor<?x96xf32> -> tensor<?x64xf32>
  // CHECK: %[[K:.*]] = lathe.slice %[[QK]] offset 64 : tensor<?x96xf32> -> tensor<?x32xf32>
  // CHECK: %[[V:.*]] = lathe.linear %[[X]], [@v]
  %q = lathe.linear %x, [@q] : tensor<?x64xf32> -> tensor<?x64xf32>
  %k = lathe.linear %x, [@k] : tensor<?x64xf32> -> tensor<?x32xf32>
  %v = lathe.linear %x, [@v] : tensor<?x64xf32> -> tensor<?x32xf32>
  // CHECK: lathe.rope half_split %[[Q]]
  // CHECK: lathe.append %[[K]], %[[V]]
  %r = lathe.rope half_split %q, %positions, @rotary head_size 16 : tensor<?x64xf32>
  lathe.append %k, %v, %positions, %slots layer 0 kv_heads 2 head_size 16 : tensor<?x32xf32>
  %a = lathe.attend %r, %positions, %slots layer 0 heads 4 kv_heads 2 head_size 16 scale 0.25 split 64 : tensor<?x64xf32> -> tensor<?x?x72xf32>
  %c = lathe.combine %a, %positions heads 4 head_size 16 : tensor<?x?x72xf32> -> tensor<?x64xf32>
  return %c : tensor<?x64xf32>
}

// The gate comes first, whatever the order of the ops.
// CHECK-LABEL: @glu
func.func @glu(%x: tensor<?x64xf32>) -> tensor<?x96xf32> {
  // CHECK: %[[M:.*]] = lathe.linear %{{.*}}, [@gate, @up] bias [@gate.bias, @up.bias] : tensor<?x64xf32> -> tensor<?x192xf32>
  // CHECK: %[[G:.*]] = lathe.slice %[[M]] offset 0
  // CHECK: %[[U:.*]] = lathe.slice %[[M]] offset 96
  // CHECK: lathe.glu silu %[[G]], %[[U]]
  %u = lathe.linear %x, [@up] bias [@up.bias] : tensor<?x64xf32> -> tensor<?x96xf32>
  %g = lathe.linear %x, [@gate] bias [@gate.bias] : tensor<?x64xf32> -> tensor<?x96xf32>
  %h = lathe.glu silu %g, %u : tensor<?x96xf32>
  return %h : tensor<?x96xf32>
}

// One input, but nothing in common afterwards; then two formats; then only one bias.
// CHECK-LABEL: @apart
// CHECK-NOT: lathe.slice
func.func @apart(%x: tensor<?x64xf32>) -> (tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>) {
  %a = lathe.linear %x, [@up] : tensor<?x64xf32> -> tensor<?x96xf32>
  %b = lathe.linear %x, [@gate] : tensor<?x64xf32> -> tensor<?x96xf32>
  %c = lathe.activation relu %b : tensor<?x96xf32>
  %d = lathe.add %a, %c : tensor<?x96xf32>
  %e = lathe.linear %x, [@gate] : tensor<?x64xf32> -> tensor<?x96xf32>
  %f = lathe.linear %x, [@up.q8_0] : tensor<?x64xf32> -> tensor<?x96xf32>
  %g = lathe.glu silu %e, %f : tensor<?x96xf32>
  %h = lathe.linear %x, [@gate] bias [@gate.bias] : tensor<?x64xf32> -> tensor<?x96xf32>
  %i = lathe.linear %x, [@up] : tensor<?x64xf32> -> tensor<?x96xf32>
  %j = lathe.glu silu %h, %i : tensor<?x96xf32>
  return %d, %g, %j : tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>
}
