#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/data/row_cell.hpp"
#include "kolosal/data/target.hpp"

namespace kolosal::model {

/// A table as learners see it: numeric, category and sparse columns (text and time columns have become such
/// before), and the target of every row.
struct TrainingData {
  const data::Frame* x = nullptr;
  data::TargetView y;
};

/// Row numbers, ascending, without repeats. valid may be empty: then nothing stops early.
struct RowSplit {
  std::span<const std::uint32_t> train;
  std::span<const std::uint32_t> valid;
};

/// A learner's own form of a table (binned columns, a booster's data set), made once and shared by all fits
/// on that table: folds, parameter sets, threads. Immutable.
class Prepared {
 public:
  virtual ~Prepared() = default;
};

/// What a fit did, beside the fitted state.
struct FitReport {
  /// Predictions for rows.valid, n_valid x n_outputs, row by row: of the round that was kept, from the
  /// learner itself.
  std::vector<double> valid_prediction;
  std::size_t n_rounds =
      0;  ///< Rounds kept (boosters: the best round; others: trees or iterations; 0 = none).
  bool stopped_by_deadline =
      false;         ///< The deadline or a cancellation ended it; the state is usable all the same.
  std::string note;  ///< For the leaderboard: "did not converge in 200 iterations". Often empty.
};

class Estimator;
struct Forest;

/// Another way to compute what an estimator's predict() computes, made for serving (infer).
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  /// x: exactly the columns of the estimator, in its order and of its types. Safe from many threads.
  virtual void predict(const data::Frame& x, std::span<double> out, const Context& context) const = 0;
};

/// A fitted estimator for one row, without a frame (Estimator::row_evaluator()). The estimator must outlive
/// it.
class RowEvaluator {
 public:
  virtual ~RowEvaluator() = default;
  /// row: cells of feature_names(). out: n_outputs() numbers, those of Estimator::predict() to the byte. Safe
  /// from many threads. @throws Error as predict() does.
  virtual void predict(std::span<const data::RowCell> row, std::span<double> out) const = 0;
};

/// A fit that can pause: a search advances it some rounds, compares, and goes on with the promising ones.
/// What Estimator::fit() of a booster does, cut into pieces; the pieces make no difference to the result.
///
/// Threads: one thread at a time, not always the same one. It holds what it needs of the data, the
/// preparation and the rows; only the estimator that began it must outlive it.
class RoundwiseFit {
 public:
  virtual ~RoundwiseFit() = default;
  /// Up to n_rounds more rounds, until context's deadline. False when no further round would be of use: early
  /// stopping, the cap on rounds, nothing left to split.
  /// @throws Error kBudget when the deadline came before the first round.
  virtual bool advance(std::size_t n_rounds, const Context& context) = 0;
  /// Rounds done so far, kept or not.
  virtual std::size_t n_rounds_done() const = 0;
  /// Loss on rows.valid after each round (log loss, squared error, ...: what early stopping looks at); empty
  /// without them.
  virtual const std::vector<double>& valid_losses() const = 0;
  /// As fit() would return it if this were the end.
  virtual const FitReport& report() const = 0;
  /// Makes the estimator a fitted one, of the rounds that report() keeps. May be called again after a further
  /// advance().
  FitReport finish();

 protected:
  virtual void do_finish() = 0;

 private:
  friend class Estimator;
  Estimator* owner_ = nullptr;
};

/// A learner and its fitted state.
///
/// Shapes:  predict() writes n_rows x n_outputs doubles, row by row: the value (regression), the probability
/// of class 1
///          (binary), one probability per class (multiclass; they sum to 1).
/// Missing: learners with handles_missing take NaN, kMissingCode and kUnseenCode; others get imputed columns
///          and must refuse NaN with kData.
/// Stops:   fit() polls context.should_stop() at least every 50 ms or once a round, and then returns what it
/// has. When not
///          even one round fitted, it throws Error kBudget.
/// Threads: predict() is const and safe from many threads. fit() uses at most context.n_threads threads.
/// Same seed and data, same bytes: for any n_threads.
class Estimator {
 public:
  virtual ~Estimator() = default;

