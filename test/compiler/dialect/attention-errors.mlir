// What attention, its parts after fusion and phases refuse.
// RUN: lathe-opt %s --split-input-file --verify-diagnostics --allow-unregistered-dialect

func.func @f(%q: tensor<?x64xf32>, %k: tensor<?x48xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{kv_heads = 3 does not divide heads = 4}}
  %y = lathe.attention %q, %k, %k, %p, %s layer 0 heads 4 kv_heads 3 head_size 16 scale 1.0 : tensor<?x64xf32>, tensor<?x48xf32>
  return
}

// -----

func.func @f(%q: tensor<?x60xf32>, %k: tensor<?x32xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{query is 60 wide; heads * head_size is 64}}
  %y = lathe.attention %q, %k, %k, %p, %s layer 0 heads 4 kv_heads 2 head_size 16 scale 1.0 : tensor<?x60xf32>, tensor<?x32xf32>
  return
}

// -----

func.func @f(%q: tensor<?x64xf32>, %k: tensor<?x64xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{key is 64 wide; kv_heads * head_size is 32}}
  %y = lathe.attention %q, %k, %k, %p, %s layer 0 heads 4 kv_heads 2 head_size 16 scale 1.0 : tensor<?x64xf32>, tensor<?x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x64xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{layer = -1; it is from 0 to 16777215}}
  %y = lathe.attention %q, %q, %q, %p, %s layer -1 heads 4 kv_heads 4 head_size 16 scale 1.0 : tensor<?x64xf32>, tensor<?x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x64xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{heads = 4611686018427387904; it is from 1 to 16777216}}
  %y = lathe.attention %q, %q, %q, %p, %s layer 0 heads 4611686018427387904 kv_heads 4 head_size 16 scale 1.0 : tensor<?x64xf32>, tensor<?x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x64xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{scale is not finite}}
  %y = lathe.attention %q, %q, %q, %p, %s layer 0 heads 4 kv_heads 4 head_size 16 scale 0x7FF0000000000000 : tensor<?x64xf32>, tensor<?x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x64xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{window = -2; it counts positions, 0 for all}}
  %y = lathe.attention %q, %q, %q, %p, %s layer 0 heads 4 kv_heads 4 head_size 16 scale 1.0 window -2 : tensor<?x64xf32>, tensor<?x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x64xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{softcap is negative or not finite; it is a positive cap, 0 for none}}
  %y = lathe.attention %q, %q, %q, %p, %s layer 0 heads 4 kv_heads 4 head_size 16 scale 1.0 softcap -1.0 : tensor<?x64xf32>, tensor<?x64xf32>
  return
}

// -----

func.func @f(%k: tensor<?x64xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{key is 64 wide; kv_heads * head_size is 32}}
  lathe.append %k, %k, %p, %s layer 0 kv_heads 2 head_size 16 : tensor<?x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x64xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{result is 64 wide; heads * (value_size + 2) is 72}}
  %y = lathe.attend %q, %p, %s layer 0 heads 4 kv_heads 2 head_size 16 scale 1.0 split 256 : tensor<?x64xf32> -> tensor<?x?x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x64xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{split = 0; it is from 1 to 16777216}}
  %y = lathe.attend %q, %p, %s layer 0 heads 4 kv_heads 2 head_size 16 scale 1.0 split 0 : tensor<?x64xf32> -> tensor<?x?x72xf32>
  return
}

// -----

func.func @f(%x: tensor<?x?x70xf32>, %p: tensor<?xi32>) {
  // expected-error@+1 {{input is 70 wide; heads * (head_size + 2) is 72}}
  %y = lathe.combine %x, %p heads 4 head_size 16 : tensor<?x?x70xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @f(%x: tensor<?x?x72xf32>, %p: tensor<?xi32>) {
  // expected-error@+1 {{result is 72 wide; heads * head_size is 64}}
  %y = lathe.combine %x, %p heads 4 head_size 16 : tensor<?x?x72xf32> -> tensor<?x72xf32>
  return
}

// -----

func.func @f() {
  // expected-error@+1 {{name is empty; it says what the phase is}}
  lathe.phase "" () {
    lathe.yield
  }
  return
}

// -----

func.func @f(%x: tensor<?x8xf32>) {
  // expected-error@+1 {{offsets has 2 places for 1 results}}
  %y = lathe.phase "p" (%a = %x : tensor<?x8xf32>) -> tensor<?x8xf32> offsets [0, 64] {
    lathe.yield %a : tensor<?x8xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<?x8xf32>) {
  // expected-error@+1 {{offsets has -2; a place is a byte of the arena, or -1 for none}}
  %y = lathe.phase "p" (%a = %x : tensor<?x8xf32>) -> tensor<?x8xf32> offsets [-2] {
    lathe.yield %a : tensor<?x8xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<?x8xf32>) {
  %y = lathe.phase "p" (%a = %x : tensor<?x8xf32>) -> tensor<?x4xf32> {
    // expected-error@+1 {{gives ('tensor<?x8xf32>'), the phase's results are ('tensor<?x4xf32>')}}
    lathe.yield %a : tensor<?x8xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<?x8xf32>) {
  // expected-error@+1 {{body takes (), which are not the inputs' types ('tensor<?x8xf32>')}}
  "lathe.phase"(%x) <{name = "p"}> ({
    "lathe.yield"() : () -> ()
  }) : (tensor<?x8xf32>) -> ()
  return
}

// -----

func.func @f() {
  // expected-error@+1 {{body ends in other.end; it ends in lathe.yield}}
  "lathe.phase"() <{name = "p"}> ({
    "other.end"() : () -> ()
  }) : () -> ()
  return
}

// -----

func.func @f(%q: tensor<?x64xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{alibi has 2 slopes; heads = 4}}
  %y = lathe.attention %q, %q, %q, %p, %s layer 0 heads 4 kv_heads 4 head_size 16 scale 1.0 alibi [0.5, 0.25] : tensor<?x64xf32>, tensor<?x64xf32>
  return
}

// -----

lathe.weight @three "f32" : tensor<1x3xf32>

func.func @f(%q: tensor<?x64xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{sinks @three has 3 elements; 4 are needed}}
  %y = lathe.attention %q, %q, %q, %p, %s layer 0 heads 4 kv_heads 4 head_size 16 scale 1.0 sinks @three : tensor<?x64xf32>, tensor<?x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x64xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{scales names @none, which no lathe.weight or lathe.packed declares}}
  %y = lathe.attend %q, %p, %s layer 0 heads 4 kv_heads 2 head_size 16 scale 1.0 scales @none split 256 : tensor<?x64xf32> -> tensor<?x?x72xf32>
  return
}

// -----

func.func @f(%q: tensor<?x64xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{temperature = 0.000000e+00 and every = 64; both are positive, or 0 for none}}
  %y = lathe.attention %q, %q, %q, %p, %s layer 0 heads 4 kv_heads 4 head_size 16 scale 1.0 every 64 : tensor<?x64xf32>, tensor<?x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %v: tensor<?x15xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{value is 15 wide, which kv_heads = 2 does not divide}}
  %y = lathe.attention %q, %k, %v, %p, %s layer 0 heads 4 kv_heads 2 head_size 16 scale 1.0 : tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x15xf32> -> tensor<?x32xf32>
  return
}

// -----

func.func @f(%q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %v: tensor<?x16xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) {
  // expected-error@+1 {{result is 64 wide; heads * the value's head size is 32}}
  %y = lathe.attention %q, %k, %v, %p, %s layer 0 heads 4 kv_heads 2 head_size 16 scale 1.0 : tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x16xf32> -> tensor<?x64xf32>
  return
}
