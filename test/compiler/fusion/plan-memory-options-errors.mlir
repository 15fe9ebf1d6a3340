// RUN: not lathe-opt %s --lathe-plan-memory="max-context=64 decode-rows=100" 2>&1 | FileCheck %s --check-prefix=DECODE
// RUN: not lathe-opt %s --lathe-plan-memory="max-context=64 prefill-rows=100" 2>&1 | FileCheck %s --check-prefix=PREFILL
// RUN: not lathe-opt %s --lathe-plan-memory="max-context=64 prefill-logit-rows=300" 2>&1 | FileCheck %s --check-prefix=LOGITS

// DECODE: error: lathe-plan-memory: decode-rows = 100 is not from 1 to 64
// PREFILL: error: lathe-plan-memory: prefill-rows = 100 is not a multiple of 64 up to 4096
// LOGITS: error: lathe-plan-memory: prefill-logit-rows = 300 is not from 1 to prefill-rows
module {}
