// Made by `lathe compile SPEC --emit=import`: a dense layer, then mixtures of Q4_1: 3 of 6 experts by sigmoid,
// a bias and groups, and a shared expert.
// decode: 34 phases, arena of 14336 bytes
// prefill: 51 phases, arena of 353984 bytes
module attributes {lathe.max_context = 128 : i64} {
  lathe.weight @token_embedding "q4_1" : tensor<131x64xf32>
  lathe.weight @layers.0.attention_norm "f32" : tensor<1x64xf32>
  lathe.weight @layers.0.attention.query "q4_1" : tensor<64x64xf32>
  lathe.weight @layers.0.attention.key "q4_1" : tensor<32x64xf32>
  lathe.weight @layers.0.attention.value "q4_1" : tensor<32x64xf32>
  lathe.weight @layers.0.attention.output "q4_1" : tensor<64x64xf32>
  lathe.weight @layers.0.mlp_norm "f32" : tensor<1x64xf32>
  lathe.weight @layers.0.mlp.gate "q4_1" : tensor<96x64xf32>
  lathe.weight @layers.0.mlp.up "q4_1" : tensor<96x64xf32>
  lathe.weight @layers.0.mlp.down "q4_1" : tensor<64x96xf32>
  lathe.weight @layers.1.attention_norm "f32" : tensor<1x64xf32>
  lathe.weight @layers.1.attention.query "q4_1" : tensor<64x64xf32>
  lathe.weight @layers.1.attention.key "q4_1" : tensor<32x64xf32>
  lathe.weight @layers.1.attention.value "q4_1" : tensor<32x64xf32>
  lathe.weight @layers.1.attention.output "q4_1" : tensor<64x64xf32>
  lathe.weight @layers.1.mlp_norm "f32" : tensor<1x64xf32>
  lathe.weight @layers.1.mlp.router "f32" : tensor<6x64xf32>
  lathe.weight @layers.1.mlp.router.selection_bias "f32" : tensor<1x6xf32>
  lathe.weight @layers.1.mlp.experts.gate "q4_1" : tensor<192x64xf32>
  lathe.weight @layers.1.mlp.experts.up "q4_1" : tensor<192x64xf32>
  lathe.weight @layers.1.mlp.experts.down "q4_1" : tensor<384x32xf32>
  lathe.weight @layers.1.mlp.shared.gate "q4_1" : tensor<64x64xf32>
  lathe.weight @layers.1.mlp.shared.up "q4_1" : tensor<64x64xf32>
  lathe.weight @layers.1.mlp.shared.down "q4_1" : tensor<64x64xf32>
  lathe.weight @layers.2.attention_norm "f32" : tensor<1x64xf32>
  lathe.weight @layers.2.attention.query "q4_1" : tensor<64x64xf32>
  lathe.weight @layers.2.attention.key "q4_1" : tensor<32x64xf32>
  lathe.weight @layers.2.attention.value "q4_1" : tensor<32x64xf32>
  lathe.weight @layers.2.attention.output "q4_1" : tensor<64x64xf32>
  lathe.weight @layers.2.mlp_norm "f32" : tensor<1x64xf32>
  lathe.weight @layers.2.mlp.router "f32" : tensor<6x64xf32>
  lathe.weight @layers.2.mlp.router.selection_bias "f32" : tensor<1x6xf32>
  lathe.weight @layers.2.mlp.experts.gate "q4_1" : tensor<192x64xf32>
  lathe.weight @layers.2.mlp.experts.up "q4_1" : tensor<192x64xf32>
  lathe.weight @layers.2.mlp.experts.down "q4_1" : tensor<384x32xf32>
  lathe.weight @layers.2.mlp.shared.gate "q4_1" : tensor<64x64xf32>
  lathe.weight @layers.2.mlp.shared.up "q4_1" : tensor<64x64xf32>
  lathe.weight @layers.2.mlp.shared.down "q4_1" : tensor<64x64xf32>
  lathe.weight @output_norm "f32" : tensor<1x64xf32>
  lathe.rotation @rotary [1.000000e+00, 0.31622776601683794, 1.000000e-01, 0.031622776601683791, 1.000000e-02, 0.0031622776601683794, 1.000000e-03, 3.1622776601683794E-4]
  func.func @decode(%arg0: tensor<?xi32>, %arg1: tensor<?xi32>, %arg2: tensor<?xi32>, %arg3: tensor<?xi32>) -> tensor<?x131xf32> {
    %0 = lathe.embed %arg0, @token_embedding {lathe.hidden = 0 : i64} : tensor<?x64xf32>
    %1 = lathe.norm rms %0, @layers.0.attention_norm eps 1.000000e-05 : tensor<?x64xf32>
    %2 = lathe.linear %1, [@layers.0.attention.query] : tensor<?x64xf32> -> tensor<?x64xf32>
    %3 = lathe.linear %1, [@layers.0.attention.key] : tensor<?x64xf32> -> tensor<?x32xf32>
    %4 = lathe.linear %1, [@layers.0.attention.value] : tensor<?x64xf32> -> tensor<?x32xf32>
    %5 = lathe.rope half_split %2, %arg1, @rotary head_size 16 : tensor<?x64xf32>
    %6 = lathe.rope half_split %3, %arg1, @rotary head_size 16 : tensor<?x32xf32>
    %7 = lathe.attention %5, %6, %4, %arg1, %arg2 layer 0 heads 4 kv_heads 2 head_size 16 scale 2.500000e-01 : tensor<?x64xf32>, tensor<?x32xf32>
    %8 = lathe.linear %7, [@layers.0.attention.output] : tensor<?x64xf32> -> tensor<?x64xf32>
    %9 = lathe.add %0, %8 : tensor<?x64xf32>
    %10 = lathe.norm rms %9, @layers.0.mlp_norm eps 1.000000e-05 : tensor<?x64xf32>
    %11 = lathe.linear %10, [@layers.0.mlp.gate] : tensor<?x64xf32> -> tensor<?x96xf32>
    %12 = lathe.linear %10, [@layers.0.mlp.up] : tensor<?x64xf32> -> tensor<?x96xf32>
    %13 = lathe.glu silu %11, %12 : tensor<?x96xf32>
    %14 = lathe.linear %13, [@layers.0.mlp.down] : tensor<?x96xf32> -> tensor<?x64xf32>
    %15 = lathe.add %9, %14 {lathe.hidden = 1 : i64} : tensor<?x64xf32>
    %16 = lathe.norm rms %15, @layers.1.attention_norm eps 1.000000e-05 : tensor<?x64xf32>
    %17 = lathe.linear %16, [@layers.1.attention.query] : tensor<?x64xf32> -> tensor<?x64xf32>
    %18 = lathe.linear %16, [@layers.1.attention.key] : tensor<?x64xf32> -> tensor<?x32xf32>
    %19 = lathe.linear %16, [@layers.1.attention.value] : tensor<?x64xf32> -> tensor<?x32xf32>
    %20 = lathe.rope half_split %17, %arg1, @rotary head_size 16 : tensor<?x64xf32>
    %21 = lathe.rope half_split %18, %arg1, @rotary head_size 16 : tensor<?x32xf32>
    %22 = lathe.attention %20, %21, %19, %arg1, %arg2 layer 1 heads 4 kv_heads 2 head_size 16 scale 2.500000e-01 : tensor<?x64xf32>, tensor<?x32xf32>
    %23 = lathe.linear %22, [@layers.1.attention.output] : tensor<?x64xf32> -> tensor<?x64xf32>
    %24 = lathe.add %15, %23 : tensor<?x64xf32>
    %25 = lathe.norm rms %24, @layers.1.mlp_norm eps 1.000000e-05 : tensor<?x64xf32>
    %26 = lathe.linear %25, [@layers.1.mlp.router] : tensor<?x64xf32> -> tensor<?x6xf32>
    %27 = lathe.route sigmoid %26 bias @layers.1.mlp.router.selection_bias groups 3 keep 2 normalize scale 2.500000e+00 : tensor<?x6xf32> -> tensor<?x3x!lathe.route>
    %28 = lathe.assign %27 experts 6 : tensor<?x3x!lathe.route>
    %29 = lathe.dispatch %25, %28 : tensor<?x64xf32>
    %30 = lathe.linear %29, [@layers.1.mlp.experts.gate] of %28 experts 6 : tensor<?x64xf32> -> tensor<?x32xf32>
    %31 = lathe.linear %29, [@layers.1.mlp.experts.up] of %28 experts 6 : tensor<?x64xf32> -> tensor<?x32xf32>
    %32 = lathe.glu silu %30, %31 : tensor<?x32xf32>
    %33 = lathe.linear %32, [@layers.1.mlp.experts.down] of %28 experts 6 : tensor<?x32xf32> -> tensor<?x64xf32>
    %34 = lathe.collect %33, %28, %27 : tensor<?x64xf32>, tensor<?x3x!lathe.route>
    %35 = lathe.linear %25, [@layers.1.mlp.shared.gate] : tensor<?x64xf32> -> tensor<?x64xf32>
    %36 = lathe.linear %25, [@layers.1.mlp.shared.up] : tensor<?x64xf32> -> tensor<?x64xf32>
    %37 = lathe.glu silu %35, %36 : tensor<?x64xf32>
    %38 = lathe.linear %37, [@layers.1.mlp.shared.down] : tensor<?x64xf32> -> tensor<?x64xf32>
    %39 = lathe.add %34, %38 : tensor<?x64xf32>
    %40 = lathe.add %24, %39 {lathe.hidden = 2 : i64} : tensor<?x64xf32>
    %41 = lathe.norm rms %40, @layers.2.attention_norm eps 1.000000e-05 : tensor<?x64xf32>
    %42 = lathe.linear %41, [@layers.2.attention.query] : tensor<?x64xf32> -> tensor<?x64xf32>
    %43 = lathe.linear %41, [@layers.2.attention.key] : tensor<?x64xf32> -> tensor<?x32xf32>
    %44 = lathe.linear %41, [@layers.2.attention.value] : tensor<?x64xf32> -> tensor<?x32xf32>
    %45 = lathe.rope half_split %42, %arg1, @rotary head_size 16 : tensor<?x64xf32>
    %46 = lathe.rope half_split %43, %arg1, @rotary head_size 16 : tensor<?x32xf32>
    %47 = lathe.attention %45, %46, %44, %arg1, %arg2 layer 2 heads 4 kv_heads 2 head_size 16 scale 2.500000e-01 : tensor<?x64xf32>, tensor<?x32xf32>
    %48 = lathe.linear %47, [@layers.2.attention.output] : tensor<?x64xf32> -> tensor<?x64xf32>
    %49 = lathe.add %40, %48 : tensor<?x64xf32>
    %50 = lathe.norm rms %49, @layers.2.mlp_norm eps 1.000000e-05 : tensor<?x64xf32>
    %51 = lathe.linear %50, [@layers.2.mlp.router] : tensor<?x64xf32> -> tensor<?x6xf32>
    %52 = lathe.route sigmoid %51 bias @layers.2.mlp.router.selection_bias groups 3 keep 2 normalize scale 2.500000e+00 : tensor<?x6xf32> -> tensor<?x3x!lathe.route>
    %53 = lathe.assign %52 experts 6 : tensor<?x3x!lathe.route>
    %54 = lathe.dispatch %50, %53 : tensor<?x64xf32>
    %55 = lathe.linear %54, [@layers.2.mlp.experts.gate] of %53 experts 6 : tensor<?x64xf32> -> tensor<?x32xf32>
    %56 = lathe.linear %54, [@layers.2.mlp.experts.up] of %53 experts 6 : tensor<?x64xf32> -> tensor<?x32xf32>
    %57 = lathe.glu silu %55, %56 : tensor<?x32xf32>
    %58 = lathe.linear %57, [@layers.2.mlp.experts.down] of %53 experts 6 : tensor<?x32xf32> -> tensor<?x64xf32>
    %59 = lathe.collect %58, %53, %52 : tensor<?x64xf32>, tensor<?x3x!lathe.route>
    %60 = lathe.linear %50, [@layers.2.mlp.shared.gate] : tensor<?x64xf32> -> tensor<?x64xf32>
    %61 = lathe.linear %50, [@layers.2.mlp.shared.up] : tensor<?x64xf32> -> tensor<?x64xf32>
    %62 = lathe.glu silu %60, %61 : tensor<?x64xf32>
    %63 = lathe.linear %62, [@layers.2.mlp.shared.down] : tensor<?x64xf32> -> tensor<?x64xf32>
    %64 = lathe.add %59, %63 : tensor<?x64xf32>
    %65 = lathe.add %49, %64 : tensor<?x64xf32>
    %66 = lathe.take_rows %65, %arg3 : tensor<?x64xf32>
    %67 = lathe.norm rms %66, @output_norm eps 1.000000e-05 {lathe.hidden = 3 : i64} : tensor<?x64xf32>
    %68 = lathe.linear %67, [@token_embedding] : tensor<?x64xf32> -> tensor<?x131xf32>
    return %68 : tensor<?x131xf32>
  }
  func.func @prefill(%arg0: tensor<?xi32>, %arg1: tensor<?xi32>, %arg2: tensor<?xi32>, %arg3: tensor<?xi32>) -> tensor<?x131xf32> {
    %0 = lathe.embed %arg0, @token_embedding {lathe.hidden = 0 : i64} : tensor<?x64xf32>
    %1 = lathe.norm rms %0, @layers.0.attention_norm eps 1.000000e-05 : tensor<?x64xf32>
    %2 = lathe.linear %1, [@layers.0.attention.query] : tensor<?x64xf32> -> tensor<?x64xf32>
    %3 = lathe.linear %1, [@layers.0.attention.key] : tensor<?x64xf32> -> tensor<?x32xf32>
    %4 = lathe.linear %1, [@layers.0.attention.value] : tensor<?x64xf32> -> tensor<?x32xf32>
    %5 = lathe.rope half_split %2, %arg1, @rotary head_size 16 : tensor<?x64xf32>
    %6 = lathe.rope half_split %3, %arg1, @rotary head_size 16 : tensor<?x32xf32>
    %7 = lathe.attention %5, %6, %4, %arg1, %arg2 layer 0 heads 4 kv_heads 2 head_size 16 scale 2.500000e-01 : tensor<?x64xf32>, tensor<?x32xf32>
    %8 = lathe.linear %7, [@layers.0.attention.output] : tensor<?x64xf32> -> tensor<?x64xf32>
    %9 = lathe.add %0, %8 : tensor<?x64xf32>
    %10 = lathe.norm rms %9, @layers.0.mlp_norm eps 1.000000e-05 : tensor<?x64xf32>
    %11 = lathe.linear %10, [@layers.0.mlp.gate] : tensor<?x64xf32> -> tensor<?x96xf32>
    %12 = lathe.linear %10, [@layers.0.mlp.up] : tensor<?x64xf32> -> tensor<?x96xf32>
    %13 = lathe.glu silu %11, %12 : tensor<?x96xf32>
    %14 = lathe.linear %13, [@layers.0.mlp.down] : tensor<?x96xf32> -> tensor<?x64xf32>
    %15 = lathe.add %9, %14 {lathe.hidden = 1 : i64} : tensor<?x64xf32>
    %16 = lathe.norm rms %15, @layers.1.attention_norm eps 1.000000e-05 : tensor<?x64xf32>
    %17 = lathe.linear %16, [@layers.1.attention.query] : tensor<?x64xf32> -> tensor<?x64xf32>
    %18 = lathe.linear %16, [@layers.1.attention.key] : tensor<?x64xf32> -> tensor<?x32xf32>
    %19 = lathe.linear %16, [@layers.1.attention.value] : tensor<?x64xf32> -> tensor<?x32xf32>
    %20 = lathe.rope half_split %17, %arg1, @rotary head_size 16 : tensor<?x64xf32>
    %21 = lathe.rope half_split %18, %arg1, @rotary head_size 16 : tensor<?x32xf32>
    %22 = lathe.attention %20, %21, %19, %arg1, %arg2 layer 1 heads 4 kv_heads 2 head_size 16 scale 2.500000e-01 : tensor<?x64xf32>, tensor<?x32xf32>
    %23 = lathe.linear %22, [@layers.1.attention.output] : tensor<?x64xf32> -> tensor<?x64xf32>
    %24 = lathe.add %15, %23 : tensor<?x64xf32>
    %25 = lathe.norm rms %24, @layers.1.mlp_norm eps 1.000000e-05 : tensor<?x64xf32>
    %26 = lathe.linear %25, [@layers.1.mlp.router] : tensor<?x64xf32> -> tensor<?x6xf32>
    %27 = lathe.route sigmoid %26 bias @layers.1.mlp.router.selection_bias groups 3 keep 2 normalize scale 2.500000e+00 : tensor<?x6xf32> -> tensor<?x3x!lathe.route>
    %28 = lathe.assign %27 experts 6 : tensor<?x3x!lathe.route>
    %29 = lathe.dispatch %25, %28 : tensor<?x64xf32>
    %30 = lathe.linear %29, [@layers.1.mlp.experts.gate] of %28 experts 6 : tensor<?x64xf32> -> tensor<?x32xf32>
    %31 = lathe.linear %29, [@layers.1.mlp.experts.up] of %28 experts 6 : tensor<?x64xf32> -> tensor<?x32xf32>
    %32 = lathe.glu silu %30, %31 : tensor<?x32xf32>
    %33 = lathe.linear %32, [@layers.1.mlp.experts.down] of %28 experts 6 : tensor<?x32xf32> -> tensor<?x64xf32>
    %34 = lathe.collect %33, %28, %27 : tensor<?x64xf32>, tensor<?x3x!lathe.route>
    %35 = lathe.linear %25, [@layers.1.mlp.shared.gate] : tensor<?x64xf32> -> tensor<?x64xf32>
    %36 = lathe.linear %25, [@layers.1.mlp.shared.up] : tensor<?x64xf32> -> tensor<?x64xf32>
    %37 = lathe.glu silu %35, %36 : tensor<?x64xf32>
    %38 = lathe.linear %37, [@layers.1.mlp.shared.down] : tensor<?x64xf32> -> tensor<?x64xf32>
    %39 = lathe.add %34, %38 : tensor<?x64xf32>
    %40 = lathe.add %24, %39 {lathe.hidden = 2 : i64} : tensor<?x64xf32>
    %41 = lathe.norm rms %40, @layers.2.attention_norm eps 1.000000e-05 : tensor<?x64xf32>
    %42 = lathe.linear %41, [@layers.2.attention.query] : tensor<?x64xf32> -> tensor<?x64xf32>
    %43 = lathe.linear %41, [@layers.2.attention.key] : tensor<?x64xf32> -> tensor<?x32xf32>
    %44 = lathe.linear %41, [@layers.2.attention.value] : tensor<?x64xf32> -> tensor<?x32xf32>
    %45 = lathe.rope half_split %42, %arg1, @rotary head_size 16 : tensor<?x64xf32>
    %46 = lathe.rope half_split %43, %arg1, @rotary head_size 16 : tensor<?x32xf32>
    %47 = lathe.attention %45, %46, %44, %arg1, %arg2 layer 2 heads 4 kv_heads 2 head_size 16 scale 2.500000e-01 : tensor<?x64xf32>, tensor<?x32xf32>
    %48 = lathe.linear %47, [@layers.2.attention.output] : tensor<?x64xf32> -> tensor<?x64xf32>
    %49 = lathe.add %40, %48 : tensor<?x64xf32>
    %50 = lathe.norm rms %49, @layers.2.mlp_norm eps 1.000000e-05 : tensor<?x64xf32>
    %51 = lathe.linear %50, [@layers.2.mlp.router] : tensor<?x64xf32> -> tensor<?x6xf32>
    %52 = lathe.route sigmoid %51 bias @layers.2.mlp.router.selection_bias groups 3 keep 2 normalize scale 2.500000e+00 : tensor<?x6xf32> -> tensor<?x3x!lathe.route>
    %53 = lathe.assign %52 experts 6 : tensor<?x3x!lathe.route>
    %54 = lathe.dispatch %50, %53 : tensor<?x64xf32>
    %55 = lathe.linear %54, [@layers.2.mlp.experts.gate] of %53 experts 6 : tensor<?x64xf32> -> tensor<?x32xf32>
    %56 = lathe.linear %54, [@layers.2.mlp.experts.up] of %53 experts 6 : tensor<?x64xf32> -> tensor<?x32xf32>
    %57 = lathe.glu silu %55, %56 : tensor<?x32xf32>
    %58 = lathe.linear %57, [@layers.2.mlp.experts.down] of %53 experts 6 : tensor<?x32xf32> -> tensor<?x64xf32>
    %59 = lathe.collect %58, %53, %52 : tensor<?x64xf32>, tensor<?x3x!lathe.route>
    %60 = lathe.linear %50, [@layers.2.mlp.shared.gate] : tensor<?x64xf32> -> tensor<?x64xf32>
    %61 = lathe.linear %50, [@layers.2.mlp.shared.up] : tensor<?x64xf32> -> tensor<?x64xf32>
    %62 = lathe.glu silu %60, %61 : tensor<?x64xf32>
    %63 = lathe.linear %62, [@layers.2.mlp.shared.down] : tensor<?x64xf32> -> tensor<?x64xf32>
    %64 = lathe.add %59, %63 : tensor<?x64xf32>
    %65 = lathe.add %49, %64 : tensor<?x64xf32>
    %66 = lathe.take_rows %65, %arg3 : tensor<?x64xf32>
    %67 = lathe.norm rms %66, @output_norm eps 1.000000e-05 {lathe.hidden = 3 : i64} : tensor<?x64xf32>
    %68 = lathe.linear %67, [@token_embedding] : tensor<?x64xf32> -> tensor<?x131xf32>
    return %68 : tensor<?x131xf32>
  }
}

