#include "kolosal/transform/drift.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kolosal/artifact/container.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/transform/recipe.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const double kNaN = std::nan("");

Frame frame(std::vector<double> age, const std::vector<std::string>& levels, std::vector<std::int32_t> town,
            std::vector<std::int64_t> day) {
  Frame out = one_column(Column::from_float64(std::move(age)), "age");
  out.add("town", categories(levels, std::move(town)));
  out.add("day", Column::from_date(std::move(day)));
  return out;
}

Frame fitted() {
  return frame({1, kNaN, 3, 80}, {"a", "b", "never"}, {0, 1, 0, data::kMissingCode}, {0, 5, 9, 2});
}

std::vector<std::string> lines(const DriftMonitor& monitor) {
  std::vector<std::string> out;
  for (const auto& column : monitor.report().columns) out.push_back(column.line());
  return out;
}

Recipe watching() {
  Recipe out({{"scale", {}, {"all", {"age"}}}});
  out.watch_drift(true);
  out.fit_transform(fitted(), all_rows(4), {}, {});
  return out;
}

TEST(Drift, NothingIsToldOfRowsLikeTheFittedOnes) {
  const Recipe recipe = watching();
  EXPECT_THAT(lines(*recipe.drift()), IsEmpty());
  recipe.transform(fitted(), {});
  EXPECT_THAT(lines(*recipe.drift()), IsEmpty());
  EXPECT_EQ(recipe.drift()->report().n_rows, 4U);
}

TEST(Drift, CountsRangesAndLevelsWhateverTheDictionary) {
  const Recipe recipe = watching();
  recipe.transform(frame({81, 2, 0, 5}, {"c", "a"}, {0, 1, 0, data::kUnseenCode}, {0, 1, 2, 3}), {});
  recipe.transform(frame({2}, {"never"}, {0}, {10}), {});  // a level of the dictionary that no row had
  EXPECT_THAT(lines(*recipe.drift()), ElementsAre("age: 2 of 5 rows are out of the fitted range, 1 to 80",
                                                  "town: 4 of 5 rows have a level that no fitted row had",
                                                  "day: 1 of 5 rows are out of the fitted range, 0 to 9"));
  recipe.drift()->forget_counts();
  EXPECT_THAT(lines(*recipe.drift()), IsEmpty());
}

TEST(Drift, ComparesMissingShares) {
  const Recipe recipe = watching();
  std::vector<double> age(400, kNaN);
  age[0] = std::numeric_limits<double>::infinity();
  recipe.transform(frame(age, {"a"}, std::vector<std::int32_t>(400, 0), std::vector<std::int64_t>(400, 1)),
                   {});
  EXPECT_THAT(lines(*recipe.drift()),
              ElementsAre("age: missing in 100.0 % of the rows, but in 25.0 % of the fitted ones",
                          "town: missing in 0.0 % of the rows, but in 25.0 % of the fitted ones"));
}

TEST(Drift, OfLongFramesEveryFourthBlockIsCountedByAnyNumberOfThreads) {
  const Recipe recipe = watching();
  const std::size_t n = 200'000;
  const Frame x = frame(std::vector<double>(n, 99), {"a"}, std::vector<std::int32_t>(n, 0),
                        std::vector<std::int64_t>(n, 1));
  ThreadPool pool(2);
  Context two;
  two.pool = &pool;
  two.n_threads = 2;
  recipe.drift()->count(x, two);
  const auto report = recipe.drift()->report();
  EXPECT_EQ(report.n_rows, 49'152U + 200'000U - 48 * 4096);  // 12 whole blocks and what is left of the last
  EXPECT_EQ(report.columns.at(0).n_out_of_range, report.n_rows);
}

TEST(Drift, IsSavedWithTheRecipeAndFittedOnStreams) {
  const TempFolder folder;
  const Recipe recipe = watching();
  artifact::Node node;
  recipe.save(node);
  artifact::ContainerWriter writer;
  writer.add_node("recipe", node);
  writer.write(folder.path() / "recipe.kolosal");
  const Recipe loaded =
      Recipe::load(artifact::Container::open(folder.path() / "recipe.kolosal").node("recipe"));
  loaded.transform(frame({81}, {"c"}, {0}, {0}), {});
  EXPECT_THAT(lines(*loaded.drift()), ElementsAre("age: 1 of 1 rows are out of the fitted range, 1 to 80",
                                                  "town: 1 of 1 rows have a level that no fitted row had"));

  class Halves final : public BatchStream {
   public:
    std::optional<Batch> next() override {
      if (i_ == 2) return {};
      return Batch{fitted().slice(2 * i_++, 2), {}};
    }

   private:
    std::size_t i_ = 0;
  };
  Recipe streamed(std::vector<StepSpec>{});  // no step needs a pass, the monitor does
  streamed.watch_drift(true);
  EXPECT_EQ(streamed.fit_stream([] { return std::make_unique<Halves>(); }, {}), 1U);
  streamed.transform(frame({81}, {"c"}, {0}, {0}), {});
  EXPECT_EQ(lines(*streamed.drift()), lines(*loaded.drift()));

  Recipe off({{"scale"}});
  off.fit_transform(fitted(), all_rows(4), {}, {});
  EXPECT_EQ(off.drift(), nullptr);
}

}  // namespace
}  // namespace kolosal::transform
