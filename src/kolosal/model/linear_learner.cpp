#include "kolosal/model/linear_learner.hpp"

#include "kolosal/core/random.hpp"
#include "kolosal/model/training_rows.hpp"

namespace kolosal::model {

std::shared_ptr<const Prepared> LinearLearner::prepare(const TrainingData& data,
                                                       const Context& context) const {
  return LinearTable::of(*data.x, context);
}

void LinearLearner::apply_link(std::span<double>) const {}

void LinearLearner::predict_raw(const LinearModel& model, const data::Frame& x, std::span<double> out,
                                const Context& context) const {
  model.predict_raw(x, out, context);
}

void LinearLearner::save_more(artifact::Node&) const {}
void LinearLearner::load_more(const artifact::Node&) {}

double LinearLearner::choice_loss(const data::TargetView& y, std::span<const std::uint32_t> rows,
                                  std::span<const double> prediction) const {
  return mean_loss(y, rows, prediction);
}

std::vector<double> LinearLearner::predict_rows(const LinearModel& model, const data::Frame& x,
                                                const Context& context) const {
  std::vector<double> out(x.n_rows() * model.n_outputs);
  predict_raw(model, x, out, context);
  apply_link(out);
  return out;
}

LinearLearner::Path LinearLearner::fit_path(const TrainingData& data, Solver& solver,
                                            const std::vector<double>& factors,
                                            std::span<const std::uint32_t> valid_rows,
                                            const Context& context) const {
  const data::Frame valid = valid_rows.empty() ? data::Frame() : data.x->take(valid_rows);
  Path best;
  bool has_model = false;
  for (double factor : factors) {
    auto step = solver.solve(factor, context);
    best.stopped = step.stopped;
    if (step.stopped && step.n_iterations == 0) {
      if (!has_model)
        throw Error(ErrorCode::kBudget, "the time ended before the first iteration of a linear learner");
      break;
    }
    std::vector<double> prediction;
    double loss = 0;
    if (!valid_rows.empty()) {
      prediction = predict_rows(step.model, valid, context);
      loss = choice_loss(data.y, valid_rows, prediction);
    }
    if (!has_model || loss < best.loss)
      best = {std::move(step.model), std::move(prediction), loss,         factor,
              step.n_iterations,     step.converged,        step.stopped, factors.size() > 1};
    has_model = true;
    if (step.stopped) break;
  }
  return best;
}

LinearLearner::Path LinearLearner::fit_all(const TrainingData& data, const LinearTable& table, Solver& solver,
                                           RowSplit rows, const Context& context) const {
  constexpr std::size_t kMinRowsForChoice = 50;
  const std::vector<double> factors = solver.strength_factors();
  if (!rows.valid.empty()) return fit_path(data, solver, factors, rows.valid, context);
  if (factors.size() == 1 || rows.train.size() < kMinRowsForChoice)
    return fit_path(data, solver, {1.0}, {}, context);
  const HoldOut inner = hold_out(rows.train, derive_seed(context.seed, {"strength"}));
  const auto inner_solver = make_solver(data, table, inner.train, context);
  const Path choice = fit_path(data, *inner_solver, factors, inner.valid, context);
  Path path = fit_path(data, solver, {choice.factor}, {}, context);
  path.chosen = true;
  return path;
}

FitReport LinearLearner::do_fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                                const Context& context) {
  std::shared_ptr<const Prepared> own;
  if (!prepared) {
    own = prepare(data, context);
    prepared = own.get();
  }
  const auto* table = dynamic_cast<const LinearTable*>(prepared);
  KOLOSAL_ASSERT(table && table->n_rows == data.x->n_rows(), "prepared is of prepare() on the same data");

  const auto solver = make_solver(data, *table, rows.train, context);
  Path path = fit_all(data, *table, *solver, rows, context);
  model_ = std::move(path.model);
  importance_ = column_importance(model_, solver->spread());

  FitReport report;
  report.valid_prediction = std::move(path.valid_prediction);
  report.n_rounds = path.n_iterations;
  report.stopped_by_deadline = path.stopped;
  if (path.chosen) report.note = solver->describe(path.factor);
  if (!path.converged && !path.stopped)
    report.note += fmt::format("{}did not converge in {} iterations", report.note.empty() ? "" : "; ",
                               path.n_iterations);
  return report;
}

void LinearLearner::do_predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  predict_raw(model_, x, out, context);
  apply_link(out);
}

class LinearLearner::Row final : public RowEvaluator {
 public:
  explicit Row(const LinearLearner& learner) : learner_(learner) {}
  void predict(std::span<const data::RowCell> row, std::span<double> out) const override {
    learner_.model_.predict_raw(row, out);
    learner_.apply_link(out);
  }

 private:
  const LinearLearner& learner_;
};

std::unique_ptr<RowEvaluator> LinearLearner::row_evaluator() const { return std::make_unique<Row>(*this); }

void LinearLearner::do_save(artifact::Node& node) const {
  model_.save(node.add_child("linear"));
  node.set_array("importance", importance_);
  save_more(node);
}

void LinearLearner::do_load(const artifact::Node& node) {
  model_ = LinearModel::load(node.child("linear"));
  importance_ = node.get_vector<double>("importance");
  if (model_.n_outputs != n_outputs() || model_.features.kind.size() != feature_names().size())
    throw Error(ErrorCode::kModel,
                "a linear model is damaged: {} outputs and {} columns instead of {} and {}", model_.n_outputs,
                model_.features.kind.size(), n_outputs(), feature_names().size());
  load_more(node);
}

}  // namespace kolosal::model
