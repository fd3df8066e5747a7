#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/model/testing/sample_table.hpp"

namespace kolosal::model {
namespace {

using data::Column;
using data::Frame;
using data::Task;

std::vector<std::uint32_t> first_rows(std::size_t n) {
  std::vector<std::uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

std::shared_ptr<const data::Dictionary> levels(int n) {
  std::vector<std::string> names;
  for (int i = 0; i < n; ++i) names.push_back("level " + std::to_string(i));
  return std::make_shared<data::Dictionary>(std::move(names));
}

std::vector<double> predict(const Estimator& learner, const Frame& x) {
  std::vector<double> out(x.n_rows() * learner.n_outputs());
  learner.predict(x, out, {});
  return out;
}

// tools/golden/linear_models.py made the numbers with scikit-learn. The fourth column is 90 % zeros, so it
// takes the sparse path.
TEST(LinearLearner, PredictsWhatScikitLearnPredicts) {
  const auto golden = nlohmann::json::parse(std::ifstream(test_data("linear/golden.json")));
  Frame x;
  for (std::size_t c = 0; c < golden["numbers"].size(); ++c)
    x.add("x" + std::to_string(c), Column::from_float64(golden["numbers"][c].get<std::vector<double>>()));
  x.add("kind", Column::from_category(golden["codes"].get<std::vector<std::int32_t>>(), levels(4)));
  const auto weights = golden["weights"].get<std::vector<double>>();
  const auto rows = first_rows(x.n_rows());
  for (const auto& c : golden["cases"]) {
    SCOPED_TRACE(c["name"].get<std::string>());
    const Task task = data::task_from_name(c["task"].get<std::string>());
    const auto target = c["target"].get<std::vector<double>>();
    const std::size_t n_classes = task == Task::kRegression ? 0 : task == Task::kBinary ? 2 : 3;
    const std::span<const double> used =
        c["weighted"].get<bool>() ? std::span<const double>(weights) : std::span<const double>();
    const TrainingData table{&x, {task, target, used, n_classes}};
    const auto learner = make_estimator(c["learner"].get<std::string>(), params_from_json(c["params"]));
    learner->fit(table, nullptr, {rows, {}}, {});
    const auto got = predict(*learner, x);
    const auto want = c["prediction"].get<std::vector<double>>();
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(got[i], want[i], c["tolerance"].get<double>() * std::max(1.0, std::fabs(want[i]))) << i;
  }
}

TEST(LinearLearner, LassoIsElasticNetWithoutTheSecondPenalty) {
  const SampleTable t = sample_table(Task::kRegression, 200, {.missing = false});
  const auto rows = first_rows(200);
  const auto lasso = make_estimator("lasso"), net = make_estimator("elastic_net", {{"l1_ratio", 1.0}});
  EXPECT_EQ(lasso->fit(t.data(), nullptr, {rows, {}}, {}).note,
            net->fit(t.data(), nullptr, {rows, {}}, {}).note);
  EXPECT_EQ(predict(*lasso, t.x), predict(*net, t.x));
}

TEST(LinearLearner, GlmRefusesTargetsOutsideItsDomain) {
  SampleTable t = sample_table(Task::kRegression, 40, {.missing = false});
  const auto rows = first_rows(40);
  t.y[17] = 0;
  make_estimator("glm")->fit(t.data(), nullptr, {rows, {}}, {});
  EXPECT_ERROR(
      make_estimator("glm", {{"family", std::string("gamma")}})->fit(t.data(), nullptr, {rows, {}}, {}),
      kData, ::testing::AllOf(::testing::HasSubstr("above 0"), ::testing::HasSubstr("row 18")));
  t.y[17] = -2;
  EXPECT_ERROR(make_estimator("glm")->fit(t.data(), nullptr, {rows, {}}, {}), kData,
               ::testing::AllOf(::testing::HasSubstr("negative"), ::testing::HasSubstr("-2")));
}

// Also without a penalty, where the levels of a category and the intercept have no single answer.
TEST(LinearLearner, QuantileRegressionLeavesItsShareOfTheRowsBelow) {
  const SampleTable t = sample_table(Task::kRegression, 2000, {.missing = false});
  const auto rows = first_rows(2000);
  for (const double quantile : {0.1, 0.5, 0.95}) {
    const auto learner = make_estimator("quantile_regression",
                                        {{"quantile", quantile}, {"alpha", 0.0}, {"search_strength", false}});
    EXPECT_EQ(learner->fit(t.data(), nullptr, {rows, {}}, {}).note, "");
    const auto p = predict(*learner, t.x);
    double below = 0;
    for (std::size_t i = 0; i < p.size(); ++i) below += t.y[i] < p[i] ? 1 : 0;
    EXPECT_NEAR(below / 2000, quantile, 16.0 / 2000) << quantile;  // as many rows as slopes are met exactly
  }
}

// Margins of rows that the fit saw are too large where there are nearly as many features as rows: scaled by
// them, the probabilities are too sure of themselves.
TEST(LinearLearner, SvmCalibratesOnRowsItDidNotSee) {
  Rng rng(9);
  Frame x;
  std::vector<double> y(240);
  for (int c = 0; c < 60; ++c) {
    std::vector<double> cells(y.size());
    for (std::size_t i = 0; i < cells.size(); ++i) {
      cells[i] = rng.normal();
      if (c == 0) y[i] = rng.uniform() < 1 / (1 + std::exp(-cells[i])) ? 1 : 0;
    }
    x.add("x" + std::to_string(c), Column::from_float64(cells));
  }
  const auto rows = first_rows(240);
  const std::span<const std::uint32_t> all(rows);
  const auto loss_with = [&](std::int64_t folds) {
    const auto learner =
        make_estimator("linear_svm", {{"calibration_folds", folds}, {"search_strength", false}});
    const auto p =
        learner->fit({&x, {Task::kBinary, y, {}, 2}}, nullptr, {all.first(120), all.subspan(120)}, {})
            .valid_prediction;
    double loss = 0;
    for (std::size_t i = 0; i < p.size(); ++i) loss -= std::log(y[120 + i] > 0 ? p[i] : 1 - p[i]) / 120;
    return loss;
  };
  EXPECT_LT(loss_with(3), 0.75);
  EXPECT_GT(loss_with(0), 1.3 * loss_with(3));
}

/// A sparse column of `width` features, three per row, and a target that ten of them make.
struct WideTable {
  Frame x;
  std::vector<double> y;
  WideTable(std::size_t n, std::int32_t width) {
    Rng rng(5);
    std::vector<std::int64_t> offsets{0};
    std::vector<std::int32_t> indices;
    std::vector<float> values;
    for (std::size_t i = 0; i < n; ++i) {
      const auto first = static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(width) / 3));
      double target = 1;
      for (std::int32_t k = 0; k < 3; ++k) {
        indices.push_back(first + k * (width / 3));
        values.push_back(static_cast<float>(1 + rng.uniform()));
        target += indices.back() % 7 == 0 ? 2.0 * static_cast<double>(values.back()) : 0.0;
      }
      offsets.push_back(static_cast<std::int64_t>(indices.size()));
      y.push_back(target);
    }
    x.add("words", Column::from_sparse(offsets, indices, values, width));
  }
};

TEST(LinearLearner, QuantileRegressionRefusesMoreFeaturesThanItCanSolve) {
  const WideTable wide(30, 4200);
  const auto rows = first_rows(30);
  EXPECT_ERROR(make_estimator("quantile_regression")
                   ->fit({&wide.x, {Task::kRegression, wide.y, {}, 0}}, nullptr, {rows, {}}, {}),
               kData, ::testing::HasSubstr("4200"));
}

TEST(LinearLearner, WideSparseRidgeSolvesTheNormalEquations) {
  const WideTable wide(400, 3000);
  const TrainingData table{&wide.x, {Task::kRegression, wide.y, {}, 0}};
  const auto rows = first_rows(400);
  const double alpha = 0.5;
  const auto learner =
      make_estimator("ridge", {{"alpha", alpha}, {"search_strength", false}, {"tol", 1e-12}});
  learner->fit(table, nullptr, {rows, {}}, {});
  const auto prediction = predict(*learner, wide.x);
  // At the optimum the residuals sum to 0, and w = X' residual / alpha gives the predictions back.
  std::vector<double> w(3000, 0.0), again(400, 0.0);
  const auto sparse = wide.x.column(0).sparse();
  double sum = 0;
  auto each = [&](auto&& visit) {
    for (std::size_t i = 0; i < 400; ++i)
      for (auto at = sparse.offsets[i]; at < sparse.offsets[i + 1]; ++at)
        visit(i, static_cast<std::size_t>(sparse.indices[at]), static_cast<double>(sparse.values[at]));
  };
  for (std::size_t i = 0; i < 400; ++i) sum += wide.y[i] - prediction[i];
  EXPECT_NEAR(sum, 0, 1e-6);
  each([&](std::size_t i, std::size_t j, double v) { w[j] += v * (wide.y[i] - prediction[i]) / alpha; });
  each([&](std::size_t i, std::size_t j, double v) { again[i] += v * w[j]; });
  const double intercept = prediction[0] - again[0];
  for (std::size_t i = 0; i < 400; ++i) ASSERT_NEAR(again[i] + intercept, prediction[i], 1e-6);
}

TEST(LinearLearner, WideElasticNetAgreesWithTheNarrowOne) {
  // The same table twice: 3000 features go by columns; cut to 900 used ones it goes by products.
  const WideTable narrow(300, 900);
  const auto sparse = narrow.x.column(0).sparse();
  Frame wide;
  wide.add("words", Column::from_sparse({sparse.offsets.begin(), sparse.offsets.end()},
                                        {sparse.indices, sparse.indices + 900},
                                        {sparse.values, sparse.values + 900}, 3000));
  const auto rows = first_rows(300);
  const ParamMap params{{"alpha", 0.01},
                        {"l1_ratio", 0.7},
                        {"search_strength", false},
                        {"tol", 1e-12},
                        {"max_iter", std::int64_t{20000}}};
  const auto by_products = make_estimator("elastic_net", params),
             by_columns = make_estimator("elastic_net", params);
  const data::TargetView y{Task::kRegression, narrow.y, {}, 0};
  by_products->fit({&narrow.x, y}, nullptr, {rows, {}}, {});
  by_columns->fit({&wide, y}, nullptr, {rows, {}}, {});
  const auto a = predict(*by_products, narrow.x), b = predict(*by_columns, wide);
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-8);
  EXPECT_GT(*std::max_element(a.begin(), a.end()) - *std::min_element(a.begin(), a.end()), 1);
}

