#include "kolosal/transform/transformer.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "kolosal/transform/columns_internal.hpp"

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

data::Frame Transformer::begin_fit(const data::Frame& x, std::span<const std::uint32_t> rows,
                                   const data::TargetView& y, const std::vector<std::string>& columns) {
  if (columns.empty())
    throw Error(ErrorCode::kInvalidParameter, "a transformer needs at least one column to fit on");
  KOLOSAL_ASSERT(rows.empty() || rows.back() < x.n_rows(), "row numbers are ascending and within the frame");
  KOLOSAL_ASSERT(y.values.empty() || y.values.size() == x.n_rows(),
                 "the target has a value per row of the frame");
  if (uses_target() && y.values.empty())
    throw Error(ErrorCode::kInvalidParameter, "a step that uses the target was fitted without one");
  fitted_ = false;
  columns_ = columns;
  types_.clear();
  for (const auto& name : columns) types_.push_back(x.column(name).type());
  return inputs_of(x);
}

void Transformer::fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                      const std::vector<std::string>& columns, const Context& context) {
  const data::Frame inputs = begin_fit(x, rows, y, columns);
  do_fit(inputs, rows, y, context);
  fitted_ = true;
}

data::Frame Transformer::fit_transform(const data::Frame& x, std::span<const std::uint32_t> rows,
                                       const data::TargetView& y, const std::vector<std::string>& columns,
                                       const Context& context) {
  const data::Frame inputs = begin_fit(x, rows, y, columns);
  auto made = do_fit_transform(inputs, rows, y, context);
  fitted_ = true;
  return replace(x, std::move(made));
}

data::Frame Transformer::transform(const data::Frame& x, const Context& context) const {
  if (!fitted_) throw Error(ErrorCode::kNotFitted, "a transformer was used before fit()");
  return replace(x, do_transform(inputs_of(x), context));
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
  const std::unordered_set<std::string_view> taken(columns_.begin(), columns_.end());
  std::unordered_set<std::string> used;
  std::vector<std::string> names;
  std::vector<data::Column> columns;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    if (!keep_inputs_ && taken.contains(x.name(c))) continue;
    names.push_back(x.name(c));
    columns.push_back(x.column(c));
    used.insert(x.name(c));
  }
  for (auto& [name, column] : made) {
    KOLOSAL_ASSERT(column.size() == x.n_rows(), "a step keeps the number of rows");
    // A user's column may have the name that a step gives; the same columns always get the same names.
    while (!used.insert(name).second) name += '_';
    names.push_back(std::move(name));
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

void Transformer::save(artifact::Node& node) const {
  if (!fitted_) throw Error(ErrorCode::kNotFitted, "a transformer was saved before fit()");
  node.set("columns", columns_);
  std::vector<std::string> types;
  for (const auto type : types_) types.emplace_back(data::type_name(type));
  node.set("types", types);
  node.set("keep_inputs", keep_inputs_);
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
