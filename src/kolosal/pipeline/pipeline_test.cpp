#include "kolosal/pipeline/pipeline.hpp"

#include <cmath>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::pipeline {
namespace {

using data::Column;
using data::Frame;
using ::testing::HasSubstr;

class PipelineTest : public testing::Test {
 protected:
  PipelineTest() {
    Rng rng(4);
    std::vector<double> x;
    std::vector<std::int32_t> codes;
    for (std::uint32_t i = 0; i < 120; ++i) {
      x.push_back(i % 9 == 0 ? std::nan("") : rng.normal());
      codes.push_back(static_cast<std::int32_t>(rng.below(4)));
      target.push_back((std::isnan(x[i]) ? 0 : 3 * x[i]) + codes[i] + 0.1 * rng.normal());
      (i % 4 == 0 ? valid : train).push_back(i);
    }
    frame.add("x", Column::from_float64(x));
    frame.add("colour", Column::from_category(codes, std::make_shared<const data::Dictionary>(
                                                         std::vector<std::string>{"a", "b", "c", "d"})));
  }
  Pipeline make() const {
    return {transform::Recipe({{"impute", {}, {.types = "numeric"}}, {"one_hot", {}, {.types = "category"}}}),
            "ridge",
            {{"alpha", 0.5}}};
  }
  data::TargetView y() const { return {data::Task::kRegression, target, {}, 0}; }

  Frame frame;
  std::vector<double> target;
  std::vector<std::uint32_t> train, valid;
  Context context;
};

TEST_F(PipelineTest, FitsStepsAndLearner) {
  Pipeline pipeline = make();
  const auto report = pipeline.fit(frame, y(), {train, valid}, context);
  ASSERT_EQ(report.valid_prediction.size(), valid.size());
  double error = 0;
  for (std::size_t i = 0; i < valid.size(); ++i)
    error += std::pow(report.valid_prediction[i] - target[valid[i]], 2);
  EXPECT_LT(std::sqrt(error / static_cast<double>(valid.size())), 0.3);
}

TEST_F(PipelineTest, PredictsTheValidationRowsAsFitDid) {
  Pipeline pipeline = make();
  const auto report = pipeline.fit(frame, y(), {train, valid}, context);
  std::vector<double> out(valid.size());
  pipeline.predict(frame.take(valid), out, context);
  EXPECT_THAT(out, testing::Pointwise(NanSensitiveDoubleNear(1e-12), report.valid_prediction));
}

TEST_F(PipelineTest, ValidationRowsDoNotShapeTheFit) {
  Pipeline a = make(), b = make();
  std::vector<double> before(valid.size()), after(valid.size());
  a.fit(frame, y(), {train, valid}, context);
  a.predict(frame.take(valid), before, context);
  for (const std::uint32_t row : valid) target[row] += 100;
  b.fit(frame, y(), {train, valid}, context);
  b.predict(frame.take(valid), after, context);
  EXPECT_EQ(before, after);
}

TEST_F(PipelineTest, SavedAndLoadedItPredictsTheSame) {
  Pipeline pipeline = make();
  pipeline.fit(frame, y(), {train, valid}, context);
  artifact::Node node;
  pipeline.save(node);
  const Pipeline loaded = Pipeline::load(node);
  EXPECT_EQ(loaded.estimator_name(), "ridge");
  EXPECT_EQ(std::get<double>(loaded.params().at("alpha")), 0.5);
  std::vector<double> a(frame.n_rows()), b(frame.n_rows());
  pipeline.predict(frame, a, context);
  loaded.predict(frame, b, context);
  EXPECT_EQ(a, b);
}

// A rare class, and numbers without holes so that rows have distances.
class ResampledPipeline : public PipelineTest {
 protected:
  ResampledPipeline() {
    Rng rng(6);
    std::vector<double> a, b;
    for (std::uint32_t i = 0; i < 400; ++i) {
      classes.push_back(rng.below(10) == 0 ? 1 : 0);
      weights.push_back(1 + static_cast<double>(i % 2));
      a.push_back(rng.normal() + 1.5 * classes[i]);
      b.push_back(rng.normal());
      (i % 4 == 0 ? held_out : fitted).push_back(i);
    }
    numbers = Frame({"a", "b"}, {Column::from_float64(a), Column::from_float64(b)});
  }
  Pipeline make_for(const std::string& resampler) const {
    Pipeline out(transform::Recipe({{"scale"}}), "logistic_regression", {});
    if (!resampler.empty()) out.set_resampler({resampler, {}});
    return out;
  }
  data::TargetView rare() const { return {data::Task::kBinary, classes, weights, 2}; }
  std::vector<double> held_out_prediction(const std::string& resampler) const {
    Pipeline pipeline = make_for(resampler);
    return pipeline.fit(numbers, rare(), {fitted, held_out}, context).valid_prediction;
  }
  static double mean(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  }

