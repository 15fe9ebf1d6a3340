// decode: 12 phases, arena of 15360 bytes
// prefill: 19 phases, arena of 196608 bytes
module attributes {lathe.max_context = 1024 : i64} {
lathe.weight @token_embedding "f32" : tensor<100x64xf32>
lathe.weight @layers.0.attention.norm "f32" : tensor<1x64xf32>
lathe.weight @layers.0.attention.query "f32" : tensor<64x64xf32>
lathe.weight @layers.0.attention.key "f32" : tensor<32x64xf32>
lathe.weight @layers.0.attention.value "f32" : tensor<32x64xf32>
lathe.weight @layers.0.attention.output "f32" : tensor<64x64xf32>
lathe.weight @layers.0.mlp.norm "f32" : tensor<1x64xf32>
lathe.weight @layers.0.mlp.gate "f32" : tensor<96x64xf32>
lathe.weight @layers.0.mlp.up "f32" : tensor<96x64xf32>
lathe.weight @layers.0.mlp.down "f32" : tensor<64x96xf32>
lathe.weight @layers.1.attention.norm "f32" : tensor<1x64xf32>
lathe.weight @layers.1.attention.query "f32" : tensor<64x64xf32>
lathe.weight @layers.1.attention.key "f32" : tensor<32x64xf32>
lathe.weight @layers.1.attention.value "f32" : tensor<32x64xf32>
lathe.weight @layers.1.attention.output "f32" : tensor<64x64xf32>
lathe.weight @layers.1.mlp.norm "f32" : tensor<1x64xf32>
lathe.weight @layers.1.mlp.gate "f32" : tensor<96x64xf32>
lathe.weight @layers.1.mlp.up "f32" : tensor<96x64xf32>
lathe.weight @layers.1.mlp.down "f32" : tensor<64x96xf32>
lathe.weight @norm "f32" : tensor<1x64xf32>
lathe.rotation @rotary [1.0, 0.316228, 0.1, 0.0316228, 0.01, 0.00316228, 0.001, 0.000316228]
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>) -> tensor<?x100xf32> {
  %x0 = lathe.embed %ids, @token_embedding : tensor<?x64xf32>
  %n0 = lathe.norm rms %x0, @layers.0.attention.norm eps 1.0e-5 : tensor<?x64xf32>
  %q0 = lathe.linear %n0, [@layers.0.attention.query] : tensor<?x64xf32> -> tensor<?x64xf32>
  %k0 = lathe.linear %n0, [@layers.0.attention.key] : tensor<?x64xf32> -> tensor<?x32xf32>
  %v0 = lathe.linear %n0, [@layers.0.attention.value] : tensor<?x64xf32> -> tensor<?x32xf32>
  %qr0 = lathe.rope half_split %q0, %positions, @rotary head_size 16 : tensor<?x64xf32>
  %kr0 = lathe.rope half_split %k0, %positions, @rotary head_size 16 : tensor<?x32xf32>
  %a0 = lathe.attention %qr0, %kr0, %v0, %positions, %slots layer 0 heads 4 kv_heads 2 head_size 16 scale 0.25 : tensor<?x64xf32>, tensor<?x32xf32>
  %o0 = lathe.linear %a0, [@layers.0.attention.output] : tensor<?x64xf32> -> tensor<?x64xf32>
  %y0 = lathe.add %x0, %o0 : tensor<?x64xf32>
  %m0 = lathe.norm rms %y0, @layers.0.mlp.norm eps 1.0e-5 : tensor<?x64xf32>
  %g0 = lathe.linear %m0, [@layers.0.mlp.gate] : tensor<?x64xf32> -> tensor<?x96xf32>
  %u0 = lathe.linear %m0, [@layers.0.mlp.up] : tensor<?x64xf32> -> tensor<?x96xf32>
  %h0 = lathe.glu silu %g0, %u0 : tensor<?x96xf32>
  %d0 = lathe.linear %h0, [@layers.0.mlp.down] : tensor<?x96xf32> -> tensor<?x64xf32>
  %x1 = lathe.add %y0, %d0 : tensor<?x64xf32>
  %n1 = lathe.norm rms %x1, @layers.1.attention.norm eps 1.0e-5 : tensor<?x64xf32>
  %q1 = lathe.linear %n1, [@layers.1.attention.query] : tensor<?x64xf32> -> tensor<?x64xf32>
  %k1 = lathe.linear %n1, [@layers.1.attention.key] : tensor<?x64xf32> -> tensor<?x32xf32>
  %v1 = lathe.linear %n1, [@layers.1.attention.value] : tensor<?x64xf32> -> tensor<?x32xf32>
  %qr1 = lathe.rope half_split %q1, %positions, @rotary head_size 16 : tensor<?x64xf32>
  %kr1 = lathe.rope half_split %k1, %positions, @rotary head_size 16 : tensor<?x32xf32>
  %a1 = lathe.attention %qr1, %kr1, %v1, %positions, %slots layer 1 heads 4 kv_heads 2 head_size 16 scale 0.25 : tensor<?x64xf32>, tensor<?x32xf32>
  %o1 = lathe.linear %a1, [@layers.1.attention.output] : tensor<?x64xf32> -> tensor<?x64xf32>
  %y1 = lathe.add %x1, %o1 : tensor<?x64xf32>
  %m1 = lathe.norm rms %y1, @layers.1.mlp.norm eps 1.0e-5 : tensor<?x64xf32>
  %g1 = lathe.linear %m1, [@layers.1.mlp.gate] : tensor<?x64xf32> -> tensor<?x96xf32>
  %u1 = lathe.linear %m1, [@layers.1.mlp.up] : tensor<?x64xf32> -> tensor<?x96xf32>
  %h1 = lathe.glu silu %g1, %u1 : tensor<?x96xf32>
  %d1 = lathe.linear %h1, [@layers.1.mlp.down] : tensor<?x96xf32> -> tensor<?x64xf32>
  %x2 = lathe.add %y1, %d1 : tensor<?x64xf32>
  %t = lathe.take_rows %x2, %rows : tensor<?x64xf32>
  %tn = lathe.norm rms %t, @norm eps 1.0e-5 : tensor<?x64xf32>
  %logits = lathe.linear %tn, [@token_embedding] : tensor<?x64xf32> -> tensor<?x100xf32>
  return %logits : tensor<?x100xf32>
}
func.func @prefill(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>) -> tensor<?x100xf32> {
  %x0 = lathe.embed %ids, @token_embedding : tensor<?x64xf32>
  %n0 = lathe.norm rms %x0, @layers.0.attention.norm eps 1.0e-5 : tensor<?x64xf32>
  %q0 = lathe.linear %n0, [@layers.0.attention.query] : tensor<?x64xf32> -> tensor<?x64xf32>
  %k0 = lathe.linear %n0, [@layers.0.attention.key] : tensor<?x64xf32> -> tensor<?x32xf32>
  %v0 = lathe.linear %n0, [@layers.0.attention.value] : tensor<?x64xf32> -> tensor<?x32xf32>
  %qr0 = lathe.rope half_split %q0, %positions, @rotary head_size 16 : tensor<?x64xf32>
  %kr0 = lathe.rope half_split %k0, %positions, @rotary head_size 16 : tensor<?x32xf32>
  %a0 = lathe.attention %qr0, %kr0, %v0, %positions, %slots layer 0 heads 4 kv_heads 2 head_size 16 scale 0.25 : tensor<?x64xf32>, tensor<?x32xf32>
  %o0 = lathe.linear %a0, [@layers.0.attention.output] : tensor<?x64xf32> -> tensor<?x64xf32>
  %y0 = lathe.add %x0, %o0 : tensor<?x64xf32>
  %m0 = lathe.norm rms %y0, @layers.0.mlp.norm eps 1.0e-5 : tensor<?x64xf32>
  %g0 = lathe.linear %m0, [@layers.0.mlp.gate] : tensor<?x64xf32> -> tensor<?x96xf32>
  %u0 = lathe.linear %m0, [@layers.0.mlp.up] : tensor<?x64xf32> -> tensor<?x96xf32>
  %h0 = lathe.glu silu %g0, %u0 : tensor<?x96xf32>
  %d0 = lathe.linear %h0, [@layers.0.mlp.down] : tensor<?x96xf32> -> tensor<?x64xf32>
  %x1 = lathe.add %y0, %d0 : tensor<?x64xf32>
  %n1 = lathe.norm rms %x1, @layers.1.attention.norm eps 1.0e-5 : tensor<?x64xf32>
  %q1 = lathe.linear %n1, [@layers.1.attention.query] : tensor<?x64xf32> -> tensor<?x64xf32>
  %k1 = lathe.linear %n1, [@layers.1.attention.key] : tensor<?x64xf32> -> tensor<?x32xf32>
  %v1 = lathe.linear %n1, [@layers.1.attention.value] : tensor<?x64xf32> -> tensor<?x32xf32>
  %qr1 = lathe.rope half_split %q1, %positions, @rotary head_size 16 : tensor<?x64xf32>
  %kr1 = lathe.rope half_split %k1, %positions, @rotary head_size 16 : tensor<?x32xf32>
  %a1 = lathe.attention %qr1, %kr1, %v1, %positions, %slots layer 1 heads 4 kv_heads 2 head_size 16 scale 0.25 : tensor<?x64xf32>, tensor<?x32xf32>
  %o1 = lathe.linear %a1, [@layers.1.attention.output] : tensor<?x64xf32> -> tensor<?x64xf32>
  %y1 = lathe.add %x1, %o1 : tensor<?x64xf32>
  %m1 = lathe.norm rms %y1, @layers.1.mlp.norm eps 1.0e-5 : tensor<?x64xf32>
  %g1 = lathe.linear %m1, [@layers.1.mlp.gate] : tensor<?x64xf32> -> tensor<?x96xf32>
  %u1 = lathe.linear %m1, [@layers.1.mlp.up] : tensor<?x64xf32> -> tensor<?x96xf32>
  %h1 = lathe.glu silu %g1, %u1 : tensor<?x96xf32>
  %d1 = lathe.linear %h1, [@layers.1.mlp.down] : tensor<?x96xf32> -> tensor<?x64xf32>
  %x2 = lathe.add %y1, %d1 : tensor<?x64xf32>
  %t = lathe.take_rows %x2, %rows : tensor<?x64xf32>
  %tn = lathe.norm rms %t, @norm eps 1.0e-5 : tensor<?x64xf32>
  %logits = lathe.linear %tn, [@token_embedding] : tensor<?x64xf32> -> tensor<?x100xf32>
  return %logits : tensor<?x100xf32>
}
}
