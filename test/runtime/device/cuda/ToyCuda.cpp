#include "test/runtime/device/cuda/ToyCuda.h"
#include "runtime/core/AlignedBuffer.h"
#include <cstring>
#include <string_view>

namespace lathe::toy {

namespace {

// One entry for each phase of ToyModel.c, its parameters as lathe_launch says: the views but for scratch and tile, then
// the header {rows, logit rows, splits}. All may begin early, and wait at once. A page has 512 numbers, a sequence 4.
constexpr std::string_view kCode = R"(.version 8.0
.target sm_90
.address_size 64

.extern .shared .align 16 .b8 dynamic[];

// ids, table -> x. By way of the last of 60000 bytes and more of shared memory.
.visible .entry toy_embed(.param .u64 ids, .param .u64 table, .param .u64 x, .param .u64 header)
{
  .reg .pred %p<2>;
  .reg .b32 %r<8>;
  .reg .f32 %f<2>;
  .reg .b64 %d<8>;
  griddepcontrol.launch_dependents;
  griddepcontrol.wait;
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, %ctaid.y;
  ld.param.u64 %d0, [header];
  ld.global.u32 %r2, [%d0];
  setp.ge.u32 %p0, %r1, %r2;
  setp.ge.u32 %p1, %r0, 4;
  or.pred %p0, %p0, %p1;
  @%p0 bra done;
  ld.param.u64 %d1, [ids];
  mad.wide.u32 %d1, %r1, 4, %d1;
  ld.global.u32 %r3, [%d1];
  shl.b32 %r3, %r3, 2;
  add.u32 %r3, %r3, %r0;
  ld.param.u64 %d2, [table];
  mad.wide.u32 %d2, %r3, 4, %d2;
  ld.global.f32 %f0, [%d2];
  mov.u32 %r5, dynamic;
  shl.b32 %r6, %r0, 2;
  add.u32 %r5, %r5, %r6;
  st.shared.f32 [%r5+60000], %f0;
  ld.shared.f32 %f1, [%r5+60000];
  shl.b32 %r4, %r1, 2;
  add.u32 %r4, %r4, %r0;
  ld.param.u64 %d3, [x];
  mad.wide.u32 %d3, %r4, 4, %d3;
  st.global.f32 [%d3], %f1;
done:
  ret;
}

// Of the prologue x, scale; positions, slots, pages, x -> cache.
.visible .entry toy_append(.param .u64 x, .param .u64 scale, .param .u64 positions, .param .u64 slots,
                           .param .u64 pages, .param .u64 again, .param .u64 cache, .param .u64 header)
{
  .reg .pred %p<2>;
  .reg .b32 %r<12>;
  .reg .f32 %f<3>;
  .reg .b64 %d<8>;
  griddepcontrol.launch_dependents;
  griddepcontrol.wait;
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, %ctaid.y;
  ld.param.u64 %d0, [header];
  ld.global.u32 %r2, [%d0];
  setp.ge.u32 %p0, %r1, %r2;
  setp.ge.u32 %p1, %r0, 4;
  or.pred %p0, %p0, %p1;
  @%p0 bra done;
  shl.b32 %r3, %r1, 2;
  add.u32 %r3, %r3, %r0;
  ld.param.u64 %d1, [x];
  mad.wide.u32 %d1, %r3, 4, %d1;
  ld.global.f32 %f0, [%d1];
  ld.param.u64 %d2, [scale];
  ld.global.f32 %f1, [%d2];
  mul.f32 %f2, %f0, %f1;
  ld.param.u64 %d3, [positions];
  mad.wide.u32 %d3, %r1, 4, %d3;
  ld.global.u32 %r4, [%d3];
  ld.param.u64 %d4, [slots];
  mad.wide.u32 %d4, %r1, 4, %d4;
  ld.global.u32 %r5, [%d4];
  shl.b32 %r6, %r5, 2;
  shr.u32 %r7, %r4, 6;
  add.u32 %r6, %r6, %r7;
  ld.param.u64 %d5, [pages];
  mad.wide.u32 %d5, %r6, 4, %d5;
  ld.global.u32 %r8, [%d5];
  shl.b32 %r8, %r8, 9;
  and.b32 %r9, %r4, 63;
  shl.b32 %r9, %r9, 2;
  add.u32 %r8, %r8, %r9;
  add.u32 %r8, %r8, %r0;
  ld.param.u64 %d6, [cache];
  mad.wide.u32 %d6, %r8, 4, %d6;
  st.global.f32 [%d6], %f2;
done:
  ret;
}

// positions, slots, pages, cache -> partial [rows][4 splits][4].
.visible .entry toy_attend(.param .u64 positions, .param .u64 slots, .param .u64 pages, .param .u64 cache,
                           .param .u64 partial, .param .u64 header)
{
  .reg .pred %p<3>;
  .reg .b32 %r<16>;
  .reg .f32 %f<2>;
  .reg .b64 %d<8>;
  griddepcontrol.launch_dependents;
  griddepcontrol.wait;
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, %ctaid.y;
  mov.u32 %r2, %ctaid.z;
  ld.param.u64 %d0, [header];
  ld.global.u32 %r3, [%d0];
  ld.global.u32 %r4, [%d0+8];
  setp.ge.u32 %p0, %r1, %r3;
  setp.ge.u32 %p1, %r2, %r4;
  setp.ge.u32 %p2, %r0, 4;
  or.pred %p0, %p0, %p1;
  or.pred %p0, %p0, %p2;
  @%p0 bra done;
  ld.param.u64 %d1, [positions];
  mad.wide.u32 %d1, %r1, 4, %d1;
  ld.global.u32 %r5, [%d1];
  ld.param.u64 %d2, [slots];
  mad.wide.u32 %d2, %r1, 4, %d2;
  ld.global.u32 %r6, [%d2];
  mov.f32 %f0, 0f00000000;
  shl.b32 %r7, %r2, 6;
  setp.gt.u32 %p0, %r7, %r5;
  @%p0 bra store;
  shl.b32 %r8, %r6, 2;
  add.u32 %r8, %r8, %r2;
  ld.param.u64 %d3, [pages];
  mad.wide.u32 %d3, %r8, 4, %d3;
  ld.global.u32 %r9, [%d3];
  shl.b32 %r9, %r9, 9;
  add.u32 %r9, %r9, %r0;
  ld.param.u64 %d4, [cache];
  mad.wide.u32 %d4, %r9, 4, %d4;
  sub.u32 %r10, %r5, %r7;
  min.u32 %r10, %r10, 63;
  mov.u32 %r11, 0;
loop:
  ld.global.f32 %f1, [%d4];
  add.f32 %f0, %f0, %f1;
  add.s64 %d4, %d4, 16;
  add.u32 %r11, %r11, 1;
  setp.le.u32 %p1, %r11, %r10;
  @%p1 bra loop;
store:
  shl.b32 %r12, %r1, 2;
  add.u32 %r12, %r12, %r2;
  shl.b32 %r12, %r12, 2;
  add.u32 %r12, %r12, %r0;
  ld.param.u64 %d5, [partial];
  mad.wide.u32 %d5, %r12, 4, %d5;
  st.global.f32 [%d5], %f0;
done:
  ret;
}

// positions, partial -> x, added to; two rows a tile.
.visible .entry toy_combine(.param .u64 positions, .param .u64 partial, .param .u64 x, .param .u64 header)
{
  .reg .pred %p<3>;
  .reg .b32 %r<16>;
  .reg .f32 %f<2>;
  .reg .b64 %d<8>;
  griddepcontrol.launch_dependents;
  griddepcontrol.wait;
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, %ctaid.y;
  shr.u32 %r2, %r0, 2;
  and.b32 %r3, %r0, 3;
  shl.b32 %r4, %r1, 1;
  add.u32 %r4, %r4, %r2;
  ld.param.u64 %d0, [header];
  ld.global.u32 %r5, [%d0];
  setp.ge.u32 %p0, %r4, %r5;
  setp.ge.u32 %p1, %r0, 8;
  or.pred %p0, %p0, %p1;
  @%p0 bra done;
  ld.param.u64 %d1, [positions];
  mad.wide.u32 %d1, %r4, 4, %d1;
  ld.global.u32 %r6, [%d1];
  shl.b32 %r7, %r4, 2;
  add.u32 %r7, %r7, %r3;
  ld.param.u64 %d2, [x];
  mad.wide.u32 %d2, %r7, 4, %d2;
  ld.global.f32 %f0, [%d2];
  shl.b32 %r8, %r4, 4;
  add.u32 %r8, %r8, %r3;
  ld.param.u64 %d3, [partial];
  mad.wide.u32 %d3, %r8, 4, %d3;
  mov.u32 %r9, 0;
loop:
  ld.global.f32 %f1, [%d3];
  add.f32 %f0, %f0, %f1;
  add.s64 %d3, %d3, 16;
  add.u32 %r9, %r9, 64;
  setp.le.u32 %p1, %r9, %r6;
  @%p1 bra loop;
  st.global.f32 [%d2], %f0;
done:
  ret;
}

// Of the prologue logit rows, x; table -> logits: four columns and two rows a tile.
.visible .entry toy_logits(.param .u64 logit_rows, .param .u64 x, .param .u64 table, .param .u64 logits,
                           .param .u64 header)
{
  .reg .pred %p<3>;
  .reg .b32 %r<16>;
  .reg .f32 %f<4>;
  .reg .b64 %d<8>;
  griddepcontrol.launch_dependents;
  griddepcontrol.wait;
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, %ctaid.y;
  mov.u32 %r2, %ctaid.x;
  shr.u32 %r3, %r0, 2;
  and.b32 %r4, %r0, 3;
  shl.b32 %r5, %r1, 1;
  add.u32 %r5, %r5, %r3;
  ld.param.u64 %d0, [header];
  ld.global.u32 %r6, [%d0+4];
  setp.ge.u32 %p0, %r5, %r6;
  setp.ge.u32 %p1, %r0, 8;
  or.pred %p0, %p0, %p1;
  @%p0 bra done;
  ld.param.u64 %d1, [logit_rows];
  mad.wide.u32 %d1, %r5, 4, %d1;
  ld.global.u32 %r7, [%d1];
  ld.param.u64 %d2, [x];
  mad.wide.u32 %d2, %r7, 16, %d2;
  shl.b32 %r8, %r2, 2;
  add.u32 %r8, %r8, %r4;
  ld.param.u64 %d3, [table];
  mad.wide.u32 %d3, %r8, 16, %d3;
  mov.f32 %f0, 0f00000000;
  mov.u32 %r9, 0;
loop:
  ld.global.f32 %f1, [%d2];
  ld.global.f32 %f2, [%d3];
  mul.f32 %f3, %f1, %f2;
  add.f32 %f0, %f0, %f3;
  add.s64 %d2, %d2, 4;
  add.s64 %d3, %d3, 4;
  add.u32 %r9, %r9, 1;
  setp.lt.u32 %p1, %r9, 4;
  @%p1 bra loop;
  shl.b32 %r10, %r5, 4;
  add.u32 %r10, %r10, %r8;
  ld.param.u64 %d4, [logits];
  mad.wide.u32 %d4, %r10, 4, %d4;
  st.global.f32 [%d4], %f0;
done:
  ret;
}

// Writes where nothing is.
.visible .entry toy_fault(.param .u64 ids, .param .u64 table, .param .u64 x, .param .u64 header)
{
  .reg .b32 %r<1>;
  .reg .b64 %d<1>;
  mov.u32 %r0, 1;
  mov.u64 %d0, 64;
  st.global.u32 [%d0], %r0;
  ret;
}
)";

} // namespace

