// What convolutions and scans refuse.
// RUN: lathe-opt %s --split-input-file --verify-diagnostics

lathe.weight @w "f32" : tensor<3x4xf32>
func.func @f(%x: tensor<?x4xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{weight @w is not a matrix of 4 rows, one for each channel of the input}}
  %y = lathe.conv %x, %p, %s, @w layer 0 : tensor<?x4xf32>
  return
}

// -----

lathe.weight @w "f32" : tensor<4x4xf32>
func.func @f(%x: tensor<?x4xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{layer = -1; it is from 0 to 16777215}}
  %y = lathe.conv %x, %p, %s, @w layer -1 : tensor<?x4xf32>
  return
}

// -----

lathe.weight @v "f32" : tensor<1x3xf32>
func.func @f(%x: tensor<?x4xf32>, %dt: tensor<?x3xf32>, %b: tensor<?x2xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{dt has 3 heads, which do not divide the input's width 4}}
  %y = lathe.scan %x, %dt, %b, %b, %p, %s a @v d @v dt_bias @v layer 0 groups 1 : tensor<?x4xf32>, tensor<?x3xf32>, tensor<?x2xf32>, tensor<?x2xf32>
  return
}

// -----

lathe.weight @v "f32" : tensor<1x2xf32>
func.func @f(%x: tensor<?x4xf32>, %dt: tensor<?x2xf32>, %b: tensor<?x2xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{groups = 3 does not divide the heads, 2}}
  %y = lathe.scan %x, %dt, %b, %b, %p, %s a @v d @v dt_bias @v layer 0 groups 3 : tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
  return
}

// -----

lathe.weight @v "f32" : tensor<1x2xf32>
func.func @f(%x: tensor<?x4xf32>, %dt: tensor<?x2xf32>, %b: tensor<?x2xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{dt_min = 2.000000e+00 and dt_max = 1.000000e+00 are no limits of a step (0: none)}}
  %y = lathe.scan %x, %dt, %b, %b, %p, %s a @v d @v dt_bias @v layer 0 groups 1 dt_min 2.0 dt_max 1.0 : tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
  return
}

// -----

lathe.weight @v "f32" : tensor<1x2xf32>
lathe.weight @a "f32" : tensor<2x2xf32>
func.func @f(%x: tensor<?x4xf32>, %dt: tensor<?x2xf32>, %b: tensor<?x2xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{a @a is neither a vector of 2 nor, with heads of one channel, a matrix of 2 x 2}}
  %y = lathe.scan %x, %dt, %b, %b, %p, %s a @a d @v dt_bias @v layer 0 groups 1 : tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
  return
}
