#include "kolosal/infer/exporters/level_probe.hpp"

#include <map>

#include "kolosal/core/error.hpp"

namespace kolosal::infer::exporters {
namespace {

using data::Column;
using data::ColumnType;
using Slots = std::vector<std::size_t>;  // by input column

std::size_t n_slots(const Column& column) {
  return static_cast<std::size_t>(column.dictionary()->size()) + 2;
}

/// Rows of levels by slot; all other columns hold their first level (or a missing one).
data::Frame rows_of(const data::Frame& header, const std::map<std::size_t, Slots>& varied,
                    std::size_t n_rows) {
  data::Frame out;
  for (std::size_t c = 0; c < header.n_columns(); ++c) {
    const Column& column = header.column(c);
    std::vector<std::int32_t> codes(n_rows, column.dictionary()->size() > 0 ? 0 : data::kMissingCode);
    if (const auto found = varied.find(c); found != varied.end())
      for (std::size_t i = 0; i < n_rows; ++i) codes[i] = static_cast<std::int32_t>(found->second[i]) - 2;
    out.add(header.name(c), Column::from_category(std::move(codes), column.dictionary()));
  }
  return out;
}

/// The columns that the step makes of some rows.
data::Frame answers(const transform::Transformer& step, const data::Frame& rows) {
  const data::Frame all = step.transform(rows, Context());
  data::Frame out;
  for (std::size_t c = step.keeps_inputs() ? rows.n_columns() : 0; c < all.n_columns(); ++c)
    out.add(all.name(c), all.column(c));
  return out;
}

bool same_number(double a, double b) { return a == b || (a != a && b != b); }

/// What a step makes of the levels of each input column.
class Probe {
 public:
  Probe(ModelDescriber& to, const transform::Transformer& step, const DescribedTable& inputs)
      : to_(to), inputs_(inputs) {
    for (std::size_t c = 0; c < inputs.header.n_columns(); ++c) {
      if (inputs.header.column(c).type() != ColumnType::kCategory)
        throw Error(ErrorCode::kUnsupported,
                    "can not export: step {} encodes column \"{}\" of type {}, which exported models can not "
                    "hold; train without it (--ignore {}), or use the model by kolosal.h",
                    step.name(), inputs.header.name(c), data::type_name(inputs.header.column(c).type()),
                    inputs.header.name(c));
      Slots slots(n_slots(inputs.header.column(c)));
      for (std::size_t s = 0; s < slots.size(); ++s) slots[s] = s;
      const std::size_t n = slots.size();
      answers_.push_back(answers(step, rows_of(inputs.header, {{c, std::move(slots)}}, n)));
    }
  }

  DescribedColumn describe(std::size_t j, const Column& made, const std::string& name) {
    DescribedColumn out{name, {}};
    if (made.type() == ColumnType::kSparse) {
      out.values = sparse(j, made, name);
      return out;
    }
    for (std::size_t c = 0; c < answers_.size(); ++c) {
      const Column& cells = answers_[c].column(j);
      if (made.type() == ColumnType::kCategory ? vary_codes(cells) : vary_numbers(cells)) {
        out.values = {made.type() == ColumnType::kCategory ? recoded(c, cells, made, name)
                                                           : numbers(c, cells, name)};
        return out;
      }
    }
    out.values = {answers_.empty() || made.type() == ColumnType::kCategory
                      ? recoded(0, answers_[0].column(j), made, name)
                      : to_.constant(answers_[0].column(j).number(0))};
    return out;
  }

 private:
  static bool vary_codes(const Column& cells) {
    for (const std::int32_t code : cells.codes())
      if (code != cells.codes()[0]) return true;
    return false;
  }
  static bool vary_numbers(const Column& cells) {
    for (std::size_t i = 1; i < cells.size(); ++i)
      if (!same_number(cells.number(i), cells.number(0))) return true;
    return false;
  }
  ValueId input(std::size_t c) const { return inputs_.columns[c].values[0]; }

  ValueId recoded(std::size_t c, const Column& cells, const Column& made, const std::string& name) {
    const std::vector<std::int32_t> codes(cells.codes().begin(), cells.codes().end());
    const ValueId out = to_.add_value({name, made.dictionary()});
    to_.add(LevelOperation{
        .kind = LevelOperation::Kind::kRecode, .in = input(c), .first_out = out, .codes = codes});
    return out;
  }

  ValueId numbers(std::size_t c, const Column& cells, const std::string& name) {
    LevelOperation out{
        .kind = LevelOperation::Kind::kNumbers, .in = input(c), .first_out = to_.add_number(name)};
    for (std::size_t i = 0; i < cells.size(); ++i) out.numbers.push_back(cells.number(i));
    const ValueId made = out.first_out;
    to_.add(std::move(out));
    return made;
  }

  /// By index. A feature belongs to the column that sets it for some levels and not for others.
  std::vector<ValueId> sparse(std::size_t j, const Column& made, const std::string& name) {
    const auto width = static_cast<std::size_t>(made.sparse().width);
    std::vector<ValueId> out(width, 0);
    std::vector<std::uint8_t> is_known(width, 0);
    for (std::size_t c = 0; c < answers_.size(); ++c)
      add_features(c, answers_[c].column(j), name, out, is_known);
    for (std::size_t f = 0; f < width; ++f) {
      if (is_known[f]) continue;
      double always = 0;  // in the same way for every level of every column
      const auto view = answers_[0].column(j).sparse();
      for (std::int64_t at = view.offsets[0]; at < view.offsets[1]; ++at)
        if (static_cast<std::size_t>(view.indices[at]) == f) always = static_cast<double>(view.values[at]);
      out[f] = to_.constant(always);
    }
    return out;
  }

