#include "kolosal/transform/resampler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/thread_pool.hpp"
#include "kolosal/kernel/cpu.hpp"
#include "kolosal/transform/neighbours_internal.hpp"
#include "kolosal/transform/testing/selection_golden.hpp"

// What every resampler keeps, run over the registry, and the neighbour sets of imbalanced-learn.

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using data::TargetView;
using data::Task;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::uint32_t> rows_in(const nlohmann::json& cells) {
  return cells.get<std::vector<std::uint32_t>>();
}

// Numbers of every type, and classes of 60 %, 30 % and 10 %. Rows with i % 4 == 1 are not for training.
struct Problem {
  explicit Problem(std::size_t n) : codes(n) {
    Rng rng(3);
    std::vector<double> a(n);
    std::vector<float> b(n);
    std::vector<std::int64_t> c(n);
    std::vector<std::uint8_t> d(n);
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint64_t draw = rng.below(10);
      values.push_back(draw < 6 ? 0 : draw < 9 ? 1 : 2);
      weights.push_back(1 + static_cast<double>(i % 3));
      a[i] = rng.normal() + values[i];
      b[i] = static_cast<float>(rng.normal());
      c[i] = static_cast<std::int64_t>(rng.below(50));
      d[i] = static_cast<std::uint8_t>(rng.below(2));
      codes[i] = static_cast<std::int32_t>(rng.below(4)) - 1;
      if (i % 4 != 1) rows.push_back(i);
    }
    x.add("a", Column::from_float64(a));
    x.add("b", Column::from_float32(b));
    x.add("c", Column::from_int64(c));
    x.add("d", Column::from_bool(d));
    y = {Task::kMulticlass, values, weights, 3};
  }
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;
  Frame x;
  std::vector<std::int32_t> codes;
  std::vector<double> values, weights;
  TargetView y;
  std::vector<std::uint32_t> rows;
};

bool same_plan(const ResamplePlan& a, const ResamplePlan& b) {
  return a.kept == b.kept && a.codes == b.codes &&
         std::ranges::equal(a.made, b.made, [](const auto& m, const auto& n) {
           return m.base == n.base && m.neighbour == n.neighbour && m.step == n.step && m.value == n.value;
         });
}

std::map<double, std::size_t> counts_of(const std::vector<double>& values) {
  std::map<double, std::size_t> out;
  for (const double value : values) ++out[value];
  return out;
}

class ResamplerContract : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Resampler> make() const { return make_resampler(GetParam()); }
};

TEST_P(ResamplerContract, IsDocumented) {
  const auto& info = resampler_info(GetParam());
  EXPECT_GT(info.summary.size(), 20U);
  EXPECT_EQ(info.summary.back(), '.');
  for (const auto& spec : info.params) EXPECT_GT(spec.doc.size(), 10U) << spec.name;
}

TEST_P(ResamplerContract, TakesTrainingRowsOnly) {
  const Problem p(400);
  const std::set<std::uint32_t> allowed(p.rows.begin(), p.rows.end());
  const auto plan = make()->plan(p.x, p.rows, p.y, {});
  EXPECT_FALSE(plan.kept.empty());
  for (const std::uint32_t row : plan.kept) EXPECT_TRUE(allowed.contains(row));
  for (const auto& made : plan.made) {
    EXPECT_TRUE(allowed.contains(made.base));
    EXPECT_TRUE(allowed.contains(made.neighbour));
    EXPECT_TRUE(made.step >= 0 && made.step < 1);
    EXPECT_EQ(made.value, p.values[made.base]);
  }
}

TEST_P(ResamplerContract, OtherRowsDoNotMatter) {
  Problem p(400);
  const auto before = make()->plan(p.x, p.rows, p.y, {});
  std::vector<std::uint32_t> shuffled = all_rows(400);
  for (std::uint32_t i = 1; i < 400; i += 4)
    shuffled[i] = 397 - (i - 1);  // other cells in the rows not given
  const Frame other = p.x.take(shuffled);
  for (std::uint32_t i = 1; i < 400; i += 4) p.values[i] = 2;
  EXPECT_TRUE(same_plan(before, make()->plan(other, p.rows, p.y, {})));
}

