#include <cmath>
#include <limits>
#include <numeric>

#include "kolosal/transform/cross_moments_internal.hpp"
#include "kolosal/transform/kept_columns_internal.hpp"
#include "kolosal/transform/matrix_internal.hpp"
#include "kolosal/transform/stream_target_internal.hpp"

namespace kolosal::transform {
namespace {

using data::TargetView;
using data::Task;

struct CorrelationClustersParams {
  double threshold = 0.95;
  std::string linkage = "complete";
  std::string keep = "fewest_missing";
};

// Distances of clusters after a merger of a and b, seen from a third one (Lance and Williams 1967).
double merged_distance(const std::string& linkage, double from_a, double from_b, double size_a,
                       double size_b) {
  if (linkage == "complete") return std::max(from_a, from_b);
  if (linkage == "single") return std::min(from_a, from_b);
  return (from_a * size_a + from_b * size_b) / (size_a + size_b);
}

// Agglomerative clustering by chains of nearest neighbours (Murtagh 1983), O(n^2): the merges no farther than
// `limit`. Gives the cluster of each point, named by its smallest member. distance: n x n, overwritten.
std::vector<std::size_t> clusters_within(std::vector<double>& distance, std::size_t n,
                                         const std::string& linkage, double limit) {
  std::vector<std::size_t> cluster(n), chain;
  std::iota(cluster.begin(), cluster.end(), std::size_t{0});
  std::vector<double> size(n, 1.0);
  std::vector<std::uint8_t> active(n, 1);
  std::size_t next_start = 0;
  for (;;) {
    if (chain.empty()) {
      while (next_start < n && !active[next_start]) ++next_start;
      if (next_start == n) break;
      chain.push_back(next_start);
    }
    const std::size_t a = chain.back();
    // The link before wins ties, so that chains end.
    std::size_t nearest = chain.size() > 1 ? chain[chain.size() - 2] : n;
    double best = nearest < n ? distance[a * n + nearest] : std::numeric_limits<double>::infinity();
    for (std::size_t b = 0; b < n; ++b)
      if (b != a && active[b] && distance[a * n + b] < best) best = distance[a * n + (nearest = b)];
    if (nearest == n || best > limit) {
      // Whatever is nearest to the end of the chain is too far: the cluster is finished.
      active[a] = 0;
      chain.pop_back();
      continue;
    }
    if (chain.size() < 2 || nearest != chain[chain.size() - 2]) {
      chain.push_back(nearest);
      continue;
    }
    chain.resize(chain.size() - 2);
    const std::size_t into = std::min(a, nearest), gone = std::max(a, nearest);
    for (std::size_t c = 0; c < n; ++c)
      if (c != into && c != gone)
        distance[into * n + c] = distance[c * n + into] =
            merged_distance(linkage, distance[into * n + c], distance[gone * n + c], size[into], size[gone]);
    size[into] += size[gone];
    active[gone] = 0;
    for (std::size_t& name : cluster)
      if (name == gone) name = into;
  }
  return cluster;
}

// Squares of the first n columns become 0 where rounding of the mean alone may have left them, so that two
// constant columns are not alike.
void clear_constants(std::vector<double>& gram, const std::vector<double>& mean, std::size_t n,
                     std::size_t n_rows) {
  for (std::size_t c = 0; c < n; ++c) {
    double& squares = gram[c * mean.size() + c];
    const double deviation = std::sqrt(std::max(0.0, squares) / static_cast<double>(n_rows));
    if (!(deviation > kLeastVariation * std::abs(mean[c]))) squares = 0;
  }
}

/// Drops columns that say the same: of each cluster of correlated columns one stays.
///
/// Clusters: agglomerative, by 1 - |r| of Pearson's r. complete: every two columns of a cluster have
///           |r| >= threshold; average: on the mean; single: each has a partner.
/// keep:     which one stays: fewest_missing (the first of equal ones), target (the one that is most
/// correlated
///           with the target; for classes the largest share of its variance between them), first.
/// Missing:  missing and infinite cells count as the column's mean.
/// Edge:     constant columns are correlated with none. With fewer than two fitted rows nothing is dropped.
/// Streams:  to rounding, by CrossMoments.
/// Source:   clusters agree with SciPy's linkage() and fcluster() at 1 - threshold. Time and memory
/// O(columns^2).
class CorrelationClusters final : public KeptColumns {
 public:
  explicit CorrelationClusters(CorrelationClustersParams params) : params_(std::move(params)) {
    if (params_.linkage != "complete" && params_.linkage != "average" && params_.linkage != "single")
      throw Error(ErrorCode::kInvalidParameter,
                  "correlation_clusters: linkage must be complete, average or single, not \"{}\"",
                  params_.linkage);
    if (params_.keep != "fewest_missing" && params_.keep != "target" && params_.keep != "first")
      throw Error(ErrorCode::kInvalidParameter,
                  "correlation_clusters: keep must be fewest_missing, target or first, not \"{}\"",
                  params_.keep);
  }
  bool uses_target() const override { return params_.keep == "target"; }
  bool can_stream() const override { return true; }
  std::string made_types() const override { return "numeric"; }

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
              const Context& context) override {
    require_types(x, "correlation_clusters", "numeric");
    const std::size_t n = x.n_columns();
    kept_.assign(n, 1);
    if (rows.size() < 2 || n < 2) return;
    CentredColumns columns(x, rows, context);
    columns.standardize(rows, context);
    auto gram = gram_of(columns.of_rows(rows), context);
    std::vector<double> mean(n);
    for (std::size_t c = 0; c < n; ++c) mean[c] = columns.mean()[c] / columns.scale()[c];
    clear_constants(gram, mean, n, rows.size());
    choose(std::move(gram), merits(x, columns, rows, y, context));
  }

