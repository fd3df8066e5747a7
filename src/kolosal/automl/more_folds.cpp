#include "kolosal/automl/more_folds.hpp"

#include <memory>
#include <optional>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/thread_pool.hpp"

namespace kolosal::automl {
namespace {

constexpr std::size_t kCacheBytes = 64UL << 20;

bool is_fitted(const TrialResult& trial) { return trial.candidate.estimator != "constant"; }

}  // namespace

MoreFolds::MoreFolds(const Stage& stage, std::vector<pipeline::Split> splits)
    : stage_(stage),
      splits_(std::move(splits)),
      store_(stage.base, stage.y, splits_, stage.views, std::make_shared<FeatureCache>(kCacheBytes)) {}

double MoreFolds::expected_s(const std::vector<TrialResult>& members, std::size_t n_threads) const {
  const auto n_folds = static_cast<double>(splits_.size());
  double out = 0;
  for (const TrialResult& member : members)
    if (is_fitted(member)) out += member.seconds * n_folds / static_cast<double>(stage_.splits.size());
  return 1.2 * out / static_cast<double>(n_threads);
}

std::map<std::size_t, std::vector<artifact::Node>> MoreFolds::run(
    const Blend& blend, const std::vector<TrialResult>& results, const Context& context,
    const std::function<void(std::string)>& note) {
  std::vector<std::size_t> members;
  for (const std::size_t i : blend.trials)
    if (is_fitted(results[i])) members.push_back(i);
  std::vector<std::optional<artifact::Node>> nodes(members.size() * splits_.size());
  const auto fit_one = [&](std::size_t task) {
    const std::size_t fold = task / members.size();
    const TrialResult& trial = results[members[task % members.size()]];
    const double fold_s = trial.seconds / static_cast<double>(stage_.splits.size());
    if (1.5 * fold_s > context.deadline.remaining_s()) return;
    Context own = context.with_seed(derive_seed(context.seed, {"more folds", trial.number, fold}));
    own.n_threads = 1;
    try {
      FoldResult fitted = run_fold(trial.candidate, fold, store_, stage_.y, own);
      if (!fitted.cut_short) nodes[task] = std::move(fitted.pipeline);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBudget)
        note(fmt::format("{} was not fitted on more folds: {}", trial.candidate.label, error.what()));
    }
  };
  if (context.pool)
    context.pool->for_each(nodes.size(), context.n_threads, fit_one);
  else
    for (std::size_t task = 0; task < nodes.size(); ++task) fit_one(task);
  std::map<std::size_t, std::vector<artifact::Node>> out;
  for (std::size_t task = 0; task < nodes.size(); ++task)
    if (nodes[task]) out[members[task % members.size()]].push_back(std::move(*nodes[task]));
  return out;
}

}  // namespace kolosal::automl
