#include "kolosal/model/discrete_naive_bayes.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/model/link_functions.hpp"
#include "kolosal/model/training_rows.hpp"

namespace kolosal::model {

class DiscreteNaiveBayes::CountingSolver final : public LinearLearner::Solver {
 public:
  CountingSolver(const DiscreteNaiveBayes& learner, const TrainingData& data, const LinearTable& table,
                 std::span<const std::uint32_t> rows)
      : learner_(learner), data_(data), table_(table) {
    counts_.n_features = table.feature_of.size();
    counts_.n_classes = std::max<std::size_t>(2, data.y.n_outputs());
    counts_.weight.assign(counts_.n_classes, 0.0);
    counts_.sum.assign(counts_.n_features * counts_.n_classes, 0.0);
    square_.assign(counts_.n_features, 0.0);
    mean_target(data.y, rows);  // refuses rows without weight
    for (std::size_t c = 0; c < table.map.first.size(); ++c)
      column_of_.insert(column_of_.end(), static_cast<std::size_t>(table.map.n_slots[c]), c);
    for (const std::uint32_t row : rows) add(row);
  }

  Step solve(double, const Context& context) override {
    Step step;
    step.stopped = context.should_stop();
    if (step.stopped) return step;
    step.n_iterations = 1;
    LogProbabilities log_p = learner_.log_probabilities(counts_);
    double total = 0;
    for (const double weight : counts_.weight) total += weight;
    for (std::size_t k = 0; k < counts_.n_classes && learner_.fit_prior_; ++k)
      log_p.intercept[k] += std::log(std::max(counts_.weight[k] / total, 1e-12));
    step.model = model_of(log_p);
    return step;
  }

  std::vector<double> spread() const override {
    double total = 0;
    for (const double weight : counts_.weight) total += weight;
    std::vector<double> out(counts_.n_features);
    for (std::size_t j = 0; j < out.size(); ++j) {
      double mean = 0;
      for (std::size_t k = 0; k < counts_.n_classes; ++k)
        mean += counts_.sum[j * counts_.n_classes + k] / total;
      out[static_cast<std::size_t>(table_.feature_of[j])] =
          std::sqrt(std::max(0.0, square_[j] / total - mean * mean));
    }
    return out;
  }

  std::vector<double> strength_factors() const override { return {1.0}; }
  std::string describe(double) const override { return {}; }

 private:
  void add(std::uint32_t row) {
    const double weight = data_.y.weight(row);
    const auto k = static_cast<std::size_t>(data_.y.values[row]);
    counts_.weight[k] += weight;
    const auto add_cell = [&](std::size_t j, double cell) {
      const auto feature = static_cast<std::size_t>(table_.feature_of[j]);
      const std::size_t column = column_of_[feature];
      const bool is_level = table_.map.kind[column] == FeatureMap::Kind::kCategory;
      const double count = is_level ? cell : learner_.count_of(cell, data_.x->name(column));
      counts_.sum[j * counts_.n_classes + k] += weight * count;
      square_[j] += weight * count * count;
    };
    for (std::size_t j = 0; j < table_.n_dense; ++j) add_cell(j, table_.dense[row * table_.n_dense + j]);
    for (auto at = static_cast<std::size_t>(table_.offsets[row]);
         at < static_cast<std::size_t>(table_.offsets[row + 1]); ++at)
      add_cell(static_cast<std::size_t>(table_.indices[at]), table_.values[at]);
  }

  /// Two classes: their difference is the log odds.
  LinearModel model_of(const LogProbabilities& log_p) const {
    const std::size_t k = counts_.n_classes, n_outputs = data_.y.n_outputs();
    LinearModel model;
    model.features = table_.map;
    model.n_outputs = n_outputs;
    model.coefficient.resize(counts_.n_features * n_outputs);
    const auto write = [&](const double* from, double* to) {
      if (n_outputs == 1)
        to[0] = from[1] - from[0];
      else
        std::copy_n(from, k, to);
    };
    for (std::size_t j = 0; j < counts_.n_features; ++j)
      write(log_p.coefficient.data() + j * k,
            model.coefficient.data() + static_cast<std::size_t>(table_.feature_of[j]) * n_outputs);
    model.intercept.resize(n_outputs);
    write(log_p.intercept.data(), model.intercept.data());
    return model;
  }

  const DiscreteNaiveBayes& learner_;
  TrainingData data_;
  const LinearTable& table_;
  std::vector<std::size_t> column_of_;  // by feature of the map
  Counts counts_;
  std::vector<double> square_;  // by feature: weight * count^2
};

std::unique_ptr<LinearLearner::Solver> DiscreteNaiveBayes::make_solver(const TrainingData& data,
                                                                       const LinearTable& table,
                                                                       std::span<const std::uint32_t> rows,
                                                                       const Context&) const {
  return std::make_unique<CountingSolver>(*this, data, table, rows);
}

void DiscreteNaiveBayes::apply_link(std::span<double> raw) const {
  scores_to_probabilities(raw, n_outputs());
}

}  // namespace kolosal::model