  Frame numbers;
  std::vector<double> classes, weights;
  std::vector<std::uint32_t> fitted, held_out;
};

TEST_F(ResampledPipeline, ResamplesTheTrainingRowsOnly) {
  for (const char* name : {"random_over", "random_under", "smote", "tomek_links"}) {
    SCOPED_TRACE(name);
    Pipeline pipeline = make_for(name);
    const auto report = pipeline.fit(numbers, rare(), {fitted, held_out}, context);
    // Each validation row is predicted once, in order, from its own cells.
    ASSERT_EQ(report.valid_prediction.size(), held_out.size());
    std::vector<double> out(held_out.size());
    pipeline.predict(numbers.take(held_out), out, context);
    EXPECT_THAT(out, testing::Pointwise(NanSensitiveDoubleNear(1e-9), report.valid_prediction));
  }
}

TEST_F(ResampledPipeline, ValidationRowsAreNeverUsedToMakeRows) {
  for (const char* name :
       {"random_over", "random_under", "smote", "borderline_smote", "adasyn", "near_miss"}) {
    SCOPED_TRACE(name);
    // The learner must not choose its strength by the validation rows either.
    const auto fit = [&](const Frame& x) {
      Pipeline pipeline(transform::Recipe({{"scale"}}), "logistic_regression", {{"search_strength", false}});
      pipeline.set_resampler({name, {}});
      pipeline.fit(x, rare(), {fitted, held_out}, context);
      std::vector<double> out(fitted.size());
      pipeline.predict(x.take(fitted), out, context);
      return out;
    };
    const auto before = fit(numbers);
    // The validation rows change places and classes.
    std::vector<std::uint32_t> order(numbers.n_rows());
    std::iota(order.begin(), order.end(), 0U);
    for (std::size_t i = 0; i < held_out.size(); ++i) order[held_out[i]] = held_out[held_out.size() - 1 - i];
    for (const std::uint32_t row : held_out) classes[row] = 1 - classes[row];
    EXPECT_EQ(before, fit(numbers.take(order)));
    for (const std::uint32_t row : held_out) classes[row] = 1 - classes[row];
  }
}

TEST_F(ResampledPipeline, BalancedClassesMoveTheProbabilities) {
  EXPECT_LT(mean(held_out_prediction("")), 0.2);
  EXPECT_GT(mean(held_out_prediction("smote")), 0.25);
  EXPECT_GT(mean(held_out_prediction("random_under")), 0.25);
}

TEST_F(ResampledPipeline, ClassSharesMayBeTakenBack) {
  const double plain = mean(held_out_prediction(""));
  for (const char* name : {"random_over", "random_under", "smote"}) {
    SCOPED_TRACE(name);
    Pipeline pipeline = make_for("");
    pipeline.set_resampler({name, {}}, true);
    const auto report = pipeline.fit(numbers, rare(), {fitted, held_out}, context);
    EXPECT_NEAR(mean(report.valid_prediction), plain, 0.05);
    std::vector<double> out(held_out.size()), loaded(held_out.size());
    pipeline.predict(numbers.take(held_out), out, context);
    EXPECT_THAT(out, testing::Pointwise(NanSensitiveDoubleNear(1e-9), report.valid_prediction));
    artifact::Node node;
    pipeline.save(node);
    Pipeline::load(node).predict(numbers.take(held_out), loaded, context);
    EXPECT_EQ(loaded, out);
  }
}

TEST_F(ResampledPipeline, ClassesMayCountMoreThanOthers) {
  const double plain = mean(held_out_prediction(""));
  const auto fit = [&](const char* rule, bool keeps_shares) {
    Pipeline pipeline = make_for("");
    pipeline.set_class_weight(rule, keeps_shares);
    const auto report = pipeline.fit(numbers, rare(), {fitted, held_out}, context);
    std::vector<double> out(held_out.size()), loaded(held_out.size());
    pipeline.predict(numbers.take(held_out), out, context);
    EXPECT_THAT(out, testing::Pointwise(NanSensitiveDoubleNear(1e-9), report.valid_prediction));
    artifact::Node node;
    pipeline.save(node);
    Pipeline::load(node).predict(numbers.take(held_out), loaded, context);
    EXPECT_EQ(loaded, out);
    return mean(out);
  };
  EXPECT_GT(fit("balanced", false), 0.25);
  EXPECT_GT(fit("sqrt", false), plain + 0.03);
  EXPECT_LT(fit("sqrt", false), fit("balanced", false));
  EXPECT_GT(fit("1,20", false), fit("balanced", false));
  for (const char* rule : {"balanced", "sqrt", "1,20"}) EXPECT_NEAR(fit(rule, true), plain, 0.05) << rule;
}

TEST_F(ResampledPipeline, ClassWeightsAreOfTheTrainingRowsAlone) {
  const auto fit = [&] {
    Pipeline pipeline(transform::Recipe({{"scale"}}), "logistic_regression", {{"search_strength", false}});
    pipeline.set_class_weight("balanced", true);
    pipeline.fit(numbers, rare(), {fitted, held_out}, context);
    std::vector<double> out(fitted.size());
    pipeline.predict(numbers.take(fitted), out, context);
    return out;
  };
  const auto before = fit();
  for (const std::uint32_t row : held_out) {
    classes[row] = 1 - classes[row];
    weights[row] *= 7;
  }
  EXPECT_EQ(before, fit());
}

TEST(ClassFactors, AreOddsForTwoClassesAndSumToOneForMore) {
  std::vector<double> two = {0.5, 0, 1};
  apply_class_factors(two, std::vector<double>{1.5, 0.5});  // from equal shares back to 3 : 1
  EXPECT_THAT(two, testing::ElementsAre(0.25, 0, 1));
  std::vector<double> three = {0.2, 0.3, 0.5, 0, 0, 1};
  apply_class_factors(three, std::vector<double>{2, 1, 1});
  EXPECT_THAT(three, testing::Pointwise(NanSensitiveDoubleNear(1e-15),
                                        std::vector<double>{0.4 / 1.2, 0.3 / 1.2, 0.5 / 1.2, 0, 0, 1}));
}

TEST_F(ResampledPipeline, ASelectorLeavesColumnsOutAndIsRemembered) {
  Pipeline pipeline = make_for("random_over");
  pipeline.set_selector({"l1", {{"relative_alpha", 0.8}}});
  pipeline.fit(numbers, rare(), {fitted, held_out}, context);
  EXPECT_THAT(pipeline.estimator().feature_names(), testing::ElementsAre("a"));
  artifact::Node node, again;
  pipeline.save(node);
  const Pipeline loaded = Pipeline::load(node);
  loaded.save(again);
  EXPECT_EQ(again.get_string("resampler"), "random_over");
  EXPECT_EQ(again.get_string("selector"), "l1");
  std::vector<double> a(numbers.n_rows()), b(numbers.n_rows());
  pipeline.predict(numbers, a, context);
  loaded.predict(numbers, b, context);
  EXPECT_EQ(a, b);
}

TEST_F(ResampledPipeline, RefusesUnknownNamesAtOnce) {
  Pipeline pipeline = make_for("");
  EXPECT_ERROR(pipeline.set_resampler({"smotte", {}}), kInvalidParameter, HasSubstr("smote"));
  EXPECT_ERROR(pipeline.set_selector({"l1", {{"alhpa", 1.0}}}), kInvalidParameter, HasSubstr("alpha"));
}

TEST_F(PipelineTest, RefusesUnknownLearnersAndParametersAtOnce) {
  EXPECT_ERROR(Pipeline(transform::Recipe(), "rigde", {}), kInvalidParameter, HasSubstr("ridge"));
  EXPECT_ERROR(Pipeline(transform::Recipe(), "ridge", {{"alhpa", 1.0}}), kInvalidParameter,
               HasSubstr("alpha"));
}

TEST_F(PipelineTest, ADamagedNodeIsAnErrorOfTheModel) {
  artifact::Node node;
  node.set("estimator", "ridge");
  EXPECT_ERROR(Pipeline::load(node), kModel, HasSubstr("params"));
}

}  // namespace
}  // namespace kolosal::pipeline
