#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "kolosal/artifact/container.hpp"
#include "kolosal/c_api/kolosal.h"
#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/counted_allocations.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/data/arrow_bridge.hpp"
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

TEST(CApi, ACsvLineAllocatesNothingOnceTheThreadIsWarm) {
  TempFolder folder;
  write_model(folder.file("m.kolosal"));
  kolosal_model* model = nullptr;
  ASSERT_EQ(kolosal_open(folder.file("m.kolosal").c_str(), &model), KOLOSAL_OK) << kolosal_last_error();
  const std::string rows[] = {"31,nurse\n", ",none such", "4.5,\"baker\"\r\n"};
  double out = -1;
  std::size_t n_rows = 0;
  const auto predict_all = [&] {
    for (const std::string& row : rows) {
      ASSERT_EQ(kolosal_predict_csv(model, row.data(), row.size(), 0, &out, 1, &n_rows), KOLOSAL_OK)
          << kolosal_last_error();
      ASSERT_EQ(n_rows, 1U);
    }
  };
  predict_all();
  const std::size_t before = allocations_of_thread();
  predict_all();
  EXPECT_EQ(allocations_of_thread() - before, 0U);
  kolosal_close(model);
}

TEST(CApi, CsvRowsAreThoseOfJson) {
  TempFolder folder;
  write_model(folder.file("m.kolosal"));
  kolosal_model* model = nullptr;
  ASSERT_EQ(kolosal_open(folder.file("m.kolosal").c_str(), &model), KOLOSAL_OK) << kolosal_last_error();
  const std::string json =
      R"([{"age": 31, "job": "nurse"}, {"age": null, "job": "smith"}, {"age": 4.5, "job": null}])";
  const std::string csv = "\xEF\xBB\xBFjob,more,age\nnurse,x,31\n\nsmith,,NA\n?,,4.5\n";
  double wanted[3] = {}, found[3] = {};
  std::size_t n_rows = 0;
  ASSERT_EQ(kolosal_predict_json(model, json.data(), json.size(), wanted, 3, &n_rows), KOLOSAL_OK);
  ASSERT_EQ(kolosal_predict_csv(model, csv.data(), csv.size(), 1, found, 3, &n_rows), KOLOSAL_OK)
      << kolosal_last_error();
  EXPECT_EQ(n_rows, 3U);
  EXPECT_TRUE(std::ranges::equal(wanted, found));

  EXPECT_EQ(kolosal_predict_csv(model, csv.data(), csv.size(), 1, found, 2, &n_rows), KOLOSAL_USAGE);
  EXPECT_EQ(n_rows, 2U);
  const std::string wrong = "31,nurse\nold,smith\n";
  EXPECT_EQ(kolosal_predict_csv(model, wrong.data(), wrong.size(), 0, found, 3, &n_rows), KOLOSAL_DATA);
  EXPECT_EQ(n_rows, 1U);
  EXPECT_THAT(kolosal_last_error(),
              ::testing::AllOf(::testing::HasSubstr("row 2"), ::testing::HasSubstr("\"age\""),
                               ::testing::HasSubstr("old")));
  EXPECT_EQ(kolosal_predict_csv(model, "job\n", 4, 1, found, 3, &n_rows), KOLOSAL_DATA);
  EXPECT_THAT(kolosal_last_error(), ::testing::HasSubstr("\"age\""));
  EXPECT_EQ(kolosal_predict_csv(model, "", 0, 0, found, 3, &n_rows), KOLOSAL_OK);
  EXPECT_EQ(n_rows, 0U);
  EXPECT_EQ(kolosal_predict_csv(model, nullptr, 0, 0, found, 3, &n_rows), KOLOSAL_USAGE);
  kolosal_close(model);
}

TEST(CApi, ABatchOfAnySizeIsItsRowsOneByOne) {
  TempFolder folder;
  write_model(folder.file("m.kolosal"));
  kolosal_model* model = nullptr;
  ASSERT_EQ(kolosal_open(folder.file("m.kolosal").c_str(), &model), KOLOSAL_OK) << kolosal_last_error();
  constexpr std::size_t kMost = 140'000;  // more than two parts
  std::vector<float> rows(2 * kMost);
  for (std::size_t i = 0; i < kMost; ++i) {
    rows[2 * i] = i % 11 == 0 ? NAN : static_cast<float>(i % 60);
    rows[2 * i + 1] = NAN;
  }
  std::vector<double> wanted(60 * 11), found(kMost, -1);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    ASSERT_EQ(kolosal_predict_matrix_f32(model, &rows[2 * i], 1, 2, &wanted[i]), KOLOSAL_OK);
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{31}, std::size_t{33}, kMost}) {
    std::ranges::fill(found, -1);
    ASSERT_EQ(kolosal_predict_matrix_f32(model, rows.data(), n, 2, found.data()), KOLOSAL_OK)
        << kolosal_last_error();
    for (std::size_t i = 0; i < kMost; ++i)
      ASSERT_EQ(found[i], i < n ? wanted[i % wanted.size()] : -1) << "row " << i << " of " << n;
  }
  kolosal_close(model);
}

