#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "kolosal/model/boosting_loss.hpp"
#include "kolosal/model/estimator.hpp"

namespace kolosal::model {

/// What LightGBM's and XGBoost's fits share: rounds one by one, the loss of each on the validation rows,
/// early stopping, the deadline, and the predictions of the best round.
class BoostingFit : public RoundwiseFit {
 public:
  struct Plan {
    std::string learner;  ///< for messages
    std::size_t max_rounds = 0;
    std::size_t patience =
        0;  ///< Rounds without a better loss after which it stops; 0: it never stops early.
    bool keep_best =
        true;  ///< Keep the best round and not the last (only with patience and validation rows).
    std::size_t n_outputs = 1;
    Loss loss;  ///< Of the validation rows, in the learner's unit of the target; without rows: unused.
    double center = 0;  ///< user's unit = center + scale * learner's unit
    double scale = 1;
  };

  explicit BoostingFit(Plan plan);

  bool advance(std::size_t n_rounds, const Context& context) final;
  std::size_t n_rounds_done() const final { return n_done_; }
  const std::vector<double>& valid_losses() const final { return losses_; }
  const FitReport& report() const final { return report_; }

  /// Advances to the end, installs the result: the fit() of a booster.
  FitReport run(const Context& context);

 protected:
  const Plan& plan() const { return plan_; }

  struct Update {
    std::size_t n_rounds;  ///< Rounds the model has now.
    bool finished;         ///< There is nothing left to learn.
  };
  virtual Update update() = 0;
  /// Predictions for the validation rows with all rounds, row by row, after the link, in the learner's unit.
  virtual void predict_valid(std::span<double> out) = 0;
  /// Puts the first n_rounds rounds into the estimator.
  virtual void install(std::size_t n_rounds) = 0;
  /// A guess of what install() takes, in seconds: kept free before the deadline.
  virtual double install_cost_s(std::size_t n_rounds) const = 0;

 private:
  void do_finish() final { install(report_.n_rounds); }
  /// True when the next round would surely end too late.
  bool is_out_of_time(const Context& context) const;
  /// False when the booster can do no more.
  bool do_round();
  void judge();
  void write_report();

  Plan plan_;
  FitReport report_;
  std::size_t n_done_ = 0;
  std::size_t n_best_ = 0;  // rounds up to the best one
  bool ended_ = false;
  std::vector<double> losses_;
  std::vector<double> current_, best_;    // predictions for the validation rows; empty without them
  std::array<double, 4> last_costs_s_{};  // of the last rounds, a ring
};

}  // namespace kolosal::model
