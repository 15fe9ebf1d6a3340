// Each rule of checkTables, broken one at a time on a copy of the toy model's tables.
#include "runtime/model/TableCheck.h"
#include "runtime/device/cpu/CpuDevice.h"
#include "test/runtime/toy/ToyModel.h"
#include <cstring>
#include <gmock/gmock.h>
#include <random>
#include <span>
#include <vector>

namespace lathe {
namespace {

using ::testing::HasSubstr;

/// The toy's tables, writable.
struct Tables {
  lathe_model model = toyModel;
  lathe_variant variant = *model.variants;
  std::vector<lathe_program> programs{variant.programs, variant.programs + variant.n_programs};
  std::vector<lathe_phase> phases{variant.phases, variant.phases + variant.n_phases};
  std::vector<lathe_call> calls{variant.calls, variant.calls + variant.n_calls};
  std::vector<lathe_view> views{variant.views, variant.views + variant.n_views};
  std::vector<lathe_dim> dims{variant.dims, variant.dims + variant.n_dims};
  std::vector<lathe_kernel> kernels{variant.kernels, variant.kernels + variant.n_kernels};
  std::vector<lathe_weight> weights{model.weights, model.weights + model.n_weights};

  Tables() {
    variant.programs = programs.data();
    variant.phases = phases.data();
    variant.calls = calls.data();
    variant.views = views.data();
    variant.dims = dims.data();
    variant.kernels = kernels.data();
    model.variants = &variant;
    model.weights = weights.data();
  }
  Tables(const Tables &) = delete;
};

/// What checkTables says of tables after `change`.
template <typename Change> std::string refusal(Change change) {
  Tables tables;
  change(tables);
  const Result<void> sound = checkTables(tables.model);
  return sound ? "(sound)" : sound.message();
}

TEST(TableCheck, AcceptsTheToy) {
  EXPECT_EQ(refusal([](Tables &) {}), "(sound)");
  EXPECT_TRUE(checkHeader(toyModel));
}

TEST(TableCheck, Limits) {
  EXPECT_THAT(refusal([](Tables &t) { t.model.name = nullptr; }), HasSubstr("name or spec"));
  EXPECT_THAT(refusal([](Tables &t) { t.model.max_context = 0; }), HasSubstr("max_context is 0"));
  EXPECT_THAT(refusal([](Tables &t) { t.model.max_context = ~0u; }), HasSubstr("max_context is 4294967295"));
  EXPECT_THAT(refusal([](Tables &t) { t.model.vocabulary = 0; }), HasSubstr("vocabulary is 0"));
  EXPECT_THAT(refusal([](Tables &t) { t.variant.logits_stride = 10; }), HasSubstr("logits_stride is 10"));
  EXPECT_THAT(refusal([](Tables &t) { t.model.max_slots = 0; }), HasSubstr("max_slots is 0"));
  EXPECT_THAT(refusal([](Tables &t) { t.model.weights_bytes = ~uint64_t(0); }), HasSubstr("weights_bytes"));
  EXPECT_THAT(refusal([](Tables &t) { t.model.tokenizer_bytes = 1 << 20; }), HasSubstr("tokenizer"));
  EXPECT_THAT(refusal([](Tables &t) { t.model.tokenizer_offset = ~uint64_t(0); }), HasSubstr("tokenizer"));
  EXPECT_THAT(refusal([](Tables &t) { t.variant.n_views = ~0u; }), HasSubstr("table views has 4294967295"));
  EXPECT_THAT(refusal([](Tables &t) { t.variant.phases = nullptr; }), HasSubstr("table phases"));
  EXPECT_THAT(refusal([](Tables &t) { t.variant.n_programs = 0; }), HasSubstr("variant 0 (any): no programs"));
  EXPECT_THAT(refusal([](Tables &t) { t.model.n_variants = 0; }), HasSubstr("no variants"));
  EXPECT_THAT(refusal([](Tables &t) { t.model.variants = nullptr; }), HasSubstr("table variants"));
  EXPECT_THAT(refusal([](Tables &t) { t.variant.target = nullptr; }),
              HasSubstr("variant 0 (?): its target has no name"));
  EXPECT_THAT(refusal([](Tables &t) { t.variant.device = 2; }), HasSubstr("device 2 is unknown"));
  EXPECT_THAT(refusal([](Tables &t) { t.weights[0].packing = nullptr; }), HasSubstr("weight 0"));
  const lathe_unit good = {"u", LATHE_UNIT_PTX, "code", 4};
  auto withUnit = [](lathe_unit unit) {
    return refusal([&](Tables &t) {
      t.variant.n_units = 1;
      t.variant.units = &unit;
    });
  };
  EXPECT_EQ(withUnit(good), "(sound)");
  EXPECT_THAT(withUnit({"u", 7, "code", 4}), HasSubstr("unit 0 (u): kind 7 is unknown"));
  EXPECT_THAT(withUnit({"u", LATHE_UNIT_PTX, nullptr, 4}), HasSubstr("unit 0: no name or no code"));
}

/// The toy for a GPU, whose code nothing looks at here.
struct GpuTables : Tables {
  lathe_unit unit = {"toy", LATHE_UNIT_PTX, "code", 4};
  GpuTables() {
    variant.device = LATHE_DEVICE_CUDA;
    variant.n_units = 1;
    variant.units = &unit;
    for (lathe_phase &phase : phases)
      phase.launch = {"toy_phase", 1, 32, 0, 0};
  }
};

TEST(TableCheck, Launches) {
  auto refusalOf = [](auto change) {
    GpuTables tables;
    change(tables);
    const Result<void> sound = checkTables(tables.model);
    return sound ? "(sound)" : sound.message();
  };
  EXPECT_EQ(refusalOf([](GpuTables &) {}), "(sound)");
  EXPECT_EQ(refusalOf([](GpuTables &t) { t.phases[2].launch = {"toy_phase", 1, 1024, 227 << 10, 1}; }), "(sound)");
  EXPECT_THAT(refusalOf([](GpuTables &t) { t.phases[2].launch.unit = 0; }),
              HasSubstr("phase 2 (layer 0: attend): launch: of 1 units none is its"));
  EXPECT_THAT(refusalOf([](GpuTables &t) { t.phases[2].launch.unit = 2; }), HasSubstr("launch: unit 1 of 1"));
  EXPECT_THAT(refusalOf([](GpuTables &t) { t.phases[2].launch.entry = nullptr; }), HasSubstr("no entry"));
  EXPECT_THAT(refusalOf([](GpuTables &t) { t.phases[2].launch.entry = ""; }), HasSubstr("no entry"));
  EXPECT_THAT(refusalOf([](GpuTables &t) { t.phases[2].launch.threads = 0; }), HasSubstr("0 threads; 1 to 1024"));
  EXPECT_THAT(refusalOf([](GpuTables &t) { t.phases[2].launch.threads = 1025; }), HasSubstr("1025 threads"));
  EXPECT_THAT(refusalOf([](GpuTables &t) { t.phases[2].launch.shared_bytes = (227 << 10) + 1; }),
              HasSubstr("232449 bytes of shared memory; at most 232448"));
  EXPECT_THAT(refusalOf([](GpuTables &t) { t.phases[2].launch.early = 2; }), HasSubstr("early is 2"));
  EXPECT_THAT(refusalOf([](GpuTables &t) { t.unit.image_bytes = ~uint64_t(0); }), HasSubstr("unit 0: no name or no code"));
  EXPECT_THAT(refusalOf([](GpuTables &t) { t.programs[1].max_rows = 1 << 17; }), HasSubstr("phase"));
}

TEST(TableCheck, Cache) {
  EXPECT_THAT(refusal([](Tables &t) { t.variant.cache.max_pages = 5; }), HasSubstr("max_context 200 needs 4"));
  EXPECT_THAT(refusal([](Tables &t) { t.variant.cache.split_positions = 0; }), HasSubstr("split_positions is 0"));
  EXPECT_THAT(refusal([](Tables &t) { t.variant.cache.split_positions = 100; }), HasSubstr("multiple of 64"));
  EXPECT_THAT(refusal([](Tables &t) { t.variant.cache.head_size = 5; }), HasSubstr("do not fit"));
  EXPECT_THAT(refusal([](Tables &t) { t.variant.cache.value_size = 4000000000; }), HasSubstr("do not fit"));
  EXPECT_THAT(refusal([](Tables &t) { t.variant.cache.page_bytes = ~uint64_t(0); }), HasSubstr("cache"));
  for (lathe_type type : {lathe_type{LATHE_FLOAT, 8, 1}, {LATHE_INT, 16, 1}, {LATHE_BFLOAT, 16, 1}, {LATHE_INT, 8, 2}})
    EXPECT_THAT(refusal([&](Tables &t) { t.variant.cache.type = type; }), HasSubstr("is none of a cache"));
  auto ofBytes = [](uint64_t missing) {
    return refusal([&](Tables &t) {
      t.variant.cache.type = {LATHE_INT, 8, 1};
      t.variant.cache.page_bytes = 64 * (2 * t.variant.cache.head_size + 8) - missing; // 2 * 64 scales
    });
  };
  EXPECT_EQ(ofBytes(0), "(sound)");
  EXPECT_THAT(ofBytes(1), HasSubstr("x 8 bits with their scales do not fit"));
}

TEST(TableCheck, Programs) {
  EXPECT_THAT(refusal([](Tables &t) { t.programs[0].max_rows = 0; }), HasSubstr("program 0 (decode): max_rows is 0"));
  EXPECT_THAT(refusal([](Tables &t) { t.programs[0].max_logit_rows = 4; }), HasSubstr("max_logit_rows is 4"));
  EXPECT_THAT(refusal([](Tables &t) { t.programs[0].n_phases = 100; }), HasSubstr("phases 0 + 100 of 8"));
  EXPECT_THAT(refusal([](Tables &t) { t.programs[0].first_phase = ~0u; }), HasSubstr("phases 4294967295 + 8 of 8"));
  EXPECT_THAT(refusal([](Tables &t) { t.programs[0].name = nullptr; }), HasSubstr("no name"));
  EXPECT_THAT(refusal([](Tables &t) { t.programs[1].arena_bytes = ~uint64_t(0); }), HasSubstr("arena of"));
  EXPECT_THAT(refusal([](Tables &t) { std::swap(t.programs[0], t.programs[1]); }), HasSubstr("must ascend"));
}

TEST(TableCheck, Phases) {
  EXPECT_THAT(refusal([](Tables &t) { t.phases[2].rows = 4; }), HasSubstr("phase 2 (layer 0: attend): rows is 4"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[2].rows_per_tile = 0; }), HasSubstr("rows_per_tile is 0"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[2].column_tiles = 0; }), HasSubstr("column_tiles is 0"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[2].splits = 2; }), HasSubstr("splits is 2"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[2].n_calls = 0; }), HasSubstr("no calls"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[2].first_call = 11; }), HasSubstr("calls 11 + 1 of 11"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[1].first_prologue = 99; }), HasSubstr("prologue calls 99 + 1 of 11"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[1].first_prologue = 0; }), HasSubstr("scope WORKER is for a prologue"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[1].first_call = 1; }), HasSubstr("scope WORKER is for a prologue"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[3].splits = 1; }), HasSubstr("scope SPLITS in a phase"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[2].kind = 1; }), HasSubstr("kind is 1: unknown"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[2].launch.unit = 1; }), HasSubstr("launch: unit 0 of 0"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[2].work.rate = 99; }), HasSubstr("work: rate 99 is unknown"));
}

