#include "kolosal/metric/cost.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/metric/weighted_mean_internal.hpp"

namespace kolosal::metric {
namespace {

double expected_cost(const CostMatrix& costs, std::span<const double> prediction, std::size_t decided) {
  if (prediction.size() == 1)
    return (1 - prediction[0]) * costs.at(0, decided) + prediction[0] * costs.at(1, decided);
  double sum = 0;
  for (std::size_t actual = 0; actual < prediction.size(); ++actual)
    sum += prediction[actual] * costs.at(actual, decided);
  return sum;
}

/// The numbers of one row of "0 1; 5 0".
std::vector<double> parse_row(std::string_view row, std::string_view text) {
  constexpr std::string_view kBetween = " ,\t";
  std::vector<double> out;
  for (std::size_t begin = row.find_first_not_of(kBetween); begin != std::string_view::npos;) {
    const std::size_t end = std::min(row.find_first_of(kBetween, begin), row.size());
    double cost = 0;
    const auto [stop, error] = std::from_chars(row.data() + begin, row.data() + end, cost);
    if (error != std::errc{} || stop != row.data() + end)
      throw Error(ErrorCode::kInvalidParameter,
                  "the cost matrix \"{}\" has a cost that is not a number: \"{}\"", text,
                  row.substr(begin, end - begin));
    out.push_back(cost);
    begin = row.find_first_not_of(kBetween, end);
  }
  return out;
}

}  // namespace

CostMatrix::CostMatrix(std::size_t n_classes, std::vector<double> costs)
    : n_classes_(n_classes), costs_(std::move(costs)) {
  if (n_classes_ < 2)
    throw Error(ErrorCode::kInvalidParameter, "a cost matrix needs at least 2 classes, but has {}",
                n_classes_);
  if (costs_.size() != n_classes_ * n_classes_)
    throw Error(ErrorCode::kInvalidParameter, "a cost matrix of {} classes needs {} costs, but has {}",
                n_classes_, n_classes_ * n_classes_, costs_.size());
  for (const double cost : costs_)
    if (!std::isfinite(cost))
      throw Error(ErrorCode::kInvalidParameter, "the costs of a cost matrix must be finite: {}", cost);
}

CostMatrix CostMatrix::equal(std::size_t n_classes) {
  std::vector<double> costs(n_classes * n_classes, 1.0);
  for (std::size_t c = 0; c < n_classes; ++c) costs[c * n_classes + c] = 0;
  return {n_classes, std::move(costs)};
}

CostMatrix CostMatrix::parse(std::string_view text) {
  std::vector<std::vector<double>> rows;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    rows.push_back(parse_row(text.substr(begin, end - begin), text));
    begin = end + 1;
  }
  std::vector<double> costs;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (rows[r].size() != rows.size())
      throw Error(
          ErrorCode::kInvalidParameter,
          "the cost matrix \"{}\" has {} rows, but {} costs in row {}; write a row per true class with "
          "the cost of each decision, for example \"0 1; 5 0\"",
          text, rows.size(), rows[r].size(), r + 1);
    costs.insert(costs.end(), rows[r].begin(), rows[r].end());
  }
  return {rows.size(), std::move(costs)};
}

std::size_t CostMatrix::cheapest_class(std::span<const double> prediction) const {
  std::size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t decided = 0; decided < n_classes_; ++decided) {
    const double cost = expected_cost(*this, prediction, decided);
    if (!(cost < least)) continue;
    least = cost;
    best = decided;
  }
  return best;
}

std::vector<std::size_t> cheapest_classes(const CostMatrix& costs, std::span<const double> prediction,
                                          std::size_t n_outputs) {
  require_classes(costs, n_outputs == 1 ? 2 : n_outputs);
  std::vector<std::size_t> out(prediction.size() / n_outputs);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = costs.cheapest_class(prediction.subspan(i * n_outputs, n_outputs));
  return out;
}

double mean_cost(const CostMatrix& costs, const data::TargetView& y, std::span<const std::size_t> decided) {
  require_classes(costs, y.n_classes);
  KOLOSAL_ASSERT(decided.size() == y.values.size(), "one decision per row");
  return weighted_mean(
      y, [&](std::size_t i) { return costs.at(static_cast<std::size_t>(y.values[i]), decided[i]); });
}

void require_classes(const CostMatrix& costs, std::size_t n_classes) {
  if (costs.n_classes() == n_classes) return;
  throw Error(ErrorCode::kInvalidParameter,
              "the cost matrix is {0} x {0}, but the target has {1} classes; give {1} rows of {1} costs, the "
              "classes in their order in the model",
              costs.n_classes(), n_classes);
}

}  // namespace kolosal::metric
