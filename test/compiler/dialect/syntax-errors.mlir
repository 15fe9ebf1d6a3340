// Every complaint of the verifiers.
// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{format = "q5_9" is not one of f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, tq1_0, tq2_0, mxfp4}}
lathe.weight @w "q5_9" : tensor<4x64xf32>

// -----

// expected-error@+1 {{format = "q4_0" stores blocks of 32 columns, which do not divide 40 columns}}
lathe.weight @w "q4_0" : tensor<4x40xf32>

// -----

// expected-error@+1 {{failed to satisfy constraint: type attribute of a matrix of f32 (tensor<ROWSxCOLUMNSxf32>)}}
lathe.weight @w "f32" : tensor<?x64xf32>

// -----

// expected-error@+1 {{type has a dimension of 2147483648; 2147483647 is the largest}}
lathe.weight @w "f32" : tensor<2147483648x64xf32>

// -----

// expected-error@+1 {{frequencies is empty; it has one element for each pair of components that rotates}}
lathe.rotation @r []

// -----

// expected-error@+1 {{frequencies has an element that is not finite}}
lathe.rotation @r [1.0, 1.0e400]

// -----

// expected-error@+1 {{magnitude is not a positive number}}
lathe.rotation @r [1.0] magnitude 0.0

// -----

// expected-error@+1 {{limit = 8; a limit goes with growth or with the frequencies beyond it, and with one of them only}}
lathe.rotation @r [1.0, 0.5] limit 8

// -----

// expected-error@+1 {{limit = 0; a limit goes with growth}}
lathe.rotation @r [1.0, 0.5] growth 2.0

// -----

// expected-error@+1 {{growth is for two frequencies at least}}
lathe.rotation @r [1.0] limit 8 growth 2.0

// -----

// expected-error@+1 {{has 1 frequencies beyond the limit and 2 up to it}}
lathe.rotation @r [1.0, 0.5] limit 8 beyond [1.0]

// -----

lathe.rotation @r [1.0, 0.5] limit 8 growth 2.0

func.func @f(%x: tensor<?x64xf32>, %p: tensor<?xi32>) -> tensor<?x64xf32> {
  // expected-error@+1 {{rotation @r depends on the sequence's length, and lengths is not given}}
  %y = lathe.rope half_split %x, %p, @r head_size 16 : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// expected-error@+1 {{sources is empty; it names at least one lathe.weight}}
lathe.packed @p "f32" []

// -----

lathe.weight @w "f32" : tensor<4x64xf32>
// expected-error@+1 {{format = "panel" is not one of}}
lathe.packed @p "panel" [@w]

// -----

lathe.weight @w "f32" : tensor<4x64xf32>
// expected-error@+1 {{interleave is for two sources, here are 1}}
lathe.packed @p "f32" interleave [@w]

// -----

lathe.weight @a "f32" : tensor<4x64xf32>
lathe.weight @b "f32" : tensor<8x64xf32>
// expected-error@+1 {{interleave is for two sources of one shape, here are 'tensor<4x64xf32>' and 'tensor<8x64xf32>'}}
lathe.packed @p "f32" interleave [@a, @b]

// -----

lathe.weight @a "f32" : tensor<4x64xf32>
lathe.weight @b "f32" : tensor<4x32xf32>
// expected-error@+1 {{sources have different numbers of columns; matrices are stacked by rows}}
lathe.packed @p "f32" [@a, @b]

// -----

// expected-error@+1 {{sources names @nowhere, which no lathe.weight declares}}
lathe.packed @p "f32" [@nowhere]

// -----

lathe.weight @a "f32" : tensor<4x40xf32>
// expected-error@+1 {{format = "q8_0" stores blocks of 32 columns, which do not divide 40 columns}}
lathe.packed @p "q8_0" [@a]

// -----

func.func @f(%ids: tensor<?xi32>) {
  // expected-error@+1 {{table names @nowhere, which no lathe.weight or lathe.packed declares}}
  %x = lathe.embed %ids, @nowhere : tensor<?x64xf32>
  return
}

// -----

lathe.weight @t "f32" : tensor<100x32xf32>
func.func @f(%ids: tensor<?xi32>) {
  // expected-error@+1 {{table @t has 32 columns; the result is 64 wide}}
  %x = lathe.embed %ids, @t : tensor<?x64xf32>
  return
}

// -----

lathe.rotation @t [1.0]
func.func @f(%ids: tensor<?xi32>) {
  // expected-error@+1 {{table names @t, which no lathe.weight or lathe.packed declares}}
  %x = lathe.embed %ids, @t : tensor<?x64xf32>
  return
}

// -----

lathe.weight @a "f32" : tensor<1x32xf32>
lathe.weight @b "f32" : tensor<1x64xf32>
lathe.packed @v "f32" [@a, @b]
func.func @f(%x: tensor<?x96xf32>) {
  // expected-error@+1 {{weight @v packs vectors of different lengths; it is a matrix}}
  %y = lathe.linear %x, [@v] : tensor<?x96xf32> -> tensor<?x1xf32>
  return
}

// -----

lathe.weight @w "f32" : tensor<1x64xf32>
func.func @f(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{eps = 0.000000e+00; it is greater than 0}}
  %y = lathe.norm rms %x, @w eps 0.0 : tensor<?x64xf32>
  return
}

