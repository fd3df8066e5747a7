#include "kolosal/model/estimators/xgboost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <numeric>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/model/boosting_fit.hpp"
#include "kolosal/model/boosting_target.hpp"
#include "kolosal/model/monotone.hpp"
#include "kolosal/model/xgboost_json.hpp"
#include "kolosal/model/xgboost_library.hpp"
#include "kolosal/model/xgboost_matrix.hpp"

namespace kolosal::model {
namespace {

/// The whole table, binned: the folds use its bins, so quantiles are searched once.
class XgboostPrepared final : public Prepared {
 public:
  XgboostPrepared(XgboostMatrix matrix, std::size_t n_rows) : matrix_(std::move(matrix)), n_rows_(n_rows) {}
  std::size_t n_rows() const { return n_rows_; }

  XgboostMatrix bin(const data::Frame& x, std::span<const std::uint32_t> rows, std::size_t max_bin,
                    const Context& context) const {
    // XGBoost does not say that two threads may read a reference at the same time.
    const std::lock_guard lock(mutex_);
    return bin_rows(x, rows, max_bin, matrix_.get(), context);
  }

 private:
  XgboostMatrix matrix_;
  std::size_t n_rows_;
  mutable std::mutex mutex_;
};

using Settings = std::vector<std::pair<std::string, std::string>>;

void add_objective(Settings& out, const Objective& objective, std::size_t n_outputs) {
  const std::string parameter = fmt::format("{}", objective.parameter);
  switch (objective.loss) {
    case LossKind::kLogLoss:
      out.emplace_back("objective", "binary:logistic");
      return;
    case LossKind::kMultiLogLoss:
      out.emplace_back("objective", "multi:softprob");
      out.emplace_back("num_class", fmt::format("{}", n_outputs));
      return;
    case LossKind::kSquared:
      out.emplace_back("objective", "reg:squarederror");
      return;
    case LossKind::kAbsolute:
      out.emplace_back("objective", "reg:absoluteerror");
      return;
    case LossKind::kHuber:
      out.emplace_back("objective", "reg:pseudohubererror");
      out.emplace_back("huber_slope", parameter);
      return;
    case LossKind::kQuantile:
      out.emplace_back("objective", "reg:quantileerror");
      out.emplace_back("quantile_alpha", parameter);
      return;
    case LossKind::kPoisson:
      out.emplace_back("objective", "count:poisson");
      return;
    case LossKind::kGamma:
      out.emplace_back("objective", "reg:gamma");
      return;
    case LossKind::kFocal:
      KOLOSAL_ASSERT(false, "check_params() refuses it");
      return;
    case LossKind::kTweedie:
      out.emplace_back("objective", "reg:tweedie");
      out.emplace_back("tweedie_variance_power", parameter);
      return;
  }
}

Settings settings_of(const XgboostParams& p, const Objective& objective, std::size_t n_outputs,
                     std::uint64_t seed) {
  const auto text = [](const auto& value) { return fmt::format("{}", value); };
  Settings out = {{"tree_method", "hist"},
                  {"device", "cpu"},
                  {"verbosity", "0"},
                  {"disable_default_eval_metric", "1"},
                  // XGBoost's histograms are summed in an order that depends on the number of threads, and
                  // with it the last bits of every leaf. One thread gives the same bytes everywhere.
                  {"nthread", "1"},
                  {"seed", text(seed & 0x7fffffffU)},
                  {"learning_rate", text(p.learning_rate)},
                  {"max_depth", text(p.max_depth)},
                  {"max_leaves", text(p.max_leaves)},
                  {"grow_policy", p.grow_policy},
                  {"min_child_weight", text(p.min_child_weight)},
                  {"subsample", text(p.subsample)},
                  {"colsample_bytree", text(p.colsample_bytree)},
                  {"colsample_bylevel", text(p.colsample_bylevel)},
                  {"colsample_bynode", text(p.colsample_bynode)},
                  {"reg_alpha", text(p.reg_alpha)},
                  {"reg_lambda", text(p.reg_lambda)},
                  {"gamma", text(p.gamma)},
                  {"max_bin", text(p.max_bin)},
                  {"max_cat_to_onehot", text(p.max_cat_to_onehot)},
                  {"max_cat_threshold", text(p.max_cat_threshold)}};
  // 0 means "as the objective likes" (0.7 for poisson), which setting it would undo.
  if (p.max_delta_step > 0) out.emplace_back("max_delta_step", text(p.max_delta_step));
  add_objective(out, objective, n_outputs);
  return out;
}

/// What the parameter table can not say: sets of names, and parameters that depend on each other.
void check_params(const XgboostParams& p) {
  check_choice("xgboost", "grow_policy", p.grow_policy, {"depthwise", "lossguide"});
  check_target_params("xgboost", p.objective, p.class_weight, p.alpha);
  if (p.max_depth == 0 && p.max_leaves == 0)
    throw Error(ErrorCode::kInvalidParameter,
                "xgboost: max_depth 0 (no limit) needs max_leaves above 0, not {}", p.max_leaves);
}

BoostingFit::Plan make_plan(const XgboostParams& p, const BoostingTarget& target, std::size_t n_outputs) {
  return {.learner = "xgboost",
          .max_rounds = static_cast<std::size_t>(p.n_estimators),
          .patience = static_cast<std::size_t>(p.early_stopping_rounds),
          .n_outputs = n_outputs,
          .loss = target.valid_loss,
          .center = target.center,
          .scale = target.scale};
}

}  // namespace

class XgboostFit final : public BoostingFit {
 public:
  XgboostFit(Xgboost& owner, const XgboostPrepared& prepared, const data::Frame& x, RowSplit rows,
             const Objective& objective, const BoostingTarget& target, const Context& context)
      : BoostingFit(make_plan(owner.params(), target, owner.n_outputs())),
        owner_(owner),
        link_(objective.link) {
    const auto max_bin = static_cast<std::size_t>(owner.params().max_bin);
    train_ = prepared.bin(x, rows.train, max_bin, context);
    set_info(train_.get(), "label", target.train);
    if (!target.train_weights.empty()) set_info(train_.get(), "weight", target.train_weights);
    std::vector<void*> matrices = {train_.get()};
    if (!rows.valid.empty()) {
      valid_ = copy_rows(x, rows.valid, context);
      set_info(valid_.get(), "label", target.valid);  // some objectives look at it even to predict
      matrices.push_back(valid_.get());               // so that its predictions are kept from round to round
    }
    const XgboostLibrary& library = XgboostLibrary::get();
    void* handle = nullptr;
    library.check(library.booster_create(matrices.data(), matrices.size(), &handle));
    booster_.reset(handle);
    if (const auto monotone = monotone_directions("xgboost", owner.params().monotone, x, owner.task());
        !monotone.empty())
      library.check(library.booster_set_param(booster_.get(), "monotone_constraints",
                                              fmt::format("({})", fmt::join(monotone, ",")).c_str()));
    for (const auto& [name, value] : settings_of(owner.params(), objective, owner.n_outputs(), context.seed))
      library.check(library.booster_set_param(booster_.get(), name.c_str(), value.c_str()));
  }

