#include "kolosal/transform/transformer.hpp"

#include <algorithm>
#include <typeinfo>
#include <unordered_map>
#include <unordered_set>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/lazy_frame_internal.hpp"

namespace kolosal::transform {

#define KOLOSAL_PLUGIN(name) TransformerInfo name##_info();
#include "kolosal/transform/transformers_catalog.inc"
#undef KOLOSAL_PLUGIN

namespace {

std::vector<TransformerInfo> read_catalog() {
  std::vector<TransformerInfo> out;
#define KOLOSAL_PLUGIN(name) out.push_back(name##_info());
#include "kolosal/transform/transformers_catalog.inc"
#undef KOLOSAL_PLUGIN
  std::ranges::sort(out, {}, &TransformerInfo::name);
  return out;
}

std::size_t width_of(const data::Column& column) {
  return column.type() == data::ColumnType::kSparse ? static_cast<std::size_t>(column.sparse().width) : 1;
}

// The columns of x that stay when a step takes its own.
std::unordered_set<std::string> names_beside(const data::Frame& x, const std::vector<std::string>& taken,
                                             bool keep) {
  std::unordered_set<std::string> out(x.names().begin(), x.names().end());
  if (!keep)
    for (const auto& name : taken) out.erase(name);
  return out;
}

// A user's column may have the name that a step gives; the same columns always get the same names.
std::string free_name(std::string name, std::unordered_set<std::string>& used) {
  while (!used.insert(name).second) name += '_';
  return name;
}

}  // namespace

std::vector<std::string> Selector::resolve(const data::Frame& frame) const {
  if (!names.empty()) {
    for (const auto& name : names) frame.column(name);  // throws kData, naming what is absent
    return names;
  }
  std::vector<std::string> out;
  for (std::size_t c = 0; c < frame.n_columns(); ++c)
    if (type_in_list(types, frame.column(c).type())) out.push_back(frame.name(c));
  return out;
}

std::size_t n_features(const data::Frame& x) {
  std::size_t out = 0;
  for (std::size_t c = 0; c < x.n_columns(); ++c) out += width_of(x.column(c));
  return out;
}

void Transformer::take_columns(const data::Frame& x, const data::TargetView& y,
                               const std::vector<std::string>& columns) {
  if (columns.empty())
    throw Error(ErrorCode::kInvalidParameter, "a transformer needs at least one column to fit on");
  if (uses_target() && y.values.empty() && x.n_rows() > 0)
    throw Error(ErrorCode::kInvalidParameter, "a step that uses the target was fitted without one");
  fitted_ = false;
  columns_ = columns;
  types_.clear();
  n_taken_ = 0;
  for (const auto& name : columns) {
    types_.push_back(x.column(name).type());
    n_taken_ += width_of(x.column(name));
  }
  header_ = x.slice(0, 0);
}

data::Frame Transformer::begin_fit(const data::Frame& x, std::span<const std::uint32_t> rows,
                                   const data::TargetView& y, const std::vector<std::string>& columns) {
  KOLOSAL_ASSERT(rows.empty() || rows.back() < x.n_rows(), "row numbers are ascending and within the frame");
  KOLOSAL_ASSERT(y.values.empty() || y.values.size() == x.n_rows(),
                 "the target has a value per row of the frame");
  gathering_ = false;
  take_columns(x, y, columns);
  return inputs_of(x);
}

void Transformer::end_fit() {
  made_.clear();
  if (has_inverse()) {
    auto used = names_beside(header_, columns_, keep_inputs_);
    for (auto& name : made_columns()) made_.push_back(free_name(std::move(name), used));
  }
  header_ = {};
  gathering_ = false;
  fitted_ = true;
}

void Transformer::fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                      const std::vector<std::string>& columns, const Context& context) {
  const data::Frame inputs = begin_fit(x, rows, y, columns);
  do_fit(inputs, rows, y, context);
  check_made(context);
  end_fit();
}

