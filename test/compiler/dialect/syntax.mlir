// Every op, as it is written and read.
// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s --strict-whitespace

// CHECK: lathe.weight @embedding "q8_0" : tensor<100x64xf32>
lathe.weight @embedding "q8_0" : tensor<100x64xf32>
// CHECK: lathe.weight @layers.0.attention.query "q4_1" : tensor<64x64xf32>
lathe.weight @layers.0.attention.query "q4_1" : tensor<64x64xf32>
lathe.weight @layers.0.attention.key "q4_1" : tensor<32x64xf32>
lathe.weight @gate "f16" : tensor<96x64xf32>
lathe.weight @up "f16" : tensor<96x64xf32>
lathe.weight @gain "f32" : tensor<1x64xf32>
lathe.weight @shift "f32" : tensor<1x64xf32>
lathe.weight @key.bias "f32" : tensor<1x32xf32>
lathe.weight @gain.head "f32" : tensor<1x16xf32>
lathe.weight @router "f32" : tensor<6x64xf32>
lathe.weight @router.bias "f32" : tensor<1x6xf32>
lathe.weight @experts.up "f16" : tensor<72x64xf32>
lathe.weight @experts.up.bias "f32" : tensor<1x72xf32>
lathe.weight @conv "f32" : tensor<64x4xf32>
lathe.weight @decays "f32" : tensor<64x8xf32>
lathe.weight @decay "f32" : tensor<1x4xf32>

// CHECK: lathe.weight @perhead "f32" : tensor<1x4xf32>
lathe.weight @perhead "f32" : tensor<1x4xf32>
// CHECK: lathe.rotation @rotary [1.000000e+00, 1.000000e-01]
lathe.rotation @rotary [1.0, 0.1]
// As many digits as it takes to read the same number again.
// CHECK: lathe.rotation @exact [0.031622776601683791, 1.7976931348623157E+308]
lathe.rotation @exact [0.031622776601683791, 1.7976931348623157E+308]
// CHECK: lathe.rotation @yarn [1.000000e+00] magnitude 1.250000e+00
lathe.rotation @yarn [1.0] magnitude 1.25
// CHECK: lathe.rotation @dynamic [1.000000e+00, 1.000000e-01] limit 32 growth 4.000000e+00
lathe.rotation @dynamic [1.0, 0.1] limit 32 growth 4.0
// CHECK: lathe.rotation @longrope [1.000000e+00] magnitude 1.250000e+00 limit 32 beyond [5.000000e-01] long_magnitude 1.500000e+00
lathe.rotation @longrope [1.0] magnitude 1.25 limit 32 beyond [0.5] long_magnitude 1.5

// CHECK: lathe.packed @qk "q4_1" [@layers.0.attention.query, @layers.0.attention.key]
lathe.packed @qk "q4_1" [@layers.0.attention.query, @layers.0.attention.key]
// CHECK: lathe.packed @"gate+up.packed" "f16" interleave [@gate, @up]
lathe.packed @"gate+up.packed" "f16" interleave [@gate, @up]
// CHECK: lathe.packed @qk.bias "f32" [@shift, @key.bias]
lathe.packed @qk.bias "f32" [@shift, @key.bias]
// CHECK: lathe.packed @up.packed "f16" experts 6 [@experts.up]
lathe.packed @up.packed "f16" experts 6 [@experts.up]

