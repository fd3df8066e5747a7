#include "kolosal/model/boosting_target.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/model/class_weights.hpp"
#include "kolosal/model/relative_weights.hpp"

namespace kolosal::model {
namespace {

/// Weighted mean and deviation, by Welford: no overflow for large targets.
struct Spread {
  double mean = 0;
  double deviation = 1;
};

Spread spread_of(const data::TargetView& y, std::span<const std::uint32_t> rows) {
  double total = 0, mean = 0, sum_sq = 0;
  for (const std::uint32_t r : rows) {
    const double w = y.weight(r);
    if (!(w > 0)) continue;
    total += w;
    const double delta = y.values[r] - mean;
    mean += delta * (w / total);
    sum_sq += w * delta * (y.values[r] - mean);
  }
  const double deviation = total > 0 ? std::sqrt(sum_sq / total) : 0.0;
  if (!(deviation > 0) || !std::isfinite(deviation)) return {mean, 1.0};
  return {mean, deviation};
}

void check_values(const data::TargetView& y, std::span<const std::uint32_t> rows,
                  const Objective& objective) {
  if (objective.link != Link::kExp) return;
  for (const std::uint32_t r : rows) {
    const double v = y.values[r];
    if (v > 0 || (v == 0 && objective.loss != LossKind::kGamma)) continue;
    throw Error(ErrorCode::kData, "objective {} needs a target {}, but row {} has {}; use objective l2",
                objective.name, objective.loss == LossKind::kGamma ? "above 0" : "of 0 or more", r + 1, v);
  }
}

}  // namespace

Objective choose_objective(std::string_view learner, std::string_view asked, data::Task task,
                           const ObjectiveParams& params) {
  if (asked == "focal") {
    if (task != data::Task::kBinary)
      throw Error(ErrorCode::kInvalidParameter, "{}: objective focal is for two classes, not for a {} target",
                  learner, data::task_name(task));
    return {"focal", LossKind::kFocal, Link::kFocal, params.focal_gamma};
  }
  if (task != data::Task::kRegression && asked != "auto")
    throw Error(ErrorCode::kInvalidParameter, "{}: objective is for regression, not for a {} target: {}",
                learner, data::task_name(task), asked);
  if (task == data::Task::kBinary) return {"binary", LossKind::kLogLoss, Link::kSigmoid};
  if (task == data::Task::kMulticlass) return {"multiclass", LossKind::kMultiLogLoss, Link::kSoftmax};
  if (asked == "auto" || asked == "l2") return {"l2", LossKind::kSquared, Link::kIdentity, 0, true};
  if (asked == "l1") return {"l1", LossKind::kAbsolute, Link::kIdentity, 0, true};
  if (asked == "mape") return {"l1", LossKind::kAbsolute, Link::kIdentity, 0, true, true};
  if (asked == "huber") return {"huber", LossKind::kHuber, Link::kIdentity, params.alpha, true};
  if (asked == "quantile") return {"quantile", LossKind::kQuantile, Link::kIdentity, params.alpha, true};
  if (asked == "poisson") return {"poisson", LossKind::kPoisson, Link::kExp};
  if (asked == "gamma") return {"gamma", LossKind::kGamma, Link::kExp};
  KOLOSAL_ASSERT(asked == "tweedie", "the parameter table allows no other objective");
  return {"tweedie", LossKind::kTweedie, Link::kExp, params.tweedie_variance_power};
}

BoostingTarget make_target(const data::TargetView& y, RowSplit rows, const Objective& objective,
                           std::string_view class_weight) {
  check_values(y, rows.train, objective);
  check_values(y, rows.valid, objective);
  BoostingTarget out;
  if (objective.any_unit) {
    const Spread spread = spread_of(y, rows.train);
    out.center = spread.mean;
    out.scale = spread.deviation;
  }
  std::vector<double> per_class;
  if (class_weight == "balanced" && y.task != data::Task::kRegression)
    per_class = class_weights("balanced", y, rows.train);
  const bool weighted = !y.weights.empty() || !per_class.empty() || objective.is_relative;

  const auto fill = [&](std::span<const std::uint32_t> of, std::vector<float>& values,
                        std::vector<float>& weights) {
    values.reserve(of.size());
    const std::vector<double> by_size =
        objective.is_relative ? relative_factors(y, rows.train, of) : std::vector<double>();
    for (const std::uint32_t r : of) {
      values.push_back(static_cast<float>((y.values[r] - out.center) / out.scale));
      if (!weighted) continue;
      double factor = per_class.empty() ? 1.0 : per_class[static_cast<std::size_t>(y.values[r])];
      if (objective.is_relative) factor = by_size[values.size() - 1];
      weights.push_back(static_cast<float>(y.weight(r) * factor));
    }
  };
  fill(rows.train, out.train, out.train_weights);
  fill(rows.valid, out.valid, out.valid_weights);
  out.valid_loss = {.kind = objective.loss == LossKind::kFocal ? LossKind::kLogLoss : objective.loss,
                    .parameter = objective.parameter,
                    .y = {out.valid.begin(), out.valid.end()},
                    .weights = {out.valid_weights.begin(), out.valid_weights.end()}};
  return out;
}

void check_choice(std::string_view learner, std::string_view parameter, std::string_view value,
                  std::initializer_list<std::string_view> known) {
  if (std::find(known.begin(), known.end(), value) != known.end()) return;
  throw Error(ErrorCode::kInvalidParameter, "{}: parameter {} must be one of {}, not \"{}\"", learner,
              parameter, fmt::join(known, ", "), value);
}

void save_booster(artifact::Node& node, const Forest& forest, const std::vector<double>& importance) {
  forest.save(node.add_child("forest"));
  node.set_array("feature_importance", importance);
}

void load_booster(const artifact::Node& node, std::size_t n_features, std::size_t n_outputs, Forest& forest,
                  std::vector<double>& importance) {
  forest = Forest::load(node.child("forest"));
  if (static_cast<std::size_t>(forest.n_features) != n_features ||
      static_cast<std::size_t>(forest.n_outputs) != n_outputs)
    throw Error(ErrorCode::kModel,
                "the model's trees read {} features and give {} outputs instead of {} and {}",
                forest.n_features, forest.n_outputs, n_features, n_outputs);
  importance = node.get_vector<double>("feature_importance");
  if (importance.size() != n_features)
    throw Error(ErrorCode::kModel, "the model has the importance of {} features instead of {}",
                importance.size(), n_features);
}

std::vector<double> as_shares(std::vector<double> gain) {
  const double sum = std::accumulate(gain.begin(), gain.end(), 0.0);
  for (double& g : gain) g = sum > 0 ? g / sum : 1.0 / static_cast<double>(gain.size());
  return gain;
}

void check_target_params(std::string_view learner, std::string_view objective, std::string_view class_weight,
                         double alpha, bool has_focal) {
  if (!(has_focal && objective == "focal"))
    check_choice(learner, "objective", objective,
                 {"auto", "l2", "l1", "mape", "huber", "quantile", "poisson", "gamma", "tweedie"});
  check_choice(learner, "class_weight", class_weight, {"none", "balanced"});
  if (objective == "quantile" && alpha >= 1)
    throw Error(ErrorCode::kInvalidParameter, "{}: alpha of objective quantile must be below 1, not {}",
                learner, alpha);
}

}  // namespace kolosal::model
