#include "test/compiler/pipeline/RandomSpecs.h"
#include "compiler/spec/Input.h"
#include <algorithm>
#include <functional>
#include <google/protobuf/text_format.h>

using namespace lathe;
using namespace lathe::test;
using google::protobuf::Descriptor;
using google::protobuf::Message;
using Field = google::protobuf::FieldDescriptor;

namespace {

/// Values of numbers. 0 leaves a field as it is. Sizes are such that no vector length divides them all.
const std::map<std::string, std::vector<double>> kNumbers = {
    {"Model.version", {1}},
    {"Model.dim", {20, 36, 60, 64, 80, 96}},
    {"Model.n_layers", {1, 2, 3}},
    {"Model.vocab_size", {97, 131, 160}},
    {"Model.max_context", {40, 70, 300}},
    {"Variant.layers", {0, 1, 2}},
    {"Variant.first", {0, 1}},
    {"Variant.end", {0, 2}},
    {"Variant.every", {0, 2}},
    {"Variant.offset", {0, 1}},
    {"Embedding.scale", {0, 0.7}},
    {"Embedding.size", {0, 36, 52}},
    {"Learned.offset", {0, 2}},
    {"Learned.rows", {0, 310}},
    {"Sinusoidal.offset", {0, 2}},
    {"Sinusoidal.theta", {0, 500}},
    {"Alibi.max_bias", {0, 5}},
    {"Rotary.theta", {500, 10000}},
    {"Rotary.dims", {4, 6}},
    {"Rotary.fraction", {0, 0.5}},
    {"Linear.factor", {1.5, 4, -1}},
    {"Ntk.factor", {1.5, 4}},
    {"Llama3.factor", {8}},
    {"Llama3.low_freq_factor", {1}},
    {"Llama3.high_freq_factor", {4}},
    {"Llama3.original_context", {16, 64}},
    {"Divisors.divisor", {1, 1.5, 4}},
    {"Yarn.factor", {2, 4}},
    {"Yarn.original_context", {16, 64}},
    {"Yarn.beta_fast", {0, 20}},
    {"Yarn.beta_slow", {0, 2}},
    {"Yarn.magnitude", {0, 1.1}},
    {"Yarn.mscale", {0, 0.7}},
    {"Yarn.mscale_all_dims", {0, 1}},
    {"DynamicNtk.factor", {2, 4}},
    {"DynamicNtk.original_context", {16, 64}},
    {"Scaling.magnitude", {0.9}},
    {"LongRope.short_factor", {1, 1.2}},
    {"LongRope.long_factor", {1.5, 3}},
    {"LongRope.original_context", {16, 64}},
    {"LongRope.short_magnitude", {0, 1.1}},
    {"LongRope.long_magnitude", {0, 1.2}},
    {"LongRope.factor", {0, 2}},
    {"LongRope.extended_context", {0, 128}},
    {"Norm.eps", {1e-5, 1e-6}},
    {"Residual.scale", {0, 0.3}},
    {"Residual.depth_scale", {0, 1.4}},
    {"Attention.n_heads", {0, 1, 3, 4, 5, 6}},
    {"Attention.n_kv_heads", {1, 2, 3}},
    {"Attention.head_size", {8, 12, 20}},
    {"Attention.value_head_size", {12, 16}},
    {"Attention.scale", {0, 0.4}},
    {"Attention.scale_size", {0, 30}},
    {"Attention.window", {0, 7}},
    {"Attention.logit_softcap", {0, 3}},
    {"Attention.clip", {0, 1}},
    {"Attention.temperature_every", {0, 8}},
    {"Attention.temperature_coefficient", {0, 0.1}},
    {"Mlp.hidden", {0, 41, 64, 100}},
    {"Mlp.expansion", {0, 2}},
    {"Mlp.activation_slope", {0, 1.7}},
    {"Mlp.clamp", {0, 0.8}},
    {"Mlp.up_offset", {0, 1}},
    {"Experts.count", {3, 4, 5}},
    {"Experts.per_token", {1, 2, 3}},
    {"Experts.scale", {0, 1.5}},
    {"Experts.groups", {0, 2}},
    {"Experts.groups_per_token", {0, 1}},
    {"SharedExpert.hidden", {24, 41}},
    {"Mamba.inner", {0, 37, 48}},
    {"Mamba.expansion", {0, 1, 2}},
    {"Mamba.state_size", {5, 8, 16}},
    {"Mamba.conv_width", {1, 2, 4}},
    {"Mamba.dt_rank", {0, 3}},
    {"Mamba.n_heads", {2, 3, 6}},
    {"Mamba.head_size", {8, 12, 17}},
    {"Mamba.n_groups", {0, 1, 3}},
    {"Mamba.norm_eps", {0, 1e-6}},
    {"Mamba.dt_min", {0, 0.01}},
    {"Mamba.dt_max", {0, 0.4}},
    {"Head.scale", {0, 0.5}},
    {"Head.scale_dim", {0, 24}},
    {"Head.softcap", {0, 2}},
};

const std::map<std::string, std::string> kTexts = {
    {"Model.name", "random"}, {"Model.family", ""}, {"Variant.name", "some"}};

/// "Attention.window".
std::string nameOf(const Field &field) { return field.containing_type()->name() + "." + field.name(); }

bool isNumber(const Field &field) {
  return field.cpp_type() != Field::CPPTYPE_MESSAGE && field.cpp_type() != Field::CPPTYPE_ENUM &&
         field.cpp_type() != Field::CPPTYPE_BOOL && field.cpp_type() != Field::CPPTYPE_STRING;
}

/// All fields of the message's type and of those below it, once for each type.
void eachField(const Descriptor &type, std::set<const Descriptor *> &seen,
               const std::function<void(const Field &)> &visit) {
  if (!seen.insert(&type).second)
    return;
  for (int i = 0; i < type.field_count(); ++i) {
    visit(*type.field(i));
    if (type.field(i)->cpp_type() == Field::CPPTYPE_MESSAGE)
      eachField(*type.field(i)->message_type(), seen, visit);
  }
}

/// Sets (or adds) a number, in the field's own type.
void setNumber(Message &message, const Field &field, double value) {
  const google::protobuf::Reflection &r = *message.GetReflection();
  const bool adds = field.is_repeated();
  switch (field.cpp_type()) {
  case Field::CPPTYPE_UINT32:
    return adds ? r.AddUInt32(&message, &field, uint32_t(value)) : r.SetUInt32(&message, &field, uint32_t(value));
  case Field::CPPTYPE_INT32:
    return adds ? r.AddInt32(&message, &field, int32_t(value)) : r.SetInt32(&message, &field, int32_t(value));
  case Field::CPPTYPE_UINT64:
    return adds ? r.AddUInt64(&message, &field, uint64_t(value)) : r.SetUInt64(&message, &field, uint64_t(value));
  case Field::CPPTYPE_INT64:
    return adds ? r.AddInt64(&message, &field, int64_t(value)) : r.SetInt64(&message, &field, int64_t(value));
  case Field::CPPTYPE_FLOAT:
    return adds ? r.AddFloat(&message, &field, float(value)) : r.SetFloat(&message, &field, float(value));
  default:
    return adds ? r.AddDouble(&message, &field, value) : r.SetDouble(&message, &field, value);
  }
}

} // namespace

