#include "kolosal/infer/session.hpp"

#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/infer/testing/small_model.hpp"
#include "kolosal/pipeline/learned_steps.hpp"

namespace kolosal::infer {
namespace {

using data::Task;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

data::Frame table(std::size_t n_rows) {
  std::vector<double> x(n_rows);
  std::iota(x.begin(), x.end(), 0.0);
  data::Frame out;
  out.add("x", data::Column::from_float64(x));
  return out;
}

/// A model of one learner, written as training writes it.
void write_model(const std::string& path, Task task, const std::string& learner, bool with_manifest = true) {
  const data::Frame x = table(30);
  std::vector<double> target;
  for (std::size_t i = 0; i < 30; ++i)
    target.push_back(task == Task::kRegression
                         ? 2.0 * static_cast<double>(i)
                         : static_cast<double>(task == Task::kBinary ? i >= 15 : i / 10));
  pipeline::Model model;
  model.task = task;
  model.target = "y";
  if (task == Task::kBinary) model.classes = {"cold", "warm"};
  if (task == Task::kMulticlass) model.classes = {"cold", "warm", "hot"};
  const data::TargetView y{task, target, {}, model.classes.size()};
  std::vector<std::uint32_t> all(30);
  std::iota(all.begin(), all.end(), 0U);
  model.schema = data::Schema::of(x);
  model.base = transform::Recipe(std::vector<transform::StepSpec>());
  model.base.fit_transform(x, all, y, Context());
  model.views["v"] = model.base;
  model.target_low = -1000;
  model.target_high = 1000;
  pipeline::Pipeline pipeline(transform::Recipe(std::vector<transform::StepSpec>()), learner, {});
  pipeline.fit(x, y, {all, {}}, Context());
  pipeline::Member member{"voice", 1, "v", {}};
  member.pipelines.push_back(std::move(pipeline));
  model.members.push_back(std::move(member));
  artifact::ContainerWriter writer;
  if (with_manifest) writer.add_json("manifest", {{"metric", "roc_auc"}, {"score", 0.75}});
  model.save(writer);
  writer.write(path, false);
}

TEST(Session, PredictsLabelsAndBothProbabilities) {
  TempFolder folder;
  write_model(folder.file("m.kolosal"), Task::kBinary, "logistic_regression");
  const Session session = Session::open(folder.file("m.kolosal"));
  const Prediction prediction = session.predict(table(30), Context());
  EXPECT_EQ(prediction.n_outputs, 1U);
  ASSERT_EQ(prediction.values.size(), 30U);
  EXPECT_EQ(prediction.labels.cell_text(0), "cold");
  EXPECT_EQ(prediction.labels.cell_text(29), "warm");
  const auto probabilities = session.probabilities(prediction);
  ASSERT_EQ(probabilities.size(), 60U);
  for (std::size_t i = 0; i < 30; ++i) {
    EXPECT_EQ(probabilities[2 * i + 1], prediction.values[i]);
    EXPECT_NEAR(probabilities[2 * i] + probabilities[2 * i + 1], 1, 1e-15);
  }
  EXPECT_EQ(session.manifest().at("score"), 0.75);
  EXPECT_EQ(session.model().target, "y");
}

TEST(Session, ScoresTextsAsTheFitDid) {
  std::vector<std::optional<std::string>> texts;
  std::vector<double> target;
  for (std::size_t i = 0; i < 60; ++i) {
    texts.emplace_back(fmt::format("{} row {} of {}", i % 3 == 0 ? "a good" : "some other", i % 7, i % 5));
    target.push_back(i % 3 == 0 ? 1 : 0);
  }
  const data::Frame x({"note"}, {data::Column::from_texts(texts)});
  const data::TargetView y{Task::kBinary, target, {}, 2};
  std::vector<std::uint32_t> all(60);
  std::iota(all.begin(), all.end(), 0U);
  pipeline::Model model;
  model.task = Task::kBinary;
  model.target = "y";
  model.classes = {"no", "yes"};
  model.schema = data::Schema::of(x);
  model.base = transform::Recipe(std::vector<transform::StepSpec>());
  model.base.fit_transform(x, all, y, Context());
  transform::Recipe terms({{"text_tfidf"}});
  const data::Frame seen = terms.fit_transform(x, all, y, Context());
  model.views["v"] = terms;
  transform::StepSpec score("linear_score");
  score.info = pipeline::linear_score_step();
  pipeline::Pipeline fitted(transform::Recipe({score}), "random_forest", {});
  fitted.fit(seen, y, {all, {}}, Context());
  pipeline::Member member{"voice", 1, "v", {}};
  member.pipelines.push_back(std::move(fitted));
  model.members.push_back(std::move(member));
  const auto want = model.predict(x, Context());
  TempFolder folder;
  artifact::ContainerWriter writer;
  writer.add_json("manifest", {{"metric", "roc_auc"}});
  model.save(writer);
  writer.write(folder.file("m.kolosal"), false);
  const Session session = Session::open(folder.file("m.kolosal"));
  EXPECT_EQ(session.predict(x, Context()).values, want);
  EXPECT_EQ(session.predict(x.slice(3, 1), Context()).values[0], want[3]);
  EXPECT_GT(want[3], 0.5);
}

TEST(Session, PackedTreesPredictTheBytesOfTheModel) {
  TempFolder folder;
  const data::Frame x = testing::small_table(600);
  std::vector<double> target;
  for (std::size_t i = 0; i < 600; ++i)
    target.push_back(static_cast<double>((x.column(1).float64s()[i] > 0) + (x.column(2).codes()[i] == 2)));
  for (const std::string name : {"lightgbm", "xgboost", "random_forest", "extra_trees", "decision_tree"}) {
    SCOPED_TRACE(name);
    if (!model::estimator_info(name).unavailable().empty()) continue;
    pipeline::Model made;
    made.task = Task::kMulticlass;
    made.target = "y";
    made.classes = {"no", "one", "both"};
    const data::TargetView y{made.task, target, {}, 3};
    std::vector<std::uint32_t> all(600);
    std::iota(all.begin(), all.end(), 0U);
    made.schema = data::Schema::of(x);
    made.base = transform::Recipe(std::vector<transform::StepSpec>());
    made.base.fit_transform(x, all, y, Context());
    made.views["v"] = made.base;
    ParamMap params;
    if (name != "decision_tree") params["n_estimators"] = std::int64_t{20};
    pipeline::Pipeline pipeline(transform::Recipe(std::vector<transform::StepSpec>()), name, params);
    pipeline.fit(x, y, {all, {}}, Context());
    ASSERT_NE(pipeline.estimator().trees(), nullptr);
    made.members.push_back({"voice", 1, "v", {}});
    made.members.back().pipelines.push_back(std::move(pipeline));
    artifact::ContainerWriter writer;
    writer.add_json("manifest", {{"metric", "accuracy"}});
    made.save(writer);
    writer.write(folder.file("m.kolosal"), false);

    const Session session = Session::open(folder.file("m.kolosal"));
    const data::Frame rows = testing::small_table(777);
    EXPECT_EQ(session.predict(rows, Context()).values, session.model().predict(rows, Context()));
    const auto timings = session.time_kernels();
    ASSERT_EQ(timings.size(), 1U);
    EXPECT_EQ(timings[0].learner, name);
    EXPECT_FALSE(timings[0].timings.empty());
  }
}

TEST(Session, AnUnknownKernelIsRefusedWithTheNamesThereAre) {
  TempFolder folder;
  write_model(folder.file("m.kolosal"), Task::kBinary, "decision_tree");
  ::setenv("KOLOSAL_KERNEL", "warp", 1);
  EXPECT_ERROR(Session::open(folder.file("m.kolosal")), kInvalidParameter,
               AllOf(HasSubstr("warp"), HasSubstr("walk_trees")));
  ::unsetenv("KOLOSAL_KERNEL");
  EXPECT_NO_THROW(Session::open(folder.file("m.kolosal")));
}

TEST(Session, PredictsManyClasses) {
  TempFolder folder;
  write_model(folder.file("m.kolosal"), Task::kMulticlass, "logistic_regression");
  const Session session = Session::open(folder.file("m.kolosal"));
  const Prediction prediction = session.predict(table(30), Context());
  EXPECT_EQ(prediction.n_outputs, 3U);
  EXPECT_EQ(session.probabilities(prediction), prediction.values);
  EXPECT_EQ(prediction.labels.cell_text(29), "hot");
}

TEST(Session, NumbersHaveNoProbabilities) {
  TempFolder folder;
  write_model(folder.file("m.kolosal"), Task::kRegression, "ridge");
  const Session session = Session::open(folder.file("m.kolosal"));
  const Prediction prediction = session.predict(table(3), Context());
  EXPECT_THAT(prediction.labels.float64s(),
              ElementsAre(prediction.values[0], prediction.values[1], prediction.values[2]));
  EXPECT_ERROR(session.probabilities(prediction), kInternal, HasSubstr("probabilities"));
}

TEST(Session, CopiesShareTheModelAndManyThreadsMayPredict) {
  TempFolder folder;
  write_model(folder.file("m.kolosal"), Task::kBinary, "logistic_regression");
  const Session session = Session::open(folder.file("m.kolosal"));
  const Session copy = session;
  EXPECT_EQ(&copy.model(), &session.model());
  const auto wanted = session.predict(table(30), Context()).values;
  ThreadPool pool(4);
  std::vector<std::vector<double>> got(16);
  pool.for_each(16, 4, [&](std::size_t i) { got[i] = copy.predict(table(30), Context()).values; });
  for (const auto& values : got) EXPECT_EQ(values, wanted);
}

TEST(Session, AFileThatIsRemovedWhileOpenStillPredicts) {
  TempFolder folder;
  write_model(folder.file("m.kolosal"), Task::kBinary, "logistic_regression");
  const Session session = Session::open(folder.file("m.kolosal"));
  std::filesystem::remove(folder.file("m.kolosal"));
  EXPECT_EQ(session.predict(table(5), Context()).values.size(), 5U);
}

TEST(Session, SaysWhichFileIsWrong) {
  TempFolder folder;
  EXPECT_ERROR(Session::open(folder.file("absent.kolosal")), kNotFound, HasSubstr("absent.kolosal"));
  EXPECT_ERROR(
      Session::open(folder.write("notes.txt", "not a model, but long enough to look at its first bytes")),
      kModel, HasSubstr("notes.txt"));
  EXPECT_ERROR(Session::open(folder.write("empty.kolosal", "")), kModel, HasSubstr("empty.kolosal"));
  write_model(folder.file("m.kolosal"), Task::kBinary, "constant", false);
  EXPECT_ERROR(Session::open(folder.file("m.kolosal")), kModel,
               AllOf(HasSubstr("m.kolosal"), HasSubstr("manifest")));
}

TEST(Session, ACutOrChangedFileIsRefusedAtEveryPlace) {
  TempFolder folder;
  write_model(folder.file("m.kolosal"), Task::kBinary, "logistic_regression");
  const std::string whole = read_text(folder.file("m.kolosal"));
  for (std::size_t n = 0; n < whole.size(); n += whole.size() / 40) {
    EXPECT_ERROR(Session::open(folder.write("cut.kolosal", whole.substr(0, n))), kModel,
                 HasSubstr("cut.kolosal"));
    std::string changed = whole;
    changed[n] = static_cast<char>(changed[n] ^ 0x40);
    try {
      Session::open(folder.write("changed.kolosal", changed));  // padding between blocks may change
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kModel) << error.what();
      EXPECT_THAT(error.what(), HasSubstr("changed.kolosal"));
    }
  }
}

TEST(Session, RefusesATableWithoutItsColumns) {
  TempFolder folder;
  write_model(folder.file("m.kolosal"), Task::kBinary, "constant");
  data::Frame other;
  other.add("X1", data::Column::from_float64({1, 2}));
  EXPECT_ERROR(Session::open(folder.file("m.kolosal")).predict(other, Context()), kData, HasSubstr("'x'"));
}

}  // namespace
}  // namespace kolosal::infer