// The intercept is not penalized, so at any strength, also a searched one, the weighted residuals sum to 0.
TEST(LinearLearner, WeightedResidualsSumToZero) {
  const WideTable wide(300, 90);
  std::vector<double> weights(300);
  for (std::size_t i = 0; i < 300; ++i) weights[i] = wide.y[i] > 3 ? 5 : 0.5;
  const auto rows = first_rows(300);
  for (const char* name : {"ridge", "elastic_net"}) {
    const auto learner = make_estimator(name);
    EXPECT_THAT(
        learner->fit({&wide.x, {Task::kRegression, wide.y, weights, 0}}, nullptr, {rows, {}}, {}).note,
        ::testing::StartsWith("alpha = "));
    const auto p = predict(*learner, wide.x);
    double sum = 0;
    for (std::size_t i = 0; i < 300; ++i) sum += weights[i] * (wide.y[i] - p[i]);
    EXPECT_NEAR(sum, 0, 1e-7) << name;
  }
}

struct SmallTable {
  Frame x;
  std::vector<double> y;
  explicit SmallTable(std::size_t n) {
    Rng rng(3);
    std::vector<double> numbers(n);
    std::vector<std::int32_t> codes(n);
    for (std::size_t i = 0; i < n; ++i) {
      numbers[i] = rng.normal();
      codes[i] = static_cast<std::int32_t>(rng.below(4)) - 1;  // -1: missing
      y.push_back(rng.uniform() < 1 / (1 + std::exp(-2 * numbers[i] - codes[i])) ? 1 : 0);
    }
    x.add("size", Column::from_float64(numbers));
    x.add("kind", Column::from_category(codes, levels(3)));
  }
  TrainingData table() const { return {&x, {Task::kBinary, y, {}, 2}}; }
};

