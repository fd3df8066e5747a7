#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/transform/cross_moments_internal.hpp"
#include "kolosal/transform/decomposition_internal.hpp"
#include "kolosal/transform/matrix_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct PcaParams {
  std::int64_t n_components = 10;
  double variance_share = 0;
  bool whiten = false;
  std::string solver = "auto";
  std::int64_t n_iterations = 4;
};

// A variance of no more than this share of the largest one is rounding.
constexpr double kLeastShare = 1e-14;

/// Replaces numbers by their principal components pca0, pca1, ...: the directions of largest variance,
/// largest first.
///
/// Solver:  exact takes the eigenvectors of the covariance matrix (of the rows' products when there are fewer
/// rows
///          than columns); randomized is Halko et al. (2011) with n_iterations power iterations and 10 extra
///          vectors; auto is exact up to 1,000 columns or when most components are wanted.
/// Scale:   columns are centred, not scaled; put a scale step before when their units differ.
/// Missing: a missing or infinite cell counts as the mean of its column; cells beyond 1e140 in size count as
/// 1e140. Sign:    the entry of largest size in a direction is positive, as in scikit-learn. Inverse: the
/// point of the kept directions: exact when all components are kept and nothing was missing. Edge:    no more
/// components than columns or fitted rows; directions without variance give 0.
/// Streams: solvers auto and exact, both by the covariance matrix whatever the number of columns, to
/// rounding; 24 bytes for each pair of columns (CrossMoments). Source:  agrees with scikit-learn's PCA to
/// about the square root of epsilon relative to the largest variance.
class Pca final : public Transformer {
 public:
  explicit Pca(PcaParams params) : params_(std::move(params)) {
    if (params_.solver != "auto" && params_.solver != "exact" && params_.solver != "randomized")
      throw Error(ErrorCode::kInvalidParameter, "pca: solver must be auto, exact or randomized, not \"{}\"",
                  params_.solver);
  }
  bool has_inverse() const override { return true; }
  bool can_stream() const override { return params_.solver != "randomized"; }
  std::string stream_obstacle() const override {
    return "solver randomized goes over all rows several times (auto and exact do not)";
  }
  std::string made_types() const override { return "float"; }

 private:
  std::size_t n_components() const { return variance_.size(); }

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override;
  void do_begin_stream() override { moments_ = CrossMoments(input_columns().size()); }
  void do_partial_fit(const data::Frame& x, const data::TargetView& y, const Context& context) override;
  void do_merge(const Transformer& other) override {
    moments_.merge(dynamic_cast<const Pca&>(other).moments_);
  }
  void do_finish_fit(const Context& context) override;
  void start(std::vector<double> mean);
  std::size_t n_wanted(std::size_t n_rows, std::size_t n_columns) const;
  void finish(std::size_t n_rows);
  void take_eigenvectors(const std::vector<double>& gram, std::size_t k);
  void fit_by_rows(const ColumnMatrix& x, std::size_t k, const Context& context);
  void fit_randomized(const ColumnMatrix& x, std::size_t k, const Context& context);
  void keep_share();
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  std::vector<std::string> made_columns() const override {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < n_components(); ++i) out.push_back(fmt::format("pca{}", i));
    return out;
  }
  std::vector<Named> do_inverse(const data::Frame& x, const Context& context) const override;
  double unit(std::size_t component) const {
    return params_.whiten ? std::max(std::sqrt(variance_[component]), std::numeric_limits<double>::epsilon())
                          : 1;
  }
  void do_save(artifact::Node& node) const override {
    node.set_array("mean", mean_);
    node.set_array("components", components_);
    node.set_array("variance", variance_);
    node.set("total_variance", total_variance_);
  }
  void do_load(const artifact::Node& node) override {
    mean_ = node.get_vector<double>("mean");
    components_ = node.get_vector<double>("components");
    variance_ = node.get_vector<double>("variance");
    total_variance_ = node.get_double("total_variance");
    check_saved_size("pca", {mean_.size()}, input_columns().size());
    check_saved_size("pca", {components_.size()}, variance_.size() * mean_.size());
  }

  PcaParams params_;
  std::vector<double> mean_;
  std::vector<double> components_;  // n_components x n_columns
  std::vector<double> variance_;    // divided by n - 1
  double total_variance_ = 0;
  CrossMoments moments_;  // of a stream
};

