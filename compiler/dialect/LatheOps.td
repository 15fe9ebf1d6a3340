//===- LatheOps.td - the vocabulary of transformers --------------------------------------------*- tablegen -*-===//
//
// The `lathe` dialect: transformer meaning on tensors of rows (one row a token). Two levels live here:
//
//   after import   embed, take_rows, norm, linear, rope, attention, conv, scan, glu, slice, activation, add, scale,
//                  softcap, clip, and for mixtures of experts route, assign, dispatch, collect, gate
//   after fusion   the same inside lathe.phase regions, plus quantize, append, attend, combine, packed
//
// compiler/reference executes both: it is the definition of every op. Matrices are [out, in] as checkpoints have them.
// Activations are tensor<?xNxf32>: rows x width. A row's token has a position in its sequence (%positions: tensor<?xi32>)
// and a sequence (%slots: tensor<?xi32>), which choose where its key and value go in the KV cache, and which recurrent
// state it reads and writes.
//
//===----------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DIALECT_LATHEOPS_TD
#define LATHE_COMPILER_DIALECT_LATHEOPS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "compiler/dialect/WeightUser.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Lathe_Dialect : Dialect {
  let name = "lathe";
  let cppNamespace = "::lathe::ir";
  let summary = "transformers: norms, projections, rotations, attention, phases";
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let description = [{
    Any op on rows may carry `lathe.hidden = i`: its result is the model's hidden state i, what layer i reads, and for
    the number of layers what the head reads. It computes nothing; passes keep the op's result as it is, in f32, so that
    people can look at it.
  }];
  let hasOperationAttrVerify = 1;
}

class Lathe_Op<string mnemonic, list<Trait> traits = []> : Op<Lathe_Dialect, mnemonic, traits>;

/// An op that names symbols of the module; they are checked once the whole module is there.
defvar Lathe_NamesSymbols = DeclareOpInterfaceMethods<SymbolUserOpInterface>;
/// Among them weights, which WeightUser tells.
def Lathe_UsesWeights : TraitList<[DeclareOpInterfaceMethods<SymbolUserOpInterface>,
                                   DeclareOpInterfaceMethods<Lathe_WeightUser>]>;

//===-- types and enums ---------------------------------------------------------------------------------------===//

def Lathe_Q16 : TypeDef<Lathe_Dialect, "Q16"> {
  let mnemonic = "q16";
  let summary = "element of a row quantised to 16 bits in groups of 32: two i8 planes, f32 scale and i32 sum a group";
}

def Lathe_Q8 : TypeDef<Lathe_Dialect, "Q8"> {
  let mnemonic = "q8";
  let summary = "element of a row quantised to 8 bits in groups of 16: i8, f32 scale and i32 sum a group";
}

def Lathe_Route : TypeDef<Lathe_Dialect, "Route"> {
  let mnemonic = "route";
  let summary = "element of a row's choices: an expert and the weight of its result";
}
def Lathe_Choice : TypeDef<Lathe_Dialect, "Choice"> {
  let mnemonic = "choice";
  let summary = "element of the list of all rows' choices: a row, which of its choices, and the expert";
}

// Shapes are exact: the number of rows (and splits) is always dynamic, widths are always known. Predicates: Lathe.h.
class Lathe_Tensor<string predicate, string form>
    : Type<CPred<"::lathe::ir::" # predicate # "($_self)">, form, "::mlir::RankedTensorType">;
def Lathe_Rows : Lathe_Tensor<"isRows", "rows of f32 (tensor<?xWIDTHxf32>)">;
def Lathe_QuantizedRows : Lathe_Tensor<"isQuantizedRows", "quantised rows (tensor<?xWIDTHx!lathe.q16>, or of !lathe.q8)">;
def Lathe_AnyRows : AnyTypeOf<[Lathe_Rows, Lathe_QuantizedRows]>;
def Lathe_Indices : Lathe_Tensor<"isIndices", "one i32 a row (tensor<?xi32>)">,
                    BuildableType<"::lathe::ir::indicesType($_builder.getContext())">;
