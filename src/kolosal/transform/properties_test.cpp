#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <iostream>
#include <limits>
#include <map>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/transform/testing/compare_frames.hpp"
#include "kolosal/transform/testing/frames.hpp"

// What holds of every step by its definition, on random tables: it can be taken back where it says so, and
// neither the order of the rows, nor the batches they come in, nor the number of threads matter. (Hostile
// cells and wrong use: contract_test.cpp.)

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;
using data::Frame;
using data::TargetView;
using data::Task;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Table {
  Frame x;
  std::vector<double> target;
  Task task = Task::kRegression;

  TargetView y(std::size_t begin, std::size_t n) const {
    const std::size_t n_classes[] = {2, 3, 0};
    return {task, std::span(target).subspan(begin, n), {}, n_classes[static_cast<int>(task)]};
  }
  TargetView y() const { return y(0, target.size()); }
  Table rows(const std::vector<std::uint32_t>& order) const {
    Table out{x.take(order), {}, task};
    for (const std::uint32_t row : order) out.target.push_back(target[row]);
    return out;
  }
};

// Columns of every type, some with holes, and a target that depends on them a little. Sizes of numbers
// differ by no more than 100, so that no sum drowns another.
Table random_table(std::size_t n, std::uint64_t seed, Task task, bool with_holes) {
  Rng rng(seed);
  const auto is_hole = [&](std::uint64_t one_in) { return with_holes && rng.below(one_in) == 0; };
  Table out;
  out.task = task;
  std::vector<double> shared(n);
  for (double& cell : shared) cell = rng.normal();
  for (const double size : {0.1, 1.0, 10.0}) {
    std::vector<double> cells(n);
    const double centre = 50 * rng.normal();
    for (std::size_t i = 0; i < n; ++i)
      cells[i] = is_hole(6) ? kNaN : centre + size * (rng.normal() + 0.5 * shared[i]);
    out.x.add("number_" + std::to_string(out.x.n_columns()), Column::from_float64(cells));
  }
  std::vector<float> single(n);
  std::vector<double> positive(n);
  std::vector<std::int64_t> integer(n), day(n);
  std::vector<std::uint8_t> flag(n);
  std::vector<std::int32_t> few(n), many(n);
  std::vector<std::optional<std::string>> text(n);
  std::vector<std::int64_t> offsets = {0};
  std::vector<std::int32_t> indices;
  std::vector<float> values;
  data::Bitmap valid = data::all_present(n);
  const char* kWords[] = {"red", "green", "12 eur", "blue sky", "a"};
  for (std::size_t i = 0; i < n; ++i) {
    single[i] = static_cast<float>(rng.normal());
    positive[i] = std::exp(rng.normal());
    integer[i] = static_cast<std::int64_t>(rng.below(20)) - 5;
    day[i] = static_cast<std::int64_t>(rng.below(4000)) * 86'400'000'000'000;
    flag[i] = static_cast<std::uint8_t>(rng.below(2));
    few[i] = is_hole(8) ? data::kMissingCode : static_cast<std::int32_t>(rng.below(3));
    many[i] = static_cast<std::int32_t>(rng.below(30));
    if (!is_hole(5)) text[i] = std::string(kWords[rng.below(5)]) + " " + kWords[rng.below(5)];
    if (is_hole(7)) data::clear_bit(valid.data(), i);
    for (std::int32_t k = 0; k < 6; ++k)
      if (rng.below(3) == 0) {
        indices.push_back(k);
        values.push_back(static_cast<float>(k + 1) + static_cast<float>(rng.uniform()));
      }
    offsets.push_back(static_cast<std::int64_t>(indices.size()));
    const double signal = shared[i] + (few[i] == 1) + rng.normal();
    out.target.push_back(task == Task::kRegression ? signal
                         : task == Task::kBinary   ? signal > 0.3
                                                   : (signal > -0.5) + (signal > 0.7));
  }
  std::vector<std::string> levels;
  for (int i = 0; i < 30; ++i) levels.push_back("level " + std::to_string(i));
  out.x.add("single", Column::from_float32(single));
  out.x.add("positive", Column::from_float64(positive));
  out.x.add("integer", Column::from_int64(integer, valid));
  out.x.add("flag", Column::from_bool(flag, valid));
  out.x.add("day", Column::from_date(day, valid));
  out.x.add("few", categories({"x", "y", "z"}, few));
  out.x.add("many", categories(levels, many));
  out.x.add("text", Column::from_texts(text));
  out.x.add("sparse", Column::from_sparse(offsets, indices, values, 6));
  return out;
}