TEST_P(ResamplerContract, SameRowsForAnyNumberOfThreads) {
  ThreadPool pool(4);
  Context many;
  many.pool = &pool;
  many.n_threads = 4;
  const Problem p(900);
  EXPECT_TRUE(same_plan(make()->plan(p.x, p.rows, p.y, {}), make()->plan(p.x, p.rows, p.y, many)));
}

TEST_P(ResamplerContract, MakesATableOfItsOwn) {
  const Problem p(300);
  const auto plan = make()->plan(p.x, p.rows, p.y, {});
  const Resampled out = make()->resample(p.x, p.rows, p.y, {});
  const std::size_t n_kept = plan.kept.size();
  ASSERT_EQ(out.x.n_rows(), n_kept + plan.made.size());
  EXPECT_EQ(out.values.size(), out.x.n_rows());
  EXPECT_EQ(out.weights.size(), out.x.n_rows());
  EXPECT_EQ(out.x.names(), p.x.names());
  for (std::size_t c = 0; c < p.x.n_columns(); ++c) {
    ASSERT_EQ(out.x.column(c).type(), p.x.column(c).type());
    for (std::size_t i = 0; i < n_kept; ++i)
      ASSERT_EQ(out.x.column(c).number(i), p.x.column(c).number(plan.kept[i])) << p.x.name(c);
    for (std::size_t i = 0; i < plan.made.size(); ++i) {
      const auto& made = plan.made[i];
      const double from = p.x.column(c).number(made.base), to = p.x.column(c).number(made.neighbour);
      const double want = from + made.step * (to - from), slack = p.x.name(c) == "a" ? 1e-12 : 0.5000001;
      ASSERT_NEAR(out.x.column(c).number(n_kept + i), want, slack) << p.x.name(c);
    }
  }
  for (std::size_t i = 0; i < n_kept; ++i) EXPECT_EQ(out.weights[i], p.weights[plan.kept[i]]);
}

TEST_P(ResamplerContract, SurvivesFewRows) {
  const Problem p(60);
  std::vector<std::uint32_t> one = {4}, two;
  for (std::uint32_t i = 0; i < 60 && two.size() < 2; ++i)
    if (two.empty() || p.values[i] != p.values[two[0]]) two.push_back(i);
  EXPECT_THAT(make()->plan(p.x, {}, p.y, {}).kept, IsEmpty());
  EXPECT_THAT(make()->plan(p.x, one, p.y, {}).kept, ElementsAre(4));
  EXPECT_LE(make()->plan(p.x, two, p.y, {}).kept.size(), 2U);
}

std::vector<std::string> all_names() {
  std::vector<std::string> out;
  for (const auto& info : resamplers()) out.push_back(info.name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Registry, ResamplerContract, ::testing::ValuesIn(all_names()),
                         [](const auto& parameter) { return parameter.param; });

// Numbers that are as large or as small as they can be, that are all the same, and classes with one row.
TEST_P(ResamplerContract, SurvivesHostileNumbers) {
  const Problem p(240);
  std::vector<double> huge, tiny, constant(240, -7.5);
  std::vector<float> narrow;
  for (std::size_t i = 0; i < 240; ++i) {
    huge.push_back(i % 2 == 0 ? 1.7e308 : -1.7e308);
    tiny.push_back(5e-324 * static_cast<double>(i % 5));
    narrow.push_back(i % 3 == 0 ? 3e38F : -1e-45F);
  }
  Frame x({"huge", "tiny", "constant", "narrow"},
          {Column::from_float64(huge), Column::from_float64(tiny), Column::from_float64(constant),
           Column::from_float32(narrow)});
  const Resampled out = make()->resample(x, p.rows, p.y, {});
  EXPECT_GT(out.x.n_rows(), 0U);
  for (std::size_t c = 0; c < x.n_columns(); ++c)
    for (std::size_t row = 0; row < out.x.n_rows(); ++row)
      ASSERT_TRUE(std::isfinite(out.x.column(c).number(row))) << x.name(c) << " row " << row;

  const Frame same({"constant"}, {x.column("constant")});
  EXPECT_EQ(make()->resample(same, p.rows, p.y, {}).x.column(0).number(0), -7.5);
  std::vector<double> alone(240, 0.0), one_class(240, 1.0);
  alone[p.rows[3]] = 1;
  EXPECT_GT(make()->resample(p.x, p.rows, {Task::kBinary, alone, {}, 2}, {}).x.n_rows(), 0U);
  const ResamplePlan lone = make()->plan(p.x, p.rows, {Task::kBinary, one_class, {}, 2}, {});
  EXPECT_TRUE(lone.made.empty());
  EXPECT_FALSE(lone.kept.empty());
}

TEST_P(ResamplerContract, MissingAndInfiniteCellsAreKeptOrRefusedByName) {
  const Problem p(120);
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    std::vector<double> cells(120, 1.0);
    cells[p.rows[5]] = bad;
    Frame x = p.x;
    x.add("income", Column::from_float64(cells));
    try {
      EXPECT_FALSE(make()->resample(x, p.rows, p.y, {}).x.n_rows() == 0);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kData);
      EXPECT_THAT(error.what(),
                  ::testing::AllOf(HasSubstr("income"), HasSubstr(fmt::format("row {}", p.rows[5]))));
    }
    // Rows that are not for training do not matter.
    std::vector<double> outside(120, 1.0);
    outside[1] = bad;
    Frame other = p.x;
    other.add("income", Column::from_float64(outside));
    EXPECT_GT(make()->resample(other, p.rows, p.y, {}).x.n_rows(), 0U);
  }
}

