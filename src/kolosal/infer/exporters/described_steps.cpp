// Steps of recipes as operations of an ExportedModel.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "kolosal/core/error.hpp"
#include "kolosal/infer/exporters/described_dates.hpp"
#include "kolosal/infer/exporters/described_ranks.hpp"
#include "kolosal/infer/exporters/level_probe.hpp"
#include "kolosal/infer/exporters/model_describer.hpp"

namespace kolosal::infer::exporters {
namespace {

using artifact::Node;
using data::ColumnType;

/// A step with its state as the model file holds it.
struct Described {
  ModelDescriber& to;
  const transform::Transformer& step;
  const DescribedTable& inputs;
  const data::Frame& made;
  const Node& state;

  ColumnType type(std::size_t c) const { return inputs.header.column(c).type(); }
  bool is_narrow(std::size_t c) const { return type(c) == ColumnType::kFloat32; }
  /// The number that input column c is. @throws Error kUnsupported.
  ValueId number(std::size_t c) const {
    if (inputs.columns[c].values.size() == 1 && type(c) != ColumnType::kCategory && !is_moment(type(c)))
      return inputs.columns[c].values[0];
    throw Error(ErrorCode::kUnsupported,
                "can not export: step {} reads column \"{}\" of type {}, which exported models can not hold "
                "there; train without it (--ignore {}), or use the model by kolosal.h",
                step.name(), inputs.columns[c].name, data::type_name(type(c)), inputs.columns[c].name);
  }
  double parameter(const std::string& name) const {
    const ParamValue& value = step.all_params().at(name);
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
    return std::get<double>(value);
  }
  std::string word(const std::string& name) const { return to_string(step.all_params().at(name)); }
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ErrorCode::kUnsupported, "can not export: step {} {}", step.name(), why);
  }
};

using Columns = std::vector<DescribedColumn>;

Columns kept_columns(const Described& d) {
  Columns out;
  const auto kept = d.state.array<std::uint8_t>("kept");
  for (std::size_t c = 0; c < kept.size(); ++c)
    if (kept[c]) out.push_back(d.inputs.columns[c]);
  return out;
}

Columns scale(const Described& d) {
  Columns out = d.inputs.columns;
  const auto centre = d.state.array<double>("centre"), width = d.state.array<double>("scale");
  for (std::size_t c = 0; c < out.size(); ++c) {
    ValueId id = d.to.apply(CellFunction::kScale, d.number(c), centre[c], width[c], d.parameter("clip"));
    if (d.is_narrow(c)) id = d.to.apply(CellFunction::kFloat, id);
    out[c].values = {id};
  }
  return out;
}

Columns clip(const Described& d) {
  Columns out = d.inputs.columns;
  const auto lower = d.state.array<double>("lower"), upper = d.state.array<double>("upper");
  for (std::size_t c = 0; c < out.size(); ++c) {
    ValueId id = d.to.apply(CellFunction::kClip, d.number(c), lower[c], upper[c]);
    if (d.is_narrow(c)) id = d.to.apply(CellFunction::kFloat, id);
    out[c].values = {id};
  }
  return out;
}

Columns log1p(const Described& d) {
  Columns out = d.inputs.columns;
  const auto function = d.word("negative") == "signed" ? CellFunction::kSignedLog1p : CellFunction::kLog1p;
  for (std::size_t c = 0; c < out.size(); ++c) {
    ValueId id = d.to.apply(function, d.number(c));
    if (d.is_narrow(c)) id = d.to.apply(CellFunction::kFloat, id);
    out[c].values = {id};
  }
  return out;
}

Columns to_float(const Described& d) {
  Columns out = d.inputs.columns;
  const auto is_double = d.state.array<std::uint8_t>("is_double");
  for (std::size_t c = 0; c < out.size(); ++c)
    if (!is_double[c]) out[c].values = {d.to.apply(CellFunction::kFloatBounded, d.number(c))};
  return out;
}

/// Levels of one dictionary as codes of another; what the other lacks, and cells without a level, as `rest`.
std::vector<std::int32_t> recoding(const data::Dictionary& from, const data::Dictionary& to,
                                   std::int32_t rest) {
  std::vector<std::int32_t> out(static_cast<std::size_t>(from.size()) + 2, rest);
  for (std::int32_t code = 0; code < from.size(); ++code)
    if (const std::int32_t found = to.find(from.level(code)); found >= 0)
      out[static_cast<std::size_t>(code) + 2] = found;
  return out;
}

