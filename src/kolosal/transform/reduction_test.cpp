#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/decomposition_internal.hpp"
#include "kolosal/transform/matrix_internal.hpp"
#include "kolosal/transform/testing/selection_golden.hpp"

// Principal components, truncated singular value decomposition, random projection, and the products below
// them.

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using ::testing::Pointwise;

std::vector<double> numbers_in(const nlohmann::json& cells) { return cells.get<std::vector<double>>(); }

void expect_columns(const Frame& got, const nlohmann::json& want, double tolerance) {
  ASSERT_EQ(got.n_columns(), want.size());
  for (std::size_t c = 0; c < want.size(); ++c)
    EXPECT_THAT(numbers(got, got.name(c)), Pointwise(NanSensitiveDoubleNear(tolerance), numbers_in(want[c])))
        << got.name(c);
}

Frame random_frame(std::size_t n_rows, std::size_t n_columns, std::uint64_t seed) {
  Rng rng(seed);
  Frame out;
  for (std::size_t c = 0; c < n_columns; ++c) {
    std::vector<double> cells(n_rows);
    for (double& cell : cells) cell = rng.normal() * static_cast<double>(c + 1) + 3;
    out.add("x" + std::to_string(c), Column::from_float64(cells));
  }
  return out;
}

// The counts of the golden file as one sparse column.
Frame sparse_counts() {
  const auto& counts = selection_golden()["counts"];
  std::vector<std::int64_t> offsets = {0};
  std::vector<std::int32_t> indices;
  std::vector<float> values;
  for (std::size_t row = 0; row < counts[0].size(); ++row) {
    for (std::size_t c = 0; c < counts.size(); ++c) {
      const auto cell = counts[c][row].get<float>();
      if (cell == 0) continue;
      indices.push_back(static_cast<std::int32_t>(c));
      values.push_back(cell);
    }
    offsets.push_back(static_cast<std::int64_t>(indices.size()));
  }
  return one_column(Column::from_sparse(offsets, indices, values, static_cast<std::int32_t>(counts.size())));
}

TEST(ColumnMatrix, ProductsAreThoseOfThePlainLoops) {
  for (const auto& [n, p] :
       {std::pair{1U, 1U}, std::pair{7U, 3U}, std::pair{130U, 16U}, std::pair{1300U, 35U}}) {
    SCOPED_TRACE(n);
    const Frame x = random_frame(n, p, n);
    const auto rows = all_rows(n);
    const CentredColumns columns(x, rows, {});
    const ColumnMatrix matrix = columns.of_rows(rows);
    std::vector<std::vector<double>> cells;
    for (std::size_t c = 0; c < p; ++c) {
      cells.push_back(numbers(x, x.name(c)));
      for (double& cell : cells[c]) cell -= columns.mean()[c];
    }
    const auto gram = gram_of(matrix, {});
    std::vector<double> want;
    for (std::size_t a = 0; a < p; ++a)
      for (std::size_t b = 0; b < p; ++b) {
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) sum += cells[a][i] * cells[b][i];
        want.push_back(sum);
      }
    EXPECT_THAT(gram, Pointwise(NanSensitiveDoubleNear(1e-10 * n), want));
    constexpr std::size_t kOutputs = 5;
    Rng rng(1);
    std::vector<double> w(p * kOutputs);
    for (double& value : w) value = rng.normal();
    const auto product = product_of(matrix, w, kOutputs, {});
    const auto back = transposed_product_of(matrix, product, {});
    for (std::size_t j = 0; j < kOutputs; ++j) {
      std::vector<double> forward(n), backward(p);
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t c = 0; c < p; ++c) forward[i] += cells[c][i] * w[c * kOutputs + j];
      for (std::size_t c = 0; c < p; ++c)
        for (std::size_t i = 0; i < n; ++i) backward[c] += cells[c][i] * product[j][i];
      EXPECT_THAT(product[j], Pointwise(NanSensitiveDoubleNear(1e-11), forward));
      EXPECT_THAT(back[j], Pointwise(NanSensitiveDoubleNear(1e-9), backward));
    }
  }
}