TEST(TableCheck, Choices) {
  auto with = [](lathe_choices choices) {
    return refusal([&](Tables &t) {
      t.phases[2].rows = LATHE_ROWS_CHOICES;
      t.phases[2].choices = choices;
    });
  };
  EXPECT_THAT(with({0, 0, 0}), HasSubstr("a table is for rows that are choices and for them only"));
  EXPECT_THAT(with({1000, 1, 1}), HasSubstr("choices: view 999 of"));
  EXPECT_THAT(with({1, 0, 1}), HasSubstr("tiles of 0 rows"));
  EXPECT_THAT(with({1, 1, 0}), HasSubstr("0 experts"));
  EXPECT_THAT(with({1, 1, 1}), HasSubstr("the table must be i32 [1 + tiles] in the arena"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[2].choices.table = 1; }), HasSubstr("a table is for rows that are"));
}

TEST(TableCheck, Results) {
  EXPECT_THAT(refusal([](Tables &t) { t.phases[0].result = 0; }), HasSubstr("hidden state 0 without a result"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[0].result = 1000; }), HasSubstr("result: view 999 of"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[0].result = 1; }), HasSubstr("result: must be in the arena"));
  EXPECT_THAT(refusal([](Tables &t) { t.phases[0].result = 3; }), HasSubstr("it must have 2"));
  EXPECT_THAT(refusal([](Tables &t) { t.programs[1].max_rows = 9; }), HasSubstr("must be [9 rows]"));
}

