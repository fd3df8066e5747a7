#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/distributions_internal.hpp"
#include "kolosal/transform/mutual_information_internal.hpp"
#include "kolosal/transform/selection_internal.hpp"
#include "kolosal/transform/testing/selection_golden.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using data::Task;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pointwise;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Relative to the wanted value, however small: for p-values.
MATCHER_P(RelativelyNear, tolerance, "") {
  const double got = std::get<0>(arg), want = std::get<1>(arg);
  return std::abs(got - want) <= tolerance * std::abs(want);
}

std::vector<double> numbers_in(const nlohmann::json& cells) { return cells.get<std::vector<double>>(); }

std::vector<std::uint8_t> flags_in(const nlohmann::json& cells) {
  std::vector<std::uint8_t> out;
  for (const auto& cell : cells) out.push_back(cell.get<bool>() ? 1 : 0);
  return out;
}

std::vector<double> array(const artifact::Node& node, const char* name) {
  return node.child("state").get_vector<double>(name);
}
std::vector<std::uint8_t> kept(const artifact::Node& node) {
  return node.child("state").get_vector<std::uint8_t>("kept");
}

TEST(Distributions, MatchSciPy) {
  for (const auto& c : selection_golden()["f_tail"])
    EXPECT_THAT(std::tuple(f_survival(c[0], c[1], c[2]), c[3].get<double>()), RelativelyNear(1e-9)) << c;
  for (const auto& c : selection_golden()["chi2_tail"])
    EXPECT_THAT(std::tuple(chi_square_survival(c[0], c[1]), c[2].get<double>()), RelativelyNear(1e-9)) << c;
  EXPECT_EQ(f_survival(kInf, 2, 5), 0);
  EXPECT_EQ(chi_square_survival(0, 3), 1);
}

TEST(Distributions, DigammaOfWholeNumbers) {
  const auto table = digamma_table(1000);
  // SciPy's digamma.
  EXPECT_NEAR(table[1], -0.5772156649015329, 1e-15);
  EXPECT_NEAR(table[10], 2.251752589066721, 1e-14);
  EXPECT_NEAR(table[1000], 6.907255195648812, 1e-13);
}

TEST(FStatistic, MatchesScikitLearn) {
  const auto& golden = selection_golden();
  const Frame x = golden_frame(golden["x"]);
  const GoldenTarget classes(golden["y_class"], Task::kMulticlass, 3),
      number(golden["y_number"], Task::kRegression, 0);
  const auto by_class = fitted_state("f_statistic", {}, x, classes.y);
  EXPECT_THAT(array(by_class, "score"),
              Pointwise(RelativelyNear(1e-9), numbers_in(golden["f_classif"]["f"])));
  EXPECT_THAT(array(by_class, "p_value"),
              Pointwise(RelativelyNear(1e-9), numbers_in(golden["f_classif"]["p"])));
  for (const char* rule : {"fdr", "bonferroni"})
    EXPECT_EQ(kept(fitted_state("f_statistic", {{"choose", rule}}, x, classes.y)),
              flags_in(golden["f_classif"][rule]));
  const auto by_number = fitted_state("f_statistic", {}, x, number.y);
  EXPECT_THAT(array(by_number, "score"),
              Pointwise(RelativelyNear(1e-9), numbers_in(golden["f_regression"]["f"])));
  EXPECT_THAT(array(by_number, "p_value"),
              Pointwise(RelativelyNear(1e-9), numbers_in(golden["f_regression"]["p"])));
}

TEST(FStatistic, LeavesOutMissingCellsAndIsSureOfPerfectColumns) {
  const Frame x(
      {"perfect", "holes", "constant", "empty"},
      {Column::from_float64({1, 2, 3, 4, 5}), Column::from_float64({5, kNaN, 5, kInf, 7}),
       Column::from_float64({2, 2, 2, 2, 2}), Column::from_float64({kNaN, kNaN, kNaN, kNaN, kNaN})});
  const std::vector<double> values = {2, 4, 6, 8, 10};
  const auto state = fitted_state("f_statistic", {}, x, {Task::kRegression, values, {}, 0});
  // r of (5, 5, 7) with (2, 6, 10) is 0.75^0.5 and leaves one degree of freedom.
  EXPECT_THAT(array(state, "score"), Pointwise(NanSensitiveDoubleNear(1e-12), {kInf, 3.0, 0.0, 0.0}));
  EXPECT_THAT(array(state, "p_value"), Pointwise(NanSensitiveDoubleNear(1e-9), {0.0, 1.0 / 3, 1.0, 1.0}));
}

