#include <algorithm>
#include <cmath>

#include "kolosal/core/random.hpp"
#include "kolosal/transform/mutual_information_internal.hpp"
#include "kolosal/transform/selection_internal.hpp"
#include "kolosal/transform/statistics_internal.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;
using data::TargetView;
using data::Task;

struct MutualInformationParams : ChoiceParams {
  std::int64_t n_neighbors = 3;
};

// Brings numbers to variance 1 and adds noise of size 1e-10, so that no two are equal.
void scale_with_noise(std::vector<double>& numbers, std::uint64_t seed) {
  const long double variance = variance_of(numbers, mean_of(numbers));
  const auto [low, high] = std::ranges::minmax_element(numbers);
  const long double deviation = !numbers.empty() && *low < *high ? std::sqrt(variance) : 1;
  long double size = 0;
  for (double& number : numbers) {
    number = static_cast<double>(static_cast<long double>(number) / deviation);
    size += static_cast<long double>(std::abs(number));
  }
  if (numbers.empty()) return;
  const double noise =
      1e-10 * std::max(1.0, static_cast<double>(size / static_cast<long double>(numbers.size())));
  Rng rng(seed);
  for (double& number : numbers) number += noise * rng.normal();
}

/// Keeps the columns that share most information with the target, whatever the form of the relation. The
/// score is the mutual information in nats.
///
///   numbers:           estimated from the n_neighbors nearest rows (Kraskov et al. 2004; Ross 2014 for
///   classes); bool and category: their levels against classes by counts, against a number as Ross 2014.
///
/// Missing: missing and infinite numbers are left out, for each column by itself; a missing level is a level.
/// Streams: none: which rows are nearest is known from all rows alone.
/// Source:  agrees with scikit-learn's mutual_info_classif and mutual_info_regression with these columns as
///          discrete_features. As there, noise of 1e-10 breaks ties; here it depends on the seed and the
///          column alone.
class MutualInformation final : public ScoredColumns {
 public:
  explicit MutualInformation(const MutualInformationParams& params)
      : ScoredColumns(params), k_(static_cast<std::size_t>(params.n_neighbors)) {
    check_choice(params, "mutual_information", false);
  }
  std::string stream_obstacle() const override { return "it looks for the nearest rows among all of them"; }

 private:
  std::vector<Score> scores(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
                            const Context& context) const override {
    require_types(x, "mutual_information", "numeric,category");
    std::vector<Score> out(x.n_columns());
    std::vector<double> target;
    std::vector<std::uint32_t> classes;
    for (const std::uint32_t row : rows) {
      target.push_back(y.values[row]);
      if (y.task != Task::kRegression) classes.push_back(static_cast<std::uint32_t>(y.values[row]));
    }
    if (y.task == Task::kRegression)
      scale_with_noise(target, derive_seed(context.seed, {"mutual_information"}));
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const Column& column = x.column(c);
      const bool has_levels = column.type() == ColumnType::kCategory || column.type() == ColumnType::kBool;
      out[c].value = has_levels ? of_levels(column, rows, target, classes)
                                : of_numbers(column, rows, target, classes,
                                             derive_seed(context.seed, {"mutual_information", c}));
    });
    return out;
  }

  double of_levels(const Column& column, std::span<const std::uint32_t> rows,
                   const std::vector<double>& target, const std::vector<std::uint32_t>& classes) const {
    std::vector<std::uint32_t> levels;
    for (const std::uint32_t row : rows) {
      if (column.type() == ColumnType::kCategory)
        levels.push_back(static_cast<std::uint32_t>(Levels::slot(column.codes()[row])));
      else
        levels.push_back(column.is_missing(row) ? 2U : column.bools()[row]);
    }
    return classes.empty() ? mutual_information_of_number_and_class(target, levels, k_)
                           : mutual_information_of_classes(levels, classes);
  }

  double of_numbers(const Column& column, std::span<const std::uint32_t> rows,
                    const std::vector<double>& target, const std::vector<std::uint32_t>& classes,
                    std::uint64_t seed) const {
    const Numbers cells(column);
    std::vector<double> numbers, targets;
    std::vector<std::uint32_t> present;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!std::isfinite(cells[rows[i]])) continue;
      numbers.push_back(cells[rows[i]]);
      if (classes.empty())
        targets.push_back(target[i]);
      else
        present.push_back(classes[i]);
    }
    scale_with_noise(numbers, seed);
    return classes.empty() ? mutual_information_of_numbers(numbers, targets, k_)
                           : mutual_information_of_number_and_class(numbers, present, k_);
  }

  std::size_t k_;
};

}  // namespace

TransformerInfo mutual_information_info() {
  return describe<MutualInformation>(
      "mutual_information", "Keep the columns that share most information with the target, in any form.",
      "numeric,category",
      choice_table<MutualInformationParams>(false)
          .param("n_neighbors", &MutualInformationParams::n_neighbors,
                 "Nearest rows of the estimate; more of them make it steadier and less sharp.")
          .limits(1, 100));
}

}  // namespace kolosal::transform
