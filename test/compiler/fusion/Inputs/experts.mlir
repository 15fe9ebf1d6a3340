// Made by `lathe compile SPEC --emit=import`: every layer a mixture: 3 experts, 2 of them for a row, biases, a
// gated shared expert; norms after the branches, slopes, and GeGLU. No vector length divides any of its sizes.
// decode: 29 phases, arena of 7168 bytes
// prefill: 33 phases, arena of 187392 bytes
module attributes {lathe.max_context = 128 : i64} {
  lathe.weight @token_embedding "f32" : tensor<131x20xf32>
  lathe.weight @layers.0.attention_norm "f32" : tensor<1x20xf32>
  lathe.weight @layers.0.attention_norm.bias "f32" : tensor<1x20xf32>
  lathe.weight @layers.0.attention.query "f32" : tensor<20x20xf32>
  lathe.weight @layers.0.attention.key "f32" : tensor<20x20xf32>
  lathe.weight @layers.0.attention.value "f32" : tensor<20x20xf32>
  lathe.weight @layers.0.attention.output "f32" : tensor<20x20xf32>
  lathe.weight @layers.0.mlp_norm "f32" : tensor<1x20xf32>
  lathe.weight @layers.0.mlp_norm.bias "f32" : tensor<1x20xf32>
  lathe.weight @layers.0.mlp.router "f32" : tensor<3x20xf32>
  lathe.weight @layers.0.mlp.router.bias "f32" : tensor<1x3xf32>
  lathe.weight @layers.0.mlp.experts.gate "f32" : tensor<108x20xf32>
  lathe.weight @layers.0.mlp.experts.gate.bias "f32" : tensor<1x108xf32>
  lathe.weight @layers.0.mlp.experts.up "f32" : tensor<108x20xf32>
  lathe.weight @layers.0.mlp.experts.up.bias "f32" : tensor<1x108xf32>
  lathe.weight @layers.0.mlp.experts.down "f32" : tensor<60x36xf32>
  lathe.weight @layers.0.mlp.experts.down.bias "f32" : tensor<1x60xf32>
  lathe.weight @layers.0.mlp.shared.gate "f32" : tensor<12x20xf32>
  lathe.weight @layers.0.mlp.shared.gate.bias "f32" : tensor<1x12xf32>
  lathe.weight @layers.0.mlp.shared.up "f32" : tensor<12x20xf32>
  lathe.weight @layers.0.mlp.shared.up.bias "f32" : tensor<1x12xf32>
  lathe.weight @layers.0.mlp.shared.down "f32" : tensor<20x12xf32>
  lathe.weight @layers.0.mlp.shared.down.bias "f32" : tensor<1x20xf32>
  lathe.weight @layers.0.mlp.shared.router "f32" : tensor<1x20xf32>
  lathe.weight @layers.1.attention_norm "f32" : tensor<1x20xf32>
  lathe.weight @layers.1.attention_norm.bias "f32" : tensor<1x20xf32>
  lathe.weight @layers.1.attention.query "f32" : tensor<20x20xf32>
  lathe.weight @layers.1.attention.key "f32" : tensor<20x20xf32>
  lathe.weight @layers.1.attention.value "f32" : tensor<20x20xf32>
  lathe.weight @layers.1.attention.output "f32" : tensor<20x20xf32>
  lathe.weight @layers.1.mlp_norm "f32" : tensor<1x20xf32>
  lathe.weight @layers.1.mlp_norm.bias "f32" : tensor<1x20xf32>
  lathe.weight @layers.1.mlp.router "f32" : tensor<3x20xf32>
  lathe.weight @layers.1.mlp.router.bias "f32" : tensor<1x3xf32>
  lathe.weight @layers.1.mlp.experts.gate "f32" : tensor<108x20xf32>
  lathe.weight @layers.1.mlp.experts.gate.bias "f32" : tensor<1x108xf32>
  lathe.weight @layers.1.mlp.experts.up "f32" : tensor<108x20xf32>
  lathe.weight @layers.1.mlp.experts.up.bias "f32" : tensor<1x108xf32>
  lathe.weight @layers.1.mlp.experts.down "f32" : tensor<60x36xf32>
  lathe.weight @layers.1.mlp.experts.down.bias "f32" : tensor<1x60xf32>
  lathe.weight @layers.1.mlp.shared.gate "f32" : tensor<12x20xf32>
  lathe.weight @layers.1.mlp.shared.gate.bias "f32" : tensor<1x12xf32>
  lathe.weight @layers.1.mlp.shared.up "f32" : tensor<12x20xf32>
  lathe.weight @layers.1.mlp.shared.up.bias "f32" : tensor<1x12xf32>
  lathe.weight @layers.1.mlp.shared.down "f32" : tensor<20x12xf32>
  lathe.weight @layers.1.mlp.shared.down.bias "f32" : tensor<1x20xf32>
  lathe.weight @layers.1.mlp.shared.router "f32" : tensor<1x20xf32>
  func.func @decode(%arg0: tensor<?xi32>, %arg1: tensor<?xi32>, %arg2: tensor<?xi32>, %arg3: tensor<?xi32>) -> tensor<?x131xf32> {
    %0 = lathe.embed %arg0, @token_embedding {lathe.hidden = 0 : i64} : tensor<?x20xf32>
    %1 = lathe.linear %0, [@layers.0.attention.query] : tensor<?x20xf32> -> tensor<?x20xf32>
    %2 = lathe.linear %0, [@layers.0.attention.key] : tensor<?x20xf32> -> tensor<?x20xf32>
    %3 = lathe.linear %0, [@layers.0.attention.value] : tensor<?x20xf32> -> tensor<?x20xf32>
    %4 = lathe.attention %1, %2, %3, %arg1, %arg2 layer 0 heads 5 kv_heads 5 head_size 4 scale 5.000000e-01 alibi [2.500000e-01, 6.250000e-02, 1.562500e-02, 3.906250e-03, 5.000000e-01] : tensor<?x20xf32>, tensor<?x20xf32>
    %5 = lathe.linear %4, [@layers.0.attention.output] : tensor<?x20xf32> -> tensor<?x20xf32>
    %6 = lathe.add %0, %5 : tensor<?x20xf32>
    %7 = lathe.norm layer %6, @layers.0.attention_norm bias @layers.0.attention_norm.bias eps 1.000000e-05 : tensor<?x20xf32>
    %8 = lathe.linear %7, [@layers.0.mlp.router] bias [@layers.0.mlp.router.bias] : tensor<?x20xf32> -> tensor<?x3xf32>
    %9 = lathe.route softmax %8 normalize : tensor<?x3xf32> -> tensor<?x2x!lathe.route>
    %10 = lathe.assign %9 experts 3 : tensor<?x2x!lathe.route>
    %11 = lathe.dispatch %7, %10 : tensor<?x20xf32>
    %12 = lathe.linear %11, [@layers.0.mlp.experts.gate] bias [@layers.0.mlp.experts.gate.bias] of %10 experts 3 : tensor<?x20xf32> -> tensor<?x36xf32>
    %13 = lathe.linear %11, [@layers.0.mlp.experts.up] bias [@layers.0.mlp.experts.up.bias] of %10 experts 3 : tensor<?x20xf32> -> tensor<?x36xf32>
    %14 = lathe.glu gelu_tanh %12, %13 : tensor<?x36xf32>
    %15 = lathe.linear %14, [@layers.0.mlp.experts.down] bias [@layers.0.mlp.experts.down.bias] of %10 experts 3 : tensor<?x36xf32> -> tensor<?x20xf32>
    %16 = lathe.collect %15, %10, %9 : tensor<?x20xf32>, tensor<?x2x!lathe.route>
    %17 = lathe.linear %7, [@layers.0.mlp.shared.gate] bias [@layers.0.mlp.shared.gate.bias] : tensor<?x20xf32> -> tensor<?x12xf32>
    %18 = lathe.linear %7, [@layers.0.mlp.shared.up] bias [@layers.0.mlp.shared.up.bias] : tensor<?x20xf32> -> tensor<?x12xf32>
    %19 = lathe.glu gelu_tanh %17, %18 : tensor<?x12xf32>
    %20 = lathe.linear %19, [@layers.0.mlp.shared.down] bias [@layers.0.mlp.shared.down.bias] : tensor<?x12xf32> -> tensor<?x20xf32>
    %21 = lathe.linear %7, [@layers.0.mlp.shared.router] : tensor<?x20xf32> -> tensor<?x1xf32>
    %22 = lathe.gate %20 by %21 : tensor<?x20xf32>, tensor<?x1xf32>
    %23 = lathe.add %16, %22 : tensor<?x20xf32>
    %24 = lathe.add %7, %23 : tensor<?x20xf32>
    %25 = lathe.norm layer %24, @layers.0.mlp_norm bias @layers.0.mlp_norm.bias eps 1.000000e-05 {lathe.hidden = 1 : i64} : tensor<?x20xf32>
    %26 = lathe.linear %25, [@layers.1.attention.query] : tensor<?x20xf32> -> tensor<?x20xf32>
    %27 = lathe.linear %25, [@layers.1.attention.key] : tensor<?x20xf32> -> tensor<?x20xf32>
    %28 = lathe.linear %25, [@layers.1.attention.value] : tensor<?x20xf32> -> tensor<?x20xf32>
    %29 = lathe.attention %26, %27, %28, %arg1, %arg2 layer 1 heads 5 kv_heads 5 head_size 4 scale 5.000000e-01 alibi [2.500000e-01, 6.250000e-02, 1.562500e-02, 3.906250e-03, 5.000000e-01] : tensor<?x20xf32>, tensor<?x20xf32>
    %30 = lathe.linear %29, [@layers.1.attention.output] : tensor<?x20xf32> -> tensor<?x20xf32>
    %31 = lathe.add %25, %30 : tensor<?x20xf32>
    %32 = lathe.norm layer %31, @layers.1.attention_norm bias @layers.1.attention_norm.bias eps 1.000000e-05 : tensor<?x20xf32>
    %33 = lathe.linear %32, [@layers.1.mlp.router] bias [@layers.1.mlp.router.bias] : tensor<?x20xf32> -> tensor<?x3xf32>
    %34 = lathe.route softmax %33 normalize : tensor<?x3xf32> -> tensor<?x2x!lathe.route>
    %35 = lathe.assign %34 experts 3 : tensor<?x2x!lathe.route>
    %36 = lathe.dispatch %32, %35 : tensor<?x20xf32>
    %37 = lathe.linear %36, [@layers.1.mlp.experts.gate] bias [@layers.1.mlp.experts.gate.bias] of %35 experts 3 : tensor<?x20xf32> -> tensor<?x36xf32>
    %38 = lathe.linear %36, [@layers.1.mlp.experts.up] bias [@layers.1.mlp.experts.up.bias] of %35 experts 3 : tensor<?x20xf32> -> tensor<?x36xf32>
    %39 = lathe.glu gelu_tanh %37, %38 : tensor<?x36xf32>
    %40 = lathe.linear %39, [@layers.1.mlp.experts.down] bias [@layers.1.mlp.experts.down.bias] of %35 experts 3 : tensor<?x36xf32> -> tensor<?x20xf32>
    %41 = lathe.collect %40, %35, %34 : tensor<?x20xf32>, tensor<?x2x!lathe.route>
    %42 = lathe.linear %32, [@layers.1.mlp.shared.gate] bias [@layers.1.mlp.shared.gate.bias] : tensor<?x20xf32> -> tensor<?x12xf32>
    %43 = lathe.linear %32, [@layers.1.mlp.shared.up] bias [@layers.1.mlp.shared.up.bias] : tensor<?x20xf32> -> tensor<?x12xf32>
    %44 = lathe.glu gelu_tanh %42, %43 : tensor<?x12xf32>
    %45 = lathe.linear %44, [@layers.1.mlp.shared.down] bias [@layers.1.mlp.shared.down.bias] : tensor<?x12xf32> -> tensor<?x20xf32>
    %46 = lathe.linear %32, [@layers.1.mlp.shared.router] : tensor<?x20xf32> -> tensor<?x1xf32>
    %47 = lathe.gate %45 by %46 : tensor<?x20xf32>, tensor<?x1xf32>
    %48 = lathe.add %41, %47 : tensor<?x20xf32>
    %49 = lathe.add %32, %48 : tensor<?x20xf32>
    %50 = lathe.norm layer %49, @layers.1.mlp_norm bias @layers.1.mlp_norm.bias eps 1.000000e-05 : tensor<?x20xf32>
    %51 = lathe.take_rows %50, %arg3 {lathe.hidden = 2 : i64} : tensor<?x20xf32>
    %52 = lathe.linear %51, [@token_embedding] : tensor<?x20xf32> -> tensor<?x131xf32>
    return %52 : tensor<?x131xf32>
  }
  func.func @prefill(%arg0: tensor<?xi32>, %arg1: tensor<?xi32>, %arg2: tensor<?xi32>, %arg3: tensor<?xi32>) -> tensor<?x131xf32> {
    %0 = lathe.embed %arg0, @token_embedding {lathe.hidden = 0 : i64} : tensor<?x20xf32>
    %1 = lathe.linear %0, [@layers.0.attention.query] : tensor<?x20xf32> -> tensor<?x20xf32>
    %2 = lathe.linear %0, [@layers.0.attention.key] : tensor<?x20xf32> -> tensor<?x20xf32>
    %3 = lathe.linear %0, [@layers.0.attention.value] : tensor<?x20xf32> -> tensor<?x20xf32>
    %4 = lathe.attention %1, %2, %3, %arg1, %arg2 layer 0 heads 5 kv_heads 5 head_size 4 scale 5.000000e-01 alibi [2.500000e-01, 6.250000e-02, 1.562500e-02, 3.906250e-03, 5.000000e-01] : tensor<?x20xf32>, tensor<?x20xf32>
    %5 = lathe.linear %4, [@layers.0.attention.output] : tensor<?x20xf32> -> tensor<?x20xf32>
    %6 = lathe.add %0, %5 : tensor<?x20xf32>
    %7 = lathe.norm layer %6, @layers.0.attention_norm bias @layers.0.attention_norm.bias eps 1.000000e-05 : tensor<?x20xf32>
    %8 = lathe.linear %7, [@layers.0.mlp.router] bias [@layers.0.mlp.router.bias] : tensor<?x20xf32> -> tensor<?x3xf32>
    %9 = lathe.route softmax %8 normalize : tensor<?x3xf32> -> tensor<?x2x!lathe.route>
    %10 = lathe.assign %9 experts 3 : tensor<?x2x!lathe.route>
    %11 = lathe.dispatch %7, %10 : tensor<?x20xf32>
    %12 = lathe.linear %11, [@layers.0.mlp.experts.gate] bias [@layers.0.mlp.experts.gate.bias] of %10 experts 3 : tensor<?x20xf32> -> tensor<?x36xf32>
    %13 = lathe.linear %11, [@layers.0.mlp.experts.up] bias [@layers.0.mlp.experts.up.bias] of %10 experts 3 : tensor<?x20xf32> -> tensor<?x36xf32>
    %14 = lathe.glu gelu_tanh %12, %13 : tensor<?x36xf32>
    %15 = lathe.linear %14, [@layers.0.mlp.experts.down] bias [@layers.0.mlp.experts.down.bias] of %10 experts 3 : tensor<?x36xf32> -> tensor<?x20xf32>
    %16 = lathe.collect %15, %10, %9 : tensor<?x20xf32>, tensor<?x2x!lathe.route>
    %17 = lathe.linear %7, [@layers.0.mlp.shared.gate] bias [@layers.0.mlp.shared.gate.bias] : tensor<?x20xf32> -> tensor<?x12xf32>
    %18 = lathe.linear %7, [@layers.0.mlp.shared.up] bias [@layers.0.mlp.shared.up.bias] : tensor<?x20xf32> -> tensor<?x12xf32>
    %19 = lathe.glu gelu_tanh %17, %18 : tensor<?x12xf32>
    %20 = lathe.linear %19, [@layers.0.mlp.shared.down] bias [@layers.0.mlp.shared.down.bias] : tensor<?x12xf32> -> tensor<?x20xf32>
    %21 = lathe.linear %7, [@layers.0.mlp.shared.router] : tensor<?x20xf32> -> tensor<?x1xf32>
    %22 = lathe.gate %20 by %21 : tensor<?x20xf32>, tensor<?x1xf32>
    %23 = lathe.add %16, %22 : tensor<?x20xf32>
    %24 = lathe.add %7, %23 : tensor<?x20xf32>
    %25 = lathe.norm layer %24, @layers.0.mlp_norm bias @layers.0.mlp_norm.bias eps 1.000000e-05 {lathe.hidden = 1 : i64} : tensor<?x20xf32>
    %26 = lathe.linear %25, [@layers.1.attention.query] : tensor<?x20xf32> -> tensor<?x20xf32>
    %27 = lathe.linear %25, [@layers.1.attention.key] : tensor<?x20xf32> -> tensor<?x20xf32>
    %28 = lathe.linear %25, [@layers.1.attention.value] : tensor<?x20xf32> -> tensor<?x20xf32>
    %29 = lathe.attention %26, %27, %28, %arg1, %arg2 layer 1 heads 5 kv_heads 5 head_size 4 scale 5.000000e-01 alibi [2.500000e-01, 6.250000e-02, 1.562500e-02, 3.906250e-03, 5.000000e-01] : tensor<?x20xf32>, tensor<?x20xf32>
    %30 = lathe.linear %29, [@layers.1.attention.output] : tensor<?x20xf32> -> tensor<?x20xf32>
    %31 = lathe.add %25, %30 : tensor<?x20xf32>
    %32 = lathe.norm layer %31, @layers.1.attention_norm bias @layers.1.attention_norm.bias eps 1.000000e-05 : tensor<?x20xf32>
    %33 = lathe.linear %32, [@layers.1.mlp.router] bias [@layers.1.mlp.router.bias] : tensor<?x20xf32> -> tensor<?x3xf32>
    %34 = lathe.route softmax %33 normalize : tensor<?x3xf32> -> tensor<?x2x!lathe.route>
    %35 = lathe.assign %34 experts 3 : tensor<?x2x!lathe.route>
    %36 = lathe.dispatch %32, %35 : tensor<?x20xf32>
    %37 = lathe.linear %36, [@layers.1.mlp.experts.gate] bias [@layers.1.mlp.experts.gate.bias] of %35 experts 3 : tensor<?x20xf32> -> tensor<?x36xf32>
    %38 = lathe.linear %36, [@layers.1.mlp.experts.up] bias [@layers.1.mlp.experts.up.bias] of %35 experts 3 : tensor<?x20xf32> -> tensor<?x36xf32>
    %39 = lathe.glu gelu_tanh %37, %38 : tensor<?x36xf32>
    %40 = lathe.linear %39, [@layers.1.mlp.experts.down] bias [@layers.1.mlp.experts.down.bias] of %35 experts 3 : tensor<?x36xf32> -> tensor<?x20xf32>
    %41 = lathe.collect %40, %35, %34 : tensor<?x20xf32>, tensor<?x2x!lathe.route>
    %42 = lathe.linear %32, [@layers.1.mlp.shared.gate] bias [@layers.1.mlp.shared.gate.bias] : tensor<?x20xf32> -> tensor<?x12xf32>
    %43 = lathe.linear %32, [@layers.1.mlp.shared.up] bias [@layers.1.mlp.shared.up.bias] : tensor<?x20xf32> -> tensor<?x12xf32>
    %44 = lathe.glu gelu_tanh %42, %43 : tensor<?x12xf32>
    %45 = lathe.linear %44, [@layers.1.mlp.shared.down] bias [@layers.1.mlp.shared.down.bias] : tensor<?x12xf32> -> tensor<?x20xf32>
    %46 = lathe.linear %32, [@layers.1.mlp.shared.router] : tensor<?x20xf32> -> tensor<?x1xf32>
    %47 = lathe.gate %45 by %46 : tensor<?x20xf32>, tensor<?x1xf32>
    %48 = lathe.add %41, %47 : tensor<?x20xf32>
    %49 = lathe.add %32, %48 : tensor<?x20xf32>
    %50 = lathe.norm layer %49, @layers.1.mlp_norm bias @layers.1.mlp_norm.bias eps 1.000000e-05 : tensor<?x20xf32>
    %51 = lathe.take_rows %50, %arg3 {lathe.hidden = 2 : i64} : tensor<?x20xf32>
    %52 = lathe.linear %51, [@token_embedding] : tensor<?x20xf32> -> tensor<?x131xf32>
    return %52 : tensor<?x131xf32>
  }
}