// -----

lathe.weight @w "f32" : tensor<2x64xf32>
func.func @f(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{weight @w is a matrix; it is a vector (one row) of 64}}
  %y = lathe.norm rms %x, @w eps 1.0 : tensor<?x64xf32>
  return
}

// -----

lathe.weight @w "f32" : tensor<1x64xf32>
lathe.weight @b "f32" : tensor<1x32xf32>
func.func @f(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{bias @b has 32 elements; 64 are needed}}
  %y = lathe.norm layer %x, @w bias @b eps 1.0 : tensor<?x64xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{weights is empty; it names at least one lathe.weight or lathe.packed}}
  %y = lathe.linear %x, [] : tensor<?x64xf32> -> tensor<?x64xf32>
  return
}

// -----

lathe.weight @a "f32" : tensor<8x64xf32>
lathe.weight @v "f32" : tensor<1x8xf32>
func.func @f(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{biases has 1 for 2 weights; one each, or none}}
  %y = lathe.linear %x, [@a, @a] bias [@v] : tensor<?x64xf32> -> tensor<?x16xf32>
  return
}

// -----

lathe.weight @a "f32" : tensor<8x32xf32>
func.func @f(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{weight @a has 32 columns; the input is 64 wide}}
  %y = lathe.linear %x, [@a] : tensor<?x64xf32> -> tensor<?x8xf32>
  return
}

// -----

lathe.weight @a "f32" : tensor<8x64xf32>
lathe.weight @v "f32" : tensor<1x16xf32>
func.func @f(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{bias @v has 16 elements; 8 are needed}}
  %y = lathe.linear %x, [@a] bias [@v] : tensor<?x64xf32> -> tensor<?x8xf32>
  return
}

// -----

lathe.weight @a "f32" : tensor<8x64xf32>
func.func @f(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{result is 8 wide; the sum of the weights' rows is 16}}
  %y = lathe.linear %x, [@a, @a] : tensor<?x64xf32> -> tensor<?x8xf32>
  return
}

// -----

lathe.rotation @r [1.0]
func.func @f(%x: tensor<?x64xf32>, %p: tensor<?xi32>) {
  // expected-error@+1 {{head_size = 48 does not divide the input's width 64}}
  %y = lathe.rope half_split %x, %p, @r head_size 48 : tensor<?x64xf32>
  return
}

// -----

lathe.rotation @r [1.0]
func.func @f(%x: tensor<?x64xf32>, %p: tensor<?xi32>) {
  // expected-error@+1 {{head_size = 0; it is from 1 to 16777216}}
  %y = lathe.rope half_split %x, %p, @r head_size 0 : tensor<?x64xf32>
  return
}

// -----

lathe.weight @r "f32" : tensor<1x8xf32>
func.func @f(%x: tensor<?x64xf32>, %p: tensor<?xi32>) {
  // expected-error@+1 {{rotation names @r, which no lathe.rotation declares}}
  %y = lathe.rope half_split %x, %p, @r head_size 16 : tensor<?x64xf32>
  return
}

// -----

lathe.rotation @r [1.0, 0.5, 0.25]
func.func @f(%x: tensor<?x64xf32>, %p: tensor<?xi32>) {
  // expected-error@+1 {{rotation @r turns 6 components; head_size is 4}}
  %y = lathe.rope interleaved %x, %p, @r head_size 4 : tensor<?x64xf32>
  return
}

// -----

func.func @f(%x: tensor<?x12xf32>) {
  // expected-error@+1 {{cap = 0.000000e+00; it is greater than 0}}
  %y = lathe.softcap %x cap 0.0 : tensor<?x12xf32>
  return
}

// -----

func.func @f(%x: tensor<?x12xf32>) {
  // expected-error@+1 {{offset = 8 with a result 8 wide leaves the input, which is 12 wide}}
  %y = lathe.slice %x offset 8 : tensor<?x12xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x12xf32>) {
  // expected-error@+1 {{offset = -4 with a result 8 wide leaves the input}}
  %y = lathe.slice %x offset -4 : tensor<?x12xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x48xf32>) {
  // expected-error@+1 {{input is 48 wide; groups have 32 columns}}
  %y = lathe.quantize %x : tensor<?x48xf32> -> tensor<?x48x!lathe.q16>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{result is 32 wide; the input is 64}}
  %y = lathe.quantize %x : tensor<?x64xf32> -> tensor<?x32x!lathe.q16>
  return
}

