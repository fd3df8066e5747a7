#include "kolosal/pipeline/selector_steps.hpp"

#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/recipe_toml.hpp"

namespace kolosal::pipeline {
namespace {

using data::Column;
using data::Frame;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The target follows "signal" and the level of "town"; "noise" tells nothing; "words" no selector takes.
struct Problem {
  Problem() {
    Rng rng(8);
    std::vector<double> signal(300), noise(300);
    std::vector<std::int32_t> town(300);
    std::vector<std::optional<std::string>> words(300, "some words");
    for (std::size_t i = 0; i < 300; ++i) {
      signal[i] = rng.normal();
      noise[i] = rng.normal();
      town[i] = static_cast<std::int32_t>(rng.below(3));
      target.push_back(signal[i] + town[i] > 1 ? 1 : 0);
    }
    x = Frame({"signal", "noise"}, {Column::from_float64(signal), Column::from_float64(noise)});
    x.add("town", Column::from_category(town, std::make_shared<const data::Dictionary>(
                                                  std::vector<std::string>{"a", "b", "c"})));
    x.add("words", Column::from_texts(words));
    rows.resize(300);
    std::iota(rows.begin(), rows.end(), 0U);
  }
  data::TargetView y() const { return {data::Task::kBinary, target, {}, 2}; }

  Frame x;
  std::vector<double> target;
  std::vector<std::uint32_t> rows;
};

std::string toml_with(const std::string& step, const std::string& params = "") {
  return fmt::format("[[steps]]\nstep = \"scale\"\n[[steps]]\nstep = \"{}\"\n{}", step,
                     params.empty() ? "" : fmt::format("params = {{ {} }}\n", params));
}

TEST(SelectorSteps, EverySelectorIsAStep) {
  const Problem problem;
  for (const char* name :
       {"l1", "model_importance", "permutation", "recursive_elimination", "shadow", "stability"}) {
    SCOPED_TRACE(name);
    const auto plan = transform::parse_recipe(toml_with(name), "r.toml", selector_steps());
    EXPECT_EQ(
        transform::to_toml(transform::parse_recipe(transform::to_toml(plan), "again", selector_steps())),
        transform::to_toml(plan));
    transform::Recipe recipe(plan.specs());
    EXPECT_TRUE(recipe.uses_target());
    const Frame made = recipe.fit_transform(problem.x, problem.rows, problem.y(), {});
    EXPECT_TRUE(made.find("signal"));
    EXPECT_TRUE(made.find("words")) << "columns that no learner takes pass";
  }
}

TEST(SelectorSteps, ANoisyColumnGoesAndStaysAwayWhenSavedAndLoaded) {
  const Problem problem;
  const auto plan = transform::parse_recipe(toml_with("shadow", "n_rounds = 20"), "r.toml", selector_steps());
  transform::Recipe recipe(plan.specs());
  const Frame made = recipe.fit_transform(problem.x, problem.rows, problem.y(), {});
  EXPECT_THAT(made.names(), testing::UnorderedElementsAre("signal", "town", "words"));
  artifact::Node node;
  recipe.save(node);
  const auto loaded = transform::Recipe::load(node, selector_steps());
  EXPECT_EQ(loaded.transform(problem.x, {}).names(), made.names());
  EXPECT_ERROR(transform::Recipe::load(node), kInvalidParameter, HasSubstr("shadow"));
}

TEST(SelectorSteps, MistakesAreToldWithTheirLine) {
  EXPECT_ERROR(transform::parse_recipe(toml_with("shadows"), "r.toml", selector_steps()), kInvalidParameter,
               testing::AllOf(HasSubstr("r.toml:4"), HasSubstr("\"shadow\"")));
  EXPECT_ERROR(transform::parse_recipe(toml_with("shadow", "rounds = 3"), "r.toml", selector_steps()),
               kInvalidParameter, testing::AllOf(HasSubstr("r.toml:5"), HasSubstr("n_rounds")));
  EXPECT_ERROR(
      transform::parse_recipe(toml_with("shadow", "estimator = \"tree\""), "r.toml", selector_steps()),
      kInvalidParameter, HasSubstr("tree"));
}

TEST(SelectorSteps, TheyNeedATargetAndAllRowsAtOnce) {
  const Problem problem;
  transform::Recipe recipe(
      transform::parse_recipe(toml_with("model_importance"), "r.toml", selector_steps()).specs());
  EXPECT_ERROR(recipe.fit_transform(problem.x, problem.rows, {}, {}), kInvalidParameter, HasSubstr("target"));
  EXPECT_FALSE(recipe.steps()[1].make()->can_stream());
}

}  // namespace
}  // namespace kolosal::pipeline
