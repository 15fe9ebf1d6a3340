/*
 * model_abi.h - the one header that compiler and runtime share.
 *
 * `lathe compile` writes a bundle: `model.so` (kernels and these tables) and `weights.bin` (packed weights, mapped and
 * used as they are). model.so exports one data symbol, `lathe_model`; everything else hangs off it. The compiler fills
 * it, the runtime checks and reads it. Nothing here is executed before the checks have passed.
 *
 * A step (one forward pass over `rows` tokens) runs one program: a list of phases. A phase is a grid of tiles
 *
 *      row tiles (m)  x  column tiles (n)  x  splits of the context (s)
 *
 * taken from an atomic counter by the workers; a barrier ends it. Each tile runs the phase's calls in order; each
 * worker runs the phase's prologue once, before its first tile, into its own scratch. A call is one kernel and its
 * views; a view names a base and how far to move per m, n and s. So the executor is a loop, and the program is data.
 *
 * The tables of a target are a variant. A bundle may have several, best first; all of them read one weights.bin.
 */
#ifndef LATHE_RUNTIME_ABI_MODEL_ABI_H
#define LATHE_RUNTIME_ABI_MODEL_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LATHE_MODEL_MAGIC "LATHEMDL"   /* 8 bytes, no terminator, in lathe_model */
#define LATHE_WEIGHTS_MAGIC "LATHEWTS" /* 8 bytes, no terminator, at the start of weights.bin */
#define LATHE_ABI_VERSION 9u           /* raised with every change of this file */
#define LATHE_MODEL_SYMBOL "lathe_model"
#define LATHE_MAX_ARGUMENTS 32       /* views of one call */
#define LATHE_PAGE_POSITIONS 64      /* positions of one page of the KV cache */
#define LATHE_WEIGHTS_ALIGNMENT 4096 /* of weights.bin's data and of each large tensor: 64 */

/* ---- what a kernel gets -------------------------------------------------------------------------------------------
 * Laid out as Halide's halide_buffer_t and halide_dimension_t (HalideRuntime.h), which is what the kernels take;
 * compiler/object asserts that. Strides are in elements. */
typedef struct lathe_dim {
  int32_t min, extent, stride;
  uint32_t flags; /* 0 */
} lathe_dim;

typedef struct lathe_type {
  uint8_t code; /* lathe_type_code */
  uint8_t bits;
  uint16_t lanes; /* 1 */
} lathe_type;

enum lathe_type_code { LATHE_INT = 0, LATHE_UINT = 1, LATHE_FLOAT = 2, LATHE_BFLOAT = 4 };

typedef struct lathe_buffer {
  uint64_t device;              /* 0 */
  const void *device_interface; /* NULL */
  uint8_t *host;
  uint64_t flags; /* 0 */
  lathe_type type;
  int32_t dimensions;
  lathe_dim *dim;
  void *padding; /* NULL */
} lathe_buffer;

/* args[i] is a lathe_buffer *, in the order of the kernel's signature. Returns 0. */
typedef int (*lathe_kernel_function)(void **args);

/* ---- tables -------------------------------------------------------------------------------------------------------*/

/* Where a view starts. */
enum lathe_base {
  LATHE_BASE_ARENA = 0,      /* memory between phases, one arena for each program */
  LATHE_BASE_SCRATCH = 1,    /* the worker's own memory */
  LATHE_BASE_WEIGHTS = 2,    /* weights.bin's data */
  LATHE_BASE_CACHE = 3,      /* the KV cache's pool of the view's layer: [pages][page_bytes] */
  LATHE_BASE_IDS = 4,        /* i32 [rows] token ids */
  LATHE_BASE_POSITIONS = 5,  /* i32 [rows] position of each row in its sequence */
  LATHE_BASE_SLOTS = 6,      /* i32 [rows] line of the page table that belongs to the row's sequence */
  LATHE_BASE_PAGES = 7,      /* i32 [slots][max_pages] page table: logical page -> page of the pool */
  LATHE_BASE_LOGIT_ROWS = 8, /* i32 [logit rows] the rows whose logits are wanted */
  LATHE_BASE_LOGITS = 9,     /* f32 [logit rows][logits_stride] output */
  LATHE_BASE_TILE = 10,      /* i32 [7] {m, n, s, worker} of the tile that runs, the step's rows, and of a call for one
                                sequence {first, count}: those of its rows that it is for */
  LATHE_BASE_LENGTHS = 11,   /* i32 [rows] known length of each row's sequence: above its position */
  LATHE_BASE_STATE = 12,     /* the recurrent states' pool of the view's layer: [blocks][state.bytes] */
  LATHE_BASE_BLOCKS = 13,    /* i32 [rows] block of that pool that belongs to the row's sequence */
  LATHE_BASE_COUNT = 14
};

