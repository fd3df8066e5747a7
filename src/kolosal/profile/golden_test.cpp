// Against pandas, SciPy and scikit-learn; tools/golden/profile.py made the values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/profile/profile.hpp"
#include "kolosal/profile/rows_internal.hpp"
#include "kolosal/profile/sorted_cells_internal.hpp"

namespace kolosal::profile {
namespace {

using nlohmann::json;

const json& golden() {
  static const json values = [] {
    std::ifstream file(test_data("profile/profile.json"));
    return json::parse(file);
  }();
  return values;
}

double wanted(const json& value) { return value.is_null() ? kNoNumber : value.get<double>(); }

void expect_near(double got, const json& want, double tolerance = 1e-9) {
  EXPECT_THAT(std::tuple(got, wanted(want)), NanSensitiveDoubleNear(tolerance))
      << "got " << got << ", want " << want;
}

data::Column column_of(const json& values) {
  const bool is_text = std::ranges::any_of(values, [](const json& v) { return v.is_string(); });
  if (!is_text) {
    std::vector<double> numbers;
    for (const json& v : values) numbers.push_back(wanted(v));
    return data::Column::from_float64(std::move(numbers));
  }
  std::vector<std::string> levels;
  std::vector<std::int32_t> codes;
  std::map<std::string, std::int32_t> index;
  for (const json& v : values) {
    if (v.is_null()) {
      codes.push_back(data::kMissingCode);
      continue;
    }
    const auto [it, added] =
        index.try_emplace(v.get<std::string>(), static_cast<std::int32_t>(levels.size()));
    if (added) levels.push_back(it->first);
    codes.push_back(it->second);
  }
  return data::Column::from_category(std::move(codes), std::make_shared<const data::Dictionary>(levels));
}

data::Frame golden_table() {
  data::Frame out;
  for (const auto& [name, values] : golden()["columns"].items()) out.add(name, column_of(values));
  return out;
}

TEST(ProfileGolden, NumbersMatchPandas) {
  const TableProfile profile = profile_table(golden_table(), {}, {});
  std::size_t n_checked = 0;
  for (const ColumnProfile& column : profile.columns) {
    if (!golden()["numbers"].contains(column.name)) continue;
    SCOPED_TRACE(column.name);
    const json& want = golden()["numbers"][column.name];
    const NumberSummary& got = *column.numbers;
    EXPECT_EQ(column.n_missing, want["missing"]);
    EXPECT_EQ(column.n_distinct, want["distinct"]);
    expect_near(got.mean, want["mean"]);
    expect_near(got.sd, want["sd"]);
    expect_near(got.skewness, want["skewness"]);
    expect_near(got.kurtosis, want["kurtosis"]);
    for (std::size_t i = 0; i < kQuantiles.size(); ++i) expect_near(got.quantiles[i], want["quantiles"][i]);
    EXPECT_EQ(got.n_outliers, want["outliers"]);
    EXPECT_EQ(got.n_far_outliers, want["far_outliers"]);
    EXPECT_EQ(got.n_zero, want["zeros"]);
    EXPECT_EQ(got.n_negative, want["negative"]);
    ++n_checked;
  }
  EXPECT_EQ(n_checked, 5U);
}

TEST(ProfileGolden, PairsMatchSciPy) {
  const TableProfile profile = profile_table(golden_table(), {}, {});
  std::map<std::pair<std::string, std::string>, const Association*> found;
  for (const Association& pair : profile.associations)
    found[std::minmax(profile.columns[pair.a].name, profile.columns[pair.b].name)] = &pair;
  ASSERT_EQ(found.size(), golden()["associations"].size());
  for (const json& want : golden()["associations"]) {
    SCOPED_TRACE(want.dump());
    const Association& got =
        *found.at(std::minmax(want["a"].get<std::string>(), want["b"].get<std::string>()));
    EXPECT_EQ(got.n, want["rows"]);
    expect_near(got.value, want["value"]);
    if (want.contains("spearman")) expect_near(got.rank_value, want["spearman"]);
    if (want.contains("adjusted")) expect_near(got.adjusted, want["adjusted"]);
  }
}

TEST(ProfileGolden, TargetRelationsMatchScikitLearn) {
  for (const auto& [name, target] : golden()["targets"].items()) {
    SCOPED_TRACE(name);
    data::Frame table = golden_table();
    const bool classes = name != "regression";
    if (classes)
      table.add("y", data::Column::from_int64(target["values"].get<std::vector<std::int64_t>>()));
    else
      table.add("y", column_of(target["values"]));
    const TableProfile profile = profile_table(table, {.target = "y"}, {});
    ASSERT_TRUE(profile.target->is_usable);
    EXPECT_EQ(data::task_name(profile.target->task), name);
    for (const auto& [feature, want] : target["relations"].items()) {
      SCOPED_TRACE(feature);
      const TargetRelation& got = *profile.columns[*table.find(feature)].target;
      expect_near(got.mutual_information, want["mutual_information"]);
      if (classes) {
        expect_near(got.auc, want["auc"]);
        expect_near(got.accuracy, want["accuracy"]);
        EXPECT_DOUBLE_EQ(got.power, std::clamp(2 * got.auc - 1, 0.0, 1.0));
      } else {
        expect_near(got.r2, want["r2"]);
      }
    }
  }
}

TEST(ProfileGolden, SerialCorrelationIsExactOverAllOrders) {
  for (const json& want : golden()["serial"]) {
    const SerialCorrelation got = serial_correlation(want["values"].get<std::vector<double>>());
    expect_near(got.value, want["value"]);
    expect_near(got.z, want["z"]);
  }
}

TEST(ProfileGolden, HugeAndTinyNumbersKeepTheirMoments) {
  for (const json& want : golden()["extremes"]) {
    const auto values = want["values"].get<std::vector<double>>();
    const TableProfile profile = profile_table({{"x"}, {data::Column::from_float64(values)}}, {}, {});
    const NumberSummary& got = *profile.columns[0].numbers;
    EXPECT_NEAR(got.mean / want["mean"].get<double>(), 1, 1e-9);
    expect_near(got.skewness, want["skewness"], 1e-6);
  }
}

}  // namespace
}  // namespace kolosal::profile
