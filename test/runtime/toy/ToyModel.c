/*
 * A model small enough to compute by hand, written as the compiler writes one: kernels and constant tables.
 *
 *   x[r]          = table[id[r]]
 *   per layer l:    h = scale[l] * x;  cache[l][position] = h;  x += sum over positions p' <= p of cache[l][p']
 *   logits[r, v]  = sum_k x[r, k] * table[v, k]
 *
 * It uses each thing that a table can say: prologues, splits as a grid and as a scope, row tiles of 2 with padding,
 * logit rows, every base. It is built as a shared object (a bundle's model.so) and linked into the tests.
 */
#include "test/runtime/toy/ToyModel.h"

#define WIDTH TOY_WIDTH
#define PAGES ((TOY_CONTEXT + LATHE_PAGE_POSITIONS - 1) / LATHE_PAGE_POSITIONS)
#define SPLITS PAGES /* one page each */
#define STRIDE 16
#define PAGE_FLOATS (LATHE_PAGE_POSITIONS * WIDTH * 2)

static float *floats(void *argument) { return (float *)((lathe_buffer *)argument)->host; }
static const int32_t *ints(void *argument) { return (const int32_t *)((lathe_buffer *)argument)->host; }

/* ids i32[1], table f32[WIDTH, 16] -> x f32[WIDTH] */
static int toyEmbed(void **args) {
  const float *row = floats(args[1]) + ints(args[0])[0] * WIDTH;
  for (int k = 0; k < WIDTH; ++k)
    floats(args[2])[k] = row[k];
  return 0;
}

/* x f32[WIDTH], scale f32[1] -> h f32[WIDTH] */
static int toyScale(void **args) {
  for (int k = 0; k < WIDTH; ++k)
    floats(args[2])[k] = floats(args[1])[0] * floats(args[0])[k];
  return 0;
}

/* positions, slots i32[1], pages i32[PAGES, *], tile, h f32[WIDTH], x f32[WIDTH] -> cache f32[WIDTH, 64, *] */
static int toyAppend(void **args) {
  const int32_t position = ints(args[0])[0], slot = ints(args[1])[0];
  const int32_t page = ints(args[2])[slot * PAGES + position / LATHE_PAGE_POSITIONS];
  float *to = floats(args[6]) + page * PAGE_FLOATS + position % LATHE_PAGE_POSITIONS * WIDTH;
  if (floats(args[5])[0] == TOY_FAIL)
    return 7;
  for (int k = 0; k < WIDTH; ++k)
    to[k] = floats(args[4])[k];
  return 0;
}

/* positions, slots i32[1], pages, tile, cache -> partial f32[WIDTH] */
static int toyAttend(void **args) {
  const int32_t position = ints(args[0])[0], slot = ints(args[1])[0], split = ints(args[3])[2];
  float *sum = floats(args[5]);
  for (int k = 0; k < WIDTH; ++k)
    sum[k] = 0;
  const int32_t first = split * LATHE_PAGE_POSITIONS;
  if (first > position)
    return 0;
  const float *from = floats(args[4]) + ints(args[2])[slot * PAGES + split] * PAGE_FLOATS;
  for (int32_t p = first; p <= position && p < first + LATHE_PAGE_POSITIONS; ++p)
    for (int k = 0; k < WIDTH; ++k)
      sum[k] += from[(p - first) * WIDTH + k];
  return 0;
}

/* positions i32[2], tile, partial f32[WIDTH, SPLITS, 2] (from split s on) -> x f32[WIDTH, 2], added to */
static int toyCombine(void **args) {
  const int32_t split = ints(args[1])[2];
  for (int r = 0; r < 2; ++r)
    for (int k = 0; k < WIDTH && split * LATHE_PAGE_POSITIONS <= ints(args[0])[r]; ++k)
      floats(args[3])[r * WIDTH + k] += floats(args[2])[r * SPLITS * WIDTH + k];
  return 0;
}

/* logit rows i32[1], x f32[WIDTH, rows] -> h f32[WIDTH] */
static int toyGather(void **args) {
  for (int k = 0; k < WIDTH; ++k)
    floats(args[2])[k] = floats(args[1])[ints(args[0])[0] * WIDTH + k];
  return 0;
}

