// RUN: lathe-opt %s --lathe-plan="split=128 max-context=64" --lathe-split-attention | FileCheck %s

// CHECK-LABEL: @attention
func.func @attention(%q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %v: tensor<?x32xf32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>) -> tensor<?x64xf32> {
  // CHECK-SAME: %[[Q:[^:]+]]: tensor<?x64xf32>, %[[K:[^:]+]]: tensor<?x32xf32>, %[[V:[^:]+]]: tensor<?x32xf32>, %[[P:[^:]+]]: tensor<?xi32>, %[[S:[^:]+]]: tensor<?xi32>
  // CHECK-NEXT: lathe.append %[[K]], %[[V]], %[[P]], %[[S]] layer 3 kv_heads 2 head_size 16 : tensor<?x32xf32>
  // CHECK-NEXT: %[[A:.*]] = lathe.attend %[[Q]], %[[P]], %[[S]] layer 3 heads 4 kv_heads 2 head_size 16 scale 2.500000e-01 window 7 softcap 5.000000e+01 split 128 : tensor<?x64xf32> -> tensor<?x?x72xf32>
  // CHECK-NEXT: %[[C:.*]] = lathe.combine %[[A]], %[[P]] heads 4 head_size 16
  // CHECK-NEXT: return %[[C]]
  %a = lathe.attention %q, %k, %v, %positions, %slots layer 3 heads 4 kv_heads 2 head_size 16 scale 0.25 window 7 softcap 50.0 : tensor<?x64xf32>, tensor<?x32xf32>
  return %a : tensor<?x64xf32>
}
