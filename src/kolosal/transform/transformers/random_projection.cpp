#include <algorithm>
#include <cmath>

#include "kolosal/core/random.hpp"
#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;
using data::SparseView;

struct RandomProjectionParams {
  std::int64_t n_components = 0;
  double epsilon = 0.3;
  std::string method = "sparse";
  double density = 0;
};

// Components by which the distances of n rows change by at most a factor of 1 +- epsilon (Dasgupta and Gupta
// 2003).
std::size_t components_for(std::size_t n_rows, double epsilon) {
  const double denominator = epsilon * epsilon / 2 - epsilon * epsilon * epsilon / 3;
  return static_cast<std::size_t>(4 * std::log(std::max(2.0, static_cast<double>(n_rows))) / denominator);
}

/// Replaces columns by sums of all of them with random weights, projection0, projection1, ...: distances of
/// rows stay nearly as they are.
///
/// method:  gaussian draws weights from N(0, 1 / n_components); sparse (Achlioptas 2003; Li et al. 2006)
/// takes
///          +-sqrt(1 / (density * n_components)) with the chance `density`, else 0.
/// Missing: missing and infinite cells count 0; cells beyond 1e140 in size count as 1e140.
/// Cost:    8 bytes per feature and component; sparse columns count with their width.
/// Streams: exact; of rows only their number counts.
/// Source:  as scikit-learn's GaussianRandomProjection and SparseRandomProjection, with our random numbers.
/// The
///          number of components for 0 is that of its johnson_lindenstrauss_min_dim, but never more than
///          features.
class RandomProjection final : public Transformer {
 public:
  explicit RandomProjection(RandomProjectionParams params) : params_(std::move(params)) {
    if (params_.method != "gaussian" && params_.method != "sparse")
      throw Error(ErrorCode::kInvalidParameter,
                  "random_projection: method must be gaussian or sparse, not \"{}\"", params_.method);
  }
  bool can_stream() const override { return true; }
  std::string made_types() const override { return "float"; }

