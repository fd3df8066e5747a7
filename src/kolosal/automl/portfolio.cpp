#include "kolosal/automl/portfolio.hpp"

#include <algorithm>
#include <cmath>

namespace kolosal::automl {
namespace {

using data::ColumnType;
using transform::Selector;
using transform::StepSpec;

StepSpec step(std::string name, ParamMap params = {}, std::string types = "") {
  return StepSpec(std::move(name), std::move(params), {.types = std::move(types)});
}

/// Parameters that all LightGBM entries share, overwritten by `more`.
ParamMap lightgbm(const TableShape& shape, std::int64_t min_leaf, ParamMap more) {
  const auto rows = static_cast<std::int64_t>(shape.n_rows);
  ParamMap out = {{"learning_rate", 0.05},
                  {"n_estimators", std::int64_t{1000}},
                  {"early_stopping_rounds", std::int64_t{40}},
                  {"bagging_fraction", 0.9},
                  {"bagging_freq", std::int64_t{1}},
                  {"max_cat_to_onehot", std::int64_t{4}},
                  {"min_data_in_leaf", std::max<std::int64_t>(std::min(min_leaf, rows / 40), 2)}};
  for (auto& [name, value] : more) out[name] = value;
  if (shape.n_columns() > 300) {
    const double fraction = std::get<double>(out.try_emplace("feature_fraction", 1.0).first->second);
    out["feature_fraction"] = std::min(fraction, 0.3);
  }
  if (shape.n_classes > 30) out["n_estimators"] = std::int64_t{330};
  return out;
}

}  // namespace

TableShape shape_of(const data::Frame& base, const data::TargetView& y, std::size_t n_train_rows) {
  TableShape out;
  out.task = y.task;
  out.n_rows = n_train_rows;
  out.n_classes = y.n_classes;
  for (std::size_t i = 0; i < base.n_columns(); ++i) {
    const data::Column& column = base.column(i);
    if (column.type() == ColumnType::kCategory) {
      ++out.n_category;
      out.max_levels = std::max(out.max_levels, column.dictionary()->size());
    } else if (column.type() == ColumnType::kText) {
      ++out.n_text;
    } else {
      ++out.n_numeric;
    }
  }
  return out;
}

std::vector<StepSpec> base_steps() {
  return {step("drop_constant"), step("drop_duplicate"), step("drop_id_like"),
          step("date_parts", {{"differences", true}}, "time")};
}

std::vector<View> make_views(const TableShape& shape) {
  std::vector<StepSpec> trees = {step("text_stats"), step("text_tokens"), step("text_to_category")};
  trees[0].select.keep = trees[1].select.keep = true;
  // Small tables: target encoding overfits, save where a column has very many levels.
  const std::int64_t min_levels = shape.n_rows < 3000 ? 50 : 3;
  // A linear model on few rows learns nothing from very many hashed words, but pays for each.
  const std::int64_t hash_width = shape.n_rows < 2000 ? 1 << 12 : shape.n_rows < 10'000 ? 1 << 14 : 1 << 15;
  const StepSpec encode = step("target_encode", {{"keep", true}, {"min_levels", min_levels}}, "category");
  const StepSpec encode_only =
      step("target_encode", {{"keep", false}, {"min_levels", std::int64_t{2}}}, "category");
  const StepSpec pairs = step("arithmetic_pairs", {}, "numeric");
  // Forests order levels by frequency: by the target's mean, as boosters do in each node, costs them 4 to 9 %
  // of RMSE where a number confounds the mean (diamonds).
  std::vector<StepSpec> ranked = trees;
  ranked.push_back(step("frequency_encode", {{"method", "rank"}}, "category"));
  return {{"native", trees, {}},
          {"ranked", ranked, {}},
          {"encoded", trees, {encode}},
          {"encoded_pairs", trees, {encode, pairs}},
          {"pairs", trees, {pairs}},
          {"encoded_only", trees, {encode_only}},
          {"linear",
           {step("text_hash", {{"width", hash_width}}, "text"),
            step("impute", {{"strategy", "median"}, {"indicator", true}}, "numeric"),
            step("one_hot", {{"min_frequency", std::int64_t{3}}}, "category")},
           {}}};
}

Candidate constant_candidate() { return {"constant", "constant", {}, "native", 0.01}; }

std::vector<Candidate> make_portfolio(const TableShape& shape) {
  const bool regression = shape.task == data::Task::kRegression;
  const bool has_categories = shape.n_category > 0;
  const bool many_classes = shape.n_classes > 30;
  const bool tiny = shape.n_rows < 400;
  const std::string encoded = has_categories ? "encoded" : "native";
  const std::string encoded_pairs =
      shape.n_numeric >= 2 && shape.n_columns() <= 300 ? "encoded_pairs" : encoded;
  const std::string pairs = shape.n_numeric >= 2 && shape.n_columns() <= 300 ? "pairs" : "native";
  const std::string linear = regression ? "ridge" : "logistic_regression";
  const std::string linear_strength = regression ? "alpha" : "C";
  const std::int64_t n_forest = shape.n_rows > 10'000 ? 50 : 100;

  std::vector<Candidate> out;
  auto add = [&](std::string label, std::string estimator, ParamMap params, std::string view, double cost) {
    out.push_back({std::move(label), std::move(estimator), std::move(params), std::move(view), cost});
  };
  const auto leaves = [](std::int64_t n) { return ParamValue(n); };

  if (shape.n_columns() > 300 || shape.n_text > 0) add("linear", linear, {}, "linear", 0.3);
  add("lightgbm fast", "lightgbm",
      lightgbm(shape, 20,
               {{"learning_rate", 0.1},
                {"num_leaves", leaves(31)},
                {"feature_fraction", 0.9},
                {"early_stopping_rounds", std::int64_t{20}}}),
      "native", 0.6);
  if (!many_classes)
    add("lightgbm small", "lightgbm",
        lightgbm(shape, 10, {{"num_leaves", leaves(8)}, {"feature_fraction", 0.5}}), encoded_pairs, 1.0);
  if (out.front().label != "linear") add("linear", linear, {}, "linear", 0.2);
  add("extra trees", "extra_trees",
      {{"n_estimators", n_forest},
       {"max_features", "0.8"},
       {"min_samples_leaf", std::int64_t{regression ? 1 : 2}}},
      "ranked", 1.5);
  if (!tiny)
    add("lightgbm deep", "lightgbm",
        lightgbm(shape, 10,
                 {{"num_leaves", leaves(255)}, {"feature_fraction", 0.6}, {"learning_rate", 0.07}}),
        encoded_pairs, 2.5);
  add("lightgbm pairs", "lightgbm",
      lightgbm(shape, 20, {{"num_leaves", leaves(31)}, {"feature_fraction", 0.9}}), pairs, 1.5);
  add("xgboost", "xgboost",
      {{"learning_rate", 0.05},
       {"max_depth", std::int64_t{6}},
       {"subsample", 0.8},
       {"colsample_bynode", 0.7},
       {"min_child_weight", 1.0},
       {"n_estimators", std::int64_t{many_classes ? 330 : 1000}},
       {"early_stopping_rounds", std::int64_t{40}}},
      encoded, 1.5);
  add("lightgbm extra", "lightgbm",
      lightgbm(shape, 20,
               {{"num_leaves", leaves(64)},
                {"feature_fraction", 0.55},
                {"extra_trees", true},
                {"lambda_l2", 2.0}}),
      encoded_pairs, 2.0);
  add("lightgbm stump", "lightgbm",
      lightgbm(shape, 10, {{"num_leaves", leaves(4)}, {"learning_rate", 0.1}, {"feature_fraction", 0.6}}),
      encoded_pairs, 1.0);
  if (has_categories)
    add("lightgbm encoded", "lightgbm",
        lightgbm(shape, 20, {{"num_leaves", leaves(31)}, {"feature_fraction", 0.7}}), "encoded_only", 1.3);
  add("lightgbm extra small", "lightgbm",
      lightgbm(shape, 20,
               {{"num_leaves", leaves(16)},
                {"learning_rate", 0.1},
                {"feature_fraction", 0.5},
                {"extra_trees", true}}),
      encoded, 1.0);
  if (!tiny)
    add("lightgbm deep pairs", "lightgbm",
        lightgbm(shape, 5,
                 {{"num_leaves", leaves(255)},
                  {"learning_rate", 0.1},
                  {"feature_fraction", 0.8},
                  {"n_estimators", std::int64_t{3000}}}),
        pairs, 3.0);
  add("random forest", "random_forest",
      {{"n_estimators", n_forest},
       {"max_features", regression ? "0.5" : "sqrt"},
       {"min_samples_leaf", std::int64_t{regression ? 1 : 2}}},
      "ranked", 1.5);
  return out;
}

}  // namespace kolosal::automl
