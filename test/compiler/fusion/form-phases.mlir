// RUN: lathe-opt %s --lathe-form-phases | FileCheck %s

lathe.weight @norm "f32" : tensor<1x64xf32>
lathe.weight @a "f32" : tensor<64x64xf32>
lathe.weight @b "f32" : tensor<64x64xf32>
lathe.packed @norm.packed "f32" [@norm]
lathe.packed @a.packed "f32" [@a]
lathe.packed @b.packed "f32" [@b]

// A norm that two linears read runs in both of their phases.
// CHECK-LABEL: @two_linears
func.func @two_linears(%ids: tensor<?xi32>) -> tensor<?x64xf32> attributes {lathe.kind = "decode"} {
  // CHECK: %[[X:.*]] = lathe.phase "embed"
  // CHECK: lathe.embed
  %x = lathe.embed %ids, @a.packed : tensor<?x64xf32>
  %n = lathe.norm rms %x, @norm.packed eps 1.0e-5 : tensor<?x64xf32>
  // The first linear takes the sum along, to where the second one's phase has been.
  // CHECK: %[[B:.*]] = lathe.phase "b" (%{{.*}} = %[[X]] :
  // CHECK-NEXT: lathe.norm
  // CHECK-NEXT: lathe.linear
  // CHECK-NEXT: lathe.scale
  // CHECK-NEXT: lathe.softcap
  // CHECK-NEXT: lathe.yield
  %a = lathe.linear %n, [@a.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  %r = lathe.activation relu %a : tensor<?x64xf32>
  // CHECK: lathe.phase "logits" (%{{.*}} = %[[X]] : tensor<?x64xf32>, %{{.*}} = %[[B]] :
  // CHECK-NEXT: lathe.norm
  // CHECK-NEXT: lathe.linear
  // CHECK-NEXT: lathe.activation relu
  // CHECK-NEXT: lathe.add
  // CHECK-NEXT: lathe.yield
  // CHECK-NOT: lathe.phase
  %b = lathe.linear %n, [@b.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  %s = lathe.scale %b by 0.5 : tensor<?x64xf32>
  %c = lathe.softcap %s cap 30.0 : tensor<?x64xf32>
  %y = lathe.add %r, %c : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// In a step of many sequences it runs once, too.
// CHECK-LABEL: @many_sequences
func.func @many_sequences(%ids: tensor<?xi32>) -> tensor<?x64xf32> attributes {lathe.kind = "decode", lathe.max_rows = 64 : i64} {
  // CHECK: %[[N:.*]] = lathe.phase "embed"
  // CHECK-NEXT: lathe.embed
  // CHECK-NEXT: lathe.norm
  // CHECK: lathe.phase "b" (%{{.*}} = %[[N]] :
  // CHECK-NEXT: lathe.linear
  // CHECK: lathe.phase "logits" (%{{.*}} = %[[N]] :
  // CHECK-NEXT: lathe.linear
  // CHECK-NEXT: lathe.add
  %x = lathe.embed %ids, @a.packed : tensor<?x64xf32>
  %n = lathe.norm rms %x, @norm.packed eps 1.0e-5 : tensor<?x64xf32>
  %a = lathe.linear %n, [@a.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  %b = lathe.linear %n, [@b.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  %y = lathe.add %a, %b : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// The same norm in prefill runs once, with the embedding that it alone reads; so does one that is a residual in decode.
// CHECK-LABEL: @prefill
func.func @prefill(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  // CHECK: %[[N:.*]] = lathe.phase "embed"
  // CHECK-NEXT: lathe.embed
  // CHECK-NEXT: lathe.norm
  // CHECK: %[[B:.*]] = lathe.phase "b" (%{{.*}} = %[[N]] :
  // CHECK: lathe.phase "logits" (%{{.*}} = %[[N]] : tensor<?x64xf32>, %{{.*}} = %[[B]] :
  // CHECK-NOT: lathe.phase
  %x = lathe.embed %ids, @a.packed : tensor<?x64xf32>
  %n = lathe.norm rms %x, @norm.packed eps 1.0e-5 : tensor<?x64xf32>
  %a = lathe.linear %n, [@a.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  %b = lathe.linear %n, [@b.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  %y = lathe.add %a, %b : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: @normed_residual
func.func @normed_residual(%ids: tensor<?xi32>) -> tensor<?x64xf32> attributes {lathe.kind = "decode"} {
  // CHECK: %[[N:.*]] = lathe.phase "embed"
  // CHECK-NEXT: lathe.embed
  // CHECK-NEXT: lathe.norm
  // CHECK: lathe.phase "logits" (%{{.*}} = %[[N]] :
  // CHECK-NEXT: lathe.linear
  // CHECK-NEXT: lathe.add
  // CHECK-NOT: lathe.phase
  %x = lathe.embed %ids, @a.packed : tensor<?x64xf32>
  %n = lathe.norm rms %x, @norm.packed eps 1.0e-5 : tensor<?x64xf32>
  %a = lathe.linear %n, [@a.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  %y = lathe.add %n, %a scale 0.5 : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// What no epilogue takes is a phase of its own; a chain of it is one.
// CHECK-LABEL: @alone
func.func @alone(%ids: tensor<?xi32>) -> tensor<?x64xf32> attributes {lathe.kind = "decode"} {
  // CHECK: %[[X:.*]] = lathe.phase "embed"
  // CHECK-NEXT: lathe.embed
  // CHECK-NEXT: lathe.norm
  // CHECK-NEXT: lathe.yield
  %e = lathe.embed %ids, @a.packed : tensor<?x64xf32>
  %x = lathe.norm rms %e, @norm.packed eps 1.0e-5 : tensor<?x64xf32>
  // CHECK: %[[A:.*]] = lathe.phase "a" (%{{.*}} = %[[X]] :
  // CHECK-NEXT: lathe.linear
  // CHECK-NEXT: lathe.softcap
  // CHECK-NEXT: lathe.yield
  // CHECK: lathe.phase "norm" (%{{.*}} = %[[A]] : tensor<?x64xf32>, %{{.*}} = %[[X]] :
  // CHECK-NEXT: lathe.scale
  // CHECK-NEXT: lathe.norm
  // CHECK-NEXT: lathe.add
  // CHECK-NEXT: lathe.yield
  // CHECK-NOT: lathe.phase
  %a = lathe.linear %x, [@a.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  %c = lathe.softcap %a cap 2.0 : tensor<?x64xf32>
  %s = lathe.scale %c by 2.0 : tensor<?x64xf32>
  %n = lathe.norm rms %s, @norm.packed eps 1.0e-5 : tensor<?x64xf32>
  %y = lathe.add %x, %n : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// Gate and up that are two linears are joined before the next.
// CHECK-LABEL: @apart
func.func @apart(%ids: tensor<?xi32>) -> tensor<?x64xf32> attributes {lathe.kind = "decode"} {
  // CHECK: lathe.phase "embed"
  // CHECK: %[[G:.*]] = lathe.phase "a"
  // CHECK: %[[U:.*]] = lathe.phase "b"
  // CHECK: lathe.phase "logits" (%{{.*}} = %[[G]] : tensor<?x64xf32>, %{{.*}} = %[[U]] :
  // CHECK-NEXT: lathe.glu
  // CHECK-NEXT: lathe.linear
  // CHECK-NOT: lathe.phase
  %x = lathe.embed %ids, @a.packed : tensor<?x64xf32>
  %g = lathe.linear %x, [@a.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  %u = lathe.linear %x, [@b.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  %h = lathe.glu silu %g, %u : tensor<?x64xf32>
  %y = lathe.linear %h, [@a.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// A hidden state is a phase's result: the norm does not run with the linear that alone reads it, nor is the activation
// of a linear's result that is one.
// CHECK-LABEL: @hidden
func.func @hidden(%ids: tensor<?xi32>) -> tensor<?x64xf32> attributes {lathe.kind = "decode"} {
  // CHECK: %[[N:.*]] = lathe.phase "embed"
  // CHECK-NEXT: lathe.embed
  // CHECK-NEXT: lathe.norm {{.*}} {lathe.hidden = 0 : i64}
  // CHECK-NEXT: lathe.yield
  %x = lathe.embed %ids, @a.packed : tensor<?x64xf32>
  %n = lathe.norm rms %x, @norm.packed eps 1.0e-5 {lathe.hidden = 0 : i64} : tensor<?x64xf32>
  // CHECK: %[[A:.*]] = lathe.phase "a" (%{{.*}} = %[[N]] :
  // CHECK-NEXT: lathe.linear {{.*}} {lathe.hidden = 1 : i64}
  // CHECK-NEXT: lathe.yield
  %a = lathe.linear %n, [@a.packed] {lathe.hidden = 1 : i64} : tensor<?x64xf32> -> tensor<?x64xf32>
  // CHECK: lathe.phase "logits" (%{{.*}} = %[[A]] :
  // CHECK-NEXT: lathe.activation
  // CHECK-NEXT: lathe.linear
  %r = lathe.activation relu %a : tensor<?x64xf32>
  %y = lathe.linear %r, [@b.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

lathe.rotation @rotary [1.0, 0.5]

// What turns before its norm does so on the way to it; attention then finds nothing to turn.
// CHECK-LABEL: @norm_after_rotation
func.func @norm_after_rotation(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>) -> tensor<?x?x72xf32> attributes {lathe.kind = "decode"} {
  // CHECK: %[[X:.*]] = lathe.phase "embed"
  %x = lathe.embed %ids, @a.packed : tensor<?x64xf32>
  // CHECK: %[[Q:.*]] = lathe.phase "norm" (%{{.*}} = %[[X]] : {{.*}}
  // CHECK-NEXT: lathe.rope
  // CHECK-NEXT: lathe.norm
  // CHECK-NEXT: lathe.yield
  %qr = lathe.rope half_split %x, %positions, @rotary head_size 16 : tensor<?x64xf32>
  %q = lathe.norm rms %qr, @norm.packed eps 1.0e-5 : tensor<?x64xf32>
  // CHECK: lathe.phase "layers.0.attention" (%{{.*}} = %[[Q]] : {{.*}}
  // CHECK-NEXT: lathe.append
  // CHECK-NEXT: lathe.attend
  // CHECK-NOT: lathe.rope
  lathe.append %q, %x, %positions, %slots layer 0 kv_heads 4 head_size 16 : tensor<?x64xf32>
  %a = lathe.attend %q, %positions, %slots layer 0 heads 4 kv_heads 4 head_size 16 scale 0.25 split 64 : tensor<?x64xf32> -> tensor<?x?x72xf32>
  return %a : tensor<?x?x72xf32>
}
