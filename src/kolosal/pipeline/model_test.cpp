#include "kolosal/pipeline/model.hpp"

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal::pipeline {
namespace {

using data::Column;
using data::Frame;
using data::Task;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;

constexpr std::size_t kRows = 120;

Column category(const std::vector<std::string>& levels, std::vector<std::int32_t> codes) {
  return Column::from_category(std::move(codes), std::make_shared<const data::Dictionary>(levels));
}

Frame features(std::uint64_t seed = 1) {
  Rng rng(seed);
  std::vector<double> x;
  std::vector<std::int64_t> n;
  std::vector<std::int32_t> codes;
  for (std::size_t i = 0; i < kRows; ++i) {
    x.push_back(rng.normal());
    n.push_back(static_cast<std::int64_t>(rng.below(10)));
    codes.push_back(static_cast<std::int32_t>(rng.below(3)));
  }
  Frame out;
  out.add("x", Column::from_float64(x));
  out.add("n", Column::from_int64(n));
  out.add("colour", category({"red", "green", "blue"}, codes));
  return out;
}

Pipeline fitted(const std::string& learner, const Frame& x, const data::TargetView& y, std::size_t skip) {
  std::vector<std::uint32_t> rows;
  for (std::uint32_t i = 0; i < kRows; ++i)
    if (i % 3 != skip) rows.push_back(i);
  ParamMap params;
  if (learner == "extra_trees") params = {{"n_estimators", std::int64_t{5}}};
  Pipeline out(transform::Recipe(std::vector<transform::StepSpec>()), learner, params);
  out.fit(x, y, {rows, {}}, Context());
  return out;
}

/// Two voices on two views: one of two folds, one of a single pipeline.
Model make_model(Task task) {
  const Frame x = features();
  Model out;
  out.task = task;
  out.target = "y";
  if (task != Task::kRegression) out.classes = {"low", "mid", "top"};
  if (task == Task::kBinary) out.classes = {"no", "yes"};
  std::vector<double> target;
  for (std::size_t i = 0; i < kRows; ++i) {
    const double value = 2 * x.column("x").number(i) + x.column("colour").number(i);
    target.push_back(task == Task::kRegression ? value
                     : task == Task::kBinary   ? value > 1
                     : value < 0               ? 0
                     : value < 2               ? 1
                                               : 2);
  }
  const data::TargetView y{task, target, {}, out.classes.size()};
  out.schema = data::Schema::of(x);
  std::vector<std::uint32_t> all(kRows);
  std::iota(all.begin(), all.end(), 0U);
  out.base = transform::Recipe(std::vector<transform::StepSpec>());
  const Frame base = out.base.fit_transform(x, all, y, Context());
  out.views["plain"] = transform::Recipe(std::vector<transform::StepSpec>());
  const Frame plain = out.views["plain"].fit_transform(base, all, y, Context());
  out.views["linear"] = transform::Recipe({{"one_hot", {}, {.types = "category"}}});
  const Frame linear = out.views["linear"].fit_transform(base, all, y, Context());
  Member trees{"trees", 0.25, "plain", {}};
  for (const std::size_t fold : {0, 1}) trees.pipelines.push_back(fitted("extra_trees", plain, y, fold));
  Member line{"line", 0.75, "linear", {}};
  line.pipelines.push_back(fitted(task == Task::kRegression ? "ridge" : "logistic_regression", linear, y, 2));
  out.members.push_back(std::move(trees));
  out.members.push_back(std::move(line));
  out.target_low = -100;
  out.target_high = 100;
  return out;
}

Model round_trip(const Model& model, const std::function<void(nlohmann::json&)>& damage = {}) {
  TempFolder folder;
  artifact::ContainerWriter writer;
  model.save(writer);
  writer.write(folder.file("model.kolosal"), false);
  if (!damage) return Model::open(folder.file("model.kolosal"));
  const auto container = artifact::Container::open(folder.file("model.kolosal"));
  artifact::ContainerWriter changed;
  for (const artifact::BlockInfo& block : container.blocks()) {
    if (block.type == "node") {
      changed.add_node(block.name, container.node(block.name));
    } else {
      auto json = container.json(block.name, block.version);
      if (block.name == "model") damage(json);
      changed.add_json(block.name, json);
    }
  }
  changed.write(folder.file("changed.kolosal"), false);
  return Model::open(folder.file("changed.kolosal"));
}

class EveryTask : public testing::TestWithParam<Task> {};
INSTANTIATE_TEST_SUITE_P(Model, EveryTask,
                         testing::Values(Task::kBinary, Task::kMulticlass, Task::kRegression),
                         [](const auto& p) { return std::string(data::task_name(p.param)); });

TEST_P(EveryTask, SavedAndOpenedItPredictsTheSame) {
  Model model = make_model(GetParam());
  if (GetParam() != Task::kRegression) model.calibrator = model::Calibrator::temperature(1.7);
  model.threshold = 0.3;
  const std::vector<double> errors = {3, 1, 2}, zeros(3);
  model.conformal = Conformal({Task::kRegression, zeros, {}, 0}, errors);
  const Model opened = round_trip(model);
  EXPECT_EQ(opened.threshold, 0.3);
  EXPECT_EQ(opened.conformal.score_at(0.5), 2);
  EXPECT_EQ(opened.predict(features(2), Context()), model.predict(features(2), Context()));
  EXPECT_EQ(opened.classes, model.classes);
  EXPECT_EQ(opened.target, "y");
  EXPECT_EQ(opened.calibrator.parameters, model.calibrator.parameters);
  ASSERT_EQ(opened.members.size(), 2U);
  EXPECT_EQ(opened.members[0].name, "trees");
  EXPECT_EQ(opened.members[0].pipelines.size(), 2U);
}

TEST_P(EveryTask, IsTheWeightedMeanOfItsMembers) {
  const Model both = make_model(GetParam());
  std::vector<std::vector<double>> parts;
  for (std::size_t i = 0; i < 2; ++i) {
    Model one = make_model(GetParam());
    one.members.erase(one.members.begin() + static_cast<std::ptrdiff_t>(1 - i));
    one.members.front().weight = 1;
    parts.push_back(one.predict(features(2), Context()));
  }
  const auto whole = both.predict(features(2), Context());
  for (std::size_t i = 0; i < whole.size(); ++i)
    EXPECT_NEAR(whole[i], 0.25 * parts[0][i] + 0.75 * parts[1][i], 1e-12);
}

TEST_P(EveryTask, TakesColumnsInAnyOrderWithOthersBetween) {
  const Model model = make_model(GetParam());
  const Frame table = features(2);
  Frame shuffled;
  shuffled.add("colour", table.column("colour"));
  shuffled.add("other", table.column("x"));
  shuffled.add("n", table.column("n"));
  shuffled.add("x", table.column("x"));
  data::ConformReport report;
  EXPECT_EQ(model.predict(shuffled, Context(), &report), model.predict(table, Context()));
  EXPECT_THAT(report.extra_columns, ElementsAre("other"));
}

TEST_P(EveryTask, OtherDictionariesAndUnseenLevels) {
  const Model model = make_model(GetParam());
  const Frame table = features(2);
  std::vector<std::int32_t> codes(kRows);
  for (std::size_t i = 0; i < kRows; ++i) codes[i] = 2 - table.column("colour").codes()[i];
  Frame same;
  for (const std::string name : {"x", "n"}) same.add(name, table.column(name));
  same.add("colour", category({"blue", "green", "red"}, codes));  // the same cells, coded otherwise
  EXPECT_EQ(model.predict(same, Context()), model.predict(table, Context()));

  Frame unseen;
  for (const std::string name : {"x", "n"}) unseen.add(name, table.column(name));
  unseen.add("colour", category({"blue", "green", "violet"}, codes));
  data::ConformReport report;
  const auto predicted = model.predict(unseen, Context(), &report);
  EXPECT_GT(report.unseen_levels["colour"], 0U);
  for (const double value : predicted) EXPECT_TRUE(std::isfinite(value));
}

TEST_P(EveryTask, NoRowsGiveNoPredictions) {
  const Model model = make_model(GetParam());
  EXPECT_TRUE(model.predict(features().slice(0, 0), Context()).empty());
}

TEST_P(EveryTask, ThreadsDoNotChangeAPrediction) {
  const Model model = make_model(GetParam());
  ThreadPool pool(3);
  EXPECT_EQ(model.predict(features(2), Context{&pool, 3}), model.predict(features(2), Context()));
}

TEST(Model, ReadsTheTemperatureOfOlderFiles) {
  Model model = make_model(Task::kMulticlass);
  const auto older = round_trip(model, [](auto& j) {
    j.erase("calibration");
    j.erase("threshold");
    j["temperature"] = 1.7;
  });
  model.calibrator = model::Calibrator::temperature(1.7);
  EXPECT_EQ(older.predict(features(2), Context()), model.predict(features(2), Context()));
  EXPECT_EQ(older.threshold, 0.5);
  EXPECT_TRUE(older.conformal.is_empty());
}

TEST(Model, RefusesATableWithoutAFeature) {
  const Model model = make_model(Task::kBinary);
  EXPECT_ERROR(model.predict(features().without(std::vector<std::string>{"colour"}), Context()), kData,
               HasSubstr("colour"));
}

TEST(Model, PredictionsOfNumbersAreClipped) {
  Model model = make_model(Task::kRegression);
  const auto free = model.predict(features(2), Context());
  EXPECT_GT(std::ranges::max(free), 1);
  EXPECT_LT(std::ranges::min(free), -1);
  model.target_low = -1;
  model.target_high = 1;
  const auto clipped = round_trip(model).predict(features(2), Context());
  for (std::size_t i = 0; i < free.size(); ++i) EXPECT_EQ(clipped[i], std::clamp(free[i], -1.0, 1.0));
}

TEST(Model, LabelsAreAsInTheData) {
  Model model = make_model(Task::kBinary);
  const Column binary = model.labels(std::vector<double>{0.2, 0.5, 0.51});
  EXPECT_EQ(binary.cell_text(0), "no");
  EXPECT_EQ(binary.cell_text(1), "no") << "a tie is the first class, as for argmax";
  EXPECT_EQ(binary.cell_text(2), "yes");
  EXPECT_EQ(model.labels(std::vector<double>{0.2}, 0.1).cell_text(0), "yes");
  model.threshold = 0.6;
  EXPECT_EQ(model.labels(std::vector<double>{0.51}).cell_text(0), "no");
  EXPECT_THAT(model.decisions(std::vector<double>{0.51, 0.6, 0.61}), ElementsAre(0, 0, 1));
  model = make_model(Task::kMulticlass);
  const Column many = model.labels(std::vector<double>{0.2, 0.5, 0.3, 0.4, 0.4, 0.2, 0, 0, 1});
  EXPECT_EQ(many.cell_text(0), "mid");
  EXPECT_EQ(many.cell_text(1), "low");
  EXPECT_EQ(many.cell_text(2), "top");
  EXPECT_THAT(make_model(Task::kRegression).labels(std::vector<double>{1.5, -2}).float64s(),
              ElementsAre(1.5, -2));
}

TEST(Model, LogarithmsAreTakenBackAfterTheClipping) {
  Model model = make_model(Task::kRegression);
  model.target_low = 0;
  model.target_high = 1;
  const auto logs = model.predict(features(2), Context());
  model.is_log_target = true;
  const Model loaded = round_trip(model);
  const auto values = loaded.predict(features(2), Context());
  for (std::size_t i = 0; i < logs.size(); ++i) EXPECT_DOUBLE_EQ(values[i], std::expm1(logs[i]));
  EXPECT_DOUBLE_EQ(std::ranges::max(values), std::expm1(1.0));
  const auto [low, high] = loaded.interval(std::expm1(2.0), 0.5);
  EXPECT_NEAR(low, std::expm1(1.5), 1e-12);
  EXPECT_NEAR(high, std::expm1(2.5), 1e-12);
  model.is_log_target = false;
  EXPECT_EQ(model.interval(2, 0.5), (std::pair{1.5, 2.5}));
}

TEST(Model, WeightsDecideAmongSeveralClasses) {
  Model model = make_model(Task::kMulticlass);
  model.decision_weights = {3, 1, 0.5};
  const Model loaded = round_trip(model);
  const std::vector<double> p = {0.2, 0.5, 0.3, 0.05, 0.4, 0.55, 0.1, 0.3, 0.6};
  const Column labels = loaded.labels(p);
  EXPECT_EQ(labels.cell_text(0), "low");
  EXPECT_EQ(labels.cell_text(1), "mid");
  EXPECT_EQ(labels.cell_text(2), "low") << "equal products are the first class";
  EXPECT_THAT(loaded.decisions(p), ElementsAre(1, 0, 0, 0, 1, 0, 1, 0, 0));
  EXPECT_EQ(loaded.predict(features(2), Context()),
            make_model(Task::kMulticlass).predict(features(2), Context()))
      << "probabilities stay as they are";
}

TEST(Model, RefusesADamagedDescription) {
  const Model model = make_model(Task::kMulticlass);
  const auto damaged = [&](auto change) { return round_trip(model, change); };
  EXPECT_ERROR(damaged([](auto& j) { j["members"][0]["pipelines"] = 3; }), kModel, HasSubstr("member/0/2"));
  EXPECT_ERROR(damaged([](auto& j) { j["members"][0]["pipelines"] = 0; }), kModel, HasSubstr("no pipeline"));
  EXPECT_ERROR(damaged([](auto& j) { j["members"][0]["pipelines"] = -1; }), kModel, HasSubstr("member/0"));
  EXPECT_ERROR(damaged([](auto& j) { j["members"] = nlohmann::json::array(); }), kModel,
               HasSubstr("no members"));
  EXPECT_ERROR(damaged([](auto& j) { j["members"].push_back(j["members"][0]); }), kModel,
               HasSubstr("member/2/0"));
  EXPECT_ERROR(damaged([](auto& j) { j["members"][1]["view"] = "lost"; }), kModel, HasSubstr("lost"));
  EXPECT_ERROR(damaged([](auto& j) { j["members"][1]["weight"] = -0.5; }), kModel, HasSubstr("weight"));
  EXPECT_ERROR(damaged([](auto& j) { j["members"][1].erase("weight"); }), kModel, HasSubstr("weight"));
  EXPECT_ERROR(damaged([](auto& j) { j["classes"].push_back("extra"); }), kModel,
               HasSubstr("3 numbers per row instead of 4"));
  EXPECT_ERROR(damaged([](auto& j) { j["classes"] = {"single"}; }), kModel, HasSubstr("classes"));
  EXPECT_ERROR(damaged([](auto& j) { j["task"] = "binary"; }), kModel, HasSubstr("binary"));
  EXPECT_ERROR(damaged([](auto& j) { j["task"] = "fortune"; }), kModel, HasSubstr("fortune"));
  EXPECT_ERROR(damaged([](auto& j) { j["calibration"]["kind"] = "magic"; }), kModel, HasSubstr("magic"));
  EXPECT_ERROR(damaged([](auto& j) { j["calibration"] = "hot"; }), kModel, HasSubstr("damaged"));
  EXPECT_ERROR(damaged([](auto& j) { j.erase("calibration"); }), kModel, HasSubstr("temperature"));
  EXPECT_ERROR(damaged([](auto& j) { j["threshold"] = 2; }), kModel, HasSubstr("threshold"));
  for (const auto& weights : {nlohmann::json({1, 2}), nlohmann::json({1, 0, 1})})
    EXPECT_ERROR(damaged([&](auto& j) { j["decision_weights"] = weights; }), kModel,
                 HasSubstr("decision weights"));
  EXPECT_ERROR(damaged([](auto& j) { j["views"].push_back("lost"); }), kModel, HasSubstr("view/lost"));
  EXPECT_ERROR(damaged([](auto& j) { j = nlohmann::json::array(); }), kModel, HasSubstr("damaged"));
}

}  // namespace
}  // namespace kolosal::pipeline