Columns impute(const Described& d) {
  const auto numbers = d.state.array<double>("numbers");
  const auto codes = d.state.array<std::int32_t>("codes");
  const auto indicators = d.state.array<std::uint8_t>("indicators");
  if (d.word("infinities") != "missing")
    d.refuse(fmt::format("has infinities = {}: train with \"missing\", the default", d.word("infinities")));
  Columns out = d.inputs.columns, flags;
  for (std::size_t c = 0; c < out.size(); ++c) {
    const std::string flag = out[c].name + "_missing";
    if (d.type(c) == ColumnType::kCategory) {
      const data::Dictionary fitted(d.state.child(fmt::format("column_{}", c)).get_strings("levels"));
      const data::Dictionary& given = *d.inputs.header.column(c).dictionary();
      const ValueId in = out[c].values.at(0);
      const ValueId id = d.to.add_value({out[c].name, d.made.column(c).dictionary()});
      d.to.add(LevelOperation{.kind = LevelOperation::Kind::kRecode,
                              .in = in,
                              .first_out = id,
                              .codes = recoding(given, fitted, codes[c])});
      out[c].values = {id};
      if (!indicators[c]) continue;
      LevelOperation op{.kind = LevelOperation::Kind::kNumbers, .in = in, .first_out = d.to.add_number(flag)};
      for (const std::int32_t code : recoding(given, fitted, -1)) op.numbers.push_back(code < 0 ? 1 : 0);
      flags.push_back({flag, {op.first_out}});
      d.to.add(std::move(op));
      continue;
    }
    const ValueId in = d.number(c);
    constexpr double kLargest = std::numeric_limits<float>::max();
    const double fill =
        d.is_narrow(c) ? static_cast<double>(static_cast<float>(std::clamp(numbers[c], -kLargest, kLargest)))
                       : numbers[c];
    out[c].values = {d.to.apply(CellFunction::kFill, in, fill)};
    if (indicators[c]) flags.push_back({flag, {d.to.apply(CellFunction::kIsNotFinite, in)}});
  }
  std::ranges::move(flags, std::back_inserter(out));
  return out;
}

Columns missing_indicator(const Described& d) {
  Columns out = d.inputs.columns;
  const auto is_made = d.state.array<std::uint8_t>("made");
  const bool infinities = d.word("infinities") == "true";
  for (std::size_t c = 0; c < is_made.size(); ++c) {
    if (!is_made[c]) continue;
    const std::string name = d.inputs.columns[c].name + "_missing";
    if (d.type(c) != ColumnType::kCategory) {
      out.push_back(
          {name, {d.to.apply(infinities ? CellFunction::kIsNotFinite : CellFunction::kIsNan, d.number(c))}});
      continue;
    }
    const ValueId in = d.inputs.columns[c].values.at(0);
    LevelOperation op{.kind = LevelOperation::Kind::kNumbers, .in = in, .first_out = d.to.add_number(name)};
    op.numbers.assign(d.to.value(in).n_slots(), 0.0);
    op.numbers[0] = op.numbers[1] = 1;
    out.push_back({name, {op.first_out}});
    d.to.add(std::move(op));
  }
  return out;
}

Columns arithmetic_pairs(const Described& d) {
  constexpr std::array kFunctions = {CellFunction::kMinus, CellFunction::kPlus, CellFunction::kTimes,
                                     CellFunction::kOver, CellFunction::kOverReversed};
  Columns out = d.inputs.columns;
  const auto flat = d.state.array<std::int32_t>("pairs");
  for (std::size_t i = 0; i + 3 < flat.size(); i += 4) {
    const std::string& name = d.made.name(out.size());
    ValueId id = d.to.combine(kFunctions.at(static_cast<std::size_t>(flat[i + 2])),
                              d.number(static_cast<std::size_t>(flat[i])),
                              d.number(static_cast<std::size_t>(flat[i + 1])), name);
    if (flat[i + 3] == 0) id = d.to.apply(CellFunction::kFloatBounded, id);
    out.push_back({name, {id}});
  }
  return out;
}