TEST(CApi, EveryEntryNamesTheColumnThatDoesNotFit) {
  TempFolder folder;
  write_model(folder.file("m.kolosal"));
  kolosal_model* model = nullptr;
  ASSERT_EQ(kolosal_open(folder.file("m.kolosal").c_str(), &model), KOLOSAL_OK) << kolosal_last_error();
  const double rows[80] = {};
  double out[40];
  std::size_t n_rows = 0;
  const auto says = [](const char* column) { return ::testing::HasSubstr(column); };
  const std::string absent = R"({"age": 1})", wrong = R"({"age": "old", "job": "nurse"})";
  EXPECT_EQ(kolosal_predict_json(model, absent.data(), absent.size(), out, 1, &n_rows), KOLOSAL_DATA);
  EXPECT_THAT(kolosal_last_error(), says("\"job\""));
  EXPECT_EQ(kolosal_predict_json(model, wrong.data(), wrong.size(), out, 1, &n_rows), KOLOSAL_DATA);
  EXPECT_THAT(kolosal_last_error(), says("\"age\""));
  EXPECT_EQ(kolosal_predict_csv(model, "1\n", 2, 0, out, 1, &n_rows), KOLOSAL_DATA);
  EXPECT_THAT(kolosal_last_error(), says("job"));
  EXPECT_EQ(kolosal_predict_matrix(model, rows, 40, 1, out), KOLOSAL_USAGE);
  EXPECT_THAT(kolosal_last_error(), says("\"job\""));

  const auto predict_arrow = [&](const data::Frame& table) {
    ArrowSchema schema{};
    ArrowArray array{};
    data::export_arrow(table, &array, &schema);
    const kolosal_status status = kolosal_predict_arrow(model, &schema, &array, 1, out, 40);
    if (schema.release) schema.release(&schema);
    return status;
  };
  data::Frame table({"age"}, {data::Column::from_float64({1, 2})});
  EXPECT_EQ(predict_arrow(table), KOLOSAL_DATA);
  EXPECT_THAT(kolosal_last_error(), says("'job'"));
  table.add("job", data::Column::from_texts({"nurse", std::nullopt}));
  EXPECT_EQ(predict_arrow(table), KOLOSAL_OK) << kolosal_last_error();
  const data::Frame words({"age", "job"}, {data::Column::from_texts({"old", "young"}),
                                           data::Column::from_texts({"nurse", "smith"})});
  EXPECT_EQ(predict_arrow(words), KOLOSAL_DATA);
  EXPECT_THAT(kolosal_last_error(), ::testing::AllOf(says("age"), says("old")));
  EXPECT_EQ(predict_arrow(table.slice(0, 0)), KOLOSAL_OK) << kolosal_last_error();
  kolosal_close(model);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // whose own memory grows
std::size_t resident_bytes() {
  std::size_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * 4096;
}

TEST(CApi, OpeningAndClosingDoesNotGrow) {
  TempFolder folder;
  write_model(folder.file("m.kolosal"));
  const std::string row = R"({"age": 31, "job": "nurse"})";
  const auto cycle = [&](int n) {
    for (int i = 0; i < n; ++i) {
      kolosal_model* model = nullptr;
      double out = 0;
      std::size_t n_rows = 0;
      ASSERT_EQ(kolosal_open(folder.file("m.kolosal").c_str(), &model), KOLOSAL_OK);
      ASSERT_EQ(kolosal_predict_json(model, row.data(), row.size(), &out, 1, &n_rows), KOLOSAL_OK);
      kolosal_close(model);
    }
  };
  cycle(50);
  const std::size_t before = resident_bytes();
  cycle(300);
  // A model that stayed mapped or packed would be 300 times some 40 KB.
  EXPECT_LT(resident_bytes(), before + (4U << 20));
}
#endif

}  // namespace
}  // namespace kolosal
