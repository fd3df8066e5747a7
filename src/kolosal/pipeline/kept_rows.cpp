#include "kolosal/pipeline/kept_rows.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/core/row_sample.hpp"

namespace kolosal::pipeline {
namespace {

using artifact::Node;
using data::Column;
using data::ColumnType;

constexpr const char* kBlock = "kept_rows";

/// Rows of each class: its share of `wanted`, the largest remainders rounded up, but one at least where there
/// are enough.
std::vector<std::size_t> class_quotas(const std::vector<std::vector<std::uint32_t>>& classes,
                                      std::size_t n_rows, std::size_t wanted) {
  std::vector<std::size_t> out(classes.size());
  std::vector<double> left(classes.size());
  const auto n_present = static_cast<std::size_t>(
      std::ranges::count_if(classes, [](const auto& rows) { return !rows.empty(); }));
  const std::size_t least = wanted >= n_present ? 1 : 0;
  std::size_t sum = 0;
  for (std::size_t k = 0; k < classes.size(); ++k) {
    const double share =
        static_cast<double>(wanted) * static_cast<double>(classes[k].size()) / static_cast<double>(n_rows);
    out[k] = std::max(static_cast<std::size_t>(share), classes[k].empty() ? 0 : least);
    left[k] = share - static_cast<double>(out[k]);
    sum += out[k];
  }
  // One to or from the class that is furthest from its share; of equal ones, the first.
  for (; sum < wanted; ++sum) {
    std::size_t best = classes.size();
    for (std::size_t k = 0; k < classes.size(); ++k)
      if (out[k] < classes[k].size() && (best == classes.size() || left[k] > left[best])) best = k;
    ++out[best];
    left[best] -= 1;
  }
  for (; sum > wanted; --sum) {
    std::size_t best = classes.size();
    for (std::size_t k = 0; k < classes.size(); ++k)
      if (out[k] > least && (best == classes.size() || left[k] < left[best])) best = k;
    --out[best];
    left[best] += 1;
  }
  return out;
}

// ---- A column in the file -------------------------------------------------------------------------------

std::vector<std::uint8_t> missing_rows(const Column& column) {
  std::vector<std::uint8_t> out;
  if (column.n_missing() == 0) return out;
  for (std::size_t i = 0; i < column.size(); ++i) out.push_back(column.is_missing(i) ? 1 : 0);
  return out;
}

/// Codes of the levels that the rows have, which alone are kept.
void save_levels(const Column& column, Node& node) {
  std::vector<std::int32_t> place(static_cast<std::size_t>(column.dictionary()->size()), -1);
  for (const std::int32_t code : column.codes())
    if (code >= 0) place[static_cast<std::size_t>(code)] = 0;
  std::vector<std::string> levels;
  for (std::size_t code = 0; code < place.size(); ++code) {
    if (place[code] < 0) continue;
    place[code] = static_cast<std::int32_t>(levels.size());
    levels.push_back(column.dictionary()->level(static_cast<std::int32_t>(code)));
  }
  std::vector<std::int32_t> codes;
  for (const std::int32_t code : column.codes())
    codes.push_back(code < 0 ? data::kMissingCode : place[static_cast<std::size_t>(code)]);
  node.set("levels", std::move(levels));
  node.set_array("values", codes);
}

void save_texts(const Column& column, Node& node) {
  std::vector<std::int64_t> offsets = {0};
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < column.size(); ++i) {
    const std::string_view text = column.text(i);
    bytes.insert(bytes.end(), text.begin(), text.end());
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  node.set_array("offsets", offsets);
  node.set_array("values", bytes);
  node.set_array("missing", missing_rows(column));
}

void save_column(const Column& column, Node& node) {
  node.set("type", std::string(data::type_name(column.type())));
  switch (column.type()) {
    case ColumnType::kFloat64:
      return node.set_array("values", column.float64s());
    case ColumnType::kFloat32:
      return node.set_array("values", column.float32s());
    case ColumnType::kCategory:
      return save_levels(column, node);
    case ColumnType::kText:
      return save_texts(column, node);
    case ColumnType::kBool:
      node.set_array("values", column.bools());
      break;
    case ColumnType::kInt64:
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      node.set_array("values", column.int64s());
      break;
    case ColumnType::kSparse:
      KOLOSAL_ASSERT(false, "no column of a user's table is sparse");
  }
  node.set_array("missing", missing_rows(column));
}

[[noreturn]] void damaged(const std::string& column, const char* what) {
  throw Error(ErrorCode::kModel, "column \"{}\" of the kept rows is damaged: {}", column, what);
}

template <typename T>
std::vector<T> checked(const Node& node, const char* array, std::size_t n, const std::string& column) {
  std::vector<T> out = node.get_vector<T>(array);
  if (out.size() != n) damaged(column, "it has another number of rows");
  return out;
}

data::Bitmap present(const Node& node, std::size_t n, const std::string& column) {
  const auto missing = node.array<std::uint8_t>("missing");
  if (missing.empty()) return {};
  if (missing.size() != n) damaged(column, "it has another number of rows");
  data::Bitmap out = data::all_present(n);
  for (std::size_t i = 0; i < n; ++i)
    if (missing[i] != 0) data::clear_bit(out.data(), i);
  return out;
}

Column load_levels(const Node& node, std::size_t n, const std::string& name) {
  auto levels = node.get_strings("levels");
  auto codes = checked<std::int32_t>(node, "values", n, name);
  for (const std::int32_t code : codes)
    if (code < data::kMissingCode || code >= static_cast<std::int32_t>(levels.size()))
      damaged(name, "a code is of no level");
  std::vector<std::string> sorted = levels;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end()) damaged(name, "a level is there twice");
  return Column::from_category(std::move(codes), std::make_shared<const data::Dictionary>(std::move(levels)));
}

Column load_texts(const Node& node, std::size_t n, const std::string& name) {
  auto offsets = checked<std::int64_t>(node, "offsets", n + 1, name);
  const auto bytes = node.array<std::uint8_t>("values");
  if (offsets.front() != 0 || offsets.back() != static_cast<std::int64_t>(bytes.size()) ||
      !std::ranges::is_sorted(offsets))
    damaged(name, "its texts overlap");
  return Column::from_text(std::move(offsets), {bytes.begin(), bytes.end()}, present(node, n, name));
}

Column load_column(const Node& node, std::size_t n, const std::string& name) {
  const auto type = data::type_from_name(node.get_string("type"));
  if (!type || *type == ColumnType::kSparse) damaged(name, "it has no type of a table");
  switch (*type) {
    case ColumnType::kFloat64:
      return Column::from_float64(checked<double>(node, "values", n, name));
    case ColumnType::kFloat32:
      return Column::from_float32(checked<float>(node, "values", n, name));
    case ColumnType::kCategory:
      return load_levels(node, n, name);
    case ColumnType::kText:
      return load_texts(node, n, name);
    case ColumnType::kBool: {
      auto values = checked<std::uint8_t>(node, "values", n, name);
      if (std::ranges::any_of(values, [](std::uint8_t v) { return v > 1; })) damaged(name, "no truth value");
      return Column::from_bool(std::move(values), present(node, n, name));
    }
    case ColumnType::kInt64:
      return Column::from_int64(checked<std::int64_t>(node, "values", n, name), present(node, n, name));
    case ColumnType::kDate:
      return Column::from_date(checked<std::int64_t>(node, "values", n, name), present(node, n, name));
    default:
      return Column::from_timestamp(checked<std::int64_t>(node, "values", n, name), present(node, n, name));
  }
}

std::size_t n_rows_of(const Node& node) {
  const std::int64_t n = node.get_int("n_rows");
  constexpr std::int64_t kMost = 1LL << 40;  // so that counts of bytes do not overflow
  if (n < 0 || n > kMost) throw Error(ErrorCode::kModel, "a model can not keep {} rows", n);
  return static_cast<std::size_t>(n);
}

}  // namespace