// CHECK-LABEL: @imported
func.func @imported(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>) -> tensor<?x64xf32> {
  // CHECK: %[[X:.*]] = lathe.embed %{{.*}}, @embedding scale 8.000000e+00 : tensor<?x64xf32>
  %x = lathe.embed %ids, @embedding scale 8.0 : tensor<?x64xf32>
  // CHECK: lathe.embed %{{.*}}, @embedding offset 2 : tensor<?x64xf32>
  %o = lathe.embed %positions, @embedding offset 2 : tensor<?x64xf32>
  // CHECK: lathe.take_rows %[[X]], %{{.*}} : tensor<?x64xf32>
  %t = lathe.take_rows %x, %rows : tensor<?x64xf32>
  // CHECK: lathe.norm rms %[[X]], @gain eps 1.000000e-05 unit_offset : tensor<?x64xf32>
  %n = lathe.norm rms %x, @gain eps 1.0e-5 unit_offset : tensor<?x64xf32>
  // CHECK: lathe.norm layer %[[X]], @gain bias @shift eps 1.000000e-05 : tensor<?x64xf32>
  %l = lathe.norm layer %x, @gain bias @shift eps 1.0e-5 : tensor<?x64xf32>
  // CHECK: lathe.norm rms %[[X]], @gain.head eps 1.000000e-05 group 16 : tensor<?x64xf32>
  %m = lathe.norm rms %x, @gain.head eps 1.0e-5 group 16 : tensor<?x64xf32>
  // CHECK: lathe.norm layer %[[X]] eps 1.000000e-05 : tensor<?x64xf32>
  %w = lathe.norm layer %x eps 1.0e-5 : tensor<?x64xf32>
  // CHECK: lathe.linear %{{.*}}, [@layers.0.attention.query] : tensor<?x64xf32> -> tensor<?x64xf32>
  %q = lathe.linear %n, [@layers.0.attention.query] : tensor<?x64xf32> -> tensor<?x64xf32>
  // CHECK: lathe.linear %{{.*}}, [@layers.0.attention.key] bias [@key.bias] : tensor<?x64xf32> -> tensor<?x32xf32>
  %k = lathe.linear %n, [@layers.0.attention.key] bias [@key.bias] : tensor<?x64xf32> -> tensor<?x32xf32>
  // CHECK: lathe.rope half_split %{{.*}}, %{{.*}}, @rotary head_size 16 : tensor<?x64xf32>
  %r = lathe.rope half_split %q, %positions, @rotary head_size 16 : tensor<?x64xf32>
  // CHECK: lathe.rope half_split %{{.*}}, %{{.*}} lengths %{{.*}}, @dynamic head_size 16 : tensor<?x64xf32>
  %turned = lathe.rope half_split %q, %positions lengths %positions, @dynamic head_size 16 : tensor<?x64xf32>
  // CHECK: lathe.rope interleaved %{{.*}}, %{{.*}}, @yarn head_size 16 : tensor<?x32xf32>
  %s = lathe.rope interleaved %k, %positions, @yarn head_size 16 : tensor<?x32xf32>
  // CHECK: lathe.attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} layer 0 heads 4 kv_heads 2 head_size 16 scale 2.500000e-01 : tensor<?x64xf32>, tensor<?x32xf32>
  %a = lathe.attention %r, %s, %k, %positions, %slots layer 0 heads 4 kv_heads 2 head_size 16 scale 0.25 : tensor<?x64xf32>, tensor<?x32xf32>
  // CHECK: scale 2.500000e-01 : tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x24xf32> -> tensor<?x48xf32>
  %av = lathe.slice %k offset 0 : tensor<?x32xf32> -> tensor<?x24xf32>
  %ab = lathe.attention %r, %s, %av, %positions, %slots layer 2 heads 4 kv_heads 2 head_size 16 scale 0.25 : tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x24xf32> -> tensor<?x48xf32>
  // CHECK: scale 2.500000e-01 window 7 softcap 5.000000e+01 : tensor<?x64xf32>, tensor<?x32xf32>
  %b = lathe.attention %r, %s, %k, %positions, %slots layer 1 heads 4 kv_heads 2 head_size 16 scale 0.25 window 7 softcap 50.0 : tensor<?x64xf32>, tensor<?x32xf32>
  // CHECK: scale 2.500000e-01 window 7 alibi [5.000000e-01, 2.500000e-01, 1.250000e-01, 0.031622776601683791] : tensor
  %z = lathe.attention %r, %s, %k, %positions, %slots layer 2 heads 4 kv_heads 2 head_size 16 scale 0.25 window 7 alibi [0.5, 0.25, 0.125, 0.031622776601683791] : tensor<?x64xf32>, tensor<?x32xf32>
  // CHECK: lathe.attention %{{.*}} layer 3 heads 4 kv_heads 2 head_size 16 scale 2.500000e-01 scales @perhead temperature 1.250000e-01 every 64 sinks @perhead : tensor<?x64xf32>, tensor<?x32xf32>
  %zz = lathe.attention %r, %s, %k, %positions, %slots layer 3 heads 4 kv_heads 2 head_size 16 scale 0.25 scales @perhead temperature 0.125 every 64 sinks @perhead : tensor<?x64xf32>, tensor<?x32xf32>
  // CHECK: %[[C:.*]] = lathe.conv %{{.*}}, %{{.*}}, %{{.*}}, @conv bias @shift layer 0 : tensor<?x64xf32>
  %conv = lathe.conv %x, %positions, %slots, @conv bias @shift layer 0 : tensor<?x64xf32>
  // CHECK: lathe.conv %{{.*}}, %{{.*}}, %{{.*}}, @conv layer 1 : tensor<?x64xf32>
  %unbiased = lathe.conv %x, %positions, %slots, @conv layer 1 : tensor<?x64xf32>
  // CHECK: %[[D:.*]] = lathe.slice %[[C]] offset 8 : tensor<?x64xf32> -> tensor<?x4xf32>
  %dt = lathe.slice %conv offset 8 : tensor<?x64xf32> -> tensor<?x4xf32>
  %bc = lathe.slice %conv offset 16 : tensor<?x64xf32> -> tensor<?x8xf32>
  // CHECK: lathe.scan %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} a @decays d @gain dt_bias @shift layer 0 groups 1 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x8xf32>, tensor<?x8xf32>
  %s6 = lathe.scan %x, %x, %bc, %bc, %positions, %slots a @decays d @gain dt_bias @shift layer 0 groups 1 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x8xf32>, tensor<?x8xf32>
  // CHECK: lathe.scan %{{.*}}, %[[D]], {{.*}} a @decay d @decay dt_bias @decay layer 1 groups 2 dt_min 1.000000e-03 dt_max 1.000000e-01 :
  %ssd = lathe.scan %x, %dt, %bc, %bc, %positions, %slots a @decay d @decay dt_bias @decay layer 1 groups 2 dt_min 0.001 dt_max 0.1 : tensor<?x64xf32>, tensor<?x4xf32>, tensor<?x8xf32>, tensor<?x8xf32>
  // CHECK: lathe.add %{{.*}}, %{{.*}} : tensor<?x64xf32>
  %c = lathe.add %x, %a : tensor<?x64xf32>
  // CHECK: lathe.add %{{.*}}, %{{.*}} scale 2.200000e-01 : tensor<?x64xf32>
  %d = lathe.add %c, %b scale 0.22 : tensor<?x64xf32>
  // CHECK: lathe.glu silu %{{.*}}, %{{.*}} : tensor<?x64xf32>
  %g = lathe.glu silu %d, %l : tensor<?x64xf32>
  // CHECK: lathe.activation gelu_tanh %{{.*}} : tensor<?x64xf32>
  %e = lathe.activation gelu_tanh %g : tensor<?x64xf32>
  // CHECK: lathe.glu silu %{{.*}}, %{{.*}} slope 1.702000e+00 clamp 7.000000e+00 offset 1.000000e+00 : tensor<?x64xf32>
  %gs = lathe.glu silu %d, %l slope 1.702 clamp 7.0 offset 1.0 : tensor<?x64xf32>
  // CHECK: lathe.activation silu %{{.*}} slope 1.702000e+00 : tensor<?x64xf32>
  %es = lathe.activation silu %gs slope 1.702 : tensor<?x64xf32>
  // CHECK: lathe.scale %{{.*}} by 5.000000e-01 : tensor<?x64xf32>
  %f = lathe.scale %e by 0.5 : tensor<?x64xf32>
  // CHECK: lathe.scale %{{.*}} by 5.000000e-01, @gain : tensor<?x64xf32>
  %fw = lathe.scale %f by 0.5, @gain : tensor<?x64xf32>
  // CHECK: lathe.softcap %{{.*}} cap 3.000000e+01 : tensor<?x64xf32>
  %h = lathe.softcap %fw cap 30.0 : tensor<?x64xf32>
  // CHECK: lathe.clip %{{.*}} limit 8.000000e+00 : tensor<?x64xf32>
  %i = lathe.clip %h limit 8.0 : tensor<?x64xf32>
  return %i : tensor<?x64xf32>
}

