#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/transform/distributions_internal.hpp"
#include "kolosal/transform/selection_internal.hpp"

namespace kolosal::transform {
namespace {

using data::TargetView;
using data::Task;

struct FStatisticParams : ChoiceParams {};

// The finite cells of a column and the target beside each.
struct Pairs {
  std::vector<double> cells, targets;
};

Pairs finite_pairs(const Numbers& numbers, std::span<const std::uint32_t> rows, const TargetView& y) {
  Pairs out;
  for (const std::uint32_t row : rows) {
    if (!std::isfinite(numbers[row]) || !std::isfinite(y.values[row])) continue;
    out.cells.push_back(numbers[row]);
    out.targets.push_back(y.values[row]);
  }
  return out;
}

long double sum_of(const std::vector<double>& values) {
  long double sum = 0;
  for (const double value : values) sum += static_cast<long double>(value);
  return sum;
}

bool all_equal(const std::vector<double>& values) {
  return std::ranges::adjacent_find(values, std::ranges::not_equal_to{}) == values.end();
}

// One-way analysis of variance: F = (variance between the class means) / (variance within the classes).
double anova_f(const Pairs& pairs, std::size_t n_classes, double& dfn, double& dfd) {
  std::vector<long double> sum(n_classes), count(n_classes);
  for (std::size_t i = 0; i < pairs.cells.size(); ++i) {
    const auto k = static_cast<std::size_t>(pairs.targets[i]);
    sum[k] += static_cast<long double>(pairs.cells[i]);
    count[k] += 1;
  }
  const auto n_groups = std::ranges::count_if(count, [](long double n) { return n > 0; });
  const auto n = static_cast<long double>(pairs.cells.size());
  dfn = static_cast<double>(n_groups - 1);
  dfd = static_cast<double>(pairs.cells.size()) - static_cast<double>(n_groups);
  if (n_groups < 2 || dfd < 1 || all_equal(pairs.cells)) return 0;
  const long double mean = sum_of(pairs.cells) / n;
  long double between = 0, within = 0;
  for (std::size_t k = 0; k < n_classes; ++k)
    if (count[k] > 0) between += count[k] * (sum[k] / count[k] - mean) * (sum[k] / count[k] - mean);
  for (std::size_t i = 0; i < pairs.cells.size(); ++i) {
    const auto k = static_cast<std::size_t>(pairs.targets[i]);
    const long double rest = static_cast<long double>(pairs.cells[i]) - sum[k] / count[k];
    within += rest * rest;
  }
  return static_cast<double>(between / static_cast<long double>(dfn) /
                             (within / static_cast<long double>(dfd)));
}

// F = r^2 / (1 - r^2) * (n - 2), of Pearson's correlation r with the target.
double correlation_f(const Pairs& pairs, double& dfn, double& dfd) {
  const auto n = static_cast<long double>(pairs.cells.size());
  dfn = 1;
  dfd = static_cast<double>(pairs.cells.size()) - 2;
  if (dfd < 1 || all_equal(pairs.cells) || all_equal(pairs.targets)) return 0;
  const long double mean = sum_of(pairs.cells) / n, target_mean = sum_of(pairs.targets) / n;
  long double xx = 0, xy = 0, yy = 0;
  for (std::size_t i = 0; i < pairs.cells.size(); ++i) {
    const long double a = static_cast<long double>(pairs.cells[i]) - mean;
    const long double b = static_cast<long double>(pairs.targets[i]) - target_mean;
    xx += a * a;
    xy += a * b;
    yy += b * b;
  }
  const long double r2 = xy / xx * (xy / yy);
  if (1 - r2 <= std::numeric_limits<long double>::epsilon()) return std::numeric_limits<double>::infinity();
  return static_cast<double>(r2 / (1 - r2) * static_cast<long double>(dfd));
}

/// Keeps the columns whose means differ most between the classes (one-way analysis of variance), or that are
/// most correlated with the target (regression). The score is F, the p-value is of the F distribution.
///
/// Missing: missing and infinite cells are left out, for each column by itself.
/// Edge:    a constant column and one of too few cells have score 0 and p-value 1; a perfect one has an
/// infinite
///          score and p-value 0. Weights of rows are not used.
/// Source:  agrees with scikit-learn's f_classif and f_regression; far from zero it keeps digits that those
/// lose.
class FStatistic final : public ScoredColumns {
 public:
  explicit FStatistic(const FStatisticParams& params) : ScoredColumns(params) {
    check_choice(params, "f_statistic", true);
  }

 private:
  std::vector<Score> scores(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
                            const Context& context) const override {
    require_types(x, "f_statistic", "numeric");
    std::vector<Score> out(x.n_columns());
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const Pairs pairs = finite_pairs(Numbers(x.column(c)), rows, y);
      double dfn = 0, dfd = 0;
      const double f = y.task == Task::kRegression ? correlation_f(pairs, dfn, dfd)
                                                   : anova_f(pairs, y.n_classes, dfn, dfd);
      out[c] = {f, dfn < 1 || dfd < 1 ? 1.0 : f_survival(f, dfn, dfd)};
    });
    return out;
  }
};

}  // namespace

TransformerInfo f_statistic_info() {
  return describe<FStatistic>(
      "f_statistic",
      "Keep the columns whose mean differs most by class, or that correlate most with a number.", "numeric",
      choice_table<FStatisticParams>(true));
}

}  // namespace kolosal::transform