def Lathe_Routes : Lathe_Tensor<"isRoutes", "choices of each row (tensor<?xCHOICESx!lathe.route>)">;
def Lathe_Choices : Lathe_Tensor<"isChoices", "choices by expert (tensor<?x!lathe.choice>)">,
                    BuildableType<"::lathe::ir::choicesType($_builder.getContext())">;
def Lathe_Partials : Lathe_Tensor<"isPartials", "[rows, splits, heads * (value size + 2)] (tensor<?x?xWIDTHxf32>)">;
def Lathe_Matrix : Lathe_Tensor<"isMatrix", "a matrix of f32 (tensor<ROWSxCOLUMNSxf32>)">;

/// A signless i64 that C++ reads as int64_t (ODS's own I64Attr gives uint64_t, which hides negative sizes).
def Lathe_Int : TypedSignlessIntegerAttrBase<I64, "int64_t", "64-bit integer">;

class Lathe_Enum<string name, string summary, list<I32EnumCase> cases> : I32Enum<name, summary, cases> {
  let cppNamespace = "::lathe::ir";
}
def Lathe_NormKind : Lathe_Enum<"NormKind", "root mean square or layer norm",
                                [I32EnumCase<"RMS", 0, "rms">, I32EnumCase<"Layer", 1, "layer">]>;
def Lathe_Activation : Lathe_Enum<"Activation", "pointwise nonlinearity", [
    I32EnumCase<"SiLU", 0, "silu">, I32EnumCase<"GELUErf", 1, "gelu_erf">, I32EnumCase<"GELUTanh", 2, "gelu_tanh">,
    I32EnumCase<"ReLU", 3, "relu">, I32EnumCase<"ReLUSquared", 4, "relu_squared">, I32EnumCase<"XIELU", 5, "xielu">]>;
def Lathe_Scoring : Lathe_Enum<"Scoring", "how a router's logits become scores",
                               [I32EnumCase<"Softmax", 0, "softmax">, I32EnumCase<"Sigmoid", 1, "sigmoid">]>;
def Lathe_Pairing : Lathe_Enum<"Pairing", "which components of a head rotate together",
                               [I32EnumCase<"Interleaved", 0, "interleaved">, I32EnumCase<"HalfSplit", 1, "half_split">]>;

def Lathe_RowKind : Lathe_Enum<"RowKind", "what the rows of a phase are", [
    I32EnumCase<"Step", 0, "step">, I32EnumCase<"Logits", 1, "logits">, I32EnumCase<"Choices", 2, "choices">,
    I32EnumCase<"Once", 3, "once">]>;

// They print the space before themselves, so ops that begin with one suppress their own: `` $kind.
class Lathe_EnumAttr<EnumInfo info, string mnemonic> : EnumAttr<Lathe_Dialect, info, mnemonic>;
def Lathe_NormKindAttr : Lathe_EnumAttr<Lathe_NormKind, "norm_kind">;
def Lathe_ActivationAttr : Lathe_EnumAttr<Lathe_Activation, "activation">;
def Lathe_ScoringAttr : Lathe_EnumAttr<Lathe_Scoring, "scoring">;
def Lathe_PairingAttr : Lathe_EnumAttr<Lathe_Pairing, "pairing">;
def Lathe_RowKindAttr : Lathe_EnumAttr<Lathe_RowKind, "row_kind">;

//===-- module-level symbols ----------------------------------------------------------------------------------===//

def Lathe_WeightOp : Lathe_Op<"weight", [Symbol]> {
  let summary = "declares a weight by role; a vector is [1, columns]";
  let description = "`lathe.weight @layers.0.attention.query \"q4_1\" : tensor<576x576xf32>`";
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<Lathe_Matrix>:$type, StrAttr:$format);
  let assemblyFormat = [{
    $sym_name $format attr-dict `:` $type
  }];
  let hasVerifier = 1;
}

