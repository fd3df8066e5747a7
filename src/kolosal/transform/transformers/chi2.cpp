#include <cmath>

#include "kolosal/transform/distributions_internal.hpp"
#include "kolosal/transform/selection_internal.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;
using data::TargetView;

struct Chi2Params : ChoiceParams {
  std::int64_t n_bins = 10;
};

// Sum of (observed - expected)^2 / expected over a table of n_columns x n_classes.
struct ChiSquare {
  double value = 0;
  double n_levels_used = 0, n_classes_used = 0;
};

ChiSquare chi_square(const std::vector<double>& observed, std::span<const double> class_share) {
  const std::size_t n_classes = class_share.size();
  ChiSquare out;
  for (const double share : class_share) out.n_classes_used += share > 0;
  for (std::size_t level = 0; level * n_classes < observed.size(); ++level) {
    double total = 0;
    for (std::size_t k = 0; k < n_classes; ++k) total += observed[level * n_classes + k];
    if (!(total > 0)) continue;
    out.n_levels_used += 1;
    for (std::size_t k = 0; k < n_classes; ++k) {
      const double expected = total * class_share[k];
      const double rest = observed[level * n_classes + k] - expected;
      if (expected > 0) out.value += rest * rest / expected;
    }
  }
  return out;
}

std::vector<double> shares_of(std::span<const std::uint32_t> classes, std::size_t n_classes) {
  std::vector<double> out(n_classes);
  for (const std::uint32_t k : classes) out[k] += 1;
  for (double& share : out) share /= static_cast<double>(classes.size());
  return out;
}

/// Keeps the columns that depend most on the class by Pearson's chi-square statistic.
///
///   category: the table of levels by classes (missing and unseen cells are levels of their own), with
///             (levels - 1) * (classes - 1) degrees of freedom; as SciPy's chi2_contingency without
///             correction.
///   numeric:  cells are counts (word counts, flags) and their sums by class are compared with the shares of
///   the
///             classes, with classes - 1 degrees of freedom; as scikit-learn's chi2. Missing cells count 0.
///
/// Regression: the target is cut into n_bins bins of equally many rows.
/// Errors:  kData for a negative or infinite cell in a numeric column, naming column and value.
class Chi2 final : public ScoredColumns {
 public:
  explicit Chi2(const Chi2Params& params) : ScoredColumns(params), n_bins_(params.n_bins) {
    check_choice(params, "chi2", true);
  }

 private:
  std::vector<Score> scores(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
                            const Context& context) const override {
    require_types(x, "chi2", "numeric,category");
    std::vector<Score> out(x.n_columns());
    if (rows.empty()) return out;
    const auto n_bins = static_cast<std::size_t>(n_bins_);
    const auto classes = class_of_rows(rows, y, n_bins);
    const auto share = shares_of(classes, y.task == data::Task::kRegression ? n_bins : y.n_classes);
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      out[c] = x.column(c).type() == ColumnType::kCategory ? of_levels(x.column(c), rows, classes, share)
                                                           : of_counts(x, c, rows, classes, share);
    });
    return out;
  }

  static Score of_levels(const Column& column, std::span<const std::uint32_t> rows,
                         const std::vector<std::uint32_t>& classes, const std::vector<double>& share) {
    const Levels levels(column.dictionary());
    std::vector<double> observed(levels.n_slots() * share.size());
    const auto codes = column.codes();
    for (std::size_t i = 0; i < rows.size(); ++i)
      observed[Levels::slot(codes[rows[i]]) * share.size() + classes[i]] += 1;
    const ChiSquare result = chi_square(observed, share);
    const double df = (result.n_levels_used - 1) * (result.n_classes_used - 1);
    return {result.value, df < 1 ? 1.0 : chi_square_survival(result.value, df)};
  }

  static Score of_counts(const data::Frame& x, std::size_t c, std::span<const std::uint32_t> rows,
                         const std::vector<std::uint32_t>& classes, const std::vector<double>& share) {
    const Numbers cells(x.column(c));
    std::vector<double> observed(share.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double cell = cells[rows[i]];
      if (std::isnan(cell)) continue;
      if (cell < 0 || std::isinf(cell))
        throw Error(
            ErrorCode::kData,
            "column \"{}\" cannot be read as counts by step chi2 because of the cell {}; leave the column "
            "out or use f_statistic or mutual_information",
            x.name(c), cell);
      observed[classes[i]] += cell;
    }
    const ChiSquare result = chi_square(observed, share);
    const double df = result.n_classes_used - 1;
    return {result.value, df < 1 ? 1.0 : chi_square_survival(result.value, df)};
  }

  std::int64_t n_bins_;
};

}  // namespace

TransformerInfo chi2_info() {
  return describe<Chi2>(
      "chi2", "Keep the categories, flags and counts that depend most on the class by chi-square.",
      "bool,category",
      choice_table<Chi2Params>(true)
          .param("n_bins", &Chi2Params::n_bins, "Regression: bins that the target is cut into.")
          .limits(2, 1000));
}

}  // namespace kolosal::transform
