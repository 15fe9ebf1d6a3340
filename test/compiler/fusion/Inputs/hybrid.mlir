// A recurrent layer whose step, B and C are normed (Jamba's), then attention without rotation and a gated unit, with weights
// in an integer format; the layers' caches and states count by themselves.
// decode: 15 phases, arena of 15360 bytes
// prefill: 24 phases, arena of 348672 bytes
module attributes {lathe.max_context = 1024 : i64} {
lathe.weight @embedding "q8_0" : tensor<53x64xf32>
lathe.weight @norm "f32" : tensor<1x64xf32>
lathe.weight @mamba.gate "q8_0" : tensor<64x64xf32>
lathe.weight @mamba.input "q8_0" : tensor<64x64xf32>
lathe.weight @mamba.conv "f32" : tensor<64x4xf32>
lathe.weight @mamba.conv.bias "f32" : tensor<1x64xf32>
lathe.weight @mamba.dt_in "q8_0" : tensor<3x64xf32>
lathe.weight @mamba.b "q8_0" : tensor<8x64xf32>
lathe.weight @mamba.c "q8_0" : tensor<8x64xf32>
lathe.weight @mamba.dt_norm "f32" : tensor<1x3xf32>
lathe.weight @mamba.b_norm "f32" : tensor<1x8xf32>
lathe.weight @mamba.c_norm "f32" : tensor<1x8xf32>
lathe.weight @mamba.dt "f32" : tensor<64x3xf32>
lathe.weight @mamba.dt_bias "f32" : tensor<1x64xf32>
lathe.weight @mamba.a "f32" : tensor<64x8xf32>
lathe.weight @mamba.d "f32" : tensor<1x64xf32>
lathe.weight @mamba.output "q8_0" : tensor<64x64xf32>
lathe.weight @query "q8_0" : tensor<64x64xf32>
lathe.weight @key "q8_0" : tensor<32x64xf32>
lathe.weight @value "q8_0" : tensor<32x64xf32>
lathe.weight @output "q8_0" : tensor<64x64xf32>
lathe.weight @gate "q8_0" : tensor<96x64xf32>
lathe.weight @up "q8_0" : tensor<96x64xf32>
lathe.weight @down "q8_0" : tensor<64x96xf32>
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>) -> tensor<?x53xf32> {
  %x0 = lathe.embed %ids, @embedding : tensor<?x64xf32>
  %n0 = lathe.norm rms %x0, @norm eps 1.0e-6 : tensor<?x64xf32>
  %g0 = lathe.linear %n0, [@mamba.gate] : tensor<?x64xf32> -> tensor<?x64xf32>
  %i0 = lathe.linear %n0, [@mamba.input] : tensor<?x64xf32> -> tensor<?x64xf32>
  %v0 = lathe.conv %i0, %positions, %slots, @mamba.conv bias @mamba.conv.bias layer 0 : tensor<?x64xf32>
  %u0 = lathe.activation silu %v0 : tensor<?x64xf32>
  %l0 = lathe.linear %u0, [@mamba.dt_in] : tensor<?x64xf32> -> tensor<?x3xf32>
  %m0 = lathe.norm rms %l0, @mamba.dt_norm eps 1.0e-6 : tensor<?x3xf32>
  %t0 = lathe.linear %m0, [@mamba.dt] : tensor<?x3xf32> -> tensor<?x64xf32>
  %b0 = lathe.linear %u0, [@mamba.b] : tensor<?x64xf32> -> tensor<?x8xf32>
  %bn0 = lathe.norm rms %b0, @mamba.b_norm eps 1.0e-6 : tensor<?x8xf32>
  %c0 = lathe.linear %u0, [@mamba.c] : tensor<?x64xf32> -> tensor<?x8xf32>
  %cn0 = lathe.norm rms %c0, @mamba.c_norm eps 1.0e-6 : tensor<?x8xf32>
  %s0 = lathe.scan %u0, %t0, %bn0, %cn0, %positions, %slots a @mamba.a d @mamba.d dt_bias @mamba.dt_bias layer 0 groups 1 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x8xf32>, tensor<?x8xf32>
  %h0 = lathe.glu silu %g0, %s0 : tensor<?x64xf32>
  %o0 = lathe.linear %h0, [@mamba.output] : tensor<?x64xf32> -> tensor<?x64xf32>
  %x1 = lathe.add %x0, %o0 : tensor<?x64xf32>
  %n1 = lathe.norm rms %x1, @norm eps 1.0e-6 : tensor<?x64xf32>
  %q1 = lathe.linear %n1, [@query] : tensor<?x64xf32> -> tensor<?x64xf32>
  %k1 = lathe.linear %n1, [@key] : tensor<?x64xf32> -> tensor<?x32xf32>
  %v1 = lathe.linear %n1, [@value] : tensor<?x64xf32> -> tensor<?x32xf32>
  %a1 = lathe.attention %q1, %k1, %v1, %positions, %slots layer 0 heads 4 kv_heads 2 head_size 16 scale 0.25 : tensor<?x64xf32>, tensor<?x32xf32>
  %o1 = lathe.linear %a1, [@output] : tensor<?x64xf32> -> tensor<?x64xf32>
  %y1 = lathe.add %x1, %o1 : tensor<?x64xf32>
  %m1 = lathe.norm rms %y1, @norm eps 1.0e-6 : tensor<?x64xf32>
  %e1 = lathe.linear %m1, [@gate] : tensor<?x64xf32> -> tensor<?x96xf32>
  %u1 = lathe.linear %m1, [@up] : tensor<?x64xf32> -> tensor<?x96xf32>
  %h1 = lathe.glu silu %e1, %u1 : tensor<?x96xf32>
  %d1 = lathe.linear %h1, [@down] : tensor<?x96xf32> -> tensor<?x64xf32>
  %x2 = lathe.add %y1, %d1 : tensor<?x64xf32>
  %w = lathe.take_rows %x2, %rows : tensor<?x64xf32>
  %f = lathe.norm rms %w, @norm eps 1.0e-6 : tensor<?x64xf32>
  %l = lathe.linear %f, [@embedding] : tensor<?x64xf32> -> tensor<?x53xf32>
  return %l : tensor<?x53xf32>
}
func.func @prefill(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>) -> tensor<?x53xf32> {
  %x0 = lathe.embed %ids, @embedding : tensor<?x64xf32>
  %n0 = lathe.norm rms %x0, @norm eps 1.0e-6 : tensor<?x64xf32>
  %g0 = lathe.linear %n0, [@mamba.gate] : tensor<?x64xf32> -> tensor<?x64xf32>
  %i0 = lathe.linear %n0, [@mamba.input] : tensor<?x64xf32> -> tensor<?x64xf32>
  %v0 = lathe.conv %i0, %positions, %slots, @mamba.conv bias @mamba.conv.bias layer 0 : tensor<?x64xf32>
  %u0 = lathe.activation silu %v0 : tensor<?x64xf32>
  %l0 = lathe.linear %u0, [@mamba.dt_in] : tensor<?x64xf32> -> tensor<?x3xf32>
  %m0 = lathe.norm rms %l0, @mamba.dt_norm eps 1.0e-6 : tensor<?x3xf32>
  %t0 = lathe.linear %m0, [@mamba.dt] : tensor<?x3xf32> -> tensor<?x64xf32>
  %b0 = lathe.linear %u0, [@mamba.b] : tensor<?x64xf32> -> tensor<?x8xf32>
  %bn0 = lathe.norm rms %b0, @mamba.b_norm eps 1.0e-6 : tensor<?x8xf32>
  %c0 = lathe.linear %u0, [@mamba.c] : tensor<?x64xf32> -> tensor<?x8xf32>
  %cn0 = lathe.norm rms %c0, @mamba.c_norm eps 1.0e-6 : tensor<?x8xf32>
  %s0 = lathe.scan %u0, %t0, %bn0, %cn0, %positions, %slots a @mamba.a d @mamba.d dt_bias @mamba.dt_bias layer 0 groups 1 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x8xf32>, tensor<?x8xf32>
  %h0 = lathe.glu silu %g0, %s0 : tensor<?x64xf32>
  %o0 = lathe.linear %h0, [@mamba.output] : tensor<?x64xf32> -> tensor<?x64xf32>
  %x1 = lathe.add %x0, %o0 : tensor<?x64xf32>
  %n1 = lathe.norm rms %x1, @norm eps 1.0e-6 : tensor<?x64xf32>
  %q1 = lathe.linear %n1, [@query] : tensor<?x64xf32> -> tensor<?x64xf32>
  %k1 = lathe.linear %n1, [@key] : tensor<?x64xf32> -> tensor<?x32xf32>
  %v1 = lathe.linear %n1, [@value] : tensor<?x64xf32> -> tensor<?x32xf32>
  %a1 = lathe.attention %q1, %k1, %v1, %positions, %slots layer 0 heads 4 kv_heads 2 head_size 16 scale 0.25 : tensor<?x64xf32>, tensor<?x32xf32>
  %o1 = lathe.linear %a1, [@output] : tensor<?x64xf32> -> tensor<?x64xf32>
  %y1 = lathe.add %x1, %o1 : tensor<?x64xf32>
  %m1 = lathe.norm rms %y1, @norm eps 1.0e-6 : tensor<?x64xf32>
  %e1 = lathe.linear %m1, [@gate] : tensor<?x64xf32> -> tensor<?x96xf32>
  %u1 = lathe.linear %m1, [@up] : tensor<?x64xf32> -> tensor<?x96xf32>
  %h1 = lathe.glu silu %e1, %u1 : tensor<?x96xf32>
  %d1 = lathe.linear %h1, [@down] : tensor<?x96xf32> -> tensor<?x64xf32>
  %x2 = lathe.add %y1, %d1 : tensor<?x64xf32>
  %w = lathe.take_rows %x2, %rows : tensor<?x64xf32>
  %f = lathe.norm rms %w, @norm eps 1.0e-6 : tensor<?x64xf32>
  %l = lathe.linear %f, [@embedding] : tensor<?x64xf32> -> tensor<?x53xf32>
  return %l : tensor<?x53xf32>
}
}
