#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/quantile_sketch.hpp"
#include "kolosal/transform/testing/compare_frames.hpp"
#include "kolosal/transform/testing/frames.hpp"
#include "kolosal/transform/testing/selection_golden.hpp"

// Steps that are fitted batch by batch, on more rows than a sketch holds exactly. (Few rows, all steps:
// contract_test.cpp.)

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using data::TargetView;
using data::Task;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::size_t kRows = 3 * QuantileSketch::kExact;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A long tail, a mass of equal numbers, and one that depends on the first; some cells are missing.
const Frame& long_table() {
  static const Frame table = [] {
    Rng rng(5);
    std::vector<double> tail(kRows), lumps(kRows), beside(kRows);
    for (std::size_t row = 0; row < kRows; ++row) {
      tail[row] = std::exp(1.5 * rng.normal());
      lumps[row] = rng.below(5) < 3 ? 2 : rng.normal();
      beside[row] = rng.below(9) == 0 ? kNaN : 1e5 + tail[row] + rng.normal();
    }
    return Frame({"tail", "lumps", "beside"},
                 {Column::from_float64(tail), Column::from_float64(lumps), Column::from_float64(beside)});
  }();
  return table;
}

std::unique_ptr<Transformer> streamed(const std::string& name, const ParamMap& params, const Frame& x,
                                      std::size_t batch, const TargetView& y = {}) {
  auto out = make_transformer(name, params);
  for (std::size_t begin = 0; begin < x.n_rows(); begin += batch) {
    const std::size_t n = std::min(batch, x.n_rows() - begin);
    TargetView part = y;
    if (!y.values.empty()) part.values = y.values.subspan(begin, n);
    out->partial_fit(x.slice(begin, n), part, x.names(), {});
  }
  out->finish_fit({});
  return out;
}

std::vector<double> sorted(std::vector<double> cells) {
  std::erase_if(cells, [](double cell) { return std::isnan(cell); });
  std::ranges::sort(cells);
  return cells;
}

// Share of the sorted cells that are below x; of equal cells, the nearest to `wanted`.
double share_below(const std::vector<double>& cells, double x, double wanted) {
  const auto [begin, end] = std::ranges::equal_range(cells, x);
  const auto n = static_cast<double>(cells.size());
  return std::clamp(wanted, static_cast<double>(begin - cells.begin()) / n,
                    static_cast<double>(end - cells.begin()) / n);
}

std::vector<double> state_of(const Transformer& step, const char* name) {
  artifact::Node node;
  step.save(node);
  return node.child("state").get_vector<double>(name);
}

TEST(Streams, BinsOfEquallyManyRowsAreWithinTheRankError) {
  const auto step = streamed("discretize", {{"n_bins", std::int64_t{10}}}, long_table(), 7777);
  const auto cells = sorted(numbers(long_table(), "tail"));
  const auto edges = state_of(*step, "edges");
  ASSERT_GE(edges.size(), 9U);
  for (std::size_t i = 0; i < 9; ++i) {
    const double wanted = static_cast<double>(i + 1) / 10;
    EXPECT_NEAR(share_below(cells, edges[i], wanted), wanted, QuantileSketch::kRankError);
  }
}

