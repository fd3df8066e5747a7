#include "kolosal/automl/stage.hpp"

#include <algorithm>
#include <numeric>

#include "kolosal/core/random.hpp"

namespace kolosal::automl {
namespace {

constexpr std::size_t kFirstRung = 20'000;
constexpr std::size_t kRungFactor = 8;
/// Tables with no more cells than this in training have one rung: a full fit takes about a second there.
constexpr std::size_t kMaxCellsOfOneRung = 1'200'000;

}  // namespace

std::vector<std::size_t> rung_sizes(std::size_t n_train_rows, std::size_t n_columns, bool is_hold_out) {
  std::vector<std::size_t> out;
  if (is_hold_out && n_train_rows * n_columns > kMaxCellsOfOneRung)
    for (std::size_t rows = kFirstRung; rows * 2 < n_train_rows; rows *= kRungFactor) out.push_back(rows);
  out.push_back(n_train_rows);
  return out;
}

std::unique_ptr<Stage> make_stage(std::size_t rung, std::size_t n_train_rows, const data::Frame& base,
                                  const data::TargetView& y, const std::vector<pipeline::Split>& splits,
                                  std::shared_ptr<FeatureCache> cache, std::uint64_t seed,
                                  const Context& context, double thread_seconds) {
  auto out = std::make_unique<Stage>();
  out->rung = rung;
  out->n_train_rows = n_train_rows;
  if (n_train_rows >= splits.front().train.size()) {
    out->base = base;
    out->target.assign(y.values.begin(), y.values.end());
    out->weights.assign(y.weights.begin(), y.weights.end());
    out->groups.assign(y.groups.begin(), y.groups.end());
    out->splits = splits;
  } else {
    std::vector<std::uint32_t> order = splits.front().train;
    Rng rng(derive_seed(seed, {"rung"}));
    rng.shuffle(order);
    order.resize(n_train_rows);
    std::ranges::sort(order);
    const auto& valid = splits.front().valid;
    std::vector<std::uint32_t> rows;
    std::ranges::merge(order, valid, std::back_inserter(rows));
    pipeline::Split split;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      out->target.push_back(y.values[rows[i]]);
      if (!y.weights.empty()) out->weights.push_back(y.weights[rows[i]]);
      if (!y.groups.empty()) out->groups.push_back(y.groups[rows[i]]);
      const bool is_valid = std::ranges::binary_search(valid, rows[i]);
      (is_valid ? split.valid : split.train).push_back(static_cast<std::uint32_t>(i));
    }
    out->splits = {std::move(split)};
    out->base = base.take(rows);
  }
  out->y = {y.task, out->target, out->weights, y.n_classes, y.quantiles, out->groups};
  out->valid = std::make_unique<ValidRows>(out->y, out->splits);
  out->shape = shape_of(out->base, out->y, out->splits.front().train.size(), context);
  out->shape.made = find_made_features(out->shape, out->base, out->y, out->splits, thread_seconds,
                                       context.with_seed(derive_seed(seed, {"made features"})));
  out->views = make_views(out->shape);
  out->store = std::make_unique<FeatureStore>(out->base, out->y, out->splits, out->views, std::move(cache));
  return out;
}

}  // namespace kolosal::automl
