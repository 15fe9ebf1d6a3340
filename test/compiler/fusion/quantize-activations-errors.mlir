// RUN: lathe-opt %s --lathe-quantize-activations --split-input-file --verify-diagnostics

lathe.weight @a "q4_0" : tensor<32x64xf32>
lathe.weight @b "q8_0" : tensor<32x64xf32>

func.func @mixed(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // expected-error @+1 {{'lathe.linear' op has weights of two formats, q4_0 and q8_0}}
  %y = lathe.linear %x, [@a, @b] : tensor<?x64xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

module {
  module {
    lathe.weight @a "q4_0" : tensor<32x64xf32>
    func.func @inner(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
      // expected-error @+1 {{'lathe.linear' op uses @a, which is neither a lathe.weight nor a lathe.packed}}
      %y = lathe.linear %x, [@a] : tensor<?x64xf32> -> tensor<?x32xf32>
      return %y : tensor<?x32xf32>
    }
  }
}