TEST(Streams, RanksAreWithinTheRankErrorAndTheEndsAreExact) {
  const auto step = streamed("quantile_transform", {}, long_table(), 10'000);
  for (const char* name : {"tail", "beside"}) {
    const auto cells = sorted(numbers(long_table(), name));
    const auto ranks = numbers(step->transform(long_table(), {}), name);
    const auto given = numbers(long_table(), name);
    for (std::size_t row = 0; row < kRows; row += 997)
      if (!std::isnan(given[row])) {
        // Between two of 1,000 quantiles the rank is linear, which adds as much as one of their distances.
        EXPECT_NEAR(share_below(cells, given[row], ranks[row]), ranks[row],
                    QuantileSketch::kRankError + 0.001);
      }
    const Frame ends({"tail", "lumps", "beside"},
                     std::vector<Column>(3, Column::from_float64({cells.front(), cells.back()})));
    EXPECT_THAT(numbers(step->transform(ends, {}), name), ::testing::ElementsAre(0, 1));
  }
}

TEST(Streams, KnotsAtQuantilesAreWithinTheRankError) {
  const ParamMap params = {{"knots", "quantile"}, {"n_knots", std::int64_t{6}}};
  const auto step = streamed("splines", params, long_table(), 4096);
  const auto knots = state_of(*step, "knots_0");
  const auto cells = sorted(numbers(long_table(), "tail"));
  for (std::size_t i = 0; i < 6; ++i) {
    const double wanted = static_cast<double>(i) / 5;
    EXPECT_NEAR(share_below(cells, knots[3 + i], wanted), wanted, QuantileSketch::kRankError);
  }
  EXPECT_EQ(knots[3], cells.front());
  EXPECT_EQ(knots[8], cells.back());
}

TEST(Streams, BoundsOfOutliersAreWithinTheirErrors) {
  const auto tail = sorted(numbers(long_table(), "tail"));
  const auto percentile =
      streamed("outliers", {{"method", "percentile"}, {"threshold", 5.0}}, long_table(), 999);
  const auto bounds = state_of(*percentile, "bounds");
  EXPECT_NEAR(share_below(tail, bounds[0], 0.05), 0.05, QuantileSketch::kRankError);
  EXPECT_NEAR(share_below(tail, bounds[1], 0.95), 0.95, QuantileSketch::kRankError);

  // Half of the cells are within the MAD of the median.
  const auto mad = streamed("outliers", {{"method", "modified_zscore"}}, long_table(), 999);
  const auto reach = state_of(*mad, "bounds");
  const double median = (reach[0] + reach[1]) / 2, middle = (reach[1] - median) * 0.6745 / 3.5;
  EXPECT_NEAR(share_below(tail, median, 0.5), 0.5, QuantileSketch::kRankError);
  const auto within = std::ranges::count_if(tail, [&](double x) { return std::abs(x - median) <= middle; });
  EXPECT_NEAR(static_cast<double>(within) / kRows, 0.5, 2 * QuantileSketch::kRankError);

  // More than half of the lumps are equal, so the mean distance takes the place of the MAD.
  const auto lumps = sorted(numbers(long_table(), "lumps"));
  double mean = 0;
  for (const double cell : lumps) mean += std::abs(cell - 2) / kRows;
  EXPECT_NEAR(reach[5], 2 + 3.5 * 1.253314 * mean,
              3.5 * 1.253314 * QuantileSketch::kRankError * (lumps.back() - lumps.front()));

  const auto whole = make_transformer("outliers", {{"method", "zscore"}});
  whole->fit(long_table(), all_rows(kRows), {}, long_table().names(), {});
  const auto zscore = streamed("outliers", {{"method", "zscore"}}, long_table(), 999);
  EXPECT_TRUE(
      same_to_rounding(zscore->transform(long_table(), {}), whole->transform(long_table(), {}), 1e-12));
}

// The steps that need moments, products of columns or counts are as exact on many rows as on few.
TEST(Streams, SumsAreThoseOfTheTableToRounding) {
  constexpr std::size_t kSomeRows = 20'000;
  const Frame x = long_table().slice(0, kSomeRows);
  std::vector<double> classes, values;
  for (std::size_t row = 0; row < kSomeRows; ++row) {
    classes.push_back(x.column(0).number(row) > 1.5 ? 2 : static_cast<double>(row % 2));
    values.push_back(std::log(x.column(0).number(row)) + static_cast<double>(row % 7));
  }
  const struct {
    const char* step;
    ParamMap params;
  } cases[] = {{"pca", {{"n_components", std::int64_t{3}}}},
               {"variance_threshold", {{"threshold", 2.0}}},
               {"correlation_clusters", {{"keep", "target"}, {"threshold", 0.5}}},
               {"random_projection", {}},
               {"to_float", {}},
               {"f_statistic", {{"choose", "top_k"}, {"k", std::int64_t{2}}}}};
  for (const TargetView& y :
       {TargetView{Task::kMulticlass, classes, {}, 3}, TargetView{Task::kRegression, values, {}, 0}})
    for (const auto& [name, params] : cases) {
      SCOPED_TRACE(name);
      const auto whole = make_transformer(name, params);
      whole->fit(x, all_rows(kSomeRows), y, x.names(), {});
      const auto stream = streamed(name, params, x, 3456, y);
      EXPECT_TRUE(same_to_rounding(stream->transform(x, {}), whole->transform(x, {}), 1e-8));
      if (std::string(name) != "f_statistic") continue;
      for (const char* array : {"score", "p_value"})
        EXPECT_THAT(state_of(*stream, array),
                    ::testing::Pointwise(NanSensitiveDoubleNear(1e-6), state_of(*whole, array)));
    }
}

TEST(Streams, DirectionsOfSparseColumnsMatchScikitLearn) {
  const auto& golden = selection_golden();
  const auto& counts = golden["counts"];
  std::vector<std::int64_t> offsets = {0};
  std::vector<std::int32_t> indices;
  std::vector<float> values;
  for (std::size_t row = 0; row < counts[0].size(); ++row) {
    for (std::size_t c = 0; c < counts.size(); ++c) {
      if (counts[c][row].get<float>() == 0) continue;
      indices.push_back(static_cast<std::int32_t>(c));
      values.push_back(counts[c][row].get<float>());
    }
    offsets.push_back(static_cast<std::int64_t>(indices.size()));
  }
  const Frame x =
      one_column(Column::from_sparse(offsets, indices, values, static_cast<std::int32_t>(counts.size())));
  const auto step = streamed("truncated_svd", {{"n_components", std::int64_t{3}}}, x, 9);
  EXPECT_THAT(state_of(*step, "singular"),
              ::testing::Pointwise(NanSensitiveDoubleNear(1e-8),
                                   golden["svd"]["singular_values"].get<std::vector<double>>()));
  const Frame scores = step->transform(x, {});
  for (std::size_t c = 0; c < 3; ++c)
    EXPECT_THAT(numbers(scores, scores.name(c)),
                ::testing::Pointwise(NanSensitiveDoubleNear(1e-7),
                                     golden["svd"]["scores"][c].get<std::vector<double>>()));
}

TEST(Streams, SayWhyTheyCanNotAndWhatCan) {
  const auto refusal = [](const char* name, const ParamMap& params) {
    try {
      make_transformer(name, params)->partial_fit(long_table(), {}, long_table().names(), {});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refusal("discretize", {{"method", "kmeans"}}),
              AllOf(HasSubstr("method kmeans"), HasSubstr("quantile do not")));
  EXPECT_THAT(refusal("outliers", {{"method", "isolation_forest"}}), HasSubstr("isolation_forest"));
  EXPECT_THAT(refusal("pca", {{"solver", "randomized"}}), HasSubstr("auto and exact"));
  EXPECT_THAT(refusal("quantile_transform", {{"max_rows", std::int64_t{100}}}), HasSubstr("max_rows"));
  EXPECT_THAT(refusal("power_transform", {}), HasSubstr("all cells"));

  const Frame wide = one_column(Column::from_sparse({0, 1}, {7}, {1.0F}, 5000));
  EXPECT_ERROR(make_transformer("truncated_svd")->partial_fit(wide, {}, {"x"}, {}), kUnsupported,
               AllOf(HasSubstr("4096"), HasSubstr("5000"), HasSubstr("random_projection")));
}

}  // namespace
}  // namespace kolosal::transform
