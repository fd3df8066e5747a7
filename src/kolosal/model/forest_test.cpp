#include "kolosal/model/forest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// One node over one feature: left is worth 1, right is worth 2.
Forest stump(double threshold, unsigned flags) {
  Forest f;
  f.n_features = 1;
  f.base_score = {0};
  f.tree_root = {0};
  f.tree_output = {0};
  f.feature = {0};
  f.threshold = {threshold};
  f.left = {~0};
  f.right = {~1};
  f.flags = {static_cast<std::uint8_t>(flags)};
  f.category_offset = {0};
  f.category_words = {0};
  f.leaf_value = {1, 2};
  return f;
}

std::vector<double> predict(const Forest& f, const data::Frame& x, const Context& context = {}) {
  std::vector<double> out(x.n_rows() * static_cast<std::size_t>(f.n_outputs));
  f.predict(x, out, context);
  return out;
}

/// Alone and as one of many rows: the two ways that predict() has.
std::vector<double> route(const Forest& f, const std::vector<double>& values) {
  const auto few = predict(f, data::Frame({"x"}, {data::Column::from_float64(values)}));
  std::vector<double> padded(values);
  padded.resize(200, 0.0);
  auto many = predict(f, data::Frame({"x"}, {data::Column::from_float64(padded)}));
  many.resize(few.size());
  EXPECT_EQ(few, many);
  return few;
}

TEST(Forest, RoutesLikeLightGBM) {
  // missing type NaN, to the right and to the left
  EXPECT_THAT(route(stump(0.5, 0), {0.5, 0.6, kNaN, -kInf, kInf}), ElementsAre(1, 2, 2, 1, 2));
  EXPECT_THAT(route(stump(0.5, kDefaultLeft), {0.5, 0.6, kNaN}), ElementsAre(1, 2, 1));
  // missing type none: NaN is 0, whatever the default
  EXPECT_THAT(route(stump(0.5, kNanIsZero), {0.6, kNaN}), ElementsAre(2, 1));
  EXPECT_THAT(route(stump(-0.5, kNanIsZero | kDefaultLeft), {-0.6, kNaN}), ElementsAre(1, 2));
  // missing type zero: |x| <= 1e-35 and NaN are missing
  EXPECT_THAT(route(stump(-0.5, kZeroIsMissing | kDefaultLeft), {0, 1e-36, 1e-34, kNaN, -1}),
              ElementsAre(1, 1, 2, 1, 1));
}

TEST(Forest, RoutesLikeXGBoost) {
  Forest f = stump(static_cast<double>(0.1F), 0);
  f.strict_less = true;
  f.round_to_float = true;
  // 0.1 becomes 0.1F, which is not below 0.1F. 0.1 - 1e-12 rounds to 0.1F too.
  EXPECT_THAT(route(f, {0.1, 0.1 - 1e-12, 0.09999, kNaN}), ElementsAre(2, 2, 1, 2));
  f.threshold = {-kInf};
  EXPECT_THAT(route(f, {-kInf, 0}), ElementsAre(2, 2));
  f.threshold = {kInf};
  EXPECT_THAT(route(f, {kInf, 1e300, 1e38}), ElementsAre(2, 2, 1));
}

TEST(Forest, RoutesCategories) {
  Forest f = stump(0, kCategorical);
  f.category_words = {2};
  f.category_bits = {1U << 0 | 1U << 5, 1U << 1};  // 0, 5, 33
  EXPECT_THAT(route(f, {0, 1, 5, 33, 64, 1e18, -1, -2, kNaN, -0.5}),
              ElementsAre(1, 2, 1, 1, 2, 2, 2, 2, 2, 1));
  f.flags = {kCategorical | kDefaultLeft};
  EXPECT_THAT(route(f, {1, 64, -1, kNaN}), ElementsAre(2, 2, 1, 1));

  const auto dictionary = std::make_shared<data::Dictionary>(std::vector<std::string>{"a", "b"});
  const data::Frame x(
      {"x"}, {data::Column::from_category({0, 1, data::kMissingCode, data::kUnseenCode}, dictionary)});
  EXPECT_THAT(predict(f, x), ElementsAre(1, 2, 1, 1));
}

TEST(Forest, ReadsEveryNumericType) {
  const Forest f = stump(0.5, kDefaultLeft);
  const data::Bitmap valid = {0b011};
  const auto one = [&](data::Column column) { return predict(f, data::Frame({"x"}, {std::move(column)})); };
  EXPECT_THAT(one(data::Column::from_bool({0, 1, 1}, valid)), ElementsAre(1, 2, 1));
  EXPECT_THAT(one(data::Column::from_int64({-7, 9, 9}, valid)), ElementsAre(1, 2, 1));
  EXPECT_THAT(one(data::Column::from_int64({9, -7, 9, 9, 9}, {0b10111}).slice(1, 4)),
              ElementsAre(1, 2, 1, 2));
  EXPECT_THAT(one(data::Column::from_float32({0.25F, 0.75F, std::nanf("")})), ElementsAre(1, 2, 1));
}