  /// The shared form of a table for this learner; null when it has none. Two estimators whose
  /// preparation_key() is equal may share it.
  virtual std::shared_ptr<const Prepared> prepare(const TrainingData& data, const Context& context) const;
  /// Learner name and those parameters that shape the preparation ("lightgbm/max_bin=255").
  virtual std::string preparation_key() const { return {}; }

  /// prepared: of prepare() on the same data, or null (then it is made inside).
  FitReport fit(const TrainingData& data, const Prepared* prepared, RowSplit rows, const Context& context);
  /// The same in pieces; null when the learner has no rounds. context gives the seed and the threads of the
  /// whole fit.
  std::unique_ptr<RoundwiseFit> begin(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                                      const Context& context);
  /// evaluator: computes the prediction in place of the learner, after the same checks; null: the learner.
  void predict(const data::Frame& x, std::span<double> out, const Context& context,
               const Evaluator* evaluator = nullptr) const;

  /// The trees whose Forest::predict() is all that predict() does; null when the learner is none of trees.
  virtual const Forest* trees() const { return nullptr; }

  /// The way for one row at a time; null when there is none but predict().
  virtual std::unique_ptr<RowEvaluator> row_evaluator() const { return nullptr; }

  std::size_t n_outputs() const { return n_outputs_; }
  data::Task task() const { return task_; }
  bool is_fitted() const { return fitted_; }
  /// Names of the columns it was fitted on, in order.
  const std::vector<std::string>& feature_names() const { return feature_names_; }
  /// Their types.
  const std::vector<data::ColumnType>& feature_types() const { return feature_types_; }
  /// One non-negative number per feature, summing to 1; empty when the learner has none.
  virtual std::vector<double> feature_importance() const { return {}; }

  void save(artifact::Node& node) const;
  void load(const artifact::Node& node);

 protected:
  virtual FitReport do_fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                           const Context& context) = 0;
  /// Default: null.
  virtual std::unique_ptr<RoundwiseFit> do_begin(const TrainingData& data, const Prepared* prepared,
                                                 RowSplit rows, const Context& context);
  /// x holds exactly feature_names(), in that order, with the types seen in fit.
  virtual void do_predict(const data::Frame& x, std::span<double> out, const Context& context) const = 0;
  virtual void do_save(artifact::Node& node) const = 0;
  virtual void do_load(const artifact::Node& node) = 0;

 private:
  friend class RoundwiseFit;
  void start(const TrainingData& data, RowSplit rows);

  std::vector<std::string> feature_names_;
  std::vector<data::ColumnType> feature_types_;
  data::Task task_ = data::Task::kRegression;
  std::size_t n_outputs_ = 1;
  bool fitted_ = false;
};

/// What the registry knows of a learner.
struct EstimatorInfo {
  std::string name;     ///< scikit-learn's or the library's name in snake_case: "random_forest"
  std::string summary;  ///< One sentence.
  std::vector<data::Task> tasks;
  bool handles_missing = false;     ///< NaN and missing codes go in as they are.
  bool handles_categories = false;  ///< Category columns go in as they are.
  bool handles_sparse = false;      ///< Sparse columns go in as they are.
  bool needs_nonnegative = false;   ///< Numbers are counts: a negative one is refused with kData.
  bool has_rounds = false;          ///< Fits round by round, with early stopping on rows.valid.
  std::vector<ParamSpec> params;
  std::function<std::unique_ptr<Estimator>(const ParamMap&)> make;
  /// Why it can not be used on this machine ("liblightgbm not found in ..."); empty: it can.
  std::function<std::string()> unavailable = [] { return std::string(); };
};

/// For x_info(): completes an entry with the parameters of a learner whose constructor takes its parameter
/// struct.
template <typename T, typename P>
EstimatorInfo describe(EstimatorInfo info, ParamTable<P> table) {
  info.params = table.specs();
  info.make = [table = std::move(table),
               name = info.name](const ParamMap& params) -> std::unique_ptr<Estimator> {
    return std::make_unique<T>(table.read(params, name));
  };
  return info;
}

/// All learners, by name. The folder estimators/ is the list.
const std::vector<EstimatorInfo>& estimators();
/// @throws Error kInvalidParameter with the nearest name.
const EstimatorInfo& estimator_info(std::string_view name);
std::unique_ptr<Estimator> make_estimator(std::string_view name, const ParamMap& params = {});

}  // namespace kolosal::model
