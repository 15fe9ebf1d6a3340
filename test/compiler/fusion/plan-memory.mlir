// RUN: lathe-opt %s --lathe-plan="max-context=1000 decode-rows=2" --lathe-plan-memory | FileCheck %s

lathe.weight @w "f32" : tensor<20x20xf32>
lathe.packed @w.packed "f32" [@w]

// A row of 20 numbers takes 32 places: 2 rows take 256 bytes. The residual is replaced; the place of what was read last is used again.
// CHECK: module attributes {lathe.max_context = 1000 : i64, lathe.plan = {{.*}}}
// CHECK-LABEL: @decode
// CHECK-SAME: lathe.arena_bytes = 512 : i64, lathe.max_logit_rows = 2 : i64, lathe.max_rows = 2 : i64
func.func @decode(%ids: tensor<?xi32>) -> tensor<?x20xf32> {
  // CHECK: lathe.phase "x" {{.*}} offsets [0]
  %x = lathe.phase "x" (%i = %ids : tensor<?xi32>) -> tensor<?x20xf32> {
    %e = lathe.embed %i, @w.packed : tensor<?x20xf32>
    lathe.yield %e : tensor<?x20xf32>
  }
  // CHECK: lathe.phase "y" {{.*}} offsets [256]
  %y = lathe.phase "y" (%a = %x : tensor<?x20xf32>) -> tensor<?x20xf32> {
    %l = lathe.linear %a, [@w.packed] : tensor<?x20xf32> -> tensor<?x20xf32>
    lathe.yield %l : tensor<?x20xf32>
  }
  // CHECK: lathe.phase "replaces x" {{.*}} offsets [0]
  %z = lathe.phase "replaces x" (%a = %y : tensor<?x20xf32>, %r = %x : tensor<?x20xf32>) -> tensor<?x20xf32> {
    %l = lathe.linear %a, [@w.packed] : tensor<?x20xf32> -> tensor<?x20xf32>
    %s = lathe.add %r, %l : tensor<?x20xf32>
    lathe.yield %s : tensor<?x20xf32>
  }
  // Its residual is also its linear's input, which other tiles read.
  // CHECK: lathe.phase "does not replace z" {{.*}} offsets [256]
  %u = lathe.phase "does not replace z" (%a = %z : tensor<?x20xf32>) -> tensor<?x20xf32> {
    %l = lathe.linear %a, [@w.packed] : tensor<?x20xf32> -> tensor<?x20xf32>
    %s = lathe.add %a, %l : tensor<?x20xf32>
    lathe.yield %s : tensor<?x20xf32>
  }
  // CHECK: lathe.phase "returned" {{.*}} offsets [-1]
  %v = lathe.phase "returned" (%a = %u : tensor<?x20xf32>) -> tensor<?x20xf32> {
    %l = lathe.linear %a, [@w.packed] : tensor<?x20xf32> -> tensor<?x20xf32>
    lathe.yield %l : tensor<?x20xf32>
  }
  return %v : tensor<?x20xf32>
}