TEST(TableCheck, Calls) {
  EXPECT_THAT(refusal([](Tables &t) { t.calls[0].kernel = 7; }), HasSubstr("kernel 7 of 7"));
  EXPECT_THAT(refusal([](Tables &t) { t.calls[0].scope = 3; }), HasSubstr("scope 3"));
  EXPECT_THAT(refusal([](Tables &t) { t.calls[1].rows_per_call = 0; }), HasSubstr("rows_per_call is 0"));
  EXPECT_THAT(refusal([](Tables &t) { t.calls[4].rows_per_call = 3; }), HasSubstr("does not divide the tile's 2"));
  EXPECT_THAT(refusal([](Tables &t) { t.calls[4].one_sequence = 2; }), HasSubstr("one_sequence is 2"));
  EXPECT_THAT(refusal([](Tables &t) { t.calls[1].one_sequence = 1; }), HasSubstr("one_sequence is 1"));
  EXPECT_THAT(refusal([](Tables &t) { t.calls[0].first_view = ~0u; }), HasSubstr("views 4294967295 + 3"));
  EXPECT_THAT(refusal([](Tables &t) { t.calls[0].n_views = 33; }), HasSubstr("at most 32"));
  EXPECT_THAT(refusal([](Tables &t) { t.kernels[6].function = nullptr; }), HasSubstr("kernel 6"));
  EXPECT_THAT(refusal([](Tables &t) { t.kernels[6].symbol = nullptr; }), HasSubstr("kernel 6"));
}

