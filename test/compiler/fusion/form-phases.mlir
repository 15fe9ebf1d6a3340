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

// The same norm in prefill is a phase of its own, once; so is one that is a residual in decode.
// CHECK-LABEL: @prefill
func.func @prefill(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  // CHECK: lathe.phase "embed"
  // CHECK: %[[N:.*]] = lathe.phase "norm"
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
  // CHECK: lathe.phase "embed"
  // CHECK: %[[N:.*]] = lathe.phase "norm"
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