Table any_table(std::size_t least_rows, bool with_holes = true) {
  const auto n = *rc::gen::inRange<std::size_t>(least_rows, 160);
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const auto task = *rc::gen::element(Task::kBinary, Task::kMulticlass, Task::kRegression);
  return random_table(n, seed, task, with_holes);
}

// Branches that the default parameters do not reach.
std::vector<ParamMap> variants(const std::string& step) {
  if (step == "scale") return {{}, {{"method", "robust"}}, {{"method", "minmax"}}, {{"method", "maxabs"}}};
  if (step == "quantile_transform") return {{}, {{"output_distribution", "normal"}}};
  if (step == "discretize")
    return {{}, {{"method", "uniform"}, {"encode", "category"}}, {{"method", "kmeans"}}};
  if (step == "outliers")
    return {{},
            {{"method", "zscore"}, {"threshold", 1.0}, {"action", "winsorize"}},
            {{"method", "percentile"}, {"threshold", 10.0}},
            {{"method", "modified_zscore"}, {"action", "flag"}}};
  if (step == "splines") return {{}, {{"knots", "quantile"}, {"extrapolation", "linear"}}};
  if (step == "pca") return {{}, {{"n_components", std::int64_t{3}}, {"whiten", true}}};
  if (step == "correlation_clusters") return {{}, {{"keep", "target"}, {"threshold", 0.2}}};
  if (step == "f_statistic") return {{}, {{"choose", "top_k"}, {"k", std::int64_t{3}}}};
  if (step == "truncated_svd") return {{{"n_components", std::int64_t{3}}}};
  if (step == "impute") return {{}, {{"strategy", "mean"}, {"indicator", true}}};
  if (step == "clip") return {{}, {{"bounds", "given"}, {"lower", -1.0}}};
  return {{}};
}

// Runs a property on the same 25 random cases each time: equal to rounding today is equal tomorrow.
template <typename Property>
bool holds(const std::string& what, const Property& property) {
  rc::detail::TestMetadata metadata;
  metadata.id = metadata.description = what;
  rc::detail::TestParams params;
  params.seed = 20240229;
  params.maxSuccess = 25;
  const auto result = rc::detail::checkTestable(property, metadata, params);
  if (result.template is<rc::detail::SuccessResult>()) return true;
  rc::detail::printResultMessage(result, std::cerr);
  return false;
}

class StepProperties : public ::testing::TestWithParam<std::string> {
 protected:
  const TransformerInfo& info() const { return transformer_info(GetParam()); }
  std::vector<std::string> columns_of(const Frame& x) const {
    // Of a few numbers far from zero the best power may be one that leaves no digits.
    if (GetParam() == "power_transform") return {"single", "positive", "integer"};
    return Selector{info().default_types, {}}.resolve(x);
  }
  // Steps that take a number target apart, by bins or the median, before they can count.
  bool needs_numbers_first(const Table& table) const {
    return (GetParam() == "chi2" || GetParam() == "weight_of_evidence") && table.task == Task::kRegression;
  }
  static void require(const ::testing::AssertionResult& result) {
    if (!result) RC_FAIL(result.message());
  }
  template <typename Body>
  void for_each_variant(const Body& body) const {
    for (const ParamMap& params : variants(GetParam())) {
      std::string what = GetParam();
      for (const auto& [name, value] : params) what += " " + name + "=" + to_string(value);
      EXPECT_TRUE(holds(what, [&] { body(params); })) << what;
    }
  }
};

TEST_P(StepProperties, TheInverseOfTheTransformIsTheTable) {
  for_each_variant([&](const ParamMap& params) {
    const auto step = info().make(params);
    if (!step->has_inverse()) return;
    // pca gives the mean for a missing cell, and needs all components.
    const bool is_pca = GetParam() == "pca";
    if (is_pca && params.contains("n_components")) return;
    const Table table = any_table(12, !is_pca);
    const auto columns = columns_of(table.x);
    const Frame back = step->inverse_transform(
        step->fit_transform(table.x, all_rows(table.x.n_rows()), table.y(), columns, {}), {});
    for (const auto& name : columns) {
      const Column &want = table.x.column(name), &got = back.column(name);
      const double tolerance = want.type() == ColumnType::kFloat32 ? 1e-5 : 1e-9;
      for (std::size_t row = 0; row < want.size(); ++row)
        if (want.is_numeric())
          RC_ASSERT(near_or_same(got.number(row), want.number(row), tolerance));
        else
          RC_ASSERT(got.cell_text(row) == want.cell_text(row));
    }
  });
}