 private:
  Update update() override {
    const XgboostLibrary& library = XgboostLibrary::get();
    library.check(library.booster_update(booster_.get(), static_cast<int>(n_rounds_done()), train_.get()));
    return {n_rounds_done() + 1, false};
  }

  void predict_valid(std::span<double> out) override {
    static constexpr const char* kConfig =
        R"({"type": 0, "training": false, "iteration_begin": 0, "iteration_end": 0, "strict_shape": true})";
    const XgboostLibrary& library = XgboostLibrary::get();
    const std::uint64_t* shape = nullptr;
    std::uint64_t n_dimensions = 0;
    const float* values = nullptr;
    library.check(
        library.booster_predict(booster_.get(), valid_.get(), kConfig, &shape, &n_dimensions, &values));
    const std::uint64_t n =
        std::accumulate(shape, shape + n_dimensions, std::uint64_t{1}, std::multiplies<>());
    KOLOSAL_ASSERT(n == out.size(), "XGBoost predicts one number per row and output");
    std::copy(values, values + n, out.begin());
  }

  void install(std::size_t n_rounds) override {
    const XgboostLibrary& library = XgboostLibrary::get();
    std::uint64_t length = 0;
    const char* bytes = nullptr;
    library.check(library.booster_to_buffer(booster_.get(), R"({"format": "ubj"})", &length, &bytes));
    std::vector<double> gain;
    Forest forest = forest_from_xgboost(std::as_bytes(std::span(bytes, length)), n_rounds, link_, &gain);
    if (link_ == Link::kIdentity) {
      forest.base_score[0] = plan().center + plan().scale * forest.base_score[0];
      for (double& value : forest.leaf_value) value *= plan().scale;
    }
    owner_.forest_ = std::move(forest);
    owner_.importance_ = as_shares(std::move(gain));
  }

  // Measured: XGBoost writes and we read 160 us per tree of up to 64 leaves.
  double install_cost_s(std::size_t n_rounds) const override {
    const XgboostParams& p = owner_.params();
    const double by_depth =
        p.max_depth > 0 && p.max_depth < 12 ? static_cast<double>(1 << p.max_depth) : 4096.0;
    const double n_leaves =
        p.max_leaves > 0 ? std::min(static_cast<double>(p.max_leaves), by_depth) : by_depth;
    return static_cast<double>(n_rounds * plan().n_outputs) * (20e-6 + 2.5e-6 * n_leaves);
  }