std::vector<std::uint32_t> draw_kept_rows(const data::TargetView& y, std::size_t wanted, std::uint64_t seed) {
  const std::size_t n = y.values.size();
  Rng rng(derive_seed(seed, {"kept_rows"}));
  if (y.task == data::Task::kRegression || wanted >= n) return draw_rows(n, wanted, rng);
  std::vector<std::vector<std::uint32_t>> classes(y.n_classes);
  for (std::size_t i = 0; i < n; ++i)
    classes[static_cast<std::size_t>(y.values[i])].push_back(static_cast<std::uint32_t>(i));
  const auto quotas = class_quotas(classes, n, wanted);
  std::vector<std::uint32_t> out;
  for (std::size_t k = 0; k < classes.size(); ++k)
    for (const std::uint32_t i : draw_rows(classes[k].size(), quotas[k], rng)) out.push_back(classes[k][i]);
  std::ranges::sort(out);
  return out;
}

void save_kept_rows(const data::Frame& rows, artifact::ContainerWriter& writer) {
  Node node;
  node.set("n_rows", rows.n_rows());
  node.set("names", rows.names());
  for (std::size_t c = 0; c < rows.n_columns(); ++c)
    save_column(rows.column(c), node.add_child(fmt::format("column_{}", c)));
  writer.add_node(kBlock, node);
}

std::size_t n_kept_rows(const artifact::Container& model) {
  return model.has(kBlock) ? n_rows_of(model.node(kBlock)) : 0;
}

std::optional<data::Frame> load_kept_rows(const artifact::Container& model) {
  if (!model.has(kBlock)) return {};
  const Node node = model.node(kBlock);
  const std::size_t n = n_rows_of(node);
  const auto& names = node.get_strings("names");
  data::Frame out;
  for (std::size_t c = 0; c < names.size(); ++c) {
    if (out.find(names[c])) damaged(names[c], "it is there twice");
    out.add(names[c], load_column(node.child(fmt::format("column_{}", c)), n, names[c]));
  }
  return out;
}

}  // namespace kolosal::pipeline
