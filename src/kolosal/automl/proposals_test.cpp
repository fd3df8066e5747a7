#include "kolosal/automl/proposals.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/model/estimator.hpp"

namespace kolosal::automl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Candidate entry(std::string label, std::string estimator = "lightgbm", double cost = 1) {
  return {std::move(label), std::move(estimator), {}, "native", cost};
}

Proposals::Settings settings(double remaining_s = kInfinity) {
  Proposals::Settings out;
  out.seed = 7;
  out.remaining_s = [remaining_s] { return remaining_s; };
  return out;
}

TrialResult result(std::size_t number, Candidate candidate, double loss, double seconds = 1) {
  TrialResult out;
  out.number = number;
  out.candidate = std::move(candidate);
  out.loss = loss;
  out.seconds = seconds;
  return out;
}

/// What a run would see: trial t is proposed from the results before t - 3, or from all when those say
/// nothing; losses depend on the label alone.
std::vector<Candidate> simulate(Proposals& proposals, std::size_t n, std::vector<TrialResult> done = {}) {
  std::vector<Candidate> out;
  for (std::size_t t = done.size(); t < n; ++t) {
    std::vector<TrialResult> known;
    for (const TrialResult& r : done)
      if (r.number + 3 < t) known.push_back(r);
    auto candidate = proposals(t, known);
    if (!candidate) candidate = proposals(t, done);
    if (!candidate) break;
    done.push_back(result(t, *candidate,
                          1 + 1e-9 * static_cast<double>(std::hash<std::string>()(candidate->label) % 1000)));
    out.push_back(*candidate);
  }
  return out;
}

std::vector<std::string> labels(const std::vector<Candidate>& candidates) {
  std::vector<std::string> out;
  for (const Candidate& candidate : candidates) out.push_back(candidate.label);
  return out;
}

TEST(Proposals, PortfolioFirstInItsOrder) {
  Proposals proposals({entry("a"), entry("b", "ridge"), entry("c")}, settings());
  EXPECT_EQ(proposals(0, {})->label, "a");
  EXPECT_EQ(proposals(1, {})->label, "b");
  EXPECT_EQ(proposals(2, {})->label, "c");
}

TEST(Proposals, DearEntriesArePassedOverOnceAndSaidSo) {
  std::vector<std::string> passed;
  auto options = settings(5);
  options.skipped = [&](const Candidate& candidate, const std::string& why) {
    passed.push_back(candidate.label);
    EXPECT_THAT(why, HasSubstr("5.0 s are left"));
  };
  Proposals proposals({entry("first"), entry("dear", "lightgbm", 10), entry("cheap"), entry("cheap too")},
                      options);
  EXPECT_EQ(proposals(0, {})->label, "first");
  const std::vector<TrialResult> known = {result(0, entry("first"), 1, 2)};  // 2 s per unit of cost
  EXPECT_EQ(proposals(1, known)->label, "cheap");
  EXPECT_EQ(proposals(2, known)->label, "cheap too");
  EXPECT_THAT(passed, ElementsAre("dear"));
}

TEST(Proposals, APassedOverEntryComesWhenItFitsAfterAll) {
  double left = 5;
  auto options = settings();
  options.remaining_s = [&] { return left; };
  Proposals proposals({entry("first"), entry("dear", "lightgbm", 10), entry("cheap")}, options);
  const std::vector<TrialResult> known = {result(0, entry("first"), 1, 2)};
  EXPECT_EQ(proposals(1, known)->label, "cheap");
  left = 100;
  EXPECT_EQ(proposals(2, known)->label, "dear");
}

TEST(Proposals, EndWhenNothingFits) {
  Proposals proposals({entry("first"), entry("second")}, settings(0.4));
  EXPECT_FALSE(proposals(1, {result(0, entry("first"), 1, 2)}));
}

TEST(Proposals, ABoosterThatGetsAQuarterOfItsTimeIsBetterThanIdleThreads) {
  Proposals proposals({entry("first"), entry("forest", "extra_trees", 2), entry("booster", "lightgbm", 2)},
                      settings(1.5));
  const std::vector<TrialResult> known = {result(0, entry("first"), 1, 2)};  // 4 s are expected
  EXPECT_EQ(proposals(1, known)->label, "booster");
}