// Steps to which the order of rows is an input.
const std::map<std::string, std::string> kOrdered = {
    {"fill_in_order", "a hole is filled from the row before it"},
    {"mutual_information", "the noise that parts equal numbers is drawn row by row"},
    {"arithmetic_pairs", "a / b and b / a tell equally much, to rounding, and the sums follow the rows"},
};

TEST_P(StepProperties, TheOrderOfTheRowsDoesNotMatter) {
  if (kOrdered.contains(GetParam())) GTEST_SKIP() << kOrdered.at(GetParam());
  for_each_variant([&](const ParamMap& params) {
    const Table table = any_table(1);
    auto order = all_rows(table.x.n_rows());
    Rng(*rc::gen::arbitrary<std::uint64_t>()).shuffle(order);
    const Table shuffled = table.rows(order);
    const auto a = info().make(params), b = info().make(params);
    const auto rows = all_rows(table.x.n_rows());
    a->fit(table.x, rows, table.y(), columns_of(table.x), {});
    b->fit(shuffled.x, rows, shuffled.y(), columns_of(table.x), {});
    require(same_to_rounding(a->transform(table.x, {}), b->transform(table.x, {}), 1e-6));
  });
}

TEST_P(StepProperties, TheBatchesDoNotMatter) {
  for_each_variant([&](const ParamMap& params) {
    const auto whole = info().make(params), batches = info().make(params), other = info().make(params);
    if (!whole->can_stream()) return;
    const Table table = any_table(1);
    if (needs_numbers_first(table)) return;
    const std::size_t n = table.x.n_rows();
    const auto columns = columns_of(table.x);
    whole->fit(table.x, all_rows(n), table.y(), columns, {});
    // Each batch goes to one of two steps, which are merged.
    for (std::size_t begin = 0; begin < n;) {
      const std::size_t size = std::min(n - begin, *rc::gen::inRange<std::size_t>(1, 60));
      const auto& gatherer = *rc::gen::arbitrary<bool>() ? batches : other;
      gatherer->partial_fit(with_own_dictionaries(table.x.slice(begin, size)), table.y(begin, size), columns,
                            {});
      begin += size;
    }
    batches->merge(*other);
    batches->finish_fit({});
    require(same_to_rounding(batches->transform(table.x, {}), whole->transform(table.x, {}), 1e-6));
  });
}

TEST_P(StepProperties, TheNumberOfThreadsDoesNotMatterToTheByte) {
  ThreadPool pool(3);
  Context three;
  three.pool = &pool;
  three.n_threads = 3;
  for_each_variant([&](const ParamMap& params) {
    const Table table = any_table(1);
    const auto columns = columns_of(table.x);
    const auto rows = all_rows(table.x.n_rows());
    const auto a = info().make(params), b = info().make(params);
    require(same(bytes_of(a->fit_transform(table.x, rows, table.y(), columns, {})),
                 bytes_of(b->fit_transform(table.x, rows, table.y(), columns, three))));
    if (!a->can_stream() || needs_numbers_first(table)) return;
    for (std::size_t begin = 0; begin < rows.size(); begin += 50) {
      const std::size_t n = std::min<std::size_t>(50, rows.size() - begin);
      a->partial_fit(table.x.slice(begin, n), table.y(begin, n), columns, {});
      b->partial_fit(table.x.slice(begin, n), table.y(begin, n), columns, three);
    }
    a->finish_fit({});
    b->finish_fit(three);
    require(same(bytes_of(a->transform(table.x, {})), bytes_of(b->transform(table.x, three))));
  });
}

std::vector<std::string> all_names() {
  std::vector<std::string> out;
  for (const auto& info : transformers()) out.push_back(info.name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Registry, StepProperties, ::testing::ValuesIn(all_names()),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace kolosal::transform
