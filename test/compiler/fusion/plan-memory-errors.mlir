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

// -----

module attributes {lathe.max_context = 64 : i64} {
  func.func @decode(%ids: tensor<?xi32>) -> tensor<?xi32> {
    // expected-error @+1 {{'lathe.phase' op has a result of type 'tensor<?xi32>', which has no place in an arena}}
    %x = lathe.phase "x" (%i = %ids : tensor<?xi32>) -> tensor<?xi32> {
      lathe.yield %i : tensor<?xi32>
    }
    %y = lathe.phase "y" (%i = %x : tensor<?xi32>) -> tensor<?xi32> {
      lathe.yield %i : tensor<?xi32>
    }
    return %y : tensor<?xi32>
  }
}

// -----

lathe.weight @w "f32" : tensor<64x64xf32>
// expected-error @+1 {{function @decode needs an arena of more than 1099511627776 bytes}}
func.func @decode(%ids: tensor<?xi32>) attributes {lathe.max_rows = 8589934592 : i64} {
  %x = lathe.phase "x" (%i = %ids : tensor<?xi32>) -> tensor<?x64xf32> {
    %e = lathe.embed %i, @w : tensor<?x64xf32>
    lathe.yield %e : tensor<?x64xf32>
  }
  return
}

// -----

// A list of choices that no phase has made.
func.func @decode(%choices: tensor<?x!lathe.choice>) {
  // expected-error @+1 {{'lathe.phase' op has a result of type 'tensor<?x!lathe.choice>', which has no place in an arena}}
  %x = lathe.phase "x" (%c = %choices : tensor<?x!lathe.choice>) -> tensor<?x!lathe.choice> {
    lathe.yield %c : tensor<?x!lathe.choice>
  }
  return
}