def Lathe_RotationOp : Lathe_Op<"rotation", [Symbol]> {
  let summary = "frequencies of a rotary embedding, scaling applied: pair i turns by position * frequencies[i] radians";
  let description = [{
    Every scaling scheme (linear, NTK, YaRN, Llama 3) ends as one frequency a pair and one magnitude that multiplies
    cosine and sine (YaRN's attention factor; 1 elsewhere).

    With limit > 0 the rotation of a row depends on the known length L of its sequence. Up to the limit it is as above.
    Where L is greater, it has other frequencies and another magnitude (`beyond`: longrope), or, with growth g > 0, pair
    i of n turns by frequencies[i] * (1 + g * (L - limit) / limit)^(-i / (n - 1)) (dynamic NTK).
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, DenseF64ArrayAttr:$frequencies,
                       DefaultValuedAttr<F64Attr, "1.0">:$magnitude, DefaultValuedAttr<Lathe_Int, "0">:$limit,
                       DefaultValuedAttr<F64Attr, "0.0">:$growth, OptionalAttr<DenseF64ArrayAttr>:$long_frequencies,
                       DefaultValuedAttr<F64Attr, "1.0">:$long_magnitude);
  let assemblyFormat = [{
    $sym_name custom<Numbers>($frequencies) (`magnitude` $magnitude^)? (`limit` $limit^)? (`growth` $growth^)?
    (`beyond` custom<Numbers>($long_frequencies)^)? (`long_magnitude` $long_magnitude^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Lathe_PackedOp : Lathe_Op<"packed", [Symbol, Lathe_NamesSymbols]> {
  let summary = "a matrix in the bundle: weights stacked by rows (or interleaved by panel), in panels of 16 rows";
  let description = [{
    Rows of the sources follow one another; with `interleave` (two sources of one shape) 16 rows of the first alternate
    with 16 rows of the second, so that a gated unit's pair lies in one tile. Rows are padded with zeros to 16. A vector
    (one row) stays as it is, f32. With n `experts` a source is n equal parts, and each expert's part (of both sources,
    when interleaved) is packed like a matrix of its own, one after another. compiler/layout/Packed.h has the bytes of a
    panel.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, FlatSymbolRefArrayAttr:$sources, StrAttr:$format,
                       UnitAttr:$interleave, DefaultValuedAttr<Lathe_Int, "1">:$experts);
  let assemblyFormat = [{
    $sym_name $format (`interleave` $interleave^)? (`experts` $experts^)? $sources attr-dict
  }];
  let hasVerifier = 1;
}

//===-- after import ------------------------------------------------------------------------------------------===//

def Lathe_EmbedOp : Lathe_Op<"embed", [Pure, Lathe_UsesWeights]> {
  let summary = "rows of a table: y[r] = scale * table[ids[r] + offset]";
  let description = [{
    Ids are tokens, or positions (learned positions; OPT's begin at row 2 of their table).
  }];
  let arguments = (ins Lathe_Indices:$ids, FlatSymbolRefAttr:$table, DefaultValuedAttr<F64Attr, "1.0">:$scale,
                       DefaultValuedAttr<Lathe_Int, "0">:$offset);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    $ids `,` $table (`scale` $scale^)? (`offset` $offset^)? attr-dict `:` type($result)
  }];
}

def Lathe_TakeRowsOp : Lathe_Op<"take_rows", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "y[i] = x[rows[i]]: the rows whose logits are wanted";
  let arguments = (ins Lathe_Rows:$input, Lathe_Indices:$rows);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    $input `,` $rows attr-dict `:` type($result)
  }];
}

def Lathe_NormOp : Lathe_Op<"norm", [Pure, SameOperandsAndResultType, Lathe_UsesWeights]> {
  let summary = "RMS norm (arXiv:1910.07467 eq. 4) or layer norm (arXiv:1607.06450 eq. 3) of each row";
  let description = [{
    With group g > 0 each run of g columns is normed by itself (the norm of each head of queries and keys:
    arXiv:2010.04245). Weight and bias have g elements, the same for all runs, or one for each column of the row. Without a weight the scale is 1
    (OLMo's, arXiv:2402.00838).
  }];
  let arguments = (ins Lathe_Rows:$input, OptionalAttr<FlatSymbolRefAttr>:$weight,
                       OptionalAttr<FlatSymbolRefAttr>:$bias, Lathe_NormKindAttr:$kind, F64Attr:$eps,
                       UnitAttr:$unit_offset, DefaultValuedAttr<Lathe_Int, "0">:$group);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    `` $kind $input (`,` $weight^)? (`bias` $bias^)? `eps` $eps (`unit_offset` $unit_offset^)? (`group` $group^)?
    attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_LinearOp : Lathe_Op<"linear", [Pure, Lathe_UsesWeights]> {
  let summary = "y = x * W^T + b, W the weights stacked by rows";
  let description = [{
    One weight after import; fusion merges linears of one input ([q, k, v], [gate, up]) or replaces the list by one
    lathe.packed. Biases: none, or one a weight. With `experts` the input has a row for each choice (lathe.dispatch), each
    weight is n equal parts one after another, an expert's each, and row i meets the part of the expert of choice i.
  }];
  let arguments = (ins Lathe_AnyRows:$input, FlatSymbolRefArrayAttr:$weights,
                       OptionalAttr<FlatSymbolRefArrayAttr>:$biases, Optional<Lathe_Choices>:$choices,
                       DefaultValuedAttr<Lathe_Int, "1">:$experts);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    $input `,` $weights (`bias` $biases^)? (`of` $choices^ `experts` $experts)? attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_RopeOp : Lathe_Op<"rope", [Pure, AllTypesMatch<["input", "result"]>, Lathe_NamesSymbols]> {
  let summary = "rotates the leading 2 * frequencies components of each head (arXiv:2104.09864 eq. 34)";
  let description = [{
    `lengths` has the known length of each row's sequence, for a rotation that depends on it.
  }];
  let arguments = (ins Lathe_Rows:$input, Lathe_Indices:$positions, Optional<Lathe_Indices>:$lengths,
                       FlatSymbolRefAttr:$rotation, Lathe_Int:$head_size, Lathe_PairingAttr:$pairing);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    `` $pairing $input `,` $positions (`lengths` $lengths^)? `,` $rotation `head_size` $head_size attr-dict
    `:` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_AttentionOp : Lathe_Op<"attention", [MemoryEffects<[MemRead, MemWrite]>, Lathe_UsesWeights]> {
  let summary = "appends k, v to the layer's cache, then softmax(scale * q.k) v over the positions each row may see";
  let description = [{
    Row r of sequence slots[r] at positions[r] sees cached positions p of its sequence with p <= positions[r], and with
    window w > 0 also p > positions[r] - w. Head h reads KV head h * kv_heads / heads. Values' heads may have another size
    than those of queries and keys; the result's are as theirs. With softcap c > 0 scores are
    c * tanh(score / c). With alibi, one slope a head, slope * (p - positions[r]) is then added (arXiv:2108.12409).
    `scales` multiplies each head's scores by an element of that vector, a temperature t every n positions by
    1 + t * ln(1 + floor((positions[r] + 1) / n)), both before the soft-cap. `sinks` has a score for each head that the
    softmax counts, without a value (arXiv:2309.17453).
    (arXiv:1706.03762 eq. 1; grouped: arXiv:2305.13245.)
  }];
  let arguments = (ins Lathe_Rows:$query, Lathe_Rows:$key, Lathe_Rows:$value, Lathe_Indices:$positions,
                       Lathe_Indices:$slots, Lathe_Int:$layer, Lathe_Int:$heads, Lathe_Int:$kv_heads, Lathe_Int:$head_size,
                       F64Attr:$scale, DefaultValuedAttr<Lathe_Int, "0">:$window,
                       DefaultValuedAttr<F64Attr, "0.0">:$softcap, OptionalAttr<DenseF64ArrayAttr>:$alibi,
                       OptionalAttr<FlatSymbolRefAttr>:$scales, DefaultValuedAttr<F64Attr, "0.0">:$temperature,
                       DefaultValuedAttr<Lathe_Int, "0">:$every, OptionalAttr<FlatSymbolRefAttr>:$sinks);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value `,` $positions `,` $slots
    `layer` $layer `heads` $heads `kv_heads` $kv_heads `head_size` $head_size
    `scale` $scale (`window` $window^)? (`softcap` $softcap^)? (`alibi` custom<Numbers>($alibi)^)?
    (`scales` $scales^)? (`temperature` $temperature^)? (`every` $every^)? (`sinks` $sinks^)? attr-dict
    `:` custom<AttentionTypes>(type($query), type($key), type($value), type($result))
  }];
  let extraClassDeclaration = [{
    int64_t valueSize(); ///< of a value's head
  }];
  let hasVerifier = 1;
}

def Lathe_ConvOp : Lathe_Op<"conv", [AllTypesMatch<["input", "result"]>, MemoryEffects<[MemRead, MemWrite]>, Lathe_UsesWeights]> {
  let summary = "causal convolution of each channel along its sequence: y[p] = bias + sum_k w[k] * x[p - K + 1 + k]";
  let description = [{
    weight is [channels, K]; x before position 0 is 0. The layer's recurrent state keeps the sequence's latest inputs, so
    rows of a sequence come in the order of their positions, none left out or repeated; position 0 begins anew. Layers
    count those that have such a state. (arXiv:2312.00752, section 3.4.)
  }];
  let arguments = (ins Lathe_Rows:$input, Lathe_Indices:$positions, Lathe_Indices:$slots, FlatSymbolRefAttr:$weight,
                       OptionalAttr<FlatSymbolRefAttr>:$bias, Lathe_Int:$layer);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    $input `,` $positions `,` $slots `,` $weight (`bias` $bias^)? `layer` $layer attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_ScanOp : Lathe_Op<"scan", [AllTypesMatch<["input", "result"]>, MemoryEffects<[MemRead, MemWrite]>, Lathe_UsesWeights]> {
  let summary = "selective scan: h = exp(t A) h + t B x, y = C h + D x, t = softplus(dt + dt_bias)";
  let description = [{
    A row's input has heads (as many as dt is wide) of one or several channels; each channel c of head h has a state of N
    numbers, and heads share B and C of N numbers by `groups`, as query heads share keys. For n of 0 .. N-1:

      state[c, n] = exp(t[h] a[h, n]) state[c, n] + t[h] b[g, n] x[c]      y[c] = sum_n c[g, n] state[c, n] + d[h] x[c]

    a is a matrix [heads, N], then heads have one channel (S6: arXiv:2312.00752, algorithm 2), or a vector, one number for
    all n of a head (SSD: arXiv:2405.21060, section 7). t is kept from dt_min to dt_max (0: not). The state is the
    sequence's own, zero at position 0; rows and layers are as lathe.conv's.
  }];
  let arguments = (ins Lathe_Rows:$input, Lathe_Rows:$dt, Lathe_Rows:$b, Lathe_Rows:$c, Lathe_Indices:$positions,
                       Lathe_Indices:$slots, FlatSymbolRefAttr:$a, FlatSymbolRefAttr:$d, FlatSymbolRefAttr:$dt_bias,
                       Lathe_Int:$layer, Lathe_Int:$groups, DefaultValuedAttr<F64Attr, "0.0">:$dt_min,
                       DefaultValuedAttr<F64Attr, "0.0">:$dt_max);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    $input `,` $dt `,` $b `,` $c `,` $positions `,` $slots `a` $a `d` $d `dt_bias` $dt_bias
    `layer` $layer `groups` $groups (`dt_min` $dt_min^)? (`dt_max` $dt_max^)?
    attr-dict `:` type($input) `,` type($dt) `,` type($b) `,` type($c)
  }];
  let extraClassDeclaration = [{
    int64_t heads();      ///< as many as dt is wide
    int64_t headSize();   ///< channels of one
    int64_t stateSize();  ///< N
  }];
  let hasVerifier = 1;
}

def Lathe_GluOp : Lathe_Op<"glu", [Pure, SameOperandsAndResultType]> {
  let summary = "activation(gate) * up (arXiv:2002.05202)";
  let description = [{
    a(gate) * (up + offset), a as lathe.activation's. With clamp c > 0, gate is first made at most c, and up at least -c
    and at most c (gpt-oss).
  }];
  let arguments = (ins Lathe_Rows:$gate, Lathe_Rows:$up, Lathe_ActivationAttr:$activation,
                       DefaultValuedAttr<F64Attr, "1.0">:$slope, DefaultValuedAttr<F64Attr, "0.0">:$clamp,
                       DefaultValuedAttr<F64Attr, "0.0">:$offset);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    `` $activation $gate `,` $up (`slope` $slope^)? (`clamp` $clamp^)? (`offset` $offset^)? attr-dict
    `:` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_ActivationOp : Lathe_Op<"activation", [Pure, SameOperandsAndResultType, Lathe_UsesWeights]> {
  let summary = "a pointwise nonlinearity: activation(slope * x) / slope";
  let description = [{
    xielu has a number p for what is positive and n for the rest: p x^2 + x / 2, (n + 1/2) (e^x - 1 - x) + x / 2
    (arXiv:2411.13010).
  }];
  let arguments = (ins Lathe_Rows:$input, Lathe_ActivationAttr:$activation,
                       DefaultValuedAttr<F64Attr, "1.0">:$slope, OptionalAttr<FlatSymbolRefAttr>:$positive,
                       OptionalAttr<FlatSymbolRefAttr>:$negative);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    `` $activation $input (`slope` $slope^)? (`positive` $positive^)? (`negative` $negative^)? attr-dict
    `:` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_AddOp : Lathe_Op<"add", [Pure, SameOperandsAndResultType]> {
  let summary = "a + scale * b: the residual stream a and a branch b";
  let arguments = (ins Lathe_Rows:$a, Lathe_Rows:$b, DefaultValuedAttr<F64Attr, "1.0">:$scale);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    $a `,` $b (`scale` $scale^)? attr-dict `:` type($result)
  }];
}

def Lathe_ScaleOp : Lathe_Op<"scale", [Pure, SameOperandsAndResultType, Lathe_UsesWeights]> {
  let summary = "factor * weight * x, the weight a number for all columns or one for each";
  let arguments = (ins Lathe_Rows:$input, F64Attr:$factor, OptionalAttr<FlatSymbolRefAttr>:$weight);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    $input `by` $factor (`,` $weight^)? attr-dict `:` type($result)
  }];
}

def Lathe_SoftcapOp : Lathe_Op<"softcap", [Pure, SameOperandsAndResultType]> {
  let summary = "cap * tanh(x / cap)";
  let arguments = (ins Lathe_Rows:$input, F64Attr:$cap);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    $input `cap` $cap attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_ClipOp : Lathe_Op<"clip", [Pure, SameOperandsAndResultType]> {
  let summary = "x, at least -limit and at most limit";
  let arguments = (ins Lathe_Rows:$input, F64Attr:$limit);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    $input `limit` $limit attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
}

//===-- mixtures of experts -----------------------------------------------------------------------------------===//

def Lathe_RouteOp : Lathe_Op<"route", [Pure, Lathe_UsesWeights]> {
  let summary = "the experts that each row chooses, and their weights (arXiv:1701.06538 section 2; arXiv:2101.03961)";
  let description = [{
    score[e] = softmax(logits)[e] or sigmoid(logits[e]). The row chooses as many experts as the result is wide: those of
    the highest score[e] + bias[e], of equals the first; they stand in ascending order. The weight of a choice is its
    score, with `normalize` divided by the sum of the chosen scores, times `scale`. With `groups` n `keep` m the experts
    are n equal runs, and only those of the m runs whose two best experts have the highest sum can be chosen
    (arXiv:2412.19437 section 2.1.2, which has bias and scores by sigmoid too).
  }];
  let arguments = (ins Lathe_Rows:$input, OptionalAttr<FlatSymbolRefAttr>:$bias, Lathe_ScoringAttr:$scoring,
                       UnitAttr:$normalize, DefaultValuedAttr<F64Attr, "1.0">:$scale,
                       DefaultValuedAttr<Lathe_Int, "1">:$groups, DefaultValuedAttr<Lathe_Int, "1">:$keep);
  let results = (outs Lathe_Routes:$result);
  let assemblyFormat = [{
    `` $scoring $input (`bias` $bias^)? (`groups` $groups^ `keep` $keep)? (`normalize` $normalize^)? (`scale` $scale^)?
    attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_AssignOp : Lathe_Op<"assign", [Pure]> {
  let summary = "the choices of all rows as one list, by expert, those of one expert by row";
  let arguments = (ins Lathe_Routes:$routes, Lathe_Int:$experts);
  let results = (outs Lathe_Choices:$result);
  let assemblyFormat = [{
    $routes `experts` $experts attr-dict `:` type($routes)
  }];
  let hasVerifier = 1;
}

def Lathe_DispatchOp : Lathe_Op<"dispatch", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "y[i] = x[row of choice i]";
  let arguments = (ins Lathe_Rows:$input, Lathe_Choices:$choices);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    $input `,` $choices attr-dict `:` type($result)
  }];
}

def Lathe_CollectOp : Lathe_Op<"collect", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "y[r] = sum over the choices i of row r, by expert: weight of choice i * x[i]";
  let arguments = (ins Lathe_Rows:$input, Lathe_Choices:$choices, Lathe_Routes:$routes);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    $input `,` $choices `,` $routes attr-dict `:` type($input) `,` type($routes)
  }];
}

