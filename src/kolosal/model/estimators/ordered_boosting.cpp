#include "kolosal/model/estimators/ordered_boosting.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/model/binned_table.hpp"
#include "kolosal/model/boosting_derivatives.hpp"
#include "kolosal/model/boosting_fit.hpp"
#include "kolosal/model/boosting_target.hpp"
#include "kolosal/model/leaf_estimation.hpp"
#include "kolosal/model/leaf_rounding.hpp"
#include "kolosal/model/symmetric_grower.hpp"
#include "kolosal/model/symmetric_row.hpp"

namespace kolosal::model {
namespace {

constexpr std::size_t kBlock = 4096;                      // rows
constexpr std::size_t kMostBytes = std::size_t{1} << 30;  // of histograms: deeper trees would take long
constexpr std::size_t kMostClassMeans = 8;                // classes whose shares by level are features
constexpr std::size_t kSteps = 10;                        // Newton steps for losses that are not squared
constexpr std::size_t kFewRows =
    5000;  // random weights of rows help below (titanic, german_credit), and hurt adult

/// What the parameter table can not say: sets of names, and parameters that depend on each other.
void check_params(const OrderedBoostingParams& p) {
  check_target_params("ordered_boosting", p.objective, p.class_weight, p.alpha, true);
}

BoostingFit::Plan make_plan(const OrderedBoostingParams& p, const BoostingTarget& target,
                            std::size_t n_outputs) {
  return {.learner = "ordered_boosting",
          .max_rounds = static_cast<std::size_t>(p.n_estimators),
          .patience = static_cast<std::size_t>(p.early_stopping_rounds),
          .n_outputs = n_outputs,
          .loss = target.valid_loss,
          .center = target.center,
          .scale = target.scale};
}

/// What the means of categories are of: the target, or for several classes which class it is (of the most
/// frequent ones, where there are many).
StatisticsTarget statistics_target(const std::vector<float>& y, std::size_t n_outputs) {
  if (n_outputs == 1) return {1, {y.begin(), y.end()}};
  std::vector<std::size_t> count(n_outputs, 0), classes(n_outputs);
  for (const float v : y) ++count[static_cast<std::size_t>(v)];
  std::iota(classes.begin(), classes.end(), std::size_t{0});
  std::ranges::stable_sort(classes, std::greater<>{}, [&](std::size_t k) { return count[k]; });
  classes.resize(std::min(classes.size(), kMostClassMeans));
  StatisticsTarget out{classes.size(), {}};
  for (const std::size_t k : classes)
    for (const float v : y) out.values.push_back(static_cast<std::size_t>(v) == k ? 1.0 : 0.0);
  return out;
}

/// The bins of a number that the training rows hold, numbered anew, and the borders between them.
SymmetricFeature number_feature(const BinnedColumn& column, std::span<const std::uint32_t> rows) {
  std::array<bool, 256> is_there{};
  for (const std::uint32_t row : rows) is_there[column.bin[row]] = true;
  SymmetricFeature out;
  std::array<std::uint8_t, 256> number{};
  int last = -1;
  for (int b = 0; b < 256; ++b) {
    if (!is_there[static_cast<std::size_t>(b)]) continue;
    // The border between missing and present is below every number: also below -inf, since it is reached by
    // it.
    if (last == 0) out.borders.push_back(-std::numeric_limits<double>::infinity());
    if (last > 0)
      out.borders.push_back(
          std::nextafter(column.threshold(static_cast<std::uint8_t>(last), static_cast<std::uint8_t>(b)),
                         std::numeric_limits<double>::infinity()));
    number[static_cast<std::size_t>(b)] = static_cast<std::uint8_t>(out.borders.size());
    last = b;
  }
  auto& bins = out.bins.emplace_back(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) bins[i] = number[column.bin[rows[i]]];
  return out;
}

}  // namespace

class OrderedBoostingFit final : public BoostingFit {
 public:
  OrderedBoostingFit(OrderedBoosting& owner, const BinnedTable& binned, const data::Frame& x, RowSplit rows,
                     const Objective& objective, BoostingTarget target, const Context& context)
      : BoostingFit(make_plan(owner.params(), target, owner.n_outputs())),
        owner_(owner),
        params_(owner.params()),
        context_(context),
        loss_(objective.loss),
        parameter_(objective.parameter),
        y_(std::move(target.train)),
        weights_(std::move(target.train_weights)),
        temperature_(params_.bagging_temperature) {
    context_.deadline = Deadline();
    forest_.n_columns = static_cast<std::int32_t>(x.n_columns());
    forest_.n_outputs = static_cast<std::int32_t>(owner.n_outputs());
    forest_.link = objective.link;
    forest_.link_parameter = objective.parameter;
    forest_.base_score = best_constant_score(loss_, parameter_, plan().n_outputs, y_, weights_);
    make_features(binned, x, rows.train);
    if (!rows.valid.empty()) {
      valid_bins_ = forest_.bins(x.take(rows.valid), 0, rows.valid.size());
      valid_leaves_.resize(rows.valid.size());
    }
    const std::size_t n_outputs = plan().n_outputs;
    for (const double base : forest_.base_score) score_.insert(score_.end(), y_.size(), base);
    gradient_.resize(score_.size());
    for (std::size_t i = 0; i < rows.valid.size(); ++i)
      valid_score_.insert(valid_score_.end(), forest_.base_score.begin(), forest_.base_score.end());
    is_used_.assign(table_.n_features(), 1);
    mean_weight_ = weights_.empty() ? 1.0
                                    : std::accumulate(weights_.begin(), weights_.end(), 0.0) /
                                          static_cast<double>(weights_.size());
    auto depth = static_cast<std::size_t>(params_.depth);
    while (depth > 1 && SymmetricGrower::n_bytes(table_, n_outputs, depth) > kMostBytes) --depth;
    grower_ = std::make_unique<SymmetricGrower>(table_, n_outputs, depth, params_.l2_leaf_reg * mean_weight_);
    if (params_.bagging_temperature < 0) temperature_ = y_.size() < kFewRows ? 1 : 0;
    make_draws();
  }

