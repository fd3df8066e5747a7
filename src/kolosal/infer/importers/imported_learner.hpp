#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kolosal/infer/forest/packed_forest.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/model/forest.hpp"
#include "kolosal/model/linear_leaves.hpp"

namespace kolosal::infer {

/// What a learner made from another program's file reads and gives.
struct LearnerShape {
  data::Task task = data::Task::kRegression;
  std::size_t n_outputs = 1;
  std::vector<std::string> names;       ///< of its columns
  std::vector<data::ColumnType> types;  ///< kFloat64 or kCategory
};

/// What is done to each number of a row before the learner, as ONNX does it: in float32.
struct InputStep {
  enum class Kind : std::uint8_t {
    kRound,   ///< to float32
    kScale,   ///< (x - offset) * scale
    kImpute,  ///< where x is `replaced` (NaN: where it is missing): offset
  };
  Kind kind = Kind::kRound;
  std::vector<float> offset, scale;  ///< one per column
  float replaced = 0;
};

/// What is done to the raw sums of a row.
enum class PostTransform : std::uint8_t {
  kSigmoid,
  kSoftmax,
  kSoftmaxZero,   ///< Softmax of those that are not 0; the others stay 0.
  kProbit,        ///< The normal distribution's quantile.
  kSoftplus,      ///< log(1 + exp(x))
  kSignedSquare,  ///< x * |x|
  kExp,
  kShares,  ///< Divided by the sum of their absolute values.
};
void apply(PostTransform transform, std::span<double> row);

/// A learner that came fitted from another program's file: it predicts, and can be neither fitted nor saved.
///
/// Flow: numbers of a row -> input steps -> raw sums (what the subclass does) -> post transforms -> outputs:
/// all, or of two classes with two sums the second.
/// Missing: missing and unseen categories are NaN, as missing numbers are.
/// Threads: predict() is const and safe from many threads.
class ImportedLearner : public model::Estimator {
 public:
  std::vector<InputStep> steps;
  std::vector<PostTransform> posts;

  std::unique_ptr<model::RowEvaluator> row_evaluator() const override;

 protected:
  explicit ImportedLearner(LearnerShape shape);
  const LearnerShape& shape() const { return shape_; }
  std::size_t n_features() const { return shape_.names.size(); }
  virtual std::size_t n_raw() const = 0;
  /// rows: n x n_features, row by row. out: n x n_raw, row by row.
  virtual void raw_sums(const double* rows, std::size_t n, std::span<double> out) const = 0;

 private:
  class Row;
  void predict_rows(std::span<double> rows, std::size_t n, std::span<double> out,
                    std::vector<double>& raw) const;
  model::FitReport do_fit(const model::TrainingData&, const model::Prepared*, model::RowSplit,
                          const Context&) override;
  void do_predict(const data::Frame& x, std::span<double> out, const Context& context) const override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node&) override {}

  LearnerShape shape_;
};

/// Trees, evaluated by the kernels of PackedForest; with linear leaves from the root, tree by tree.
class ImportedForest final : public ImportedLearner {
 public:
  ImportedForest(LearnerShape shape, model::Forest forest, model::LinearLeaves leaves = {});

  const model::Forest& forest() const { return forest_; }
  /// Only where the forest is all there is.
  const model::Forest* trees() const override;

 private:
  std::size_t n_raw() const override { return static_cast<std::size_t>(forest_.n_outputs); }
  void raw_sums(const double* rows, std::size_t n, std::span<double> out) const override;

  model::Forest forest_;
  model::LinearLeaves leaves_;
  std::vector<double> divisors_;
  mutable std::once_flag once_;
  mutable std::optional<PackedForest> packed_;
};

/// raw[k] = intercept[k] + sum over the columns of x * coefficient[column * n_raw + k].
class ImportedLinear final : public ImportedLearner {
 public:
  /// is_missing_zero: a missing number counts as 0; else the raw sums of such a row are NaN.
  ImportedLinear(LearnerShape shape, std::vector<double> coefficient, std::vector<double> intercept,
                 bool is_missing_zero);

 private:
  std::size_t n_raw() const override { return intercept_.size(); }
  void raw_sums(const double* rows, std::size_t n, std::span<double> out) const override;

  std::vector<double> coefficient_;  // n_features x n_raw
  std::vector<double> intercept_;    // n_raw
  bool is_missing_zero_;
};

}  // namespace kolosal::infer
