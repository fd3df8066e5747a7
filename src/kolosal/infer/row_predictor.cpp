#include "kolosal/infer/row_predictor.hpp"

#include <algorithm>
#include <map>

#include "kolosal/infer/served_forests.hpp"
#include "kolosal/model/quantile_learner.hpp"

namespace kolosal::infer {
namespace {

class RowForest final : public RowLearner {
 public:
  explicit RowForest(const ServedForest& forest) : forest_(forest) {}
  void predict(std::span<const data::RowCell> features, std::span<double> out,
               RowScratch& scratch) const override {
    scratch.numbers.resize(features.size());
    for (std::size_t c = 0; c < features.size(); ++c) scratch.numbers[c] = features[c].number;
    forest_.predict_row(scratch.numbers.data(), out, scratch.forest);
  }

 private:
  const ServedForest& forest_;
};

class RowQuantiles final : public RowLearner {
 public:
  explicit RowQuantiles(const ServedQuantiles& served) : served_(served) {}
  void predict(std::span<const data::RowCell> features, std::span<double> out,
               RowScratch& scratch) const override {
    scratch.numbers.resize(features.size());
    for (std::size_t c = 0; c < features.size(); ++c) scratch.numbers[c] = features[c].number;
    for (std::size_t k = 0; k < out.size(); ++k)
      served_.forests()[k]->predict_row(scratch.numbers.data(), out.subspan(k, 1), scratch.forest);
    model::sort_rows(out, out.size());
  }

 private:
  const ServedQuantiles& served_;
};

class RowByItself final : public RowLearner {
 public:
  explicit RowByItself(std::unique_ptr<const model::RowEvaluator> evaluator)
      : evaluator_(std::move(evaluator)) {}
  void predict(std::span<const data::RowCell> features, std::span<double> out, RowScratch&) const override {
    evaluator_->predict(features, out);
  }

 private:
  std::unique_ptr<const model::RowEvaluator> evaluator_;
};

class RowAsFrame final : public RowLearner {
 public:
  RowAsFrame(const model::Estimator& estimator, data::Frame header)
      : estimator_(estimator), header_(std::move(header)) {}
  void predict(std::span<const data::RowCell> features, std::span<double> out, RowScratch&) const override {
    estimator_.predict(data::frame_of_cells(header_, features), out, Context());
  }

 private:
  const model::Estimator& estimator_;
  data::Frame header_;
};

/// Null where the estimator is no such trees.
std::unique_ptr<const RowLearner> served_trees(const model::Estimator& estimator,
                                               const pipeline::Evaluators& evaluators) {
  const auto found = evaluators.find(&estimator);
  if (found == evaluators.end()) return nullptr;
  const model::Evaluator* const evaluator = found->second.get();
  if (const auto* const served = dynamic_cast<const ServedForest*>(evaluator))
    return std::make_unique<const RowForest>(*served);
  if (const auto* const quantiles = dynamic_cast<const ServedQuantiles*>(evaluator))
    return std::make_unique<const RowQuantiles>(*quantiles);
  return nullptr;
}

}  // namespace

RowPredictor::RowPredictor(const pipeline::Model& model, const pipeline::Evaluators& evaluators)
    : model_(model) {
  for (const data::Field& field : model.schema.fields())
    if (field.role == data::Role::kFeature) fields_.push_back(field);
  plan_ = std::make_unique<transform::RowPlan>(data::Schema(fields_).empty_frame());
  const transform::RowColumns base = plan_->append(model.base, plan_->inputs());
  std::map<std::string, transform::RowColumns> views;
  for (const pipeline::Member& member : model.members) {
    auto [view, is_new] = views.try_emplace(member.view);
    if (is_new) view->second = plan_->append(model.views.at(member.view), base);
    for (const pipeline::Pipeline& pipeline : member.pipelines) {
      voices_.push_back(make_voice(pipeline, view->second, evaluators));
      voices_.back().weight = member.weight / static_cast<double>(member.pipelines.size());
    }
  }
}

RowPredictor::Voice RowPredictor::make_voice(const pipeline::Pipeline& pipeline,
                                             const transform::RowColumns& view,
                                             const pipeline::Evaluators& evaluators) {
  const transform::RowColumns made = plan_->append(pipeline.recipe(), view);
  const model::Estimator& estimator = pipeline.estimator();
  Voice out{.weight = 1, .class_factors = pipeline.class_factors()};
  for (const std::string& name : estimator.feature_names()) {
    std::size_t c = 0;
    while (made.header.name(c) != name) ++c;
    out.slots.push_back(made.slots[c]);
  }
  if (auto trees = served_trees(estimator, evaluators)) {
    out.learner = std::move(trees);
  } else if (auto by_itself = estimator.row_evaluator()) {
    out.learner = std::make_unique<RowByItself>(std::move(by_itself));
  } else {
    out.learner = std::make_unique<RowAsFrame>(estimator, made.header.select(estimator.feature_names()));
    ++n_frame_learners_;
  }
  return out;
}

std::span<data::RowCell> RowPredictor::begin_row(RowScratch& scratch) const {
  scratch.arena.clear();
  scratch.cells.resize(plan_->n_slots());
  return std::span(scratch.cells).first(fields_.size());
}

void RowPredictor::predict(std::span<double> out, RowScratch& scratch) const {
  plan_->run(scratch.cells, scratch.arena);
  std::ranges::fill(out, 0.0);
  scratch.parts.resize(voices_.size() * out.size());
  const auto part_of = [&](std::size_t v) {
    return std::span(scratch.parts).subspan(v * out.size(), out.size());
  };
  // The learners of a model seldom fit into the cache together, and what a row finds there is what the one
  // before it read last. So it begins with that.
  scratch.is_backwards = !scratch.is_backwards;
  for (std::size_t i = 0; i < voices_.size(); ++i) {
    const std::size_t v = scratch.is_backwards ? voices_.size() - 1 - i : i;
    const Voice& voice = voices_[v];
    scratch.features.resize(voice.slots.size());
    for (std::size_t c = 0; c < voice.slots.size(); ++c) scratch.features[c] = scratch.cells[voice.slots[c]];
    voice.learner->predict(scratch.features, part_of(v), scratch);
    pipeline::apply_class_factors(part_of(v), voice.class_factors);
  }
  for (std::size_t v = 0; v < voices_.size(); ++v)
    for (std::size_t k = 0; k < out.size(); ++k) out[k] += voices_[v].weight * part_of(v)[k];
  model_.finish(out);
}

}  // namespace kolosal::infer