 private:
  void make_features(const BinnedTable& binned, const data::Frame& x, std::span<const std::uint32_t> rows) {
    std::vector<SymmetricFeature> numbers(x.n_columns());
    context_.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      if (!binned.columns[c].is_category) numbers[c] = number_feature(binned.columns[c], rows);
    });
    std::vector<SymmetricFeature> features;
    for (std::size_t c = 0; c < numbers.size(); ++c) {
      if (numbers[c].borders.empty()) continue;
      forest_.inputs.push_back({static_cast<std::int32_t>(c), -1, numbers[c].borders, {}});
      features.push_back(std::move(numbers[c]));
    }
    CategoryStatistics statistics =
        CategoryStatistics::of(x, rows, statistics_target(y_, plan().n_outputs),
                               {.max_onehot = static_cast<std::size_t>(params_.one_hot_max_size),
                                .max_pairs = static_cast<std::size_t>(params_.max_ctr_pairs),
                                .n_permutations = static_cast<std::size_t>(params_.permutation_count),
                                .prior_weight = params_.ctr_prior_weight,
                                .max_bins = static_cast<std::size_t>(params_.ctr_border_count) + 1,
                                .seed = derive_seed(context_.seed, {"category statistics"})},
                               context_);
    for (CategoryStatistics::Feature& feature : statistics.features) {
      if (feature.training.borders.empty()) continue;
      forest_.inputs.push_back({-1, feature.index, {}, std::move(feature.bin_of_level)});
      features.push_back(std::move(feature.training));
    }
    forest_.indices = std::move(statistics.indices);
    table_ = SymmetricTable(std::move(features), rows.size());
  }

  /// Weights of the Bayesian bootstrap, exponentially distributed and raised to a power: one per quantile.
  void make_draws() {
    for (std::size_t i = 0; i < draws_.size(); ++i) {
      const double u = (static_cast<double>(i) + 0.5) / static_cast<double>(draws_.size());
      draws_[i] = static_cast<float>(std::pow(-std::log(u), temperature_));
    }
  }

  Update update() override {
    const std::size_t round = n_rounds_done();
    const std::size_t n = y_.size();
    const ScoredRows rows{y_, score_};
    context_.parallel_blocks(n, kBlock, [&](std::size_t begin, std::size_t end) {
      loss_derivatives(loss_, parameter_, rows, begin, end, gradient_, {});
    });
    draw_weights(round);
    Rng rng(derive_seed(context_.seed, {"round", round}));
    draw_features(rng);
    const SymmetricTask task{.permutation = rng.below(table_.n_permutations()),
                             .gradient = gradient_,
                             .weight = drawn_weights_,
                             .is_used = is_used_,
                             .noise = noise(round),
                             .seed = rng()};
    const std::vector<SymmetricSplit> splits = grower_->grow(task, context_);
    const std::size_t n_leaves = std::size_t{1} << splits.size();
    const bool is_squared = loss_ == LossKind::kSquared || loss_ == LossKind::kHuber;
    const auto asked = static_cast<std::size_t>(params_.leaf_estimation_iterations);
    std::vector<double> values =
        estimate_leaves({.loss = loss_,
                         .parameter = parameter_,
                         .l2 = params_.l2_leaf_reg * mean_weight_,
                         .n_iterations = asked > 0                            ? asked
                                         : is_squared || plan().n_outputs > 1 ? 1
                                                                              : kSteps,
                         .weights = weights_},
                        rows, grower_->leaves(), n_leaves, context_);
    for (double& value : values) value *= params_.learning_rate;
    add_tree(splits, values);
    return {round + 1, splits.empty()};
  }

  /// Sample weights times those of the bootstrap.
  void draw_weights(std::size_t round) {
    const bool is_bayesian = temperature_ > 0, is_sampled = params_.subsample < 1;
    if (!is_bayesian && !is_sampled) {
      drawn_weights_ = weights_;
      return;
    }
    drawn_weights_.resize(y_.size());
    context_.parallel_blocks(y_.size(), kBlock, [&](std::size_t begin, std::size_t end) {
      Rng rng(derive_seed(context_.seed, {"bootstrap", round, begin}));
      for (std::size_t i = begin; i < end; ++i) {
        float w = weights_.empty() ? 1.0F : weights_[i];
        const std::uint64_t random = rng();
        if (is_bayesian) w *= draws_[random % draws_.size()];
        if (is_sampled && static_cast<double>(random >> 11) * 0x1.0p-53 >= params_.subsample) w = 0;
        drawn_weights_[i] = w;
      }
    });
  }

  void draw_features(Rng& rng) {
    if (params_.feature_fraction >= 1) return;
    const std::size_t n = is_used_.size();
    const auto wanted = std::min(
        n, std::max<std::size_t>(
               1, static_cast<std::size_t>(std::ceil(params_.feature_fraction * static_cast<double>(n)))));
    std::fill(is_used_.begin(), is_used_.end(), std::uint8_t{0});
    std::fill_n(is_used_.begin(), wanted, std::uint8_t{1});
    rng.shuffle(is_used_);
  }

  /// random_strength times the deviation of the gradients from 0; less and less with rounds, as in CatBoost.
  double noise(std::size_t round) const {
    if (params_.random_strength <= 0) return 0;
    const std::size_t n = y_.size();
    std::vector<double> squares((n + kBlock - 1) / kBlock, 0.0);
    context_.parallel_blocks(n, kBlock, [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = 0; k < plan().n_outputs; ++k)
        for (std::size_t i = begin; i < end; ++i) {
          const double g = static_cast<double>(gradient_[k * n + i]) *
                           (weights_.empty() ? 1.0 : static_cast<double>(weights_[i]));
          squares[begin / kBlock] += g * g;
        }
    });
    const auto rows = static_cast<double>(n);
    const double deviation = std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0) / rows);
    const double left = std::exp(std::log(rows) - static_cast<double>(round) * params_.learning_rate);
    return params_.random_strength * deviation * left / (1 + left);
  }

  void add_tree(const std::vector<SymmetricSplit>& splits, const std::vector<double>& values) {
    const std::size_t n_outputs = plan().n_outputs, n = y_.size(), n_valid = valid_leaves_.size();
    const auto leaves = grower_->leaves();
    context_.parallel_blocks(n, kBlock, [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = 0; k < n_outputs; ++k)
        for (std::size_t i = begin; i < end; ++i) score_[k * n + i] += values[leaves[i] * n_outputs + k];
    });
    std::ranges::fill(valid_leaves_, std::uint8_t{0});
    for (unsigned level = 0; level < splits.size(); ++level)
      if (n_valid > 0)
        kernel::add_leaf_bits(valid_bins_.data() + splits[level].feature * n_valid, splits[level].border,
                              level, n_valid, valid_leaves_.data());
    for (std::size_t i = 0; i < n_valid; ++i)
      for (std::size_t k = 0; k < n_outputs; ++k)
        valid_score_[i * n_outputs + k] += values[valid_leaves_[i] * n_outputs + k];

    forest_.tree_depth.push_back(static_cast<std::uint8_t>(splits.size()));
    for (const SymmetricSplit& split : splits) {
      forest_.split_input.push_back(static_cast<std::int32_t>(split.feature));
      forest_.split_border.push_back(split.border);
      split_gain_.push_back(split.gain);
    }
    forest_.leaf_value.insert(forest_.leaf_value.end(), values.begin(), values.end());
  }

  void predict_valid(std::span<double> out) override {
    std::ranges::copy(valid_score_, out.begin());
    apply_link(forest_.link, forest_.link_parameter, plan().n_outputs, out);
  }

  void install(std::size_t n_rounds) override {
    SymmetricForest kept = forest_;
    std::size_t n_splits = 0, n_leaves = 0;
    for (std::size_t t = 0; t < n_rounds; ++t) {
      n_splits += kept.tree_depth[t];
      n_leaves += std::size_t{1} << kept.tree_depth[t];
    }
    kept.tree_depth.resize(n_rounds);
    kept.split_input.resize(n_splits);
    kept.split_border.resize(n_splits);
    kept.leaf_value.resize(n_leaves * plan().n_outputs);
    std::vector<double> gain(static_cast<std::size_t>(kept.n_columns), 0.0);
    for (std::size_t s = 0; s < n_splits; ++s) add_gain(kept, s, gain);
    owner_.importance_ = as_shares(std::move(gain));
    if (forest_.link == Link::kIdentity) {
      for (double& value : kept.leaf_value) value *= plan().scale;
      for (double& base : kept.base_score) base = plan().center + plan().scale * base;
    }
    round_log_odds(kept.link, kept.n_trees(), kept.leaf_value);
    kept.drop_unused();
    owner_.forest_ = std::move(kept);
  }

  /// A split's gain goes to its column, or in equal parts to both columns of a pair.
  void add_gain(const SymmetricForest& forest, std::size_t split, std::vector<double>& gain) const {
    const auto& input = forest.inputs[static_cast<std::size_t>(forest.split_input[split])];
    if (input.index < 0) {
      gain[static_cast<std::size_t>(input.column)] += split_gain_[split];
      return;
    }
    const auto& columns = forest.indices[static_cast<std::size_t>(input.index)].columns();
    for (const std::int32_t c : columns)
      gain[static_cast<std::size_t>(c)] += split_gain_[split] / static_cast<double>(columns.size());
  }

  // Copying a tree of 64 leaves takes less than a microsecond.
  double install_cost_s(std::size_t n_rounds) const override { return 2e-6 * static_cast<double>(n_rounds); }

  OrderedBoosting& owner_;
  const OrderedBoostingParams params_;
  Context context_;  // the threads and the seed
  LossKind loss_;
  double parameter_;
  std::vector<float> y_, weights_;
  double mean_weight_ = 1;
  double temperature_;      // of the bootstrap
  SymmetricForest forest_;  // of all rounds, in the learner's unit
  SymmetricTable table_;
  std::unique_ptr<SymmetricGrower> grower_;  // after the table, which it reads
  std::vector<double> score_;                // output by output, per row
  std::vector<float> gradient_, drawn_weights_;
  std::array<float, 4096> draws_{};
  std::vector<std::uint8_t> is_used_;     // per feature
  std::vector<double> split_gain_;        // per split of forest_
  std::vector<std::uint8_t> valid_bins_;  // input by input
  std::vector<std::uint8_t> valid_leaves_;
  std::vector<double> valid_score_;  // row by row
};

