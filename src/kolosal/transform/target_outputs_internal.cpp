#include "kolosal/transform/target_outputs_internal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "kolosal/core/random.hpp"

namespace kolosal::transform {

using data::TargetView;
using data::Task;

TargetOutputs::TargetOutputs(const TargetView& y, std::span<const std::uint32_t> rows,
                             std::size_t max_classes) {
  if (y.task == Task::kRegression && !rows.empty()) {
    long double sum = 0;
    for (const std::uint32_t row : rows) sum += static_cast<long double>(y.values[row]);
    shift_ = static_cast<double>(sum / static_cast<long double>(rows.size()));
  }
  if (y.task != Task::kMulticlass) return;
  std::vector<std::int64_t> counts(y.n_classes);
  for (const std::uint32_t row : rows) ++counts[static_cast<std::size_t>(y.values[row])];
  *this = TargetOutputs(counts, max_classes);
}

TargetOutputs::TargetOutputs(std::span<const std::int64_t> class_rows, std::size_t max_classes)
    : classes_(class_rows.size()), of_class_(class_rows.size(), -1) {
  std::iota(classes_.begin(), classes_.end(), std::int64_t{0});
  std::ranges::stable_sort(classes_, std::ranges::greater{},
                           [&](std::int64_t c) { return class_rows[static_cast<std::size_t>(c)]; });
  classes_.resize(std::min(classes_.size(), max_classes));
  std::ranges::sort(classes_);
  for (std::size_t k = 0; k < classes_.size(); ++k)
    of_class_[static_cast<std::size_t>(classes_[k])] = static_cast<std::int32_t>(k);
}

std::string output_name(const std::string& column, const char* suffix,
                        const std::vector<std::int64_t>& classes, std::size_t output) {
  return classes.empty() ? column + suffix : fmt::format("{}{}_{}", column, suffix, classes[output]);
}

std::vector<std::uint8_t> inner_folds(const TargetView& y, std::span<const std::uint32_t> rows,
                                      std::size_t n_folds, std::uint64_t seed) {
  const bool by_class = y.task != Task::kRegression;
  std::vector<std::vector<std::uint32_t>> groups(by_class ? y.n_classes : 1);
  for (std::size_t i = 0; i < rows.size(); ++i)
    groups[by_class ? static_cast<std::size_t>(y.values[rows[i]]) : 0].push_back(
        static_cast<std::uint32_t>(i));
  std::vector<std::uint8_t> out(rows.size());
  Rng rng(derive_seed(seed, {"target_encode", "folds"}));
  std::size_t next = 0;
  for (auto& group : groups) {
    rng.shuffle(group);
    for (const std::uint32_t i : group) out[i] = static_cast<std::uint8_t>(next++ % n_folds);
  }
  return out;
}

}  // namespace kolosal::transform
