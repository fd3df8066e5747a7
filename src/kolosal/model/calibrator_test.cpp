#include "kolosal/model/calibrator.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::model {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;

std::vector<double> applied(const Calibrator& calibrator, std::vector<double> p, std::size_t n_outputs) {
  calibrator.apply(p, n_outputs);
  return p;
}

const Calibrator kPlatt{CalibrationKind::kPlatt, {2, 0.5}, {}, {}};
const Calibrator kBeta{CalibrationKind::kBeta, {2, 0.5, 0.3}, {}, {}};
const Calibrator kIsotonic{CalibrationKind::kIsotonic, {}, {0.2, 0.4, 0.8}, {0.1, 0.1, 0.7}};
const Calibrator kPerClass{CalibrationKind::kPlattPerClass, {1, 0, 2, 0, 1, 1}, {}, {}};

TEST(Calibrator, NoneChangesNothing) { EXPECT_THAT(applied({}, {0, 0.3, 1}, 1), ElementsAre(0, 0.3, 1)); }

TEST(Calibrator, TemperatureDividesTheLogits) {
  const auto p = applied(Calibrator::temperature(2), {0.9, 0.5, 0.1}, 1);
  EXPECT_NEAR(p[0], 0.75, 1e-12);  // logit 2.197 / 2: odds 9 become 3
  EXPECT_NEAR(p[1], 0.5, 1e-12);
  EXPECT_NEAR(p[2], 0.25, 1e-12);
  const auto many = applied(Calibrator::temperature(2), {0.81, 0.16, 0.03, 1, 0, 0}, 3);
  const double sum = 0.9 + 0.4 + std::sqrt(0.03);
  EXPECT_NEAR(many[0], 0.9 / sum, 1e-12);
  EXPECT_NEAR(many[1], 0.4 / sum, 1e-12);
  EXPECT_NEAR(many[3] + many[4] + many[5], 1, 1e-12);
}

TEST(Calibrator, PlattAndBetaAreTheirFormulas) {
  // Odds 9: 81 times e^0.5; and 0.9^2 / 0.1^0.5 times e^0.3.
  const double platt = 81 * std::exp(0.5), beta = 0.81 / std::sqrt(0.1) * std::exp(0.3);
  EXPECT_NEAR(applied(kPlatt, {0.9}, 1)[0], platt / (1 + platt), 1e-12);
  EXPECT_NEAR(applied(kBeta, {0.9}, 1)[0], beta / (1 + beta), 1e-12);
}

TEST(Calibrator, IsotonicIsALineThroughItsKnots) {
  EXPECT_THAT(applied(kIsotonic, {0, 0.2, 0.3, 0.4, 0.5, 0.8, 1}, 1),
              testing::Pointwise(testing::DoubleNear(1e-12), {0.1, 0.1, 0.1, 0.1, 0.25, 0.7, 0.7}));
  EXPECT_TRUE(std::isnan(applied(kIsotonic, {std::numeric_limits<double>::quiet_NaN()}, 1)[0]));
}

TEST(Calibrator, PerClassSumsToOne) {
  const auto p = applied(kPerClass, {0.5, 0.3, 0.2}, 3);
  const double odds = 9.0 / 49, last = std::exp(1.0) / 4;
  const double parts[] = {0.5, odds / (1 + odds), last / (1 + last)};
  const double sum = parts[0] + parts[1] + parts[2];
  for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(p[k], parts[k] / sum, 1e-12);
}

TEST(Calibrator, CertaintyStaysAProbability) {
  for (const Calibrator& c :
       {Calibrator::temperature(0.05), Calibrator::temperature(20), kPlatt, kBeta, kIsotonic})
    EXPECT_THAT(applied(c, {0, 1, 1e-300}, 1), Each(AllOf(Ge(0), Le(1)))) << calibration_name(c.kind);
  for (const Calibrator& c : {Calibrator::temperature(0.05), Calibrator::temperature(20), kPerClass})
    EXPECT_THAT(applied(c, {0, 0, 1, 0.5, 0.5, 0}, 3), Each(AllOf(Ge(0), Le(1)))) << calibration_name(c.kind);
}

TEST(Calibrator, KnowsWhetherItKeepsTheOrder) {
  EXPECT_TRUE(Calibrator().keeps_order());
  EXPECT_TRUE(Calibrator::temperature(3).keeps_order());
  EXPECT_TRUE(kPlatt.keeps_order());
  EXPECT_TRUE(kBeta.keeps_order());
  EXPECT_FALSE((Calibrator{CalibrationKind::kPlatt, {-1, 0}, {}, {}}).keeps_order());
  EXPECT_FALSE((Calibrator{CalibrationKind::kBeta, {0, 0, 1}, {}, {}}).keeps_order());
  EXPECT_FALSE(kIsotonic.keeps_order());
  EXPECT_FALSE(kPerClass.keeps_order());
}

TEST(Calibrator, SurvivesJson) {
  const std::vector<double> two = {0.12345678901234567, 0.5, 0.9}, three = {0.7, 0.2, 0.1};
  for (const Calibrator& c : {Calibrator(), Calibrator::temperature(1.0 / 3), kPlatt, kBeta, kIsotonic})
    EXPECT_EQ(applied(calibrator_from_json(nlohmann::json::parse(to_json(c).dump()), 1), two, 1),
              applied(c, two, 1));
  EXPECT_EQ(applied(calibrator_from_json(to_json(kPerClass), 3), three, 3), applied(kPerClass, three, 3));
}

TEST(Calibrator, RefusesADamagedDescription) {
  const auto damaged = [](const Calibrator& c, std::size_t n_outputs, auto change) {
    auto json = to_json(c);
    change(json);
    return calibrator_from_json(json, n_outputs);
  };
  const auto as_it_is = [](auto&) {};
  EXPECT_ERROR(damaged(kPlatt, 1, [](auto& j) { j["kind"] = "magic"; }), kModel, HasSubstr("magic"));
  EXPECT_ERROR(damaged(kPlatt, 1, [](auto& j) { j["parameters"] = {1}; }), kModel, HasSubstr("parameters"));
  EXPECT_ERROR(damaged(Calibrator::temperature(1), 1, [](auto& j) { j["parameters"] = {0}; }), kModel,
               HasSubstr("above 0"));
  EXPECT_ERROR(damaged(kPlatt, 3, as_it_is), kModel, HasSubstr("two classes only"));
  EXPECT_ERROR(damaged(kPerClass, 1, as_it_is), kModel, HasSubstr("more than two"));
  EXPECT_ERROR(damaged(kPerClass, 4, as_it_is), kModel, HasSubstr("parameters"));
  EXPECT_ERROR(damaged(kIsotonic, 1, [](auto& j) { j["knots"] = {0.2, 0.2, 0.8}; }), kModel,
               HasSubstr("do not rise"));
  EXPECT_ERROR(damaged(kIsotonic, 1, [](auto& j) { j["heights"] = {0.2, 0.1, 0.8}; }), kModel,
               HasSubstr("fall"));
  EXPECT_ERROR(damaged(kIsotonic, 1, [](auto& j) { j["heights"] = {0.2}; }), kModel, HasSubstr("height"));
}

}  // namespace
}  // namespace kolosal::model
