#include "kolosal/infer/row_predictor.hpp"

#include <algorithm>
#include <map>

#include "kolosal/infer/served_forests.hpp"
#include "kolosal/model/quantile_learner.hpp"

namespace kolosal::infer {
namespace {

class RowForest final : public RowLearner {
 public:
  explicit RowForest(const PackedForest& forest) : forest_(forest) {}
  void predict(std::span<const data::RowCell> features, std::span<double> out,
               RowScratch& scratch) const override {
    scratch.numbers.resize(features.size());
    for (std::size_t c = 0; c < features.size(); ++c) scratch.numbers[c] = features[c].number;
    forest_.predict_row(scratch.numbers.data(), out, scratch.forest);
  }

 private:
  const PackedForest& forest_;
};

/// Quantiles of trees: a forest for each. (Of other learners, QuantileLearner has a row_evaluator().)
class RowQuantiles final : public RowLearner {
 public:
  explicit RowQuantiles(const model::QuantileLearner& learner) {
    for (std::size_t k = 0; k < learner.n_outputs(); ++k)
      forests_.push_back(std::make_unique<const PackedForest>(*learner.fit_of(k).trees(), std::nullopt));
  }
  bool has_row_path() const {
    return std::ranges::all_of(forests_, [](const auto& forest) { return forest->has_row_path(); });
  }
  void predict(std::span<const data::RowCell> features, std::span<double> out,
               RowScratch& scratch) const override {
    scratch.numbers.resize(features.size());
    for (std::size_t c = 0; c < features.size(); ++c) scratch.numbers[c] = features[c].number;
    for (std::size_t k = 0; k < forests_.size(); ++k)
      forests_[k]->predict_row(scratch.numbers.data(), out.subspan(k, 1), scratch.forest);
    model::sort_rows(out, out.size());
  }

 private:
  std::vector<std::unique_ptr<const PackedForest>> forests_;
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

const PackedForest* packed_forest(const model::Estimator& estimator, const pipeline::Evaluators& evaluators) {
  const auto evaluator = evaluators.find(&estimator);
  if (evaluator == evaluators.end()) return nullptr;
  const auto* served = dynamic_cast<const ServedForest*>(evaluator->second.get());
  return served != nullptr && served->packed().has_row_path() ? &served->packed() : nullptr;
}

std::unique_ptr<const RowLearner> quantiles_of_trees(const model::Estimator& estimator) {
  const auto* quantiles = dynamic_cast<const model::QuantileLearner*>(&estimator);
  if (quantiles == nullptr || quantiles->fit_of(0).trees() == nullptr) return nullptr;
  auto out = std::make_unique<const RowQuantiles>(*quantiles);
  return out->has_row_path() ? std::move(out) : nullptr;
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
  if (const PackedForest* const forest = packed_forest(estimator, evaluators)) {
    out.learner = std::make_unique<RowForest>(*forest);
  } else if (auto quantiles = quantiles_of_trees(estimator)) {
    out.learner = std::move(quantiles);
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
  scratch.part.resize(out.size());
  for (const Voice& voice : voices_) {
    scratch.features.resize(voice.slots.size());
    for (std::size_t i = 0; i < voice.slots.size(); ++i) scratch.features[i] = scratch.cells[voice.slots[i]];
    voice.learner->predict(scratch.features, scratch.part, scratch);
    pipeline::apply_class_factors(scratch.part, voice.class_factors);
    for (std::size_t k = 0; k < out.size(); ++k) out[k] += voice.weight * scratch.part[k];
  }
  model_.finish(out);
}

}  // namespace kolosal::infer
