#include <algorithm>

#include "kolosal/core/random.hpp"
#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/decomposition_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::SparseView;

struct TruncatedSvdParams {
  std::int64_t n_components = 20;
  std::int64_t n_iterations = 5;
};

// The cells of some rows of several sparse columns side by side, by rows and by features: each product then
// adds up a number of its own, in one order.
struct SparseMatrix {
  std::size_t n_rows = 0, width = 0;
  std::vector<std::size_t> row_begin, feature_begin;
  std::vector<std::uint32_t> feature, row;
  std::vector<double> by_row, by_feature;

  SparseMatrix(const data::Frame& x, std::span<const std::uint32_t> rows)
      : n_rows(rows.size()), row_begin{0} {
    std::vector<SparseView> parts;
    for (std::size_t c = 0; c < x.n_columns(); ++c) parts.push_back(x.column(c).sparse());
    for (const auto& part : parts) width += static_cast<std::size_t>(part.width);
    for (const std::uint32_t r : rows) {
      std::size_t shift = 0;
      for (const auto& part : parts) {
        for (auto i = part.offsets[r]; i < part.offsets[r + 1]; ++i) {
          feature.push_back(static_cast<std::uint32_t>(shift + static_cast<std::size_t>(part.indices[i])));
          by_row.push_back(static_cast<double>(part.values[i]));
        }
        shift += static_cast<std::size_t>(part.width);
      }
      row_begin.push_back(feature.size());
    }
    turn();
  }

  void turn() {
    feature_begin.assign(width + 1, 0);
    for (const std::uint32_t f : feature) ++feature_begin[f + 1];
    for (std::size_t f = 0; f < width; ++f) feature_begin[f + 1] += feature_begin[f];
    std::vector<std::size_t> next(feature_begin.begin(), feature_begin.end());
    row.resize(feature.size());
    by_feature.resize(feature.size());
    for (std::size_t r = 0; r < n_rows; ++r)
      for (std::size_t i = row_begin[r]; i < row_begin[r + 1]; ++i) {
        row[next[feature[i]]] = static_cast<std::uint32_t>(r);
        by_feature[next[feature[i]]++] = by_row[i];
      }
  }

  // out[v][i] = sum of the cells of line i times in[v] at their positions.
  static Vectors multiply(const std::vector<std::size_t>& begin, const std::vector<std::uint32_t>& position,
                          const std::vector<double>& cells, const Vectors& in, const Context& context) {
    const std::size_t n = begin.size() - 1, k = in.size();
    Vectors out(k, std::vector<double>(n));
    if (k == 0) return out;
    std::vector<double> beside(in[0].size() *
                               k);  // the vectors side by side: one cell reads one line of memory
    for (std::size_t v = 0; v < k; ++v)
      for (std::size_t i = 0; i < in[v].size(); ++i) beside[i * k + v] = in[v][i];
    context.parallel_blocks(n, 1024, [&](std::size_t first, std::size_t last) {
      std::vector<double> sum(k);
      for (std::size_t line = first; line < last; ++line) {
        std::ranges::fill(sum, 0.0);
        for (std::size_t i = begin[line]; i < begin[line + 1]; ++i)
          for (std::size_t v = 0; v < k; ++v) sum[v] += cells[i] * beside[position[i] * k + v];
        for (std::size_t v = 0; v < k; ++v) out[v][line] = sum[v];
      }
    });
    return out;
  }
};