/* h f32[WIDTH, 2], table f32[WIDTH, 4] -> logits f32[4, 2] */
static int toyLogits(void **args) {
  for (int r = 0; r < 2; ++r)
    for (int v = 0; v < 4; ++v) {
      float sum = 0;
      for (int k = 0; k < WIDTH; ++k)
        sum += floats(args[0])[r * WIDTH + k] * floats(args[1])[v * WIDTH + k];
      floats(args[2])[r * STRIDE + v] = sum;
    }
  return 0;
}

/* clang-format off */
enum { K_EMBED, K_SCALE, K_APPEND, K_ATTEND, K_COMBINE, K_GATHER, K_LOGITS, K_COUNT };
static const lathe_kernel kernels[K_COUNT] = {
    {"toy_embed", "fallback", toyEmbed},     {"toy_scale", "fallback", toyScale},
    {"toy_append", "fallback", toyAppend},   {"toy_attend", "fallback", toyAttend},
    {"toy_combine", "fallback", toyCombine}, {"toy_gather", "fallback", toyGather},
    {"toy_logits", "fallback", toyLogits},
};

enum {
  D_ONE,
  D_TWO,
  D_PAGES,
  D_TILE = D_PAGES + 2,
  D_ROW,
  D_TABLE,
  D_CACHE = D_TABLE + 2,
  D_PARTIALS = D_CACHE + 3,
  D_PAIR = D_PARTIALS + 3,
  D_ROWS = D_PAIR + 2,
  D_LOGITS = D_ROWS + 2,
  D_VOCABULARY = D_LOGITS + 2,
  D_COUNT = D_VOCABULARY + 2
};
static const lathe_dim dims[D_COUNT] = {
    [D_ONE] = {0, 1, 1, 0},
    [D_TWO] = {0, 2, 1, 0},
    [D_PAGES] = {0, PAGES, 1, 0},
    {0, TOY_SLOTS, PAGES, 0},
    [D_TILE] = {0, 4, 1, 0},
    [D_ROW] = {0, WIDTH, 1, 0},
    [D_TABLE] = {0, WIDTH, 1, 0},
    {0, 16, WIDTH, 0},
    [D_CACHE] = {0, WIDTH, 1, 0},
    {0, LATHE_PAGE_POSITIONS, WIDTH, 0},
    {0, 1, PAGE_FLOATS, 0},
    [D_PARTIALS] = {0, WIDTH, 1, 0},
    {0, 1, WIDTH, 0},
    {0, 2, SPLITS * WIDTH, 0},
    [D_PAIR] = {0, WIDTH, 1, 0},
    {0, 2, WIDTH, 0},
    [D_ROWS] = {0, WIDTH, 1, 0},
    {0, TOY_PREFILL_ROWS, WIDTH, 0},
    [D_LOGITS] = {0, 4, 1, 0},
    {0, 2, STRIDE, 0},
    [D_VOCABULARY] = {0, TOY_VOCABULARY, 1, 0},
    {0, TOY_LOGIT_ROWS, STRIDE, 0},
};

#define I32 {LATHE_INT, 32, 1}
#define F32 {LATHE_FLOAT, 32, 1}
#define ROW_BYTES (WIDTH * 4)
#define X_OFFSET 0
#define PARTIAL_OFFSET (TOY_PREFILL_ROWS * ROW_BYTES)
#define ARENA_BYTES (PARTIAL_OFFSET + TOY_PREFILL_ROWS * SPLITS * ROW_BYTES)
#define SCALE_OFFSET (TOY_TABLE_FLOATS * 4)