TEST(Chi2, MatchesScikitLearnAndSciPy) {
  const auto& golden = selection_golden();
  const GoldenTarget classes(golden["y_class"], Task::kMulticlass, 3);
  const auto counts = fitted_state("chi2", {}, golden_frame(golden["counts"]), classes.y);
  EXPECT_THAT(array(counts, "score"), Pointwise(RelativelyNear(1e-9), numbers_in(golden["chi2"]["value"])));
  EXPECT_THAT(array(counts, "p_value"), Pointwise(RelativelyNear(1e-9), numbers_in(golden["chi2"]["p"])));
  const Frame levels =
      one_column(categories({"a", "b", "c", "d"}, golden["levels"].get<std::vector<std::int32_t>>()));
  const auto state = fitted_state("chi2", {}, levels, classes.y);
  EXPECT_THAT(array(state, "score"),
              Pointwise(RelativelyNear(1e-9), {golden["chi2_levels"]["value"].get<double>()}));
  EXPECT_THAT(array(state, "p_value"),
              Pointwise(RelativelyNear(1e-9), {golden["chi2_levels"]["p"].get<double>()}));
}

TEST(Chi2, RefusesWhatIsNoCount) {
  const std::vector<double> values = {0, 1, 0};
  EXPECT_ERROR(fitted_state("chi2", {}, one_column(Column::from_float64({1, -2.5, 3}), "debt"),
                            {Task::kBinary, values, {}, 2}),
               kData, ::testing::AllOf(HasSubstr("debt"), HasSubstr("-2.5")));
}

TEST(VarianceThreshold, MatchesScikitLearn) {
  const auto& golden = selection_golden();
  const Frame x = golden_frame(golden["x"]);
  for (const auto& c : golden["variance"])
    EXPECT_EQ(kept(fitted_state("variance_threshold", {{"threshold", c["threshold"].get<double>()}}, x, {})),
              flags_in(c["kept"]));
}

TEST(VarianceThreshold, RoundingIsNoVariance) {
  const Frame x({"constant", "holes", "varies"},
                {Column::from_float64({0.1, 0.1, 0.1}), Column::from_float64({kNaN, 4, kNaN}),
                 Column::from_float64({1e-9, 0, 0})});
  EXPECT_THAT(fit_all("variance_threshold", {}, x).names(), ElementsAre("varies"));
}

TEST(CorrelationClusters, MatchSciPy) {
  const auto& golden = selection_golden();
  const Frame x = golden_frame(golden["x"]);
  for (const auto& c : golden["clusters"]) {
    SCOPED_TRACE(c.dump());
    const ParamMap params = {{"linkage", c["linkage"].get<std::string>()},
                             {"threshold", c["threshold"].get<double>()},
                             {"keep", "first"}};
    EXPECT_EQ(kept(fitted_state("correlation_clusters", params, x, {})), flags_in(c["kept"]));
  }
}

TEST(CorrelationClusters, ConstantColumnsAreLikeNone) {
  // The mean of three cells of 0.1 is 0.10000000000000002: what rounding leaves must not look like a
  // relation.
  const Frame x({"a", "b"}, {Column::from_float64({0.1, 0.1, 0.1}), Column::from_float64({0.7, 0.7, 0.7})});
  EXPECT_THAT(fit_all("correlation_clusters", {}, x).names(), ElementsAre("a", "b"));
}

TEST(CorrelationClusters, KeepsTheColumnThatIsMostComplete) {
  const Frame x({"a", "b", "other"},
                {Column::from_float64({1, 2, kNaN, 4, 5}), Column::from_float64({2, 4, 6, 8, 10.5}),
                 Column::from_float64({1, -1, 1, -1, 1})});
  EXPECT_THAT(fit_all("correlation_clusters", {{"threshold", 0.9}}, x).names(), ElementsAre("b", "other"));
  EXPECT_THAT(fit_all("correlation_clusters", {{"threshold", 0.9}, {"keep", "first"}}, x).names(),
              ElementsAre("a", "other"));
}

TEST(CorrelationClusters, KeepsTheColumnThatTellsMostOfTheTarget) {
  const Frame x({"a", "b", "c"},
                {Column::from_float64({1, 2, 3, 4, 5, 7}), Column::from_float64({1, 2, 3, 4, 5, 6}),
                 Column::from_float64({-1, -2, -3, -4, -5, -6.5})});
  const std::vector<double> values = {2, 4, 6, 8, 10, 12};
  EXPECT_THAT(
      fit_all("correlation_clusters", {{"keep", "target"}}, x, {Task::kRegression, values, {}, 0}).names(),
      ElementsAre("b"));
  const std::vector<double> classes = {0, 0, 0, 0, 0, 1};
  EXPECT_THAT(
      fit_all("correlation_clusters", {{"keep", "target"}}, x, {Task::kBinary, classes, {}, 2}).names(),
      ElementsAre("a"));
}

