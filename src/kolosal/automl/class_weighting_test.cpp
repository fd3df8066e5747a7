#include "kolosal/automl/class_weighting.hpp"

#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::automl {
namespace {

using ::testing::HasSubstr;

Problem with_classes(std::vector<std::string> classes) {
  Problem out;
  out.task = classes.size() == 2 ? data::Task::kBinary : data::Task::kMulticlass;
  out.classes = std::move(classes);
  return out;
}

TEST(ClassWeighting, NamesBecomeNumbersInTheOrderOfTheClasses) {
  const Problem problem = with_classes({"no", "yes"});
  EXPECT_EQ(class_weight_rule("yes=5,no=0.5", problem), "0.5,5");
  EXPECT_EQ(class_weight_rule("yes=5", problem), "1,5") << "others count 1";
  for (const char* word : {"none", "search", "balanced", "sqrt"})
    EXPECT_EQ(class_weight_rule(word, problem), word);
  EXPECT_EQ(class_weight_rule("a=b=3,x,y=2", with_classes({"a", "a=b", "x,y"})), "1,3,2")
      << "names may hold what separates";
}

TEST(ClassWeighting, RefusesWhatCanNotBeWithTheNearestName) {
  const Problem problem = with_classes({"bad", "good"});
  EXPECT_ERROR(class_weight_rule("badd=5", problem), kInvalidParameter, HasSubstr("did you mean \"bad\""));
  EXPECT_ERROR(class_weight_rule("bad", problem), kInvalidParameter, HasSubstr("has no ="));
  EXPECT_ERROR(class_weight_rule("bad=0", problem), kInvalidParameter, HasSubstr("not a number above 0"));
  EXPECT_ERROR(class_weight_rule("bad=2,bad=3", problem), kInvalidParameter, HasSubstr("given twice"));
  Problem numbers;
  EXPECT_ERROR(class_weight_rule("balanced", numbers), kInvalidParameter, HasSubstr("is for classes"));
  EXPECT_EQ(class_weight_rule("none", numbers), "none");
}

std::vector<std::string> rules(const std::vector<Candidate>& portfolio, const std::string& rule) {
  std::vector<std::string> out;
  for (const Candidate& candidate : with_class_weights(portfolio, rule, data::Task::kBinary))
    out.push_back(candidate.label + ":" + candidate.choices.class_weight);
  return out;
}

TEST(ClassWeighting, EveryEntryOrNoneWeighs) {
  Candidate plain{"plain", "lightgbm", {}, "native"}, of_an_earlier_run = plain;
  of_an_earlier_run.choices.class_weight = "1,2,3";
  EXPECT_EQ(rules({plain, of_an_earlier_run}, "none"), (std::vector<std::string>{"plain:"}));
  EXPECT_EQ(rules({plain, of_an_earlier_run}, "1,5"), (std::vector<std::string>{"plain:1,5"}));
}

TEST(ClassWeighting, SomeEntriesMayBeTriedWeighted) {
  const std::vector<Candidate> portfolio = {{"lightgbm small", "lightgbm", {}, "native"},
                                            {"extra trees", "extra_trees", {}, "ranked"},
                                            {"linear", "logistic_regression", {}, "linear"}};
  EXPECT_EQ(rules(portfolio, "search"),
            (std::vector<std::string>{
                "lightgbm small:", "lightgbm small balanced:balanced", "lightgbm small sqrt:sqrt",
                "lightgbm small focal:", "extra trees:", "linear:", "linear balanced:balanced"}));
  for (const Candidate& candidate : with_class_weights(portfolio, "search", data::Task::kMulticlass))
    EXPECT_FALSE(candidate.params.contains("objective")) << "the focal loss is for two classes";
}

}  // namespace
}  // namespace kolosal::automl
