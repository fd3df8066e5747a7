// A Forest made of a library's model against the library's own predict, on rows that training never saw:
// infinities, tiny numbers, codes beyond the dictionary.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/model/lightgbm_dataset.hpp"
#include "kolosal/model/lightgbm_library.hpp"
#include "kolosal/model/lightgbm_text.hpp"
#include "kolosal/model/testing/sample_table.hpp"
#include "kolosal/model/xgboost_json.hpp"
#include "kolosal/model/xgboost_library.hpp"
#include "kolosal/model/xgboost_matrix.hpp"

namespace kolosal::model {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// Rows in the layout of sample_table(): a, b, count, kind (as numbers).
std::vector<double> hostile_rows(std::size_t n_rows) {
  Rng rng(11);
  const std::vector<double> numbers = {kNaN,  kInf,  -kInf,  0,   -0.0, 1e-36, -1e-36,
                                       1e-30, 1e300, -1e300, 0.1, -0.5, 3};
  const std::vector<double> codes = {kNaN, -1, -2, 0, 1, 5, 11, 12, 31, 32, 1000, 2e9};
  std::vector<double> out;
  for (std::size_t r = 0; r < n_rows; ++r)
    for (std::size_t c = 0; c < 4; ++c) {
      const auto& from = c == 3 ? codes : numbers;
      out.push_back(c < 3 && rng.uniform() < 0.4 ? rng.normal() * 5 : from[rng.below(from.size())]);
    }
  return out;
}

data::Frame as_frame(const std::vector<double>& rows) {
  data::Frame out;
  for (std::size_t c = 0; c < 4; ++c) {
    std::vector<double> column;
    for (std::size_t i = c; i < rows.size(); i += 4) column.push_back(rows[i]);
    out.add(std::string(1, static_cast<char>('a' + c)), data::Column::from_float64(std::move(column)));
  }
  return out;
}

std::vector<float> labels_of(const SampleTable& t) { return {t.y.begin(), t.y.end()}; }

TEST(LibraryForest, RoutesUnseenValuesAsLightGBM) {
  if (!LightgbmLibrary::unavailable().empty()) GTEST_SKIP() << LightgbmLibrary::unavailable();
  const LightgbmLibrary& library = LightgbmLibrary::get();
  const auto rows = hostile_rows(500);
  // The three missing types, and a table in which nothing was missing.
  for (const char* missing :
       {"use_missing=true", "use_missing=false", "zero_as_missing=true", "nothing missing"}) {
    SCOPED_TRACE(missing);
    const bool none = std::string_view(missing) == "nothing missing";
    const SampleTable t = sample_table(data::Task::kRegression, 600, {.categories = true, .missing = !none});
    const std::string params =
        std::string("objective=l2 categorical_feature=3 verbosity=-1 min_data_per_group=5 ") +
        "cat_smooth=1 max_cat_to_onehot=1 min_data_in_leaf=5 " + (none ? "" : missing);
    const LightgbmScope scope(library, 1);
    const LightgbmDataset all = bin_frame(t.x, params, {});
    const LightgbmDataset train = subset_of(all.get(), t.all_rows(), labels_of(t), {}, params);
    void* handle = nullptr;
    library.check(library.booster_create(train.get(), params.c_str(), &handle));
    const LightgbmBooster booster(handle);
    for (int i = 0, finished = 0; i < 40; ++i) library.check(library.booster_update(handle, &finished));

    std::vector<double> want(rows.size() / 4);
    std::int64_t n = 0;
    library.check(library.booster_predict(handle, rows.data(), kLightgbmFloat64,
                                          static_cast<int>(want.size()), 4, 1, 0, 0, -1, "", &n,
                                          want.data()));
    std::string text(1 << 22, '\0');
    std::int64_t length = 0;
    library.check(library.booster_to_string(handle, 0, -1, 1, static_cast<std::int64_t>(text.size()), &length,
                                            text.data()));
    text.resize(static_cast<std::size_t>(length));
    const Forest forest = forest_from_lightgbm(text);
    EXPECT_FALSE(forest.category_bits.empty());
    std::vector<double> got(want.size());
    forest.predict(as_frame(rows), got, {});
    EXPECT_EQ(got, want);
  }
}

TEST(LibraryForest, RoutesUnseenValuesAsXGBoost) {
  if (!XgboostLibrary::unavailable().empty()) GTEST_SKIP() << XgboostLibrary::unavailable();
  const XgboostLibrary& library = XgboostLibrary::get();
  const SampleTable t = sample_table(data::Task::kRegression, 600);
  const auto all = t.all_rows();
  for (const char* onehot : {"1", "100"}) {
    const XgboostMatrix train = bin_rows(t.x, all, 64, nullptr, {});
    set_info(train.get(), "label", labels_of(t));
    void* matrices[] = {train.get()};
    void* handle = nullptr;
    library.check(library.booster_create(matrices, 1, &handle));
    const XgboostBooster booster(handle);
    for (const auto& [name, value] : {std::pair("tree_method", "hist"),
                                      {"max_bin", "64"},
                                      {"nthread", "1"},
                                      {"max_cat_to_onehot", onehot},
                                      {"max_depth", "5"}})
      library.check(library.booster_set_param(handle, name, value));
    for (int i = 0; i < 40; ++i) library.check(library.booster_update(handle, i, train.get()));

    // XGBoost refuses to read codes that are negative or beyond the float that holds them exactly.
    auto rows = hostile_rows(500);
    for (std::size_t i = 3; i < rows.size(); i += 4)
      if (rows[i] < 0 || rows[i] > 1e6) rows[i] = kNaN;
    const data::Frame x = as_frame(rows);
    std::vector<std::uint32_t> numbers(x.n_rows());
    std::iota(numbers.begin(), numbers.end(), 0U);
    const XgboostMatrix hostile = copy_rows(x, numbers, {});
    const char* types[] = {"q", "q", "q", "c"};
    library.check(library.matrix_set_text(hostile.get(), "feature_type", types, 4));
    const std::uint64_t* shape = nullptr;
    std::uint64_t n_dimensions = 0, length = 0;
    const float* values = nullptr;
    library.check(library.booster_predict(
        handle, hostile.get(),
        R"({"type": 0, "training": false, "iteration_begin": 0, "iteration_end": 0, "strict_shape": false})",
        &shape, &n_dimensions, &values));
    const std::vector<double> want(values, values + x.n_rows());
    const char* bytes = nullptr;
    library.check(library.booster_to_buffer(handle, R"({"format": "ubj"})", &length, &bytes));
    const Forest forest = forest_from_xgboost(std::as_bytes(std::span(bytes, length)), 40, Link::kIdentity);
    EXPECT_FALSE(forest.category_bits.empty());
    std::vector<double> got(want.size());
    forest.predict(x, got, {});
    // XGBoost adds 41 numbers of this size in float32, we in double.
    const double largest = std::ranges::max(want);
    EXPECT_THAT(got, testing::Pointwise(testing::DoubleNear(1e-6 * largest), want));
  }
}

TEST(LibraryForest, RefusesTextThatIsNoModel) {
  EXPECT_ERROR(forest_from_lightgbm("tree\nversion=v9\n"), kModel, testing::HasSubstr("not understood"));
  EXPECT_ERROR(forest_from_lightgbm("num_tree_per_iteration=1\nmax_feature_idx=0\ntree_sizes=9\n\nTree=0\n"
                                    "num_leaves=2\nleaf_value=1 x\n\n"),
               kModel, testing::HasSubstr("not understood"));
  const std::vector<std::byte> bytes(20);
  EXPECT_ERROR(forest_from_xgboost(bytes, 1, Link::kIdentity), kModel, testing::HasSubstr("not understood"));
}

}  // namespace
}  // namespace kolosal::model
