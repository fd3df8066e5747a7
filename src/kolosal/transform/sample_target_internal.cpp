#include "kolosal/transform/sample_target_internal.hpp"

#include <algorithm>

namespace kolosal::transform {
namespace {

constexpr std::size_t kMaxClasses = 10;

}  // namespace

std::vector<std::uint32_t> sample_rows(std::span<const std::uint32_t> rows, std::size_t n) {
  std::vector<std::uint32_t> out;
  const std::size_t n_sample = std::min(rows.size(), n);
  for (std::size_t i = 0; i < n_sample; ++i) out.push_back(rows[i * rows.size() / n_sample]);
  return out;
}

SampleTarget sample_target(const data::TargetView& y, std::span<const std::uint32_t> sample) {
  SampleTarget out;
  const bool multiclass = y.task == data::Task::kMulticlass;
  const std::size_t n_vectors = multiclass ? std::min(y.n_classes, kMaxClasses) : 1;
  for (std::size_t k = 0; k < n_vectors; ++k) {
    std::vector<double> values;
    double mean = 0;
    for (const std::uint32_t row : sample) {
      values.push_back(multiclass ? static_cast<double>(y.values[row] == static_cast<double>(k))
                                  : y.values[row]);
      mean += values.back() / static_cast<double>(sample.size());
    }
    for (double& value : values) {
      value -= mean;
      out.sum_sq += value * value;
    }
    out.values.push_back(std::move(values));
  }
  return out;
}

}  // namespace kolosal::transform