 private:
  static std::size_t width_of(const Column& column) {
    return column.type() == ColumnType::kSparse ? static_cast<std::size_t>(column.sparse().width) : 1;
  }
  static std::size_t width_of(const data::Frame& x) {
    std::size_t out = 0;
    for (std::size_t c = 0; c < x.n_columns(); ++c) out += width_of(x.column(c));
    return out;
  }

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    require_types(x, "random_projection", "numeric,sparse");
    draw(width_of(x), rows.size(), context);
  }
  void do_begin_stream() override { n_gathered_ = width_gathered_ = 0; }
  void do_partial_fit(const data::Frame& x, const data::TargetView&, const Context&) override {
    require_types(x, "random_projection", "numeric,sparse");
    gather(width_of(x), x.n_rows());
  }
  void do_merge(const Transformer& other) override {
    const auto& theirs = dynamic_cast<const RandomProjection&>(other);
    gather(theirs.width_gathered_, theirs.n_gathered_);
  }
  void do_finish_fit(const Context& context) override { draw(width_gathered_, n_gathered_, context); }
  void gather(std::size_t width, std::size_t n_rows) {
    if (width_gathered_ > 0 && width != width_gathered_)
      throw Error(ErrorCode::kData,
                  "the columns of random_projection have {} features in one batch and {} in another",
                  width_gathered_, width);
    width_gathered_ = width;
    n_gathered_ += n_rows;
  }

  void draw(std::size_t width, std::size_t n_rows, const Context& context) {
    width_ = width;
    const auto wanted = static_cast<std::size_t>(params_.n_components);
    n_components_ = wanted > 0 ? wanted : std::min(width_, components_for(n_rows, params_.epsilon));
    weights_.assign(width_ * n_components_, 0);
    const double density =
        params_.density > 0 ? params_.density : std::min(1.0, 1 / std::sqrt(static_cast<double>(width_)));
    const double size = std::sqrt(1 / static_cast<double>(n_components_));
    Rng rng(derive_seed(context.seed, {"random_projection"}));
    for (double& weight : weights_) {
      if (params_.method == "gaussian")
        weight = size * rng.normal();
      else if (rng.uniform() < density)
        weight = (rng() >> 63 != 0 ? size : -size) / std::sqrt(density);
    }
  }

  void add_row(const data::Frame& x, const std::vector<Numbers>& numbers, std::size_t row,
               std::vector<double>& sum) const {
    const auto add = [&](std::size_t feature, double cell) {
      const double* weights = weights_.data() + feature * n_components_;
      for (std::size_t k = 0; k < n_components_; ++k) sum[k] += cell * weights[k];
    };
    std::size_t feature = 0, n_dense = 0;
    for (std::size_t c = 0; c < x.n_columns(); ++c) {
      const Column& column = x.column(c);
      if (column.type() == ColumnType::kSparse) {
        const SparseView part = column.sparse();
        for (auto i = part.offsets[row]; i < part.offsets[row + 1]; ++i)
          add(feature + static_cast<std::size_t>(part.indices[i]), static_cast<double>(part.values[i]));
      } else {
        const double cell = numbers[n_dense++][row];
        if (std::isfinite(cell) && cell != 0) add(feature, std::clamp(cell, -1e140, 1e140));
      }
      feature += width_of(column);
    }
  }

  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    if (width_of(x) != width_)
      throw Error(ErrorCode::kData, "random_projection was fitted on {} features, but got {}", width_,
                  width_of(x));
    std::vector<Numbers> numbers;
    for (std::size_t c = 0; c < x.n_columns(); ++c)
      if (x.column(c).type() != ColumnType::kSparse) numbers.emplace_back(x.column(c));
    std::vector<std::vector<double>> made(n_components_, std::vector<double>(x.n_rows()));
    context.parallel_blocks(x.n_rows(), 512, [&](std::size_t begin, std::size_t end) {
      std::vector<double> sum(n_components_);
      for (std::size_t row = begin; row < end; ++row) {
        std::ranges::fill(sum, 0.0);
        add_row(x, numbers, row, sum);
        for (std::size_t k = 0; k < n_components_; ++k) made[k][row] = sum[k];
      }
    });
    std::vector<Named> out;
    for (std::size_t k = 0; k < n_components_; ++k)
      out.push_back({fmt::format("projection{}", k), Column::from_float64(std::move(made[k]))});
    return out;
  }
  std::vector<std::string> made_columns() const override {
    std::vector<std::string> out;
    for (std::size_t k = 0; k < n_components_; ++k) out.push_back(fmt::format("projection{}", k));
    return out;
  }
  void do_save(artifact::Node& node) const override {
    node.set("n_components", n_components_);
    node.set("width", width_);
    node.set_array("weights", weights_);
  }
  void do_load(const artifact::Node& node) override {
    n_components_ = static_cast<std::size_t>(node.get_int("n_components"));
    width_ = static_cast<std::size_t>(node.get_int("width"));
    weights_ = node.get_vector<double>("weights");
    check_saved_size("random_projection", {weights_.size()}, n_components_ * width_);
  }

  RandomProjectionParams params_;
  std::size_t n_components_ = 0, width_ = 0;
  std::vector<double> weights_;                      // by feature and component
  std::size_t n_gathered_ = 0, width_gathered_ = 0;  // of a stream: rows and features
};

}  // namespace

TransformerInfo random_projection_info() {
  return describe<RandomProjection>(
      "random_projection", "Replace columns by random sums of all of them, which keep the distances of rows.",
      "numeric,sparse",
      ParamTable<RandomProjectionParams>()
          .param("n_components", &RandomProjectionParams::n_components,
                 "Columns to make; 0: as many as epsilon needs for the number of training rows.")
          .limits(0, 1e6)
          .param("epsilon", &RandomProjectionParams::epsilon,
                 "How much distances may change, when n_components is 0.")
          .limits(0.01, 0.99)
          .param("method", &RandomProjectionParams::method, "sparse or gaussian weights.")
          .param("density", &RandomProjectionParams::density,
                 "sparse: part of the weights that are not 0; 0: one by the square root of the features.")
          .limits(0, 1));
}

}  // namespace kolosal::transform
