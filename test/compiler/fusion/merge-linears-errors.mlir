// RUN: lathe-opt %s --lathe-merge-linears --split-input-file --verify-diagnostics

// Weights are those of the module that the pass runs on; another module inside it has its own.
module {
  module {
    lathe.weight @gate "f32" : tensor<96x64xf32>
    func.func @glu(%x: tensor<?x64xf32>) -> tensor<?x96xf32> {
      // expected-error @+1 {{'lathe.linear' op uses @gate, which is neither a lathe.weight nor a lathe.packed}}
      %g = lathe.linear %x, [@gate] : tensor<?x64xf32> -> tensor<?x96xf32>
      %u = lathe.linear %x, [@gate] : tensor<?x64xf32> -> tensor<?x96xf32>
      %h = lathe.glu silu %g, %u : tensor<?x96xf32>
      return %h : tensor<?x96xf32>
    }
  }
}
