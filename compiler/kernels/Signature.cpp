//===- Signature.cpp - the arguments of kernels -----------------------------------------------------------------===//
#include "compiler/kernels/Signature.h"
#include <limits>

using namespace lathe;

namespace {

using Dim = Argument::Dim;

/// One view into the panels of an integer format.
struct MatrixPart {
  std::string name;
  ElementType type;
  int64_t offset; ///< bytes into a panel
  std::vector<Dim> dims;
};

std::vector<MatrixPart> matrixParts(PackedFormat format, int64_t columns, int64_t panels) {
  const PanelLayout &layout = panelLayout(format);
  const int64_t step = layout.stepBytes(), panel = panelBytes(format, columns), head = layout.headBytes(columns);
  std::vector<MatrixPart> parts;
  auto plane = [&](const char *name, int bits, int64_t at) {
    if (bits)
      parts.push_back({name,
                       ElementType::U8,
                       head + at,
                       {{4, 1}, {kPanelRows, 4}, {bits, 64}, {columns / kGroup, step}, {panels, panel}}});
  };
  auto scales = [&](const char *name, ElementType type, int64_t at) {
    const int64_t size = elementBytes(type);
    parts.push_back(
        {name,
         type,
         head + at,
         {{kPanelRows, 1}, {layout.groups(), kPanelRows}, {columns / kGroup, step / size}, {panels, panel / size}}});
  };
  auto blocks = [&](const char *name, int64_t at) {
    const int64_t block = layout.blockHeadBytes() / 2;
    parts.push_back({name, ElementType::U16, at, {{kPanelRows, 1}, {columns / kBlock, block}, {panels, panel / 2}}});
  };
  plane("w", layout.lowBits, 0);
  plane("wh", layout.highBits, layout.highAt());
  if (layout.blockScales) {
    blocks("d", 0);
    if (layout.minimum)
      blocks("m", kPanelRows * 2);
  }
  const ElementType type = layout.blockScales ? ElementType::I8 : ElementType::U16;
  scales(layout.blockScales ? "s" : "d", type, layout.scalesAt());
  if (layout.minimum)
    scales(layout.blockScales ? "t" : "m", type, layout.minimumsAt());
  return parts;
}

class Arguments {
public:
  std::vector<Argument> list;

  void input(std::string name, ElementType type, std::vector<Dim> dims) {
    list.push_back({std::move(name), type, std::move(dims), false});
  }
  void output(std::string name, ElementType type, std::vector<Dim> dims) {
    list.push_back({std::move(name), type, std::move(dims), true});
  }
  void vector(std::string name, ElementType type, int64_t extent) { input(std::move(name), type, {{extent, 1}}); }

  void matrix(PackedFormat format, int64_t columns, int64_t panels) {
    if (!isInteger(format)) {
      ElementType type = format == PackedFormat::F32   ? ElementType::F32
                         : format == PackedFormat::F16 ? ElementType::F16
                                                       : ElementType::BF16;
      input("w", type, {{kPanelRows, 1}, {columns, kPanelRows}, {panels, columns * kPanelRows}});
      return;
    }
    for (MatrixPart &part : matrixParts(format, columns, panels))
      input(std::move(part.name), part.type, std::move(part.dims));
  }

  /// One row of results, f32 or quantised.
  void row(ActFormat format, int64_t columns) {
    if (format == ActFormat::F32)
      return output("y", ElementType::F32, {{columns, 1}});
    output("q", ElementType::I8, {{columns, 1}});
    if (format == ActFormat::Q16)
      output("low", ElementType::I8, {{columns, 1}});
    output("scale", ElementType::F32, {{columns / scaleColumns(format), 1}});
    output("sum", ElementType::I32, {{columns / kSumColumns, 1}});
  }

  /// What append and attend need to find their place.
  void place(int64_t maxPages, int64_t rows = 1) {
    vector("positions", ElementType::I32, rows);
    vector("slots", ElementType::I32, rows);
    input("pages", ElementType::I32, {{maxPages, 1}, open(maxPages)});
    vector("tile", ElementType::I32, rows > 1 ? 7 : 4);
  }

