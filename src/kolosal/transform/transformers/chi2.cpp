#include <cmath>

#include "kolosal/transform/distributions_internal.hpp"
#include "kolosal/transform/level_counts_internal.hpp"
#include "kolosal/transform/selection_internal.hpp"
#include "kolosal/transform/stream_target_internal.hpp"

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
/// Streams: exact for levels and whole numbers, to rounding for others. Not for regression, whose bins need
///          all rows first.
/// Errors:  kData for a negative or infinite cell in a numeric column, naming column and value.
class Chi2 final : public ScoredColumns {
 public:
  explicit Chi2(const Chi2Params& params) : ScoredColumns(params), n_bins_(params.n_bins) {
    check_choice(params, "chi2", true);
  }
  bool can_stream() const override { return true; }
  std::string made_types() const override { return "numeric,category"; }

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

  void do_begin_stream() override {
    gathered_.assign(input_columns().size(), {});
    class_rows_.clear();
    target_ = {};
  }
  void do_partial_fit(const data::Frame& x, const TargetView& y, const Context& context) override;
  void do_merge(const Transformer& other) override;
  void do_finish_fit(const Context& context) override;

  // What is gathered of one column of a stream.
  struct Gathered {
    LevelIndex index;              // category columns
    std::vector<double> observed;  // by slot of the index and class, or by class
  };

  static Score of_levels(const Column& column, std::span<const std::uint32_t> rows,
                         const std::vector<std::uint32_t>& classes, const std::vector<double>& share) {
    const Levels levels(column.dictionary());
    std::vector<double> observed(levels.n_slots() * share.size());
    const auto codes = column.codes();
    for (std::size_t i = 0; i < rows.size(); ++i)
      observed[Levels::slot(codes[rows[i]]) * share.size() + classes[i]] += 1;
    return score_of(observed, share, true);
  }

  static Score of_counts(const data::Frame& x, std::size_t c, std::span<const std::uint32_t> rows,
                         const std::vector<std::uint32_t>& classes, const std::vector<double>& share) {
    std::vector<double> observed(share.size());
    add_counts(x, c, rows, classes, observed);
    return score_of(observed, share, false);
  }

  static void add_counts(const data::Frame& x, std::size_t c, std::span<const std::uint32_t> rows,
                         const std::vector<std::uint32_t>& classes, std::vector<double>& observed) {
    const Numbers cells(x.column(c));
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
  }

  static Score score_of(const std::vector<double>& observed, const std::vector<double>& share,
                        bool has_levels) {
    const ChiSquare result = chi_square(observed, share);
    const double df = (has_levels ? result.n_levels_used - 1 : 1) * (result.n_classes_used - 1);
    return {result.value, df < 1 ? 1.0 : chi_square_survival(result.value, df)};
  }

  std::int64_t n_bins_;
  std::vector<Gathered> gathered_;  // of a stream, as all that follows
  std::vector<double> class_rows_;
  StreamTarget target_;
};

void Chi2::do_partial_fit(const data::Frame& x, const TargetView& y, const Context& context) {
  require_types(x, "chi2", "numeric,category");
  if (x.n_rows() == 0) return;
  if (y.task == data::Task::kRegression)
    throw Error(ErrorCode::kUnsupported,
                "chi2 can be fitted batch by batch on classes only, because a number as target is cut into "
                "bins by all of its rows: take f_statistic, or fit it on a table in memory");
  target_.meet(y.task, y.n_classes);
  const auto rows = every_row(x.n_rows());
  const auto classes = class_of_rows(rows, y, 0);
  class_rows_.resize(y.n_classes);
  for (const std::uint32_t k : classes) class_rows_[k] += 1;
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    auto& [index, observed] = gathered_[c];
    if (x.column(c).type() != ColumnType::kCategory) {
      observed.resize(y.n_classes);
      add_counts(x, c, rows, classes, observed);
      return;
    }
    const auto slots = index.slots_of(x.column(c));
    observed.resize(index.n_slots() * y.n_classes);
    for (std::size_t i = 0; i < slots.size(); ++i) observed[slots[i] * y.n_classes + classes[i]] += 1;
  });
}

void Chi2::do_merge(const Transformer& other) {
  const auto& theirs = dynamic_cast<const Chi2&>(other);
  if (!theirs.target_.is_known) return;
  target_.meet(theirs.target_.task, theirs.target_.n_classes);
  const std::size_t n_classes = target_.n_classes;
  class_rows_.resize(n_classes);
  for (std::size_t k = 0; k < n_classes; ++k) class_rows_[k] += theirs.class_rows_[k];
  for (std::size_t c = 0; c < gathered_.size(); ++c) {
    auto& [index, observed] = gathered_[c];
    const auto& added = theirs.gathered_[c].observed;
    const bool has_levels = input_types()[c] == ColumnType::kCategory;
    const auto slots = has_levels ? index.merge(theirs.gathered_[c].index) : std::vector<std::uint32_t>{0};
    observed.resize((has_levels ? index.n_slots() : 1) * n_classes);
    for (std::size_t i = 0; i < added.size(); ++i)
      observed[slots[i / n_classes] * n_classes + i % n_classes] += added[i];
  }
}

void Chi2::do_finish_fit(const Context&) {
  const std::size_t n_classes = target_.n_classes;
  std::vector<double> share = class_rows_;
  double n_rows = 0;
  for (const double count : share) n_rows += count;
  for (double& part : share) part /= n_rows;
  std::vector<Score> out(gathered_.size());
  for (std::size_t c = 0; c < gathered_.size() && n_rows > 0; ++c) {
    const auto& [index, observed] = gathered_[c];
    if (input_types()[c] != ColumnType::kCategory) {
      out[c] = score_of(observed, share, false);
      continue;
    }
    // In the order of levels, whatever came first: the sum has the same bytes.
    std::vector<std::uint32_t> new_slot;
    index.sorted(new_slot);
    std::vector<double> ordered(observed.size());
    for (std::size_t i = 0; i < observed.size(); ++i)
      ordered[new_slot[i / n_classes] * n_classes + i % n_classes] = observed[i];
    out[c] = score_of(ordered, share, true);
  }
  choose(out);
  gathered_.clear();
}

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