TEST(Resamplers, RefuseWhatTheyCanNotDo) {
  const Problem p(40);
  EXPECT_ERROR(make_resampler("smot"), kInvalidParameter, HasSubstr("did you mean \"smote\""));
  EXPECT_ERROR(make_resampler("smote", {{"strategy", "everything"}}), kInvalidParameter,
               HasSubstr("not_majority"));
  EXPECT_ERROR(make_resampler("smote")->plan(p.x, p.rows, {Task::kRegression, p.values, {}, 0}, {}),
               kInvalidParameter, HasSubstr("number"));
  Frame holes = p.x;
  std::vector<double> cells(40, 1.0);
  cells[6] = std::nan("");
  holes.add("income", Column::from_float64(cells));
  EXPECT_ERROR(make_resampler("tomek_links")->plan(holes, p.rows, p.y, {}), kData,
               ::testing::AllOf(HasSubstr("income"), HasSubstr("row 6")));
  Frame colours = p.x;
  colours.add("colour", categories({"a", "b", "c"}, p.codes));
  EXPECT_ERROR(make_resampler("smote")->plan(colours, p.rows, p.y, {}), kData,
               ::testing::AllOf(HasSubstr("colour"), HasSubstr("smote_nc")));
}

TEST(Resamplers, KeepTheCellsOfOtherTypes) {
  const Problem p(120);
  Frame x = p.x;
  std::vector<std::optional<std::string>> texts(120);
  for (std::size_t i = 0; i < 120; i += 2) texts[i] = std::to_string(i);
  x.add("text", Column::from_texts(texts));
  x.add("colour", categories({"a", "b", "c"}, p.codes));
  const auto plan = make_resampler("random_over")->plan(x, p.rows, p.y, {});
  const Resampled out = make_resampler("random_over")->resample(x, p.rows, p.y, {});
  for (std::size_t i = 0; i < plan.kept.size(); ++i) {
    EXPECT_EQ(out.x.column("text").cell_text(i), x.column("text").cell_text(plan.kept[i]));
    EXPECT_EQ(out.x.column("colour").codes()[i], p.codes[plan.kept[i]]);
  }
}

TEST(RandomOver, BalancesTheClasses) {
  const Problem p(400);
  const auto even = counts_of(make_resampler("random_over")->resample(p.x, p.rows, p.y, {}).values);
  EXPECT_EQ(even.at(1), even.at(0));
  EXPECT_EQ(even.at(2), even.at(0));
  const auto plain =
      counts_of(make_resampler("random_over", {{"ratio", 0.001}})->resample(p.x, p.rows, p.y, {}).values);
  const auto part = counts_of(make_resampler("random_over", {{"ratio", 0.5}, {"strategy", "minority"}})
                                  ->resample(p.x, p.rows, p.y, {})
                                  .values);
  EXPECT_EQ(part.at(0), plain.at(0));
  EXPECT_EQ(part.at(1), plain.at(1));
  EXPECT_EQ(part.at(2), plain.at(0) / 2);
}