// -----

func.func @f(%x: tensor<8x64xf32>) {
  // expected-error@+1 {{must be rows of f32 (tensor<?xWIDTHxf32>), but got 'tensor<8x64xf32>'}}
  %y = lathe.scale %x by 2.0 : tensor<8x64xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %p: tensor<?xi64>) {
  // expected-note@-1 {{prior use here}}
  // expected-error@+1 {{expects different type than prior uses: 'tensor<?xi32>' vs 'tensor<?xi64>'}}
  %y = lathe.take_rows %x, %p : tensor<?x64xf32>
  return
}

// -----

lathe.weight @table "f32" : tensor<4x12xf32>
func.func @f(%p: tensor<?xi32>) {
  // expected-error@+1 {{offset = 4; table @table has 4 rows}}
  %y = lathe.embed %p, @table offset 4 : tensor<?x12xf32>
  return
}

// -----

lathe.weight @gain "f32" : tensor<1x8xf32>
func.func @f(%x: tensor<?x12xf32>) {
  // expected-error@+1 {{weight @gain has 8 elements; 4 are needed}}
  %y = lathe.norm rms %x, @gain eps 1.0e-5 group 4 : tensor<?x12xf32>
  return
}

// -----

func.func @f(%x: tensor<?x12xf32>) {
  // expected-error@+1 {{group = 5 does not divide the input's width 12 (0: the whole row)}}
  %y = lathe.norm rms %x eps 1.0e-5 group 5 : tensor<?x12xf32>
  return
}

// -----

func.func @f(%x: tensor<?x12xf32>) {
  // expected-error@+1 {{unit_offset is of a weight, and there is none}}
  %y = lathe.norm rms %x eps 1.0e-5 unit_offset : tensor<?x12xf32>
  return
}

// -----

func.func @f(%x: tensor<?x12xf32>) {
  // expected-error@+1 {{limit = -1.000000e+00; it is greater than 0}}
  %y = lathe.clip %x limit -1.0 : tensor<?x12xf32>
  return
}

// -----

func.func @hidden(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{lathe.hidden is not a number of type i64 from 0 on}}
  %y = lathe.scale %x by 2.0 {lathe.hidden = -1 : i64} : tensor<?x64xf32>
  return
}

// -----

func.func @hidden(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{lathe.hidden is on an op that does not give rows of f32}}
  %y = lathe.quantize %x {lathe.hidden = 0 : i64} : tensor<?x64xf32> -> tensor<?x64x!lathe.q16>
  return
}

// -----

lathe.weight @three "f32" : tensor<1x3xf32>
func.func @f(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{weight @three has 3 elements; 64 are needed}}
  %y = lathe.scale %x by 1.0, @three : tensor<?x64xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{clamp = -1.000000e+00; it is a positive limit, 0 for none}}
  %y = lathe.glu silu %x, %x clamp -1.0 : tensor<?x64xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{slope = 0.000000e+00; it is greater than 0}}
  %y = lathe.activation silu %x slope 0.0 : tensor<?x64xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{positive and negative are both there for xielu, and for nothing else}}
  %y = lathe.activation xielu %x : tensor<?x64xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{activation is xielu, whose learned numbers a gated unit does not take}}
  %y = lathe.glu xielu %x, %x : tensor<?x64xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %rows: tensor<?xi32>) {
  lathe.phase "wanted" (%a = %x : tensor<?x64xf32>, %r = %rows : tensor<?xi32>) {
    // expected-error@+1 {{is in a phase whose rows are step; it makes them logits}}
    %w = lathe.take_rows %a, %r : tensor<?x64xf32>
    lathe.yield
  }
  return
}

// -----

func.func @f() {
  // expected-error@+1 {{rows are step, logits, choices or once, not tokens}}
  lathe.phase "wanted" () rows tokens {
    lathe.yield
  }
  return
}