  void rotation(const Rotation &k, int64_t maxPages) {
    const int64_t pairs = k.rotated / 2;
    if (k.rule != LengthRule::None)
      vector("lengths", ElementType::I32, 1);
    if (k.rule == LengthRule::Grow) {
      input("frequencies", ElementType::F32, {{2, 1}, {pairs, 2}});
      input("growth", ElementType::F32, {{2, 1}, {k.grown, 2}});
      return;
    }
    std::vector<Dim> high = {{2, 1}, {pairs, 2}, {maxPages, k.rotated}};
    std::vector<Dim> low = {{2, 1}, {pairs, 2}, {kPagePositions, k.rotated}};
    if (k.rule == LengthRule::Switch)
      for (std::vector<Dim> *dims : {&high, &low})
        dims->push_back({2, dims->back().extent * k.rotated});
    input("high", ElementType::F32, high);
    input("low", ElementType::F32, low);
  }

  void cache(CacheFormat format, int64_t kvHeads, int64_t headSize, int64_t valueSize, bool isOutput) {
    const ElementType type = elementType(format);
    const int64_t bytes = kvHeads * cacheHead(format, headSize, valueSize).bytes;
    const Dim pages = open(bytes / elementBytes(type));
    list.push_back({"K", type, {{kPagePositions, 1}, {headSize, kPagePositions}, pages}, isOutput});
    list.push_back({"V", type, {{valueSize, 1}, {kPagePositions, valueSize}, pages}, isOutput});
    if (format == CacheFormat::Q8)
      list.push_back({"S", ElementType::F32, {{kPagePositions, 1}, {2, kPagePositions}, open(bytes / 4)}, isOutput});
  }

