#include "kolosal/automl/portfolio.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "kolosal/model/estimator.hpp"

namespace kolosal::automl {
namespace {

/// From here on every tree of a booster is dear: there is one per class and round.
constexpr std::size_t kManyClasses = 30;
/// A tree of 255 leaves would hold every row.
constexpr std::size_t kTinyRows = 400;

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
  if (shape.n_classes > kManyClasses) {
    auto& n_rounds = std::get<std::int64_t>(out["n_estimators"]);
    n_rounds = std::min<std::int64_t>(n_rounds, 330);
  }
  return out;
}

/// Losses whose spread grows with the mean. They predict the mean as the squared error does, so their
/// predictions blend without a correction.
void add_skewed_losses(const TableShape& shape, const std::string& view, std::vector<Candidate>& out) {
  if (!is_skewed(shape)) return;
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

/// The order in which entries are tried, learned by simulating searches on 20 tables, public and generated
/// (bench/simulate_portfolio.py; docs/design/search.md). What is not named comes last.
constexpr std::array kLearnedOrder = {"lightgbm fast",
                                      "lightgbm small",
                                      "lightgbm crossed",
                                      "random forest",
                                      "extra trees",
                                      "ordered boosting fast",
                                      "mlp",
                                      "linear",
                                      "knn",
                                      "xgboost lossguide",
                                      "ordered boosting",
                                      "lightgbm deep pairs",
                                      "lightgbm encoded small",
                                      "lightgbm crossed small",
                                      "lightgbm deep",
                                      "lightgbm extra small",
                                      "lightgbm stump",
                                      "lightgbm pairs",
                                      "ordered boosting deep",
                                      "xgboost",
                                      "lightgbm extra"};

std::size_t learned_place(const Candidate& candidate) {
  return static_cast<std::size_t>(std::ranges::find(kLearnedOrder, candidate.label) - kLearnedOrder.begin());
}

/// Linear models and networks come first where boosters are slow or see little: texts, very many columns or
/// classes.
std::size_t place(const Candidate& candidate, const TableShape& shape) {
  const std::string& label = candidate.label;
  if (shape.is_wide() && label.ends_with(" screened")) return 1;
  if (label == "linear" && (shape.is_wide() || shape.n_text > 0 || shape.n_classes > kManyClasses)) return 0;
  if (label == "mlp" && (shape.is_wide() || shape.n_classes > kManyClasses)) return 3;
  return 2 + (label == "lightgbm fast" ? 0 : 2 + learned_place(candidate));
}

/// What a booster sees that takes levels as they are.
std::string plain_view(const TableShape& shape) { return shape.made.text_scores() ? "scored" : "native"; }
std::string encoded_view(const TableShape& shape) {
  return shape.n_category > 0 ? "encoded" : plain_view(shape);
}

/// Boosters of LightGBM.
void add_lightgbm(const TableShape& shape, std::vector<Candidate>& out) {
  const bool has_categories = shape.n_category > 0;
  const bool many_classes = shape.n_classes > kManyClasses;
  const bool has_pairs = shape.n_numeric >= 2 && !shape.is_wide();
  const std::string encoded = encoded_view(shape);
  const std::string encoded_pairs = has_pairs ? "encoded_pairs" : encoded;
  const std::string pairs = has_pairs ? "pairs" : plain_view(shape);
  const auto add = [&](std::string label, std::int64_t leaves, std::int64_t min_leaf, ParamMap more,
                       std::string view, double cost) {
    more["num_leaves"] = leaves;
    out.push_back(
        {std::move(label), "lightgbm", lightgbm(shape, min_leaf, std::move(more)), std::move(view), cost});
  };
  add("lightgbm fast", 31, 20,
      {{"learning_rate", 0.1}, {"feature_fraction", 0.9}, {"early_stopping_rounds", std::int64_t{20}}},
      "native", 0.6);
  add("lightgbm pairs", 31, 20, {{"feature_fraction", 0.9}}, pairs, 1.5);
  add("lightgbm extra", 64, 20, {{"feature_fraction", 0.55}, {"extra_trees", true}, {"lambda_l2", 2.0}},
      encoded_pairs, 2.0);
  add("lightgbm extra small", 16, 20,
      {{"learning_rate", 0.1}, {"feature_fraction", 0.5}, {"extra_trees", true}}, encoded, 1.0);
  add("lightgbm stump", 4, 10, {{"learning_rate", 0.1}, {"feature_fraction", 0.6}}, encoded_pairs, 1.0);
  if (has_categories) add("lightgbm encoded", 31, 20, {{"feature_fraction", 0.7}}, "encoded_only", 1.3);
  if (shape.made.category_pairs()) {
    const std::string crossed = has_pairs ? "crossed_pairs" : "crossed";
    add("lightgbm crossed", 31, 20, {{"feature_fraction", 0.7}}, crossed, 1.5);
    add("lightgbm crossed small", 8, 10, {{"feature_fraction", 0.5}}, crossed, 1.2);
  }
  if (!many_classes) {
    add("lightgbm small", 8, 10, {{"feature_fraction", 0.5}}, encoded_pairs, 1.0);
    add("lightgbm encoded small", 16, 10,
        {{"learning_rate", 0.03},
         {"n_estimators", std::int64_t{2000}},
         {"early_stopping_rounds", std::int64_t{60}},
         {"bagging_fraction", 0.8},
         {"feature_fraction", 0.5}},
        encoded, 1.8);
  }
  if (shape.is_wide() && shape.n_numeric > 0)
    add("lightgbm screened", 8, 10, {{"feature_fraction", 0.5}}, "screened", 0.2);
  // It has no early stopping: it changes trees of earlier rounds.
  add("lightgbm dart", 16, 10,
      {{"boosting", std::string("dart")},
       {"learning_rate", 0.15},
       {"n_estimators", std::int64_t{200}},
       {"early_stopping_rounds", std::int64_t{0}},
       {"feature_fraction", 0.6}},
      encoded, 4.0);
  if (shape.n_rows < kTinyRows) return;
  add("lightgbm deep", 255, 10, {{"feature_fraction", 0.6}, {"learning_rate", 0.07}}, encoded_pairs, 2.5);
  add("lightgbm deep pairs", 255, 5,
      {{"learning_rate", 0.1}, {"feature_fraction", 0.8}, {"n_estimators", std::int64_t{3000}}}, pairs, 3.0);
}

/// Boosters of other kinds, whose errors differ from LightGBM's.
void add_other_boosters(const TableShape& shape, std::vector<Candidate>& out) {
  const bool many_classes = shape.n_classes > kManyClasses;
  const std::string encoded = encoded_view(shape), plain = plain_view(shape);
  const auto xgboost = [&](std::string label, ParamMap more, double cost) {
    ParamMap params = {{"learning_rate", 0.05},
                       {"subsample", 0.8},
                       {"min_child_weight", 1.0},
                       {"n_estimators", std::int64_t{many_classes ? 330 : 1000}},
                       {"early_stopping_rounds", std::int64_t{40}}};
    for (auto& [name, value] : more) params[name] = value;
    out.push_back({std::move(label), "xgboost", std::move(params), encoded, cost});
  };
  xgboost("xgboost", {{"max_depth", std::int64_t{6}}, {"colsample_bynode", 0.7}}, 1.5);
  xgboost("xgboost lossguide",
          {{"grow_policy", std::string("lossguide")},
           {"max_leaves", std::int64_t{64}},
           {"max_depth", std::int64_t{0}},
           {"colsample_bynode", 0.6}},
          2.0);
  const auto ordered = [&](std::string label, double rate, std::int64_t depth, std::int64_t n_rounds,
                           std::int64_t patience, std::string view, double cost) {
    out.push_back({std::move(label),
                   "ordered_boosting",
                   {{"learning_rate", rate},
                    {"depth", depth},
                    {"n_estimators", n_rounds},
                    {"early_stopping_rounds", patience}},
                   std::move(view),
                   cost});
  };
  if (shape.is_wide() && shape.n_numeric > 0)
    ordered("ordered boosting screened", 0.05, 6, 1000, 50, "screened", 0.6);
  if (many_classes || shape.is_wide()) return;
  ordered("ordered boosting fast", 0.15, 6, 300, 20, plain, 0.8);
  ordered("ordered boosting", 0.08, 4, 1000, 50, plain, 1.5);
  ordered("ordered boosting deep", 0.05, 8, 1000, 50, plain, 4.0);
}

/// What is not a booster.
void add_other_families(const TableShape& shape, std::vector<Candidate>& out) {
  const bool regression = shape.task == data::Task::kRegression;
  const auto add = [&](std::string label, std::string estimator, ParamMap params, std::string view,
                       double cost) {
    out.push_back({std::move(label), std::move(estimator), std::move(params), std::move(view), cost});
  };
  const std::string linear = regression ? "ridge" : "logistic_regression";
  add("linear", linear, {}, "linear", 0.2);
  if (shape.is_wide() && shape.n_numeric > 0) add("linear screened", linear, {}, "linear_screened", 0.05);

  const bool many_classes = shape.n_classes > kManyClasses;
  const std::int64_t n_forest = shape.n_rows > 10'000 ? 50 : 100;
  // A leaf holds a number per class.
  const std::int64_t leaf_rows = regression ? 1 : many_classes ? 10 : 2;
  const std::string ranked = shape.made.text_scores() ? "ranked_scored" : "ranked";
  add("extra trees", "extra_trees",
      {{"n_estimators", n_forest}, {"max_features", "0.8"}, {"min_samples_leaf", leaf_rows}}, ranked, 1.5);
  add("random forest", "random_forest",
      {{"n_estimators", n_forest},
       {"max_features", regression ? "0.5" : "sqrt"},
       {"min_samples_leaf", leaf_rows}},
      ranked, 0.5);
  // A network errs otherwise than trees do, which a blend is glad of. It is the dearest entry.
  if (shape.n_rows < 50'000)
    add("mlp", "mlp", {{"n_seeds", std::int64_t{shape.n_rows < 3000 ? 2 : 1}}}, plain_view(shape), 5.0);
  if (shape.n_text == 0 && !shape.is_wide() && shape.n_rows < 50'000)
    add("knn", "knn", {{"n_neighbors", std::int64_t{15}}, {"weights", std::string("distance")}}, "native",
        0.3);
}

}  // namespace

bool is_skewed(const TableShape& shape) {
  constexpr double kSkewed = 1.0;
  return shape.task == data::Task::kRegression && shape.target_minimum >= 0 &&
         shape.target_skewness >= kSkewed;
}

std::vector<Candidate> available(std::vector<Candidate> portfolio, const std::vector<std::string>& excluded,
                                 const std::function<void(std::string)>& note) {
  std::map<std::string, std::string> reasons;
  std::erase_if(portfolio, [&](const Candidate& candidate) {
    if (std::ranges::find(excluded, candidate.estimator) != excluded.end()) return true;
    auto [reason, is_new] = reasons.try_emplace(candidate.estimator);
    if (is_new) {
      reason->second = model::estimator_info(candidate.estimator).unavailable();
      if (!reason->second.empty())
        note(fmt::format("{} is left out: {}", candidate.estimator, reason->second));
    }
    return !reason->second.empty();
  });
  return portfolio;
}

std::optional<Candidate> plain_candidate(const model::EstimatorInfo& info, const TableShape& shape) {
  if (std::ranges::find(info.tasks, shape.task) == info.tasks.end()) return {};
  const auto has_negative = [](const profile::ColumnProfile& column) {
    return column.numbers && column.numbers->n_negative > 0;
  };
  if (info.needs_nonnegative && std::ranges::any_of(shape.columns, has_negative)) return {};
  ParamMap params;
  if (info.name == "glm") {
    if (shape.target_minimum < 0) return {};
    params["family"] = std::string(shape.is_count             ? "poisson"
                                   : shape.target_minimum > 0 ? "gamma"
                                                              : "tweedie");
  }
  std::string label = info.name;
  std::ranges::replace(label, '_', ' ');
  const bool takes_all = info.handles_missing && info.handles_categories;
  return Candidate{std::move(label), info.name, std::move(params), takes_all ? "native" : "linear", 0.5};
}

std::vector<Candidate> with_every_learner(std::vector<Candidate> portfolio, const TableShape& shape) {
  for (const model::EstimatorInfo& info : model::estimators()) {
    // The baseline is always there, and quantiles have entries of their own.
    if (info.name == "constant" || info.name == "quantile_regression" ||
        std::ranges::find(portfolio, info.name, &Candidate::estimator) != portfolio.end())
      continue;
    if (auto candidate = plain_candidate(info, shape)) portfolio.push_back(*std::move(candidate));
  }
  return portfolio;
}

Candidate constant_candidate() { return {"constant", "constant", {}, "native", 0.01}; }

std::int64_t integer_param(const ParamMap& params, const char* name, std::int64_t otherwise) {
  const auto found = params.find(name);
  return found == params.end() ? otherwise : std::get<std::int64_t>(found->second);
}

std::vector<Candidate> make_portfolio(const TableShape& shape) {
  std::vector<Candidate> out;
  add_lightgbm(shape, out);
  add_other_boosters(shape, out);
  add_other_families(shape, out);
  add_skewed_losses(shape, encoded_view(shape), out);
  add_choices(shape, encoded_view(shape), out);
  std::ranges::stable_sort(out, {}, [&](const Candidate& candidate) { return place(candidate, shape); });
  return out;
}

}  // namespace kolosal::automl