  void add_features(std::size_t c, const Column& cells, const std::string& name, std::vector<ValueId>& out,
                    std::vector<std::uint8_t>& is_known) {
    const auto view = cells.sparse();
    std::map<std::int32_t, std::vector<std::pair<std::size_t, float>>> of_feature;  // slots that set it
    for (std::size_t s = 0; s < cells.size(); ++s)
      for (std::int64_t at = view.offsets[s]; at < view.offsets[s + 1]; ++at)
        of_feature[view.indices[at]].emplace_back(s, view.values[at]);
    std::erase_if(of_feature,
                  [&](const auto& feature) { return is_always_alike(feature.second, cells.size()); });
    if (of_feature.empty()) return;
    std::vector<std::int32_t> codes(cells.size(), -1);
    bool is_one_hot = true;
    std::int32_t n = 0;
    for (const auto& [index, slots] : of_feature) {
      for (const auto& [slot, number] : slots) {
        is_one_hot &= codes[slot] < 0 && number == 1;
        codes[slot] = n;
      }
      ++n;
    }
    LevelOperation op{.kind = LevelOperation::Kind::kOneHot,
                      .in = input(c),
                      .first_out = to_.add_numbers(name + "/" + inputs_.header.name(c), of_feature.size()),
                      .width = static_cast<std::uint32_t>(n)};
    ValueId next = op.first_out;
    std::size_t column = 0;
    if (!is_one_hot) op.numbers.assign(cells.size() * op.width, 0.0);
    for (const auto& [index, slots] : of_feature) {
      out[static_cast<std::size_t>(index)] = next++;
      is_known[static_cast<std::size_t>(index)] = 1;
      for (const auto& [slot, number] : slots)
        if (!is_one_hot) op.numbers[slot * op.width + column] += static_cast<double>(number);
      ++column;
    }
    if (is_one_hot) {
      op.codes = std::move(codes);
    } else {
      op.kind = LevelOperation::Kind::kNumbers;
    }
    to_.add(std::move(op));
  }

  static bool is_always_alike(const std::vector<std::pair<std::size_t, float>>& slots, std::size_t n_slots) {
    if (slots.size() != n_slots) return false;
    for (const auto& [slot, number] : slots)
      if (number != slots.front().second) return false;
    return true;
  }

  ModelDescriber& to_;
  const DescribedTable& inputs_;
  std::vector<data::Frame> answers_;  // by input column, a row per slot
};

}  // namespace

std::vector<DescribedColumn> describe_by_levels(ModelDescriber& to, const transform::Transformer& step,
                                                const DescribedTable& inputs, const data::Frame& made) {
  Probe probe(to, step, inputs);
  std::vector<DescribedColumn> out;
  for (std::size_t j = 0; j < made.n_columns(); ++j)
    out.push_back(probe.describe(j, made.column(j), made.name(j)));
  return out;
}

std::vector<DescribedColumn> describe_by_pairs(ModelDescriber& to, const transform::Transformer& step,
                                               const DescribedTable& inputs, const data::Frame& made,
                                               std::size_t a, std::size_t b,
                                               const std::vector<std::size_t>& of) {
  const std::size_t n_a = n_slots(inputs.header.column(a)), n_b = n_slots(inputs.header.column(b));
  if (n_a * n_b > kMostPairs)
    throw Error(
        ErrorCode::kUnsupported,
        "can not export: step {} joins \"{}\" and \"{}\", which have {} pairs of levels, more than {}; "
        "group rare levels before training, or use the model by kolosal.h",
        step.name(), inputs.header.name(a), inputs.header.name(b), n_a * n_b, kMostPairs);
  Slots first(n_a * n_b), second(n_a * n_b);
  for (std::size_t i = 0; i < first.size(); ++i) {
    first[i] = i / n_b;
    second[i] = i % n_b;
  }
  const data::Frame all = answers(step, rows_of(inputs.header, {{a, first}, {b, second}}, first.size()));
  std::vector<DescribedColumn> out;
  for (const std::size_t j : of) {
    const Column& cells = all.column(j);
    const bool is_category = made.column(j).type() == ColumnType::kCategory;
    const ValueId id = to.add_value({made.name(j), is_category ? made.column(j).dictionary() : nullptr});
    LevelOperation op{.kind = is_category ? LevelOperation::Kind::kRecode : LevelOperation::Kind::kNumbers,
                      .in = inputs.columns[a].values[0],
                      .is_pair = true,
                      .in2 = inputs.columns[b].values[0],
                      .first_out = id};
    if (is_category) op.codes.assign(cells.codes().begin(), cells.codes().end());
    for (std::size_t i = 0; !is_category && i < cells.size(); ++i) op.numbers.push_back(cells.number(i));
    to.add(std::move(op));
    out.push_back({made.name(j), {id}});
  }
  return out;
}

}  // namespace kolosal::infer::exporters