void Pca::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
                 const Context& context) {
  require_types(x, "pca", "numeric");
  const std::size_t smaller = std::min(rows.size(), x.n_columns()), k = n_wanted(rows.size(), x.n_columns());
  const bool randomized =
      params_.solver == "randomized" ||
      (params_.solver == "auto" && x.n_columns() > 1000 && smaller > 500 && k * 10 < smaller * 8);
  if (k == 0 || rows.size() < x.n_columns() || (randomized && !(params_.variance_share > 0))) {
    const CentredColumns columns(x, rows, context);
    start(columns.mean());
    if (k == 0) return;
    if (randomized && !(params_.variance_share > 0))
      fit_randomized(columns.of_rows(rows), k, context);
    else
      fit_by_rows(columns.of_rows(rows), k, context);
  } else {
    CentredColumns columns(x);
    const auto gram = columns.gram_of_rows(rows, context);
    start(columns.mean());
    take_eigenvectors(gram, k);
  }
  finish(rows.size());
}

void Pca::do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) {
  require_types(x, "pca", "numeric");
  const auto numbers = numbers_of(x);
  moments_.add({x.n_rows(), x.n_columns(),
                [&](std::size_t c, std::size_t begin, std::size_t end, double* out) {
                  std::ranges::copy(numbers[c].values().subspan(begin, end - begin), out);
                }},
               context);
}

void Pca::do_finish_fit(const Context&) {
  start(moments_.mean());
  const std::size_t n_rows = moments_.n_rows(), k = n_wanted(n_rows, mean_.size());
  if (k > 0) {
    take_eigenvectors(moments_.gram(), k);
    // Fewer rows than columns: what is only rounding has no direction, as in fit_by_rows().
    for (std::size_t i = 0; i < k && n_rows < mean_.size(); ++i)
      if (variance_[i] <= kLeastShare * variance_[0])
        std::fill_n(components_.begin() + static_cast<std::ptrdiff_t>(i * mean_.size()), mean_.size(), 0.0);
    finish(n_rows);
  }
  moments_ = {};
}

void Pca::start(std::vector<double> mean) {
  mean_ = std::move(mean);
  components_.clear();
  variance_.clear();
  total_variance_ = 0;
}

// Components to find, before some are dropped by variance_share.
std::size_t Pca::n_wanted(std::size_t n_rows, std::size_t n_columns) const {
  const std::size_t smaller = std::min(n_rows, n_columns);
  return params_.variance_share > 0 ? smaller
                                    : std::min(smaller, static_cast<std::size_t>(params_.n_components));
}

// Until then the variances are n - 1 times too large.
void Pca::finish(std::size_t n_rows) {
  const double freedom = std::max(1.0, static_cast<double>(n_rows) - 1);
  for (double& value : variance_) value = std::max(0.0, value) / freedom;
  total_variance_ /= freedom;
  if (params_.variance_share > 0) keep_share();
}

// gram: the products of the centred columns.
void Pca::take_eigenvectors(const std::vector<double>& gram, std::size_t k) {
  const std::size_t p = mean_.size();
  for (std::size_t c = 0; c < p; ++c) total_variance_ += gram[c * p + c];
  const auto eigen = eigen_of(gram, p);
  variance_.assign(eigen.values.begin(), eigen.values.begin() + static_cast<std::ptrdiff_t>(k));
  components_.assign(eigen.vectors.begin(), eigen.vectors.begin() + static_cast<std::ptrdiff_t>(k * p));
  for (std::size_t i = 0; i < k; ++i) fix_sign(components_.data() + i * p, p);
}

// With fewer rows than columns the products of the rows are the smaller matrix; u there is X^T u / |X^T u|
// here.
void Pca::fit_by_rows(const ColumnMatrix& x, std::size_t k, const Context& context) {
  std::vector<double> cells(x.n_columns * x.n_rows);
  for (std::size_t c = 0; c < x.n_columns; ++c) x.fill(c, 0, x.n_rows, cells.data() + c * x.n_rows);
  const ColumnMatrix turned{x.n_columns, x.n_rows,
                            [&](std::size_t row, std::size_t begin, std::size_t end, double* out) {
                              for (std::size_t c = begin; c < end; ++c)
                                out[c - begin] = cells[c * x.n_rows + row];
                            }};
  const auto eigen = eigen_of(gram_of(turned, context), x.n_rows);
  for (const double value : eigen.values) total_variance_ += std::max(0.0, value);
  variance_.assign(eigen.values.begin(), eigen.values.begin() + static_cast<std::ptrdiff_t>(k));
  Vectors directions(k, std::vector<double>(x.n_columns));
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t c = 0; c < x.n_columns; ++c)
      for (std::size_t row = 0; row < x.n_rows; ++row)
        directions[i][c] += cells[c * x.n_rows + row] * eigen.vectors[i * x.n_rows + row];
  // What is only rounding has no direction.
  for (std::size_t i = 0; i < k; ++i)
    if (variance_[i] <= kLeastShare * variance_[0]) std::ranges::fill(directions[i], 0.0);
  orthonormalize(directions);
  for (auto& direction : directions) {
    fix_sign(direction.data(), direction.size());
    components_.insert(components_.end(), direction.begin(), direction.end());
  }
}

