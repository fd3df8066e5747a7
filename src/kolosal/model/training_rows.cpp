#include "kolosal/model/training_rows.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/core/random.hpp"
#include "kolosal/model/class_weights.hpp"

namespace kolosal::model {

std::vector<double> target_of(const data::TargetView& y, std::span<const std::uint32_t> rows) {
  std::vector<double> out(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) out[i] = y.values[rows[i]];
  return out;
}

std::vector<double> weights_of(const data::TargetView& y, std::span<const std::uint32_t> rows,
                               bool balanced) {
  std::vector<double> out;
  if (!y.weights.empty())
    for (std::uint32_t row : rows) out.push_back(y.weights[row]);
  if (!balanced || y.task == data::Task::kRegression) return out;
  const std::vector<double> of_class = class_weights("balanced", y, rows);
  out.resize(rows.size(), 1.0);
  for (std::size_t i = 0; i < rows.size(); ++i)
    out[i] *= of_class[static_cast<std::size_t>(y.values[rows[i]])];
  return out;
}

std::vector<double> mean_target(const data::TargetView& y, std::span<const std::uint32_t> rows) {
  std::vector<double> sum(y.n_outputs(), 0.0);
  double total = 0;
  for (std::uint32_t row : rows) {
    const double weight = y.weight(row);
    total += weight;
    if (y.task == data::Task::kMulticlass)
      sum[static_cast<std::size_t>(y.values[row])] += weight;
    else
      sum[0] += weight * y.values[row];
  }
  if (!(total > 0))
    throw Error(ErrorCode::kData, "the {} training rows have a total weight of {}", rows.size(), total);
  for (double& value : sum) value /= total;
  return sum;
}

double mean_loss(const data::TargetView& y, std::span<const std::uint32_t> rows,
                 std::span<const double> prediction) {
  const std::size_t k = y.n_outputs();
  double loss = 0, total = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double truth = y.values[rows[i]];
    double row_loss = 0;
    if (y.task == data::Task::kRegression) {
      row_loss = (prediction[i] - truth) * (prediction[i] - truth);
    } else {
      const double p = y.task == data::Task::kMulticlass ? prediction[i * k + static_cast<std::size_t>(truth)]
                       : truth > 0.5                     ? prediction[i]
                                                         : 1 - prediction[i];
      row_loss = -std::log(std::max(p, 1e-15));
    }
    loss += y.weight(rows[i]) * row_loss;
    total += y.weight(rows[i]);
  }
  return total > 0 ? loss / total : 0.0;
}

HoldOut hold_out(std::span<const std::uint32_t> rows, std::uint64_t seed) {
  std::vector<std::uint32_t> order(rows.begin(), rows.end());
  Rng rng(seed);
  rng.shuffle(order);
  const auto cut = order.begin() + static_cast<std::ptrdiff_t>(order.size() / 5);
  HoldOut out{{cut, order.end()}, {order.begin(), cut}};
  std::sort(out.train.begin(), out.train.end());
  std::sort(out.valid.begin(), out.valid.end());
  return out;
}

bool is_balanced(const std::string& class_weight, const char* owner) {
  if (class_weight == "balanced") return true;
  if (class_weight == "none") return false;
  throw Error(ErrorCode::kInvalidParameter, "{}: class_weight must be none or balanced: {}", owner,
              class_weight);
}

}  // namespace kolosal::model
