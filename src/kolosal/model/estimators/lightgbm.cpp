#include "kolosal/model/estimators/lightgbm.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/model/boosting_derivatives.hpp"
#include "kolosal/model/boosting_fit.hpp"
#include "kolosal/model/boosting_target.hpp"
#include "kolosal/model/focal_loss.hpp"
#include "kolosal/model/leaf_rounding.hpp"
#include "kolosal/model/lightgbm_dataset.hpp"
#include "kolosal/model/lightgbm_library.hpp"
#include "kolosal/model/lightgbm_text.hpp"
#include "kolosal/model/link_functions.hpp"
#include "kolosal/model/monotone.hpp"

namespace kolosal::model {
namespace {

/// The table, binned once. Folds are copies of its rows' bins.
class LightgbmPrepared final : public Prepared {
 public:
  LightgbmPrepared(LightgbmDataset dataset, std::size_t n_rows)
      : dataset_(std::move(dataset)), n_rows_(n_rows) {}
  void* dataset() const { return dataset_.get(); }
  std::size_t n_rows() const { return n_rows_; }

 private:
  LightgbmDataset dataset_;
  std::size_t n_rows_;
};

std::string categorical_columns(const data::Frame& x) {
  std::string out;
  for (std::size_t c = 0; c < x.n_columns(); ++c)
    if (x.column(c).type() == data::ColumnType::kCategory)
      out += fmt::format("{}{}", out.empty() ? "" : ",", c);
  return out;
}

/// Parameters that shape the bins. No num_threads: see LightgbmLibrary. feature_pre_filter would bake
/// min_data_in_leaf into the bins that all parameter sets share.
std::string dataset_params(const LightgbmParams& p, const std::string& categorical) {
  std::string out = fmt::format("max_bin={} min_data_in_bin={} feature_pre_filter=false verbosity=-1",
                                p.max_bin, p.min_data_in_bin);
  if (!categorical.empty()) out += " categorical_feature=" + categorical;
  return out;
}

std::string objective_params(const Objective& objective, std::size_t n_outputs) {
  switch (objective.loss) {
    case LossKind::kMultiLogLoss:
      return fmt::format("objective=multiclass num_class={}", n_outputs);
    case LossKind::kHuber:
    case LossKind::kQuantile:
      return fmt::format("objective={} alpha={}", objective.name, objective.parameter);
    case LossKind::kFocal:
      return "objective=none";  // its derivatives are ours
    case LossKind::kTweedie:
      return fmt::format("objective=tweedie tweedie_variance_power={}", objective.parameter);
    default:
      return "objective=" + objective.name;
  }
}

std::string booster_params(const LightgbmParams& p, std::uint64_t seed) {
  // Column-wise histograms: each is summed by one thread, so their order does not depend on the number of
  // threads.
  return fmt::format(
      "deterministic=true force_col_wise=true metric=none verbosity=-1 seed={} boosting={} drop_rate={} "
      "learning_rate={} "
      "num_leaves={} max_depth={} min_data_in_leaf={} min_sum_hessian_in_leaf={} feature_fraction={} "
      "feature_fraction_bynode={} bagging_fraction={} bagging_freq={} lambda_l1={} lambda_l2={} "
      "min_gain_to_split={} "
      "path_smooth={} extra_trees={} cat_smooth={} cat_l2={} max_cat_threshold={} max_cat_to_onehot={} "
      "min_data_per_group={}",
      seed & 0x7fffffffU, p.boosting, p.drop_rate, p.learning_rate, p.num_leaves, p.max_depth,
      p.min_data_in_leaf, p.min_sum_hessian_in_leaf, p.feature_fraction, p.feature_fraction_bynode,
      p.bagging_fraction, p.bagging_fraction < 1 ? p.bagging_freq : 0, p.lambda_l1, p.lambda_l2,
      p.min_gain_to_split, p.path_smooth, p.extra_trees, p.cat_smooth, p.cat_l2, p.max_cat_threshold,
      p.max_cat_to_onehot, p.min_data_per_group);
}

/// Bounds are kept along whole branches, not node by node, which would forbid far more splits.
std::string monotone_params(const std::vector<int>& directions) {
  if (directions.empty()) return {};
  return fmt::format(" monotone_constraints={} monotone_constraints_method=intermediate",
                     fmt::join(directions, ","));
}

/// What the parameter table can not say: sets of names, and parameters that depend on each other.
void check_params(const LightgbmParams& p) {
  check_choice("lightgbm", "boosting", p.boosting, {"gbdt", "dart", "rf"});
  check_target_params("lightgbm", p.objective, p.class_weight, p.alpha, true);
  if (p.boosting == "rf" && p.objective == "focal")
    throw Error(ErrorCode::kInvalidParameter,
                "lightgbm: objective focal is for boosting gbdt or dart, not for rf");
  if (p.boosting == "rf" && p.feature_fraction >= 1 && (p.bagging_fraction >= 1 || p.bagging_freq == 0))
    throw Error(ErrorCode::kInvalidParameter,
                "lightgbm: boosting rf needs bagging_fraction or feature_fraction below 1, not {}",
                p.bagging_fraction);
}

BoostingFit::Plan make_plan(const LightgbmParams& p, const BoostingTarget& target, std::size_t n_outputs) {
  return {.learner = "lightgbm",
          .max_rounds = static_cast<std::size_t>(p.n_estimators),
          // dart changes trees of earlier rounds: the model of an earlier round can not be had back.
          .patience = p.boosting == "dart" ? 0 : static_cast<std::size_t>(p.early_stopping_rounds),
          .n_outputs = n_outputs,
          .loss = target.valid_loss,
          .center = target.center,
          .scale = target.scale};
}

}  // namespace

class LightgbmFit final : public BoostingFit {
 public:
  LightgbmFit(Lightgbm& owner, const LightgbmPrepared& prepared, RowSplit rows,
              const std::string& categorical, const std::vector<int>& monotone, const Objective& objective,
              const BoostingTarget& target, const Context& context)
      : BoostingFit(make_plan(owner.params(), target, owner.n_outputs())),
        owner_(owner),
        objective_(objective),
        n_threads_(context.n_threads) {
    const LightgbmLibrary& library = LightgbmLibrary::get();
    const LightgbmScope scope(library, n_threads_);
    const std::string dataset = dataset_params(owner.params(), categorical);
    train_ = subset_of(prepared.dataset(), rows.train, target.train, target.train_weights, dataset);
    const std::string params = dataset + " " + booster_params(owner.params(), context.seed) + " " +
                               objective_params(objective, owner.n_outputs()) + monotone_params(monotone);
    void* handle = nullptr;
    library.check(library.booster_create(train_.get(), params.c_str(), &handle));
    booster_.reset(handle);
    if (objective.loss == LossKind::kFocal) {
      y_ = target.train;
      weights_ = target.train_weights;
      start_ = best_constant_score(objective.loss, objective.parameter, 1, y_, weights_).front();
    }
    if (rows.valid.empty()) return;
    valid_ = subset_of(prepared.dataset(), rows.valid, target.valid, target.valid_weights, dataset);
    library.check(library.booster_add_valid(booster_.get(), valid_.get()));
  }