  static Dim open(int64_t stride) { return {std::numeric_limits<int32_t>::max() / stride, stride}; }
};

std::vector<Argument> arguments(const EmbedKernel &k) {
  Arguments a;
  a.vector("ids", ElementType::I32, 1);
  a.matrix(k.format, k.columns, panelsOf(k.vocabulary));
  a.row(ActFormat::F32, k.columns);
  return a.list;
}

std::vector<Argument> arguments(const NormKernel &k) {
  Arguments a;
  if (k.gatherRows) {
    a.vector("rows", ElementType::I32, 1);
    a.input("x", ElementType::F32, {{k.columns, 1}, {k.gatherRows, rowStride(k.columns)}});
  } else {
    a.vector("x", ElementType::F32, k.columns);
  }
  if (k.kind != NormKind::None && !k.unweighted)
    a.vector("weight", ElementType::F32, k.vectors());
  if (k.bias)
    a.vector("bias", ElementType::F32, k.vectors());
  a.row(k.output, k.columns);
  return a.list;
}

std::vector<Argument> arguments(const LinearKernel &k) {
  Arguments a;
  if (k.input == ActFormat::F32) {
    a.input("x", ElementType::F32, {{k.columns, 1}, {k.rows, rowStride(k.columns)}});
  } else {
    int64_t groups = k.columns / scaleColumns(k.input), sums = k.columns / kSumColumns;
    a.input("q", ElementType::I8, {{k.columns, 1}, {k.rows, k.columns}});
    if (k.input == ActFormat::Q16)
      a.input("low", ElementType::I8, {{k.columns, 1}, {k.rows, k.columns}});
    a.input("scale", ElementType::F32, {{groups, 1}, {k.rows, groups}});
    a.input("sum", ElementType::I32, {{sums, 1}, {k.rows, sums}});
  }
  a.matrix(k.format, k.columns, k.panels);
  if (k.bias)
    a.input("bias", ElementType::F32, {{kPanelRows, 1}, {k.panels, kPanelRows}});
  std::vector<Dim> out = {{kPanelRows, 1}, {k.gated ? k.panels / 2 : k.panels, kPanelRows}, {k.rows, k.outputStride}};
  if (k.residual)
    a.input("residual", ElementType::F32, out);
  a.output("y", ElementType::F32, out);
  return a.list;
}

std::vector<Argument> arguments(const RotateKernel &k) {
  const std::vector<Dim> row = {{k.headSize, 1}, {k.heads, k.headSize}};
  Arguments a;
  a.vector("positions", ElementType::I32, 1);
  a.rotation(k.rotation, k.maxPages);
  a.input("x", ElementType::F32, row);
  a.output("y", ElementType::F32, row);
  return a.list;
}

std::vector<Argument> arguments(const AppendKernel &k) {
  int64_t group = k.heads / k.kvHeads;
  Arguments a;
  a.place(k.maxPages);
  if (k.rotation.rotated) {
    a.rotation(k.rotation, k.maxPages);
    a.input("q", ElementType::F32, {{k.headSize, 1}, {group, k.headSize}});
  }
  a.vector("k", ElementType::F32, k.headSize);
  a.vector("v", ElementType::F32, k.valueSize());
  if (k.rotation.rotated)
    a.output("qr", ElementType::F32, {{k.headSize, 1}, {group, k.headSize}});
  a.cache(k.cache, k.kvHeads, k.headSize, k.valueSize(), /*isOutput=*/true);
  return a.list;
}

std::vector<Argument> arguments(const AttendKernel &k) {
  const int64_t group = k.heads / k.kvHeads, partial = k.valueSize() + 2;
  const bool many = k.rows > 1; // else the strides have no meaning, and equal kernels have equal arguments
  Arguments a;
  a.place(k.maxPages, k.rows);
  a.input("q", ElementType::F32,
          {{k.headSize, 1}, {group, k.headSize}, {k.rows, many ? k.queryStride : group * k.headSize}});
  if (k.alibi)
    a.vector("slopes", ElementType::F32, group);
  if (k.scales)
    a.vector("scales", ElementType::F32, group);
  if (k.every)
    a.vector("temperatures", ElementType::F32, k.temperatures);
  a.cache(k.cache, k.kvHeads, k.headSize, k.valueSize(), /*isOutput=*/false);
  a.output("partial", ElementType::F32,
           {{partial, 1}, {group, partial}, {k.rows, many ? k.partialStride : group * partial}});
  return a.list;
}

std::vector<Argument> arguments(const PointwiseKernel &k) {
  Arguments a;
  a.vector("x", ElementType::F32, k.columns);
  if (k.kind == Pointwise::Add || k.kind == Pointwise::Glu)
    a.vector("z", ElementType::F32, k.columns);
  if (k.kind == Pointwise::Gate)
    a.vector("z", ElementType::F32, 1);
  if (k.activation == Activation::XIELU)
    for (const char *side : {"positive", "negative"})
      a.vector(side, ElementType::F32, 1);
  if (k.weights)
    a.vector("weight", ElementType::F32, k.weights);
  a.row(k.output, k.columns);
  return a.list;
}

std::vector<Argument> arguments(const RouteKernel &k) {
  Arguments a;
  a.vector("x", ElementType::F32, k.experts);
  if (k.bias)
    a.vector("bias", ElementType::F32, k.experts);
  a.row(ActFormat::F32, 2 * k.choices);
  return a.list;
}

std::vector<Argument> arguments(const AssignKernel &k) {
  const ChoiceLayout &l = k.layout;
  Arguments a;
  a.vector("tile", ElementType::I32, 5);
  a.input("routes", ElementType::F32, {{2 * l.choices, 1}, {l.rows, rowStride(2 * l.choices)}});
  a.output("tiles", ElementType::I32, {{1 + l.tiles(), 1}});
  a.output("rows", ElementType::I32, {{l.places(), 1}});
  a.output("places", ElementType::I32, {{l.experts + l.rows * l.choices, 1}});
  return a.list;
}

std::vector<Argument> arguments(const CollectKernel &k) {
  Arguments a;
  a.vector("places", ElementType::I32, k.choices);
  a.vector("weights", ElementType::F32, k.choices);
  a.input("x", ElementType::F32, {{k.columns, 1}, {k.places, rowStride(k.columns)}});
  a.row(k.output, k.columns);
  return a.list;
}

std::vector<Argument> arguments(const ConvKernel &k) {
  const int64_t panels = panelsOf(k.channels), panel = kPanelRows * k.width;
  Arguments a;
  a.vector("blocks", ElementType::I32, 1);
  a.vector("positions", ElementType::I32, 1);
  a.vector("x", ElementType::F32, k.channels);
  a.matrix(PackedFormat::F32, k.width, panels);
  if (k.bias)
    a.input("bias", ElementType::F32, {{kPanelRows, 1}, {panels, kPanelRows}});
  a.output("state", ElementType::F32,
           {{kPanelRows, 1}, {k.width, kPanelRows}, {panels, panel}, Arguments::open(k.stateElements)});
  a.output("y", ElementType::F32, {{kPanelRows, 1}, {panels, kPanelRows}});
  return a.list;
}

std::vector<Argument> arguments(const ScanKernel &k) {
  const std::vector<Dim> perHead = {{kPanelRows, 1}, {k.blocks(), kPanelRows}};
  const std::vector<Dim> parameters = {{k.stateSize, 1}, {k.groups, k.stateSize}};
  Arguments a;
  a.vector("blocks", ElementType::I32, 1);
  a.vector("positions", ElementType::I32, 1);
  a.vector("tile", ElementType::I32, 4);
  a.vector("x", ElementType::F32, k.heads * k.headSize);
  a.vector("dt", ElementType::F32, k.heads);
  a.input("b", ElementType::F32, parameters);
  a.input("c", ElementType::F32, parameters);
  if (k.byChannel)
    a.input("a", ElementType::F32,
            {{kPanelRows, 1}, {k.stateSize, kPanelRows}, {k.blocks(), kPanelRows * k.stateSize}});
  else
    a.vector("a", ElementType::F32, k.heads);
  for (const char *name : {"d", "dt_bias"})
    k.byChannel ? a.input(name, ElementType::F32, perHead) : a.vector(name, ElementType::F32, k.heads);
  a.output("state", ElementType::F32,
           {{k.lanes(), 1},
            {k.stateSize, k.lanes()},
            {k.blocks(), k.lanes() * k.stateSize},
            Arguments::open(k.stateElements)});
  a.output("y", ElementType::F32, {{k.lanes(), 1}, {k.blocks(), k.lanes()}});
  return a.list;
}

std::vector<Argument> arguments(const CombineKernel &k) {
  Arguments a;
  a.vector("positions", ElementType::I32, 1);
  a.input("partial", ElementType::F32, {{k.headSize + 2, 1}, {k.heads, k.headSize + 2}, {k.maxSplits, k.splitStride}});
  if (k.sinks)
    a.vector("sinks", ElementType::F32, k.heads);
  a.row(k.output, k.heads * k.headSize);
  return a.list;
}

} // namespace

