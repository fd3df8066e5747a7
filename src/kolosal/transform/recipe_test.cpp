#include "kolosal/transform/recipe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "kolosal/artifact/container.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using data::Task;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Frame table() {
  Frame out = one_column(Column::from_float64({1, std::nan(""), 3, 5}), "age");
  out.add("town", categories({"a", "b"}, {0, 1, 0, data::kMissingCode}));
  out.add("when", Column::from_date({0, 86'400'000'000'000, 0, 0}));
  return out;
}

Recipe recipe() {
  return Recipe({{"date_parts", {{"drop_constant", false}, {"parts", "weekday,epoch"}}},
                 {"text_hash"},
                 {"impute", {{"strategy", "mean"}}, {"numeric", {}}},
                 {"target_encode", {{"keep", true}}},
                 {"one_hot"},
                 {"scale", {}, {"all", {"age"}}}});
}

const std::vector<double> kTarget = {0, 1, 0, 1};

TEST(Recipe, RunsStepsInOrderAndSkipsThoseWithoutColumns) {
  Recipe steps = recipe();
  const Frame out = steps.fit_transform(table(), all_rows(4), {Task::kBinary, kTarget, {}, 2}, {});
  EXPECT_THAT(out.names(), ElementsAre("when_weekday", "when_epoch", "town_target", "one_hot", "age"));
  EXPECT_EQ(steps.fitted_step(1), nullptr);  // no text
  EXPECT_EQ(steps.transform(table().slice(1, 2), {}).names(), out.names());
}

TEST(Recipe, KnowsItsStatelessPrefixAndTarget) {
  EXPECT_EQ(recipe().n_stateless_prefix(), 2U);
  EXPECT_TRUE(recipe().uses_target());
  EXPECT_FALSE(recipe().part(0, 3).uses_target());
}

TEST(Recipe, APrefixAndTheRestJoinedAreTheWhole) {
  const data::TargetView y{Task::kBinary, kTarget, {}, 2};
  Recipe whole = recipe(), head = recipe().part(0, 2), tail = recipe().part(2, 6);
  const Frame direct = whole.fit_transform(table(), all_rows(4), y, {});
  const Frame between = head.fit_transform(table(), all_rows(4), y, {});
  const Frame split = tail.fit_transform(between, all_rows(4), y, {});
  const Recipe joined = Recipe::join(head, tail);
  EXPECT_EQ(split.names(), direct.names());
  EXPECT_EQ(numbers(split, "town_target"), numbers(direct, "town_target"));
  EXPECT_EQ(numbers(joined.transform(table(), {}), "age"), numbers(whole.transform(table(), {}), "age"));
}

TEST(Recipe, SavesAndLoadsFitted) {
  Recipe steps = recipe();
  steps.fit_transform(table(), all_rows(4), {Task::kBinary, kTarget, {}, 2}, {});
  const TempFolder folder;
  artifact::Node node;
  steps.save(node);
  artifact::ContainerWriter writer;
  writer.add_node("recipe", node);
  writer.write(folder.path() / "recipe.kolosal");
  const Recipe loaded =
      Recipe::load(artifact::Container::open(folder.path() / "recipe.kolosal").node("recipe"));
  const Frame a = steps.transform(table(), {}), b = loaded.transform(table(), {});
  EXPECT_EQ(a.names(), b.names());
  EXPECT_EQ(numbers(a, "town_target"), numbers(b, "town_target"));
  EXPECT_EQ(numbers(a, "age"), numbers(b, "age"));
  EXPECT_EQ(steps.to_json(), loaded.to_json());
}

TEST(Recipe, IsReadFromJson) {
  const auto json = recipe().to_json();
  EXPECT_EQ(Recipe::from_json(json).to_json(), json);
  EXPECT_EQ(Recipe::from_json(nlohmann::json::parse(R"([{"step": "scale"}])")).steps()[0].select.types,
            "numeric");
  EXPECT_ERROR(Recipe::from_json(nlohmann::json::parse(R"([{"step": "scal"}])")), kInvalidParameter,
               HasSubstr("scale"));
  EXPECT_ERROR(Recipe::from_json(nlohmann::json::parse(R"([{"params": {}}])")), kInvalidParameter,
               HasSubstr("\"step\""));
  EXPECT_ERROR(Recipe::from_json(nlohmann::json::parse(R"([{"step": "scale", "column": "age"}])")),
               kInvalidParameter, HasSubstr("\"column\""));
}

TEST(Recipe, RefusesBadParametersAtOnceAndNamesTheStepLater) {
  EXPECT_ERROR(Recipe({{"scale", {{"clip", -1.0}}}}), kInvalidParameter, HasSubstr("clip"));
  EXPECT_ERROR(recipe().transform(table(), {}), kNotFitted, HasSubstr("before"));
  Recipe steps({{"scale", {}, {"all", {"town"}}}});
  EXPECT_ERROR(steps.fit_transform(table(), all_rows(4), {}, {}), kData, HasSubstr("step scale"));
}

}  // namespace
}  // namespace kolosal::transform
