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

/// A model file, opened and ready to predict: of our own, or of another program (importers/), which is told
/// by its content.
///
/// Learners of trees are packed at their first prediction and evaluated by the kernel that is fastest for the
/// number of rows (PackedForest); the results are those of pipeline::Model::predict(), to the byte. The
/// environment variable KOLOSAL_KERNEL names one kernel for all.
/// Threads: predict() is const and safe from many threads.
/// Needs: nothing but the file; the libraries that trained the model are not opened.
class Session {
 public:
  /// @throws Error kNotFound, kIo, kModel (Container::open tells which); kInvalidParameter for a
  /// KOLOSAL_KERNEL that does not exist; kUnsupported for a model of another program that can not be run
  /// here.
  static Session open(const std::filesystem::path& path);
  /// The same from a file that is mapped already; path is for messages.
  static Session open(std::shared_ptr<const artifact::Container> container,
                      const std::filesystem::path& path);

  const pipeline::Model& model() const { return *model_; }
  /// Whether the file is of another program: then it has no container().
  bool is_imported() const { return container_ == nullptr; }
  const artifact::Container& container() const;
  /// Scores, lineage, leaderboard, as they were when the model was made. Of an imported model what its file
  /// tells: "format", "version", "objective", "runs_by", "notes".
  const nlohmann::json& manifest() const { return *manifest_; }

  /// Whether the file names no columns. Then a table must have as many as the model, which are taken by
  /// position, or have those of the model's schema by name.
  bool is_by_position() const { return is_by_position_; }
  /// @throws Error kData when a table with such columns can not be taken by position.
  void check_positions(const std::vector<std::string>& names) const;

  /// Any table with the feature columns, in any order (but see is_by_position()). @throws Error kData
  /// (Schema::conform tells when).
  Prediction predict(const data::Frame& table, const Context& context,
                     data::ConformReport* report = nullptr) const;
  /// The values of predict() alone.
  std::vector<double> values(const data::Frame& table, const Context& context,
                             data::ConformReport* report = nullptr) const;
  /// The model for one row at a time, compiled when it is first asked for.
  const RowPredictor& rows() const;
  /// Packs large forests now, and not when so many rows have come that it pays: for a server, where no call
  /// should wait for it.
  void pack() const { pack_forests(*evaluators_); }
  /// Rows of the training table that the file keeps (pipeline/kept_rows.hpp); mostly nothing.
  /// @throws Error kModel when they are damaged.
  std::optional<data::Frame> kept_rows() const;
  /// How fast each kernel evaluates the trees of each learner that has some, measured now: on the kept rows,
  /// or on rows drawn from the thresholds.
  std::vector<LearnerTimings> time_kernels() const;
  /// n_rows x n_classes probabilities of a prediction; binary models give both. @throws Error kInternal for
  /// regression.
  std::vector<double> probabilities(const Prediction& prediction) const;

 private:
  void read_own(const std::filesystem::path& path, std::shared_ptr<const artifact::Container> mapped);
  void read_foreign(const std::filesystem::path& path);
  /// A table whose columns are taken by position, under the names of the schema.
  data::Frame named(const data::Frame& table) const;

  std::shared_ptr<const artifact::Container> container_;
  bool is_by_position_ = false;
  std::shared_ptr<const pipeline::Model> model_;
  std::shared_ptr<const KernelRows> kernel_rows_;  // null: the file keeps no rows
  std::shared_ptr<const nlohmann::json> manifest_;
  std::shared_ptr<const pipeline::Evaluators> evaluators_;
  struct LazyRows {
    std::once_flag once;
    std::optional<RowPredictor> predictor;
  };
  std::shared_ptr<LazyRows> rows_;
};

}  // namespace kolosal::infer