  Xgboost& owner_;
  Link link_;
  XgboostMatrix train_, valid_;
  XgboostBooster booster_;  // after the matrices, so that it goes first
};

Xgboost::Xgboost(Params params) : params_(std::move(params)) { check_params(params_); }

std::string Xgboost::preparation_key() const { return fmt::format("xgboost/max_bin={}", params_.max_bin); }

std::shared_ptr<const Prepared> Xgboost::prepare(const TrainingData& data, const Context& context) const {
  std::vector<std::uint32_t> all(data.x->n_rows());
  std::iota(all.begin(), all.end(), 0U);
  return std::make_shared<XgboostPrepared>(
      bin_rows(*data.x, all, static_cast<std::size_t>(params_.max_bin), nullptr, context), data.x->n_rows());
}

std::unique_ptr<XgboostFit> Xgboost::make_fit(const TrainingData& data, const Prepared* prepared,
                                              RowSplit rows, const Context& context) {
  const Objective objective =
      choose_objective("xgboost", params_.objective, task(), {params_.alpha, params_.tweedie_variance_power});
  const BoostingTarget target = make_target(data.y, rows, objective, params_.class_weight);
  std::shared_ptr<const Prepared> own;
  if (!prepared) {
    own = prepare(data, context);
    prepared = own.get();
  }
  const auto* binned = dynamic_cast<const XgboostPrepared*>(prepared);
  KOLOSAL_ASSERT(binned && binned->n_rows() == data.x->n_rows(),
                 "the preparation is XGBoost's, of the same table");
  return std::make_unique<XgboostFit>(*this, *binned, *data.x, rows, objective, target, context);
}

FitReport Xgboost::do_fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                          const Context& context) {
  return make_fit(data, prepared, rows, context)->run(context);
}

std::unique_ptr<RoundwiseFit> Xgboost::do_begin(const TrainingData& data, const Prepared* prepared,
                                                RowSplit rows, const Context& context) {
  return make_fit(data, prepared, rows, context);
}

void Xgboost::do_predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  forest_.predict(x, out, context);
}

void Xgboost::do_save(artifact::Node& node) const { save_booster(node, forest_, importance_); }

void Xgboost::do_load(const artifact::Node& node) {
  load_booster(node, feature_names().size(), n_outputs(), forest_, importance_);
}

namespace {

ParamTable<XgboostParams> param_table() {
  using P = XgboostParams;
  return with_target_params(
      ParamTable<P>()
          .param("n_estimators", &P::n_estimators,
                 "Largest number of rounds; early stopping usually ends before.")
          .limits(1, 100000)
          .param("learning_rate", &P::learning_rate, "Share of each tree's correction that is applied.",
                 log_range(0.01, 0.3))
          .limits(1e-6, 10)
          .param("max_depth", &P::max_depth, "Largest depth of a tree; 0: no limit.", linear_range(3, 12))
          .limits(0, 100)
          .param("max_leaves", &P::max_leaves, "Largest number of leaves of a tree; 0: no limit.")
          .limits(0, 131072)
          .param("grow_policy", &P::grow_policy, "depthwise: level by level; lossguide: the best leaf first.")
          .param("min_child_weight", &P::min_child_weight, "Smallest sum of second derivatives in a leaf.",
                 log_range(0.1, 30))
          .limits(0, 1e18)
          .param("subsample", &P::subsample, "Share of the rows drawn for each tree, without replacement.",
                 linear_range(0.5, 1))
          .limits(1e-6, 1)
          .param("colsample_bytree", &P::colsample_bytree, "Share of the features drawn for each tree.",
                 linear_range(0.4, 1))
          .limits(1e-6, 1)
          .param("colsample_bylevel", &P::colsample_bylevel,
                 "Share of the tree's features drawn for each level.", linear_range(0.4, 1))
          .limits(1e-6, 1)
          .param("colsample_bynode", &P::colsample_bynode,
                 "Share of the level's features drawn for each node.", linear_range(0.4, 1))
          .limits(1e-6, 1)
          .param("reg_alpha", &P::reg_alpha, "L1 penalty of leaf values.", linear_range(0, 2))
          .limits(0, 1e18)
          .param("reg_lambda", &P::reg_lambda, "L2 penalty of leaf values.", log_range(0.01, 30))
          .limits(0, 1e18)
          .param("gamma", &P::gamma, "Smallest gain for which a node is split.", linear_range(0, 2))
          .limits(0, 1e18)
          .param("max_delta_step", &P::max_delta_step,
                 "Largest absolute leaf value; 0: as the objective needs it.")
          .limits(0, 1e18)
          .param("max_bin", &P::max_bin,
                 "Largest number of bins of a feature. Another value needs another preparation.")
          .limits(2, 65535)
          .param("max_cat_to_onehot", &P::max_cat_to_onehot,
                 "Below this many categories, splits are one against the rest.", log_range(2, 32))
          .limits(1, 1e9)
          .param("max_cat_threshold", &P::max_cat_threshold, "Most categories of a split's set.",
                 log_range(8, 256))
          .limits(1, 1e9)
          .param("monotone", &P::monotone,
                 "Columns whose rise may only raise (+) or lower (-) the prediction: age=+,price=-. Not for "
                 "more "
                 "than two classes."));
}

}  // namespace

EstimatorInfo xgboost_info() {
  return describe<Xgboost>(
      {.name = "xgboost",
       .summary = "Gradient boosted trees that grow level by level, by the XGBoost library.",
       .tasks = {data::Task::kBinary, data::Task::kMulticlass, data::Task::kRegression},
       .handles_missing = true,
       .handles_categories = true,
       .has_rounds = true,
       .unavailable = [] { return XgboostLibrary::unavailable(); }},
      param_table());
}

}  // namespace kolosal::model
