// RUN: not lathe-opt %s --lathe-plan 2>&1 | FileCheck %s --check-prefix=CONTEXT
// RUN: not lathe-opt %s --lathe-plan="max-context=64 split=100" 2>&1 | FileCheck %s --check-prefix=SPLIT
// RUN: not lathe-opt %s --lathe-plan="max-context=64 decode-rows=100" 2>&1 | FileCheck %s --check-prefix=DECODE
// RUN: not lathe-opt %s --lathe-plan="max-context=64 prefill-rows=100" 2>&1 | FileCheck %s --check-prefix=PREFILL
// RUN: not lathe-opt %s --lathe-plan="max-context=64 prefill-logit-rows=300" 2>&1 | FileCheck %s --check-prefix=LOGITS
// RUN: not lathe-opt %s --lathe-plan="max-context=64 sequences=5000" 2>&1 | FileCheck %s --check-prefix=SEQUENCES
// RUN: not lathe-opt %s --lathe-plan="max-context=64 choice-tile-rows=-1" 2>&1 | FileCheck %s --check-prefix=CHOICES
// RUN: not lathe-opt %s --lathe-plan="max-context=64 repeat-rows=-1" 2>&1 | FileCheck %s --check-prefix=REPEAT
// RUN: not lathe-opt %s --lathe-plan="max-context=64 activations=q4" 2>&1 | FileCheck %s --check-prefix=ACTIVATIONS

// ACTIVATIONS: error: lathe-plan: activations = q4 is none of f32, q16, q8
// CONTEXT: error: lathe-plan: max-context = 0 is not a number of positions from 1 to 2^26
// SPLIT: error: lathe-plan: split = 100 is not a multiple of 64, the positions of a page
// DECODE: error: lathe-plan: decode-rows = 100 is not from 1 to 64
// PREFILL: error: lathe-plan: prefill-rows = 100 is not a multiple of 64 up to 4096
// LOGITS: error: lathe-plan: prefill-logit-rows = 300 is not from 1 to prefill-rows
// SEQUENCES: error: lathe-plan: sequences = 5000 is not from 1 to 4096
// CHOICES: error: lathe-plan: choice-tile-rows = -1 is not from 0 to 256
// REPEAT: error: lathe-plan: repeat-rows = -1 is not from 0 to 4096
module {}