/* Views: {base, layer, offset, {m, n, s}, type, dimensions, first dim}. */
#define POSITION {LATHE_BASE_POSITIONS, 0, 0, {4, 0, 0}, I32, 1, D_ONE}
#define SLOT {LATHE_BASE_SLOTS, 0, 0, {4, 0, 0}, I32, 1, D_ONE}
#define PAGE_TABLE {LATHE_BASE_PAGES, 0, 0, {0, 0, 0}, I32, 2, D_PAGES}
#define TILE {LATHE_BASE_TILE, 0, 0, {0, 0, 0}, I32, 1, D_TILE}
#define X {LATHE_BASE_ARENA, 0, X_OFFSET, {ROW_BYTES, 0, 0}, F32, 1, D_ROW}
#define X_ALL {LATHE_BASE_ARENA, 0, X_OFFSET, {0, 0, 0}, F32, 2, D_ROWS}
#define H {LATHE_BASE_SCRATCH, 0, 0, {ROW_BYTES, 0, 0}, F32, 1, D_ROW}
#define CACHE(layer) {LATHE_BASE_CACHE, layer, 0, {0, 0, 0}, F32, 3, D_CACHE}
#define LAYER_VIEWS(layer)                                                                                             \
  X, {LATHE_BASE_WEIGHTS, 0, SCALE_OFFSET + 4 * layer, {0, 0, 0}, F32, 1, D_ONE}, H, /* scale */                       \
      POSITION, SLOT, PAGE_TABLE, TILE, H, X, CACHE(layer),                          /* append */                      \
      POSITION, SLOT, PAGE_TABLE, TILE, CACHE(layer),                                /* attend */                      \
      {LATHE_BASE_ARENA, 0, PARTIAL_OFFSET, {SPLITS * ROW_BYTES, 0, ROW_BYTES}, F32, 1, D_ROW},                        \
      {LATHE_BASE_POSITIONS, 0, 0, {8, 0, 0}, I32, 1, D_TWO}, TILE, /* combine */                                      \
      {LATHE_BASE_ARENA, 0, PARTIAL_OFFSET, {2 * SPLITS * ROW_BYTES, 0, ROW_BYTES}, F32, 3, D_PARTIALS}, {             \
    LATHE_BASE_ARENA, 0, X_OFFSET, {2 * ROW_BYTES, 0, 0}, F32, 2, D_PAIR                                               \
  }

enum {
  V_EMBED,
  V_LAYER = V_EMBED + 3,
  V_LAYER_VIEWS = 20,
  V_GATHER = V_LAYER + TOY_LAYERS * V_LAYER_VIEWS,
  V_LOGITS = V_GATHER + 3,
  V_RESULT_X = V_LOGITS + 3,
  V_RESULT_LOGITS,
  V_COUNT
};
static const lathe_view views[V_COUNT] = {
    {LATHE_BASE_IDS, 0, 0, {4, 0, 0}, I32, 1, D_ONE},
    {LATHE_BASE_WEIGHTS, 0, 0, {0, 0, 0}, F32, 2, D_TABLE},
    X,
    LAYER_VIEWS(0),
    LAYER_VIEWS(1),
    {LATHE_BASE_LOGIT_ROWS, 0, 0, {4, 0, 0}, I32, 1, D_ONE},
    X_ALL,
    H,
    {LATHE_BASE_SCRATCH, 0, 0, {2 * ROW_BYTES, 0, 0}, F32, 2, D_PAIR},
    {LATHE_BASE_WEIGHTS, 0, 0, {0, 4 * ROW_BYTES, 0}, F32, 2, D_PAIR},
    {LATHE_BASE_LOGITS, 0, 0, {2 * STRIDE * 4, 16, 0}, F32, 2, D_LOGITS},
    [V_RESULT_X] = X_ALL,
    [V_RESULT_LOGITS] = {LATHE_BASE_LOGITS, 0, 0, {0, 0, 0}, F32, 2, D_VOCABULARY},
};

enum { C_EMBED, C_LAYER, C_LAYER_CALLS = 4, C_GATHER = C_LAYER + TOY_LAYERS * C_LAYER_CALLS, C_LOGITS, C_COUNT };
#define LAYER_CALLS(layer)                                                                                             \
  {K_SCALE, LATHE_SCOPE_WORKER, 1, V_LAYER + layer * V_LAYER_VIEWS, 3, 0},                                             \
      {K_APPEND, LATHE_SCOPE_TILE, 1, V_LAYER + layer * V_LAYER_VIEWS + 3, 7, 0},                                      \
      {K_ATTEND, LATHE_SCOPE_TILE, 1, V_LAYER + layer * V_LAYER_VIEWS + 10, 6, 0},                                     \
      {K_COMBINE, LATHE_SCOPE_SPLITS, 2, V_LAYER + layer * V_LAYER_VIEWS + 16, 4, 0}
static const lathe_call calls[C_COUNT] = {
    {K_EMBED, LATHE_SCOPE_TILE, 1, V_EMBED, 3, 0},
    LAYER_CALLS(0),
    LAYER_CALLS(1),
    {K_GATHER, LATHE_SCOPE_WORKER, 1, V_GATHER, 3, 0},
    {K_LOGITS, LATHE_SCOPE_TILE, 2, V_LOGITS, 3, 0},
};