data::Frame Transformer::fit_transform(const data::Frame& x, std::span<const std::uint32_t> rows,
                                       const data::TargetView& y, const std::vector<std::string>& columns,
                                       const Context& context) {
  const data::Frame inputs = begin_fit(x, rows, y, columns);
  auto made = do_fit_transform(inputs, rows, y, context);
  std::size_t n_made = 0;
  for (const auto& [name, column] : made) n_made += width_of(column);
  check_width(n_made);
  end_fit();
  return replace(x, std::move(made));
}

data::Frame Transformer::transform(const data::Frame& x, const Context& context) const {
  if (!fitted_) throw Error(ErrorCode::kNotFitted, "a transformer was used before fit()");
  return replace(x, do_transform(inputs_of(x), context));
}

void Transformer::fit_transform(LazyFrame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                                const std::vector<std::string>& columns, const Context& context) {
  if (!fits_sources() || uses_target()) {
    x.compute(columns, context);
    x.replace(fit_transform(x.frame(), rows, y, columns, context));
    return;
  }
  begin_fit(x.frame(), rows, y, columns);
  do_fit_sources(x.sources(columns), rows, context);
  check_made(context);
  end_fit();
  transform(x, context);
}

void Transformer::transform(LazyFrame& x, const Context& context) const {
  if (!fitted_) throw Error(ErrorCode::kNotFitted, "a transformer was used before fit()");
  std::vector<std::optional<CellMap>> maps(columns_.size());
  std::vector<bool> mapped(columns_.size());
  std::vector<std::string> others;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (!keep_inputs_ && types_[c] == data::ColumnType::kFloat64) maps[c] = cell_map(c);
    mapped[c] = maps[c].has_value();
    if (!mapped[c]) others.push_back(columns_[c]);
  }
  x.compute(others, context);
  const data::Frame inputs = inputs_of(x.frame());
  const bool any_mapped = others.size() < columns_.size();
  x.replace(replace(x.frame(),
                    any_mapped ? do_transform_rest(inputs, mapped, context) : do_transform(inputs, context)));
  for (std::size_t c = 0; c < columns_.size(); ++c)
    if (maps[c]) x.add_map(columns_[c], *maps[c]);
}

void Transformer::do_fit_sources(std::span<const CellSource>, std::span<const std::uint32_t>,
                                 const Context&) {
  throw Error(ErrorCode::kInternal, "a step that fits sources has do_fit_sources()");
}

std::optional<CellMap> Transformer::cell_map(std::size_t) const { return {}; }

std::vector<Transformer::Named> Transformer::do_transform_rest(const data::Frame& x,
                                                               const std::vector<bool>& mapped,
                                                               const Context&) const {
  std::vector<Named> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    KOLOSAL_ASSERT(mapped[c], "a step with other columns than mapped ones makes those itself");
    out.push_back({x.name(c), x.column(c)});
  }
  return out;
}

void Transformer::check_gatherable() const {
  if (!can_stream())
    throw Error(ErrorCode::kUnsupported,
                "can not be fitted batch by batch, because {}: fit it on a table in memory (a sample of the "
                "rows, if need be), or leave it out",
                stream_obstacle());
}

void Transformer::partial_fit(const data::Frame& x, const data::TargetView& y,
                              const std::vector<std::string>& columns, const Context& context) {
  check_gatherable();
  KOLOSAL_ASSERT(y.values.empty() || y.values.size() == x.n_rows(),
                 "the target has a value per row of the frame");
  if (!gathering_) {
    take_columns(x, y, columns);
    do_begin_stream();
    gathering_ = true;
  } else if (columns != columns_) {
    throw Error(ErrorCode::kInvalidParameter, "a batch has the columns {}, but the first one had {}",
                fmt::join(columns, ", "), fmt::join(columns_, ", "));
  } else if (uses_target() && y.values.empty() && x.n_rows() > 0) {
    throw Error(ErrorCode::kInvalidParameter, "a step that uses the target was given a batch without one");
  }
  do_partial_fit(inputs_of(x), y, context);
}

