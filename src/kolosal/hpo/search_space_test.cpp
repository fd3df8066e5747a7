#include "kolosal/hpo/search_space.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "kolosal/core/error.hpp"

namespace kolosal::hpo {
namespace {

using testing::HasSubstr;
constexpr auto kLog = ParamRange::Scale::kLog;

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidParameter);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

SearchSpace example() {
  SearchSpace space;
  space.add_categorical("booster", {std::string("tree"), std::string("linear"), std::string("net")})
      .add_float("rate", 1e-4, 1, kLog)
      .add_integer("leaves", 4, 256, kLog)
      .only_if("booster", {std::string("tree")});
  return space;
}

TEST(SearchSpace, DecodesOnTheScaleOfEachRange) {
  EXPECT_NEAR(std::get<double>(example().decode(std::vector{0.0, 0.5, 0.0}).at("rate")), 1e-2, 1e-12);
  SearchSpace space;
  space.add_float("x", -2, 6).add_integer("i", 1, 3);
  const auto middle = space.decode(std::vector{0.25, 0.5});
  EXPECT_EQ(std::get<double>(middle.at("x")), 0);
  EXPECT_EQ(std::get<std::int64_t>(middle.at("i")), 2);
  const auto top = space.decode(std::vector{1.0, 1.0});
  EXPECT_NEAR(std::get<double>(top.at("x")), 6, 1e-9);
  EXPECT_EQ(std::get<std::int64_t>(top.at("i")), 3);
}

TEST(SearchSpace, IntegersAndCategoriesOwnEqualParts) {
  SearchSpace space;
  space.add_integer("i", 0, 4).add_categorical("c", {true, false});
  std::map<std::int64_t, int> n;
  int n_true = 0;
  for (int k = 0; k < 1000; ++k) {
    const auto params = space.decode(std::vector{(k + 0.5) / 1000, (k + 0.5) / 1000});
    ++n[std::get<std::int64_t>(params.at("i"))];
    n_true += std::get<bool>(params.at("c")) ? 1 : 0;
  }
  EXPECT_EQ(n.size(), 5U);
  for (const auto& [value, count] : n) EXPECT_EQ(count, 200) << value;
  EXPECT_EQ(n_true, 500);
}

TEST(SearchSpace, LeavesOutWhatItsParentForbids) {
  const SearchSpace space = example();
  EXPECT_TRUE(space.decode(std::vector{0.1, 0.5, 0.5}).contains("leaves"));
  EXPECT_FALSE(space.decode(std::vector{0.5, 0.5, 0.5}).contains("leaves"));
}

TEST(SearchSpace, DecodeUndoesEncode) {
  SearchSpace space = example();
  space.add_integer("depth", -3, 9).add_float("share", 0.2, 0.2).add_categorical("flag", {false, true});
  Rng rng(3);
  for (int k = 0; k < 500; ++k) {
    std::vector<double> unit(space.size());
    for (double& u : unit) u = rng.uniform();
    const ParamMap params = space.decode(unit);
    EXPECT_NO_THROW(space.check(params));
    const ParamMap back = space.decode(space.encode(params));
    ASSERT_EQ(back.size(), params.size());
    for (const auto& [name, value] : params) {
      if (const auto* real = std::get_if<double>(&value))
        EXPECT_NEAR(std::get<double>(back.at(name)), *real, 1e-12) << name;
      else
        EXPECT_EQ(back.at(name), value) << name;
    }
  }
}

TEST(SearchSpace, IsMadeFromParameterTables) {
  struct Params {
    double alpha = 1;
    int depth = 6;
    bool bias = true;
    std::string loss = "squared";
    int n_jobs = 1;
  };
  const auto specs =
      ParamTable<Params>()
          .param("alpha", &Params::alpha, "L2.", log_range(1e-3, 10))
          .param("depth", &Params::depth, "Depth.", linear_range(2, 12))
          .param("bias", &Params::bias, "Bias.", linear_range(0, 1))
          .param("loss", &Params::loss, "Loss.", choice({std::string("squared"), std::string("huber")}))
          .param("n_jobs", &Params::n_jobs, "Not searched.")
          .specs();
  const SearchSpace space = SearchSpace::from_specs(specs);
  ASSERT_EQ(space.size(), 4U);
  EXPECT_TRUE(space.dimensions()[0].log_scale);
  EXPECT_EQ(space.dimensions()[1].kind, Dimension::Kind::kInteger);
  EXPECT_EQ(space.dimensions()[2].choices, (std::vector<ParamValue>{false, true}));
  EXPECT_EQ(space.dimensions()[3].choices.size(), 2U);
}

TEST(SearchSpace, RefusesWhatIsOutside) {
  const SearchSpace space = example();
  const ParamMap good = {{"booster", std::string("tree")}, {"rate", 0.1}, {"leaves", std::int64_t{31}}};
  EXPECT_NO_THROW(space.check(good));
  auto with = [&](const char* name, ParamValue value) {
    ParamMap params = good;
    params[name] = std::move(value);
    return message_of([&] { space.check(params); });
  };
  EXPECT_EQ(with("rate", 2.0), "parameter rate must be between 0.0001 and 1, not 2");
  EXPECT_EQ(with("leaves", 31.5), "parameter leaves must be an integer, not \"31.5\"");
  EXPECT_EQ(with("booster", std::string("forest")),
            "parameter booster must be one of tree, linear, net, not \"forest\"");
  EXPECT_EQ(with("booster", std::string("linear")), "parameter leaves is only used when booster is tree");
  EXPECT_THAT(with("leafs", std::int64_t{3}), HasSubstr("did you mean \"leaves\"?"));
  EXPECT_EQ(message_of([&] { space.check({{"booster", std::string("linear")}}); }),
            "parameter rate is missing");
}

TEST(SearchSpace, RefusesRangesThatMakeNoSense) {
  EXPECT_THAT(message_of([] { SearchSpace().add_float("x", 0, 1, kLog); }),
              HasSubstr("must start above 0, not at 0"));
  EXPECT_THAT(message_of([] { SearchSpace().add_integer("x", 5, 4); }), HasSubstr("is empty: 5 to 4"));
  EXPECT_THAT(message_of([] { SearchSpace().add_float("x", 0, 1).add_float("x", 0, 1); }),
              HasSubstr("two parameters \"x\""));
  EXPECT_THAT(message_of([] { SearchSpace().add_float("x", 0, 1).only_if("y", {true}); }),
              HasSubstr("depends on \"y\""));
}

}  // namespace
}  // namespace kolosal::hpo
