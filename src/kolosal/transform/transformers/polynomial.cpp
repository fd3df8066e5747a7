#include <algorithm>
#include <cmath>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct PolynomialParams {
  std::int64_t degree = 2;
  bool interaction_only = false;
  bool include_bias = false;
  std::int64_t max_columns = 5000;
};

constexpr std::size_t kRun = 512;  // rows of which all products are made before the next: they stay in cache

// A product of columns: `factor` times an earlier product, or the column itself.
struct Monomial {
  std::vector<std::size_t> columns;  // ascending, with repeats
  std::size_t before = 0;            // degree 2 and more: the product without its last column
};

// All products of degrees 1 to `degree`, by degree and then by their columns, as in scikit-learn.
// @throws Error kInvalidParameter when there are more than `most`.
std::vector<Monomial> monomials_of(std::size_t n_columns, const PolynomialParams& params) {
  std::vector<Monomial> out;
  for (std::size_t c = 0; c < n_columns; ++c) out.push_back({{c}, 0});
  std::size_t first = 0, end = out.size();
  for (std::int64_t degree = 2; degree <= params.degree; ++degree) {
    for (std::size_t before = first; before < end; ++before)
      for (std::size_t c = out[before].columns.back() + (params.interaction_only ? 1 : 0); c < n_columns;
           ++c) {
        if (out.size() >= static_cast<std::size_t>(params.max_columns))
          throw Error(ErrorCode::kInvalidParameter,
                      "polynomial of degree {} of {} columns would make more than max_columns = {} columns",
                      params.degree, n_columns, params.max_columns);
        Monomial made{out[before].columns, before};
        made.columns.push_back(c);
        out.push_back(std::move(made));
      }
    first = end;
    end = out.size();
  }
  return out;
}

// "a", "a^2 b".
std::string monomial_name(const Monomial& monomial, const data::Frame& x) {
  std::string out;
  for (std::size_t i = 0; i < monomial.columns.size();) {
    std::size_t end = i + 1;
    while (end < monomial.columns.size() && monomial.columns[end] == monomial.columns[i]) ++end;
    if (!out.empty()) out += ' ';
    out += x.name(monomial.columns[i]);
    if (end - i > 1) out += fmt::format("^{}", end - i);
    i = end;
  }
  return out;
}

/// Powers and products of number columns up to a degree: "a", "b", "a^2", "a b", "b^2".
///
/// Types:   the columns themselves stay as they are; products are float64.
/// Missing: a product with a missing or infinite cell, or one that overflows, is missing.
/// State:   none.
/// Source:  columns, order and names of scikit-learn's PolynomialFeatures (include_bias: its column
///          "1"), which keeps infinities.
class Polynomial final : public Transformer {
 public:
  explicit Polynomial(PolynomialParams params) : params_(params) {}
  bool is_stateless() const override { return true; }
  std::string made_types() const override { return "numeric"; }

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t>, const data::TargetView&,
              const Context&) override {
    require_types(x, "polynomial", "numeric");
    monomials_of(x.n_columns(), params_);
  }
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  void do_save(artifact::Node&) const override {}
  void do_load(const artifact::Node&) override {}

  PolynomialParams params_;
};

std::vector<Transformer::Named> Polynomial::do_transform(const data::Frame& x, const Context& context) const {
  const auto monomials = monomials_of(x.n_columns(), params_);
  std::vector<Numbers> columns;
  columns.reserve(x.n_columns());
  for (std::size_t c = 0; c < x.n_columns(); ++c) columns.emplace_back(x.column(c));
  std::vector<std::vector<double>> made(monomials.size());
  for (std::size_t m = x.n_columns(); m < made.size(); ++m) made[m].resize(x.n_rows());
  context.parallel_blocks(x.n_rows(), kRowGrain, [&](std::size_t begin, std::size_t end) {
    for (std::size_t run = begin; run < end; run += kRun) {
      const std::size_t stop = std::min(run + kRun, end);
      for (std::size_t m = x.n_columns(); m < made.size(); ++m) {
        const std::size_t before = monomials[m].before;
        const double* left = before < x.n_columns() ? columns[before].values().data() : made[before].data();
        const double* right = columns[monomials[m].columns.back()].values().data();
        double* out = made[m].data();
        for (std::size_t row = run; row < stop; ++row) {
          const double product = left[row] * right[row];
          out[row] = std::isfinite(product) ? product : kNaN;
        }
      }
    }
  });
  std::vector<Named> out;
  if (params_.include_bias) out.push_back({"1", Column::from_float64(std::vector<double>(x.n_rows(), 1.0))});
  for (std::size_t m = 0; m < monomials.size(); ++m)
    out.push_back({monomial_name(monomials[m], x),
                   m < x.n_columns() ? x.column(m) : Column::from_float64(std::move(made[m]))});
  return out;
}

}  // namespace

TransformerInfo polynomial_info() {
  return describe<Polynomial>(
      "polynomial", "Add the powers and products of number columns up to a degree.", "numeric",
      ParamTable<PolynomialParams>()
          .param("degree", &PolynomialParams::degree, "Most factors of a product.", linear_range(2, 3))
          .limits(1, 10)
          .param("interaction_only", &PolynomialParams::interaction_only,
                 "Products of different columns only, no powers.")
          .param("include_bias", &PolynomialParams::include_bias, "Add a column \"1\" of ones.")
          .param("max_columns", &PolynomialParams::max_columns, "An error when it would make more columns.")
          .limits(1, 1e6));
}

}  // namespace kolosal::transform