 private:
  Update update() override {
    const LightgbmLibrary& library = LightgbmLibrary::get();
    const LightgbmScope scope(library, n_threads_);
    int finished = 0, n_rounds = 0;
    if (objective_.loss == LossKind::kFocal)
      update_by_derivatives(library, finished);
    else
      library.check(library.booster_update(booster_.get(), &finished));
    library.check(library.booster_iteration(booster_.get(), &n_rounds));
    return {static_cast<std::size_t>(n_rounds), finished != 0};
  }

  /// A round of a loss that LightGBM does not have. Its scores start at 0, ours at start_.
  void update_by_derivatives(const LightgbmLibrary& library, int& finished) {
    score_.resize(y_.size());
    direction_.resize(y_.size());
    curvature_.resize(y_.size());
    std::int64_t n = 0;
    library.check(library.booster_prediction(booster_.get(), 0, &n, score_.data()));
    for (double& score : score_) score += start_;
    loss_derivatives(objective_.loss, objective_.parameter, {y_, score_}, 0, y_.size(), direction_,
                     curvature_);
    for (std::size_t i = 0; i < y_.size(); ++i) {
      const float weight = weights_.empty() ? 1.0F : weights_[i];
      direction_[i] *= -weight;  // LightGBM wants the gradient
      curvature_[i] *= weight;
    }
    library.check(
        library.booster_update_custom(booster_.get(), direction_.data(), curvature_.data(), &finished));
  }

