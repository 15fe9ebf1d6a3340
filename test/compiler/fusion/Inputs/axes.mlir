// Learned positions from an offset, slopes (ALiBi) with and without a window and a softcap, norms of each head, norms
// without a weight, and clipped queries, keys, values and logits. Groups of three heads of 12 share a KV head.
// decode: 17 phases, arena of 21504 bytes
// prefill: 23 phases, arena of 319488 bytes
module attributes {lathe.max_context = 1024 : i64} {
lathe.weight @embedding "f32" : tensor<53x60xf32>
lathe.weight @positions "f32" : tensor<1026x60xf32>
lathe.weight @gain "f32" : tensor<1x60xf32>
lathe.weight @shift "f32" : tensor<1x60xf32>
lathe.weight @norm.query "f32" : tensor<1x12xf32>
lathe.weight @norm.key "f32" : tensor<1x12xf32>
lathe.weight @query "f32" : tensor<72x60xf32>
lathe.weight @key "f32" : tensor<24x60xf32>
lathe.weight @value "f32" : tensor<24x60xf32>
lathe.weight @output "f32" : tensor<60x72xf32>
lathe.weight @up "f32" : tensor<67x60xf32>
lathe.weight @down "f32" : tensor<60x67xf32>
lathe.rotation @rotary [1.0, 0.3, 0.1, 0.02]
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>) -> tensor<?x53xf32> {
  %t = lathe.embed %ids, @embedding : tensor<?x60xf32>
  %p = lathe.embed %positions, @positions scale 0.5 offset 2 : tensor<?x60xf32>
  %e = lathe.add %t, %p : tensor<?x60xf32>
  %x0 = lathe.norm layer %e eps 1.0e-5 : tensor<?x60xf32>
  %n0 = lathe.norm layer %x0 bias @shift eps 1.0e-5 : tensor<?x60xf32>
  %q0 = lathe.linear %n0, [@query] : tensor<?x60xf32> -> tensor<?x72xf32>
  %k0 = lathe.linear %n0, [@key] : tensor<?x60xf32> -> tensor<?x24xf32>
  %v0 = lathe.linear %n0, [@value] : tensor<?x60xf32> -> tensor<?x24xf32>
  %qn0 = lathe.norm rms %q0, @norm.query eps 1.0e-5 group 12 : tensor<?x72xf32>
  %kn0 = lathe.norm rms %k0, @norm.key eps 1.0e-5 unit_offset group 12 : tensor<?x24xf32>
  %qr0 = lathe.rope half_split %qn0, %positions, @rotary head_size 12 : tensor<?x72xf32>
  %kr0 = lathe.rope half_split %kn0, %positions, @rotary head_size 12 : tensor<?x24xf32>
  %a0 = lathe.attention %qr0, %kr0, %v0, %positions, %slots layer 0 heads 6 kv_heads 2 head_size 12 scale 0.3 window 7 alibi [0.5, 0.25, 0.125, 0.0625, 0.7, 0.35] : tensor<?x72xf32>, tensor<?x24xf32>
  %o0 = lathe.linear %a0, [@output] : tensor<?x72xf32> -> tensor<?x60xf32>
  %y0 = lathe.add %x0, %o0 : tensor<?x60xf32>
  %m0 = lathe.norm rms %y0 eps 1.0e-5 group 20 : tensor<?x60xf32>
  %u0 = lathe.linear %m0, [@up] : tensor<?x60xf32> -> tensor<?x67xf32>
  %c0 = lathe.clip %u0 limit 0.4 : tensor<?x67xf32>
  %h0 = lathe.activation gelu_tanh %c0 : tensor<?x67xf32>
  %d0 = lathe.linear %h0, [@down] : tensor<?x67xf32> -> tensor<?x60xf32>
  %z0 = lathe.norm layer %d0, @gain eps 1.0e-5 : tensor<?x60xf32>
  %x1 = lathe.add %y0, %z0 : tensor<?x60xf32>
  %q1 = lathe.linear %x1, [@query] : tensor<?x60xf32> -> tensor<?x72xf32>
  %k1 = lathe.linear %x1, [@key] : tensor<?x60xf32> -> tensor<?x24xf32>
  %v1 = lathe.linear %x1, [@value] : tensor<?x60xf32> -> tensor<?x24xf32>
  %qc1 = lathe.clip %q1 limit 0.6 : tensor<?x72xf32>
  %kc1 = lathe.clip %k1 limit 0.6 : tensor<?x24xf32>
  %vc1 = lathe.clip %v1 limit 0.6 : tensor<?x24xf32>
  %a1 = lathe.attention %qc1, %kc1, %vc1, %positions, %slots layer 1 heads 6 kv_heads 2 head_size 12 scale 0.3 softcap 2.0 alibi [1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125] : tensor<?x72xf32>, tensor<?x24xf32>
  %o1 = lathe.linear %a1, [@output] : tensor<?x72xf32> -> tensor<?x60xf32>
  %y1 = lathe.add %x1, %o1 : tensor<?x60xf32>
  %t2 = lathe.take_rows %y1, %rows : tensor<?x60xf32>
  %f2 = lathe.norm rms %t2 eps 1.0e-5 : tensor<?x60xf32>
  %l = lathe.linear %f2, [@embedding] : tensor<?x60xf32> -> tensor<?x53xf32>
  %s = lathe.clip %l limit 3.0 : tensor<?x53xf32>
  return %s : tensor<?x53xf32>
}
func.func @prefill(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>) -> tensor<?x53xf32> {
  %t = lathe.embed %ids, @embedding : tensor<?x60xf32>
  %p = lathe.embed %positions, @positions scale 0.5 offset 2 : tensor<?x60xf32>
  %e = lathe.add %t, %p : tensor<?x60xf32>
  %x0 = lathe.norm layer %e eps 1.0e-5 : tensor<?x60xf32>
  %n0 = lathe.norm layer %x0 bias @shift eps 1.0e-5 : tensor<?x60xf32>
  %q0 = lathe.linear %n0, [@query] : tensor<?x60xf32> -> tensor<?x72xf32>
  %k0 = lathe.linear %n0, [@key] : tensor<?x60xf32> -> tensor<?x24xf32>
  %v0 = lathe.linear %n0, [@value] : tensor<?x60xf32> -> tensor<?x24xf32>
  %qn0 = lathe.norm rms %q0, @norm.query eps 1.0e-5 group 12 : tensor<?x72xf32>
  %kn0 = lathe.norm rms %k0, @norm.key eps 1.0e-5 unit_offset group 12 : tensor<?x24xf32>
  %qr0 = lathe.rope half_split %qn0, %positions, @rotary head_size 12 : tensor<?x72xf32>
  %kr0 = lathe.rope half_split %kn0, %positions, @rotary head_size 12 : tensor<?x24xf32>
  %a0 = lathe.attention %qr0, %kr0, %v0, %positions, %slots layer 0 heads 6 kv_heads 2 head_size 12 scale 0.3 window 7 alibi [0.5, 0.25, 0.125, 0.0625, 0.7, 0.35] : tensor<?x72xf32>, tensor<?x24xf32>
  %o0 = lathe.linear %a0, [@output] : tensor<?x72xf32> -> tensor<?x60xf32>
  %y0 = lathe.add %x0, %o0 : tensor<?x60xf32>
  %m0 = lathe.norm rms %y0 eps 1.0e-5 group 20 : tensor<?x60xf32>
  %u0 = lathe.linear %m0, [@up] : tensor<?x60xf32> -> tensor<?x67xf32>
  %c0 = lathe.clip %u0 limit 0.4 : tensor<?x67xf32>
  %h0 = lathe.activation gelu_tanh %c0 : tensor<?x67xf32>
  %d0 = lathe.linear %h0, [@down] : tensor<?x67xf32> -> tensor<?x60xf32>
  %z0 = lathe.norm layer %d0, @gain eps 1.0e-5 : tensor<?x60xf32>
  %x1 = lathe.add %y0, %z0 : tensor<?x60xf32>
  %q1 = lathe.linear %x1, [@query] : tensor<?x60xf32> -> tensor<?x72xf32>
  %k1 = lathe.linear %x1, [@key] : tensor<?x60xf32> -> tensor<?x24xf32>
  %v1 = lathe.linear %x1, [@value] : tensor<?x60xf32> -> tensor<?x24xf32>
  %qc1 = lathe.clip %q1 limit 0.6 : tensor<?x72xf32>
  %kc1 = lathe.clip %k1 limit 0.6 : tensor<?x24xf32>
  %vc1 = lathe.clip %v1 limit 0.6 : tensor<?x24xf32>
  %a1 = lathe.attention %qc1, %kc1, %vc1, %positions, %slots layer 1 heads 6 kv_heads 2 head_size 12 scale 0.3 softcap 2.0 alibi [1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125] : tensor<?x72xf32>, tensor<?x24xf32>
  %o1 = lathe.linear %a1, [@output] : tensor<?x72xf32> -> tensor<?x60xf32>
  %y1 = lathe.add %x1, %o1 : tensor<?x60xf32>
  %t2 = lathe.take_rows %y1, %rows : tensor<?x60xf32>
  %f2 = lathe.norm rms %t2 eps 1.0e-5 : tensor<?x60xf32>
  %l = lathe.linear %f2, [@embedding] : tensor<?x60xf32> -> tensor<?x53xf32>
  %s = lathe.clip %l limit 3.0 : tensor<?x53xf32>
  return %s : tensor<?x53xf32>
}
}