ElementType lathe::elementType(CacheFormat format) {
  switch (format) {
  case CacheFormat::F32:
    return ElementType::F32;
  case CacheFormat::F16:
    return ElementType::F16;
  case CacheFormat::Q8:
    break;
  }
  return ElementType::I8;
}

int64_t lathe::elementBytes(ElementType type) {
  switch (type) {
  case ElementType::F32:
  case ElementType::I32:
    return 4;
  case ElementType::F16:
  case ElementType::BF16:
  case ElementType::U16:
    return 2;
  case ElementType::I8:
  case ElementType::U8:
    return 1;
  }
  return 0;
}

int64_t Argument::spanBytes() const {
  int64_t last = 0;
  for (const Dim &dim : dims)
    last += (dim.extent - 1) * dim.stride;
  return (last + 1) * elementBytes(type);
}

std::vector<Argument> lathe::signature(const KernelDesc &kernel) {
  return std::visit([](const auto &k) { return arguments(k); }, kernel);
}

std::string lathe::print(const std::vector<Argument> &arguments) {
  static const char *const types[] = {"f32", "f16", "bf16", "i8", "u8", "u16", "i32"};
  std::string text;
  for (const Argument &argument : arguments) {
    text += (text.empty()      ? ""
             : argument.output ? " -> "
                               : ", ") +
            argument.name + " " + types[static_cast<int>(argument.type)] + "[";
    for (size_t i = 0; i < argument.dims.size(); ++i)
      text += (i ? ", " : "") + std::to_string(argument.dims[i].extent) + ":" + std::to_string(argument.dims[i].stride);
    text += "]";
  }
  return text;
}

std::vector<int64_t> lathe::matrixOffsets(PackedFormat format, int64_t columns) {
  if (!isInteger(format))
    return {0};
  std::vector<int64_t> offsets;
  for (const MatrixPart &part : matrixParts(format, columns, 1))
    offsets.push_back(part.offset);
  return offsets;
}
