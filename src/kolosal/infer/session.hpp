#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/artifact/container.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/data/schema.hpp"
#include "kolosal/infer/row_predictor.hpp"
#include "kolosal/infer/served_forests.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::infer {

/// What a model says about some rows.
struct Prediction {
  std::size_t n_outputs = 1;
  std::vector<double> values;  ///< n_rows x n_outputs, row by row (Estimator::predict() tells what they are)
  data::Column labels;         ///< class names as they were in the data, or the values
};

/// A model file, opened and ready to predict.
///
/// Learners of trees are packed at their first prediction and evaluated by the kernel that is fastest for the
/// number of rows (PackedForest); the results are those of pipeline::Model::predict(), to the byte. The
/// environment variable KOLOSAL_KERNEL names one kernel for all.
/// Threads: predict() is const and safe from many threads.
/// Needs: nothing but the file; the libraries that trained the model are not opened.
class Session {
 public:
  /// @throws Error kNotFound, kIo, kModel (Container::open tells which); kInvalidParameter for a
  /// KOLOSAL_KERNEL that does not exist.
  static Session open(const std::filesystem::path& path);
  /// The same from a file that is mapped already; path is for messages.
  static Session open(std::shared_ptr<const artifact::Container> container,
                      const std::filesystem::path& path);

  const pipeline::Model& model() const { return *model_; }
  const artifact::Container& container() const { return *container_; }
  /// Scores, lineage, leaderboard, as they were when the model was made.
  const nlohmann::json& manifest() const { return *manifest_; }

  /// Any table with the feature columns, in any order. @throws Error kData (Schema::conform tells when).
  Prediction predict(const data::Frame& table, const Context& context,
                     data::ConformReport* report = nullptr) const;
  /// The model for one row at a time, compiled when it is first asked for.
  const RowPredictor& rows() const;
  /// How fast each kernel evaluates the trees of each learner that has some, measured now.
  std::vector<LearnerTimings> time_kernels() const;
  /// n_rows x n_classes probabilities of a prediction; binary models give both. @throws Error kInternal for
  /// regression.
  std::vector<double> probabilities(const Prediction& prediction) const;

 private:
  std::shared_ptr<const artifact::Container> container_;
  std::shared_ptr<const pipeline::Model> model_;
  std::shared_ptr<const nlohmann::json> manifest_;
  std::shared_ptr<const pipeline::Evaluators> evaluators_;
  struct LazyRows {
    std::once_flag once;
    std::optional<RowPredictor> predictor;
  };
  std::shared_ptr<LazyRows> rows_;
};

}  // namespace kolosal::infer