void Transformer::merge(const Transformer& other) {
  check_gatherable();
  if (typeid(*this) != typeid(other))
    throw Error(ErrorCode::kInvalidParameter, "can not merge what two different steps gathered: {} and {}",
                name_, other.name_);
  for (const auto& [parameter, value] : all_params_)
    if (const auto& theirs = other.all_params_.at(parameter); to_string(value) != to_string(theirs))
      throw Error(ErrorCode::kInvalidParameter,
                  "can not merge steps {} with different parameters: {} is {} and {}", name_, parameter,
                  to_string(value), to_string(theirs));
  if (!other.gathering_) return;
  if (!gathering_) {
    columns_ = other.columns_;
    types_ = other.types_;
    header_ = other.header_;
    n_taken_ = other.n_taken_;
    do_begin_stream();
    fitted_ = false;
    gathering_ = true;
  }
  if (columns_ != other.columns_)
    throw Error(ErrorCode::kInvalidParameter, "can not merge what was gathered of other columns: {} and {}",
                fmt::join(columns_, ", "), fmt::join(other.columns_, ", "));
  for (std::size_t c = 0; c < columns_.size(); ++c)
    if (types_[c] != other.types_[c])
      throw Error(ErrorCode::kData, "column \"{}\" is of type {} in one part and {} in another", columns_[c],
                  data::type_name(types_[c]), data::type_name(other.types_[c]));
  do_merge(other);
}

void Transformer::finish_fit(const Context& context) {
  if (!gathering_)
    throw Error(ErrorCode::kNotFitted, "finish_fit() was called before the first batch of partial_fit()");
  do_finish_fit(context);
  check_made(context);
  end_fit();
}

void Transformer::do_partial_fit(const data::Frame&, const data::TargetView&, const Context&) {
  KOLOSAL_ASSERT(is_stateless(), "a step that learns from rows gathers them itself");
}

void Transformer::do_finish_fit(const Context& context) { do_fit(inputs_of(header_), {}, {}, context); }

data::Frame Transformer::inverse_transform(const data::Frame& x, const Context& context) const {
  if (!has_inverse())
    throw Error(ErrorCode::kUnsupported, "step {} has no inverse: what it makes does not tell its input",
                name_);
  if (!fitted_) throw Error(ErrorCode::kNotFitted, "a transformer was used before fit()");
  std::vector<data::Column> made;
  for (const auto& name : made_) made.push_back(x.column(name));
  auto back = do_inverse({made_columns(), std::move(made)}, context);
  data::Frame out = x.without(made_);
  if (keep_inputs_) return out;
  for (auto& [name, column] : back) out.add(std::move(name), std::move(column));
  return out;
}

std::vector<Transformer::Named> Transformer::do_inverse(const data::Frame&, const Context&) const {
  throw Error(ErrorCode::kInternal, "a step with an inverse has do_inverse()");
}

void Transformer::check_width(std::size_t n_features) const {
  if (max_features_ == 0 || n_features <= n_taken_ || n_features + n_beside_ <= max_features_) return;
  throw Error(ErrorCode::kInvalidParameter,
              "would make {} features of {} columns ({} with all others), more than --max-features {}; raise "
              "it, or choose a narrower step for these columns",
              n_features, columns_.size(), n_features + n_beside_, max_features_);
}

void Transformer::check_made(const Context& context) const {
  if (max_features_ == 0) return;
  std::size_t n_made = 0;
  for (const auto& [name, column] : do_transform(inputs_of(header_), context)) n_made += width_of(column);
  check_width(n_made);
}

std::vector<Transformer::Named> Transformer::do_fit_transform(const data::Frame& x,
                                                              std::span<const std::uint32_t> rows,
                                                              const data::TargetView& y,
                                                              const Context& context) {
  do_fit(x, rows, y, context);
  return do_transform(x, context);
}

