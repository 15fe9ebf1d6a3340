// Recurrent layers alone. Layer 0 decays each channel and state number by itself (S6), with 37 channels and no bias; layer 1
// by heads (SSD), 4 of 12 channels in 2 groups, its inputs parts of one convolution, its result normed before the gate's
// linear, its step limited.
// decode: 13 phases, arena of 9728 bytes
// prefill: 18 phases, arena of 233472 bytes
module attributes {lathe.max_context = 1024 : i64} {
lathe.weight @embedding "f32" : tensor<53x36xf32>
lathe.weight @norm "f32" : tensor<1x36xf32>
lathe.weight @layers.0.gate "f32" : tensor<37x36xf32>
lathe.weight @layers.0.input "f32" : tensor<37x36xf32>
lathe.weight @layers.0.conv "f32" : tensor<37x3xf32>
lathe.weight @layers.0.dt_in "f32" : tensor<4x37xf32>
lathe.weight @layers.0.b "f32" : tensor<5x37xf32>
lathe.weight @layers.0.c "f32" : tensor<5x37xf32>
lathe.weight @layers.0.dt "f32" : tensor<37x4xf32>
lathe.weight @layers.0.dt_bias "f32" : tensor<1x37xf32>
lathe.weight @layers.0.a "f32" : tensor<37x5xf32>
lathe.weight @layers.0.d "f32" : tensor<1x37xf32>
lathe.weight @layers.0.output "f32" : tensor<36x37xf32>
lathe.weight @layers.1.gate "f32" : tensor<48x36xf32>
lathe.weight @layers.1.input "f32" : tensor<68x36xf32>
lathe.weight @layers.1.dt "f32" : tensor<4x36xf32>
lathe.weight @layers.1.conv "f32" : tensor<68x4xf32>
lathe.weight @layers.1.conv.bias "f32" : tensor<1x68xf32>
lathe.weight @layers.1.dt_bias "f32" : tensor<1x4xf32>
lathe.weight @layers.1.a "f32" : tensor<1x4xf32>
lathe.weight @layers.1.d "f32" : tensor<1x4xf32>
lathe.weight @layers.1.norm "f32" : tensor<1x48xf32>
lathe.weight @layers.1.output "f32" : tensor<36x48xf32>
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>) -> tensor<?x53xf32> {
  %x0 = lathe.embed %ids, @embedding : tensor<?x36xf32>
  %n0 = lathe.norm rms %x0, @norm eps 1.0e-5 : tensor<?x36xf32>
  %g0 = lathe.linear %n0, [@layers.0.gate] : tensor<?x36xf32> -> tensor<?x37xf32>
  %i0 = lathe.linear %n0, [@layers.0.input] : tensor<?x36xf32> -> tensor<?x37xf32>
  %v0 = lathe.conv %i0, %positions, %slots, @layers.0.conv layer 0 : tensor<?x37xf32>
  %u0 = lathe.activation silu %v0 : tensor<?x37xf32>
  %l0 = lathe.linear %u0, [@layers.0.dt_in] : tensor<?x37xf32> -> tensor<?x4xf32>
  %t0 = lathe.linear %l0, [@layers.0.dt] : tensor<?x4xf32> -> tensor<?x37xf32>
  %b0 = lathe.linear %u0, [@layers.0.b] : tensor<?x37xf32> -> tensor<?x5xf32>
  %c0 = lathe.linear %u0, [@layers.0.c] : tensor<?x37xf32> -> tensor<?x5xf32>
  %s0 = lathe.scan %u0, %t0, %b0, %c0, %positions, %slots a @layers.0.a d @layers.0.d dt_bias @layers.0.dt_bias layer 0 groups 1 : tensor<?x37xf32>, tensor<?x37xf32>, tensor<?x5xf32>, tensor<?x5xf32>
  %h0 = lathe.glu silu %g0, %s0 : tensor<?x37xf32>
  %o0 = lathe.linear %h0, [@layers.0.output] : tensor<?x37xf32> -> tensor<?x36xf32>
  %x1 = lathe.add %x0, %o0 : tensor<?x36xf32>
  %n1 = lathe.norm rms %x1, @norm eps 1.0e-5 : tensor<?x36xf32>
  %g1 = lathe.linear %n1, [@layers.1.gate] : tensor<?x36xf32> -> tensor<?x48xf32>
  %i1 = lathe.linear %n1, [@layers.1.input] : tensor<?x36xf32> -> tensor<?x68xf32>
  %t1 = lathe.linear %n1, [@layers.1.dt] : tensor<?x36xf32> -> tensor<?x4xf32>
  %v1 = lathe.conv %i1, %positions, %slots, @layers.1.conv bias @layers.1.conv.bias layer 1 : tensor<?x68xf32>
  %u1 = lathe.activation silu %v1 : tensor<?x68xf32>
  %p1 = lathe.slice %u1 offset 0 : tensor<?x68xf32> -> tensor<?x48xf32>
  %b1 = lathe.slice %u1 offset 48 : tensor<?x68xf32> -> tensor<?x10xf32>
  %c1 = lathe.slice %u1 offset 58 : tensor<?x68xf32> -> tensor<?x10xf32>
  %s1 = lathe.scan %p1, %t1, %b1, %c1, %positions, %slots a @layers.1.a d @layers.1.d dt_bias @layers.1.dt_bias layer 1 groups 2 dt_min 0.01 dt_max 0.4 : tensor<?x48xf32>, tensor<?x4xf32>, tensor<?x10xf32>, tensor<?x10xf32>
  %h1 = lathe.glu silu %g1, %s1 : tensor<?x48xf32>
  %m1 = lathe.norm rms %h1, @layers.1.norm eps 1.0e-5 group 24 : tensor<?x48xf32>
  %o1 = lathe.linear %m1, [@layers.1.output] : tensor<?x48xf32> -> tensor<?x36xf32>
  %x2 = lathe.add %x1, %o1 : tensor<?x36xf32>
  %w = lathe.take_rows %x2, %rows : tensor<?x36xf32>
  %f = lathe.norm rms %w, @norm eps 1.0e-5 : tensor<?x36xf32>
  %l = lathe.linear %f, [@embedding] : tensor<?x36xf32> -> tensor<?x53xf32>
  return %l : tensor<?x53xf32>
}
func.func @prefill(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>) -> tensor<?x53xf32> {
  %x0 = lathe.embed %ids, @embedding : tensor<?x36xf32>
  %n0 = lathe.norm rms %x0, @norm eps 1.0e-5 : tensor<?x36xf32>
  %g0 = lathe.linear %n0, [@layers.0.gate] : tensor<?x36xf32> -> tensor<?x37xf32>
  %i0 = lathe.linear %n0, [@layers.0.input] : tensor<?x36xf32> -> tensor<?x37xf32>
  %v0 = lathe.conv %i0, %positions, %slots, @layers.0.conv layer 0 : tensor<?x37xf32>
  %u0 = lathe.activation silu %v0 : tensor<?x37xf32>
  %l0 = lathe.linear %u0, [@layers.0.dt_in] : tensor<?x37xf32> -> tensor<?x4xf32>
  %t0 = lathe.linear %l0, [@layers.0.dt] : tensor<?x4xf32> -> tensor<?x37xf32>
  %b0 = lathe.linear %u0, [@layers.0.b] : tensor<?x37xf32> -> tensor<?x5xf32>
  %c0 = lathe.linear %u0, [@layers.0.c] : tensor<?x37xf32> -> tensor<?x5xf32>
  %s0 = lathe.scan %u0, %t0, %b0, %c0, %positions, %slots a @layers.0.a d @layers.0.d dt_bias @layers.0.dt_bias layer 0 groups 1 : tensor<?x37xf32>, tensor<?x37xf32>, tensor<?x5xf32>, tensor<?x5xf32>
  %h0 = lathe.glu silu %g0, %s0 : tensor<?x37xf32>
  %o0 = lathe.linear %h0, [@layers.0.output] : tensor<?x37xf32> -> tensor<?x36xf32>
  %x1 = lathe.add %x0, %o0 : tensor<?x36xf32>
  %n1 = lathe.norm rms %x1, @norm eps 1.0e-5 : tensor<?x36xf32>
  %g1 = lathe.linear %n1, [@layers.1.gate] : tensor<?x36xf32> -> tensor<?x48xf32>
  %i1 = lathe.linear %n1, [@layers.1.input] : tensor<?x36xf32> -> tensor<?x68xf32>
  %t1 = lathe.linear %n1, [@layers.1.dt] : tensor<?x36xf32> -> tensor<?x4xf32>
  %v1 = lathe.conv %i1, %positions, %slots, @layers.1.conv bias @layers.1.conv.bias layer 1 : tensor<?x68xf32>
  %u1 = lathe.activation silu %v1 : tensor<?x68xf32>
  %p1 = lathe.slice %u1 offset 0 : tensor<?x68xf32> -> tensor<?x48xf32>
  %b1 = lathe.slice %u1 offset 48 : tensor<?x68xf32> -> tensor<?x10xf32>
  %c1 = lathe.slice %u1 offset 58 : tensor<?x68xf32> -> tensor<?x10xf32>
  %s1 = lathe.scan %p1, %t1, %b1, %c1, %positions, %slots a @layers.1.a d @layers.1.d dt_bias @layers.1.dt_bias layer 1 groups 2 dt_min 0.01 dt_max 0.4 : tensor<?x48xf32>, tensor<?x4xf32>, tensor<?x10xf32>, tensor<?x10xf32>
  %h1 = lathe.glu silu %g1, %s1 : tensor<?x48xf32>
  %m1 = lathe.norm rms %h1, @layers.1.norm eps 1.0e-5 group 24 : tensor<?x48xf32>
  %o1 = lathe.linear %m1, [@layers.1.output] : tensor<?x48xf32> -> tensor<?x36xf32>
  %x2 = lathe.add %x1, %o1 : tensor<?x36xf32>
  %w = lathe.take_rows %x2, %rows : tensor<?x36xf32>
  %f = lathe.norm rms %w, @norm eps 1.0e-5 : tensor<?x36xf32>
  %l = lathe.linear %f, [@embedding] : tensor<?x36xf32> -> tensor<?x53xf32>
  return %l : tensor<?x53xf32>
}
}