TEST(TableCheck, Views) {
  EXPECT_THAT(refusal([](Tables &t) { t.views[0].base = LATHE_BASE_COUNT; }), HasSubstr("view 0: base 14"));
  EXPECT_THAT(refusal([](Tables &t) { t.views[0].layer = 1; }), HasSubstr("layer 1 of base ids"));
  EXPECT_THAT(refusal([](Tables &t) { t.views[12].layer = 2; }), HasSubstr("layer 2 of base cache"));
  EXPECT_THAT(refusal([](Tables &t) { t.views[12].layer = -1; }), HasSubstr("layer -1 of base cache"));
  EXPECT_THAT(refusal([](Tables &t) { t.views[0].type.bits = 12; }), HasSubstr("bits 12"));
  EXPECT_THAT(refusal([](Tables &t) { t.views[0].type.lanes = 4; }), HasSubstr("lanes 4"));
  EXPECT_THAT(refusal([](Tables &t) { t.views[0].dimensions = 9; }), HasSubstr("9 dimensions"));
  EXPECT_THAT(refusal([](Tables &t) { t.views[0].first_dim = ~0u; }), HasSubstr("dims 4294967295 + 1"));
  EXPECT_THAT(refusal([](Tables &t) { t.dims[0].min = 1; }), HasSubstr("min 1"));
  EXPECT_THAT(refusal([](Tables &t) { t.dims[0].extent = -1; }), HasSubstr("extent -1"));
}