TEST(RandomUnder, BalancesTheClassesWithoutRepeats) {
  const Problem p(400);
  const auto plan = make_resampler("random_under")->plan(p.x, p.rows, p.y, {});
  EXPECT_TRUE(std::ranges::is_sorted(plan.kept, std::ranges::less_equal{}));
  const auto even = counts_of(make_resampler("random_under")->resample(p.x, p.rows, p.y, {}).values);
  EXPECT_EQ(even.at(0), even.at(2));
  EXPECT_EQ(even.at(1), even.at(2));
}

TEST(DropOutliers, LeavesOutRowsOfAnyTask) {
  std::vector<double> cells, values;
  for (std::size_t i = 0; i < 50; ++i) {
    cells.push_back(i == 7 ? 1000 : static_cast<double>(i % 10));
    values.push_back(static_cast<double>(i));
  }
  const Frame x = one_column(Column::from_float64(cells));
  const TargetView y{Task::kRegression, values, {}, 0};
  std::vector<std::uint32_t> rows = all_rows(40), want = rows;
  std::erase(want, 7U);
  for (const char* method : {"iqr", "zscore", "modified_zscore"})
    EXPECT_EQ(make_resampler("drop_outliers", {{"method", method}})->plan(x, rows, y, {}).kept, want)
        << method;
  const ParamMap forest = {{"method", "isolation_forest"}, {"contamination", 1.0 / 40}};
  EXPECT_EQ(make_resampler("drop_outliers", forest)->plan(x, rows, y, {}).kept, want);
  EXPECT_ERROR(make_resampler("drop_outliers", {{"method", "percentile"}, {"threshold", 60.0}}),
               kInvalidParameter, HasSubstr("percentile"));
}

class ResampleGolden : public ::testing::Test {
 protected:
  const nlohmann::json& golden = selection_golden()["resample"];
  Frame x = golden_frame(golden["points"]);
  GoldenTarget target{golden["labels"], Task::kBinary, 2};
  std::vector<std::uint32_t> rows = all_rows(x.n_rows());

  ResamplePlan plan(const char* name, const ParamMap& params = {}) const {
    return make_resampler(name, params)->plan(x, rows, target.y, {});
  }
  // Every made row lies between a row of the minority and one of its neighbours as the peer finds them.
  void expect_neighbours(const ResamplePlan& made, const nlohmann::json& neighbours) const {
    std::map<std::uint32_t, std::set<std::uint32_t>> allowed, used;
    const auto minority = rows_in(golden["minority"]);
    for (std::size_t i = 0; i < minority.size(); ++i)
      for (const std::uint32_t row : rows_in(neighbours[i])) allowed[minority[i]].insert(row);
    for (const auto& m : made.made) {
      ASSERT_TRUE(allowed.contains(m.base)) << m.base;
      EXPECT_TRUE(allowed[m.base].contains(m.neighbour)) << m.base << " to " << m.neighbour;
      used[m.base].insert(m.neighbour);
    }
    EXPECT_GT(used.size(), minority.size() / 2);
  }
};

TEST_F(ResampleGolden, SmoteHasThePeersNeighboursAndCounts) {
  const auto made = plan("smote");
  expect_neighbours(made, golden["smote_neighbours"]);
  EXPECT_EQ(made.made.size() + golden["minority"].size(), golden["smote_counts"][1].get<std::size_t>());
  EXPECT_EQ(made.kept, rows);
}

TEST_F(ResampleGolden, TomekLinksDropsThePeersRows) {
  for (const auto& [strategy, kept] : golden["tomek"].items())
    EXPECT_EQ(plan("tomek_links", {{"strategy", strategy}}).kept, rows_in(kept)) << strategy;
  EXPECT_LT(plan("tomek_links", {{"strategy", "all"}}).kept.size(), rows.size());
}