  void predict_valid(std::span<double> out) override {
    const LightgbmLibrary& library = LightgbmLibrary::get();
    const LightgbmScope scope(library, n_threads_);
    const std::size_t n_outputs = plan().n_outputs, n_rows = out.size() / n_outputs;
    std::int64_t n = 0;
    if (n_outputs == 1) {
      library.check(library.booster_prediction(booster_.get(), 1, &n, out.data()));
      if (objective_.loss == LossKind::kFocal)
        for (double& v : out) v = sigmoid(focal_log_odds(start_ + v, objective_.parameter));
      return;
    }
    by_class_.resize(out.size());
    library.check(library.booster_prediction(booster_.get(), 1, &n, by_class_.data()));
    for (std::size_t k = 0; k < n_outputs; ++k)
      for (std::size_t i = 0; i < n_rows; ++i) out[i * n_outputs + k] = by_class_[k * n_rows + i];
  }

  void install(std::size_t n_rounds) override {
    // Some rounds at a time: the text of large trees is many times the forest.
    constexpr std::size_t kTextBytes = 4U << 20;
    const std::size_t step = std::max<std::size_t>(1, kTextBytes / text_bytes(1));
    std::vector<double> gain;
    Forest forest;
    for (std::size_t first = 0; first == 0 || first < n_rounds; first += step)
      forest =
          forest_from_lightgbm(model_text(first, std::min(step, n_rounds - first)), &gain, std::move(forest));
    forest.link = objective_.link;
    forest.link_parameter = objective_.parameter;
    forest.base_score[0] = plan().center + start_;
    if (plan().scale != 1)
      for (double& value : forest.leaf_value) value *= plan().scale;
    round_log_odds(forest.link, forest.n_trees(), forest.leaf_value);
    owner_.forest_ = std::move(forest);
    owner_.importance_ = as_shares(std::move(gain));
  }

  // Measured: LightGBM writes and we read 73 us per tree of 31 leaves.
  double install_cost_s(std::size_t n_rounds) const override {
    const auto n_trees = static_cast<double>(n_rounds * plan().n_outputs);
    return n_trees * (20e-6 + 2e-6 * static_cast<double>(owner_.params().num_leaves));
  }

  /// Of some rounds: guessed, so that a text is made once and not a first time only to learn its length.
  std::size_t text_bytes(std::size_t n_rounds) const {
    return n_rounds * plan().n_outputs * (800 + 160 * static_cast<std::size_t>(owner_.params().num_leaves));
  }

  std::string model_text(std::size_t first, std::size_t n_rounds) const {
    const LightgbmLibrary& library = LightgbmLibrary::get();
    const LightgbmScope scope(library, n_threads_);
    std::string text(text_bytes(n_rounds) + (1U << 16), '\0');
    std::int64_t length = 0;
    const auto write = [&] {
      library.check(library.booster_to_string(booster_.get(), static_cast<int>(first),
                                              static_cast<int>(n_rounds), 1,
                                              static_cast<std::int64_t>(text.size()), &length, text.data()));
    };
    write();
    if (static_cast<std::size_t>(length) > text.size()) {
      text.resize(static_cast<std::size_t>(length));
      write();
    }
    text.resize(static_cast<std::size_t>(std::max<std::int64_t>(length - 1, 0)));  // without the closing zero
    return text;
  }

