#include "kolosal/automl/feature_store.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/core/random.hpp"

namespace kolosal::automl {
namespace {

/// Whoever comes first makes a view, so its seed must not be that of the trial which happens to be first; and
/// it is the same for all views, so that they share the steps that they start with.
Context context_of(std::string_view what, std::size_t fold, const Context& context) {
  return context.with_seed(derive_seed(0, {"features", what, fold + 1}));
}

nlohmann::json to_json(const CacheCounters& counters) {
  return {{"hits", counters.hits},
          {"misses", counters.misses},
          {"evictions", counters.evictions},
          {"entries", counters.entries},
          {"bytes", counters.bytes}};
}

}  // namespace

nlohmann::json counters_json(const FeatureCache& cache) {
  return {{"steps", to_json(cache.prefixes.counters())}, {"prepared", to_json(cache.prepared.counters())}};
}

FeatureStore::FeatureStore(const data::Frame& base, const data::TargetView& y,
                           const std::vector<pipeline::Split>& splits, std::vector<View> views,
                           std::shared_ptr<FeatureCache> cache)
    : base_(base), y_(y), splits_(splits), all_rows_(base.n_rows()), cache_(std::move(cache)) {
  std::iota(all_rows_.begin(), all_rows_.end(), 0U);
  fingerprint_ = transform::PrefixCache::fingerprint_of(base, all_rows_, y);
  for (View& view : views) {
    std::string name = view.name;
    views_.emplace(std::move(name), std::move(view));
  }
}

std::span<const std::uint32_t> FeatureStore::train_rows(std::size_t fold) const {
  return fold == kAllRows ? std::span(all_rows_) : std::span(splits_[fold].train);
}

std::span<const std::uint32_t> FeatureStore::valid_rows(std::size_t fold) const {
  return fold == kAllRows ? std::span<const std::uint32_t>() : std::span(splits_[fold].valid);
}

std::string FeatureStore::fold_key(const View& view, std::size_t fold) const {
  return view.per_fold.empty() ? view.name : fmt::format("{}#{}", view.name, fold);
}

FeatureStore::Made FeatureStore::shared(const View& view, const Context& context) {
  auto recipe = std::make_shared<transform::Recipe>(view.shared);
  Made out;
  out.frame = cache_->prefixes.fit_transform(*recipe, base_, all_rows_, y_, fingerprint_,
                                             context_of("shared", kAllRows, context));
  const std::lock_guard lock(mutex_);
  out.recipe = fitted_.try_emplace(view.name, std::move(recipe)).first->second;
  return out;
}

std::shared_ptr<const transform::Recipe> FeatureStore::shared_recipe(const std::string& view,
                                                                     const Context& context) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = fitted_.find(view); known != fitted_.end()) return known->second;
  }
  return shared(views_.at(view), context).recipe;
}

std::shared_ptr<const FoldFeatures> FeatureStore::features(const std::string& name, std::size_t fold,
                                                           const Context& context) {
  const View& view = views_.at(name);
  Made made = shared(view, context);
  auto recipe = std::make_shared<transform::Recipe>(view.per_fold);
  // The rows of a fold, and what the shared steps made of the table, follow from these.
  const std::string steps = made.recipe->to_json().dump();
  const std::uint64_t fingerprint = derive_seed(fingerprint_, {steps, "fold", fold});
  auto out = std::make_shared<FoldFeatures>();
  out->frame = cache_->prefixes.fit_transform(*recipe, made.frame, train_rows(fold), y_, fingerprint,
                                              context_of("fold", fold, context));
  out->shared = std::move(made.recipe);
  out->per_fold = std::move(recipe);
  return out;
}

std::shared_ptr<const model::Prepared> FeatureStore::prepared(const model::Estimator& estimator,
                                                              const std::string& name, std::size_t fold,
                                                              const Context& context) {
  const std::string kind = estimator.preparation_key();
  if (kind.empty()) return nullptr;
  const std::string key = fmt::format("{:016x} {}@{}", fingerprint_, fold_key(views_.at(name), fold), kind);
  return cache_->prepared.get_or_make(key, [&] {
    const auto made_from = features(name, fold, context);
    const model::TrainingData training{&made_from->frame, y_};
    std::shared_ptr<const model::Prepared> made =
        estimator.prepare(training, context_of(kind, fold, context));
    const std::size_t n_bytes =
        made_from->frame.n_columns() * base_.n_rows() * 2;  // binned: one or two bytes a cell
    return Cache<std::string, model::Prepared>::Made{std::move(made), n_bytes};
  });
}

}  // namespace kolosal::automl
