#include "kolosal/transform/recipe_toml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::transform {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const char* const kRecipe = R"(# by hand
version = 1
target = "income"
ignore = ["id", "the \"name\""]

[[steps]]
step = "impute"
columns = "numeric"
params = { strategy = "median", indicator = true }
reason = "2 columns have missing cells."

[[steps]]
step = "scale"
columns = ["age", "hours"]
params = { clip = 5.0 }
keep = true
)";

TEST(RecipeToml, ReadsStepsInOrder) {
  const RecipePlan plan = parse_recipe(kRecipe, "recipe.toml");
  EXPECT_EQ(plan.target, "income");
  EXPECT_THAT(plan.ignore, ElementsAre("id", "the \"name\""));
  ASSERT_EQ(plan.steps.size(), 2U);
  EXPECT_EQ(plan.steps[0].spec.name, "impute");
  EXPECT_EQ(plan.steps[0].spec.select.types, "numeric");
  EXPECT_EQ(plan.steps[0].spec.params, (ParamMap{{"strategy", "median"}, {"indicator", true}}));
  EXPECT_EQ(plan.steps[0].reason, "2 columns have missing cells.");
  EXPECT_FALSE(plan.steps[0].spec.select.keep);
  EXPECT_THAT(plan.steps[1].spec.select.names, ElementsAre("age", "hours"));
  EXPECT_TRUE(plan.steps[1].spec.select.keep);
}

TEST(RecipeToml, WithoutColumnsAStepTakesItsDefaultTypes) {
  const RecipePlan plan = parse_recipe("[[steps]]\nstep = \"one_hot\"\n", "r");
  EXPECT_EQ(plan.steps.at(0).spec.select.types, transformer_info("one_hot").default_types);
}

TEST(RecipeToml, ErrorsNameFileLineAndTheNearestName) {
  const struct {
    const char* text;
    const char* start;
    const char* says;
  } kCases[] = {
      {"[[steps]]\nstep = \"imput\"\n", "r.toml:2: ", "did you mean \"impute\"?"},
      {"[[steps]]\nstep = \"impute\"\nparams = {\n", "r.toml:3:", "not valid TOML"},
      {"[[steps]]\nstep = \"impute\"\nparams = { stratgey = \"mean\" }\n",
       "r.toml:3: ", "did you mean \"strategy\"?"},
      {"[[steps]]\nstep = \"impute\"\n[steps.params]\nindicator = true\nstrategy = \"mode\"\n",
       "r.toml:5: ", "mode"},
      {"[[steps]]\nstep = \"scale\"\nparams = { clip = -1 }\n", "r.toml:3: ", "clip"},
      {"[[steps]]\nstep = \"scale\"\nparams = { clip = [1] }\n", "r.toml:3: ", "not a list"},
      {"[[steps]]\nstep = \"scale\"\ncolum = \"numeric\"\n", "r.toml:3: ", "did you mean \"columns\"?"},
      {"[[steps]]\nstep = \"scale\"\ncolumns = \"numerc\"\n", "r.toml:3: ", "did you mean \"numeric\"?"},
      {"[[steps]]\nstep = \"scale\"\ncolumns = \"\"\n", "r.toml:3: ", "empty"},
      {"[[steps]]\nstep = \"scale\"\ncolumns = []\n", "r.toml:3: ", "empty"},
      {"[[steps]]\nstep = \"scale\"\ncolumns = [\n\"a\",\n\"a\"]\n", "r.toml:5: ", "\"a\" is named twice"},
      {"[[steps]]\nstep = \"scale\"\ncolumns = [1]\n", "r.toml:3: ", "must be a text, not an integer"},
      {"[[steps]]\nstep = \"scale\"\nkeep = 1\n", "r.toml:3: ", "true or false, not an integer"},
      {"[[steps]]\nstep = \"scale\"\nparams = 2000-01-01\n", "r.toml:3: ", "not a date"},
      {"[[steps]]\ncolumns = \"all\"\n", "r.toml:1: ", "a step needs its name"},
      {"step = \"scale\"\nsteps = []\n", "r.toml:1: ", "did you mean \"steps\"?"},
      {"steps = [1]\n", "r.toml:1: ", "a step must be a table"},
      {"steps = 1\n", "r.toml:1: ", "[[steps]]"},
      {"target = \"x\"\n", "r.toml:1: ", "no [[steps]]"},
      {"\ntarget = 1\nsteps = []\n", "r.toml:2: ", "target must be a text"},
      {"ignore = \"x\"\nsteps = []\n", "r.toml:1: ", "list of texts"},
      {"version = 2\nsteps = []\n", "r.toml:1: ", "version 2"},
      {"version = \"1\"\nsteps = []\n", "r.toml:1: ", "version must be 1"},
      {"", "r.toml:1: ", "no [[steps]]"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.text);
    EXPECT_ERROR(parse_recipe(c.text, "r.toml"), kInvalidParameter,
                 AllOf(StartsWith(c.start), HasSubstr(c.says)));
  }
}