  Lightgbm& owner_;
  Objective objective_;
  std::size_t n_threads_;  // buffers of the booster are made for this many
  LightgbmDataset train_, valid_;
  LightgbmBooster booster_;  // after the data sets: it points to them, so it goes first
  std::vector<double> by_class_;
  // Of a loss that LightGBM does not have.
  double start_ = 0;
  std::vector<double> score_;
  std::vector<float> y_, weights_, direction_, curvature_;
};

Lightgbm::Lightgbm(Params params) : params_(std::move(params)) { check_params(params_); }

std::string Lightgbm::preparation_key() const {
  return fmt::format("lightgbm/max_bin={},min_data_in_bin={}", params_.max_bin, params_.min_data_in_bin);
}

std::shared_ptr<const Prepared> Lightgbm::prepare(const TrainingData& data, const Context& context) const {
  return std::make_shared<LightgbmPrepared>(
      bin_frame(*data.x, dataset_params(params_, categorical_columns(*data.x)), context), data.x->n_rows());
}

std::unique_ptr<LightgbmFit> Lightgbm::make_fit(const TrainingData& data, const Prepared* prepared,
                                                RowSplit rows, const Context& context) {
  const Objective objective =
      choose_objective("lightgbm", params_.objective, task(),
                       {params_.alpha, params_.tweedie_variance_power, params_.focal_gamma});
  const BoostingTarget target = make_target(data.y, rows, objective, params_.class_weight);
  std::shared_ptr<const Prepared> own;
  if (!prepared) {
    own = prepare(data, context);
    prepared = own.get();
  }
  const auto* binned = dynamic_cast<const LightgbmPrepared*>(prepared);
  KOLOSAL_ASSERT(binned && binned->n_rows() == data.x->n_rows(),
                 "the preparation is LightGBM's, of the same table");
  const auto monotone = monotone_directions("lightgbm", params_.monotone, *data.x, task());
  return std::make_unique<LightgbmFit>(*this, *binned, rows, categorical_columns(*data.x), monotone,
                                       objective, target, context);
}

FitReport Lightgbm::do_fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                           const Context& context) {
  return make_fit(data, prepared, rows, context)->run(context);
}

std::unique_ptr<RoundwiseFit> Lightgbm::do_begin(const TrainingData& data, const Prepared* prepared,
                                                 RowSplit rows, const Context& context) {
  return make_fit(data, prepared, rows, context);
}

void Lightgbm::do_predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  forest_.predict(x, out, context);
}

void Lightgbm::do_save(artifact::Node& node) const { save_booster(node, forest_, importance_); }

void Lightgbm::do_load(const artifact::Node& node) {
  load_booster(node, feature_names().size(), n_outputs(), forest_, importance_);
}