/* Phases: {name, kind, rows, rows per tile, column tiles, splits, in order, prologue, calls, result, hidden, choices, launch, work}. */
#define WORK(weights, operations) {0, 0, 0}, {0, 0, 0, 0, 0}, {weights, 0, 0, operations, 0, 0, LATHE_RATE_F32}
#define LAYER_PHASES(name, layer)                                                                                      \
  {name ": append",                                                                                                    \
   LATHE_PHASE_KERNELS,                                                                                                \
   LATHE_ROWS_ALL,                                                                                                     \
   1,                                                                                                                  \
   1,                                                                                                                  \
   0,                                                                                                                  \
   0,                                                                                                                  \
   C_LAYER + layer * C_LAYER_CALLS,                                                                                    \
   1,                                                                                                                  \
   C_LAYER + layer * C_LAYER_CALLS + 1,                                                                                \
   1,                                                                                                                  \
   0,                                                                                                                  \
   0,                                                                                                                  \
   WORK(4, 8)},                                                                                                                 \
      {name ": attend", LATHE_PHASE_KERNELS, LATHE_ROWS_ALL, 1, 1, 1, 0, 0, 0, C_LAYER + layer * C_LAYER_CALLS + 2, 1, 0, 0, WORK(0, 8)},               \
      {name ": combine", LATHE_PHASE_KERNELS, LATHE_ROWS_ALL, 2, 1, 0, 0, 0, 0, C_LAYER + layer * C_LAYER_CALLS + 3, 1, V_RESULT_X + 1, (layer) + 2, WORK(0, 8)}
enum { N_PHASES = 2 + 3 * TOY_LAYERS };
static const lathe_phase phases[N_PHASES] = {
    {"embed", LATHE_PHASE_KERNELS, LATHE_ROWS_ALL, 1, 1, 0, 0, 0, 0, C_EMBED, 1, V_RESULT_X + 1, 1, WORK(16, 0)},
    LAYER_PHASES("layer 0", 0),
    LAYER_PHASES("layer 1", 1),
    {"logits", LATHE_PHASE_KERNELS, LATHE_ROWS_LOGITS, 2, 3, 0, 0, C_GATHER, 1, C_LOGITS, 1, V_RESULT_LOGITS + 1, 0, WORK(176, 88)},
};

static const lathe_program programs[2] = {
    {"decode", TOY_DECODE_ROWS, TOY_DECODE_ROWS, 1, 0, N_PHASES, ARENA_BYTES, (TOY_PREFILL_ROWS + 1) * ROW_BYTES},
    {"prefill", TOY_PREFILL_ROWS, TOY_LOGIT_ROWS, 0, 0, N_PHASES, ARENA_BYTES, (TOY_PREFILL_ROWS + 1) * ROW_BYTES},
};

static const lathe_weight weights[2] = {
    {"token_embedding", "embedding", "f32", "rows", TOY_VOCABULARY, WIDTH, 0, TOY_TABLE_FLOATS * 4},
    {"scales", "scales", "f32", "rows", 1, TOY_LAYERS, SCALE_OFFSET, TOY_SCALE_FLOATS * 4},
};

/* clang-format on */

static const lathe_variant variants[1] = {{
    .target = "any",
    .plan = "",
    .device = LATHE_DEVICE_CPU,
    .logits_stride = STRIDE,
    .cache = {TOY_LAYERS, 1, WIDTH, WIDTH, F32, PAGE_FLOATS * 4, PAGES, LATHE_PAGE_POSITIONS},
    .n_programs = 2,
    .n_phases = N_PHASES,
    .n_calls = C_COUNT,
    .n_views = V_COUNT,
    .n_dims = D_COUNT,
    .n_kernels = K_COUNT,
    .programs = programs,
    .phases = phases,
    .calls = calls,
    .views = views,
    .dims = dims,
    .kernels = kernels,
}};

const lathe_model toyModel = {
    .magic = {'L', 'A', 'T', 'H', 'E', 'M', 'D', 'L'},
    .abi_version = LATHE_ABI_VERSION,
    .struct_bytes = sizeof(lathe_model),
    .name = "toy",
    .spec = "name: \"toy\"\n",
    .build_id = TOY_BUILD_ID,
    .max_context = TOY_CONTEXT,
    .vocabulary = TOY_VOCABULARY,
    .max_slots = TOY_SLOTS,
    .n_variants = 1,
    .n_weights = 2,
    .variants = variants,
    .weights = weights,
    .weights_bytes = (TOY_TABLE_FLOATS + TOY_SCALE_FLOATS) * 4,
};