TEST(TableCheck, ViewsStayInsideTheirMemory) {
  EXPECT_THAT(
      refusal([](Tables &t) { t.views[1].offset = 68; }),
      HasSubstr("phase 0 (embed): toy_embed, argument 1: reaches bytes 68 to 324 of base weights, which has 320"));
  EXPECT_THAT(refusal([](Tables &t) { t.views[1].offset = ~uint64_t(0); }), HasSubstr("base weights"));
  EXPECT_THAT(refusal([](Tables &t) { t.views[2].step[0] = 1 << 20; }), HasSubstr("base arena"));
  EXPECT_THAT(refusal([](Tables &t) { t.views[2].step[0] = -16; }), HasSubstr("reaches bytes -32"));
  EXPECT_THAT(refusal([](Tables &t) { t.views[2].step[0] = INT64_MIN; }), HasSubstr("base arena"));
  EXPECT_THAT(refusal([](Tables &t) { // the second call of a tile of two rows
                t.calls[4].rows_per_call = 1;
                t.views[22].step[4] = 1 << 20;
              }),
              HasSubstr("base arena"));
  EXPECT_THAT(refusal([](Tables &t) { t.programs[0].scratch_bytes = 32; }), HasSubstr("base scratch, which has 32"));
  EXPECT_THAT(refusal([](Tables &t) { t.views[12].offset = 1 << 20; }), HasSubstr("base cache"));
  EXPECT_THAT(refusal([](Tables &t) { t.weights[1].offset = 300; }), HasSubstr("weight 1 (scales)"));
  EXPECT_THAT(refusal([](Tables &t) { t.weights[1].bytes = ~uint64_t(0); }), HasSubstr("weight 1 (scales)"));
}

/// Overwrites one 32-bit word of a table with a number that is likely to be wrong in an interesting way.
template <typename Entry> void damage(std::vector<Entry> &table, std::mt19937 &random) {
  static constexpr uint32_t kWords[] = {0, 1, 2, 7, 63, 64, 255, 4096, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
  Entry &entry = table[random() % table.size()];
  // Pointers (names, functions) come first in the structs that have any; they are the linker's, not the compiler's.
  const size_t first = std::is_same_v<Entry, lathe_program> || std::is_same_v<Entry, lathe_phase> ? 2 : 0;
  const size_t word = first + random() % (sizeof(Entry) / 4 - first);
  const uint32_t value = random() % 4 ? kWords[random() % std::size(kWords)] : uint32_t(random());
  std::memcpy(reinterpret_cast<uint8_t *>(&entry) + 4 * word, &value, 4);
}

// No damage makes the check or the executor's set-up crash, and what passes can be set up.
TEST(TableCheck, SurvivesDamage) {
  std::mt19937 random(7);
  const std::vector<uint8_t> data(toyModel.weights_bytes);
  const auto weights = cpuDevice()->load(data).take();
  const auto cache = cpuDevice()->createPages({.layers = 2, .pageBytes = 1 << 14, .pages = 2, .what = "cache"}).take();
  int accepted = 0, refused = 0;
  for (int round = 0; round < 20000; ++round) {
    Tables tables;
    for (uint32_t hits = 1 + random() % 2; hits > 0; --hits) {
      switch (random() % 5) {
      case 0:
        damage(tables.programs, random);
        break;
      case 1:
        damage(tables.phases, random);
        break;
      case 2:
        damage(tables.calls, random);
        break;
      case 3:
        damage(tables.views, random);
        break;
      case 4:
        damage(tables.dims, random);
        break;
      }
    }
    if (!checkTables(tables.model)) {
      ++refused;
      continue;
    }
    ++accepted;
    const auto executor = cpuDevice()->createExecutor(
        {.model = tables.model, .variant = tables.variant, .weights = *weights, .cache = cache.get()}, {.threads = 1});
    EXPECT_TRUE(executor || executor.message().find("no memory") != std::string::npos);
  }
  EXPECT_GT(refused, 10000);
  EXPECT_GT(accepted, 100);
}

} // namespace
} // namespace lathe