void Pca::fit_randomized(const ColumnMatrix& x, std::size_t k, const Context& context) {
  std::vector<double> squares(x.n_columns);
  context.parallel_blocks(x.n_columns, 1, [&](std::size_t c, std::size_t) {
    std::vector<double> column(x.n_rows);
    x.fill(c, 0, x.n_rows, column.data());
    for (const double cell : column) squares[c] += cell * cell;
  });
  for (const double square : squares) total_variance_ += square;
  const LinearMap map{x.n_rows, x.n_columns,
                      [&](const Vectors& vectors) {
                        std::vector<double> w(x.n_columns * vectors.size());
                        for (std::size_t j = 0; j < vectors.size(); ++j)
                          for (std::size_t c = 0; c < x.n_columns; ++c)
                            w[c * vectors.size() + j] = vectors[j][c];
                        return product_of(x, w, vectors.size(), context);
                      },
                      [&](const Vectors& vectors) { return transposed_product_of(x, vectors, context); }};
  const auto found =
      randomized_svd(map, {.k = k, .n_iterations = static_cast<std::size_t>(params_.n_iterations)},
                     derive_seed(context.seed, {"pca"}));
  for (std::size_t i = 0; i < found.values.size(); ++i) {
    variance_.push_back(found.values[i] * found.values[i]);
    components_.insert(components_.end(), found.vectors[i].begin(), found.vectors[i].end());
  }
}

void Pca::keep_share() {
  double sum = 0;
  std::size_t n = 0;
  while (n < variance_.size() && sum <= params_.variance_share * total_variance_) sum += variance_[n++];
  variance_.resize(n);
  components_.resize(n * mean_.size());
}

std::vector<Transformer::Named> Pca::do_transform(const data::Frame& x, const Context& context) const {
  const std::size_t k = n_components(), p = mean_.size();
  std::vector<double> weights(p * k);
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t c = 0; c < p; ++c) weights[c * k + i] = components_[i * p + c] / unit(i);
  const CentredColumns columns(x, mean_, std::vector<double>(p, 1.0));
  auto scores = product_of(columns.all(x.n_rows()), weights, k, context);
  std::vector<Named> out;
  for (std::size_t i = 0; i < k; ++i)
    out.push_back({fmt::format("pca{}", i), Column::from_float64(std::move(scores[i]))});
  return out;
}

std::vector<Transformer::Named> Pca::do_inverse(const data::Frame& x, const Context& context) const {
  const std::size_t k = n_components(), p = mean_.size();
  std::vector<double> weights(components_);
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t c = 0; c < p; ++c) weights[i * p + c] *= unit(i);
  const CentredColumns scores(x, std::vector<double>(k), std::vector<double>(k, 1.0));
  auto cells = product_of(scores.all(x.n_rows()), weights, p, context);
  std::vector<Named> out;
  for (std::size_t c = 0; c < p; ++c) {
    for (double& cell : cells[c]) cell += mean_[c];
    out.push_back({input_columns()[c], Column::from_float64(std::move(cells[c]))});
  }
  return out;
}

}  // namespace

TransformerInfo pca_info() {
  return describe<Pca>(
      "pca", "Replace numbers by their principal components.", "numeric",
      ParamTable<PcaParams>()
          .param("n_components", &PcaParams::n_components, "Components to make, when variance_share is 0.")
          .limits(1, 1e6)
          .param("variance_share", &PcaParams::variance_share,
                 "Above 0: as many components as explain more than this part of the variance.")
          .limits(0, 1)
          .param("whiten", &PcaParams::whiten, "Scale every component to variance 1.")
          .param("solver", &PcaParams::solver, "auto, exact or randomized (only with n_components).")
          .param("n_iterations", &PcaParams::n_iterations,
                 "randomized: power iterations; more of them make close components more exact.")
          .limits(0, 100));
}

}  // namespace kolosal::transform
