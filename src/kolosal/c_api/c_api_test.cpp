#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "kolosal/artifact/container.hpp"
#include "kolosal/c_api/kolosal.h"
#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/counted_allocations.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal {
namespace {

/// A model of two learners on numbers and levels, written as training writes it.
void write_model(const std::string& path) {
  constexpr std::size_t kRows = 200;
  Rng rng(7);
  std::vector<double> age(kRows), target(kRows);
  std::vector<std::int32_t> job(kRows);
  for (std::size_t i = 0; i < kRows; ++i) {
    age[i] = static_cast<double>(rng.below(60));
    job[i] = static_cast<std::int32_t>(rng.below(3));
    target[i] = age[i] > 30 || job[i] == 1;
  }
  data::Frame x;
  x.add("age", data::Column::from_float64(age));
  x.add("job", data::Column::from_category(job, std::make_shared<const data::Dictionary>(
                                                    std::vector<std::string>{"baker", "nurse", "smith"})));
  std::vector<std::uint32_t> rows(kRows);
  std::iota(rows.begin(), rows.end(), 0U);
  pipeline::Model model;
  model.task = data::Task::kBinary;
  model.target = "y";
  model.classes = {"no", "yes"};
  const data::TargetView y{model.task, target, {}, 2};
  model.schema = data::Schema::of(x);
  model.base = transform::Recipe({{"impute"}});
  const data::Frame seen = model.base.fit_transform(x, rows, y, Context());
  model.views["v"].fit_transform(seen, rows, y, Context());
  for (const std::string learner : {"ordered_boosting", "logistic_regression"}) {
    ParamMap params;
    if (learner == "ordered_boosting") params["n_estimators"] = std::int64_t{20};
    pipeline::Pipeline pipeline(transform::Recipe(), learner, params);
    pipeline.fit(seen, y, {rows, {}}, Context());
    pipeline::Member member{learner, 0.5, "v", {}};
    member.pipelines.push_back(std::move(pipeline));
    model.members.push_back(std::move(member));
  }
  artifact::ContainerWriter writer;
  writer.add_json("manifest", nlohmann::json::object());
  model.save(writer);
  writer.write(path, false);
}

TEST(CApi, AJsonRowAllocatesNothingOnceTheThreadIsWarm) {
  TempFolder folder;
  write_model(folder.file("m.kolosal"));
  kolosal_model* model = nullptr;
  ASSERT_EQ(kolosal_open(folder.file("m.kolosal").c_str(), &model), KOLOSAL_OK) << kolosal_last_error();
  const std::string rows[] = {R"({"age": 31, "job": "nurse"})", R"({"job": "none such", "age": null})",
                              R"({"age": 4.5, "job": "baker", "more": [1, 2]})"};
  double out = -1;
  std::size_t n_rows = 0;
  const auto predict_all = [&] {
    for (const std::string& row : rows)
      ASSERT_EQ(kolosal_predict_json(model, row.data(), row.size(), &out, 1, &n_rows), KOLOSAL_OK)
          << kolosal_last_error();
  };
  predict_all();
  const std::size_t before = allocations_of_thread();
  predict_all();
  EXPECT_EQ(allocations_of_thread() - before, 0U);
  EXPECT_GT(out, 0);
  EXPECT_LT(out, 1);
  kolosal_close(model);
}

}  // namespace
}  // namespace kolosal
