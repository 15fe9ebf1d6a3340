// RUN: lathe-opt %s --lathe-split-attention=split=100 --verify-diagnostics

// expected-error @+1 {{lathe-split-attention: split = 100 is not a multiple of 64, the positions of a page}}
module {}