/// Leaves a mixer what its version has, and gives it what it needs: few draws would be valid otherwise.
static void settle(spec::Mamba &mamba) {
  if (mamba.state_size() == 0)
    mamba.set_state_size(7);
  if (mamba.conv_width() == 0)
    mamba.set_conv_width(3);
  if (mamba.version() == spec::Mamba::SSD) {
    for (const char *field : {"inner", "expansion", "dt_rank", "parameter_norm"})
      mamba.GetReflection()->ClearField(&mamba, mamba.GetDescriptor()->FindFieldByName(field));
    if (mamba.n_heads() == 0)
      mamba.set_n_heads(3);
    if (mamba.head_size() == 0)
      mamba.set_head_size(10);
    return;
  }
  for (const char *field : {"n_heads", "head_size", "n_groups", "gated_norm"})
    mamba.GetReflection()->ClearField(&mamba, mamba.GetDescriptor()->FindFieldByName(field));
  if (mamba.inner() == 0 && mamba.expansion() == 0)
    mamba.set_inner(41);
}

void RandomSpecs::drawField(Message &message, const Field &field, double density) {
  const google::protobuf::Reflection &r = *message.GetReflection();
  switch (field.cpp_type()) {
  case Field::CPPTYPE_MESSAGE:
    // What a variant changes is little: most of what it might say goes against the rest of the model.
    density = field.message_type()->name() == "Variant" ? 0.25 : density;
    if (field.message_type() == spec::Mamba::descriptor()) {
      draw(*r.MutableMessage(&message, &field), 0.8);
      return settle(static_cast<spec::Mamba &>(*r.MutableMessage(&message, &field)));
    }
    return draw(field.is_repeated() ? *r.AddMessage(&message, &field) : *r.MutableMessage(&message, &field), density);
  case Field::CPPTYPE_ENUM:
    return r.SetEnumValue(&message, &field,
                          field.enum_type()->value(below(field.enum_type()->value_count()))->number());
  case Field::CPPTYPE_BOOL:
    return r.SetBool(&message, &field, chance(0.5));
  case Field::CPPTYPE_STRING:
    return r.SetString(&message, &field, kTexts.at(nameOf(field)));
  default:
    const std::vector<double> &values = kNumbers.at(nameOf(field));
    if (double value = values[below(values.size())]; value != 0 || field.is_repeated())
      setNumber(message, field, value);
  }
}