// CHECK-LABEL: @experts
func.func @experts(%x: tensor<?x64xf32>, %g: tensor<?x1xf32>) -> tensor<?x64xf32> {
  // CHECK: %[[L:.*]] = lathe.linear
  %l = lathe.linear %x, [@router] : tensor<?x64xf32> -> tensor<?x6xf32>
  // CHECK: %[[R:.*]] = lathe.route softmax %[[L]] normalize : tensor<?x6xf32> -> tensor<?x2x!lathe.route>
  %r = lathe.route softmax %l normalize : tensor<?x6xf32> -> tensor<?x2x!lathe.route>
  // CHECK: lathe.route sigmoid %[[L]] bias @router.bias groups 3 keep 2 scale 2.500000e+00 : tensor<?x6xf32> -> tensor<?x3x!lathe.route>
  %s = lathe.route sigmoid %l bias @router.bias groups 3 keep 2 scale 2.5 : tensor<?x6xf32> -> tensor<?x3x!lathe.route>
  // CHECK: %[[C:.*]] = lathe.assign %[[R]] experts 6 : tensor<?x2x!lathe.route>
  %c = lathe.assign %r experts 6 : tensor<?x2x!lathe.route>
  // CHECK: %[[D:.*]] = lathe.dispatch %{{.*}}, %[[C]] : tensor<?x64xf32>
  %d = lathe.dispatch %x, %c : tensor<?x64xf32>
  // CHECK: lathe.linear %[[D]], [@experts.up] bias [@experts.up.bias] of %[[C]] experts 6 : tensor<?x64xf32> -> tensor<?x12xf32>
  %u = lathe.linear %d, [@experts.up] bias [@experts.up.bias] of %c experts 6 : tensor<?x64xf32> -> tensor<?x12xf32>
  // CHECK: lathe.collect %[[D]], %[[C]], %[[R]] : tensor<?x64xf32>, tensor<?x2x!lathe.route>
  %y = lathe.collect %d, %c, %r : tensor<?x64xf32>, tensor<?x2x!lathe.route>
  // CHECK: lathe.gate %{{.*}} by %{{.*}} : tensor<?x64xf32>, tensor<?x1xf32>
  %z = lathe.gate %y by %g : tensor<?x64xf32>, tensor<?x1xf32>
  return %z : tensor<?x64xf32>
}

