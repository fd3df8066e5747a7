#include "kolosal/model/quantile_learner.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/core/error.hpp"

namespace kolosal::model {
namespace {

std::string fit_name(std::size_t i) { return fmt::format("fit_{}", i); }

data::TargetView without_quantiles(const data::TargetView& y) {
  return {y.task, y.values, y.weights, y.n_classes};
}

}  // namespace

bool can_predict_quantiles(const std::string& learner) {
  return learner == "lightgbm" || learner == "xgboost" || learner == "quantile_regression";
}

void set_quantile(const std::string& learner, ParamMap& params, double quantile) {
  if (!can_predict_quantiles(learner))
    throw Error(ErrorCode::kInvalidParameter,
                "{} can not predict quantiles; lightgbm, xgboost and quantile_regression can", learner);
  if (learner == "quantile_regression") {
    params["quantile"] = quantile;
    return;
  }
  params["objective"] = std::string("quantile");
  params["alpha"] = quantile;
}

QuantileLearner::QuantileLearner(const std::string& learner, const ParamMap& params,
                                 std::vector<double> quantiles)
    : quantiles_(std::move(quantiles)) {
  KOLOSAL_ASSERT(!quantiles_.empty(), "a learner of quantiles has at least one");
  for (const double quantile : quantiles_) {
    ParamMap own = params;
    set_quantile(learner, own, quantile);
    fits_.push_back(make_estimator(learner, own));
  }
}

std::shared_ptr<const Prepared> QuantileLearner::prepare(const TrainingData& data,
                                                         const Context& context) const {
  return fits_.front()->prepare({data.x, without_quantiles(data.y)}, context);
}

std::string QuantileLearner::preparation_key() const { return fits_.front()->preparation_key(); }

std::vector<double> QuantileLearner::feature_importance() const {
  std::vector<double> out;
  for (const auto& fit : fits_) {
    const auto part = fit->feature_importance();
    if (part.empty()) return {};
    out.resize(part.size());
    for (std::size_t c = 0; c < out.size(); ++c) out[c] += part[c] / static_cast<double>(fits_.size());
  }
  return out;
}

FitReport QuantileLearner::do_fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                                  const Context& context) {
  KOLOSAL_ASSERT(std::ranges::equal(data.y.quantiles, quantiles_), "the target wants these quantiles");
  const TrainingData one{data.x, without_quantiles(data.y)};
  const std::size_t width = fits_.size();
  FitReport out;
  out.valid_prediction.resize(rows.valid.size() * width);
  double n_rounds = 0;
  for (std::size_t k = 0; k < width; ++k) {
    Context share = context;
    if (context.deadline.is_set())
      share.deadline = {Clock::system(), Clock::system().now_s() +
                                             context.deadline.remaining_s() / static_cast<double>(width - k)};
    FitReport report = fits_[k]->fit(one, prepared, rows, share);
    for (std::size_t i = 0; i < rows.valid.size(); ++i)
      out.valid_prediction[i * width + k] = report.valid_prediction[i];
    n_rounds += static_cast<double>(report.n_rounds) / static_cast<double>(width);
    out.stopped_by_deadline |= report.stopped_by_deadline;
    if (out.note.empty()) out.note = std::move(report.note);
  }
  out.n_rounds = static_cast<std::size_t>(std::lround(n_rounds));
  sort_rows(out.valid_prediction, width);
  return out;
}

void QuantileLearner::do_predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  predict_quantiles(
      fits_.size(), [&](std::size_t k, std::span<double> column) { fits_[k]->predict(x, column, context); },
      out);
}

void predict_quantiles(std::size_t n_quantiles,
                       const std::function<void(std::size_t k, std::span<double> column)>& predict,
                       std::span<double> out) {
  std::vector<double> column(out.size() / n_quantiles);
  for (std::size_t k = 0; k < n_quantiles; ++k) {
    predict(k, column);
    for (std::size_t i = 0; i < column.size(); ++i) out[i * n_quantiles + k] = column[i];
  }
  sort_rows(out, n_quantiles);
}

namespace {

class QuantilesOfRow final : public RowEvaluator {
 public:
  explicit QuantilesOfRow(std::vector<std::unique_ptr<RowEvaluator>> fits) : fits_(std::move(fits)) {}
  void predict(std::span<const data::RowCell> row, std::span<double> out) const override {
    for (std::size_t k = 0; k < fits_.size(); ++k) fits_[k]->predict(row, out.subspan(k, 1));
    sort_rows(out, fits_.size());
  }

 private:
  std::vector<std::unique_ptr<RowEvaluator>> fits_;
};

}  // namespace

std::unique_ptr<RowEvaluator> QuantileLearner::row_evaluator() const {
  std::vector<std::unique_ptr<RowEvaluator>> fits;
  for (const auto& fit : fits_) {
    fits.push_back(fit->row_evaluator());
    if (!fits.back()) return nullptr;
  }
  return std::make_unique<QuantilesOfRow>(std::move(fits));
}

void QuantileLearner::do_save(artifact::Node& node) const {
  for (std::size_t k = 0; k < fits_.size(); ++k) fits_[k]->save(node.add_child(fit_name(k)));
}

void QuantileLearner::do_load(const artifact::Node& node) {
  if (n_outputs() != fits_.size())
    throw Error(ErrorCode::kModel, "a learner of {} quantiles is damaged: it has {} outputs", fits_.size(),
                n_outputs());
  for (std::size_t k = 0; k < fits_.size(); ++k) {
    fits_[k]->load(node.child(fit_name(k)));
    if (fits_[k]->n_outputs() != 1)
      throw Error(ErrorCode::kModel, "a learner of quantiles is damaged: quantile {} has {} outputs",
                  quantiles_[k], fits_[k]->n_outputs());
  }
}

std::unique_ptr<Estimator> make_estimator(const std::string& name, const ParamMap& params,
                                          const std::vector<double>& quantiles) {
  if (quantiles.size() < 2 || name == "constant") return make_estimator(name, params);
  return std::make_unique<QuantileLearner>(name, params, quantiles);
}

void sort_rows(std::span<double> values, std::size_t n_quantiles) {
  for (std::size_t begin = 0; begin < values.size(); begin += n_quantiles)
    std::ranges::sort(values.subspan(begin, n_quantiles));
}

}  // namespace kolosal::model
