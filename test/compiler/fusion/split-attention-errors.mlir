// RUN: lathe-opt %s --lathe-split-attention --split-input-file --verify-diagnostics

// lathe-plan checks what it writes; a plan from elsewhere is checked by the ops that are made by it.
module attributes {lathe.plan = {split = 0 : i64}} {
  func.func @attention(%q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %v: tensor<?x32xf32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>) -> tensor<?x64xf32> {
    // expected-error @+1 {{'lathe.attend' op split = 0; it is from 1 to}}
    %a = lathe.attention %q, %k, %v, %positions, %slots layer 0 heads 4 kv_heads 2 head_size 16 scale 0.25 : tensor<?x64xf32>, tensor<?x32xf32>
    return %a : tensor<?x64xf32>
  }
}
