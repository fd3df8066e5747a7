#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "kolosal/transform/level_counts_internal.hpp"
#include "kolosal/transform/level_row_internal.hpp"
#include "kolosal/transform/level_rules_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;

struct OneHotParams {
  std::int64_t min_frequency = 1;
  std::int64_t max_categories = 0;
  std::string drop = "none";
  std::int64_t max_integer_levels = 12;
  bool keep_numbers = true;
  bool dense = false;
  std::string handle_unknown = "value";
  std::string handle_missing = "level";
};

/// One 0/1 feature per level of the fitted rows; the features of all columns are one sparse column,
/// "one_hot".
///
/// Types:   category; int and bool too when asked for (a number with more than max_integer_levels values is
/// not encoded).
/// Order:   column by column; within one, levels in order (numbers by value), then missing, then the
///          infrequent group.
/// Drop:    first leaves out the first feature of each column, if_binary that of columns with two: the others
///          tell it, and a linear model without a penalty needs that.
/// Unknown: levels that no fitted row has are in the infrequent group when there is one, else all zero (and
/// so
///          like a dropped level); handle_unknown "ignore": all zero.
/// Missing: a level of its own when the fitted rows had missing cells, unless handle_missing says otherwise;
///          else as an unknown level.
/// Streams: exactly, in memory by the number of levels.
/// Source:  agrees with scikit-learn's
/// OneHotEncoder(handle_unknown="infrequent_if_exist"), save that min_frequency is a count, and with its
/// `drop`.
class OneHot final : public Transformer {
 public:
  explicit OneHot(OneHotParams params)
      : params_(std::move(params)), rules_(params_.handle_unknown, params_.handle_missing) {}
  bool can_stream() const override { return true; }
  std::string made_types() const override {
    const auto& types = input_types();
    const bool categories_only =
        !types.empty() && std::ranges::all_of(types, [](auto t) { return t == ColumnType::kCategory; });
    const std::string made = params_.dense ? "float32" : "sparse";
    return categories_only ? made : "int,bool," + made;
  }
  std::unique_ptr<RowStep> row_step(const data::Frame& inputs) const override;

 private:
  // Codes of a number column are positions in `integers`; slots are those of Levels::slot().
  struct Encoder {
    Levels levels;
    std::vector<std::int64_t> integers;
    std::vector<std::int32_t>
        feature;  // by slot: number of the feature within all columns, or -1; empty: not encoded
    std::vector<std::string> names;  // of this column's features
  };
  // Of one column of a stream: levels, or the values of a number column until there are too many.
  struct Gathered {
    LevelCounts levels;
    std::map<std::int64_t, std::int64_t> integers;
    std::int64_t n_missing = 0;
  };

  class Row;

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override;
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

  void do_begin_stream() override { gathered_.assign(input_columns().size(), {}); }
  void do_partial_fit(const data::Frame& x, const data::TargetView& y, const Context& context) override;
  void do_merge(const Transformer& other) override;
  void do_finish_fit(const Context& context) override;

  std::size_t most_integers() const { return static_cast<std::size_t>(params_.max_integer_levels); }
  Encoder fit_column(std::size_t c, const Column& column, std::span<const std::uint32_t> rows);
  void choose_features(std::size_t c, std::vector<std::int64_t> counts, Encoder& out);
  void drop_feature(Encoder& out) const;
  void number_features();
  std::vector<Named> dense_columns(const data::Frame& x, const std::vector<std::unique_ptr<CodeView>>& codes,
                                   const Context& context) const;
  Column sparse_column(std::size_t n_rows, const std::vector<std::unique_ptr<CodeView>>& codes,
                       const Context& context) const;

  OneHotParams params_;
  LevelRules rules_;
  std::vector<Encoder> encoders_;
  std::vector<Gathered> gathered_;
  std::int32_t width_ = 0;
};

std::vector<std::int64_t> integers_of(const Column& column) {
  if (column.type() == ColumnType::kBool) return {column.bools().begin(), column.bools().end()};
  return {column.int64s().begin(), column.int64s().end()};
}

CodeView integer_codes(const Column& column, const std::vector<std::int64_t>& known) {
  const auto cells = integers_of(column);
  std::vector<std::int32_t> out(cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto at = std::ranges::lower_bound(known, cells[i]);
    out[i] = at != known.end() && *at == cells[i] ? static_cast<std::int32_t>(at - known.begin())
                                                  : data::kUnseenCode;
    if (column.valid_bits() && column.is_missing(i)) out[i] = data::kMissingCode;
  }
  return CodeView(std::move(out));
}