/// Replaces sparse columns (hashed text, one-hot levels) by their main directions svd0, svd1, ... of the
/// truncated singular value decomposition; of weighted word counts this is latent semantic analysis.
///
/// Method:  randomized (Halko et al. 2011) with 10 extra vectors; products of sparse rows only, so no dense
/// table of
///          all features is made. Nothing is centred.
/// Sign:    the entry of largest size in a direction is positive.
/// Cost:    n_iterations * 2 + 2 passes over the stored cells; 8 bytes per feature and component are kept.
/// Edge:    no more components than features or fitted rows.
/// Source:  agrees with scikit-learn's TruncatedSVD as far as the iterations have converged.
class TruncatedSvd final : public Transformer {
 public:
  explicit TruncatedSvd(TruncatedSvdParams params) : params_(params) {}
  std::string made_types() const override { return "float"; }

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    require_types(x, "truncated_svd", "sparse");
    const SparseMatrix matrix(x, rows);
    const LinearMap map{
        matrix.n_rows, matrix.width,
        [&](const Vectors& v) {
          return SparseMatrix::multiply(matrix.row_begin, matrix.feature, matrix.by_row, v, context);
        },
        [&](const Vectors& v) {
          return SparseMatrix::multiply(matrix.feature_begin, matrix.row, matrix.by_feature, v, context);
        }};
    auto found = randomized_svd(map,
                                {.k = static_cast<std::size_t>(params_.n_components),
                                 .n_iterations = static_cast<std::size_t>(params_.n_iterations)},
                                derive_seed(context.seed, {"truncated_svd"}));
    width_ = matrix.width;
    singular_ = std::move(found.values);
    components_.assign(width_ * singular_.size(), 0);
    for (std::size_t i = 0; i < singular_.size(); ++i)
      for (std::size_t f = 0; f < width_; ++f) components_[f * singular_.size() + i] = found.vectors[i][f];
  }

  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    const std::size_t k = singular_.size();
    std::size_t width = 0;
    for (std::size_t c = 0; c < x.n_columns(); ++c)
      width += static_cast<std::size_t>(x.column(c).sparse().width);
    if (width != width_)
      throw Error(ErrorCode::kData,
                  "the sparse columns of truncated_svd have {} features, but had {} in training", width,
                  width_);
    Vectors scores(k, std::vector<double>(x.n_rows()));
    context.parallel_blocks(x.n_rows(), 1024, [&](std::size_t begin, std::size_t end) {
      std::vector<double> sum(k);
      for (std::size_t r = begin; r < end; ++r) {
        std::ranges::fill(sum, 0.0);
        std::size_t shift = 0;
        for (std::size_t c = 0; c < x.n_columns(); ++c) {
          const SparseView part = x.column(c).sparse();
          for (auto i = part.offsets[r]; i < part.offsets[r + 1]; ++i) {
            const double* weights =
                components_.data() + (shift + static_cast<std::size_t>(part.indices[i])) * k;
            for (std::size_t v = 0; v < k; ++v) sum[v] += static_cast<double>(part.values[i]) * weights[v];
          }
          shift += static_cast<std::size_t>(part.width);
        }
        for (std::size_t v = 0; v < k; ++v) scores[v][r] = sum[v];
      }
    });
    std::vector<Named> out;
    for (std::size_t i = 0; i < k; ++i)
      out.push_back({fmt::format("svd{}", i), Column::from_float64(std::move(scores[i]))});
    return out;
  }
  std::vector<std::string> made_columns() const override {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < singular_.size(); ++i) out.push_back(fmt::format("svd{}", i));
    return out;
  }
  void do_save(artifact::Node& node) const override {
    node.set("width", width_);
    node.set_array("singular", singular_);
    node.set_array("components", components_);
  }
  void do_load(const artifact::Node& node) override {
    width_ = static_cast<std::size_t>(node.get_int("width"));
    singular_ = node.get_vector<double>("singular");
    components_ = node.get_vector<double>("components");
    check_saved_size("truncated_svd", {components_.size()}, width_ * singular_.size());
  }

  TruncatedSvdParams params_;
  std::size_t width_ = 0;
  std::vector<double> singular_;
  std::vector<double> components_;  // by feature and component
};

}  // namespace

TransformerInfo truncated_svd_info() {
  return describe<TruncatedSvd>(
      "truncated_svd", "Replace sparse columns by the main directions of their singular value decomposition.",
      "sparse",
      ParamTable<TruncatedSvdParams>()
          .param("n_components", &TruncatedSvdParams::n_components, "Directions to make.")
          .limits(1, 1e5)
          .param("n_iterations", &TruncatedSvdParams::n_iterations,
                 "Power iterations; more of them make close directions more exact.")
          .limits(0, 100));
}

}  // namespace kolosal::transform