TEST(Forest, AppliesLinkAverageAndBaseScore) {
  Forest f = stump(0.5, 0);
  f.base_score = {-1};
  f.link = Link::kSigmoid;
  EXPECT_THAT(route(f, {0, 1}),
              testing::Pointwise(testing::DoubleNear(1e-15), {0.5, 1 / (1 + std::exp(-1.0))}));
  f.link = Link::kExp;
  EXPECT_THAT(route(f, {0, 1}), testing::Pointwise(testing::DoubleNear(1e-15), {1.0, std::exp(1.0)}));

  f = stump(0.5, 0);
  f.n_outputs = 2;
  f.base_score = {0, 0};
  f.tree_root = {0, ~2, ~2};  // output 0 gets the stump and 5, output 1 gets 5
  f.tree_output = {0, 0, 1};
  f.leaf_value = {1, 2, 5};
  f.average = true;
  EXPECT_THAT(route(f, {0}), ElementsAre(3, 5));
  f.average = false;
  f.link = Link::kSoftmax;
  EXPECT_THAT(route(f, {0}), testing::Pointwise(testing::DoubleNear(1e-15),
                                                {1 / (1 + std::exp(-1.0)), 1 / (1 + std::exp(1.0))}));

  f = stump(0.5, 0);
  f.n_outputs = f.leaf_width = 2;
  f.base_score = {0, 0};
  f.tree_root = {0, 0};
  f.tree_output = {0, 0};
  f.average = true;
  f.leaf_value = {0.25, 0.75, 1, 0};
  EXPECT_THAT(route(f, {0}), ElementsAre(0.25, 0.75));
}

/// Random trees over n_features features of all kinds of nodes.
Forest random_forest(Rng& rng, std::int32_t n_features, std::size_t n_trees, bool numbers_only) {
  Forest f;
  f.n_features = n_features;
  f.base_score = {0.5};
  f.category_bits = {0x5a5a1234U, 0x0f0f0001U};
  for (std::size_t t = 0; t < n_trees; ++t) {
    const std::function<std::int32_t(int)> grow = [&](int depth) -> std::int32_t {
      if (depth == 0 || rng.uniform() < 0.2) {
        f.leaf_value.push_back(rng.normal());
        return ~static_cast<std::int32_t>(f.leaf_value.size() - 1);
      }
      const std::size_t i = f.feature.size();
      f.feature.push_back(static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(n_features))));
      f.threshold.push_back(std::round(rng.normal() * 4) / 4);
      static constexpr std::uint8_t kKinds[] = {0,
                                                kDefaultLeft,
                                                kNanIsZero,
                                                kCategorical,
                                                kZeroIsMissing,
                                                kCategorical | kDefaultLeft,
                                                kZeroIsMissing | kDefaultLeft};
      f.flags.push_back(kKinds[rng.below(numbers_only ? 3 : std::size(kKinds))]);
      f.category_offset.push_back(static_cast<std::int32_t>(rng.below(2)));
      f.category_words.push_back(1);
      f.left.push_back(0);
      f.right.push_back(0);
      const std::int32_t left = grow(depth - 1), right = grow(depth - 1);
      f.left[i] = left;
      f.right[i] = right;
      return static_cast<std::int32_t>(i);
    };
    const std::int32_t root = grow(6);
    f.tree_root.push_back(root);
    f.tree_output.push_back(0);
  }
  return f;
}

/// The meaning of a node, written as plainly as possible.
double plain_sum(const Forest& f, const std::vector<double>& row) {
  double sum = 0;
  for (std::int32_t at : f.tree_root) {
    while (at >= 0) {
      const auto i = static_cast<std::size_t>(at);
      double v = row[static_cast<std::size_t>(f.feature[i])];
      const bool default_left = (f.flags[i] & kDefaultLeft) != 0;
      bool left;
      if (f.flags[i] & kCategorical) {
        if (std::isnan(v) || v <= -1)
          left = default_left;
        else if (v >= 32)
          left = false;
        else
          left =
              (f.category_bits[static_cast<std::size_t>(f.category_offset[i])] >> static_cast<int>(v)) & 1U;
      } else {
        if ((f.flags[i] & kNanIsZero) && std::isnan(v)) v = 0;
        const bool missing = std::isnan(v) || ((f.flags[i] & kZeroIsMissing) && std::abs(v) <= 1e-35);
        left = missing ? default_left : v <= f.threshold[i];
      }
      at = left ? f.left[i] : f.right[i];
    }
    sum += f.leaf_value[static_cast<std::size_t>(~at)];
  }
  return f.base_score[0] + sum;
}

