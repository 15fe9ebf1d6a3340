// What Llama does not have: biases everywhere, layer norm, an activation without gate, odd widths, no rotation in the first layer
// and part of a head in the second, a scaled residual, a scaled and capped head, an embedding that is scaled and normed.
// decode: 14 phases, arena of 8960 bytes
// prefill: 20 phases, arena of 159744 bytes
module attributes {lathe.max_context = 1024 : i64} {
lathe.weight @embedding "f16" : tensor<50x36xf32>
lathe.weight @embedding.norm "f32" : tensor<1x36xf32>
lathe.weight @norm "f32" : tensor<1x36xf32>
lathe.weight @shift "f32" : tensor<1x36xf32>
lathe.weight @query "f16" : tensor<36x36xf32>
lathe.weight @key "f16" : tensor<12x36xf32>
lathe.weight @value "bf16" : tensor<12x36xf32>
lathe.weight @query.bias "f32" : tensor<1x36xf32>
lathe.weight @key.bias "f32" : tensor<1x12xf32>
lathe.weight @output "f16" : tensor<36x36xf32>
lathe.weight @output.bias "f32" : tensor<1x36xf32>
lathe.weight @up "f16" : tensor<50x36xf32>
lathe.weight @up.bias "f32" : tensor<1x50xf32>
lathe.weight @gate "f16" : tensor<50x36xf32>
lathe.weight @gate.bias "f32" : tensor<1x50xf32>
lathe.weight @down "f16" : tensor<36x50xf32>
lathe.rotation @rotary [1.0, 0.1] magnitude 1.25
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>) -> tensor<?x50xf32> {
  %e = lathe.embed %ids, @embedding scale 6.0 : tensor<?x36xf32>
  %x0 = lathe.norm layer %e, @embedding.norm bias @shift eps 1.0e-5 : tensor<?x36xf32>
  %n0 = lathe.norm layer %x0, @norm bias @shift eps 1.0e-5 : tensor<?x36xf32>
  %q0 = lathe.linear %n0, [@query] bias [@query.bias] : tensor<?x36xf32> -> tensor<?x36xf32>
  %k0 = lathe.linear %n0, [@key] bias [@key.bias] : tensor<?x36xf32> -> tensor<?x12xf32>
  %v0 = lathe.linear %n0, [@value] : tensor<?x36xf32> -> tensor<?x12xf32>
  %a0 = lathe.attention %q0, %k0, %v0, %positions, %slots layer 0 heads 3 kv_heads 1 head_size 12 scale 0.3 softcap 20.0 : tensor<?x36xf32>, tensor<?x12xf32>
  %o0 = lathe.linear %a0, [@output] bias [@output.bias] : tensor<?x36xf32> -> tensor<?x36xf32>
  %y0 = lathe.add %x0, %o0 scale 0.5 : tensor<?x36xf32>
  %m0 = lathe.norm rms %y0, @norm eps 1.0e-5 unit_offset : tensor<?x36xf32>
  %u0 = lathe.linear %m0, [@up] bias [@up.bias] : tensor<?x36xf32> -> tensor<?x50xf32>
  %h0 = lathe.activation gelu_erf %u0 : tensor<?x50xf32>
  %d0 = lathe.linear %h0, [@down] : tensor<?x50xf32> -> tensor<?x36xf32>
  %x1 = lathe.add %d0, %y0 : tensor<?x36xf32>
  %n1 = lathe.norm rms %x1, @norm eps 1.0e-5 : tensor<?x36xf32>
  %q1 = lathe.linear %n1, [@query] : tensor<?x36xf32> -> tensor<?x36xf32>
  %k1 = lathe.linear %n1, [@key] : tensor<?x36xf32> -> tensor<?x12xf32>
  %v1 = lathe.linear %n1, [@value] : tensor<?x36xf32> -> tensor<?x12xf32>
  %r1 = lathe.rope interleaved %q1, %positions, @rotary head_size 12 : tensor<?x36xf32>
  %s1 = lathe.rope interleaved %k1, %positions, @rotary head_size 12 : tensor<?x12xf32>
  %a1 = lathe.attention %r1, %s1, %v1, %positions, %slots layer 1 heads 3 kv_heads 1 head_size 12 scale 0.3 window 3 : tensor<?x36xf32>, tensor<?x12xf32>
  %o1 = lathe.linear %a1, [@output] : tensor<?x36xf32> -> tensor<?x36xf32>
  %u1 = lathe.linear %n1, [@up] bias [@up.bias] : tensor<?x36xf32> -> tensor<?x50xf32>
  %g1 = lathe.linear %n1, [@gate] bias [@gate.bias] : tensor<?x36xf32> -> tensor<?x50xf32>
  %h1 = lathe.glu gelu_tanh %g1, %u1 : tensor<?x50xf32>
  %d1 = lathe.linear %h1, [@down] : tensor<?x50xf32> -> tensor<?x36xf32>
  %y1 = lathe.add %x1, %o1 : tensor<?x36xf32>
  %x2 = lathe.add %y1, %d1 : tensor<?x36xf32>
  %t = lathe.take_rows %x2, %rows : tensor<?x36xf32>
  %tn = lathe.norm rms %t, @norm eps 1.0e-5 : tensor<?x36xf32>
  %l = lathe.linear %tn, [@embedding] : tensor<?x36xf32> -> tensor<?x50xf32>
  %s = lathe.scale %l by 0.25 : tensor<?x50xf32>
  %c = lathe.softcap %s cap 30.0 : tensor<?x50xf32>
  return %c : tensor<?x50xf32>
}
func.func @prefill(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>) -> tensor<?x50xf32> {
  %e = lathe.embed %ids, @embedding scale 6.0 : tensor<?x36xf32>
  %x0 = lathe.norm layer %e, @embedding.norm bias @shift eps 1.0e-5 : tensor<?x36xf32>
  %n0 = lathe.norm layer %x0, @norm bias @shift eps 1.0e-5 : tensor<?x36xf32>
  %q0 = lathe.linear %n0, [@query] bias [@query.bias] : tensor<?x36xf32> -> tensor<?x36xf32>
  %k0 = lathe.linear %n0, [@key] bias [@key.bias] : tensor<?x36xf32> -> tensor<?x12xf32>
  %v0 = lathe.linear %n0, [@value] : tensor<?x36xf32> -> tensor<?x12xf32>
  %a0 = lathe.attention %q0, %k0, %v0, %positions, %slots layer 0 heads 3 kv_heads 1 head_size 12 scale 0.3 softcap 20.0 : tensor<?x36xf32>, tensor<?x12xf32>
  %o0 = lathe.linear %a0, [@output] bias [@output.bias] : tensor<?x36xf32> -> tensor<?x36xf32>
  %y0 = lathe.add %x0, %o0 scale 0.5 : tensor<?x36xf32>
  %m0 = lathe.norm rms %y0, @norm eps 1.0e-5 unit_offset : tensor<?x36xf32>
  %u0 = lathe.linear %m0, [@up] bias [@up.bias] : tensor<?x36xf32> -> tensor<?x50xf32>
  %h0 = lathe.activation gelu_erf %u0 : tensor<?x50xf32>
  %d0 = lathe.linear %h0, [@down] : tensor<?x50xf32> -> tensor<?x36xf32>
  %x1 = lathe.add %d0, %y0 : tensor<?x36xf32>
  %n1 = lathe.norm rms %x1, @norm eps 1.0e-5 : tensor<?x36xf32>
  %q1 = lathe.linear %n1, [@query] : tensor<?x36xf32> -> tensor<?x36xf32>
  %k1 = lathe.linear %n1, [@key] : tensor<?x36xf32> -> tensor<?x12xf32>
  %v1 = lathe.linear %n1, [@value] : tensor<?x36xf32> -> tensor<?x12xf32>
  %r1 = lathe.rope interleaved %q1, %positions, @rotary head_size 12 : tensor<?x36xf32>
  %s1 = lathe.rope interleaved %k1, %positions, @rotary head_size 12 : tensor<?x12xf32>
  %a1 = lathe.attention %r1, %s1, %v1, %positions, %slots layer 1 heads 3 kv_heads 1 head_size 12 scale 0.3 window 3 : tensor<?x36xf32>, tensor<?x12xf32>
  %o1 = lathe.linear %a1, [@output] : tensor<?x36xf32> -> tensor<?x36xf32>
  %u1 = lathe.linear %n1, [@up] bias [@up.bias] : tensor<?x36xf32> -> tensor<?x50xf32>
  %g1 = lathe.linear %n1, [@gate] bias [@gate.bias] : tensor<?x36xf32> -> tensor<?x50xf32>
  %h1 = lathe.glu gelu_tanh %g1, %u1 : tensor<?x50xf32>
  %d1 = lathe.linear %h1, [@down] : tensor<?x50xf32> -> tensor<?x36xf32>
  %y1 = lathe.add %x1, %o1 : tensor<?x36xf32>
  %x2 = lathe.add %y1, %d1 : tensor<?x36xf32>
  %t = lathe.take_rows %x2, %rows : tensor<?x36xf32>
  %tn = lathe.norm rms %t, @norm eps 1.0e-5 : tensor<?x36xf32>
  %l = lathe.linear %tn, [@embedding] : tensor<?x36xf32> -> tensor<?x50xf32>
  %s = lathe.scale %l by 0.25 : tensor<?x50xf32>
  %c = lathe.softcap %s cap 30.0 : tensor<?x50xf32>
  return %c : tensor<?x50xf32>
}
}
