// Ops where no epilogue takes them: learned positions, an embedding norm, norms after branches and on query and key, a
// parallel residual with two norms, gate and up in two formats, caps before scales, sums of normed rows. 5 heads of 12
// share one KV head.
// decode: 21 phases, arena of 16640 bytes
// prefill: 29 phases, arena of 331776 bytes
module attributes {lathe.max_context = 1024 : i64} {
lathe.weight @embedding "f32" : tensor<53x60xf32>
lathe.weight @positions "f32" : tensor<1024x60xf32>
lathe.weight @head "f32" : tensor<53x60xf32>
lathe.weight @norm.a "f32" : tensor<1x60xf32>
lathe.weight @norm.b "f32" : tensor<1x60xf32>
lathe.weight @norm.c "f32" : tensor<1x60xf32>
lathe.weight @norm.head "f32" : tensor<1x12xf32>
lathe.weight @query "f32" : tensor<60x60xf32>
lathe.weight @key "f32" : tensor<12x60xf32>
lathe.weight @value "f32" : tensor<12x60xf32>
lathe.weight @output "f32" : tensor<60x60xf32>
lathe.weight @gate "f16" : tensor<67x60xf32>
lathe.weight @up "f32" : tensor<67x60xf32>
lathe.weight @down "f32" : tensor<60x67xf32>
lathe.rotation @rotary [1.0, 0.3, 0.1, 0.02]
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>) -> tensor<?x53xf32> {
  %t = lathe.embed %ids, @embedding scale 2.0 : tensor<?x60xf32>
  %p = lathe.embed %positions, @positions : tensor<?x60xf32>
  %e = lathe.add %t, %p : tensor<?x60xf32>
  %x0 = lathe.norm layer %e, @norm.a bias @norm.b eps 1.0e-5 : tensor<?x60xf32>
  %n0 = lathe.norm rms %x0, @norm.a eps 1.0e-5 : tensor<?x60xf32>
  %m0 = lathe.norm layer %x0, @norm.c eps 1.0e-5 : tensor<?x60xf32>
  %q0 = lathe.linear %n0, [@query] : tensor<?x60xf32> -> tensor<?x60xf32>
  %k0 = lathe.linear %n0, [@key] : tensor<?x60xf32> -> tensor<?x12xf32>
  %v0 = lathe.linear %n0, [@value] : tensor<?x60xf32> -> tensor<?x12xf32>
  %qn = lathe.norm rms %q0, @norm.a eps 1.0e-5 : tensor<?x60xf32>
  %kn = lathe.norm rms %k0, @norm.head eps 1.0e-5 unit_offset : tensor<?x12xf32>
  %qr = lathe.rope half_split %qn, %positions, @rotary head_size 12 : tensor<?x60xf32>
  %kr = lathe.rope half_split %kn, %positions, @rotary head_size 12 : tensor<?x12xf32>
  %a0 = lathe.attention %qr, %kr, %v0, %positions, %slots layer 0 heads 5 kv_heads 1 head_size 12 scale 0.3 window 7 softcap 20.0 : tensor<?x60xf32>, tensor<?x12xf32>
  %o0 = lathe.linear %a0, [@output] : tensor<?x60xf32> -> tensor<?x60xf32>
  %g0 = lathe.linear %m0, [@gate] : tensor<?x60xf32> -> tensor<?x67xf32>
  %u0 = lathe.linear %m0, [@up] : tensor<?x60xf32> -> tensor<?x67xf32>
  %h0 = lathe.glu gelu_tanh %g0, %u0 : tensor<?x67xf32>
  %d0 = lathe.linear %h0, [@down] : tensor<?x67xf32> -> tensor<?x60xf32>
  %y0 = lathe.add %x0, %o0 : tensor<?x60xf32>
  %x1 = lathe.add %y0, %d0 : tensor<?x60xf32>
  %q1 = lathe.linear %x1, [@query] : tensor<?x60xf32> -> tensor<?x60xf32>
  %k1 = lathe.linear %x1, [@key] : tensor<?x60xf32> -> tensor<?x12xf32>
  %v1 = lathe.linear %x1, [@value] : tensor<?x60xf32> -> tensor<?x12xf32>
  %c1 = lathe.softcap %q1 cap 3.0 : tensor<?x60xf32>
  %a1 = lathe.attention %c1, %k1, %v1, %positions, %slots layer 1 heads 5 kv_heads 1 head_size 12 scale 0.3 : tensor<?x60xf32>, tensor<?x12xf32>
  %i1 = lathe.norm rms %a1, @norm.c eps 1.0e-5 : tensor<?x60xf32>
  %o1 = lathe.linear %i1, [@output] : tensor<?x60xf32> -> tensor<?x60xf32>
  %p1 = lathe.norm rms %o1, @norm.a eps 1.0e-5 : tensor<?x60xf32>
  %y1 = lathe.add %x1, %p1 : tensor<?x60xf32>
  %u1 = lathe.linear %y1, [@up] : tensor<?x60xf32> -> tensor<?x67xf32>
  %s1 = lathe.scale %u1 by 0.7 : tensor<?x67xf32>
  %h1 = lathe.activation relu_squared %s1 : tensor<?x67xf32>
  %d1 = lathe.linear %h1, [@down] : tensor<?x67xf32> -> tensor<?x60xf32>
  %r1 = lathe.norm layer %d1, @norm.c eps 1.0e-5 : tensor<?x60xf32>
  %z1 = lathe.add %r1, %y1 scale 0.5 : tensor<?x60xf32>
  %x2 = lathe.norm rms %z1, @norm.a eps 1.0e-5 : tensor<?x60xf32>
  %b2 = lathe.add %x2, %x2 scale 0.25 : tensor<?x60xf32>
  %t2 = lathe.take_rows %b2, %rows : tensor<?x60xf32>
  %s2 = lathe.scale %t2 by 0.5 : tensor<?x60xf32>
  %f2 = lathe.norm rms %s2, @norm.a eps 1.0e-5 : tensor<?x60xf32>
  %g2 = lathe.add %f2, %s2 : tensor<?x60xf32>
  %l = lathe.linear %g2, [@head] : tensor<?x60xf32> -> tensor<?x53xf32>
  %c = lathe.softcap %l cap 30.0 : tensor<?x53xf32>
  %s = lathe.scale %c by 0.25 : tensor<?x53xf32>
  return %s : tensor<?x53xf32>
}
func.func @prefill(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>) -> tensor<?x53xf32> {
  %t = lathe.embed %ids, @embedding scale 2.0 : tensor<?x60xf32>
  %p = lathe.embed %positions, @positions : tensor<?x60xf32>
  %e = lathe.add %t, %p : tensor<?x60xf32>
  %x0 = lathe.norm layer %e, @norm.a bias @norm.b eps 1.0e-5 : tensor<?x60xf32>
  %n0 = lathe.norm rms %x0, @norm.a eps 1.0e-5 : tensor<?x60xf32>
  %m0 = lathe.norm layer %x0, @norm.c eps 1.0e-5 : tensor<?x60xf32>
  %q0 = lathe.linear %n0, [@query] : tensor<?x60xf32> -> tensor<?x60xf32>
  %k0 = lathe.linear %n0, [@key] : tensor<?x60xf32> -> tensor<?x12xf32>
  %v0 = lathe.linear %n0, [@value] : tensor<?x60xf32> -> tensor<?x12xf32>
  %qn = lathe.norm rms %q0, @norm.a eps 1.0e-5 : tensor<?x60xf32>
  %kn = lathe.norm rms %k0, @norm.head eps 1.0e-5 unit_offset : tensor<?x12xf32>
  %qr = lathe.rope half_split %qn, %positions, @rotary head_size 12 : tensor<?x60xf32>
  %kr = lathe.rope half_split %kn, %positions, @rotary head_size 12 : tensor<?x12xf32>
  %a0 = lathe.attention %qr, %kr, %v0, %positions, %slots layer 0 heads 5 kv_heads 1 head_size 12 scale 0.3 window 7 softcap 20.0 : tensor<?x60xf32>, tensor<?x12xf32>
  %o0 = lathe.linear %a0, [@output] : tensor<?x60xf32> -> tensor<?x60xf32>
  %g0 = lathe.linear %m0, [@gate] : tensor<?x60xf32> -> tensor<?x67xf32>
  %u0 = lathe.linear %m0, [@up] : tensor<?x60xf32> -> tensor<?x67xf32>
  %h0 = lathe.glu gelu_tanh %g0, %u0 : tensor<?x67xf32>
  %d0 = lathe.linear %h0, [@down] : tensor<?x67xf32> -> tensor<?x60xf32>
  %y0 = lathe.add %x0, %o0 : tensor<?x60xf32>
  %x1 = lathe.add %y0, %d0 : tensor<?x60xf32>
  %q1 = lathe.linear %x1, [@query] : tensor<?x60xf32> -> tensor<?x60xf32>
  %k1 = lathe.linear %x1, [@key] : tensor<?x60xf32> -> tensor<?x12xf32>
  %v1 = lathe.linear %x1, [@value] : tensor<?x60xf32> -> tensor<?x12xf32>
  %c1 = lathe.softcap %q1 cap 3.0 : tensor<?x60xf32>
  %a1 = lathe.attention %c1, %k1, %v1, %positions, %slots layer 1 heads 5 kv_heads 1 head_size 12 scale 0.3 : tensor<?x60xf32>, tensor<?x12xf32>
  %i1 = lathe.norm rms %a1, @norm.c eps 1.0e-5 : tensor<?x60xf32>
  %o1 = lathe.linear %i1, [@output] : tensor<?x60xf32> -> tensor<?x60xf32>
  %p1 = lathe.norm rms %o1, @norm.a eps 1.0e-5 : tensor<?x60xf32>
  %y1 = lathe.add %x1, %p1 : tensor<?x60xf32>
  %u1 = lathe.linear %y1, [@up] : tensor<?x60xf32> -> tensor<?x67xf32>
  %s1 = lathe.scale %u1 by 0.7 : tensor<?x67xf32>
  %h1 = lathe.activation relu_squared %s1 : tensor<?x67xf32>
  %d1 = lathe.linear %h1, [@down] : tensor<?x67xf32> -> tensor<?x60xf32>
  %r1 = lathe.norm layer %d1, @norm.c eps 1.0e-5 : tensor<?x60xf32>
  %z1 = lathe.add %r1, %y1 scale 0.5 : tensor<?x60xf32>
  %x2 = lathe.norm rms %z1, @norm.a eps 1.0e-5 : tensor<?x60xf32>
  %b2 = lathe.add %x2, %x2 scale 0.25 : tensor<?x60xf32>
  %t2 = lathe.take_rows %b2, %rows : tensor<?x60xf32>
  %s2 = lathe.scale %t2 by 0.5 : tensor<?x60xf32>
  %f2 = lathe.norm rms %s2, @norm.a eps 1.0e-5 : tensor<?x60xf32>
  %g2 = lathe.add %f2, %s2 : tensor<?x60xf32>
  %l = lathe.linear %g2, [@head] : tensor<?x60xf32> -> tensor<?x53xf32>
  %c = lathe.softcap %l cap 30.0 : tensor<?x53xf32>
  %s = lathe.scale %c by 0.25 : tensor<?x53xf32>
  return %s : tensor<?x53xf32>
}
}
