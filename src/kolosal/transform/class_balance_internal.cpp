#include "kolosal/transform/class_balance_internal.hpp"

#include <algorithm>

namespace kolosal::transform {

RowsByClass::RowsByClass(std::span<const std::uint32_t> all, const data::TargetView& y)
    : rows(std::max<std::size_t>(y.n_classes, 1)) {
  for (const std::uint32_t row : all) rows[static_cast<std::size_t>(y.values[row])].push_back(row);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    if (rows[k].size() > rows[largest].size()) largest = k;
    if (rows[smallest].empty() || (!rows[k].empty() && rows[k].size() < rows[smallest].size())) smallest = k;
  }
}

void check_oversample(const OversampleParams& params, std::string_view who) {
  if (params.strategy != "not_majority" && params.strategy != "minority")
    throw Error(ErrorCode::kInvalidParameter, "{}: strategy must be not_majority or minority, not \"{}\"",
                who, params.strategy);
}

std::vector<std::size_t> rows_to_make(const RowsByClass& classes, const OversampleParams& params) {
  std::vector<std::size_t> out(classes.rows.size());
  const auto wanted =
      static_cast<std::size_t>(params.ratio * static_cast<double>(classes.rows[classes.largest].size()));
  for (std::size_t k = 0; k < out.size(); ++k) {
    const std::size_t n = classes.rows[k].size();
    const bool touched = params.strategy == "minority" ? k == classes.smallest : k != classes.largest;
    if (touched && n > 0 && n < wanted) out[k] = wanted - n;
  }
  return out;
}

void check_undersample(const UndersampleParams& params, std::string_view who) {
  if (params.strategy != "not_minority" && params.strategy != "majority")
    throw Error(ErrorCode::kInvalidParameter, "{}: strategy must be not_minority or majority, not \"{}\"",
                who, params.strategy);
}

bool is_undersampled(const RowsByClass& classes, std::string_view strategy, std::size_t k) {
  return strategy == "majority" ? k == classes.largest : k != classes.smallest;
}

std::vector<std::size_t> rows_to_keep(const RowsByClass& classes, const UndersampleParams& params) {
  std::vector<std::size_t> out;
  const auto wanted =
      static_cast<std::size_t>(static_cast<double>(classes.rows[classes.smallest].size()) / params.ratio);
  for (std::size_t k = 0; k < classes.rows.size(); ++k) {
    const std::size_t n = classes.rows[k].size();
    out.push_back(is_undersampled(classes, params.strategy, k) ? std::min(n, wanted) : n);
  }
  return out;
}

}  // namespace kolosal::transform