TEST(Proposals, TheSameResultsGiveTheSameProposals) {
  const auto run = [](std::uint64_t seed) {
    auto options = settings();
    options.seed = seed;
    Proposals proposals({entry("a"), entry("b", "xgboost"), entry("c", "ridge")}, options);
    std::string out;
    for (const Candidate& candidate : simulate(proposals, 40)) out += to_json(candidate).dump() + "\n";
    return out;
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(Proposals, AResumedRunGoesOnAsIfItHadNotStopped) {
  const auto portfolio = std::vector{entry("a"), entry("b", "xgboost"), entry("c"), entry("d", "ridge")};
  Proposals whole(portfolio, settings());
  const auto all = simulate(whole, 30);
  ASSERT_EQ(all.size(), 30U);
  for (const std::size_t n_done : {2, 7, 13, 21}) {
    std::vector<TrialResult> done;
    for (std::size_t t = 0; t < n_done; ++t)
      done.push_back(
          result(t, all[t], 1 + 1e-9 * static_cast<double>(std::hash<std::string>()(all[t].label) % 1000)));
    Proposals resumed(portfolio, settings());
    const auto rest = simulate(resumed, 30, done);
    EXPECT_EQ(labels(rest), labels({all.begin() + static_cast<std::ptrdiff_t>(n_done), all.end()})) << n_done;
  }
}

TEST(Proposals, NoLabelTwice) {
  Proposals proposals({entry("a"), entry("b", "xgboost"), entry("c")}, settings());
  auto seen = labels(simulate(proposals, 60));
  EXPECT_EQ(seen.size(), 60U);
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end()) << *std::ranges::adjacent_find(seen);
}

TEST(Proposals, EverythingProposedCanBeMade) {
  Proposals proposals({entry("a"), entry("b", "xgboost"), entry("c", "ridge"), entry("d", "extra_trees")},
                      settings());
  for (const Candidate& candidate : simulate(proposals, 80))
    EXPECT_NO_THROW(model::make_estimator(candidate.estimator, candidate.params))
        << to_json(candidate).dump();
}

TEST(Proposals, PatienceEndsWhatNoLongerGains) {
  auto options = settings();
  options.patience = 3;
  options.blend_loss = [](std::span<const TrialResult> known) {
    return std::ranges::min(known, {}, &TrialResult::loss).loss;
  };
  Proposals proposals({entry("a"), entry("b")}, options);
  std::vector<TrialResult> known = {result(0, entry("a"), 1), result(1, entry("b"), 0.9)};
  for (std::size_t t = 2; t < 5; ++t) {
    EXPECT_TRUE(proposals(t, known)) << t;
    known.push_back(result(t, entry("x"), 0.8997));  // less than a two-thousandth better
  }
  EXPECT_FALSE(proposals(5, known));
  known.push_back(result(5, entry("x"), 0.5));
  EXPECT_TRUE(proposals(6, known));
  // The next trial is proposed from fewer results than that, since later ones still run.
  known.pop_back();
  known.pop_back();
  EXPECT_TRUE(proposals(7, known));
  // A resumed run has lost as much patience as one that was not stopped.
  known.assign({result(0, entry("a"), 1), result(1, entry("b"), 0.9)});
  for (std::size_t t = 2; t < 5; ++t) known.push_back(result(t, entry("x"), 0.8997));
  EXPECT_FALSE(Proposals({entry("a"), entry("b")}, options)(5, known));
}

TEST(Proposals, PatienceLastsWhileTheBlendGains) {
  auto options = settings();
  options.patience = 3;
  double blend = 1;
  options.blend_loss = [&](std::span<const TrialResult>) { return blend *= 0.99; };
  Proposals proposals({entry("a"), entry("b")}, options);
  std::vector<TrialResult> known = {result(0, entry("a"), 1), result(1, entry("b"), 0.9)};
  for (std::size_t t = 2; t < 12; ++t) {
    EXPECT_TRUE(proposals(t, known)) << t;
    known.push_back(result(t, entry("x"), 2));  // worse alone, of use to the blend
  }
}

TEST(Proposals, ATrialCutShortIsNoCentre) {
  Proposals proposals({entry("a"), entry("b")}, settings());
  std::vector<TrialResult> known = {result(0, entry("a"), 0.1), result(1, entry("b"), 0.5)};
  known[0].cut_short = true;
  EXPECT_THAT(proposals(2, known)->label, StartsWith("b / "));
}

TEST(Proposals, APausedTrialGoesOnOnce) {
  Proposals proposals({entry("a"), entry("b")}, settings());
  std::vector<TrialResult> known = {result(0, entry("a"), 0.1), result(1, entry("b"), 0.5)};
  known[1].paused = true;
  std::vector<std::size_t> continued_at;
  for (std::size_t t = 2; t < 34; ++t) {
    const auto candidate = proposals(t, known);
    ASSERT_TRUE(candidate);
    if (!candidate->continues) continue;
    EXPECT_EQ(*candidate->continues, 1U);
    EXPECT_EQ(candidate->params, entry("b").params);
    EXPECT_EQ(candidate->label, "b / continued 1");
    continued_at.push_back(t);
  }
  EXPECT_THAT(continued_at, ElementsAre(9));
}

TEST(Promoted, NeitherAPausedTrialAndWhatWentOnNorTheNumberItContinued) {
  std::vector<TrialResult> known = {result(0, entry("a"), 0.1), result(1, entry("b"), 0.5)};
  known[1].paused = true;
  known.push_back(result(2, entry("b / continued 1"), 0.05));
  known[2].candidate.continues = 1;
  const auto candidates = promoted(known);
  EXPECT_THAT(labels(candidates), ElementsAre("b / continued 1"));
  EXPECT_FALSE(candidates[0].continues);
}

TEST(Proposals, ARandomForestOfABoostersLibraryIsNoCentre) {
  Candidate forest = entry("forest");
  forest.params = {{"boosting", std::string("rf")}, {"bagging_fraction", 0.6}};
  Proposals proposals({forest, entry("b")}, settings());
  const std::vector<TrialResult> known = {result(0, forest, 0.1), result(1, entry("b"), 0.5)};
  for (std::size_t t = 2; t < 8; ++t) EXPECT_THAT(proposals(t, known)->label, StartsWith("b / "));
}

TEST(WithLowerRate, HalvesTheRateAndDoublesTheRounds) {
  Candidate candidate = entry("small");
  candidate.params = {{"learning_rate", 0.1},
                      {"n_estimators", std::int64_t{300}},
                      {"early_stopping_rounds", std::int64_t{20}},
                      {"num_leaves", std::int64_t{8}}};
  const Candidate slower = with_lower_rate(candidate);
  EXPECT_EQ(std::get<double>(slower.params.at("learning_rate")), 0.05);
  EXPECT_EQ(std::get<std::int64_t>(slower.params.at("n_estimators")), 600);
  EXPECT_EQ(std::get<std::int64_t>(slower.params.at("early_stopping_rounds")), 30);
  EXPECT_EQ(std::get<std::int64_t>(slower.params.at("num_leaves")), 8);
  EXPECT_EQ(slower.cost, 2 * candidate.cost);
  EXPECT_EQ(slower.label, "small / rate 0.05");
  EXPECT_EQ(with_lower_rate(slower).label, "small / rate 0.025");
}

TEST(LocalStep, StaysInTheBoxAndMoves) {
  for (const std::string learner : {"lightgbm", "xgboost"})
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      const Candidate step = local_step(entry("a", learner), 3.0, seed);  // far beyond every wall
      const auto number = [&](const char* name) { return std::get<double>(step.params.at(name)); };
      const auto integer = [&](const char* name) { return std::get<std::int64_t>(step.params.at(name)); };
      EXPECT_GE(number("learning_rate"), 0.015 - 1e-12);
      EXPECT_LE(number("learning_rate"), 0.2 + 1e-12);
      if (learner == "lightgbm") {
        EXPECT_GE(integer("num_leaves"), 4);
        EXPECT_LE(integer("num_leaves"), 255);
        EXPECT_GE(number("feature_fraction"), 0.3);
        EXPECT_LE(number("feature_fraction"), 1);
        EXPECT_GE(integer("min_data_in_leaf"), 2);
      } else {
        EXPECT_GE(integer("max_depth"), 2);
        EXPECT_LE(integer("max_depth"), 10);
        EXPECT_GE(number("subsample"), 0.5);
        EXPECT_LE(number("subsample"), 1);
      }
      EXPECT_NO_THROW(model::make_estimator(learner, step.params));
    }
}

