#include "kolosal/transform/target_outputs_internal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <vector>

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

namespace {

/// The largest group first, each to the fold with the fewest rows. Empty: all rows are of one group.
std::vector<std::uint8_t> folds_of_groups(std::span<const std::int64_t> groups,
                                          std::span<const std::uint32_t> rows, std::size_t n_folds,
                                          Rng& rng) {
  std::map<std::int64_t, std::vector<std::uint32_t>> positions;
  for (std::size_t i = 0; i < rows.size(); ++i)
    positions[groups[rows[i]]].push_back(static_cast<std::uint32_t>(i));
  if (positions.size() < 2) return {};
  std::vector<const std::vector<std::uint32_t>*> order;
  for (const auto& [group, members] : positions) order.push_back(&members);
  rng.shuffle(order);  // groups of equal size come in random order
  std::ranges::stable_sort(order, std::greater{}, [](const auto* members) { return members->size(); });
  std::vector<std::uint8_t> out(rows.size());
  std::vector<std::size_t> n_rows(n_folds);
  for (const auto* members : order) {
    const auto fold = std::ranges::min_element(n_rows) - n_rows.begin();
    n_rows[static_cast<std::size_t>(fold)] += members->size();
    for (const std::uint32_t i : *members) out[i] = static_cast<std::uint8_t>(fold);
  }
  return out;
}

}  // namespace

std::vector<std::uint8_t> inner_folds(const TargetView& y, std::span<const std::uint32_t> rows,
                                      std::size_t n_folds, std::uint64_t seed) {
  Rng rng(derive_seed(seed, {"target_encode", "folds"}));
  if (!y.groups.empty()) {
    auto folds = folds_of_groups(y.groups, rows, n_folds, rng);
    if (!folds.empty()) return folds;
  }
  const bool by_class = y.task != Task::kRegression;
  std::vector<std::vector<std::uint32_t>> strata(by_class ? y.n_classes : 1);
  for (std::size_t i = 0; i < rows.size(); ++i)
    strata[by_class ? static_cast<std::size_t>(y.values[rows[i]]) : 0].push_back(
        static_cast<std::uint32_t>(i));
  std::vector<std::uint8_t> out(rows.size());
  std::size_t next = 0;
  for (auto& stratum : strata) {
    rng.shuffle(stratum);
    for (const std::uint32_t i : stratum) out[i] = static_cast<std::uint8_t>(next++ % n_folds);
  }
  return out;
}

}  // namespace kolosal::transform
