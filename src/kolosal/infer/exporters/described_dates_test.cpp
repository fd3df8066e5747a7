#include "kolosal/infer/exporters/described_dates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/infer/exporters/export_check.hpp"
#include "kolosal/infer/exporters/onnx_exporter.hpp"
#include "kolosal/infer/importers/onnx_runtime.hpp"

namespace kolosal::infer::exporters {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kNsPerSecond = 1'000'000'000, kNsPerDay = 86'400 * kNsPerSecond;

/// Moments of 1900 to 2100 and their holes; every day of some weeks around the turns of years.
data::Frame moments(std::size_t n_rows) {
  Rng rng(3);
  std::vector<std::int64_t> day(n_rows), moment(n_rows);
  data::Bitmap valid = data::all_present(n_rows);
  for (std::size_t i = 0; i < n_rows; ++i) {
    const auto turn = static_cast<std::int64_t>(365.2425 * static_cast<double>(rng.below(200)) - 25567);
    day[i] = (i % 2 == 0 ? static_cast<std::int64_t>(rng.below(73'000)) - 25'550
                         : turn + static_cast<std::int64_t>(rng.below(14)) - 7) *
             kNsPerDay;
    moment[i] = day[i] + static_cast<std::int64_t>(rng.below(86'400)) * kNsPerSecond +
                static_cast<std::int64_t>(rng.below(4)) * kNsPerSecond / 4;
    if (rng.below(9) == 0) data::clear_bit(valid.data(), i);
  }
  data::Frame out;
  out.add("day", data::Column::from_date(day));
  out.add("moment", data::Column::from_timestamp(moment, valid));
  return out;
}

/// Ridge on all parts of both columns: it changes with each of them.
pipeline::Model model_of_parts(const ParamMap& more) {
  const data::Frame x = moments(600);
  Rng rng(4);
  std::vector<double> target(x.n_rows());
  for (double& value : target) value = rng.normal();
  pipeline::Model out;
  out.target = "y";
  out.target_low = -1e9;
  out.target_high = 1e9;
  const data::TargetView y{data::Task::kRegression, target, {}, 0};
  std::vector<std::uint32_t> rows(x.n_rows());
  std::iota(rows.begin(), rows.end(), 0U);
  out.schema = data::Schema::of(x);
  ParamMap params = {
      {"parts", std::string("year,quarter,month,week,day,weekday,hour,minute,second,day_of_year,"
                            "is_weekend,is_month_start,is_month_end,epoch")},
      {"since", std::string("2000-02-29")},
      {"differences", true}};
  for (const auto& [name, value] : more) params[name] = value;
  out.base = transform::Recipe({{"date_parts", params}});
  const data::Frame base = out.base.fit_transform(x, rows, y, Context());
  out.views["view"] = transform::Recipe({{"impute"}, {"scale", {}, {"numeric", {}}}});
  const data::Frame view = out.views["view"].fit_transform(base, rows, y, Context());
  pipeline::Pipeline pipeline(transform::Recipe(std::vector<transform::StepSpec>{}), "ridge", {});
  pipeline.fit(view, y, {rows, {}}, Context());
  pipeline::Member member{"ridge", 1, "view", {}};
  member.pipelines.push_back(std::move(pipeline));
  out.members.push_back(std::move(member));
  return out;
}

TEST(DescribedDates, EveryPartIsThatOfTheStep) {
  for (const char* since : {"2000-02-29", "first"}) {
    const pipeline::Model model = model_of_parts({{"since", std::string(since)}});
    const ExportedModel exported = describe_model(model);
    const data::Frame rows = moments(5000);
    const auto wanted = model.predict(rows, Context());
    const auto found = evaluate(exported, model.schema, rows);
    for (std::size_t i = 0; i < wanted.size(); ++i)
      ASSERT_NEAR(found[i], wanted[i], 1e-7) << rows.column("moment").cell_text(i);
    if (!OnnxRuntime::unavailable().empty()) GTEST_SKIP() << OnnxRuntime::unavailable();
    EXPECT_LE(
        check_by_onnx_runtime(export_onnx(exported, "m"), model, {"made up", rows, wanted}).max_difference,
        1e-6);
  }
}

TEST(DescribedDates, CyclesAreThoseOfTheStep) {
  const pipeline::Model model = model_of_parts(
      {{"cyclic", true}, {"cycles", std::string("second,minute,hour,weekday,day_of_month,month,day")}});
  const ExportedModel exported = describe_model(model);
  const data::Frame rows = moments(5000);
  const auto wanted = model.predict(rows, Context());
  const auto found = evaluate(exported, model.schema, rows);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    ASSERT_NEAR(found[i], wanted[i], 1e-6) << rows.column("moment").cell_text(i);
  if (!OnnxRuntime::unavailable().empty()) GTEST_SKIP() << OnnxRuntime::unavailable();
  EXPECT_LE(
      check_by_onnx_runtime(export_onnx(exported, "m"), model, {"made up", rows, wanted}).max_difference,
      1e-6);
}

}  // namespace
}  // namespace kolosal::infer::exporters
