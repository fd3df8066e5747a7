#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kolosal/transform/transformer.hpp"

// Tables and parameters for tests that run over the registry.

namespace kolosal::transform {

/// Every column type, with the cells that break naive code: NaN, infinities, 1e308, constants, nothing at
/// all, unseen codes.
data::Frame hostile_frame(std::size_t n);

struct HostileProblem {
  data::Frame x;
  std::vector<double> values;
  data::TargetView y;
  std::vector<std::uint32_t> rows;
};

/// Two of three rows are fitted.
std::unique_ptr<HostileProblem> hostile_problem(std::size_t n, data::Task task, std::size_t fit_every = 3);

/// Parameters that reach the other branches of a step.
std::vector<ParamMap> variants_of(const std::string& step);

/// The columns that a step takes when nobody names them.
inline std::vector<std::string> columns_for(const TransformerInfo& info, const data::Frame& x) {
  return Selector{info.default_types, {}}.resolve(x);
}

}  // namespace kolosal::transform
