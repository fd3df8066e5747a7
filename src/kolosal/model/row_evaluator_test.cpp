// A row by itself gives the bytes of the table it comes from, for every learner that can.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "kolosal/data/row_cell.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/model/testing/sample_table.hpp"

namespace kolosal::model {
namespace {

using data::Column;
using data::ColumnType;

struct Variant {
  std::string learner;
  ParamMap params;
};

std::ostream& operator<<(std::ostream& out, const Variant& variant) {
  out << variant.learner;
  for (const auto& [name, value] : variant.params) out << "_" << name;
  return out;
}

std::vector<Variant> variants() {
  std::vector<Variant> out;
  for (const EstimatorInfo& info : estimators()) {
    ParamMap params;
    for (const ParamSpec& spec : info.params)
      if (spec.name == "n_estimators" || spec.name == "hidden_size") params[spec.name] = std::int64_t{20};
    out.push_back({info.name, params});
  }
  const auto mlp = [&](ParamMap params) { out.push_back({"mlp", std::move(params)}); };
  mlp({{"hidden_size", std::int64_t{150}}, {"number_encoding", "piecewise"}, {"n_seeds", std::int64_t{2}}});
  mlp({{"hidden_size", std::int64_t{33}}, {"number_encoding", "periodic"}, {"normalization", "layer"}});
  mlp({{"hidden_size", std::int64_t{16}}, {"normalization", "none"}, {"max_onehot", std::int64_t{2}}});
  out.push_back({"knn", {{"weights", "distance"}, {"n_neighbors", std::int64_t{3}}}});
  out.push_back({"ordered_boosting", {{"n_estimators", std::int64_t{150}}}});
  return out;
}

/// What a learner can not take at fit does not belong into its rows either.
data::Frame with_sparse(const data::Frame& x) {
  std::vector<std::int64_t> offsets = {0};
  std::vector<std::int32_t> indices;
  std::vector<float> values;
  for (std::size_t i = 0; i < x.n_rows(); ++i) {
    for (std::size_t j = i % 3; j < 12 && i % 5 != 0; j += 4) {
      indices.push_back(static_cast<std::int32_t>(j));
      values.push_back(0.5F * static_cast<float>(j + i % 2));
    }
    offsets.push_back(static_cast<std::int64_t>(indices.size()));
  }
  data::Frame out = x;
  out.add("words", Column::from_sparse(std::move(offsets), std::move(indices), std::move(values), 12));
  return out;
}

/// Levels that fit did not see, missing and infinite cells.
data::Frame with_odd_cells(const data::Frame& x, const EstimatorInfo& info) {
  data::Frame out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    const Column& column = x.column(c);
    if (column.type() == ColumnType::kCategory) {
      std::vector<std::int32_t> codes(column.codes().begin(), column.codes().end());
      for (std::size_t i = c; i < codes.size(); i += 7) codes[i] = data::kUnseenCode;
      for (std::size_t i = c + 1; i < codes.size() && info.handles_missing; i += 11)
        codes[i] = data::kMissingCode;
      out.add(x.name(c), Column::from_category(codes, column.dictionary()));
    } else if (column.type() == ColumnType::kFloat64 && info.handles_missing) {
      std::vector<double> cells(column.float64s().begin(), column.float64s().end());
      const double infinity = std::numeric_limits<double>::infinity();
      const double odd[] = {std::numeric_limits<double>::quiet_NaN(), infinity, -infinity, 1e300, 0};
      for (std::size_t i = c; i < cells.size(); i += 6) cells[i] = odd[i % std::size(odd)];
      out.add(x.name(c), Column::from_float64(cells));
    } else {
      out.add(x.name(c), column);
    }
  }
  return out;
}

class RowsOf : public ::testing::TestWithParam<Variant> {};
INSTANTIATE_TEST_SUITE_P(Registry, RowsOf, ::testing::ValuesIn(variants()));

TEST_P(RowsOf, GiveTheBytesOfTheTable) {
  const EstimatorInfo& info = estimator_info(GetParam().learner);
  if (!info.unavailable().empty()) GTEST_SKIP() << info.unavailable();
  for (const data::Task task : info.tasks) {
    const SampleTable table =
        sample_table(task, 300, {info.handles_categories, info.handles_missing, info.needs_nonnegative});
    const data::Frame x = info.handles_sparse ? with_sparse(table.x) : table.x;
    std::vector<std::uint32_t> rows(x.n_rows());
    std::iota(rows.begin(), rows.end(), 0U);
    const auto estimator = info.make(GetParam().params);
    estimator->fit({&x, table.data().y}, nullptr, {rows, {}}, Context());
    if (estimator->trees() != nullptr) continue;  // served by a packed forest
    const data::Frame odd = with_odd_cells(x, info);
    const auto evaluator = estimator->row_evaluator();
    ASSERT_NE(evaluator, nullptr) << "has no way for a row";
    const std::size_t k = estimator->n_outputs();
    std::vector<double> want(x.n_rows() * k), got(k);
    estimator->predict(odd, want, Context());
    data::RowArena arena;
    std::vector<data::RowCell> cells(x.n_columns());
    for (std::size_t row = 0; row < x.n_rows(); ++row) {
      for (std::size_t c = 0; c < cells.size(); ++c) cells[c] = data::cell_of(odd.column(c), row, arena);
      evaluator->predict(cells, got);
      for (std::size_t j = 0; j < k; ++j)
        ASSERT_EQ(got[j], want[row * k + j]) << "row " << row << ", output " << j;
    }
  }
}

}  // namespace
}  // namespace kolosal::model