void RandomSpecs::draw(Message &message, double density) {
  const Descriptor &type = *message.GetDescriptor();
  for (int i = 0; i < type.real_oneof_decl_count(); ++i) {
    const google::protobuf::OneofDescriptor &alternatives = *type.oneof_decl(i);
    if (alternatives.name() == "table" && chance(0.5)) // beside a kind
      continue;
    drawField(message, *alternatives.field(below(alternatives.field_count())), density);
  }
  for (int i = 0; i < type.field_count(); ++i) {
    const Field &field = *type.field(i);
    if (field.real_containing_oneof())
      continue;
    if (field.is_repeated())
      for (size_t left = chance(0.5) ? 0 : below(4); left > 0; --left)
        drawField(message, field, density);
    else if (chance(field.message_type() == spec::Mamba::descriptor() ? density / 4 : density))
      drawField(message, field, density);
  }
}

/// Two lists of one length, which no draw would find in time.
static void suitLongRope(spec::Positions &positions) {
  if (!positions.rotary().scaling().has_longrope())
    return;
  spec::Rotary &rotary = *positions.mutable_rotary();
  rotary.set_dims(4);
  spec::Rotary::LongRope &scaling = *rotary.mutable_scaling()->mutable_longrope();
  scaling.mutable_short_factor()->Resize(2, 1.1);
  scaling.mutable_long_factor()->Resize(2, 2.5);
}

spec::Model RandomSpecs::next() {
  for (;;) {
    spec::Model model;
    draw(model, 0.8);
    suitLongRope(*model.mutable_positions());
    for (spec::Variant &variant : *model.mutable_variants())
      if (variant.has_positions())
        suitLongRope(*variant.mutable_positions());
    spec::Model settled = model;
    llvm::Error refused = validate(settled, "random");
    if (!refused)
      return model;
    ++refusals[llvm::toString(std::move(refused))];
  }
}

std::vector<spec::Model> RandomSpecs::varied(size_t count, size_t drawn) {
  std::vector<std::pair<spec::Model, std::set<std::string>>> pool;
  for (size_t i = 0; i < drawn; ++i) {
    spec::Model model = next();
    std::set<std::string> values = valuesOf(model);
    pool.emplace_back(std::move(model), std::move(values));
  }
  std::set<std::string> shown;
  std::vector<spec::Model> chosen;
  while (chosen.size() < count) {
    auto fresh = [&](const auto &entry) {
      return std::ranges::count_if(entry.second, [&](const std::string &value) { return !shown.contains(value); });
    };
    const auto best = std::ranges::max_element(pool, {}, fresh);
    shown.insert(best->second.begin(), best->second.end());
    chosen.push_back(best->first);
    best->second.clear();
  }
  return chosen;
}

std::vector<std::string> RandomSpecs::unknownFields() {
  std::vector<std::string> unknown;
  std::set<const Descriptor *> seen;
  eachField(*spec::Model::descriptor(), seen, [&](const Field &field) {
    const bool text = field.cpp_type() == Field::CPPTYPE_STRING;
    if ((isNumber(field) && !kNumbers.contains(nameOf(field))) || (text && !kTexts.contains(nameOf(field))))
      unknown.push_back(nameOf(field));
  });
  return unknown;
}

std::set<std::string> RandomSpecs::allValues() {
  std::set<std::string> values;
  std::set<const Descriptor *> seen;
  eachField(*spec::Model::descriptor(), seen, [&](const Field &field) {
    if (field.cpp_type() == Field::CPPTYPE_ENUM) {
      for (int i = 0; i < field.enum_type()->value_count(); ++i)
        if (field.enum_type()->value(i)->number() != 0)
          values.insert(nameOf(field) + " = " + field.enum_type()->value(i)->name());
    } else if (field.cpp_type() == Field::CPPTYPE_BOOL) {
      values.insert(nameOf(field) + " = true");
    } else if (field.cpp_type() == Field::CPPTYPE_MESSAGE) {
      values.insert(nameOf(field));
    }
  });
  return values;
}

std::set<std::string> RandomSpecs::valuesOf(const Message &message) {
  std::set<std::string> values;
  const google::protobuf::Reflection &r = *message.GetReflection();
  std::vector<const Field *> fields;
  r.ListFields(message, &fields);
  for (const Field *field : fields) {
    if (field->cpp_type() == Field::CPPTYPE_MESSAGE) {
      values.insert(nameOf(*field));
      for (int i = 0, end = field->is_repeated() ? r.FieldSize(message, field) : 1; i < end; ++i)
        values.merge(
            valuesOf(field->is_repeated() ? r.GetRepeatedMessage(message, field, i) : r.GetMessage(message, field)));
    } else if (!field->is_repeated()) {
      std::string text;
      google::protobuf::TextFormat::PrintFieldValueToString(message, field, -1, &text);
      values.insert(nameOf(*field) + " = " + text);
    }
  }
  return values;
}
