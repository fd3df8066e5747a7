#pragma once

#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/transform/transformer.hpp"

// Small frames for the tests of transformers.

namespace kolosal::transform {

inline data::Column categories(const std::vector<std::string>& levels, std::vector<std::int32_t> codes) {
  return data::Column::from_category(std::move(codes), std::make_shared<const data::Dictionary>(levels));
}

inline data::Frame one_column(data::Column column, std::string name = "x") {
  return {{std::move(name)}, {std::move(column)}};
}

inline std::vector<std::uint32_t> all_rows(std::size_t n) {
  std::vector<std::uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

/// All rows of x, fitted and transformed, with a target or none; columns: the step's default types.
inline data::Frame fit_all(const std::string& step, const ParamMap& params, const data::Frame& x,
                           const data::TargetView& y = {}) {
  const auto fitted = make_transformer(step, params);
  fitted->fit(x, all_rows(x.n_rows()), y, Selector{transformer_info(step).default_types, {}}.resolve(x), {});
  return fitted->transform(x, {});
}

inline std::vector<double> numbers(const data::Frame& x, std::string_view name) {
  std::vector<double> out(x.n_rows());
  x.column(name).copy_numbers(std::span<double>(out));
  return out;
}

}  // namespace kolosal::transform