// Ascending; one more than the limit when there are more values than that.
std::vector<std::int64_t> distinct_integers(const Column& column, std::span<const std::uint32_t> rows,
                                            std::size_t limit) {
  const auto cells = integers_of(column);
  std::set<std::int64_t> seen;
  for (const std::uint32_t row : rows) {
    if (column.valid_bits() && column.is_missing(row)) continue;
    seen.insert(cells[row]);
    if (seen.size() > limit) break;
  }
  return {seen.begin(), seen.end()};
}

OneHot::Encoder OneHot::fit_column(std::size_t c, const Column& column, std::span<const std::uint32_t> rows) {
  Encoder out;
  if (column.type() == ColumnType::kCategory) {
    out.levels = Levels(column.dictionary());
    choose_features(c, count_slots(out.levels.codes(column), rows, out.levels.n_slots()), out);
    return out;
  }
  out.integers = distinct_integers(column, rows, most_integers());
  if (out.integers.size() > most_integers()) return {};
  choose_features(c, count_slots(integer_codes(column, out.integers), rows, out.integers.size() + 2), out);
  return out;
}

// Of an encoder with levels or integers, and the fitted rows per slot of them.
void OneHot::choose_features(std::size_t c, std::vector<std::int64_t> counts, Encoder& out) {
  const std::string& name = input_columns()[c];
  rules_.fit_counts(c, name, counts);
  const bool is_category = out.levels.size() > 0;
  std::vector<std::int32_t> order;  // codes with cells, in order; missing last
  const auto text_of = [&](std::int32_t code) {
    if (code < 0) return std::string("(missing)");
    if (is_category) return out.levels.dictionary().level(code);
    return fmt::format("{}", out.integers[static_cast<std::size_t>(code)]);
  };
  if (is_category) order = codes_in_level_order(out.levels.dictionary());
  for (std::size_t i = 0; i < out.integers.size(); ++i) order.push_back(static_cast<std::int32_t>(i));
  order.push_back(data::kMissingCode);
  std::erase_if(order, [&](std::int32_t code) { return counts[Levels::slot(code)] == 0; });

  // Which levels are too rare for a feature of their own.
  std::vector<std::uint8_t> rare(counts.size());
  std::size_t n_own = order.size();
  for (const std::int32_t code : order)
    if (counts[Levels::slot(code)] < params_.min_frequency) rare[Levels::slot(code)] = 1, --n_own;
  const auto most = static_cast<std::size_t>(params_.max_categories);
  if (most > 0 && n_own + (n_own < order.size() ? 1 : 0) > most) {
    auto by_count = order;
    std::erase_if(by_count, [&](std::int32_t code) { return rare[Levels::slot(code)] != 0; });
    // Among equally frequent levels the last in order stay, as in scikit-learn.
    std::ranges::stable_sort(by_count, {}, [&](std::int32_t code) { return counts[Levels::slot(code)]; });
    for (std::size_t i = 0; i + most - 1 < by_count.size(); ++i) rare[Levels::slot(by_count[i])] = 1;
    n_own = most - 1;
  }
  // What the fitted rows do not have (levels of the dictionary too) is unseen: the infrequent group when
  // there is one.
  std::int32_t unseen = -1;
  if (n_own < order.size()) unseen = static_cast<std::int32_t>(n_own);
  out.feature.assign(counts.size(), params_.handle_unknown == "ignore" ? -1 : unseen);
  for (const std::int32_t code : order) {
    if (rare[Levels::slot(code)]) {
      out.feature[Levels::slot(code)] = unseen;
      continue;
    }
    out.feature[Levels::slot(code)] = static_cast<std::int32_t>(out.names.size());
    out.names.push_back(fmt::format("{}={}", name, text_of(code)));
  }
  if (unseen >= 0) out.names.push_back(name + "=(infrequent)");
  rules_.apply(counts, 1, out.feature);
  drop_feature(out);
}

// A level without a feature is all zero.
void OneHot::drop_feature(Encoder& out) const {
  const bool drops = params_.drop == "first" || (params_.drop == "if_binary" && out.names.size() == 2);
  if (!drops || out.names.empty()) return;
  out.names.erase(out.names.begin());
  for (std::int32_t& feature : out.feature)
    if (feature >= 0) --feature;
}