typedef struct lathe_view {
  uint32_t base;   /* lathe_base */
  int32_t layer;   /* of the cache or the state; else 0 */
  uint64_t offset; /* bytes from the base */
  /* Bytes to add for each row tile, column tile, split, expert of a tile of choices, and call within a tile that has more
   * rows than the call takes. */
  int64_t step[5];
  lathe_type type;
  uint32_t dimensions;
  uint32_t first_dim; /* in lathe_variant.dims */
} lathe_view;

/* How often a call runs. */
enum lathe_scope {
  LATHE_SCOPE_TILE = 0,   /* once for each tile */
  LATHE_SCOPE_SPLITS = 1, /* for each tile, once for each split of the tile's row: s = 0 .. splits-1 */
  LATHE_SCOPE_WORKER = 2  /* prologue: by every worker, once for each `rows_per_call` rows of the phase (as m) */
};

typedef struct lathe_call {
  uint32_t kernel;        /* index in lathe_variant.kernels */
  uint32_t scope;         /* lathe_scope */
  uint32_t rows_per_call; /* rows that one call covers; of TILE and SPLITS it divides the phase's rows_per_tile, and the
                             call is made rows_per_tile / rows_per_call times */
  uint32_t first_view, n_views;
  uint32_t one_sequence; /* 1: the call is made for each run of its rows that follow one another in a sequence, by their
                            slots and positions; TILE says which rows these are. Of TILE and SPLITS, in phases of the
                            step's rows */
} lathe_call;

/* What a phase's rows are. */
enum lathe_rows {
  LATHE_ROWS_ALL = 0,     /* the step's */
  LATHE_ROWS_LOGITS = 1,  /* those whose logits are wanted */
  LATHE_ROWS_CHOICES = 2, /* choices of experts, in the tiles of lathe_choices */
  LATHE_ROWS_ONCE = 3     /* one, whatever the step has */
};

/* Rows that an earlier phase has sorted by expert: its table i32 [1 + n] has the number of tiles (n at most), then the
 * expert of each. */
typedef struct lathe_choices {
  uint32_t table; /* index in views + 1; 0: the phase's rows are no choices */
  uint32_t tile_rows;
  uint32_t experts; /* the table's numbers are below */
} lathe_choices;

/* What a phase is. */
enum lathe_phase_kind {
  LATHE_PHASE_KERNELS = 0 /* a grid of tiles */
  /* 1 and above: kept for collectives between devices */
};

/* How a device runs a whole phase at once; zeros where it makes the phase's calls one by one.
 *
 * A tile is a block of threads: the grid is (column_tiles, row tiles, splits), with one row tile where rows are in order
 * or once, and as many as there may be where rows are choices. A block beyond the step's rows, splits or choices does
 * nothing. Scratch is the block's shared memory, and the prologue is the block's own. Parameters are 64-bit addresses:
 *
 *   the start (base, layer and offset) of each view of the prologue's calls, then of the calls, but for those whose base
 *     is SCRATCH or TILE;
 *   the table of choices, where the phase has one;
 *   the step's header on the device, i32 [8]: {rows, logit rows, splits of the longest row's context, 0 ...}. */
typedef struct lathe_launch {
  const char *entry;     /* name of the function in the unit */
  uint32_t unit;         /* index in lathe_variant.units + 1: the code that holds it */
  uint32_t threads;      /* of a block */
  uint32_t shared_bytes; /* of a block, asked for when it is launched */
  uint32_t early; /* 1: may begin before the phase before it has ended; waits by itself for what that writes */
} lathe_launch;

/* What limits a phase's operations. */
enum lathe_rate {
  LATHE_RATE_F32 = 0,        /* multiply-adds of f32 */
  LATHE_RATE_DOT4 = 1,       /* products of bytes, in fours */
  LATHE_RATE_DOT4_TWICE = 2, /* the same, each made for two planes of activations */
  LATHE_RATE_HALF = 3 /* multiply-adds of 16-bit floats, where a device has units for them; else of f32 */
};

/* What a step reads and computes in a phase: for the roofline. A row sees so many positions of its sequence. */
typedef struct lathe_work {
  uint64_t weight_bytes;     /* of weights.bin, read once a step; in phases of choices for each expert that is chosen */
  uint64_t activation_bytes; /* read and written, for each row */
  uint64_t cache_bytes;      /* read, for each row and each position that it sees */
  uint64_t operations;       /* for each row, 2 for a multiply-add */
  uint64_t position_operations; /* the same for each row and each position that it sees */
  uint32_t window;              /* positions that a row sees at most; 0: all up to its own */
  uint32_t rate;                /* lathe_rate */
} lathe_work;

