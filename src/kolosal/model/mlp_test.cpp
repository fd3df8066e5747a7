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
#include "kolosal/kernel/half_products.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/model/mlp_input.hpp"
#include "kolosal/model/mlp_network.hpp"
#include "kolosal/model/mlp_predictor.hpp"
#include "kolosal/model/mlp_training.hpp"
#include "kolosal/model/testing/sample_table.hpp"

namespace kolosal::model {
namespace {

using data::Column;
using data::Frame;
using data::Task;
using nlohmann::json;
using testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

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

std::vector<double> numbers_or_nan(const json& cells) {
  std::vector<double> out;
  for (const json& cell : cells) out.push_back(cell.is_null() ? kNaN : cell.get<double>());
  return out;
}

void put(MlpNetwork& network, MlpNetwork::Part part, const json& values) {
  const auto numbers = values.get<std::vector<float>>();
  ASSERT_EQ(numbers.size(), part.size);
  std::ranges::copy(numbers, network.part(part).begin());
}

/// The network of a case of tests/data/mlp/golden.json.
MlpNetwork golden_network(const json& c, const MlpInput& input) {
  MlpShape shape = MlpShape::of(input);
  shape.n_frequencies = c["n_frequencies"];
  shape.width = c["width"];
  shape.n_layers = c["n_layers"];
  shape.n_outputs = c["n_outputs"];
  shape.norm = mlp_norm_from_name(c["norm"]);
  MlpNetwork out(shape);
  for (std::size_t layer = 0; layer <= shape.n_layers; ++layer)
    put(out, out.weights(layer), c["weights"][layer]);
  for (std::size_t layer = 0; layer < shape.n_layers; ++layer) {
    put(out, out.factor(layer), c["factor"][layer]);
    put(out, out.shift(layer), c["shift"][layer]);
    std::ranges::copy(c["mean"][layer].get<std::vector<float>>(), out.running_mean(layer).begin());
    std::ranges::copy(c["variance"][layer].get<std::vector<float>>(), out.running_variance(layer).begin());
  }
  put(out, out.bias(), c["bias"]);
  put(out, out.frequencies(), c["frequencies"]);
  put(out, out.embedding(0), c["embedding"]);
  return out;
}

// tools/golden/mlp.py computed the numbers with numpy from the formulas.
TEST(Mlp, PredictsWhatTheFormulasGive) {
  const json golden = json::parse(std::ifstream(test_data("mlp/golden.json")));
  Frame x;
  for (std::size_t c = 0; c < golden["numbers"].size(); ++c)
    x.add("x" + std::to_string(c), Column::from_float64(numbers_or_nan(golden["numbers"][c])));
  x.add("many", Column::from_category(golden["many"].get<std::vector<std::int32_t>>(), levels(6)));
  x.add("few", Column::from_category(golden["few"].get<std::vector<std::int32_t>>(), levels(3)));
  const auto rows = first_rows(x.n_rows());
  for (const json& c : golden["cases"]) {
    SCOPED_TRACE(c["name"].get<std::string>());
    const MlpInput input = MlpInput::fit(
        x, rows, {.n_bins = c["n_bins"], .max_onehot = 5, .embedding_size = c["embedding_size"]});
    const MlpPredictor predictor(golden_network(c, input));
    const std::size_t n_outputs = c["n_outputs"];
    std::vector<float> got(x.n_rows() * n_outputs);
    predictor.add_outputs(input, input.encode(x), got, {});
    apply_mlp_link(data::task_from_name(c["task"].get<std::string>()), n_outputs, got);
    EXPECT_THAT(got,
                testing::Pointwise(NanSensitiveDoubleNear(1e-5), c["prediction"].get<std::vector<double>>()));
  }
}

/// Numbers with holes, infinities and ends of bins, levels that are embedded.
struct OddTable {
  Frame x;
  MlpInput input;
  explicit OddTable(int n_levels) {
    Rng rng(12);
    std::vector<double> a(120), b(120);
    std::vector<std::int32_t> codes(120);
    for (std::size_t i = 0; i < a.size(); ++i) {
      a[i] = i == 0 ? kNaN : std::round(4 * rng.normal());
      b[i] = rng.normal();  // nothing is missing: no indicator
      codes[i] = static_cast<std::int32_t>(i % static_cast<std::size_t>(n_levels));
    }
    x = Frame({"a", "b"}, {Column::from_float64(a), Column::from_float64(b)});
    x.add("level", Column::from_category(codes, levels(n_levels)));
    input = MlpInput::fit(x, first_rows(120), {.n_bins = 7, .max_onehot = 5, .embedding_size = 3});
    const double odd[] = {kInf, -kInf, 0, -0.0, 1e300};
    std::ranges::copy(odd, a.begin() + 1);
    codes[7] = data::kUnseenCode;
    codes[8] = data::kMissingCode;
    b[9] = kNaN;
    x = Frame({"a", "b"}, {Column::from_float64(a), Column::from_float64(b)});
    x.add("level", Column::from_category(codes, levels(n_levels)));
  }
};

TEST(MlpNetwork, RoundsLayersThatFloat16Holds) {
  MlpShape shape;
  shape.n_fixed = 3;
  shape.width = 16;
  shape.n_layers = 3;
  MlpNetwork network(shape);
  network.draw(7, 0.1, std::vector<double>{0.0});
  network.part(network.weights(2))[5] = 1e6F;  // more than float16 has
  const MlpNetwork before = network;
  network.round_to_float16();
  const auto same = [&](std::size_t layer) {
    return std::ranges::equal(network.part(network.weights(layer)), before.part(before.weights(layer)));
  };
  EXPECT_TRUE(same(0));
  EXPECT_FALSE(same(1));
  EXPECT_TRUE(same(2));
  EXPECT_FALSE(same(3));
  for (const std::size_t layer : {1UL, 3UL}) {
    const std::span<const float> rounded = network.part(network.weights(layer));
    const std::span<const float> exact = before.part(before.weights(layer));
    EXPECT_TRUE(kernel::are_float16s(rounded.data(), rounded.size()));
    for (std::size_t i = 0; i < rounded.size(); ++i)
      EXPECT_NEAR(rounded[i], exact[i], 0x1p-11F * std::fabs(exact[i]) + 0x1p-25F);
  }
}

TEST(MlpInput, TermsAreWhatIsWrittenWithoutTheZeros) {
  const OddTable table(9);
  const MlpRows rows = table.input.encode(table.x);
  const std::size_t n_fixed = table.input.n_fixed();
  const std::vector<std::size_t> n_bins = table.input.n_bins();
  ASSERT_GT(n_bins[0], 2U);
  for (std::size_t row = 0; row < rows.n_rows; ++row) {
    std::vector<float> want(n_fixed), got(n_fixed);
    table.input.write_fixed(rows, row, want.data());
    std::vector<MlpTerm> terms;
    table.input.add_terms(rows, row, terms);
    for (const MlpTerm& term : terms) {
      if (term.input < n_fixed) {
        got[term.input] += term.factor;
        continue;
      }
      const std::size_t bin = term.input - n_fixed, first = bin < n_bins[0] ? 0 : n_bins[0];
      for (std::size_t i = first; i <= bin; ++i) got[n_fixed - n_bins[0] - n_bins[1] + i] += term.factor;
    }
    EXPECT_EQ(got, want) << row;
  }
}

TEST(MlpFirstLayer, GivesTheProductOfTheDenseInput) {
  for (const std::size_t width : {12UL, 8192UL}) {  // of the wide one no table of levels is made
    const OddTable table(40);
    MlpShape shape = MlpShape::of(table.input);
    shape.width = width;
    shape.n_layers = 1;
    MlpNetwork network(shape);
    network.draw(5, 0.3, std::vector<double>{0.1});
    const MlpRows rows = table.input.encode(table.x);
    const auto all = first_rows(rows.n_rows);
    std::vector<float> dense(rows.n_rows * shape.n_dense()), turns;
    network.write_dense(table.input, rows, all, dense.data(), turns);
    const MlpFirstLayer first(network);
    MlpRowBuffers buffers;
    for (std::size_t row = 0; row < rows.n_rows; ++row) {
      std::vector<float> got(width);
      first.add(network, table.input, rows, row, buffers, got.data());
      for (std::size_t j = 0; j < width; j += 5) {
        double want = 0;
        for (std::size_t i = 0; i < shape.n_dense(); ++i)
          want += static_cast<double>(dense[row * shape.n_dense() + i]) *
                  static_cast<double>(network.part(network.weights(0))[i * width + j]);
        ASSERT_NEAR(got[j], want, 1e-5) << "row " << row << ", unit " << j;
      }
    }
  }
}

/// A table with every kind of input, and a training of a small network on it.
struct Problem {
  SampleTable table;
  MlpInput input;
  MlpRows rows;
  MlpTarget target;
  MlpShape shape;
  explicit Problem(Task task) : table(sample_table(task, 60)) {
    const auto all = table.all_rows();
    std::vector<std::int32_t> codes(60);
    for (std::size_t i = 0; i < 60; ++i) codes[i] = static_cast<std::int32_t>(i % 3);
    table.x.add("few", Column::from_category(codes, levels(3)));
    input = MlpInput::fit(table.x, all, {.n_bins = 4, .max_onehot = 5, .embedding_size = 3});
    rows = input.encode(table.x);
    target.task = task;
    const double unit = task == Task::kRegression ? *std::ranges::max_element(table.y) / 3 : 1;
    for (const double y : table.y) target.values.push_back(static_cast<float>(y / unit));
    for (std::size_t i = 0; i < 60; ++i) target.weights.push_back(i % 2 == 0 ? 0.5F : 1.5F);
    shape = MlpShape::of(input);
    shape.n_frequencies = 2;
    shape.width = 12;
    shape.n_outputs = table.data().y.n_outputs();
  }
};

using Variant = std::tuple<Task, MlpNorm>;
class MlpGradient : public testing::TestWithParam<Variant> {};

TEST_P(MlpGradient, IsTheSlopeOfTheLoss) {
  const auto [task, norm] = GetParam();
  Problem problem(task);
  problem.shape.norm = norm;
  MlpNetwork network(problem.shape);
  network.draw(3, 0.3, std::vector<double>(problem.shape.n_outputs, 0.1));
  Rng rng(4);
  for (float& value : network.part(network.weights(2))) value = static_cast<float>(0.5 * rng.normal());
  const std::vector<std::pair<std::string, MlpNetwork::Part>> parts = {
      {"first weights", network.weights(0)},  {"second weights", network.weights(1)},
      {"output weights", network.weights(2)}, {"bias", network.bias()},
      {"first factors", network.factor(0)},   {"second factors", network.factor(1)},
      {"first shifts", network.shift(0)},     {"second shifts", network.shift(1)},
      {"embedding", network.embedding(0)},    {"frequencies", network.frequencies()}};
  MlpTraining training(network, problem.input, problem.rows, problem.target, {.dropout = 0.2});
  const auto batch = first_rows(60);
  constexpr std::uint32_t kKey = 77;  // the same units are dropped each time
  for (const auto& [name, part] : parts) {
    if (norm == MlpNorm::kNone && name.ends_with("factors")) continue;  // not learnt
    for (int trial = 0; trial < 3; ++trial) {
      SCOPED_TRACE(name);
      // Along a random direction: the sum over all of the part, so no entry can be wrong unseen.
      std::vector<float> direction(part.size);
      double length = 0;
      for (float& value : direction) length += std::pow(value = static_cast<float>(rng.normal()), 2);
      const auto at = [&](double step) {
        const auto parameters = training.network().part(part);
        for (std::size_t i = 0; i < part.size; ++i)
          parameters[i] = network.part(part)[i] + static_cast<float>(step / std::sqrt(length)) * direction[i];
        return training.evaluate(batch, kKey, {});
      };
      constexpr double kStep = 4e-3;  // balances rounding of the float loss against the curvature
      const double slope = (8 * (at(kStep) - at(-kStep)) - (at(2 * kStep) - at(-2 * kStep))) / (12 * kStep);
      at(0);
      double got = 0;
      for (std::size_t i = 0; i < part.size; ++i)
        got += static_cast<double>(training.gradient()[part.begin + i]) * static_cast<double>(direction[i]);
      EXPECT_NEAR(got / std::sqrt(length), slope, 2e-4 + 2e-3 * std::fabs(slope));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, MlpGradient,
                         testing::Combine(testing::Values(Task::kBinary, Task::kMulticlass,
                                                          Task::kRegression),
                                          testing::Values(MlpNorm::kBatch, MlpNorm::kLayer, MlpNorm::kNone)));

/// Two numbers and a target of them.
template <typename F>
SampleTable plane(Task task, std::size_t n, F target) {
  Rng rng(8);
  SampleTable out;
  out.task = task;
  out.n_classes = task == Task::kRegression ? 0 : 2;
  std::vector<double> a(n), b(n);
  for (std::size_t i = 0; i < n; ++i) {
    a[i] = 4 * rng.uniform() - 2;
    b[i] = 4 * rng.uniform() - 2;
    out.y.push_back(target(a[i], b[i]));
  }
  out.x = Frame({"a", "b"}, {Column::from_float64(a), Column::from_float64(b)});
  return out;
}

TEST(Mlp, LearnsExclusiveOr) {
  const SampleTable t =
      plane(Task::kBinary, 1000, [](double a, double b) { return (a > 0) != (b > 0) ? 1.0 : 0.0; });
  const auto train = t.train_rows(), valid = t.valid_rows();
  const auto learner = make_estimator("mlp", {{"hidden_size", std::int64_t{64}}});
  learner->fit(t.data(), nullptr, {train, valid}, {});
  const auto p = predictions(*learner, t.x.take(valid));
  std::size_t n_right = 0;
  for (std::size_t i = 0; i < valid.size(); ++i) n_right += (p[i] > 0.5) == (t.y[valid[i]] > 0.5) ? 1 : 0;
  EXPECT_GT(n_right, valid.size() * 95 / 100);
}

TEST(Mlp, LearnsACurveWithEitherEncoding) {
  const SampleTable t =
      plane(Task::kRegression, 1200, [](double a, double b) { return 500 + 100 * std::sin(3 * a) * b; });
  const auto train = t.train_rows(), valid = t.valid_rows();
  for (const char* encoding : {"piecewise", "periodic"})
    for (const char* norm : {"batch", "layer"}) {
      SCOPED_TRACE(testing::Message() << encoding << ", " << norm);
      const auto learner = make_estimator("mlp", {{"number_encoding", std::string(encoding)},
                                                  {"normalization", std::string(norm)},
                                                  {"hidden_size", std::int64_t{64}},
                                                  {"dropout", 0.0}});
      const auto report = learner->fit(t.data(), nullptr, {train, valid}, {});
      double error = 0, total = 0;
      for (std::size_t i = 0; i < valid.size(); ++i) {
        error += std::pow(report.valid_prediction[i] - t.y[valid[i]], 2);
        total += std::pow(500 - t.y[valid[i]], 2);
      }
      EXPECT_LT(error, 0.05 * total);
    }
}

TEST(Mlp, LearnsFromLevelsAndSparseFeatures) {
  Rng rng(9);
  std::vector<std::int32_t> codes, indices;
  std::vector<std::int64_t> offsets{0};
  std::vector<float> values;
  SampleTable t;
  t.task = Task::kRegression;
  for (std::size_t i = 0; i < 1000; ++i) {
    codes.push_back(static_cast<std::int32_t>(rng.below(60)));  // more than max_onehot: embedded
    indices.push_back(static_cast<std::int32_t>(rng.below(50)));
    values.push_back(1);
    offsets.push_back(static_cast<std::int64_t>(i + 1));
    t.y.push_back((codes.back() % 2 == 0 ? 1 : -1) + (indices.back() < 25 ? 0.0 : 2.0));
  }
  t.x.add("level", Column::from_category(codes, levels(60)));
  t.x.add("words", Column::from_sparse(offsets, indices, values, 50));
  const auto all = t.all_rows();
  const auto learner = make_estimator("mlp", {{"hidden_size", std::int64_t{64}}});
  learner->fit(t.data(), nullptr, {all, {}}, {});
  const auto p = predictions(*learner, t.x);
  double error = 0;
  for (std::size_t i = 0; i < p.size(); ++i) error += std::pow(p[i] - t.y[i], 2) / 1000;
  EXPECT_LT(error, 0.4);  // the target's variance is 2
}

TEST(Mlp, TakesCellsThatTrainingNeverSaw) {
  const SampleTable t = sample_table(Task::kBinary, 300);
  const auto all = t.all_rows();
  const auto learner =
      make_estimator("mlp", {{"max_onehot", std::int64_t{4}}, {"number_encoding", std::string("piecewise")}});
  learner->fit(t.data(), nullptr, {all, {}}, {});
  Frame x({"a", "b", "count"}, {Column::from_float64({kInf, 1e300, -kInf, -1e300, kNaN}),
                                Column::from_float32({0, 0, 0, 0, 0}), Column::from_int64({1, 1, 1, 1, 1})});
  x.add("kind", Column::from_category({data::kUnseenCode, data::kUnseenCode, 3, 3, data::kMissingCode},
                                      t.x.column("kind").dictionary()));
  const auto p = predictions(*learner, x);
  EXPECT_THAT(p, testing::Each(testing::AllOf(testing::Ge(0), testing::Le(1))));
  EXPECT_EQ(p[0], p[1]);  // an infinity is a far outlier
  EXPECT_EQ(p[2], p[3]);
  EXPECT_NE(p[0], p[2]);
}

TEST(Mlp, FitsColumnsWithInfinitiesAndHugeNumbers) {
  SampleTable t = sample_table(Task::kRegression, 200);
  std::vector<double> wild(200);
  for (std::size_t i = 0; i < 200; ++i)
    wild[i] = i % 5 == 0 ? kInf : i % 5 == 1 ? 1.7e308 : i % 5 == 2 ? -1.7e308 : 1e-310;
  t.x.add("wild", Column::from_float64(wild));
  const auto all = t.all_rows();
  const auto learner = make_estimator("mlp", {{"number_encoding", std::string("piecewise")}});
  learner->fit(t.data(), nullptr, {all, {}}, {});
  EXPECT_THAT(predictions(*learner, t.x),
              testing::Each(testing::Truly([](double v) { return std::isfinite(v); })));
}

TEST(Mlp, RefusesRowsWithoutWeight) {
  SampleTable t = sample_table(Task::kBinary, 50);
  t.weights.assign(50, 0.0);
  const auto all = t.all_rows();
  EXPECT_ERROR(make_estimator("mlp")->fit(t.data(), nullptr, {all, {}}, {}), kData, HasSubstr("weight"));
}

TEST(Mlp, KeepsTheBestEpoch) {
  const SampleTable t = sample_table(Task::kBinary, 200);
  const auto train = t.train_rows(), valid = t.valid_rows();
  const auto learner = make_estimator("mlp", {{"n_epochs", std::int64_t{40}}, {"dropout", 0.0}});
  const auto fit = learner->begin(t.data(), nullptr, {train, valid}, {});
  while (fit->advance(7, {})) {
  }
  const FitReport report = fit->finish();
  const auto& losses = fit->valid_losses();
  ASSERT_EQ(losses.size(), 40U);
  EXPECT_EQ(report.n_rounds, static_cast<std::size_t>(std::ranges::min_element(losses) - losses.begin()) + 1);
  EXPECT_LT(report.n_rounds, 40U);  // 150 rows are soon known by heart
  EXPECT_EQ(report.valid_prediction, predictions(*learner, t.x.take(valid)));
}

TEST(Mlp, StopsEarlyWhenAsked) {
  const SampleTable t = sample_table(Task::kBinary, 200);
  const auto train = t.train_rows(), valid = t.valid_rows();
  const auto learner = make_estimator(
      "mlp", {{"n_epochs", std::int64_t{60}}, {"dropout", 0.0}, {"early_stopping_rounds", std::int64_t{3}}});
  const auto fit = learner->begin(t.data(), nullptr, {train, valid}, {});
  EXPECT_FALSE(fit->advance(60, {}));
  EXPECT_EQ(fit->n_rounds_done(), fit->report().n_rounds + 3);
}

TEST(Mlp, PiecesMakeNoDifference) {
  const SampleTable t = sample_table(Task::kMulticlass, 300);
  const auto train = t.train_rows(), valid = t.valid_rows();
  const ParamMap params = {{"n_seeds", std::int64_t{2}}};
  const auto whole = make_estimator("mlp", params), pieces = make_estimator("mlp", params);
  whole->fit(t.data(), nullptr, {train, valid}, {});
  const auto fit = pieces->begin(t.data(), nullptr, {train, valid}, {});
  while (fit->advance(1, {})) {
  }
  fit->finish();
  EXPECT_EQ(saved_bytes(*whole), saved_bytes(*pieces));
}

TEST(Mlp, SeedsGiveOtherNetworksWhoseMeanIsPredicted) {
  const SampleTable t = sample_table(Task::kRegression, 200);
  const auto all = t.all_rows();
  const auto fit = [&](std::int64_t n_seeds, std::uint64_t seed) {
    Context context;
    context.seed = seed;
    const auto learner = make_estimator("mlp", {{"n_seeds", n_seeds}});
    learner->fit(t.data(), nullptr, {all, {}}, context);
    return predictions(*learner, t.x);
  };
  EXPECT_NE(fit(1, 1), fit(1, 2));
  EXPECT_NE(fit(1, 1), fit(2, 1));
}

/// A clock that each look moves on.
class TickingClock final : public Clock {
 public:
  double now_s() const override { return now_s_ += 1; }

 private:
  mutable double now_s_ = 0;
};

TEST(Mlp, StopsBetweenBatchesAndKeepsWhatItHas) {
  const SampleTable t = sample_table(Task::kBinary, 640);
  const auto all = t.all_rows();
  const ParamMap params = {{"hidden_size", std::int64_t{16}}, {"n_epochs", std::int64_t{50}}};
  const auto fit = [&](double seconds) {
    TickingClock clock;
    Context context;
    context.deadline = Deadline(clock, seconds);
    const auto learner = make_estimator("mlp", params);
    const FitReport report = learner->fit(t.data(), nullptr, {all, {}}, context);
    EXPECT_TRUE(learner->is_fitted());
    return report;
  };
  // 20 batches are an epoch, and before each the clock is looked at once.
  const FitReport report = fit(50.5);
  EXPECT_TRUE(report.stopped_by_deadline);
  EXPECT_EQ(report.n_rounds, 2U);
  EXPECT_FALSE(fit(1e6).stopped_by_deadline);
  EXPECT_ERROR(fit(10), kBudget, HasSubstr("first epoch"));
}

TEST(Mlp, GoesOnWhereTheDeadlineStoppedIt) {
  const SampleTable t = sample_table(Task::kBinary, 640);
  const auto all = t.all_rows();
  const ParamMap params = {{"n_epochs", std::int64_t{4}}, {"n_seeds", std::int64_t{2}}};
  const auto whole = make_estimator("mlp", params), stopped = make_estimator("mlp", params);
  whole->fit(t.data(), nullptr, {all, {}}, {});
  TickingClock clock;
  Context context;
  context.deadline = Deadline(clock, 70.5);
  const auto fit = stopped->begin(t.data(), nullptr, {all, {}}, {});
  EXPECT_TRUE(fit->advance(4, context));
  EXPECT_TRUE(fit->report().stopped_by_deadline);
  EXPECT_EQ(fit->n_rounds_done(), 1U);
  EXPECT_FALSE(fit->advance(4, {}));
  fit->finish();
  EXPECT_EQ(saved_bytes(*whole), saved_bytes(*stopped));
}

TEST(Mlp, RefusesUnknownWords) {
  EXPECT_ERROR(make_estimator("mlp", {{"normalization", std::string("group")}}), kInvalidParameter,
               HasSubstr("group"));
  EXPECT_ERROR(make_estimator("mlp", {{"number_encoding", std::string("spline")}}), kInvalidParameter,
               HasSubstr("spline"));
}

TEST(Mlp, RefusesADamagedModel) {
  const SampleTable t = sample_table(Task::kBinary, 100);
  const auto all = t.all_rows();
  const auto learner = make_estimator("mlp");
  learner->fit(t.data(), nullptr, {all, {}}, {});
  artifact::Node node;
  learner->save(node);
  std::vector<artifact::ArrayBytes> arrays;
  json saved = node.to_json(arrays);
  std::string text = saved.dump();
  const std::string width = R"(["width",128])";
  ASSERT_NE(text.find(width), std::string::npos);
  text.replace(text.find(width), width.size(), R"(["width",127])");
  const artifact::Node damaged = artifact::Node::from_json(json::parse(text), arrays);
  EXPECT_ERROR(make_estimator("mlp")->load(damaged), kModel, HasSubstr("damaged"));
}

}  // namespace
}  // namespace kolosal::model