  // gram: the products of the centred columns, n x n, overwritten.
  void choose(std::vector<double> gram, const std::vector<double>& merit) {
    const std::size_t n = merit.size();
    std::vector<double> length(n);
    for (std::size_t i = 0; i < n; ++i) length[i] = std::sqrt(std::max(0.0, gram[i * n + i]));
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        const bool vary = length[i] > 0 && length[j] > 0;
        gram[i * n + j] = vary ? std::max(0.0, 1 - std::abs(gram[i * n + j] / length[i] / length[j])) : 1;
      }
    const auto cluster = clusters_within(gram, n, params_.linkage, 1 - params_.threshold + 1e-12);
    std::vector<std::size_t> best(n, n);
    for (std::size_t c = 0; c < n; ++c)
      if (auto& leader = best[cluster[c]]; leader == n || merit[c] > merit[leader]) leader = c;
    for (std::size_t c = 0; c < n; ++c) kept_[c] = best[cluster[c]] == c ? 1 : 0;
  }

  void do_begin_stream() override {
    moments_ = CrossMoments(0);
    n_missing_.assign(input_columns().size(), 0);
    target_ = {};
  }
  void do_partial_fit(const data::Frame& x, const TargetView& y, const Context& context) override;
  void do_merge(const Transformer& other) override;
  void do_finish_fit(const Context& context) override;
  std::vector<double> gathered_merits(const std::vector<double>& gram, const std::vector<double>& mean) const;

  std::vector<double> merits(const data::Frame& x, const CentredColumns& columns,
                             std::span<const std::uint32_t> rows, const TargetView& y,
                             const Context& context) const {
    std::vector<double> out(x.n_columns());
    if (params_.keep == "first") return out;
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      if (params_.keep == "fewest_missing")
        for (const std::uint32_t row : rows) out[c] -= x.column(c).is_missing(row) ? 1 : 0;
      else
        out[c] = explained_share(columns.of_rows(rows), c, rows, y);
    });
    return out;
  }

  // Share of the variance of a column that goes with the target.
  static double explained_share(const ColumnMatrix& x, std::size_t c, std::span<const std::uint32_t> rows,
                                const TargetView& y) {
    std::vector<double> cells(rows.size());
    x.fill(c, 0, rows.size(), cells.data());
    if (y.task != Task::kRegression) {
      std::vector<double> sum(y.n_classes), count(y.n_classes);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        sum[static_cast<std::size_t>(y.values[rows[i]])] += cells[i];
        count[static_cast<std::size_t>(y.values[rows[i]])] += 1;
      }
      double between = 0;
      for (std::size_t k = 0; k < sum.size(); ++k)
        if (count[k] > 0) between += sum[k] * sum[k] / count[k];
      return between / static_cast<double>(rows.size());
    }
    double mean = 0, xy = 0, yy = 0;
    for (const std::uint32_t row : rows) mean += y.values[row] / static_cast<double>(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double rest = y.values[rows[i]] - mean;
      xy += cells[i] * rest;
      yy += rest * rest;
    }
    return yy > 0 ? xy * xy / yy / static_cast<double>(rows.size()) : 0;
  }

  CorrelationClustersParams params_;
  // Of a stream: the columns and after them, when they are asked for, the target or a 0/1 column per class.
  CrossMoments moments_;
  std::vector<double> n_missing_;
  StreamTarget target_;
};