TEST(Forest, MatchesThePlainLoopAtOddSizes) {
  Rng rng(7);
  ThreadPool pool(2);
  for (const bool numbers_only : {false, true}) {
    for (const std::size_t n : {1UL, 7UL, 63UL, 64UL, 65UL, 1001UL}) {
      const Forest f = random_forest(rng, 5, 20, numbers_only);
      std::vector<std::vector<double>> columns(5, std::vector<double>(n));
      for (auto& column : columns)
        for (double& v : column) v = rng.uniform() < 0.15 ? kNaN : std::round(rng.normal() * 8) / 4;
      std::vector<double> want;
      for (std::size_t r = 0; r < n; ++r) {
        std::vector<double> row;
        for (const auto& column : columns) row.push_back(column[r]);
        want.push_back(plain_sum(f, row));
      }
      data::Frame x;
      for (std::size_t c = 0; c < 5; ++c)
        x.add(std::string(1, static_cast<char>('a' + c)), data::Column::from_float64(columns[c]));
      EXPECT_EQ(predict(f, x), want);
      Context two;
      two.pool = &pool;
      two.n_threads = 2;
      EXPECT_EQ(predict(f, x, two), want);
    }
  }
}

TEST(Forest, AddsLeavesInBlocksOfTrees) {
  Rng rng(9);
  const Forest f = random_forest(rng, 3, 150, true);
  data::Frame x;
  for (const char* name : {"a", "b", "c"}) {
    std::vector<double> column(70);
    for (double& v : column) v = rng.normal();
    x.add(name, data::Column::from_float64(std::move(column)));
  }
  const auto got = predict(f, x);
  for (std::size_t r = 0; r < x.n_rows(); ++r) {
    double sum = 0;
    for (std::size_t first = 0; first < f.n_trees(); first += 64) {
      double block = 0;
      for (std::size_t t = first; t < std::min<std::size_t>(first + 64, f.n_trees()); ++t) {
        double leaf = 0;
        Forest one = f;
        one.base_score = {0};
        one.tree_root = {f.tree_root[t]};
        one.tree_output = {0};
        one.predict(x.slice(r, 1), {&leaf, 1}, {});
        block += leaf;
      }
      sum += block;
    }
    ASSERT_EQ(got[r], f.base_score[0] + sum) << r;
  }
}

TEST(Forest, RefusesAnotherTable) {
  const Forest f = stump(0, 0);
  EXPECT_ERROR(
      predict(f, data::Frame({"a", "b"}, {data::Column::from_float64({1}), data::Column::from_float64({1})})),
      kData, HasSubstr("2 instead of 1"));
  EXPECT_ERROR(predict(f, data::Frame({"words"}, {data::Column::from_texts({"hi"})})), kData,
               HasSubstr("\"words\""));
}

TEST(Forest, SavesAndLoads) {
  Rng rng(3);
  const Forest f = random_forest(rng, 4, 10, false);
  artifact::Node node;
  f.save(node);
  const Forest g = Forest::load(node);
  const data::Frame x({"a", "b", "c", "d"},
                      std::vector<data::Column>(4, data::Column::from_float64({0.25, -3, kNaN, 7, 0})));
  EXPECT_EQ(predict(f, x), predict(g, x));
}

TEST(Forest, RefusesDamagedTrees) {
  struct Case {
    const char* name;
    std::function<void(Forest&)> damage;
  };
  const Case cases[] = {
      {"root outside", [](Forest& f) { f.tree_root[0] = 1; }},
      {"root leaf outside", [](Forest& f) { f.tree_root[0] = ~2; }},
      {"smallest root", [](Forest& f) { f.tree_root[0] = std::numeric_limits<std::int32_t>::min(); }},
      {"loop", [](Forest& f) { f.left[0] = 0; }},
      {"child outside", [](Forest& f) { f.right[0] = 5; }},
      {"leaf outside", [](Forest& f) { f.right[0] = ~2; }},
      {"feature outside", [](Forest& f) { f.feature[0] = 1; }},
      {"negative feature", [](Forest& f) { f.feature[0] = -1; }},
      {"output outside", [](Forest& f) { f.tree_output[0] = 1; }},
      {"set outside", [](Forest& f) { f.flags[0] = kCategorical, f.category_words[0] = 1; }},
      {"set before", [](Forest& f) { f.flags[0] = kCategorical, f.category_offset[0] = -1; }},
      {"short array", [](Forest& f) { f.threshold.clear(); }},
      {"no base score", [](Forest& f) { f.base_score.clear(); }},
      {"leaf width", [](Forest& f) { f.leaf_width = 2; }},
      {"outputs", [](Forest& f) { f.n_outputs = 0; }},
      {"link", [](Forest& f) { f.link = static_cast<Link>(9); }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Forest f = stump(0, 0);
    c.damage(f);
    artifact::Node node;
    f.save(node);
    EXPECT_ERROR(Forest::load(node), kModel, HasSubstr("damaged"));
  }
}

}  // namespace
}  // namespace kolosal::model
