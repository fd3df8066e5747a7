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