OrderedBoosting::OrderedBoosting(Params params) : params_(std::move(params)) { check_params(params_); }

std::string OrderedBoosting::preparation_key() const { return BinnedTable::kKey; }

std::shared_ptr<const Prepared> OrderedBoosting::prepare(const TrainingData& data,
                                                         const Context& context) const {
  return BinnedTable::of(*data.x, context);
}

std::unique_ptr<OrderedBoostingFit> OrderedBoosting::make_fit(const TrainingData& data,
                                                              const Prepared* prepared, RowSplit rows,
                                                              const Context& context) {
  const Objective objective =
      choose_objective("ordered_boosting", params_.objective, task(),
                       {params_.alpha, params_.tweedie_variance_power, params_.focal_gamma});
  BoostingTarget target = make_target(data.y, rows, objective, params_.class_weight);
  std::shared_ptr<const Prepared> own;
  if (!prepared) {
    own = prepare(data, context);
    prepared = own.get();
  }
  const auto* binned = dynamic_cast<const BinnedTable*>(prepared);
  KOLOSAL_ASSERT(binned && binned->n_rows == data.x->n_rows(), "prepared is of prepare() on the same data");
  return std::make_unique<OrderedBoostingFit>(*this, *binned, *data.x, rows, objective, std::move(target),
                                              context);
}