Columns power_transform(const Described& d) {
  Columns out = d.inputs.columns;
  const auto power = d.state.array<double>("lambda"), mean = d.state.array<double>("mean"),
             deviation = d.state.array<double>("deviation");
  const auto function = d.word("method") == "box_cox" ? CellFunction::kBoxCox : CellFunction::kYeoJohnson;
  for (std::size_t c = 0; c < out.size(); ++c) {
    ValueId id = d.to.apply(function, d.number(c), power[c]);
    id = d.to.apply(CellFunction::kScale, id, mean[c], deviation[c]);
    if (d.is_narrow(c)) id = d.to.apply(CellFunction::kFloat, id);
    out[c].values = {id};
  }
  return out;
}

/// Regressions one after another, each of a column by all others as they are by then.
Columns iterative_impute(const Described& d) {
  if (d.word("infinities") != "missing" || d.word("estimator") != "ridge" || d.parameter("n_draws") != 0)
    d.refuse("is only exported with estimator = ridge, n_draws = 0 and infinities = missing");
  Columns out = d.inputs.columns;
  const auto first = d.state.array<double>("first");
  const auto used = d.state.array<std::uint32_t>("used");
  std::vector<ValueId> given, current;
  for (const std::uint32_t c : used) {
    given.push_back(d.number(c));
    current.push_back(d.to.apply(CellFunction::kFill, given.back(), first[c]));
  }
  const auto n_turns = static_cast<std::size_t>(d.state.get_int("n_turns"));
  for (std::size_t t = 0; t < n_turns; ++t) {
    const Node& turn = d.state.child(fmt::format("turn_{}", t));
    const auto target = static_cast<std::size_t>(turn.get_int("target"));
    const auto coefficients = turn.array<double>("coefficients");
    if (coefficients.empty()) continue;  // its products would overflow: the first fill stays
    LinearOperation op{.coefficient = {coefficients.begin(), coefficients.end()},
                       .intercept = {turn.get_double("intercept")}};
    for (std::size_t i = 0; i < current.size(); ++i)
      if (i != target) op.features.push_back(current[i]);
    const std::string& name = d.inputs.columns[used[target]].name;
    const ValueId raw = op.first_out = d.to.add_number(name);
    d.to.add(std::move(op));
    const ValueId predicted = d.to.combine(CellFunction::kOr, raw, current[target], name);
    current[target] = d.to.combine(CellFunction::kOr, given[target], predicted, name);
  }
  for (std::size_t c = 0; c < out.size(); ++c) out[c].values = {};
  for (std::size_t i = 0; i < used.size(); ++i) out[used[i]].values = {current[i]};
  for (std::size_t c = 0; c < out.size(); ++c) {
    if (out[c].values.empty()) out[c].values = {d.to.apply(CellFunction::kFill, d.number(c), 0)};
    if (d.is_narrow(c)) out[c].values = {d.to.apply(CellFunction::kFloat, out[c].values[0])};
  }
  return out;
}

/// Columns that are sums of products of values. coefficient: values x sums.
Columns sums_of(const Described& d, std::vector<ValueId> values, std::vector<double> coefficient) {
  const std::size_t n = d.made.n_columns();
  LinearOperation op{.features = std::move(values),
                     .coefficient = std::move(coefficient),
                     .intercept = std::vector<double>(n, 0.0),
                     .first_out = d.to.add_numbers(d.step.name(), n)};
  Columns out;
  for (std::size_t k = 0; k < n; ++k)
    out.push_back({d.made.name(k), {op.first_out + static_cast<ValueId>(k)}});
  d.to.add(std::move(op));
  return out;
}

constexpr double kLargestToSquare = 1e140;  // as the steps cut cells

Columns pca(const Described& d) {
  const auto mean = d.state.array<double>("mean"), components = d.state.array<double>("components"),
             variance = d.state.array<double>("variance");
  const bool whitens = d.word("whiten") == "true";
  const std::size_t p = mean.size(), k = variance.size();
  std::vector<ValueId> values;
  for (std::size_t c = 0; c < p; ++c) {
    const ValueId filled = d.to.apply(CellFunction::kFill, d.number(c), mean[c]);
    const ValueId cut = d.to.apply(CellFunction::kClip, filled, -kLargestToSquare, kLargestToSquare);
    values.push_back(d.to.apply(CellFunction::kScale, cut, mean[c], 1));
  }
  std::vector<double> coefficient(p * k);
  for (std::size_t i = 0; i < k; ++i) {
    const double unit =
        whitens ? std::max(std::sqrt(variance[i]), std::numeric_limits<double>::epsilon()) : 1;
    for (std::size_t c = 0; c < p; ++c) coefficient[c * k + i] = components[i * p + c] / unit;
  }
  return sums_of(d, std::move(values), std::move(coefficient));
}