TEST(RandomPoint, IsLegalForEveryLearnerThatDeclaresRanges) {
  std::size_t n_learners = 0;
  for (const model::EstimatorInfo& info : model::estimators()) {
    SCOPED_TRACE(info.name);
    const auto first = random_point(entry("a / local 3", info.name), 1);
    if (!first) continue;
    ++n_learners;
    EXPECT_EQ(first->label, "a");
    EXPECT_NE(first->params, random_point(entry("a", info.name), 2)->params);
    EXPECT_EQ(first->params, random_point(entry("a", info.name), 1)->params);
    for (std::uint64_t seed = 0; seed < 50; ++seed)
      EXPECT_NO_THROW(model::make_estimator(info.name, random_point(entry("a", info.name), seed)->params))
          << seed;
  }
  EXPECT_GE(n_learners, 5U);
  EXPECT_FALSE(random_point(entry("constant", "constant"), 1));
}

TEST(Proposals, EveryFourthAfterThePortfolioIsARandomPoint) {
  Proposals proposals({entry("a"), entry("b", "xgboost")}, settings());
  const auto all = labels(simulate(proposals, 18));
  for (std::size_t t = 2; t < all.size(); ++t)
    EXPECT_EQ(all[t].find(" / random ") != std::string::npos, (t - 2) % 4 == 3) << all[t];
}