void CorrelationClusters::do_partial_fit(const data::Frame& x, const TargetView& y, const Context& context) {
  require_types(x, "correlation_clusters", "numeric");
  if (x.n_rows() == 0) return;
  const std::size_t n = x.n_columns();
  std::size_t n_beside = 0;
  if (uses_target()) {
    target_.meet(y.task, y.n_classes);
    n_beside = y.task == Task::kRegression ? 1 : y.n_classes;
  }
  if (moments_.n_columns() == 0) moments_ = CrossMoments(n + n_beside);
  const std::vector<Numbers> numbers = numbers_of(x);
  const ColumnMatrix cells{x.n_rows(), n + n_beside,
                           [&](std::size_t c, std::size_t begin, std::size_t end, double* out) {
                             for (std::size_t row = begin; row < end; ++row)
                               *out++ = c < n                                         ? numbers[c][row]
                                        : y.task == Task::kRegression                 ? y.values[row]
                                        : y.values[row] == static_cast<double>(c - n) ? 1
                                                                                      : 0;
                           }};
  moments_.add(cells, context);
  context.parallel_blocks(n, 1, [&](std::size_t c, std::size_t) {
    for (std::size_t row = 0; row < x.n_rows(); ++row) n_missing_[c] += x.column(c).is_missing(row) ? 1 : 0;
  });
}

void CorrelationClusters::do_merge(const Transformer& other) {
  const auto& theirs = dynamic_cast<const CorrelationClusters&>(other);
  if (theirs.target_.is_known) target_.meet(theirs.target_.task, theirs.target_.n_classes);
  moments_.merge(theirs.moments_);
  for (std::size_t c = 0; c < n_missing_.size(); ++c) n_missing_[c] += theirs.n_missing_[c];
}

// As merits(), of the sums alone.
std::vector<double> CorrelationClusters::gathered_merits(const std::vector<double>& gram,
                                                         const std::vector<double>& mean) const {
  const std::size_t n = input_columns().size(), width = mean.size();
  std::vector<double> out(n);
  if (params_.keep == "first") return out;
  for (std::size_t c = 0; c < n; ++c) {
    if (params_.keep == "fewest_missing") {
      out[c] = -n_missing_[c];
      continue;
    }
    const double length = std::sqrt(std::max(0.0, gram[c * width + c]));
    for (std::size_t k = n; k < width && length > 0; ++k) {
      const bool is_number = target_.task == Task::kRegression;
      const double size = is_number ? gram[k * width + k] : mean[k] * static_cast<double>(moments_.n_rows());
      const double product = gram[c * width + k] / length;
      if (size > 0) out[c] += product * product / size;
    }
  }
  return out;
}

void CorrelationClusters::do_finish_fit(const Context&) {
  const std::size_t n = input_columns().size(), width = moments_.n_columns();
  kept_.assign(n, 1);
  if (moments_.n_rows() >= 2 && n >= 2) {
    auto gram = moments_.gram();
    const auto mean = moments_.mean();
    clear_constants(gram, mean, n, moments_.n_rows());
    const auto merit = gathered_merits(gram, mean);
    std::vector<double> of_columns(n * n);
    for (std::size_t i = 0; i < n; ++i)
      std::copy_n(gram.begin() + static_cast<std::ptrdiff_t>(i * width), n,
                  of_columns.begin() + static_cast<std::ptrdiff_t>(i * n));
    choose(std::move(of_columns), merit);
  }
  moments_ = {};
}

}  // namespace

TransformerInfo correlation_clusters_info() {
  return describe<CorrelationClusters>(
      "correlation_clusters", "Keep one column of each cluster of correlated columns.", "numeric",
      ParamTable<CorrelationClustersParams>()
          .param("threshold", &CorrelationClustersParams::threshold,
                 "Columns whose |correlation| is at least this are of one cluster.")
          .limits(0, 1)
          .param("linkage", &CorrelationClustersParams::linkage,
                 "When clusters merge: complete (every two columns reach the threshold), average or single.")
          .param("keep", &CorrelationClustersParams::keep,
                 "Which column of a cluster stays: fewest_missing, target (most related to it) or first."));
}

}  // namespace kolosal::transform
