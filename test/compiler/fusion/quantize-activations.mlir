// RUN: lathe-opt %s --lathe-quantize-activations | FileCheck %s
// RUN: lathe-opt %s --lathe-plan="max-context=64 activations=q8" --lathe-quantize-activations | FileCheck %s --check-prefix=Q8
// RUN: lathe-opt %s --lathe-plan="max-context=64 activations=f32" --lathe-quantize-activations | FileCheck %s --check-prefix=F32

// Q8: lathe.quantize %{{.*}} : tensor<?x64xf32> -> tensor<?x64x!lathe.q8>
// Q8-NEXT: lathe.linear %{{.*}}, [@a] : tensor<?x64x!lathe.q8>
// F32-NOT: lathe.quantize

lathe.weight @a "q4_0" : tensor<64x64xf32>
lathe.weight @b "q8_0" : tensor<32x64xf32>
lathe.weight @c "f16" : tensor<32x64xf32>

// CHECK-LABEL: @linears
func.func @linears(%x: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>) {
  // CHECK-SAME: %[[X:[^:]+]]:
  // CHECK-NEXT: %[[Q:.*]] = lathe.quantize %[[X]] : tensor<?x64xf32> -> tensor<?x64x!lathe.q16>
  // CHECK-NEXT: lathe.linear %[[Q]], [@a] : tensor<?x64x!lathe.q16>
  // CHECK-NEXT: lathe.linear %[[Q]], [@b] : tensor<?x64x!lathe.q16>
  // CHECK-NEXT: lathe.linear %[[X]], [@c] : tensor<?x64xf32>
  %a = lathe.linear %x, [@a] : tensor<?x64xf32> -> tensor<?x64xf32>
  %b = lathe.linear %x, [@b] : tensor<?x64xf32> -> tensor<?x32xf32>
  %c = lathe.linear %x, [@c] : tensor<?x64xf32> -> tensor<?x32xf32>
  return %a, %b, %c : tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}
