// RUN: lathe-opt %s --lathe-form-phases --split-input-file --verify-diagnostics

// expected-error @+1 {{function @other is of kind 'other'; lathe.kind (or the name) must be decode or prefill}}
func.func @other(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  return %x : tensor<?x64xf32>
}

// -----

func.func @decode(%q: tensor<?x64xf32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>) -> tensor<?x?x72xf32> {
  // expected-error @+1 {{'lathe.attend' op of layer 0 has no lathe.append before it}}
  %a = lathe.attend %q, %positions, %slots layer 0 heads 4 kv_heads 2 head_size 16 scale 0.25 split 64 : tensor<?x64xf32> -> tensor<?x?x72xf32>
  return %a : tensor<?x?x72xf32>
}

// -----

lathe.weight @a "f32" : tensor<64x64xf32>
lathe.packed @a.packed "f32" [@a]

// A slice is a view into what another phase makes: it makes nothing to return.
func.func @prefill(%ids: tensor<?xi32>) -> tensor<?x32xf32> {
  %x = lathe.embed %ids, @a.packed : tensor<?x64xf32>
  // expected-error @+1 {{'lathe.slice' op has no kernel that it could run in or after, as a prefill step uses it here}}
  %y = lathe.slice %x offset 0 : tensor<?x64xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

func.func @decode(%q: tensor<?x64xf32>) -> tensor<?x32xf32> {
  // expected-error @+1 {{'lathe.slice' op has no kernel that it could run in or after, as a decode step uses it here}}
  %y = lathe.slice %q offset 0 : tensor<?x64xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

// expected-error @+1 {{function @decode has no body of one block}}
func.func private @decode(tensor<?x64xf32>) -> tensor<?x64xf32>

// -----

// One append is for one attend.
func.func @decode(%q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>) -> (tensor<?x?x72xf32>, tensor<?x?x72xf32>) {
  lathe.append %k, %k, %positions, %slots layer 3 kv_heads 2 head_size 16 : tensor<?x32xf32>
  %a = lathe.attend %q, %positions, %slots layer 3 heads 4 kv_heads 2 head_size 16 scale 0.25 split 64 : tensor<?x64xf32> -> tensor<?x?x72xf32>
  // expected-error @+1 {{'lathe.attend' op of layer 3 has no lathe.append before it}}
  %b = lathe.attend %q, %positions, %slots layer 3 heads 4 kv_heads 2 head_size 16 scale 0.25 split 64 : tensor<?x64xf32> -> tensor<?x?x72xf32>
  return %a, %b : tensor<?x?x72xf32>, tensor<?x?x72xf32>
}

// -----

func.func @prefill(%q: tensor<?x64xf32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>) -> tensor<?x?x72xf32> {
  // expected-error @+1 {{'lathe.attend' op of a prefill step must lead to one lathe.combine and nothing else}}
  %a = lathe.attend %q, %positions, %slots layer 0 heads 4 kv_heads 2 head_size 16 scale 0.25 split 64 : tensor<?x64xf32> -> tensor<?x?x72xf32>
  return %a : tensor<?x?x72xf32>
}
