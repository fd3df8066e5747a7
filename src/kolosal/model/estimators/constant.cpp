#include <algorithm>

#include "kolosal/core/error.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/model/training_rows.hpp"

namespace kolosal::model {
namespace {

/// The smallest value that at least this share of the weight does not exceed.
std::vector<double> quantiles_of(const data::TargetView& y, std::span<const std::uint32_t> rows) {
  std::vector<std::uint32_t> order(rows.begin(), rows.end());
  std::ranges::stable_sort(order, {}, [&](std::uint32_t row) { return y.values[row]; });
  double total = 0;
  for (const std::uint32_t row : order) total += y.weight(row);
  if (!(total > 0))
    throw Error(ErrorCode::kData, "the {} training rows have a total weight of {}", rows.size(), total);
  std::vector<double> out;
  std::size_t at = 0;
  double below = 0;
  for (const double quantile : y.quantiles) {
    while (at + 1 < order.size() && below + y.weight(order[at]) < quantile * total)
      below += y.weight(order[at++]);
    out.push_back(y.values[order[at]]);
  }
  return out;
}

/// Predicts the weighted mean of the target, its quantiles where they are wanted, or the weighted share of
/// each class, whatever the row holds: what every other learner must beat. Takes any column, since it reads
/// none.
class Constant final : public Estimator {
 public:
  std::unique_ptr<RowEvaluator> row_evaluator() const override { return std::make_unique<Row>(*this); }

 protected:
  FitReport do_fit(const TrainingData& data, const Prepared*, RowSplit rows, const Context&) override {
    value_ = data.y.quantiles.empty() ? mean_target(data.y, rows.train) : quantiles_of(data.y, rows.train);
    FitReport report;
    report.valid_prediction.resize(rows.valid.size() * value_.size());
    fill(report.valid_prediction);
    return report;
  }

  void do_predict(const data::Frame&, std::span<double> out, const Context&) const override { fill(out); }

  void do_save(artifact::Node& node) const override { node.set_array("value", value_); }

  void do_load(const artifact::Node& node) override {
    value_ = node.get_vector<double>("value");
    if (value_.size() != n_outputs())
      throw Error(ErrorCode::kModel, "a constant model is damaged: {} values for {} outputs", value_.size(),
                  n_outputs());
  }

 private:
  class Row final : public RowEvaluator {
   public:
    explicit Row(const Constant& constant) : constant_(constant) {}
    void predict(std::span<const data::RowCell>, std::span<double> out) const override {
      constant_.fill(out);
    }

   private:
    const Constant& constant_;
  };

  void fill(std::span<double> out) const {
    for (std::size_t i = 0; i < out.size(); i += value_.size())
      std::copy(value_.begin(), value_.end(), out.begin() + static_cast<std::ptrdiff_t>(i));
  }

  std::vector<double> value_;  // n_outputs
};

struct ConstantParams {};

}  // namespace

EstimatorInfo constant_info() {
  EstimatorInfo info;
  info.name = "constant";
  info.summary = "Predict the mean of the target, or the share of each class: the baseline.";
  info.tasks = {data::Task::kBinary, data::Task::kMulticlass, data::Task::kRegression};
  info.handles_missing = info.handles_categories = info.handles_sparse = true;
  info.make = [](const ParamMap& params) -> std::unique_ptr<Estimator> {
    ParamTable<ConstantParams>().read(params, "constant");
    return std::make_unique<Constant>();
  };
  return info;
}

}  // namespace kolosal::model