void OneHot::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
                    const Context& context) {
  require_types(x, "one_hot", "category,int,bool");
  encoders_.assign(x.n_columns(), {});
  rules_.begin_fit(x.n_columns());
  context.parallel_blocks(
      x.n_columns(), 1, [&](std::size_t c, std::size_t) { encoders_[c] = fit_column(c, x.column(c), rows); });
  number_features();
}

void OneHot::do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) {
  require_types(x, "one_hot", "category,int,bool");
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    const Column& column = x.column(c);
    Gathered& gathered = gathered_[c];
    if (column.type() == ColumnType::kCategory) {
      gathered.levels.add(column);
      return;
    }
    const auto cells = integers_of(column);
    for (std::size_t row = 0; row < cells.size() && gathered.integers.size() <= most_integers(); ++row)
      if (column.valid_bits() && column.is_missing(row))
        ++gathered.n_missing;
      else
        ++gathered.integers[cells[row]];
  });
}

void OneHot::do_merge(const Transformer& other) {
  const auto& theirs = dynamic_cast<const OneHot&>(other).gathered_;
  for (std::size_t c = 0; c < gathered_.size(); ++c) {
    gathered_[c].levels.merge(theirs[c].levels);
    for (const auto& [value, count] : theirs[c].integers) gathered_[c].integers[value] += count;
    gathered_[c].n_missing += theirs[c].n_missing;
  }
}

void OneHot::do_finish_fit(const Context&) {
  encoders_.assign(gathered_.size(), {});
  rules_.begin_fit(gathered_.size());
  for (std::size_t c = 0; c < gathered_.size(); ++c) {
    const Gathered& gathered = gathered_[c];
    Encoder& encoder = encoders_[c];
    std::vector<std::int64_t> counts;
    if (input_types()[c] == ColumnType::kCategory) {
      encoder.levels = gathered.levels.levels(counts);
    } else {
      if (gathered.integers.size() > most_integers()) continue;
      counts = {0, gathered.n_missing};
      for (const auto& [value, count] : gathered.integers) {
        encoder.integers.push_back(value);
        counts.push_back(count);
      }
    }
    choose_features(c, std::move(counts), encoder);
  }
  gathered_.clear();
  number_features();
}

// The features of all columns one after another.
void OneHot::number_features() {
  std::size_t n_passing = 0, n_features = 0;
  for (std::size_t c = 0; c < encoders_.size(); ++c) {
    const bool is_number = input_types()[c] != ColumnType::kCategory;
    if (is_number && (encoders_[c].feature.empty() || params_.keep_numbers)) ++n_passing;
    n_features += encoders_[c].names.size();
  }
  check_width(n_passing + n_features);
  if (n_features > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    throw Error(ErrorCode::kInvalidParameter, "one_hot would make {} features; set max_categories",
                n_features);
  width_ = 0;
  for (Encoder& encoder : encoders_) {
    for (std::int32_t& feature : encoder.feature)
      if (feature >= 0) feature += width_;
    width_ += static_cast<std::int32_t>(encoder.names.size());
  }
}

Column OneHot::sparse_column(std::size_t n_rows, const std::vector<std::unique_ptr<CodeView>>& codes,
                             const Context& context) const {
  std::vector<const std::int32_t*> features;  // of the encoded columns, by slot
  std::vector<const CodeView*> views;
  for (std::size_t c = 0; c < codes.size(); ++c)
    if (codes[c]) {
      features.push_back(encoders_[c].feature.data());
      views.push_back(codes[c].get());
    }
  // Column by column within a block of rows: the loops are short and the table of a column stays in the
  // cache.
  const std::size_t n_views = views.size();
  std::vector<std::int64_t> offsets(n_rows + 1);
  context.parallel_blocks(n_rows, kRowGrain, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = 0; k < n_views; ++k)
      for (std::size_t row = begin; row < end; ++row)
        offsets[row + 1] += features[k][Levels::slot((*views[k])[row])] >= 0 ? 1 : 0;
  });
  for (std::size_t row = 0; row < n_rows; ++row) offsets[row + 1] += offsets[row];
  std::vector<std::int32_t> indices(static_cast<std::size_t>(offsets.back()));
  context.parallel_blocks(n_rows, kRowGrain, [&](std::size_t begin, std::size_t end) {
    std::vector<std::int32_t> block((end - begin) * n_views);
    for (std::size_t k = 0; k < n_views; ++k)
      for (std::size_t row = begin; row < end; ++row)
        block[(row - begin) * n_views + k] = features[k][Levels::slot((*views[k])[row])];
    auto at = static_cast<std::size_t>(offsets[begin]);
    for (const std::int32_t feature : block)
      if (feature >= 0) indices[at++] = feature;
  });
  std::vector<float> values(indices.size(), 1.0F);
  return Column::from_sparse(std::move(offsets), std::move(indices), std::move(values), width_);
}

