#include "kolosal/automl/portfolio.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace kolosal::automl {
namespace {

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
  if (shape.is_wide()) {
    const double fraction = std::get<double>(out.try_emplace("feature_fraction", 1.0).first->second);
    out["feature_fraction"] = std::min(fraction, 0.3);
    // A split is looked for in every bin of every column: few rows fill few.
    if (shape.n_rows < 2000) out["max_bin"] = std::int64_t{31};
  }
  if (shape.n_classes > 30) out["n_estimators"] = std::int64_t{330};
  return out;
}

constexpr double kSkewed = 1.0;

/// A target that can not be negative and has a long tail: losses whose spread grows with the mean. They
/// predict the mean as the squared error does, so their predictions blend without a correction.
void add_skewed_losses(const TableShape& shape, const std::string& view, std::vector<Candidate>& out) {
  if (shape.task != data::Task::kRegression || shape.target_minimum < 0 || shape.target_skewness < kSkewed)
    return;
  const auto add = [&](const char* objective) {
    out.push_back({fmt::format("lightgbm {}", objective), "lightgbm",
                   lightgbm(shape, 20,
                            {{"num_leaves", std::int64_t{31}},
                             {"feature_fraction", 0.7},
                             {"objective", std::string(objective)}}),
                   view, 1.3});
  };
  if (shape.is_count) add("poisson");
  add(shape.target_minimum > 0 ? "gamma" : "tweedie");
}

constexpr double kRareClass = 0.1;
constexpr std::size_t kManyColumns = 20;
constexpr std::size_t kMostRowsToSelect = 20'000;

/// The planner's other choices for linear models; chosen columns for tables that are wide for their rows;
/// resampled rows where a class is rare.
void add_choices(const TableShape& shape, const std::string& booster_view, std::vector<Candidate>& out) {
  const bool regression = shape.task == data::Task::kRegression;
  for (const View& view : make_views(shape)) {
    if (view.family != transform::LearnerFamily::kLinear || view.name == "linear" ||
        view.name == "linear_screened")
      continue;
    std::string label = view.name;
    std::ranges::replace(label, '_', ' ');
    out.push_back({std::move(label), regression ? "ridge" : "logistic_regression", {}, view.name, 0.3});
  }
  const ParamMap small = lightgbm(shape, 10, {{"num_leaves", std::int64_t{8}}, {"feature_fraction", 0.5}});
  const std::size_t n = shape.n_columns();
  if (n >= kManyColumns && shape.n_text == 0 && shape.n_rows <= kMostRowsToSelect && shape.n_rows <= 200 * n)
    out.push_back({"lightgbm selected",
                   "lightgbm",
                   small,
                   booster_view,
                   2.0,
                   {.selector = pipeline::NamedSpec{"model_importance", {}}, .resampler = {}}});
  if (!regression && shape.rarest_class < kRareClass && shape.n_rows >= 400) {
    const auto add = [&](std::string label, std::string resampler, double cost) {
      out.push_back({std::move(label),
                     "lightgbm",
                     small,
                     booster_view,
                     cost,
                     {.selector = {}, .resampler = pipeline::NamedSpec{std::move(resampler), {}}}});
    };
    add("lightgbm oversampled", "random_over", 1.5);
    add("lightgbm undersampled", "random_under", 0.5);
  }
}

}  // namespace

Candidate constant_candidate() { return {"constant", "constant", {}, "native", 0.01}; }

std::vector<Candidate> make_portfolio(const TableShape& shape) {
  const bool regression = shape.task == data::Task::kRegression;
  const bool has_categories = shape.n_category > 0;
  const bool many_classes = shape.n_classes > 30;
  const bool tiny = shape.n_rows < 400;
  const bool is_wide = shape.is_wide();
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

  // A network errs otherwise than trees do, which a blend is glad of; of very many columns, most of which
  // tell a little, it is often the best (cnae9). It is the dearest entry.
  const auto add_network = [&] {
    add("mlp", "mlp", {{"n_seeds", std::int64_t{shape.n_rows < 3000 ? 2 : 1}}}, "native", 5.0);
  };

  if (is_wide || shape.n_text > 0) add("linear", linear, {}, "linear", 0.3);
  if (is_wide && shape.n_numeric > 0) {
    add("lightgbm screened", "lightgbm",
        lightgbm(shape, 10, {{"num_leaves", leaves(8)}, {"feature_fraction", 0.5}}), "screened", 0.2);
    add("linear screened", linear, {}, "linear_screened", 0.05);
    add("ordered boosting screened", "ordered_boosting", {}, "screened", 0.6);
  }
  add("lightgbm fast", "lightgbm",
      lightgbm(shape, 20,
               {{"learning_rate", 0.1},
                {"num_leaves", leaves(31)},
                {"feature_fraction", 0.9},
                {"early_stopping_rounds", std::int64_t{20}}}),
      "native", 0.6);
  if (is_wide && shape.n_rows < 50'000) add_network();
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
  if (!many_classes && !is_wide) add("ordered boosting", "ordered_boosting", {}, "native", 3.0);
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
  add_skewed_losses(shape, encoded, out);
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
  if (shape.n_rows < 50'000 && !is_wide) add_network();
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
  add_choices(shape, encoded, out);
  return out;
}

}  // namespace kolosal::automl
