#include "kolosal/model/feature_map.hpp"

#include <cmath>
#include <limits>

namespace kolosal::model {

using data::ColumnType;

FeatureMap FeatureMap::of(const data::Frame& x) {
  FeatureMap map;
  std::int64_t n = 0;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    const data::Column& column = x.column(c);
    std::int32_t slots = 1;
    if (column.type() == ColumnType::kCategory) {
      map.kind.push_back(Kind::kCategory);
      slots = column.dictionary()->size() + 1;
    } else if (column.type() == ColumnType::kSparse) {
      map.kind.push_back(Kind::kSparse);
      slots = column.sparse().width;
    } else if (column.is_numeric()) {
      map.kind.push_back(Kind::kNumber);
    } else {
      throw Error(ErrorCode::kData,
                  "a linear learner takes numbers, categories and sparse columns: column \"{}\" is {}",
                  x.name(c), data::type_name(column.type()));
    }
    map.first.push_back(static_cast<std::int32_t>(n));
    map.n_slots.push_back(slots);
    n += slots;
    if (n > std::numeric_limits<std::int32_t>::max())
      throw Error(ErrorCode::kData, "too many levels and features for a linear learner at column \"{}\"",
                  x.name(c));
  }
  map.n_features = static_cast<std::int32_t>(n);
  return map;
}

void FeatureMap::save(artifact::Node& node) const {
  std::vector<std::uint8_t> kinds;
  for (Kind k : kind) kinds.push_back(static_cast<std::uint8_t>(k));
  node.set_array("kind", kinds);
  node.set_array("n_slots", n_slots);
}

FeatureMap FeatureMap::load(const artifact::Node& node) {
  FeatureMap map;
  map.n_slots = node.get_vector<std::int32_t>("n_slots");
  const auto kinds = node.array<std::uint8_t>("kind");
  if (kinds.size() != map.n_slots.size())
    throw Error(ErrorCode::kModel, "the columns of a linear model are damaged: {} kinds for {} columns",
                kinds.size(), map.n_slots.size());
  std::int64_t n = 0;
  for (std::size_t c = 0; c < kinds.size(); ++c) {
    const bool is_number = kinds[c] == static_cast<std::uint8_t>(Kind::kNumber);
    if (kinds[c] > static_cast<std::uint8_t>(Kind::kSparse) || map.n_slots[c] < 0 ||
        (is_number && map.n_slots[c] != 1) ||
        (kinds[c] == static_cast<std::uint8_t>(Kind::kCategory) && map.n_slots[c] < 1))
      throw Error(ErrorCode::kModel, "the columns of a linear model are damaged at column {}", c);
    map.kind.push_back(static_cast<Kind>(kinds[c]));
    map.first.push_back(static_cast<std::int32_t>(n));
    n += map.n_slots[c];
    if (n > std::numeric_limits<std::int32_t>::max())
      throw Error(ErrorCode::kModel, "the columns of a linear model are damaged: {} features", n);
  }
  map.n_features = static_cast<std::int32_t>(n);
  return map;
}

void copy_present_numbers(const data::Frame& x, std::size_t column, std::size_t begin, std::size_t end,
                          std::vector<double>& out) {
  out.resize(end - begin);
  x.column(column).slice(begin, end - begin).copy_numbers(std::span<double>(out));
  for (std::size_t i = 0; i < out.size(); ++i)
    if (!std::isfinite(out[i]))
      throw Error(ErrorCode::kData,
                  "a linear learner needs finite numbers: column \"{}\" has {} in row {}; impute it before",
                  x.name(column), std::isnan(out[i]) ? "a missing value" : "an infinite value",
                  begin + i + 1);
}

}  // namespace kolosal::model
