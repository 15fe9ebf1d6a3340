// RUN: lathe-opt %s --lathe-plan-memory --split-input-file --verify-diagnostics

module attributes {lathe.max_context = 64 : i64} {
  lathe.weight @w "f32" : tensor<64x64xf32>
  lathe.packed @w.packed "f32" [@w]
  func.func @decode(%ids: tensor<?xi32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
    // expected-error @+1 {{'lathe.phase' op result is returned and read by another phase: logits are for the caller alone}}
    %x = lathe.phase "x" (%i = %ids : tensor<?xi32>) -> tensor<?x64xf32> {
      %e = lathe.embed %i, @w.packed : tensor<?x64xf32>
      lathe.yield %e : tensor<?x64xf32>
    }
    %y = lathe.phase "y" (%a = %x : tensor<?x64xf32>) -> tensor<?x64xf32> {
      %l = lathe.linear %a, [@w.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
      lathe.yield %l : tensor<?x64xf32>
    }
    return %x, %y : tensor<?x64xf32>, tensor<?x64xf32>
  }
}
