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

// A table as batches of some rows, each with a dictionary of its own; counts its passes.
class Slices final : public BatchStream {
 public:
  Slices(Frame x, std::vector<double> y, std::size_t n) : x_(std::move(x)), y_(std::move(y)), n_(n) {}
  std::optional<Batch> next() override {
    if (begin_ >= x_.n_rows()) return {};
    const std::size_t begin = begin_, n = std::min(n_, x_.n_rows() - begin_);
    begin_ += n;
    return Batch{x_.slice(begin, n), {Task::kBinary, std::span(y_).subspan(begin, n), {}, 2}};
  }

 private:
  Frame x_;
  std::vector<double> y_;
  std::size_t n_, begin_ = 0;
};

BatchSource source_of(const Frame& x, const std::vector<double>& y, std::size_t n, int* n_passes = nullptr) {
  return [=] {
    if (n_passes) ++*n_passes;
    return std::make_unique<Slices>(x, y, n);
  };
}

Frame long_table(std::size_t n) {
  std::vector<double> a(n), b(n);
  std::vector<std::int64_t> whole(n);
  std::vector<std::int32_t> town(n);
  for (std::size_t i = 0; i < n; ++i) {
    a[i] = i % 11 == 3 ? std::nan("") : static_cast<double>(i * 37 % 101) / 7;
    b[i] = i % 13 == 5 ? std::nan("") : static_cast<double>(i * 53 % 97) * 1e3;
    whole[i] = static_cast<std::int64_t>(i % 17);
    town[i] = i % 9 == 0 ? data::kMissingCode : static_cast<std::int32_t>(i % 5);
  }
  Frame out({"a", "b"}, {Column::from_float64(a), Column::from_float64(b)});
  out.add("whole", Column::from_int64(whole));
  out.add("town", categories({"v", "w", "x", "y", "z"}, town));
  return out;
}

std::vector<double> target_of(std::size_t n) {
  std::vector<double> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = i * 7 % 3 == 0;
  return out;
}

