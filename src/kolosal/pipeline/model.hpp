#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kolosal/artifact/container.hpp"
#include "kolosal/data/schema.hpp"
#include "kolosal/model/calibrator.hpp"
#include "kolosal/pipeline/conformal.hpp"
#include "kolosal/pipeline/pipeline.hpp"

namespace kolosal::pipeline {

/// One voice of a blend: the pipelines of its folds (their mean is the voice), or a single one.
struct Member {
  std::string name;   ///< "lightgbm small"
  double weight = 1;  ///< Of the voice; the weights of a model sum to 1.
  std::string view;   ///< Which shared view its pipelines read.
  std::vector<Pipeline> pipelines;
};

/// A member whose pipelines are saved already, such as in files of their own. The nodes belong to the caller.
struct SavedMember {
  std::string name;
  double weight = 1;
  std::string view;
  std::vector<const artifact::Node*> pipelines;  ///< What Pipeline::save() made.
};

/// Other ways to evaluate learners of a model; one that is not there predicts by itself.
using Evaluators = std::map<const model::Estimator*, std::unique_ptr<const model::Evaluator>>;

/// A finished model: from a raw table to predictions. What a .kolosal file holds.
///
/// Flow: raw columns -> Schema::conform -> base steps -> the view of each member -> its pipelines -> mean of
/// folds -> weighted mean of members -> calibration.
/// Shapes: predict() writes n_rows x n_outputs, row by row: value, one value per quantile (rising),
/// probability of classes()[1], or one probability per class. Threads: const use is safe from many threads.
class Model {
 public:
  data::Schema schema;
  data::Task task = data::Task::kRegression;
  std::string target;
  std::vector<std::string> classes;  ///< In class-index order; empty for regression.
  std::vector<double> quantiles;     ///< Regression: those that are predicted, rising; empty: the mean.
  transform::Recipe base;            ///< Fitted once; every view starts from its output.
  std::map<std::string, transform::Recipe> views;
  std::vector<Member> members;
  model::Calibrator calibrator;  ///< Of the blended probabilities.
  double threshold = 0.5;        ///< Binary: class 1 is predicted above this probability.
  /// More than two classes: with what probabilities are multiplied before the largest decides; empty: 1 each.
  std::vector<double> decision_weights;
  Conformal conformal;    ///< Of the calibrated validation predictions; empty in older files.
  double target_low = 0;  ///< Regression: predictions are clipped to [low, high].
  double target_high = 0;
  /// Regression: members predict log(1 + value), in whose unit the conformal scores and the range are.
  bool is_log_target = false;

  std::size_t n_outputs() const {
    if (task == data::Task::kMulticlass) return classes.size();
    return quantiles.empty() ? 1 : quantiles.size();
  }

  /// Rows of any table that has the feature columns, by name.
  std::vector<double> predict(const data::Frame& raw, const Context& context,
                              data::ConformReport* report = nullptr, const Evaluators& evaluators = {}) const;

  /// Blended predictions of some rows into the model's, in place: clipped or calibrated.
  void finish(std::span<double> blended) const;

  /// Predictions as a column, as the user's data had them: class names, or numbers (of the quantile nearest
  /// to the median). Another threshold than the model's is for two classes.
  data::Column labels(std::span<const double> prediction, std::optional<double> other_threshold = {}) const;
  /// Of a prediction of regression and a conformal score: the interval's ends.
  std::pair<double, double> interval(double prediction, double score) const;
  /// What a metric of labels is computed of: of two classes the index, by the threshold; of more 1 for the
  /// class that is decided for, and else 0.
  std::vector<double> decisions(std::span<const double> prediction) const;

  /// Adds the blocks "model", "schema", "base", "view/<name>", "member/<i>/<k>" and, when there are scores,
  /// "conformal".
  void save(artifact::ContainerWriter& writer) const;
  /// The same file, of a model without members and these: their arrays are neither read nor copied.
  void save_with(const std::vector<SavedMember>& saved, artifact::ContainerWriter& writer) const;
  static Model load(const artifact::Container& container);
  static Model open(const std::filesystem::path& path) { return load(artifact::Container::open(path)); }
};

}  // namespace kolosal::pipeline
