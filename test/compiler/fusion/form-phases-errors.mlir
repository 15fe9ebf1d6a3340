// RUN: lathe-opt %s --lathe-form-phases --split-input-file --verify-diagnostics

// expected-error @+1 {{function @other is of kind 'other'; lathe.kind (or the name) must be decode or prefill}}
func.func @other(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  return %x : tensor<?x64xf32>
}

// -----

func.func @decode(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // expected-error @+1 {{'lathe.activation' op has no kernel that it could run in or after, as a decode step uses it here}}
  %y = lathe.activation relu %x : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

lathe.weight @a "f32" : tensor<64x64xf32>
lathe.packed @a.packed "f32" [@a]

// A linear scales, then caps: not the other way round.
func.func @prefill(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  %x = lathe.embed %ids, @a.packed : tensor<?x64xf32>
  %y = lathe.linear %x, [@a.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  %c = lathe.softcap %y cap 2.0 : tensor<?x64xf32>
  // expected-error @+1 {{'lathe.scale' op has no kernel that it could run in or after, as a prefill step uses it here}}
  %s = lathe.scale %c by 2.0 : tensor<?x64xf32>
  return %s : tensor<?x64xf32>
}

// -----

func.func @decode(%q: tensor<?x64xf32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>) -> tensor<?x?x72xf32> {
  // expected-error @+1 {{'lathe.attend' op of layer 0 has no lathe.append before it}}
  %a = lathe.attend %q, %positions, %slots layer 0 heads 4 kv_heads 2 head_size 16 scale 0.25 split 64 : tensor<?x64xf32> -> tensor<?x?x72xf32>
  return %a : tensor<?x?x72xf32>
}

// -----

lathe.weight @w "f32" : tensor<64x64xf32>
lathe.weight @v "f16" : tensor<64x64xf32>
lathe.packed @w.packed "f32" [@w]
lathe.packed @v.packed "f16" [@v]

// Gate and up in two formats are two linears, and no kernel joins them.
func.func @decode(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  %x = lathe.embed %ids, @w.packed : tensor<?x64xf32>
  %g = lathe.linear %x, [@w.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  %u = lathe.linear %x, [@v.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  // expected-error @+1 {{'lathe.glu' op has no kernel that it could run in or after}}
  %h = lathe.glu silu %g, %u : tensor<?x64xf32>
  %y = lathe.linear %h, [@w.packed] : tensor<?x64xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
