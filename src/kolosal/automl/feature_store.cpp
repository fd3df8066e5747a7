#include "kolosal/automl/feature_store.hpp"

#include <algorithm>
#include <numeric>

#include "kolosal/core/random.hpp"

namespace kolosal::automl {
namespace {

/// Whoever comes first makes a view, so its seed must not be that of the trial which happens to be first.
Context context_of(const std::string& key, const Context& context) {
  return context.with_seed(derive_seed(0, {"features", key}));
}

/// Of the columns that `made` does not share with the frame it was made from.
std::size_t new_bytes(const data::Frame& made, const data::Frame& from) {
  std::size_t out = 0;
  for (std::size_t i = 0; i < made.n_columns(); ++i) {
    const auto at = from.find(made.name(i));
    if (!at || from.column(*at).owner() != made.column(i).owner()) out += made.column(i).n_bytes();
  }
  return out;
}

}  // namespace

FeatureStore::FeatureStore(const data::Frame& base, const data::TargetView& y,
                           const std::vector<pipeline::Split>& splits, std::vector<View> views,
                           std::size_t memory_bytes)
    : base_(base), y_(y), splits_(splits), all_rows_(base.n_rows()), memory_bytes_(memory_bytes) {
  std::iota(all_rows_.begin(), all_rows_.end(), 0U);
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

template <typename T>
std::shared_ptr<const T> FeatureStore::make_once(std::map<std::string, Future<T>>& cache,
                                                 const std::string& key,
                                                 const std::function<std::shared_ptr<const T>()>& make) {
  std::promise<std::shared_ptr<const T>> promise;
  {
    std::unique_lock lock(mutex_);
    if (const auto found = cache.find(key); found != cache.end()) {
      const Future<T> future = found->second;
      lock.unlock();
      return future.get();
    }
    cache.emplace(key, promise.get_future().share());
  }
  try {
    auto made = make();
    promise.set_value(made);
    return made;
  } catch (...) {
    promise.set_exception(std::current_exception());
    const std::lock_guard lock(mutex_);
    cache.erase(key);  // the next one tries again, perhaps with more time
    throw;
  }
}

void FeatureStore::touch(const std::string& key, std::size_t n_bytes) {
  const std::lock_guard lock(mutex_);
  std::erase_if(recent_, [&](const auto& entry) { return entry.first == key; });
  recent_.emplace_front(key, n_bytes);
  std::size_t total = 0;
  for (auto entry = recent_.begin(); entry != recent_.end();) {
    total += entry->second;
    if (total <= memory_bytes_ || entry == recent_.begin()) {
      ++entry;
      continue;
    }
    features_.erase(entry->first);
    prepared_.erase(entry->first);
    entry = recent_.erase(entry);
  }
}

std::string FeatureStore::fold_key(const View& view, std::size_t fold) const {
  return view.per_fold.empty() ? view.name : fmt::format("{}#{}", view.name, fold);
}

std::shared_ptr<const FoldFeatures> FeatureStore::shared_features(const View& view, const Context& context) {
  return make_once<FoldFeatures>(features_, view.name, [&] {
    auto out = std::make_shared<FoldFeatures>();
    auto recipe = std::make_shared<transform::Recipe>(view.shared);
    out->frame = recipe->fit_transform(base_, all_rows_, y_, context_of(view.name, context));
    out->shared = std::move(recipe);
    auto nothing = std::make_shared<transform::Recipe>(std::vector<transform::StepSpec>());
    nothing->fit_transform(out->frame, all_rows_, y_, context);
    out->per_fold = std::move(nothing);
    return std::shared_ptr<const FoldFeatures>(std::move(out));
  });
}

std::shared_ptr<const transform::Recipe> FeatureStore::shared_recipe(const std::string& view,
                                                                     const Context& context) {
  return shared_features(views_.at(view), context)->shared;
}

std::shared_ptr<const FoldFeatures> FeatureStore::features(const std::string& name, std::size_t fold,
                                                           const Context& context) {
  const View& view = views_.at(name);
  const auto shared = shared_features(view, context);
  if (view.per_fold.empty()) return shared;
  const std::string key = fold_key(view, fold);
  const auto made = make_once<FoldFeatures>(features_, key, [&] {
    auto out = std::make_shared<FoldFeatures>();
    auto recipe = std::make_shared<transform::Recipe>(view.per_fold);
    out->frame = recipe->fit_transform(shared->frame, train_rows(fold), y_, context_of(key, context));
    out->shared = shared->shared;
    out->per_fold = std::move(recipe);
    return std::shared_ptr<const FoldFeatures>(std::move(out));
  });
  touch(key, new_bytes(made->frame, shared->frame));
  return made;
}

std::shared_ptr<const model::Prepared> FeatureStore::prepared(const model::Estimator& estimator,
                                                              const std::string& name, std::size_t fold,
                                                              const Context& context) {
  const std::string kind = estimator.preparation_key();
  if (kind.empty()) return nullptr;
  const auto made_from = features(name, fold, context);
  const std::string key = fmt::format("{}@{}", fold_key(views_.at(name), fold), kind);
  const auto made = make_once<model::Prepared>(prepared_, key, [&] {
    const model::TrainingData training{&made_from->frame, y_};
    return estimator.prepare(training, context_of(key, context));
  });
  touch(key, made_from->frame.n_columns() * base_.n_rows() * 2);  // binned: one or two bytes a cell
  return made;
}

}  // namespace kolosal::automl