TEST(LinearLearner, RefusesAMissingNumberByName) {
  const SmallTable small(100);
  Frame broken;
  auto numbers =
      std::vector<double>(small.x.column("size").float64s().begin(), small.x.column("size").float64s().end());
  numbers[41] = std::nan("");
  broken.add("size", Column::from_float64(numbers));
  broken.add("kind", small.x.column("kind"));
  const auto rows = first_rows(100);
  const auto learner = make_estimator("logistic_regression");
  auto message = [&](auto&& call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kData);
      return error.what();
    }
    return "";
  };
  const auto wanted = ::testing::AllOf(::testing::HasSubstr("\"size\""), ::testing::HasSubstr("row 42"));
  EXPECT_THAT(message([&] { learner->fit({&broken, small.table().y}, nullptr, {rows, {}}, {}); }), wanted);
  learner->fit(small.table(), nullptr, {rows, {}}, {});
  EXPECT_THAT(message([&] { predict(*learner, broken); }), wanted);
}

TEST(LinearLearner, MissingIsALevelAndUnseenIsNone) {
  const SmallTable small(500);
  const auto rows = first_rows(500);
  const auto learner = make_estimator("logistic_regression", {{"search_strength", false}});
  learner->fit(small.table(), nullptr, {rows, {}}, {});
  Frame x;
  x.add("size", Column::from_float64({0, 0, 0, 0}));
  x.add("kind", Column::from_category({data::kMissingCode, 0, 2, data::kUnseenCode}, levels(3)));
  const auto p = predict(*learner, x);
  EXPECT_LT(p[0], p[1]);  // the level "missing" was made the least likely, level 2 the most
  EXPECT_LT(p[1], p[2]);
  EXPECT_GT(p[3], p[0]);
  EXPECT_LT(p[3], p[2]);
}