std::vector<Transformer::Named> OneHot::dense_columns(const data::Frame& x,
                                                      const std::vector<std::unique_ptr<CodeView>>& codes,
                                                      const Context& context) const {
  std::vector<std::vector<Named>> parts(codes.size());
  std::int32_t first = 0;
  std::vector<std::int32_t> first_of(codes.size());
  for (std::size_t c = 0; c < codes.size(); ++c) {
    first_of[c] = first;
    first += static_cast<std::int32_t>(encoders_[c].names.size());
  }
  context.parallel_blocks(codes.size(), 1, [&](std::size_t c, std::size_t) {
    std::vector<std::vector<float>> cells(encoders_[c].names.size(), std::vector<float>(x.n_rows()));
    for (std::size_t row = 0; codes[c] && row < x.n_rows(); ++row) {
      const std::int32_t feature = encoders_[c].feature[Levels::slot((*codes[c])[row])];
      if (feature >= 0) cells[static_cast<std::size_t>(feature - first_of[c])][row] = 1.0F;
    }
    for (std::size_t i = 0; i < cells.size(); ++i)
      parts[c].push_back({encoders_[c].names[i], Column::from_float32(std::move(cells[i]))});
  });
  std::vector<Named> out;
  for (auto& part : parts) std::ranges::move(part, std::back_inserter(out));
  return out;
}

std::vector<Transformer::Named> OneHot::do_transform(const data::Frame& x, const Context& context) const {
  std::vector<Named> out;
  std::vector<std::unique_ptr<CodeView>> codes(x.n_columns());  // null: this column is not encoded
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    const Column& column = x.column(c);
    const bool encoded = !encoders_[c].feature.empty();
    if (column.is_numeric() && (!encoded || params_.keep_numbers)) out.push_back({x.name(c), column});
  }
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    if (encoders_[c].feature.empty()) return;
    // CodeView is neither copied nor moved, so it is built where it stays.
    codes[c].reset(x.column(c).type() == ColumnType::kCategory
                       ? new CodeView(encoders_[c].levels.codes(x.column(c)))
                       : new CodeView(integer_codes(x.column(c), encoders_[c].integers)));
    rules_.check(c, x.name(c), *codes[c], x.column(c));
  });
  if (width_ == 0) return out;
  if (params_.dense)
    std::ranges::move(dense_columns(x, codes, context), std::back_inserter(out));
  else
    out.push_back({"one_hot", sparse_column(x.n_rows(), codes, context)});
  return out;
}

class OneHot::Row final : public RowStep {
 public:
  Row(const OneHot& step, const data::Frame& inputs) : step_(step), columns_(inputs.n_columns()) {
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const Encoder& encoder = step.encoders_[c];
      const bool is_number = inputs.column(c).is_numeric();
      columns_[c].passes = is_number && (encoder.feature.empty() || step.params_.keep_numbers);
      columns_[c].is_number = is_number;
      if (encoder.feature.empty() || is_number) continue;
      for (const std::size_t slot : slots_in(encoder.levels, inputs.column(c)))
        columns_[c].feature.push_back(encoder.feature[slot]);
    }
  }
  void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena& arena) const override {
    const auto entries = arena.take<SparseEntry>(in.size());
    std::uint32_t n = 0;
    std::size_t at = 0;
    for (std::size_t c = 0; c < in.size(); ++c) {
      if (columns_[c].passes) out[at++] = in[c];
      const std::int32_t feature = feature_of(c, in[c]);
      if (feature >= 0) entries[n++] = {feature, 1.0F};
    }
    if (step_.width_ == 0) return;
    out[at].entries = entries.data();
    out[at].n = n;
  }

 private:
  struct OfColumn {
    bool passes = false, is_number = false;
    std::vector<std::int32_t> feature;  // of categories: by the input's slot
  };

  std::int32_t feature_of(std::size_t c, const RowCell& cell) const {
    if (!columns_[c].is_number) return columns_[c].feature.empty() ? -1 : columns_[c].feature[slot_of(cell)];
    const Encoder& encoder = step_.encoders_[c];
    if (encoder.feature.empty()) return -1;
    std::int32_t code = data::kMissingCode;
    if (!std::isnan(cell.number)) {
      const auto value = static_cast<std::int64_t>(cell.number);
      const auto found = std::ranges::lower_bound(encoder.integers, value);
      code = found != encoder.integers.end() && *found == value
                 ? static_cast<std::int32_t>(found - encoder.integers.begin())
                 : data::kUnseenCode;
    }
    return encoder.feature[Levels::slot(code)];
  }

  const OneHot& step_;
  std::vector<OfColumn> columns_;
};