def Lathe_GateOp : Lathe_Op<"gate", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "y[r, c] = sigmoid(gate[r, 0]) * x[r, c]: how much a shared expert counts";
  let arguments = (ins Lathe_Rows:$input, Lathe_Rows:$gate);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    $input `by` $gate attr-dict `:` type($input) `,` type($gate)
  }];
  let hasVerifier = 1;
}

def Lathe_SliceOp : Lathe_Op<"slice", [Pure]> {
  let summary = "columns [offset, offset + width of the result) of each row: one part of what another op makes";
  let arguments = (ins Lathe_Rows:$input, Lathe_Int:$offset);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    $input `offset` $offset attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

//===-- after fusion ------------------------------------------------------------------------------------------===//

def Lathe_QuantizeOp : Lathe_Op<"quantize", [Pure]> {
  let summary = "rows with a scale a group: q = round(x / scale)";
  let description = [{
    q16: groups of 32, scale = max|x| / 32512. q8: groups of 16, scale = max|x| / 127.
  }];
  let arguments = (ins Lathe_Rows:$input);
  let results = (outs Lathe_QuantizedRows:$result);
  let assemblyFormat = [{
    $input attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_AppendOp : Lathe_Op<"append", [MemoryEffects<[MemWrite]>]> {
  let summary = "writes each row's key and value to the layer's cache";
  let arguments = (ins Lathe_Rows:$key, Lathe_Rows:$value, Lathe_Indices:$positions, Lathe_Indices:$slots,
                       Lathe_Int:$layer, Lathe_Int:$kv_heads, Lathe_Int:$head_size);
  let assemblyFormat = [{
    $key `,` $value `,` $positions `,` $slots
    `layer` $layer `kv_heads` $kv_heads `head_size` $head_size attr-dict `:` custom<CacheTypes>(type($key), type($value))
  }];
  let extraClassDeclaration = [{
    int64_t valueSize(); ///< of a value's head
  }];
  let hasVerifier = 1;
}

def Lathe_AttendOp : Lathe_Op<"attend", [MemoryEffects<[MemRead]>, Lathe_UsesWeights]> {
  let summary = "attention over the cache, one partial softmax for each split of the positions";
  let description = [{
    For row r, split s covers positions [s * split, (s + 1) * split). Each head's partial is {m, l, o[value_size]}:
    m = max score, l = sum of exp(score - m), o = sum of exp(score - m) * v; a split that the row does not see has
    m = -inf, l = 0, o = 0. value_size 0 is head_size. Other attributes as lathe.attention.
  }];
  let arguments = (ins Lathe_Rows:$query, Lathe_Indices:$positions, Lathe_Indices:$slots, Lathe_Int:$layer,
                       Lathe_Int:$heads, Lathe_Int:$kv_heads, Lathe_Int:$head_size, F64Attr:$scale,
                       DefaultValuedAttr<Lathe_Int, "0">:$window, DefaultValuedAttr<F64Attr, "0.0">:$softcap,
                       Lathe_Int:$split, OptionalAttr<DenseF64ArrayAttr>:$alibi,
                       OptionalAttr<FlatSymbolRefAttr>:$scales, DefaultValuedAttr<F64Attr, "0.0">:$temperature,
                       DefaultValuedAttr<Lathe_Int, "0">:$every, DefaultValuedAttr<Lathe_Int, "0">:$value_size);
  let results = (outs Lathe_Partials:$result);
  let assemblyFormat = [{
    $query `,` $positions `,` $slots
    `layer` $layer `heads` $heads `kv_heads` $kv_heads `head_size` $head_size (`value_size` $value_size^)?
    `scale` $scale (`window` $window^)? (`softcap` $softcap^)? (`alibi` custom<Numbers>($alibi)^)?
    (`scales` $scales^)? (`temperature` $temperature^)? (`every` $every^)? `split` $split attr-dict `:` type($query) `->` type($result)
  }];
  let extraClassDeclaration = [{
    int64_t valueSize(); ///< of a value's head
  }];
  let hasVerifier = 1;
}

def Lathe_CombineOp : Lathe_Op<"combine", [Pure, Lathe_UsesWeights]> {
  let summary = "joins a row's partials: with M = max m, y = sum exp(m - M) o / sum exp(m - M) l";
  let description = [{
    head_size is a value's. With `sinks`, a score s for each head, M is at least s, and exp(s - M) is added below.
  }];
  let arguments = (ins Lathe_Partials:$input, Lathe_Indices:$positions, Lathe_Int:$heads, Lathe_Int:$head_size,
                       OptionalAttr<FlatSymbolRefAttr>:$sinks);
  let results = (outs Lathe_Rows:$result);
  let assemblyFormat = [{
    $input `,` $positions `heads` $heads `head_size` $head_size (`sinks` $sinks^)? attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_PhaseOp : Lathe_Op<"phase", [IsolatedFromAbove, SingleBlock, RecursiveMemoryEffects]> {
  let summary = "ops that run as one grid of independent tiles between two barriers";
  let description = [{
    The region's arguments are the inputs; lathe.yield gives the results. `rows` says what a row of the phase is: a
    token of the step, a token whose logits are wanted (behind lathe.take_rows), a choice of an expert (behind
    lathe.dispatch), or nothing, where the phase runs once (lathe.assign). `offsets` (memory planning) places result i at
    that byte of the program's arena (-1: not there, it is what the function returns). What runs once a worker and what runs in each tile follows from the ops: see
    compiler/kernels/Describe.h.
  }];
  let arguments = (ins StrAttr:$name, Variadic<AnyType>:$inputs,
                       DefaultValuedAttr<Lathe_RowKindAttr, "::lathe::ir::RowKind::Step">:$rows,
                       OptionalAttr<DenseI64ArrayAttr>:$offsets);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Lathe_YieldOp : Lathe_Op<"yield", [Pure, Terminator, ParentOneOf<["PhaseOp"]>]> {
  let summary = "ends a phase";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = [{
    ($values^ `:` type($values))? attr-dict
  }];
}

#endif