namespace {

ParamTable<LightgbmParams> param_table() {
  using P = LightgbmParams;
  return with_focal_params(with_target_params(
      ParamTable<P>()
          .param("n_estimators", &P::n_estimators,
                 "Largest number of rounds; early stopping usually ends before.")
          .limits(1, 100000)
          .param("learning_rate", &P::learning_rate, "Share of each tree's correction that is applied.",
                 log_range(0.005, 0.3))
          .limits(1e-6, 10)
          .param("num_leaves", &P::num_leaves, "Largest number of leaves of a tree.", log_range(4, 256))
          .limits(2, 131072)
          .param("max_depth", &P::max_depth, "Largest depth of a tree; -1: no limit.")
          .limits(-1, 1000)
          .param("min_data_in_leaf", &P::min_data_in_leaf, "Fewest rows in a leaf.", log_range(1, 200))
          .limits(0, 1e9)
          .param("min_sum_hessian_in_leaf", &P::min_sum_hessian_in_leaf,
                 "Smallest sum of second derivatives in a leaf.", log_range(1e-4, 10))
          .limits(0, 1e18)
          .param("feature_fraction", &P::feature_fraction, "Share of the features drawn for each tree.",
                 linear_range(0.3, 1))
          .limits(1e-6, 1)
          .param("feature_fraction_bynode", &P::feature_fraction_bynode,
                 "Share of the features drawn for each node.", linear_range(0.3, 1))
          .limits(1e-6, 1)
          .param("bagging_fraction", &P::bagging_fraction,
                 "Share of the rows drawn for each tree, without replacement.", linear_range(0.5, 1))
          .limits(1e-6, 1)
          .param("bagging_freq", &P::bagging_freq,
                 "Rounds after which other rows are drawn; 0: never, all rows are used.")
          .limits(0, 100000)
          .param("lambda_l1", &P::lambda_l1, "L1 penalty of leaf values.", linear_range(0, 2))
          .limits(0, 1e18)
          .param("lambda_l2", &P::lambda_l2, "L2 penalty of leaf values.", linear_range(0, 10))
          .limits(0, 1e18)
          .param("min_gain_to_split", &P::min_gain_to_split, "Smallest gain for which a leaf is split.",
                 linear_range(0, 1))
          .limits(0, 1e18)
          .param("path_smooth", &P::path_smooth,
                 "How far a leaf's value is drawn to its parent's; 0: not at all.", linear_range(0, 20))
          .limits(0, 1e18)
          .param("extra_trees", &P::extra_trees, "Try one random threshold per feature and node.",
                 choice({false, true}))
          .param("max_bin", &P::max_bin,
                 "Largest number of bins of a feature. Another value needs another preparation.")
          .limits(2, 65535)
          .param("min_data_in_bin", &P::min_data_in_bin,
                 "Fewest rows in a bin. Another value needs another preparation.")
          .limits(1, 1e9)
          .param("cat_smooth", &P::cat_smooth, "Draws the statistics of rare categories to the mean.",
                 log_range(1, 100))
          .limits(0, 1e18)
          .param("cat_l2", &P::cat_l2, "L2 penalty in splits by category sets.", log_range(0.1, 100))
          .limits(0, 1e18)
          .param("max_cat_threshold", &P::max_cat_threshold,
                 "Most categories on the smaller side of a split.", log_range(4, 256))
          .limits(1, 1e9)
          .param("max_cat_to_onehot", &P::max_cat_to_onehot,
                 "Up to this many categories, splits are one against the rest.", log_range(2, 32))
          .limits(1, 1e9)
          .param("min_data_per_group", &P::min_data_per_group, "Fewest rows of a group of categories.",
                 log_range(5, 200))
          .limits(1, 1e9)
          .param("boosting", &P::boosting,
                 "gbdt (gradient boosting), dart (with dropped trees) or rf (random forest).")
          .param("drop_rate", &P::drop_rate, "dart: share of the earlier trees that a round leaves out.")
          .limits(0, 1)
          .param("monotone", &P::monotone,
                 "Columns whose rise may only raise (+) or lower (-) the prediction: age=+,price=-. Not for "
                 "more "
                 "than two classes.")));
}

}  // namespace

EstimatorInfo lightgbm_info() {
  return describe<Lightgbm>(
      {.name = "lightgbm",
       .summary = "Gradient boosted trees that grow leaf by leaf, by the LightGBM library.",
       .tasks = {data::Task::kBinary, data::Task::kMulticlass, data::Task::kRegression},
       .handles_missing = true,
       .handles_categories = true,
       .has_rounds = true,
       .unavailable = [] { return LightgbmLibrary::unavailable(); }},
      param_table());
}

}  // namespace kolosal::model