TEST(CentredColumns, OnePassGivesTheProductsAroundTheMeans) {
  // Far from 0, and in an order whose beginning tells nothing of the rest; two bands of columns.
  constexpr std::size_t kRows = 4500, kColumns = 270;
  Rng rng(3);
  const auto table = [&](double hole) {
    Frame x;
    for (std::size_t c = 0; c < kColumns; ++c) {
      std::vector<double> cells(kRows);
      for (std::size_t i = 0; i < kRows; ++i) cells[i] = 1e5 + static_cast<double>(i) / 100 + rng.normal();
      if (c == 100) cells[4321] = hole;
      x.add("x" + std::to_string(c), Column::from_float64(std::move(cells)));
    }
    return x;
  };
  const auto rows = all_rows(kRows);
  for (const double cell : {1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    SCOPED_TRACE(cell);
    const Frame x = table(cell);
    const CentredColumns two_passes(x, rows, {});
    const auto want = gram_of(two_passes.of_rows(rows), {});
    CentredColumns one_pass(x);
    const auto gram = one_pass.gram_of_rows(rows, {});
    const double size = *std::ranges::max_element(want);
    EXPECT_THAT(gram, Pointwise(NanSensitiveDoubleNear(1e-10 * size), want));
    EXPECT_THAT(one_pass.mean(), Pointwise(NanSensitiveDoubleNear(1e-9), two_passes.mean()));
  }
}

TEST(Pca, MatchesScikitLearn) {
  const auto& golden = selection_golden();
  const auto& want = golden["pca"];
  const Frame x = golden_frame(golden["x"]);
  const ParamMap four = {{"n_components", std::int64_t{4}}};
  expect_columns(fit_all("pca", four, x), want["scores"], 1e-9);
  expect_columns(fit_all("pca", {{"n_components", std::int64_t{3}}, {"whiten", true}}, x), want["whitened"],
                 1e-9);
  const artifact::Node node = fitted_state("pca", four, x, {});
  const artifact::Node& state = node.child("state");
  EXPECT_THAT(state.get_vector<double>("variance"),
              Pointwise(NanSensitiveDoubleNear(1e-9), numbers_in(want["variance"])));
  std::vector<double> share = state.get_vector<double>("variance");
  for (double& value : share) value /= state.get_double("total_variance");
  EXPECT_THAT(share, Pointwise(NanSensitiveDoubleNear(1e-9), numbers_in(want["share"])));
  EXPECT_EQ(fit_all("pca", {{"variance_share", 0.999999}}, x).n_columns(),
            want["n_for_90"].get<std::size_t>());
}

TEST(Pca, FewerRowsThanColumnsMatchScikitLearn) {
  const auto& golden = selection_golden();
  const Frame x = golden_frame(golden["x"]).slice(0, 6);
  expect_columns(fit_all("pca", {{"n_components", std::int64_t{3}}}, x), golden["pca"]["wide"], 1e-9);
}

TEST(Pca, TheRandomizedSolverFindsTheExactComponents) {
  Frame x = random_frame(400, 40, 3);  // deviations 1 ... 40
  const ParamMap exact = {{"n_components", std::int64_t{3}}, {"solver", "exact"}};
  const ParamMap randomized = {
      {"n_components", std::int64_t{3}}, {"solver", "randomized"}, {"n_iterations", std::int64_t{30}}};
  const Frame a = fit_all("pca", exact, x), b = fit_all("pca", randomized, x);
  for (const auto& name : a.names())
    EXPECT_THAT(numbers(b, name), Pointwise(NanSensitiveDoubleNear(1e-6), numbers(a, name)));
}

TEST(Pca, IsTakenBackFromAllComponents) {
  const Frame x = random_frame(60, 5, 8);
  for (const bool whiten : {false, true}) {
    const auto pca = make_transformer("pca", {{"n_components", std::int64_t{5}}, {"whiten", whiten}});
    const Frame scores = pca->fit_transform(x, all_rows(60), {}, x.names(), {});
    const Frame back = pca->inverse_transform(scores, {});
    for (const auto& name : x.names())
      EXPECT_THAT(numbers(back, name), Pointwise(NanSensitiveDoubleNear(1e-10), numbers(x, name)));
  }
}

TEST(Pca, MissingCellsAreTheMean) {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  const Frame x({"a", "b"},
                {Column::from_float64({1, 2, 3, 4, 2.5, nan}), Column::from_float64({1, 0, 3, 2, inf, 1.5})});
  const Frame out = fit_all("pca", {{"n_components", std::int64_t{1}}}, x);
  EXPECT_NEAR(numbers(out, "pca0")[4], 0, 1e-12);
  EXPECT_NEAR(numbers(out, "pca0")[5], 0, 1e-12);
}

TEST(TruncatedSvd, MatchesScikitLearn) {
  const auto& want = selection_golden()["svd"];
  const Frame x = sparse_counts();
  const ParamMap params = {{"n_components", std::int64_t{3}}};
  expect_columns(fit_all("truncated_svd", params, x), want["scores"], 1e-9);
  EXPECT_THAT(fitted_state("truncated_svd", params, x, {}).child("state").get_vector<double>("singular"),
              Pointwise(NanSensitiveDoubleNear(1e-9), numbers_in(want["singular_values"])));
}

TEST(RandomProjection, KeepsDistances) {
  const Frame x = random_frame(40, 600, 5);
  for (const char* method : {"gaussian", "sparse"}) {
    const Frame out =
        fit_all("random_projection", {{"method", method}, {"n_components", std::int64_t{500}}}, x);
    for (std::size_t row = 1; row < 40; ++row) {
      double before = 0, after = 0;
      for (std::size_t c = 0; c < 600; ++c)
        before += std::pow(x.column(c).number(row) - x.column(c).number(0), 2);
      for (std::size_t c = 0; c < 500; ++c)
        after += std::pow(out.column(c).number(row) - out.column(c).number(0), 2);
      EXPECT_NEAR(after / before, 1, 0.3) << method;  // its deviation is (2 / 500)^0.5 = 0.06
    }
  }
}

TEST(RandomProjection, ChoosesAsManyColumnsAsScikitLearn) {
  // johnson_lindenstrauss_min_dim(100, eps=0.5) is 221; of fewer columns all are kept.
  EXPECT_EQ(fit_all("random_projection", {{"epsilon", 0.5}}, random_frame(100, 230, 1)).n_columns(), 221U);
  EXPECT_EQ(fit_all("random_projection", {{"epsilon", 0.5}}, random_frame(100, 5, 1)).n_columns(), 5U);
}

TEST(RandomProjection, SparseColumnsCountAsTheirFeatures) {
  const ParamMap params = {{"method", "gaussian"}, {"n_components", std::int64_t{3}}};
  const Frame sparse = fit_all("random_projection", params, sparse_counts());
  const Frame dense = fit_all("random_projection", params, golden_frame(selection_golden()["counts"]));
  for (const auto& name : dense.names())
    EXPECT_THAT(numbers(sparse, name), Pointwise(NanSensitiveDoubleNear(1e-12), numbers(dense, name)));
}

}  // namespace
}  // namespace kolosal::transform