/// Numbers and sparse columns side by side; cells that are no finite number count 0.
std::vector<ValueId> side_by_side(const Described& d) {
  std::vector<ValueId> out;
  for (std::size_t c = 0; c < d.inputs.columns.size(); ++c) {
    if (d.type(c) == ColumnType::kSparse) {
      const auto& values = d.inputs.columns[c].values;
      out.insert(out.end(), values.begin(), values.end());
      continue;
    }
    const ValueId filled = d.to.apply(CellFunction::kFill, d.number(c), 0);
    out.push_back(d.to.apply(CellFunction::kClip, filled, -kLargestToSquare, kLargestToSquare));
  }
  return out;
}

/// weights: where the state has them, by value and sum.
Columns projected(const Described& d, const std::string& weights) {
  std::vector<ValueId> values = side_by_side(d);
  const auto coefficient = d.state.array<double>(weights);
  if (coefficient.size() != values.size() * d.made.n_columns())
    d.refuse("reads sparse columns that exported models can not hold; train with another learner");
  return sums_of(d, std::move(values), {coefficient.begin(), coefficient.end()});
}
Columns random_projection(const Described& d) { return projected(d, "weights"); }
Columns truncated_svd(const Described& d) { return projected(d, "components"); }

Columns date_parts(const Described& d) { return describe_date_parts(d.to, d.step, d.inputs, d.made); }

Columns ranks(const Described& d) {
  for (std::size_t c = 0; c < d.inputs.columns.size(); ++c) static_cast<void>(d.number(c));  // or it refuses
  return describe_ranks(d.to, d.step, d.inputs);
}

Columns by_levels(const Described& d) { return describe_by_levels(d.to, d.step, d.inputs, d.made); }

Columns category_cross(const Described& d) {
  Columns out = d.inputs.columns;
  const auto n = static_cast<std::size_t>(d.state.get_int("n_crosses"));
  const std::size_t n_made = d.made.n_columns() - out.size();
  for (std::size_t i = 0; i < n; ++i) {
    const Node& cross = d.state.child(fmt::format("cross_{}", i));
    std::vector<std::size_t> of;
    for (std::size_t k = 0; k < n_made / n; ++k) of.push_back(d.inputs.columns.size() + i * (n_made / n) + k);
    for (auto& column :
         describe_by_pairs(d.to, d.step, d.inputs, d.made, static_cast<std::size_t>(cross.get_int("a")),
                           static_cast<std::size_t>(cross.get_int("b")), of))
      out.push_back(std::move(column));
  }
  return out;
}

using Describe = Columns (*)(const Described&);

const std::map<std::string, Describe, std::less<>>& known_steps() {
  static const std::map<std::string, Describe, std::less<>> steps = {
      {"arithmetic_pairs", arithmetic_pairs},
      {"binary_encode", by_levels},
      {"category_cross", category_cross},
      {"clip", clip},
      {"date_parts", date_parts},
      {"frequency_encode", by_levels},
      {"group_rare", by_levels},
      {"impute", impute},
      {"iterative_impute", iterative_impute},
      {"leave_one_out_encode", by_levels},
      {"log1p", log1p},
      {"missing_indicator", missing_indicator},
      {"one_hot", by_levels},
      {"ordinal_encode", by_levels},
      {"pca", pca},
      {"power_transform", power_transform},
      {"quantile_transform", ranks},
      {"random_projection", random_projection},
      {"scale", scale},
      {"target_encode", by_levels},
      {"to_float", to_float},
      {"truncated_svd", truncated_svd},
      {"weight_of_evidence", by_levels},
  };
  return steps;
}

}  // namespace

std::vector<DescribedColumn> describe_step(ModelDescriber& to, const transform::Transformer& step,
                                           const DescribedTable& inputs, const data::Frame& made) {
  Node node;
  step.save(node);
  const Node& state = node.child("state");
  const Described d{to, step, inputs, made, state};
  if (state.has("kept")) return kept_columns(d);
  const auto found = known_steps().find(step.name());
  if (found == known_steps().end())
    throw Error(ErrorCode::kUnsupported,
                "can not export: step {}, which takes column \"{}\"{}, has no exported form; train without "
                "such columns (--ignore), with another learner, or use the model by kolosal.h",
                step.name(), inputs.columns[0].name, inputs.columns.size() > 1 ? " and others" : "");
  return found->second(d);
}

}  // namespace kolosal::infer::exporters