TEST(MutualInformation, MatchesScikitLearn) {
  const auto& golden = selection_golden();
  const auto& want = golden["mutual_information"];
  const Frame x = golden_frame(golden["x"]);
  const GoldenTarget classes(golden["y_class"], Task::kMulticlass, 3),
      number(golden["y_number"], Task::kRegression, 0);
  EXPECT_THAT(array(fitted_state("mutual_information", {}, x, classes.y), "score"),
              Pointwise(NanSensitiveDoubleNear(1e-9), numbers_in(want["classes"])));
  EXPECT_THAT(
      array(fitted_state("mutual_information", {{"n_neighbors", std::int64_t{7}}}, x, classes.y), "score"),
      Pointwise(NanSensitiveDoubleNear(1e-9), numbers_in(want["classes_7"])));
  EXPECT_THAT(array(fitted_state("mutual_information", {}, x, number.y), "score"),
              Pointwise(NanSensitiveDoubleNear(1e-9), numbers_in(want["number"])));
  const Frame levels =
      one_column(categories({"a", "b", "c", "d"}, golden["levels"].get<std::vector<std::int32_t>>()));
  EXPECT_THAT(array(fitted_state("mutual_information", {}, levels, classes.y), "score"),
              Pointwise(NanSensitiveDoubleNear(1e-9), numbers_in(want["levels_classes"])));
  EXPECT_THAT(array(fitted_state("mutual_information", {}, levels, number.y), "score"),
              Pointwise(NanSensitiveDoubleNear(1e-9), numbers_in(want["levels_number"])));
}

// The estimate by the definition: every distance compared with every other one.
TEST(MutualInformation, StripsFindTheNearestPointsOfThePlane) {
  Rng rng(9);
  for (const std::size_t n : {2U, 3U, 9U, 500U}) {
    std::vector<double> a(n), b(n);
    for (std::size_t i = 0; i < n; ++i) {
      a[i] = rng.normal();
      b[i] = n == 500 && i % 3 == 0 ? a[i] + 0.01 * rng.normal() : 10 * rng.normal();
    }
    const std::size_t k = std::min<std::size_t>(3, n - 1);
    const auto digamma = digamma_table(n);
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<double> distances;
      for (std::size_t j = 0; j < n; ++j)
        if (j != i) distances.push_back(std::max(std::abs(a[i] - a[j]), std::abs(b[i] - b[j])));
      std::ranges::sort(distances);
      std::size_t n_a = 0, n_b = 0;
      for (std::size_t j = 0; j < n; ++j) {
        n_a += std::abs(a[i] - a[j]) < distances[k - 1];
        n_b += std::abs(b[i] - b[j]) < distances[k - 1];
      }
      sum += digamma[n_a] + digamma[n_b];
    }
    const double want = std::max(0.0, digamma[n] + digamma[k] - sum / static_cast<double>(n));
    EXPECT_NEAR(mutual_information_of_numbers(a, b, 3), want, 1e-12) << n;
  }
}

TEST(MutualInformation, IsTheSameForEverySeedUpToTies) {
  const auto& golden = selection_golden();
  const GoldenTarget classes(golden["y_class"], Task::kMulticlass, 3);
  const auto step = make_transformer("mutual_information"), other = make_transformer("mutual_information");
  const Frame x = golden_frame(golden["x"]);
  Context seeded;
  seeded.seed = 77;
  artifact::Node a, b;
  step->fit(x, all_rows(x.n_rows()), classes.y, x.names(), {});
  other->fit(x, all_rows(x.n_rows()), classes.y, x.names(), seeded);
  step->save(a);
  other->save(b);
  EXPECT_THAT(array(a, "score"), Pointwise(NanSensitiveDoubleNear(1e-9), array(b, "score")));
}

TEST(Choice, Rules) {
  const std::vector<double> scores = {3, kNaN, 5, 5, 1}, p = {0.02, 1, 0.001, 0.012, 0.04};
  const auto chosen = [&](const char* rule, std::int64_t k, double share, double threshold, double alpha) {
    return choose_columns(scores, p, {rule, k, share, threshold, alpha});
  };
  EXPECT_THAT(chosen("top_k", 1, 0, 0, 0), ElementsAre(0, 0, 1, 0, 0));  // the first of equal ones
  EXPECT_THAT(chosen("top_k", 4, 0, 0, 0), ElementsAre(1, 0, 1, 1, 1));
  EXPECT_THAT(chosen("top_k", 9, 0, 0, 0), ElementsAre(1, 1, 1, 1, 1));
  EXPECT_THAT(chosen("share", 0, 0.3, 0, 0), ElementsAre(0, 0, 1, 1, 0));
  EXPECT_THAT(chosen("threshold", 0, 0, 3, 0), ElementsAre(1, 0, 1, 1, 0));
  EXPECT_THAT(chosen("p_value", 0, 0, 0, 0.03), ElementsAre(1, 0, 1, 1, 0));
  EXPECT_THAT(chosen("bonferroni", 0, 0, 0, 0.05), ElementsAre(0, 0, 1, 0, 0));
  EXPECT_THAT(chosen("fdr", 0, 0, 0, 0.05), ElementsAre(1, 0, 1, 1, 1));
  EXPECT_THAT(chosen("fdr", 0, 0, 0, 0.01), ElementsAre(0, 0, 1, 0, 0));
}

TEST(Choice, NamesTheRulesThereAre) {
  EXPECT_ERROR(make_transformer("f_statistic", {{"choose", "best"}}), kInvalidParameter,
               ::testing::AllOf(HasSubstr("fdr"), HasSubstr("best")));
}

}  // namespace
}  // namespace kolosal::transform
