// RUN: lathe-opt %s --lathe-pack-weights --split-input-file --verify-diagnostics

lathe.weight @a "f16" : tensor<32x64xf32>
lathe.weight @b "bf16" : tensor<32x64xf32>

func.func @mixed(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // expected-error @+1 {{'lathe.linear' op has weights of two formats, f16 and bf16}}
  %y = lathe.linear %x, [@a, @b] : tensor<?x64xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

lathe.weight @w "f32" : tensor<32x64xf32>
lathe.packed @w.packed "f32" [@w]

func.func @matrix(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  // expected-error @+1 {{'lathe.linear' op uses @w.packed, which is not a lathe.weight}}
  %y = lathe.linear %x, [@w.packed] : tensor<?x64xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

// The first that is wrong is not the only one that is told.
lathe.weight @w "f32" : tensor<1x64xf32>
lathe.packed @w.packed "f32" [@w]

func.func @vectors(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // expected-error @+1 {{'lathe.norm' op uses @w.packed, which is not a lathe.weight}}
  %y = lathe.norm rms %x, @w.packed eps 1.0e-5 : tensor<?x64xf32>
  // expected-error @+1 {{'lathe.scale' op uses @w.packed, which is not a lathe.weight}}
  %z = lathe.scale %y by 2.0, @w.packed : tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}

// -----

lathe.weight @w "f32" : tensor<32x64xf32>
lathe.weight @b "f32" : tensor<1x32xf32>
lathe.packed @b.packed "f32" [@b]

func.func @bias(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  // expected-error @+1 {{'lathe.linear' op uses @b.packed, which is not a lathe.weight}}
  %y = lathe.linear %x, [@w] bias [@b.packed] : tensor<?x64xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