// ---- what is written is what is read ----------------------------------------------------------------------

rc::Gen<std::string> any_text() {
  const auto letter = rc::gen::elementOf(std::vector<std::string>{
      "a", "Z", "0", " ", "\"", "\\", "'", "#", "=", "[", "]", "\n", "\t", "\r", "\x01", "\x7f", "é", "名"});
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(letter),
                      [](const std::vector<std::string>& letters) {
                        std::string out;
                        for (const auto& text : letters) out += text;
                        return out;
                      });
}

rc::Gen<std::vector<std::string>> any_names() {
  return rc::gen::unique<std::vector<std::string>>(any_text());
}

/// A value that the parameter takes: its default, or a number within its limits.
ParamValue any_value(const ParamSpec& spec) {
  if (std::holds_alternative<bool>(spec.default_value)) return *rc::gen::arbitrary<bool>();
  if (const auto* number = std::get_if<double>(&spec.default_value))
    return *rc::gen::element(std::isnan(*number) ? 0.0 : *number, spec.minimum.value_or(0.5),
                             spec.maximum.value_or(1e300));
  return spec.default_value;
}

RecipePlan any_plan() {
  RecipePlan plan;
  plan.target = *any_text();
  plan.ignore = *any_names();
  plan.notes = *rc::gen::container<std::vector<std::string>>(any_text());
  const auto n_steps = *rc::gen::inRange<std::size_t>(0, 6);
  for (std::size_t i = 0; i < n_steps; ++i) {
    const TransformerInfo& info = *rc::gen::elementOf(transformers());
    PlannedStep step{StepSpec(info.name), *any_text()};
    step.spec.select = {info.default_types, *any_names(), *rc::gen::arbitrary<bool>()};
    for (const ParamSpec& spec : info.params)
      if (*rc::gen::arbitrary<bool>()) step.spec.params[spec.name] = any_value(spec);
    try {
      info.make(step.spec.params);
    } catch (const Error&) {
      step.spec.params.clear();  // limits that exclude each other
    }
    plan.steps.push_back(std::move(step));
  }
  return plan;
}

TEST(RecipeToml, WhatIsWrittenIsRead) {
  EXPECT_TRUE(rc::check("a plan through TOML", [] {
    const RecipePlan plan = any_plan();
    const RecipePlan back = parse_recipe(to_toml(plan), "r.toml");
    RC_ASSERT(back.target == plan.target);
    RC_ASSERT(back.ignore == plan.ignore);
    RC_ASSERT(back.notes == plan.notes);
    RC_ASSERT(back.steps.size() == plan.steps.size());
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      const StepSpec &wrote = plan.steps[i].spec, &read = back.steps[i].spec;
      RC_ASSERT(read.name == wrote.name);
      RC_ASSERT(read.params == wrote.params);
      RC_ASSERT(read.select.names == wrote.select.names);
      RC_ASSERT(read.select.types == wrote.select.types);
      RC_ASSERT(read.select.keep == wrote.select.keep);
      RC_ASSERT(back.steps[i].reason == plan.steps[i].reason);
    }
  }));
}

TEST(RecipeToml, NumbersKeepTheirTypeAndAllTheirDigits) {
  for (const double value : {5.0, 1e300, 4.9e-324, 0.1, 1.0 / 3, -0.0}) {
    RecipePlan plan;
    plan.steps.push_back({StepSpec("ordinal_encode", {{"missing_value", value}}), ""});
    const std::string text = to_toml(plan);
    SCOPED_TRACE(text);
    EXPECT_EQ(parse_recipe(text, "r").steps.at(0).spec.params.at("missing_value"), ParamValue(value));
  }
}

/// Whatever the bytes are, reading ends with a plan or with an Error.
TEST(RecipeToml, DamagedTextIsAnErrorAndNothingElse) {
  const std::string good = kRecipe;
  std::size_t n_errors = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const std::string& damaged :
         {good.substr(0, i), good.substr(0, i) + good.substr(i + 1),
          good.substr(0, i) + static_cast<char>(good[i] ^ 0x20) + good.substr(i + 1),
          good.substr(0, i) + '\xff' + good.substr(i)}) {
      try {
        parse_recipe(damaged, "r");
      } catch (const Error& error) {
        ++n_errors;
        EXPECT_EQ(error.code(), ErrorCode::kInvalidParameter) << error.what();
        EXPECT_THAT(error.what(), StartsWith("r:"));
      }
    }
  }
  EXPECT_GT(n_errors, good.size());
}

}  // namespace
}  // namespace kolosal::transform
