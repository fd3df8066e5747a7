#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kolosal/model/design_matrix.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/model/linear_model.hpp"

namespace kolosal::model {

/// What is the same in all linear learners: the shared table, the choice of a strength on validation rows,
/// prediction, state.
///
/// Strength: with search_strength, fit() tries strength_factors() one after another, each starting from the
/// solution before, and keeps the one with the smallest loss on the validation rows; without such rows it
/// holds out a fifth of the training rows for the choice and then fits on all of them.
class LinearLearner : public Estimator {
 public:
  std::shared_ptr<const Prepared> prepare(const TrainingData& data, const Context& context) const override;
  std::string preparation_key() const override { return LinearTable::kKey; }
  std::vector<double> feature_importance() const override { return importance_; }
  std::unique_ptr<RowEvaluator> row_evaluator() const override;

  /// Solves the same problem at several strengths, keeping its last solution as the start of the next.
  class Solver {
   public:
    struct Step {
      LinearModel model;
      std::size_t n_iterations = 0;
      bool converged = true;
      bool stopped = false;  ///< By the deadline. With n_iterations 0 the model is worth nothing.
    };
    virtual ~Solver() = default;
    virtual Step solve(double strength_factor, const Context& context) = 0;
    virtual std::vector<double> spread() const = 0;  ///< table_deviation() of its design matrix.
    /// Factors to try, in the order that makes each a good start for the next. One: nothing to choose, or it
    /// would cost too much.
    virtual std::vector<double> strength_factors() const = 0;
    /// "C = 0.1": for the leaderboard.
    virtual std::string describe(double strength_factor) const = 0;
  };

 protected:
  virtual std::unique_ptr<Solver> make_solver(const TrainingData& data, const LinearTable& table,
                                              std::span<const std::uint32_t> rows,
                                              const Context& context) const = 0;
  /// Turns raw scores into predictions, in place. Default: leaves them.
  virtual void apply_link(std::span<double> raw) const;
  /// model.predict_raw() of the columns as the model takes them. Default: as they are.
  virtual void predict_raw(const LinearModel& model, const data::Frame& x, std::span<double> out,
                           const Context& context) const;
  /// Loss that chooses the strength. Default: mean_loss().
  virtual double choice_loss(const data::TargetView& y, std::span<const std::uint32_t> rows,
                             std::span<const double> prediction) const;
  /// Of the last fit or load.
  const LinearModel& model() const { return model_; }
  /// Parameters that predicting needs. Default: none.
  virtual void save_more(artifact::Node& node) const;
  virtual void load_more(const artifact::Node& node);

  FitReport do_fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                   const Context& context) final;
  void do_predict(const data::Frame& x, std::span<double> out, const Context& context) const final;
  void do_save(artifact::Node& node) const final;
  void do_load(const artifact::Node& node) final;

 private:
  class Row;
  struct Path {
    LinearModel model;
    std::vector<double> valid_prediction;
    double loss = 0;
    double factor = 1;
    std::size_t n_iterations = 0;
    bool converged = true, stopped = false, chosen = false;
  };
  /// Solves at each factor in turn; the best on the validation rows (without such rows: of the only factor).
  Path fit_path(const TrainingData& data, Solver& solver, const std::vector<double>& factors,
                std::span<const std::uint32_t> valid_rows, const Context& context) const;
  Path fit_all(const TrainingData& data, const LinearTable& table, Solver& solver, RowSplit rows,
               const Context& context) const;
  std::vector<double> predict_rows(const LinearModel& model, const data::Frame& x,
                                   const Context& context) const;

  LinearModel model_;
  std::vector<double> importance_;
};

}  // namespace kolosal::model