TEST(LinearLearner, ChoosesTheStrengthOnTheValidationRows) {
  const SmallTable small(400);
  const auto rows = first_rows(400);
  const std::span<const std::uint32_t> all(rows);
  const RowSplit split{all.first(300), all.subspan(300)};
  double best = 1e9;
  std::string best_note;
  for (double c : {0.1, 1.0, 10.0}) {
    const auto one =
        make_estimator("logistic_regression", {{"C", c}, {"search_strength", false}, {"tol", 1e-9}});
    const auto report = one->fit(small.table(), nullptr, split, {});
    double loss = 0;
    for (std::size_t i = 0; i < 100; ++i) {
      const double p = report.valid_prediction[i];
      loss -= std::log(small.y[300 + i] > 0 ? p : 1 - p);
    }
    if (loss < best) {
      best = loss;
      best_note = fmt::format("C = {:g}", c);
    }
  }
  const auto chosen = make_estimator("logistic_regression", {{"tol", 1e-9}});
  EXPECT_EQ(chosen->fit(small.table(), nullptr, split, {}).note, best_note);
}

TEST(LinearLearner, SaysWhenItDidNotConverge) {
  const SmallTable small(200);
  const auto rows = first_rows(200);
  const auto learner =
      make_estimator("logistic_regression", {{"max_iter", std::int64_t{1}}, {"search_strength", false}});
  EXPECT_THAT(learner->fit(small.table(), nullptr, {rows, {}}, {}).note,
              ::testing::HasSubstr("did not converge in 1 "));
}

TEST(LinearLearner, SameBytesForAnyNumberOfThreads) {
  const SmallTable small(20'000);
  const auto rows = first_rows(20'000);
  ThreadPool pool(3);
  Context parallel;
  parallel.pool = &pool;
  parallel.n_threads = 3;
  const auto one = make_estimator("logistic_regression"), three = make_estimator("logistic_regression");
  one->fit(small.table(), nullptr, {rows, {}}, {});
  three->fit(small.table(), nullptr, {rows, {}}, parallel);
  EXPECT_EQ(predict(*one, small.x), predict(*three, small.x));
}

}  // namespace
}  // namespace kolosal::model