TEST(Proposals, WithoutBoostersTheOthersAreDrawn) {
  Proposals proposals(
      {entry("constant", "constant"), entry("linear", "ridge"), entry("trees", "extra_trees")}, settings());
  std::vector<TrialResult> known = {result(0, entry("constant", "constant"), 0.1),
                                    result(1, entry("linear", "ridge"), 0.5)};
  EXPECT_EQ(proposals(3, known)->label, "linear / random 3");
  known.pop_back();
  EXPECT_FALSE(proposals(3, known));
}

TEST(LocalStep, ALengthOfNothingStays) {
  Candidate centre = entry("a / rate 0.05");
  centre.params = {{"learning_rate", 0.05}, {"num_leaves", std::int64_t{31}}, {"extra_trees", true}};
  const Candidate same = local_step(centre, 0, 1);
  EXPECT_NEAR(std::get<double>(same.params.at("learning_rate")), 0.05, 1e-12);
  EXPECT_EQ(std::get<std::int64_t>(same.params.at("num_leaves")), 31);
  EXPECT_EQ(std::get<bool>(same.params.at("extra_trees")), true);
  EXPECT_EQ(same.label, "a");
}

TEST(Proposals, RandomPointsOfBoostersDrawAViewTooAndOthersKeepTheirs) {
  auto with_views = settings();
  with_views.views = {"native", "encoded", "pairs"};
  Proposals proposals({entry("a")}, with_views);
  std::set<std::string> drawn;
  for (const Candidate& candidate : simulate(proposals, 60)) {
    if (candidate.label.find("random") != std::string::npos) drawn.insert(candidate.view);
    if (candidate.label == "a") {
      EXPECT_EQ(candidate.view, "native");
    }
  }
  EXPECT_THAT(drawn, testing::UnorderedElementsAre("native", "encoded", "pairs"));
  Proposals forests({entry("f", "extra_trees")}, with_views);
  for (const Candidate& candidate : simulate(forests, 12)) EXPECT_EQ(candidate.view, "native");
}

}  // namespace
}  // namespace kolosal::automl
