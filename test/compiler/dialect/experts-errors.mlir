// What mixtures of experts may not say.
// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @f(%x: tensor<?x6xf32>) {
  // expected-error@+1 {{result has 7 choices of 6 experts}}
  %y = lathe.route softmax %x : tensor<?x6xf32> -> tensor<?x7x!lathe.route>
  return
}

// -----

func.func @f(%x: tensor<?x6xf32>) {
  // expected-error@+1 {{groups = 4 does not divide the 6 experts}}
  %y = lathe.route sigmoid %x groups 4 keep 2 : tensor<?x6xf32> -> tensor<?x2x!lathe.route>
  return
}

// -----

func.func @f(%x: tensor<?x6xf32>) {
  // expected-error@+1 {{keep = 4; it is from 1 to groups = 3}}
  %y = lathe.route sigmoid %x groups 3 keep 4 : tensor<?x6xf32> -> tensor<?x2x!lathe.route>
  return
}

// -----

func.func @f(%x: tensor<?x6xf32>) {
  // expected-error@+1 {{result has 3 choices of 2 experts}}
  %y = lathe.route sigmoid %x groups 3 keep 1 : tensor<?x6xf32> -> tensor<?x3x!lathe.route>
  return
}

// -----

func.func @f(%x: tensor<?x6xf32>) {
  // expected-error@+1 {{groups of one expert have no two best ones to compare them by}}
  %y = lathe.route sigmoid %x groups 6 keep 3 : tensor<?x6xf32> -> tensor<?x3x!lathe.route>
  return
}

// -----

func.func @f(%x: tensor<?x6xf32>) {
  // expected-error@+1 {{scale = -1.000000e+00; it is greater than 0}}
  %y = lathe.route softmax %x scale -1.0 : tensor<?x6xf32> -> tensor<?x2x!lathe.route>
  return
}

// -----

lathe.weight @bias "f32" : tensor<1x5xf32>
func.func @f(%x: tensor<?x6xf32>) {
  // expected-error@+1 {{bias @bias has 5 elements; 6 are needed}}
  %y = lathe.route sigmoid %x bias @bias : tensor<?x6xf32> -> tensor<?x2x!lathe.route>
  return
}

// -----

func.func @f(%x: tensor<?x3x!lathe.route>) {
  // expected-error@+1 {{routes have 3 choices of experts = 2}}
  %y = lathe.assign %x experts 2 : tensor<?x3x!lathe.route>
  return
}

// -----

lathe.weight @up "f32" : tensor<10x4xf32>
func.func @f(%x: tensor<?x4xf32>, %c: tensor<?x!lathe.choice>) {
  // expected-error@+1 {{experts = 3 does not divide the 10 rows of weight @up}}
  %y = lathe.linear %x, [@up] of %c experts 3 : tensor<?x4xf32> -> tensor<?x3xf32>
  return
}

// -----

lathe.weight @up "f32" : tensor<12x4xf32>
func.func @f(%x: tensor<?x4xf32>, %c: tensor<?x!lathe.choice>) {
  // expected-error@+1 {{result is 12 wide; the sum of an expert's rows is 4}}
  %y = lathe.linear %x, [@up] of %c experts 3 : tensor<?x4xf32> -> tensor<?x12xf32>
  return
}

// -----

lathe.weight @up "f32" : tensor<12x4xf32>
lathe.weight @gate "f32" : tensor<12x4xf32>
// expected-error@+1 {{experts are of one source or of two interleaved ones, here are 2}}
lathe.packed @both "f32" experts 3 [@gate, @up]

// -----

lathe.weight @up "f32" : tensor<12x4xf32>
// expected-error@+1 {{experts = 5 does not divide the 12 of @up}}
lathe.packed @both "f32" experts 5 [@up]

// -----

func.func @f(%x: tensor<?x4xf32>, %g: tensor<?x2xf32>) {
  // expected-error@+1 {{gate is 2 wide; a row's one number is 1}}
  %y = lathe.gate %x by %g : tensor<?x4xf32>, tensor<?x2xf32>
  return
}
