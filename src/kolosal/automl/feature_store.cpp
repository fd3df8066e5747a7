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
    : base_(base),
      y_(y),
      splits_(splits),
      all_rows_(base.n_rows()),
      shared_({}),
      // Learners that want the newest at the same time must not all make it, be it ever so large.
      store_({.max_bytes = memory_bytes, .keeps_newest = true}) {
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

std::string FeatureStore::fold_key(const View& view, std::size_t fold) const {
  return view.per_fold.empty() ? view.name : fmt::format("{}#{}", view.name, fold);
}

std::shared_ptr<const FoldFeatures> FeatureStore::shared_features(const View& view, const Context& context) {
  const auto kept = shared_.get_or_make(view.name, [&] {
    auto out = std::make_shared<FoldFeatures>();
    auto recipe = std::make_shared<transform::Recipe>(view.shared);
    out->frame = recipe->fit_transform(base_, all_rows_, y_, context_of(view.name, context));
    out->shared = std::move(recipe);
    auto nothing = std::make_shared<transform::Recipe>(std::vector<transform::StepSpec>());
    nothing->fit_transform(out->frame, all_rows_, y_, context);
    out->per_fold = std::move(nothing);
    const std::size_t n_bytes = new_bytes(out->frame, base_);
    return Store::Made{std::make_shared<const Kept>(Kept{std::move(out), nullptr}), n_bytes};
  });
  return kept->features;
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
  const auto kept = store_.get_or_make(key, [&] {
    auto out = std::make_shared<FoldFeatures>();
    auto recipe = std::make_shared<transform::Recipe>(view.per_fold);
    out->frame = recipe->fit_transform(shared->frame, train_rows(fold), y_, context_of(key, context));
    out->shared = shared->shared;
    out->per_fold = std::move(recipe);
    const std::size_t n_bytes = new_bytes(out->frame, shared->frame);
    return Store::Made{std::make_shared<const Kept>(Kept{std::move(out), nullptr}), n_bytes};
  });
  return kept->features;
}

std::shared_ptr<const model::Prepared> FeatureStore::prepared(const model::Estimator& estimator,
                                                              const std::string& name, std::size_t fold,
                                                              const Context& context) {
  const std::string kind = estimator.preparation_key();
  if (kind.empty()) return nullptr;
  const auto made_from = features(name, fold, context);
  const std::string key = fmt::format("{}@{}", fold_key(views_.at(name), fold), kind);
  const auto kept = store_.get_or_make(key, [&] {
    const model::TrainingData training{&made_from->frame, y_};
    auto made = estimator.prepare(training, context_of(key, context));
    const std::size_t n_bytes =
        made_from->frame.n_columns() * base_.n_rows() * 2;  // binned: one or two bytes a cell
    return Store::Made{std::make_shared<const Kept>(Kept{nullptr, std::move(made)}), n_bytes};
  });
  return kept->prepared;
}

}  // namespace kolosal::automl