typedef struct lathe_phase {
  const char *name; /* "layer 3: gate, up" */
  uint32_t kind;    /* lathe_phase_kind */
  uint32_t rows;    /* lathe_rows: what the row tiles count */
  uint32_t rows_per_tile;
  uint32_t column_tiles;
  uint32_t splits;   /* 1: the grid has a third dimension, splits of the longest row's context */
  uint32_t in_order; /* 1: a tile has all rows, and makes its calls for each row (as m), one after another */
  uint32_t first_prologue, n_prologue; /* calls of scope WORKER, in lathe_variant.calls */
  uint32_t first_call, n_calls;
  uint32_t result; /* index in views + 1 of the f32 result that verification may compare; 0: none */
  uint32_t hidden; /* i + 1: the result is hidden state i, what layer i reads (the last: what the head reads) */
  lathe_choices choices;
  lathe_launch launch;
  lathe_work work;
} lathe_phase;

typedef struct lathe_program {
  const char *name;  /* "decode", "prefill" */
  uint32_t max_rows; /* of one step */
  uint32_t max_logit_rows;
  uint32_t distinct_sequences; /* 1: no two rows of a step may belong to one sequence */
  uint32_t first_phase, n_phases;
  uint64_t arena_bytes;   /* 64-aligned start */
  uint64_t scratch_bytes; /* for each worker, 64-aligned start */
} lathe_program;

typedef struct lathe_kernel {
  const char *symbol;             /* family, types, shape: the key of its schedule record */
  const char *schedule;           /* "tuned", "nearest KEY" or "fallback" */
  lathe_kernel_function function; /* on a CPU; else NULL */
} lathe_kernel;

/* Code that a device loads by itself. A CPU has none: its kernels are functions of model.so. A unit whose next one has
 * its name can be replaced by that: the device takes the first of them that it can load. */
enum lathe_unit_kind { LATHE_UNIT_CUBIN = 0, LATHE_UNIT_PTX = 1 };
typedef struct lathe_unit {
  const char *name;
  uint32_t kind; /* lathe_unit_kind */
  const void *image;
  uint64_t image_bytes;
} lathe_unit;

/* A unit of a GPU may hold, beside entries of phases, this function: it looks for numbers that are not finite in a page
 * of the cache, so that the page need not be brought to the host. A page is seen as regions of 32-bit words, in each layer
 * as many. Its grid is (layers, regions of a layer, ceil(words of a region / LATHE_PAGE_CHECK_WORDS)); its parameters, of
 * 64 bits each: the first region, bytes from a layer's to the next one's, bytes from a region to the next, words of a
 * region, two masks, the address of an i32, which becomes 1 where a word has all bits of one of the masks. */
#define LATHE_PAGE_CHECK_ENTRY "lathe_page_check"
#define LATHE_PAGE_CHECK_THREADS 256
#define LATHE_PAGE_CHECK_WORDS 4096

/* And these two, which look for the largest logits of rows, so that not all need be brought to the host. A key is an i64
 * whose order is that in which tokens are preferred: above, the logit's bits (-0 as 0) as an i32, negative ones with all
 * but the sign inverted, and 0x7fffffff for what is not a number; below, 0x7fffffff - id. What is no token has INT64_MIN.
 * A block gives the 1 << log largest keys of LATHE_LARGEST_NUMBERS, the largest first: of logits f32 in the first function,
 * of keys in the second. The grid is (ceil(numbers of a row / LATHE_LARGEST_NUMBERS), rows); the parameters, of 64 bits
 * each: the first row's numbers, numbers from a row to the next, numbers of a row, log, the first row's results (of each
 * block in turn), keys from a row's to the next one's.
 *
 * The first function has two more: the address of f64 [rows], 1 / temperature of each, or 0; and, unless that is 0, where
 * each block writes f64 [rows][blocks][2]: its largest logit, and the sum of exp((logit - largest) / temperature). */
#define LATHE_LARGEST_LOGITS_ENTRY "lathe_largest_logits"
#define LATHE_LARGEST_KEYS_ENTRY "lathe_largest_keys"
#define LATHE_LARGEST_THREADS 256
#define LATHE_LARGEST_NUMBERS 1024
#define LATHE_LARGEST_SHARED (8 * (LATHE_LARGEST_NUMBERS + LATHE_LARGEST_THREADS)) /* bytes, dynamic */
#define LATHE_LARGEST_MOST 256 /* 1 << log, at most */