TEST_F(ResampleGolden, AdasynHasThePeersRowsPerBase) {
  const auto made = plan("adasyn");
  expect_neighbours(made, golden["smote_neighbours"]);
  EXPECT_EQ(made.made.size() + golden["minority"].size(), golden["adasyn_counts"][1].get<std::size_t>());
  const auto minority = rows_in(golden["minority"]), wanted = rows_in(golden["adasyn_per_row"]);
  std::map<std::uint32_t, std::uint32_t> count;
  for (const auto& m : made.made) ++count[m.base];
  for (std::size_t i = 0; i < minority.size(); ++i) EXPECT_EQ(count[minority[i]], wanted[i]) << minority[i];
}

TEST_F(ResampleGolden, BorderlineSmoteStartsFromThePeersRows) {
  const auto danger = rows_in(golden["borderline_danger"]);
  const auto made = plan("borderline_smote");
  EXPECT_EQ(made.made.size() + golden["minority"].size(), golden["borderline_counts"][1].get<std::size_t>());
  std::set<std::uint32_t> bases;
  for (const auto& m : made.made) {
    bases.insert(m.base);
    EXPECT_EQ(target.values[m.neighbour], 1);
  }
  EXPECT_THAT(bases, ::testing::ElementsAreArray(danger));  // 90 rows from so few bases: each is drawn
  bool crosses = false;
  for (const auto& m : plan("borderline_smote", {{"kind", std::int64_t{2}}}).made) {
    EXPECT_TRUE(std::ranges::binary_search(danger, m.base));
    crosses |= target.values[m.neighbour] == 0;
    EXPECT_TRUE(target.values[m.neighbour] == 1 || m.step < 0.5);
  }
  EXPECT_TRUE(crosses);
}

TEST_F(ResampleGolden, SmoteNcHasThePeersNeighboursAndTheirLevels) {
  const auto colours = golden["colour"].get<std::vector<std::int32_t>>();
  x.add("colour", categories({"a", "b", "c"}, colours));
  const auto made = plan("smote_nc");
  expect_neighbours(made, golden["smote_nc_neighbours"]);
  const auto minority = rows_in(golden["minority"]);
  ASSERT_EQ(made.codes.size(), 4U);
  ASSERT_EQ(made.codes[3].size(), made.made.size());
  for (std::size_t m = 0; m < made.made.size(); ++m) {
    const auto base = std::ranges::find(minority, made.made[m].base) - minority.begin();
    std::map<std::int32_t, int> count;
    int most = 0;
    for (const auto row : rows_in(golden["smote_nc_neighbours"][static_cast<std::size_t>(base)]))
      most = std::max(most, ++count[colours[row]]);
    EXPECT_EQ(count[made.codes[3][m]], most);
  }
  const Resampled out = make_resampler("smote_nc")->resample(x, rows, target.y, {});
  EXPECT_EQ(out.x.column("colour").codes()[rows.size() + 5], made.codes[3][5]);
}

TEST_F(ResampleGolden, NearMissKeepsThePeersRows) {
  for (const auto& [version, kept] : golden["near_miss"].items()) {
    const auto got = plan("near_miss", {{"version", std::int64_t{std::stoi(version)}}});
    EXPECT_EQ(got.kept, rows_in(kept)) << version;
  }
}

TEST(Neighbours, AgreeWithThePlainSearch) {
  Rng rng(5);
  Points points{150, 3, 1, {}, {}, 0.25};
  for (std::size_t i = 0; i < points.n * 3; ++i)
    points.numbers.push_back(static_cast<double>(rng.below(6)));  // ties
  for (std::size_t i = 0; i < points.n; ++i) points.codes.push_back(static_cast<std::int32_t>(rng.below(3)));
  std::vector<std::uint32_t> self = all_rows(points.n);
  for (const bool farthest : {false, true})
    for (const std::size_t k : {1U, 4U, 149U, 400U}) {
      const auto found = find_neighbours(points, points, {.k = k, .farthest = farthest, .self = self}, {});
      ASSERT_EQ(found.k, std::min<std::size_t>(k, 149));
      for (std::uint32_t q = 0; q < points.n; ++q) {
        std::vector<std::pair<double, std::uint32_t>> all;
        for (std::uint32_t i = 0; i < points.n; ++i) {
          double distance = points.codes[i] == points.codes[q] ? 0 : 0.25;
          for (std::size_t f = 0; f < 3; ++f)
            distance += std::pow(points.numbers[i * 3 + f] - points.numbers[q * 3 + f], 2);
          if (i != q) all.emplace_back(farthest ? -distance : distance, i);
        }
        std::ranges::sort(all);
        for (std::size_t j = 0; j < found.k; ++j) {
          ASSERT_EQ(found.of(q)[j], all[j].second) << q;
          ASSERT_EQ(found.squared[q * found.k + j], std::abs(all[j].first));
        }
      }
    }
}

