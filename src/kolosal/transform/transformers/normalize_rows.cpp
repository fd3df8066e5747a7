#include <algorithm>
#include <cmath>

#include "kolosal/transform/numeric_map_internal.hpp"

namespace kolosal::transform {
namespace {

struct NormalizeParams {
  std::string norm = "l2";
};

/// Divides each row by its norm over the columns of the step: the sum of magnitudes (l1), the root of the sum
/// of squares (l2), or the greatest magnitude (max).
///
/// Types:   a float32 column stays float32, everything else becomes float64.
/// Missing: cells that are NaN or infinite stay and do not count in the norm.
/// Edge:    a row of norm 0 stays. Learns nothing; has no inverse, since the norm is gone.
/// Source:  agrees with scikit-learn's Normalizer.
class NormalizeRows final : public Transformer {
 public:
  explicit NormalizeRows(NormalizeParams params) : params_(std::move(params)) {}
  bool is_stateless() const override { return true; }
  std::string made_types() const override { return "float,float32"; }

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t>, const data::TargetView&,
              const Context&) override {
    require_types(x, "normalize_rows", "numeric");
  }
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  void do_save(artifact::Node&) const override {}
  void do_load(const artifact::Node&) override {}
  std::vector<double> norms(const data::Frame& x, const std::vector<double>& greatest,
                            std::size_t begin) const;

  NormalizeParams params_;
};

// Greatest finite magnitude of each row of the block.
std::vector<double> greatest_of(const data::Frame& x, std::size_t begin, std::size_t end) {
  std::vector<double> out(end - begin), cells(end - begin);
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    copy_cells(x.column(c), begin, end, cells.data());
    for (std::size_t i = 0; i < out.size(); ++i)
      if (std::isfinite(cells[i])) out[i] = std::max(out[i], std::abs(cells[i]));
  }
  return out;
}

// Norms of rows that are first divided by their greatest magnitude, so that no sum overflows.
std::vector<double> NormalizeRows::norms(const data::Frame& x, const std::vector<double>& greatest,
                                         std::size_t begin) const {
  std::vector<double> out(greatest.size(), params_.norm == "max" ? 1.0 : 0.0), cells(greatest.size());
  if (params_.norm == "max") return out;
  const bool squares = params_.norm == "l2";
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    copy_cells(x.column(c), begin, begin + cells.size(), cells.data());
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (!std::isfinite(cells[i]) || greatest[i] == 0) continue;
      const double share = std::abs(cells[i]) / greatest[i];
      out[i] += squares ? share * share : share;
    }
  }
  for (double& norm : out) norm = squares ? std::sqrt(norm) : norm;
  return out;
}

std::vector<Transformer::Named> NormalizeRows::do_transform(const data::Frame& x,
                                                            const Context& context) const {
  const std::size_t n = x.n_rows();
  std::vector<double> greatest(n), norm(n);
  context.parallel_blocks(n, kRowGrain, [&](std::size_t begin, std::size_t end) {
    const auto block_greatest = greatest_of(x, begin, end);
    const auto block_norm = norms(x, block_greatest, begin);
    std::ranges::copy(block_greatest, greatest.begin() + static_cast<std::ptrdiff_t>(begin));
    std::ranges::copy(block_norm, norm.begin() + static_cast<std::ptrdiff_t>(begin));
  });
  std::vector<Named> out(x.n_columns());
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    std::vector<double> cells(n);
    copy_cells(x.column(c), 0, n, cells.data());
    for (std::size_t i = 0; i < n; ++i)
      if (greatest[i] > 0) cells[i] = cells[i] / greatest[i] / norm[i];
    const bool narrow = x.column(c).type() == data::ColumnType::kFloat32;
    out[c] = {x.name(c), narrow ? data::Column::from_float32({cells.begin(), cells.end()})
                                : data::Column::from_float64(std::move(cells))};
  });
  return out;
}

}  // namespace

TransformerInfo normalize_rows_info() {
  return describe<NormalizeRows>(
      "normalize_rows", "Divide the numbers of each row by the norm of the row.", "numeric",
      ParamTable<NormalizeParams>().param(
          "norm", &NormalizeParams::norm,
          "l1: sum of magnitudes; l2: root of the sum of squares; max: greatest magnitude.",
          choice({"l1", "l2", "max"})));
}

}  // namespace kolosal::transform