TEST(Recipe, StepsThatAreFusedGiveTheBytesOfTheStepsAlone) {
  const Frame x = long_table(10'007);
  ThreadPool pool(2);
  Context two;
  two.pool = &pool;
  two.n_threads = 2;
  for (const char* strategy : {"median", "mean"})
    for (const char* method : {"standard", "robust", "minmax"})
      for (const bool indicator : {false, true}) {
        SCOPED_TRACE(fmt::format("{} {} {}", strategy, method, indicator));
        const ParamMap fill{{"strategy", strategy}, {"indicator", indicator}}, scale{{"method", method}};
        const std::vector<std::uint32_t> rows = [] {
          std::vector<std::uint32_t> out;
          for (std::uint32_t i = 0; i < 10'007; ++i)
            if (i % 5 != 2) out.push_back(i);
          return out;
        }();
        Recipe recipe({{"impute", fill}, {"scale", scale}, {"scale", {{"clip", 1.5}}, {"all", {"b", "a"}}}});
        const Frame fused = recipe.fit_transform(x, rows, {}, two);
        Frame frame = x;
        for (const auto& spec : recipe.steps()) {
          const auto step = make_transformer(spec.name, spec.params);
          frame = step->fit_transform(frame, rows, {}, spec.select.resolve(frame), {});
        }
        ASSERT_EQ(fused.names(), frame.names());
        const Frame later = recipe.transform(x, {});
        for (const auto& name : frame.names()) {
          EXPECT_EQ(fused.column(name).type(), frame.column(name).type());
          EXPECT_EQ(numbers(fused, name), numbers(frame, name)) << name;
          EXPECT_EQ(numbers(later, name), numbers(frame, name)) << name;
        }
      }
}

TEST(Recipe, IsFittedOnAStreamInAsManyPassesAsStepsDependOnEachOther) {
  const Frame x = long_table(1000);
  const auto y = target_of(1000);
  const struct {
    std::vector<StepSpec> steps;
    std::size_t n_passes;
  } cases[] = {
      {{{"impute", {{"strategy", "mean"}}}, {"one_hot"}, {"scale"}}, 2},
      {{{"impute", {}, {"numeric", {}}}, {"target_encode"}}, 1},
      {{{"impute"}, {"scale", {}, {"all", {"a"}}}, {"scale", {{"method", "robust"}}, {"all", {"b"}}}}, 2},
      {{{"scale", {}, {"all", {"a"}}}, {"scale", {}, {"all", {"b", "whole"}}}, {"text_hash"}}, 1},
      {{{"scale"}, {"scale", {{"method", "minmax"}}}, {"scale", {{"method", "robust"}}}}, 3},
      {{{"text_hash"}, {"date_parts", {{"drop_constant", false}}}}, 0},
      {{{"outliers", {{"action", "flag"}}}, {"one_hot"}}, 1},
      {{{"impute", {}, {"numeric", {}}},
        {"f_statistic", {{"choose", "top_k"}, {"k", std::int64_t{3}}}},
        {"scale"},
        {"pca"}},
       4},
  };
  for (const auto& [steps, n_passes] : cases) {
    Recipe whole(steps), stream(steps);
    whole.fit_transform(x, all_rows(1000), {Task::kBinary, y, {}, 2}, {});
    const Frame want = whole.transform(x, {});
    int n_opened = 0;
    EXPECT_EQ(stream.fit_stream(source_of(x, y, 77, &n_opened), {}), n_passes);
    EXPECT_EQ(n_opened, std::max(1, static_cast<int>(n_passes)));
    const Frame got = stream.transform(x, {});
    ASSERT_EQ(got.names(), want.names());
    for (const auto& name : want.names()) {
      if (want.column(name).type() == data::ColumnType::kSparse) {
        EXPECT_EQ(got.column(name).sparse().width, want.column(name).sparse().width);
        continue;
      }
      if (!want.column(name).is_numeric()) continue;
      EXPECT_THAT(numbers(got, name),
                  ::testing::Pointwise(::testing::NanSensitiveDoubleNear(1e-9), numbers(want, name)));
    }
  }
}

TEST(Recipe, AStreamNamesTheStepThatNeedsAllRows) {
  Recipe steps({{"scale"}, {"drop_id_like"}});
  EXPECT_ERROR(steps.fit_stream(source_of(table(), kTarget, 2), {}), kUnsupported,
               HasSubstr("step drop_id_like"));
  Recipe empty({{"scale"}});
  EXPECT_ERROR(empty.fit_stream(source_of(table().slice(0, 0), {}, 2), {}), kData, HasSubstr("no batch"));
  Recipe absent({{"impute", {}, {"numeric", {}}}, {"scale", {}, {"all", {"agee"}}}});
  EXPECT_ERROR(absent.fit_stream(source_of(table(), kTarget, 2), {}), kData, HasSubstr("agee"));
}

TEST(Recipe, RefusesToWidenAFrameBeyondItsLimit) {
  Recipe steps({{"one_hot"}});
  steps.max_features(4);
  EXPECT_ERROR(steps.fit_transform(table(), all_rows(4), {}, {}), kInvalidParameter,
               HasSubstr("step one_hot: would make 3 features of 1 columns (5 with all others), more than "
                         "--max-features 4"));
  EXPECT_ERROR(steps.fit_stream(source_of(table(), kTarget, 2), {}), kInvalidParameter,
               HasSubstr("--max-features 4"));
  steps.max_features(5);
  EXPECT_EQ(n_features(steps.fit_transform(table(), all_rows(4), {}, {})), 5U);
  Recipe narrow({{"scale"}});
  narrow.max_features(1);  // the table is wider from the start
  EXPECT_EQ(narrow.fit_transform(table(), all_rows(4), {}, {}).n_columns(), 3U);
}

TEST(Recipe, IsTakenBackStepByStep) {
  Recipe steps({{"scale", {}, {"all", {"age"}}}, {"ordinal_encode"}});
  const Frame made = steps.fit_transform(table(), all_rows(4), {}, {});
  const Frame back = steps.inverse_transform(made, {});
  EXPECT_THAT(numbers(back, "age"),
              ::testing::Pointwise(::testing::NanSensitiveDoubleNear(1e-12), numbers(table(), "age")));
  for (std::size_t row = 0; row < 4; ++row)
    for (const char* name : {"town", "when"})
      EXPECT_EQ(back.column(name).cell_text(row), table().column(name).cell_text(row)) << name;
  Recipe filled({{"impute"}});
  const Frame without = filled.fit_transform(table(), all_rows(4), {}, {});
  EXPECT_ERROR(filled.inverse_transform(without, {}), kUnsupported, HasSubstr("step impute"));
}

TEST(Recipe, RefusesBadParametersAtOnceAndNamesTheStepLater) {
  EXPECT_ERROR(Recipe({{"scale", {{"clip", -1.0}}}}), kInvalidParameter, HasSubstr("clip"));
  EXPECT_ERROR(recipe().transform(table(), {}), kNotFitted, HasSubstr("before"));
  Recipe steps({{"scale", {}, {"all", {"town"}}}});
  EXPECT_ERROR(steps.fit_transform(table(), all_rows(4), {}, {}), kData, HasSubstr("step scale"));
}

}  // namespace
}  // namespace kolosal::transform