typedef struct lathe_weight {
  const char *name;    /* "layers.3.attention.query+key+value" */
  const char *roles;   /* of its sources, one a line, in their order; "" of a computed table */
  const char *format;  /* "q4_1" */
  const char *packing; /* how it lies: "panels16" (compiler/layout/Packed.h), "rows" for vectors and tables */
  uint64_t rows, columns;
  uint64_t offset, bytes; /* in weights.bin's data */
} lathe_weight;

/* One page of one layer: for each KV head, K transposed [head_size][64] and then V [64][value_size]; of LATHE_INT then
 * their scales f32 [2][64], those of the keys first (compiler/layout/Rows.h). A number that the cache cannot hold is
 * one that is not finite, or has a scale that is not. */
typedef struct lathe_cache {
  uint32_t layers;
  uint32_t kv_heads, head_size, value_size;
  lathe_type type; /* of keys and values: f32, f16 or i8 */
  uint64_t page_bytes;      /* of one layer */
  uint32_t max_pages;       /* of one sequence: ceil(max_context / 64) */
  uint32_t split_positions; /* positions of one split: a multiple of 64 */
} lathe_cache;

/* What recurrent layers remember of a sequence: in each layer a block of so many bytes, which in_order phases change
 * row by row. A row at position 0 takes the block as zero, whatever is in it. */
typedef struct lathe_state {
  uint32_t layers; /* 0: none is recurrent */
  uint64_t bytes;  /* of one sequence in one layer; a multiple of 64 */
} lathe_state;

/* Bits of lathe_variant.features on a CPU. */
enum lathe_cpu_feature {
#define LATHE_CPU_FEATURE(NAME, bit, name, has) LATHE_CPU_##NAME = 1 << bit,
#include "runtime/abi/cpu_features.def"
};

enum lathe_device { LATHE_DEVICE_CPU = 0, LATHE_DEVICE_CUDA = 1 };

/* The model for one target. */
typedef struct lathe_variant {
  const char *target;     /* "x86-64-v4-vnni" */
  const char *plan;       /* how fusion cut it: lathe.plan as MLIR writes it */
  uint32_t device;        /* lathe_device */
  uint32_t features;      /* of a CPU: lathe_cpu_feature bits that its code needs */
  uint32_t sm;            /* of a CUDA device: the compute capability that its code needs, 90 for 9.0 */
  uint32_t logits_stride; /* elements between rows of the logits: vocabulary rounded up to 16 */
  lathe_cache cache;
  lathe_state state;
  uint32_t n_programs, n_phases, n_calls, n_views, n_dims, n_kernels, n_units;
  const lathe_program *programs; /* by max_rows, ascending */
  const lathe_phase *phases;
  const lathe_call *calls;
  const lathe_view *views;
  const lathe_dim *dims;
  const lathe_kernel *kernels;
  const lathe_unit *units;
} lathe_variant;

typedef struct lathe_model {
  char magic[8];
  uint32_t abi_version;
  uint32_t struct_bytes; /* sizeof(lathe_model) */
  const char *name;
  const char *spec;     /* the spec, as textproto */
  uint64_t build_id;    /* equals the weights file's */
  uint32_t max_context; /* positions of one sequence */
  uint32_t vocabulary;
  uint32_t max_slots;         /* sequences of one step */
  uint32_t feed_again_beyond; /* a sequence that passes this length must be fed again from its start, for what is cached
                                 was computed as of a shorter one (longrope); 0: none */
  uint32_t n_variants, n_weights;
  const lathe_variant *variants; /* the best first */
  const lathe_weight *weights;
  uint64_t weights_bytes;    /* of weights.bin's data */
  uint64_t tokenizer_offset; /* tokenizer_abi.h's blob, in weights.bin's data; bytes 0: none */
  uint64_t tokenizer_bytes;
} lathe_model;

/* weights.bin: this header, zeros up to LATHE_WEIGHTS_ALIGNMENT, then data_bytes of data. */
typedef struct lathe_weights_header {
  char magic[8];
  uint32_t abi_version;
  uint32_t header_bytes; /* LATHE_WEIGHTS_ALIGNMENT: where data begins */
  uint64_t build_id;     /* FNV-1a of everything that made the bundle */
  uint64_t data_bytes;
  uint64_t program_bytes; /* size of model.so: a truncated one is refused before it is opened */
  uint64_t program_hash;  /* FNV-1a 64 over model.so; 0 in an executable, which carries both */
  uint64_t data_hash;     /* FNV-1a 64 over the data as little-endian u64 words: checked by `lathe verify` */
} lathe_weights_header;

#ifdef __cplusplus
}
#endif
#endif
