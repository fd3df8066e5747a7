#include "kolosal/core/param.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "kolosal/core/testing/matchers.hpp"

namespace kolosal {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StrEq;

struct ExampleParams {
  double alpha = 1.0;
  int n_rounds = 100;
  std::uint64_t seed = 0;
  bool fit_intercept = true;
  std::string loss = "squared";
};

ParamTable<ExampleParams> table() {
  return ParamTable<ExampleParams>()
      .param("alpha", &ExampleParams::alpha, "Strength.", log_range(1e-4, 1e2))
      .limits(0, 1e6)
      .param("n_rounds", &ExampleParams::n_rounds, "Rounds.")
      .limits(1, 1000)
      .param("seed", &ExampleParams::seed, "Seed.")
      .param("fit_intercept", &ExampleParams::fit_intercept, "Intercept.")
      .param("loss", &ExampleParams::loss, "Loss.",
             choice({std::string("squared"), std::string("absolute")}));
}

TEST(ParamTable, WritesAndReadsTheSameValues) {
  ExampleParams params;
  params.alpha = 0.5;
  params.n_rounds = 7;
  params.fit_intercept = false;
  params.loss = "absolute";
  const ParamMap written = table().write(params);
  const ExampleParams read = table().read(written, "example");
  EXPECT_EQ(read.alpha, 0.5);
  EXPECT_EQ(read.n_rounds, 7);
  EXPECT_FALSE(read.fit_intercept);
  EXPECT_EQ(read.loss, "absolute");
  EXPECT_EQ(table().write(read), written);
}

TEST(ParamTable, MissingParametersKeepTheirDefaults) {
  const ExampleParams read = table().read({{"alpha", 2.0}}, "example");
  EXPECT_EQ(read.alpha, 2.0);
  EXPECT_EQ(read.n_rounds, 100);
  EXPECT_TRUE(read.fit_intercept);
}

TEST(ParamTable, ConvertsBetweenKindsWithoutLoss) {
  EXPECT_EQ(table().read({{"alpha", std::int64_t{3}}}, "example").alpha, 3.0);
  EXPECT_EQ(table().read({{"n_rounds", 5.0}}, "example").n_rounds, 5);
  EXPECT_EQ(table().read({{"n_rounds", std::string("12")}}, "example").n_rounds, 12);
  EXPECT_EQ(table().read({{"alpha", std::string("1e-3")}}, "example").alpha, 1e-3);
  EXPECT_FALSE(table().read({{"fit_intercept", std::string("false")}}, "example").fit_intercept);
}

TEST(ParamTable, RefusesTheWrongKindAndSaysWhichIsRight) {
  EXPECT_ERROR(table().read({{"n_rounds", 1.5}}, "example"), kInvalidParameter,
               StrEq("parameter n_rounds must be an integer, not \"1.5\""));
  EXPECT_ERROR(table().read({{"alpha", std::string("big")}}, "example"), kInvalidParameter,
               HasSubstr("alpha must be a number, not \"big\""));
  EXPECT_ERROR(table().read({{"alpha", true}}, "example"), kInvalidParameter,
               HasSubstr("alpha must be a number"));
  EXPECT_ERROR(table().read({{"fit_intercept", std::int64_t{1}}}, "example"), kInvalidParameter,
               HasSubstr("true or false"));
}

TEST(ParamTable, RefusesValuesOutsideTheLimits) {
  EXPECT_ERROR(table().read({{"n_rounds", std::int64_t{0}}}, "example"), kInvalidParameter,
               StrEq("parameter n_rounds must be between 1 and 1000, not 0"));
  EXPECT_ERROR(table().read({{"alpha", std::numeric_limits<double>::quiet_NaN()}}, "example"),
               kInvalidParameter, HasSubstr("not nan"));
  EXPECT_EQ(table().read({{"n_rounds", std::int64_t{1000}}}, "example").n_rounds, 1000);
}

TEST(ParamTable, RefusesIntegersThatTheFieldCanNotHold) {
  // n_rounds has limits; seed has none, but a negative number would wrap.
  EXPECT_ERROR(table().read({{"seed", std::int64_t{-1}}}, "example"), kInvalidParameter, HasSubstr("seed"));
}

TEST(ParamTable, ChoicesAreListed) {
  EXPECT_ERROR(table().read({{"loss", std::string("sqared")}}, "example"), kInvalidParameter,
               StrEq("parameter loss must be one of squared, absolute, not \"sqared\""));
}

TEST(ParamTable, AnUnknownNameIsNamedWithItsOwnerAndTheNearest) {
  EXPECT_ERROR(table().read({{"alhpa", 1.0}}, "ridge"), kInvalidParameter,
               StrEq("ridge has no parameter \"alhpa\"; did you mean \"alpha\"?"));
  EXPECT_ERROR(table().read({{"zzzzzzzz", 1.0}}, "ridge"), kInvalidParameter,
               StrEq("ridge has no parameter \"zzzzzzzz\""));
}

TEST(ParamTable, LimitsWithOneSideOnlyWork) {
  ParamSpec spec{"n", "", std::int64_t{1}, {}, 1.0, {}};
  EXPECT_ERROR(detail::convert_param(spec, std::int64_t{0}), kInvalidParameter, HasSubstr("n must be"));
  spec.minimum.reset();
  spec.maximum = 5;
  EXPECT_ERROR(detail::convert_param(spec, std::int64_t{6}), kInvalidParameter, HasSubstr("n must be"));
}

TEST(ParamTable, SpecsDescribeEveryField) {
  const auto specs = table().specs();
  ASSERT_EQ(specs.size(), 5U);
  EXPECT_EQ(specs[0].name, "alpha");
  EXPECT_EQ(specs[0].doc, "Strength.");
  EXPECT_EQ(std::get<double>(specs[0].default_value), 1.0);
  EXPECT_EQ(specs[0].search->scale, ParamRange::Scale::kLog);
  EXPECT_EQ(specs[4].search->choices.size(), 2U);
}

TEST(ParamJson, RoundTripsWithKinds) {
  const ParamMap params{{"a", true}, {"b", std::int64_t{3}}, {"c", 0.5}, {"d", std::string("x")}};
  EXPECT_EQ(params_from_json(to_json(params)), params);
  EXPECT_ERROR(params_from_json({{"a", {1, 2}}}), kInvalidParameter,
               AllOf(HasSubstr("a"), HasSubstr("[1,2]")));
}

TEST(ParamText, IsWhatAUserWouldType) {
  EXPECT_EQ(to_string(ParamValue(true)), "true");
  EXPECT_EQ(to_string(ParamValue(std::int64_t{-3})), "-3");
  EXPECT_EQ(to_string(ParamValue(0.05)), "0.05");
  EXPECT_EQ(to_string(ParamValue(std::string("lbfgs"))), "lbfgs");
}

TEST(NearestName, FindsSlipsAndNothingElse) {
  const std::vector<std::string> known{"learning_rate", "max_depth", "seed", "n"};
  EXPECT_EQ(nearest_name("learning_rat", known), "learning_rate");
  EXPECT_EQ(nearest_name("Max-Depth", known), "max_depth");
  EXPECT_EQ(nearest_name("sede", known), "seed");
  EXPECT_EQ(nearest_name("completely_other", known), "");
  EXPECT_EQ(nearest_name("x", {}), "");
}

}  // namespace
}  // namespace kolosal
