#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/transform/column_statistics_internal.hpp"
#include "kolosal/transform/distributions_internal.hpp"
#include "kolosal/transform/selection_internal.hpp"
#include "kolosal/transform/stream_target_internal.hpp"

namespace kolosal::transform {
namespace {

using data::TargetView;
using data::Task;

struct FStatisticParams : ChoiceParams {};

// Of the cells of a column and the target beside each; two parts can be added (Chan, Golub and LeVeque 1979).
struct PairMoments {
  Moments x, y;
  long double xy = 0;  // sum of the products of the distances to the means

  void add(const PairMoments& other) {
    const auto n = static_cast<long double>(x.count), n_other = static_cast<long double>(other.x.count);
    if (n_other > 0)
      xy += other.xy + (other.x.mean - x.mean) * (other.y.mean - y.mean) * (n * (n_other / (n + n_other)));
    x.add(other.x);
    y.add(other.y);
  }
  void add_block(const std::vector<double>& cells, const std::vector<double>& targets) {
    PairMoments block;
    block.x.add_block_precisely(cells.data(), cells.size());
    block.y.add_block_precisely(targets.data(), targets.size());
    for (std::size_t i = 0; i < cells.size(); ++i)
      block.xy += (static_cast<long double>(cells[i]) - block.x.mean) *
                  (static_cast<long double>(targets[i]) - block.y.mean);
    add(block);
  }
};

// What is known of a column: for a number as target the pairs, else the cells of each class.
struct GatheredPairs {
  PairMoments pairs;
  std::vector<Moments> classes;

  void add(const Numbers& numbers, std::span<const std::uint32_t> rows, const TargetView& y) {
    const bool by_class = y.task != Task::kRegression;
    if (by_class) classes.resize(y.n_classes);
    std::vector<std::vector<double>> cells(by_class ? y.n_classes : 1);
    std::vector<double> targets;
    for (std::size_t begin = 0; begin < rows.size(); begin += kRowGrain) {
      for (auto& part : cells) part.clear();
      targets.clear();
      for (const std::uint32_t row : rows.subspan(begin, std::min(kRowGrain, rows.size() - begin))) {
        if (!std::isfinite(numbers[row]) || !std::isfinite(y.values[row])) continue;
        cells[by_class ? static_cast<std::size_t>(y.values[row]) : 0].push_back(numbers[row]);
        if (!by_class) targets.push_back(y.values[row]);
      }
      for (std::size_t k = 0; k < classes.size(); ++k)
        if (!cells[k].empty()) classes[k].add_block_precisely(cells[k].data(), cells[k].size());
      if (!by_class) pairs.add_block(cells[0], targets);
    }
  }
  void merge(const GatheredPairs& other) {
    pairs.add(other.pairs);
    classes.resize(std::max(classes.size(), other.classes.size()));
    for (std::size_t k = 0; k < other.classes.size(); ++k) classes[k].add(other.classes[k]);
  }
};

// One-way analysis of variance: F = (variance between the class means) / (variance within the classes).
double anova_f(const std::vector<Moments>& classes, double& dfn, double& dfd) {
  Moments all;
  long double within = 0;
  double n_groups = 0;
  for (const Moments& group : classes) {
    all.add(group);
    within += group.m2;
    n_groups += group.count > 0;
  }
  dfn = n_groups - 1;
  dfd = static_cast<double>(all.count) - n_groups;
  if (n_groups < 2 || dfd < 1 || all.low == all.high) return 0;
  long double between = 0;
  for (const Moments& group : classes)
    between += static_cast<long double>(group.count) * (group.mean - all.mean) * (group.mean - all.mean);
  return static_cast<double>(between / static_cast<long double>(dfn) /
                             (within / static_cast<long double>(dfd)));
}

// F = r^2 / (1 - r^2) * (n - 2), of Pearson's correlation r with the target.
double correlation_f(const PairMoments& pairs, double& dfn, double& dfd) {
  dfn = 1;
  dfd = static_cast<double>(pairs.x.count) - 2;
  if (dfd < 1 || pairs.x.low == pairs.x.high || pairs.y.low == pairs.y.high) return 0;
  const long double r2 = pairs.xy / pairs.x.m2 * (pairs.xy / pairs.y.m2);
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
/// Streams: to rounding.
/// Source:  agrees with scikit-learn's f_classif and f_regression; far from zero it keeps digits that those
/// lose.
class FStatistic final : public ScoredColumns {
 public:
  explicit FStatistic(const FStatisticParams& params) : ScoredColumns(params) {
    check_choice(params, "f_statistic", true);
  }

  bool can_stream() const override { return true; }
  std::string made_types() const override { return "numeric"; }

 private:
  std::vector<Score> scores(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
                            const Context& context) const override {
    std::vector<GatheredPairs> gathered(x.n_columns());
    gather(x, rows, y, gathered, context);
    return scores_of(gathered, y.task);
  }
  void do_begin_stream() override {
    gathered_.assign(input_columns().size(), {});
    target_ = {};
  }
  void do_partial_fit(const data::Frame& x, const TargetView& y, const Context& context) override {
    if (x.n_rows() > 0) target_.meet(y.task, y.n_classes);
    gather(x, every_row(x.n_rows()), y, gathered_, context);
  }
  void do_merge(const Transformer& other) override {
    const auto& theirs = dynamic_cast<const FStatistic&>(other);
    if (theirs.target_.is_known) target_.meet(theirs.target_.task, theirs.target_.n_classes);
    for (std::size_t c = 0; c < gathered_.size(); ++c) gathered_[c].merge(theirs.gathered_[c]);
  }
  void do_finish_fit(const Context&) override {
    choose(scores_of(gathered_, target_.task));
    gathered_.clear();
  }

  static void gather(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
                     std::vector<GatheredPairs>& out, const Context& context) {
    require_types(x, "f_statistic", "numeric");
    context.parallel_blocks(x.n_columns(), 1,
                            [&](std::size_t c, std::size_t) { out[c].add(Numbers(x.column(c)), rows, y); });
  }
  static std::vector<Score> scores_of(const std::vector<GatheredPairs>& gathered, Task task) {
    std::vector<Score> out;
    for (const GatheredPairs& column : gathered) {
      double dfn = 0, dfd = 0;
      const double f = task == Task::kRegression ? correlation_f(column.pairs, dfn, dfd)
                                                 : anova_f(column.classes, dfn, dfd);
      out.push_back({f, dfn < 1 || dfd < 1 ? 1.0 : f_survival(f, dfn, dfd)});
    }
    return out;
  }

  std::vector<GatheredPairs> gathered_;  // of a stream, as the next
  StreamTarget target_;
};

}  // namespace

TransformerInfo f_statistic_info() {
  return describe<FStatistic>(
      "f_statistic",
      "Keep the columns whose mean differs most by class, or that correlate most with a number.", "numeric",
      choice_table<FStatisticParams>(true));
}

}  // namespace kolosal::transform
