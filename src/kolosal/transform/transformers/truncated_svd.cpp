#include <algorithm>
#include <cmath>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/vector_ops.hpp"
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

constexpr std::size_t kMostStreamed = 4096;  // features: a matrix of 134 MB

// X^T X of sparse rows that come in batches.
struct SparseGram {
  std::size_t n_rows = 0, width = 0;
  std::vector<double> products;  // width x width, only the upper half until complete()

  void add(const data::Frame& x, const Context& context) {
    const SparseMatrix matrix(x, every_row(x.n_rows()));
    set_width(matrix.width);
    n_rows += matrix.n_rows;
    context.parallel_blocks(width, 16, [&](std::size_t first, std::size_t last) {
      for (std::size_t f = first; f < last; ++f)
        for (std::size_t i = matrix.feature_begin[f]; i < matrix.feature_begin[f + 1]; ++i) {
          const std::uint32_t row = matrix.row[i];
          for (std::size_t k = matrix.row_begin[row]; k < matrix.row_begin[row + 1]; ++k)
            if (matrix.feature[k] >= f)
              products[f * width + matrix.feature[k]] += matrix.by_feature[i] * matrix.by_row[k];
        }
    });
  }
  void merge(const SparseGram& other) {
    if (other.width == 0) return;
    set_width(other.width);
    n_rows += other.n_rows;
    for (std::size_t i = 0; i < products.size(); ++i) products[i] += other.products[i];
  }
  // Nothing is added after that: the lower half becomes that of the symmetric matrix.
  void complete() {
    for (std::size_t f = 0; f < width; ++f)
      for (std::size_t g = 0; g < f; ++g) products[f * width + g] = products[g * width + f];
  }
  Vectors multiply(const Vectors& v, const Context& context) const {
    Vectors out(v.size(), std::vector<double>(width));
    context.parallel_blocks(width, 64, [&](std::size_t first, std::size_t last) {
      for (std::size_t f = first; f < last; ++f)
        for (std::size_t k = 0; k < v.size(); ++k)
          out[k][f] = kernel::dot(products.data() + f * width, v[k].data(), width);
    });
    return out;
  }

 private:
  void set_width(std::size_t n_features) {
    if (n_features > kMostStreamed)
      throw Error(ErrorCode::kUnsupported,
                  "truncated_svd can be fitted batch by batch on {} features at most, because it keeps a "
                  "number for each two of them, but got {}: make them narrower (text_hash: width; one_hot: "
                  "max_categories), or take random_projection",
                  kMostStreamed, n_features);
    if (width > 0 && width != n_features)
      throw Error(ErrorCode::kData,
                  "the sparse columns of truncated_svd have {} features in one batch and {} in another",
                  width, n_features);
    width = n_features;
    products.resize(width * width);
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
/// Streams: by the products of features (the Gram matrix), 8 bytes for each two of them, and so for at most
///          4,096 features. Directions whose singular value is below 1e-7 of the largest are rounding.
/// Source:  agrees with scikit-learn's TruncatedSVD as far as the iterations have converged.
class TruncatedSvd final : public Transformer {
 public:
  explicit TruncatedSvd(TruncatedSvdParams params) : params_(params) {}
  bool can_stream() const override { return true; }
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
    take(randomized_svd(map, randomized(matrix.n_rows), derive_seed(context.seed, {"truncated_svd"})),
         matrix.width);
  }

  RandomizedParams randomized(std::size_t n_rows) const {
    return {.k = std::min(static_cast<std::size_t>(params_.n_components), n_rows),
            .n_iterations = static_cast<std::size_t>(params_.n_iterations)};
  }
  void take(const TopSingular& found, std::size_t width) {
    width_ = width;
    singular_ = found.values;
    components_.assign(width_ * singular_.size(), 0);
    for (std::size_t i = 0; i < singular_.size(); ++i)
      for (std::size_t f = 0; f < width_; ++f) components_[f * singular_.size() + i] = found.vectors[i][f];
  }

  void do_begin_stream() override { gram_ = {}; }
  void do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) override {
    require_types(x, "truncated_svd", "sparse");
    gram_.add(x, context);
  }
  void do_merge(const Transformer& other) override {
    gram_.merge(dynamic_cast<const TruncatedSvd&>(other).gram_);
  }
  // X^T X has the right singular vectors of X, and its values are their squares; a power iteration with it
  // is two with X.
  void do_finish_fit(const Context& context) override {
    gram_.complete();
    const auto multiply = [&](const Vectors& v) { return gram_.multiply(v, context); };
    auto found = randomized_svd({gram_.width, gram_.width, multiply, multiply}, randomized(gram_.n_rows),
                                derive_seed(context.seed, {"truncated_svd"}));
    for (double& value : found.values) value = std::sqrt(value);
    take(found, gram_.width);
    gram_ = {};
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
  SparseGram gram_;                 // of a stream
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