CudaTables::CudaTables() : variant(*toyModel.variants), model(toyModel) {
  phases.assign(variant.phases, variant.phases + variant.n_phases);
  static constexpr std::pair<std::string_view, const char *> entries[] = {{"embed", "toy_embed"},
                                                                          {"append", "toy_append"},
                                                                          {"attend", "toy_attend"},
                                                                          {"combine", "toy_combine"},
                                                                          {"logits", "toy_logits"}};
  for (lathe_phase &phase : phases)
    for (const auto &[name, entry] : entries)
      if (std::string_view(phase.name).ends_with(name))
        phase.launch = {entry, 1, 32, name == "embed" ? 64u << 10 : 0u, 1};
  units = {{"toy", LATHE_UNIT_PTX, kCode.data(), kCode.size()}};
  variant.device = LATHE_DEVICE_CUDA;
  variant.target = "sm_90";
  variant.sm = 90;
  variant.n_units = 1;
  variant.units = units.data();
  variant.phases = phases.data();
  model.variants = &variant;
}

Result<std::shared_ptr<const Model>> openOn(std::shared_ptr<const Device> device, const CudaTables &tables,
                                            const Weights &weights) {
  const std::vector<uint8_t> image = weightsImage(weights);
  auto memory = std::make_shared<AlignedBuffer>(AlignedBuffer::create(image.size(), "toy weights").take());
  std::memcpy(memory->data(), image.data(), image.size());
  return Model::fromImage(tables.model, {memory->data(), image.size()}, memory, nullptr, {.device = std::move(device)});
}

} // namespace lathe::toy