FitReport OrderedBoosting::do_fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                                  const Context& context) {
  return make_fit(data, prepared, rows, context)->run(context);
}

std::unique_ptr<RoundwiseFit> OrderedBoosting::do_begin(const TrainingData& data, const Prepared* prepared,
                                                        RowSplit rows, const Context& context) {
  return make_fit(data, prepared, rows, context);
}

void OrderedBoosting::do_predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  forest_.predict(x, out, context);
}

std::unique_ptr<RowEvaluator> OrderedBoosting::row_evaluator() const {
  return std::make_unique<SymmetricRow>(forest_);
}

void OrderedBoosting::do_save(artifact::Node& node) const {
  forest_.save(node.add_child("trees"));
  node.set_array("feature_importance", importance_);
}

void OrderedBoosting::do_load(const artifact::Node& node) {
  forest_ = SymmetricForest::load(node.child("trees"), feature_names().size(), n_outputs());
  importance_ = node.get_vector<double>("feature_importance");
  if (importance_.size() != feature_names().size())
    throw Error(ErrorCode::kModel, "the model has the importance of {} features instead of {}",
                importance_.size(), feature_names().size());
}

namespace {

ParamTable<OrderedBoostingParams> param_table() {
  using P = OrderedBoostingParams;
  return with_focal_params(with_target_params(
      ParamTable<P>()
          .param("n_estimators", &P::n_estimators,
                 "Largest number of rounds; early stopping usually ends before.")
          .limits(1, 100000)
          .param("learning_rate", &P::learning_rate, "Share of each tree's correction that is applied.",
                 log_range(0.01, 0.3))
          .limits(1e-6, 10)
          .param("depth", &P::depth, "Levels of a tree, each with one split.", linear_range(4, 8))
          .limits(1, static_cast<double>(SymmetricGrower::kMaxDepth))
          .param("l2_leaf_reg", &P::l2_leaf_reg, "L2 penalty of leaf values.", log_range(1, 30))
          .limits(0, 1e18)
          .param("random_strength", &P::random_strength,
                 "How much chance there is in the choice of splits, less with every round; 0: none.",
                 linear_range(0, 2))
          .limits(0, 1e9)
          .param("bagging_temperature", &P::bagging_temperature,
                 "How unequal the random weights of rows in the search for splits are; 0: all equal, -1: 1 "
                 "below "
                 "5,000 rows, else 0.",
                 linear_range(0, 1))
          .limits(-1, 100)
          .param("subsample", &P::subsample, "Share of the rows drawn for the splits of each tree.",
                 linear_range(0.5, 1))
          .limits(1e-6, 1)
          .param("feature_fraction", &P::feature_fraction, "Share of the features drawn for each tree.",
                 linear_range(0.3, 1))
          .limits(1e-6, 1)
          .param("leaf_estimation_iterations", &P::leaf_estimation_iterations,
                 "Newton steps for the values of leaves; 0: ten for two classes and logarithmic losses, else "
                 "one.")
          .limits(0, 100)
          .param("one_hot_max_size", &P::one_hot_max_size,
                 "Categories of up to this many levels become one feature per level.", log_range(2, 16))
          .limits(0, 255)
          .param("max_ctr_pairs", &P::max_ctr_pairs, "Most pairs of category columns that become features.",
                 choice({std::int64_t{0}, std::int64_t{8}, std::int64_t{24}}))
          .limits(0, 1000)
          .param("ctr_border_count", &P::ctr_border_count,
                 "Most borders in the means and counts of categories.")
          .limits(1, 255)
          .param("ctr_prior_weight", &P::ctr_prior_weight,
                 "How many rows the mean of all counts for in the mean of a level.", log_range(0.5, 20))
          .limits(1e-3, 1e9)
          .param("permutation_count", &P::permutation_count,
                 "Orders of the rows in which the means of categories are taken.")
          .limits(1, 64)));
}

}  // namespace

EstimatorInfo ordered_boosting_info() {
  return describe<OrderedBoosting>(
      {.name = "ordered_boosting",
       .summary = "Gradient boosted symmetric trees with ordered means of the target for categories, as in "
                  "CatBoost.",
       .tasks = {data::Task::kBinary, data::Task::kMulticlass, data::Task::kRegression},
       .handles_missing = true,
       .handles_categories = true,
       .has_rounds = true},
      param_table());
}

}  // namespace kolosal::model