std::unique_ptr<RowStep> OneHot::row_step(const data::Frame& inputs) const {
  if (rules_.refuses() || params_.dense) return nullptr;
  return std::make_unique<Row>(*this, inputs);
}

void OneHot::do_save(artifact::Node& node) const {
  node.set("width", static_cast<std::int64_t>(width_));
  rules_.save(node);
  for (std::size_t c = 0; c < encoders_.size(); ++c) {
    artifact::Node& child = node.add_child(fmt::format("column_{}", c));
    if (encoders_[c].levels.size() > 0) encoders_[c].levels.save(child);
    child.set_array("integers", encoders_[c].integers);
    child.set_array("feature", encoders_[c].feature);
    child.set("names", encoders_[c].names);
  }
}

void OneHot::do_load(const artifact::Node& node) {
  width_ = static_cast<std::int32_t>(node.get_int("width"));
  encoders_.assign(input_columns().size(), {});
  rules_.load(node, encoders_.size());
  for (std::size_t c = 0; c < encoders_.size(); ++c) {
    const artifact::Node& child = node.child(fmt::format("column_{}", c));
    Encoder& encoder = encoders_[c];
    encoder.levels =
        child.has("levels") ? Levels::load(child) : Levels(std::make_shared<const data::Dictionary>());
    encoder.integers = child.get_vector<std::int64_t>("integers");
    encoder.feature = child.get_vector<std::int32_t>("feature");
    encoder.names = child.get_strings("names");
    if (encoder.feature.empty()) continue;
    check_saved_size("one_hot", {encoder.feature.size()},
                     std::max(encoder.levels.size(), encoder.integers.size()) + 2);
    for (const std::int32_t feature : encoder.feature)
      if (feature >= width_)
        throw Error(ErrorCode::kModel, "the saved state of step one_hot is damaged: feature {}", feature);
  }
}

}  // namespace

TransformerInfo one_hot_info() {
  return describe<OneHot>(
      "one_hot", "One 0/1 feature per level; one sparse column for all columns.", "category",
      ParamTable<OneHotParams>()
          .param("min_frequency", &OneHotParams::min_frequency,
                 "Levels with fewer training rows share the infrequent group.")
          .limits(1, 1e9)
          .param("max_categories", &OneHotParams::max_categories,
                 "Most features per column, the infrequent group included; 0: no limit.")
          .limits(0, 1e9)
          .param("drop", &OneHotParams::drop,
                 "Leave out the first feature of each column, or of those with two.",
                 choice({"none", "first", "if_binary"}))
          .param("max_integer_levels", &OneHotParams::max_integer_levels,
                 "A number column with more distinct values is left as it is.")
          .limits(1, 1e6)
          .param("keep_numbers", &OneHotParams::keep_numbers,
                 "Encoded number columns stay beside their features.")
          .param("dense", &OneHotParams::dense,
                 "Give one float32 column per feature and not one sparse column.")
          .param("handle_unknown", &OneHotParams::handle_unknown,
                 "Levels that training did not have: the infrequent group if there is one "
                 "(value), all zero, as missing cells, or an error.",
                 choice({"value", "ignore", "missing", "error"}))
          .param("handle_missing", &OneHotParams::handle_missing,
                 "Missing cells: a level of their own, as an unknown level, or an error.",
                 choice({"level", "unknown", "error"})));
}

}  // namespace kolosal::transform
