#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

// What all encoders of categories keep: no training row is told its own target, and the order of rows does
// not matter to what is learnt. (Threads, single rows and hostile cells: contract_test.cpp.)

namespace kolosal::transform {
namespace {

using data::Frame;
using data::TargetView;
using data::Task;
using ::testing::Pointwise;

struct Step {
  const char* name;
  ParamMap params;
};

constexpr std::size_t kRows = 6000;
constexpr std::size_t kLevels = 2000;

// Three rows per level on average, and a target that has nothing to do with them.
struct RandomTable {
  Frame x;
  std::vector<double> number, flag;
};

RandomTable random_table() {
  Rng rng(20240229);
  RandomTable out;
  std::vector<std::string> levels;
  std::vector<std::int32_t> codes;
  for (std::size_t i = 0; i < kLevels; ++i) levels.push_back("level " + std::to_string(i));
  for (std::size_t i = 0; i < kRows; ++i) {
    codes.push_back(static_cast<std::int32_t>(rng.below(kLevels)));
    out.number.push_back(rng.normal());
    out.flag.push_back(static_cast<double>(rng.below(2)));
  }
  out.x = one_column(categories(levels, codes));
  return out;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double mean_a = 0, mean_b = 0, ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) mean_a += a[i], mean_b += b[i];
  mean_a /= static_cast<double>(a.size());
  mean_b /= static_cast<double>(b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean_a) * (b[i] - mean_b);
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

// Steps whose fit_transform() encodes training rows from other rows, with little smoothing: it hides leaks.
const Step kSafeSteps[] = {
    {"target_encode", {{"smoothing", 0.1}}},
    {"target_encode", {{"method", "empirical_bayes"}}},
    {"target_encode", {{"method", "james_stein"}}},
    {"target_encode", {{"training", "ordered"}, {"smoothing", 0.1}}},
    {"weight_of_evidence", {{"regularization", 0.1}}},
    {"group_stats", {{"target", true}, {"stats", "mean"}}},
};

TEST(EncodersOfTheTarget, DoNotTellTrainingRowsTheirOwnTarget) {
  const RandomTable table = random_table();
  for (const Step& one : kSafeSteps)
    for (const bool is_number : {true, false}) {
      SCOPED_TRACE(std::string(one.name) + (is_number ? ", numbers" : ", classes"));
      const auto& values = is_number ? table.number : table.flag;
      const TargetView y{is_number ? Task::kRegression : Task::kBinary, values, {}, is_number ? 0U : 2U};
      const auto step = make_transformer(one.name, one.params);
      const Frame train = step->fit_transform(table.x, all_rows(kRows), y, {"x"}, {});
      const Frame later = step->transform(table.x, {});
      for (std::size_t c = 0; c < train.n_columns(); ++c) {
        if (train.column(c).type() == data::ColumnType::kCategory) continue;  // the column itself
        // Chance gives 1 / sqrt(6000) = 0.013. The encoding of later rows is what a leak would look like.
        EXPECT_LT(std::abs(correlation(numbers(train, train.name(c)), values)), 0.045) << train.name(c);
        EXPECT_GT(std::abs(correlation(numbers(later, train.name(c)), values)), 0.3) << train.name(c);
      }
    }
}

TEST(EncodersOfTheTarget, DoNotTellTrainingRowsTheTargetOfTheirGroup) {
  // 120 groups of fifty rows. A level tells the group, and all rows of a group have the same target: a coin.
  constexpr std::size_t kGroups = 120;
  Rng rng(7);
  std::vector<std::string> levels;
  std::vector<double> coin;
  for (std::size_t g = 0; g < kGroups; ++g) {
    levels.push_back("level " + std::to_string(g));
    coin.push_back(static_cast<double>(g % 2));
  }
  rng.shuffle(coin);
  std::vector<std::int32_t> codes;
  std::vector<std::int64_t> groups;
  std::vector<double> values;
  for (std::size_t i = 0; i < kRows; ++i) {
    codes.push_back(static_cast<std::int32_t>(i % kGroups));
    groups.push_back(static_cast<std::int64_t>(1000 - 3 * codes.back()));
    values.push_back(coin[i % kGroups]);
  }
  const Frame x = one_column(categories(levels, codes));
  for (const Step& one : kSafeSteps) {
    if (one.params.contains("training")) continue;  // in order of rows: it does not look at groups
    for (const bool is_number : {true, false}) {
      SCOPED_TRACE(std::string(one.name) + (is_number ? ", numbers" : ", classes"));
      TargetView y{is_number ? Task::kRegression : Task::kBinary, values, {}, is_number ? 0U : 2U};
      const auto encoded = [&] {
        const auto step = make_transformer(one.name, one.params);
        const Frame train = step->fit_transform(x, all_rows(kRows), y, {"x"}, {});
        double most = -1;
        for (std::size_t c = 0; c < train.n_columns(); ++c)
          if (train.column(c).type() != data::ColumnType::kCategory)
            most = std::max(most, correlation(numbers(train, train.name(c)), values));
        return most;
      };
      EXPECT_GT(encoded(), 0.9) << "what a row can be told by others of its group";
      y.groups = groups;
      EXPECT_LT(encoded(), 0.1);
    }
  }
}

const Step kOrderless[] = {
    {"category_cross", {}},
    {"group_stats", {{"target", true}}},
    {"binary_encode", {}},
    {"frequency_encode", {}},
    {"group_rare", {{"min_rows", std::int64_t{4}}}},
    {"leave_one_out_encode", {}},
    {"target_encode", {}},
    {"weight_of_evidence", {}},
};

TEST(Encoders, LearnTheSameFromRowsInAnyOrder) {
  const RandomTable table = random_table();
  std::vector<std::uint32_t> order = all_rows(kRows);
  Rng rng(3);
  rng.shuffle(order);
  std::vector<double> shuffled;
  for (const std::uint32_t row : order) shuffled.push_back(table.number[row]);
  for (const Step& one : kOrderless) {
    SCOPED_TRACE(one.name);
    const auto a = make_transformer(one.name, one.params), b = make_transformer(one.name, one.params);
    a->fit(table.x, all_rows(kRows), {Task::kRegression, table.number, {}, 0}, {"x"}, {});
    b->fit(table.x.take(order), all_rows(kRows), {Task::kRegression, shuffled, {}, 0}, {"x"}, {});
    const Frame from_a = a->transform(table.x, {}), from_b = b->transform(table.x, {});
    ASSERT_EQ(from_a.names(), from_b.names());
    for (const auto& name : from_a.names())
      EXPECT_THAT(numbers(from_a, name), Pointwise(NanSensitiveDoubleNear(1e-9), numbers(from_b, name)));
  }
}

}  // namespace
}  // namespace kolosal::transform
