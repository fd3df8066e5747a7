#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/kernel/elementary.hpp"
#include "kolosal/transform/numeric_map_internal.hpp"
#include "kolosal/transform/power_internal.hpp"

namespace kolosal::transform {
namespace {

struct PowerParams {
  std::string method = "yeo_johnson";
  bool standardize = true;
};

/// Makes numbers as normally distributed as a power can: of Yeo and Johnson (any number), or of Box and Cox
/// (positive ones). The power of each column is that of maximum likelihood.
///
/// Types:   float32 stays float32, everything else becomes float64.
/// Missing: fit() ignores NaN and infinities; transform() keeps NaN. box_cox: a cell that is not positive
///          becomes missing in transform().
/// Errors:  kData for a fitted cell that is not positive (box_cox).
/// Edge:    a constant column keeps power 1 and becomes 0; a column without a finite cell is unchanged.
/// Streams: none. The likelihood of each power that is tried needs all cells; of a summary of them the best
/// power would be off by an amount that nothing bounds. Inverse: exact to rounding, as far as the power kept
/// the digits. Source:  agrees with scikit-learn's PowerTransformer; powers to about 1e-7, the flatness of
/// the likelihood.
class PowerTransform final : public NumericMap {
 public:
  explicit PowerTransform(PowerParams params)
      : params_(std::move(params)), box_cox_(params_.method == "box_cox") {}
  bool has_inverse() const override { return true; }
  std::string stream_obstacle() const override {
    return "the likelihood of each power that is tried is a sum over all cells";
  }

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override;
  void map(std::size_t column, std::span<double> cells) const override;
  void unmap(std::size_t column, std::span<double> cells) const override;
  void do_save(artifact::Node& node) const override {
    node.set_array("lambda", lambda_);
    node.set_array("mean", mean_);
    node.set_array("deviation", deviation_);
  }
  void do_load(const artifact::Node& node) override {
    lambda_ = node.get_vector<double>("lambda");
    mean_ = node.get_vector<double>("mean");
    deviation_ = node.get_vector<double>("deviation");
    check_saved_size("power_transform", {lambda_.size(), mean_.size(), deviation_.size()},
                     input_columns().size());
  }
  void power(double lambda, std::span<double> cells) const;

  PowerParams params_;
  bool box_cox_;
  std::vector<double> lambda_, mean_;
  std::vector<double> deviation_;  // never 0
};

void check_positive(const std::string& name, std::span<const double> cells) {
  const double least = std::ranges::min(cells);
  if (least <= 0)
    throw Error(
        ErrorCode::kData,
        "power_transform: box_cox takes positive numbers, column \"{}\" has {}; method yeo_johnson takes all",
        name, least);
}

void PowerTransform::power(double lambda, std::span<double> cells) const {
  if (!box_cox_) {
    kernel::yeo_johnson(cells.data(), lambda, cells.data(), cells.size());
    return;
  }
  for (double& cell : cells)
    if (cell <= 0) cell = std::numeric_limits<double>::quiet_NaN();
  kernel::log(cells.data(), cells.data(), cells.size());
  kernel::power_of_log(cells.data(), lambda, cells.data(), cells.size());
}

void PowerTransform::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows,
                            const data::TargetView&, const Context& context) {
  require_types(x, "power_transform", "numeric");
  lambda_.assign(x.n_columns(), 1.0);
  mean_.assign(x.n_columns(), 0.0);
  deviation_.assign(x.n_columns(), 1.0);
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    auto cells = finite_cells(Numbers(x.column(c)), rows);
    if (cells.empty()) return;
    if (box_cox_) check_positive(x.name(c), cells);
    lambda_[c] = box_cox_ ? box_cox_lambda(cells) : yeo_johnson_lambda(cells);
    if (!params_.standardize) return;
    power(lambda_[c], cells);
    const Spread spread = spread_of(cells);
    if (!std::isfinite(spread.mean) || !std::isfinite(spread.deviation)) return;
    mean_[c] = spread.mean;
    if (!spread.is_constant && spread.deviation > 10 * std::numeric_limits<double>::min())
      deviation_[c] = spread.deviation;
  });
}

void PowerTransform::map(std::size_t column, std::span<double> cells) const {
  power(lambda_[column], cells);
  for (double& cell : cells) cell = (cell - mean_[column]) / deviation_[column];
}

void PowerTransform::unmap(std::size_t column, std::span<double> cells) const {
  for (double& cell : cells) cell = cell * deviation_[column] + mean_[column];
  if (!box_cox_) {
    kernel::yeo_johnson_inverse(cells.data(), lambda_[column], cells.data(), cells.size());
    return;
  }
  const double lambda = lambda_[column];
  for (double& cell : cells) cell = std::exp(lambda == 0 ? cell : std::log1p(lambda * cell) / lambda);
}

}  // namespace

TransformerInfo power_transform_info() {
  return describe<PowerTransform>(
      "power_transform", "Make numbers as normally distributed as a power of maximum likelihood can.",
      "numeric",
      ParamTable<PowerParams>()
          .param("method", &PowerParams::method,
                 "yeo_johnson takes all numbers; box_cox takes positive ones only.",
                 choice({"yeo_johnson", "box_cox"}))
          .param("standardize", &PowerParams::standardize,
                 "Scale what the power gives to mean 0 and deviation 1."));
}

}  // namespace kolosal::transform