// CHECK-LABEL: @fused
func.func @fused(%x: tensor<?x64xf32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>) -> tensor<?x64xf32> {
  // CHECK: %[[P:.*]] = lathe.phase "layer 0 query key" (%[[A:.*]] = %{{.*}} : tensor<?x64xf32>) -> tensor<?x96xf32> offsets [4096] {
  %p = lathe.phase "layer 0 query key" (%a = %x : tensor<?x64xf32>) -> tensor<?x96xf32> offsets [4096] {
    // CHECK: lathe.quantize %[[A]] : tensor<?x64xf32> -> tensor<?x64x!lathe.q16>
    %q16 = lathe.quantize %a : tensor<?x64xf32> -> tensor<?x64x!lathe.q16>
    // CHECK: lathe.linear %{{.*}}, [@qk] bias [@qk.bias] : tensor<?x64x!lathe.q16> -> tensor<?x96xf32>
    %y = lathe.linear %q16, [@qk] bias [@qk.bias] : tensor<?x64x!lathe.q16> -> tensor<?x96xf32>
    // CHECK: lathe.yield %{{.*}} : tensor<?x96xf32>
    lathe.yield %y : tensor<?x96xf32>
  }
  // CHECK: lathe.phase "layer 0 attention" (%{{.*}} = %[[P]] : tensor<?x96xf32>, %{{.*}} = %{{.*}} : tensor<?xi32>, %{{.*}} = %{{.*}} : tensor<?xi32>) -> tensor<?x?x72xf32> {
  %t = lathe.phase "layer 0 attention" (%a = %p : tensor<?x96xf32>, %at = %positions : tensor<?xi32>, %in = %slots : tensor<?xi32>) -> tensor<?x?x72xf32> {
    // CHECK: lathe.slice %{{.*}} offset 0 : tensor<?x96xf32> -> tensor<?x64xf32>
    %q = lathe.slice %a offset 0 : tensor<?x96xf32> -> tensor<?x64xf32>
    %k = lathe.slice %a offset 64 : tensor<?x96xf32> -> tensor<?x32xf32>
    // CHECK: lathe.append %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} layer 0 kv_heads 2 head_size 16 : tensor<?x32xf32>
    lathe.append %k, %k, %at, %in layer 0 kv_heads 2 head_size 16 : tensor<?x32xf32>
    // CHECK: lathe.attend %{{.*}}, %{{.*}}, %{{.*}} layer 0 heads 4 kv_heads 2 head_size 16 scale 2.500000e-01 split 256 : tensor<?x64xf32> -> tensor<?x?x72xf32>
    %o = lathe.attend %q, %at, %in layer 0 heads 4 kv_heads 2 head_size 16 scale 0.25 split 256 : tensor<?x64xf32> -> tensor<?x?x72xf32>
    // CHECK: scale 2.500000e-01 alibi [1.000000e+00, 5.000000e-01, 2.500000e-01, 1.250000e-01] split 256 :
    %l = lathe.attend %q, %at, %in layer 0 heads 4 kv_heads 2 head_size 16 scale 0.25 alibi [1.0, 0.5, 0.25, 0.125] split 256 : tensor<?x64xf32> -> tensor<?x?x72xf32>
    lathe.yield %o : tensor<?x?x72xf32>
  }
  // CHECK: lathe.phase "layer 0 output" ({{.*}}) -> tensor<?x64xf32> offsets [-1] attributes {note = "last"} {
  %r = lathe.phase "layer 0 output" (%a = %t : tensor<?x?x72xf32>, %at = %positions : tensor<?xi32>) -> tensor<?x64xf32> offsets [-1] attributes {note = "last"} {
    // CHECK: lathe.combine %{{.*}}, %{{.*}} heads 4 head_size 16 : tensor<?x?x72xf32> -> tensor<?x64xf32>
    %c = lathe.combine %a, %at heads 4 head_size 16 : tensor<?x?x72xf32> -> tensor<?x64xf32>
    lathe.yield %c : tensor<?x64xf32>
  }
  // CHECK: lathe.phase "wanted rows" ({{.*}}) -> tensor<?x64xf32> rows logits offsets [0] {
  %l = lathe.phase "wanted rows" (%a = %r : tensor<?x64xf32>, %at = %positions : tensor<?xi32>) -> tensor<?x64xf32> rows logits offsets [0] {
    %w = lathe.take_rows %a, %at : tensor<?x64xf32>
    lathe.yield %w : tensor<?x64xf32>
  }
  // CHECK: lathe.phase "nothing" () {
  lathe.phase "nothing" () rows step {
    lathe.yield
  }
  return %r : tensor<?x64xf32>
}
