#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/statistics_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;

struct ScaleParams {
  std::string method = "standard";
  double clip = 0;
};

/// Centres and scales numbers: z = (x - centre) / scale.
///
///   standard: mean and standard deviation;  robust: median and interquartile range;  minmax: to [0, 1].
///
/// Types:   float32 stays float32, everything else becomes float64.
/// Missing: fit() ignores NaN and infinities; transform() keeps them (clip brings infinities to its bound).
/// Edge:    a constant column gets scale 1, so it becomes 0 and not NaN; a column without a finite cell is
/// unchanged. Source:  agrees with scikit-learn's StandardScaler (variance divided by n), RobustScaler and
/// MinMaxScaler.
class Scale final : public Transformer {
 public:
  explicit Scale(ScaleParams params) : params_(std::move(params)) {}

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override;
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  void do_save(artifact::Node& node) const override {
    node.set_array("centre", centre_);
    node.set_array("scale", scale_);
  }
  void do_load(const artifact::Node& node) override {
    centre_ = node.get_vector<double>("centre");
    scale_ = node.get_vector<double>("scale");
    check_saved_size("scale", {centre_.size(), scale_.size()}, input_columns().size());
  }
  void fit_column(std::vector<double> cells, double& centre, double& scale) const;

  ScaleParams params_;
  std::vector<double> centre_;
  std::vector<double> scale_;  // never 0
};

// Rounding alone gives a constant column a variance; scikit-learn's bound for that (utils/_extmath,
// _is_constant_feature).
bool is_constant(long double variance, double mean, std::size_t n) {
  constexpr long double kEpsilon = std::numeric_limits<double>::epsilon();
  const auto count = static_cast<long double>(n);
  const long double drift = count * static_cast<long double>(mean) * kEpsilon;
  return variance <= count * kEpsilon * variance + drift * drift;
}

void Scale::fit_column(std::vector<double> cells, double& centre, double& scale) const {
  if (cells.empty()) return;
  if (params_.method == "standard") {
    centre = mean_of(cells);
    const long double variance = variance_of(cells, centre);
    const auto [low, high] = std::ranges::minmax(cells);
    if (low != high && !is_constant(variance, centre, cells.size()))
      scale = static_cast<double>(std::sqrt(variance));
  } else if (params_.method == "robust") {
    centre = quantile_of(cells, 0.5);
    scale = quantile_of(cells, 0.75) - quantile_of(cells, 0.25);
  } else {
    const auto [low, high] = std::ranges::minmax(cells);
    centre = low;
    scale = high - low;
  }
  constexpr double kLargest = std::numeric_limits<double>::max();
  if (!(scale > 10 * std::numeric_limits<double>::min())) scale = 1;
  scale = std::min(scale, kLargest);
}

void Scale::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
                   const Context& context) {
  require_types(x, "scale", "numeric");
  centre_.assign(x.n_columns(), 0.0);
  scale_.assign(x.n_columns(), 1.0);
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    fit_column(finite_cells(Numbers(x.column(c)), rows), centre_[c], scale_[c]);
  });
}

template <typename T, typename Cells>
std::vector<T> scaled(const Cells& cells, double centre, double scale, double clip) {
  std::vector<T> out(cells.size());
  // Halves keep the difference of huge numbers finite; for others the plain form is the accurate one.
  if (std::abs(centre) < 1e300 && scale < 1e300) {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<T>((static_cast<double>(cells[i]) - centre) / scale);
  } else {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<T>((static_cast<double>(cells[i]) / 2 - centre / 2) / (scale / 2));
  }
  if (clip > 0) {
    const T bound = static_cast<T>(clip);
    for (T& cell : out) cell = cell > bound ? bound : (cell < -bound ? -bound : cell);  // NaN stays
  }
  return out;
}

std::vector<Transformer::Named> Scale::do_transform(const data::Frame& x, const Context& context) const {
  std::vector<Named> out(x.n_columns());
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    const Column& column = x.column(c);
    out[c].name = x.name(c);
    if (column.type() == ColumnType::kFloat32)
      out[c].column =
          Column::from_float32(scaled<float>(column.float32s(), centre_[c], scale_[c], params_.clip));
    else
      out[c].column =
          Column::from_float64(scaled<double>(Numbers(column), centre_[c], scale_[c], params_.clip));
  });
  return out;
}

}  // namespace

TransformerInfo scale_info() {
  return describe<Scale>(
      "scale", "Centre and scale numbers.", "numeric",
      ParamTable<ScaleParams>()
          .param(
              "method", &ScaleParams::method,
              "standard: mean 0, deviation 1; robust: median 0, interquartile range 1; minmax: from 0 to 1.",
              choice({"standard", "robust", "minmax"}))
          .param("clip", &ScaleParams::clip, "Cut scaled numbers to [-clip, clip]; 0 does not cut.")
          .limits(0, 1e9));
}

}  // namespace kolosal::transform