// The search by way of whole numbers must find the same rows where whole numbers can not tell them apart, and
// when it is given up.
TEST(Neighbours, AreExactBeyondThePrecisionOfTheFilter) {
  const kernel::CpuLevel before = kernel::cpu_level();
  for (const std::size_t width : {1U, 2U, 7U, 31U})
    for (const char* shape :
         {"cloud", "far from 0", "huge", "tiny", "two clouds", "outliers", "few values"}) {
      SCOPED_TRACE(testing::Message() << shape << " of width " << width);
      const std::string_view kind = shape;
      Rng rng(width);
      Points points{333, width, 0, {}, {}, 0};
      for (std::size_t i = 0; i < points.n * width; ++i) {
        double cell = rng.normal();
        if (kind == "far from 0") cell += 1e7;
        if (kind == "huge") cell += 1e155;
        if (kind == "tiny") cell *= 1e-158;
        if (kind == "two clouds") cell = (i / width % 2 == 0 ? 0.0 : 1e9) + 1e-3 * cell;
        if (kind == "outliers" && rng.below(50) == 0) cell *= 1e6;
        if (kind == "few values") cell = std::round(cell);
        points.numbers.push_back(cell);
      }
      kernel::set_cpu_level(before);
      const auto found = neighbours_of_all(points, 5, {});
      for (std::uint32_t q = 0; q < points.n; ++q) {
        std::vector<std::pair<double, std::uint32_t>> all;
        for (std::uint32_t i = 0; i < points.n; ++i) {
          double sum = 0;
          for (std::size_t f = 0; f < width; ++f) {
            const double rest = points.numbers[i * width + f] - points.numbers[q * width + f];
            sum += rest * rest;
          }
          if (i != q) all.emplace_back(sum, i);
        }
        std::ranges::sort(all);
        for (std::size_t j = 0; j < 5; ++j) {
          ASSERT_EQ(found.of(q)[j], all[j].second) << "query " << q;
          ASSERT_EQ(found.squared[q * 5 + j], all[j].first) << "query " << q;
        }
      }
      kernel::set_cpu_level(kernel::CpuLevel::kBaseline);
      EXPECT_EQ(neighbours_of_all(points, 5, {}).index, found.index);
    }
  kernel::set_cpu_level(before);
}

// Points among each other are searched another way than points near to queries.
TEST(Neighbours, OfAllAreThoseOfTheSameQueries) {
  ThreadPool pool(3);
  Context context;
  context.pool = &pool;
  context.n_threads = 3;
  for (const std::size_t n : {65U, 129U, 256U, 700U, 1025U})
    for (const double share_equal : {0.0, 0.3, 1.0}) {
      SCOPED_TRACE(testing::Message() << n << " points, equal: " << share_equal);
      Rng rng(n);
      Points points{n, 9, 0, {}, {}, 0};
      for (std::size_t i = 0; i < n; ++i) {
        const bool is_equal = rng.uniform() < share_equal;
        for (std::size_t f = 0; f < 9; ++f) points.numbers.push_back(is_equal ? 0.5 : rng.normal());
      }
      const Points queries = points;
      const std::vector<std::uint32_t> self = all_rows(n);
      for (const std::size_t k : {1U, 5U, 16U}) {
        const auto want = find_neighbours(points, queries, {.k = k, .self = self}, {});
        for (const Context& one : {Context{}, context}) {
          const auto found = neighbours_of_all(points, k, one);
          EXPECT_EQ(found.index, want.index);
          EXPECT_EQ(found.squared, want.squared);
        }
      }
    }
}

}  // namespace
}  // namespace kolosal::transform