data::Frame Transformer::inputs_of(const data::Frame& x) const {
  std::unordered_map<std::string_view, std::size_t> position;
  for (std::size_t c = 0; c < x.n_columns(); ++c) position.emplace(x.name(c), c);
  std::vector<data::Column> columns;
  columns.reserve(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto found = position.find(columns_[i]);
    const data::Column& column = found == position.end() ? x.column(columns_[i]) : x.column(found->second);
    if (column.type() != types_[i])
      throw Error(ErrorCode::kData, "column \"{}\" is of type {}, but was {} in training", columns_[i],
                  data::type_name(column.type()), data::type_name(types_[i]));
    columns.push_back(column);
  }
  return {columns_, std::move(columns)};
}

data::Frame Transformer::replace(const data::Frame& x, std::vector<Named> made) const {
  std::unordered_set<std::string> used = names_beside(x, columns_, keep_inputs_);
  std::vector<std::string> names;
  std::vector<data::Column> columns;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    if (!used.contains(x.name(c))) continue;
    names.push_back(x.name(c));
    columns.push_back(x.column(c));
  }
  for (auto& [name, column] : made) {
    KOLOSAL_ASSERT(column.size() == x.n_rows(), "a step keeps the number of rows");
    names.push_back(free_name(std::move(name), used));
    columns.push_back(std::move(column));
  }
  // A frame without columns would have no rows either; a column of zeros tells a learner nothing and keeps
  // them.
  if (names.empty()) {
    names.emplace_back("no_feature");
    columns.push_back(data::Column::from_float32(std::vector<float>(x.n_rows())));
  }
  return {std::move(names), std::move(columns)};
}

std::unique_ptr<RowStep> Transformer::row_step(const data::Frame&) const { return nullptr; }

void Transformer::save(artifact::Node& node) const {
  if (!fitted_) throw Error(ErrorCode::kNotFitted, "a transformer was saved before fit()");
  node.set("columns", columns_);
  std::vector<std::string> types;
  for (const auto type : types_) types.emplace_back(data::type_name(type));
  node.set("types", types);
  node.set("keep_inputs", keep_inputs_);
  if (has_inverse()) node.set("made", made_);
  do_save(node.add_child("state"));
}

void Transformer::load(const artifact::Node& node) {
  columns_ = node.get_strings("columns");
  keep_inputs_ = node.get_bool("keep_inputs");
  types_.clear();
  for (const auto& name : node.get_strings("types")) {
    const auto type = data::type_from_name(name);
    if (!type) throw Error(ErrorCode::kModel, "the model holds a column of unknown type \"{}\"", name);
    types_.push_back(*type);
  }
  if (types_.size() != columns_.size() || columns_.empty())
    throw Error(ErrorCode::kModel, "a step of the model has {} columns but {} types", columns_.size(),
                types_.size());
  do_load(node.child("state"));
  if (has_inverse()) made_ = node.has("made") ? node.get_strings("made") : made_columns();
  gathering_ = false;
  fitted_ = true;
}

const std::vector<TransformerInfo>& transformers() {
  static const std::vector<TransformerInfo> catalog = read_catalog();
  return catalog;
}

const TransformerInfo& transformer_info(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& info : transformers()) {
    if (info.name == name) return info;
    known.push_back(info.name);
  }
  const std::string near = nearest_name(name, known);
  throw Error(ErrorCode::kInvalidParameter, "there is no transformer \"{}\"; {}", name,
              near.empty() ? fmt::format("known are {}", fmt::join(known, ", "))
                           : fmt::format("did you mean \"{}\"?", near));
}

std::unique_ptr<Transformer> make_transformer(std::string_view name, const ParamMap& params) {
  return transformer_info(name).make(params);
}

}  // namespace kolosal::transform
