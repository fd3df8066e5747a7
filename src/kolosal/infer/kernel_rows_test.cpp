#include "kolosal/infer/kernel_rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/infer/session.hpp"
#include "kolosal/infer/testing/small_model.hpp"
#include "kolosal/pipeline/kept_rows.hpp"

namespace kolosal::infer {
namespace {

/// Notes what a learner gets.
class Watcher final : public model::Evaluator {
 public:
  explicit Watcher(std::vector<double>& seen) : seen_(seen) {}
  void predict(const data::Frame& x, std::span<double> out, const Context&) const override {
    for (std::size_t r = 0; r < x.n_rows(); ++r)
      for (std::size_t c = 0; c < x.n_columns(); ++c) seen_.push_back(x.column(c).number(r));
    std::ranges::fill(out, 0.5);
  }

 private:
  std::vector<double>& seen_;
};

/// The same file with rows in it.
void add_rows(const std::string& from, const data::Frame& rows, const std::string& to) {
  const auto model = artifact::Container::open(from);
  artifact::ContainerWriter writer;
  for (const auto& block : model.blocks())
    if (block.type == "json")
      writer.add_json(block.name, model.json(block.name, block.version), block.version);
    else
      writer.add_node(block.name, model.node(block.name, block.version), block.version);
  pipeline::save_kept_rows(rows, writer);
  writer.write(to, false);
}

TEST(KernelRows, AreTheKeptRowsAsTheLearnerGetsThem) {
  TempFolder folder;
  testing::write_small_model(folder.file("bare"), "random_forest");
  const data::Frame rows = testing::small_table(40);
  add_rows(folder.file("bare"), rows, folder.file("with"));
  const auto container =
      std::make_shared<const artifact::Container>(artifact::Container::open(folder.file("with")));
  const auto model = std::make_shared<const pipeline::Model>(pipeline::Model::load(*container));
  const model::Estimator& learner = model->members.front().pipelines.front().estimator();
  std::vector<double> wanted;
  pipeline::Evaluators watchers;
  watchers.emplace(&learner, std::make_unique<const Watcher>(wanted));
  model->predict(rows, Context(), nullptr, watchers);
  const KernelRows kept(model, container);
  const auto found = kept.of(learner);
  ASSERT_EQ(found.size(), wanted.size());
  ASSERT_FALSE(found.empty());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_TRUE(found[i] == wanted[i] || (std::isnan(found[i]) && std::isnan(wanted[i]))) << i;
}

TEST(KernelRows, ASessionTimesOnThemAndPredictsTheSame) {
  TempFolder folder;
  testing::write_small_model(folder.file("bare"), "random_forest");
  const data::Frame rows = testing::small_table(40);
  add_rows(folder.file("bare"), rows, folder.file("with"));
  const Session bare = Session::open(folder.file("bare")), with = Session::open(folder.file("with"));
  EXPECT_EQ(bare.time_kernels().front().n_kept_rows, 0U);
  EXPECT_EQ(with.time_kernels().front().n_kept_rows, 40U);
  EXPECT_FALSE(bare.kept_rows());
  EXPECT_EQ(with.kept_rows().value().n_rows(), 40U);
  const data::Frame some = testing::small_table(300);
  EXPECT_EQ(with.predict(some, Context()).values, bare.predict(some, Context()).values);
}

TEST(KernelRows, RowsThatTheModelCanNotUseAreNotUsed) {
  TempFolder folder;
  testing::write_small_model(folder.file("bare"), "random_forest");
  const data::Frame rows({"none of its columns"}, {data::Column::from_float64({1, 2})});
  add_rows(folder.file("bare"), rows, folder.file("with"));
  const Session with = Session::open(folder.file("with"));
  EXPECT_EQ(with.time_kernels().front().n_kept_rows, 0U);
  const data::Frame some = testing::small_table(30);
  EXPECT_EQ(with.predict(some, Context()).values,
            Session::open(folder.file("bare")).predict(some, Context()).values);
}

}  // namespace
}  // namespace kolosal::infer
