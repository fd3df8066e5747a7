#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kolosal/infer/importers/imported_model.hpp"
#include "kolosal/infer/importers/onnx_graph.hpp"
#include "kolosal/infer/importers/onnx_labels.hpp"
#include "kolosal/infer/importers/onnxruntime_api.hpp"

namespace kolosal::infer {

inline constexpr const char* kHowToInstall =
    "Install it (pip install onnxruntime) and let KOLOSAL_ONNXRUNTIME name its file "
    "onnxruntime/capi/libonnxruntime.so.*";

/// The library ONNX Runtime, opened when the first model needs it, and its environment. Of the file that
/// KOLOSAL_ONNXRUNTIME names, else libonnxruntime.so.1 where libraries are looked for.
class OnnxRuntime {
 public:
  /// @throws Error kUnsupported telling where it was looked for and how to install it.
  static const OnnxRuntime& get();
  /// Why it can not be used; empty: it can.
  static std::string unavailable();

  const std::string& version() const { return version_; }
  ort::Env* env() const { return env_; }
  ort::Table table() const { return table_; }
  ort::MemoryInfo* memory() const { return memory_; }
  ort::Allocator* allocator() const { return allocator_; }

  template <typename Function, typename... Arguments>
  void call(const Function& function, Arguments... arguments) const {
    check(function(table_, arguments...));
  }
  /// @throws Error kUnsupported with the library's message, kMemory when it says that memory is used up.
  void check(ort::StatusPointer status) const;

 private:
  OnnxRuntime();

  ort::Table table_ = nullptr;
  std::string version_;
  ort::Env* env_ = nullptr;  // to the end of the process
  ort::MemoryInfo* memory_ = nullptr;
  ort::Allocator* allocator_ = nullptr;
};

/// A graph that ONNX Runtime runs.
///
/// Threads: one for each block of rows, by the caller's Context; the library starts none of its own.
/// Memory:  at most the limit that a run has by default on this machine, for all graphs together; rows go in
///          blocks, and what a block took is given back.
/// Notes:   columns that they name (OnnxNotes) are dates or timestamps, which go in as seconds; several
/// numbers are
///          the quantiles that they tell.
struct RuntimeGraph {
  std::unique_ptr<model::Estimator> learner;
  ImportedColumns columns;
  bool by_position = false;
  data::Task task = data::Task::kRegression;
  std::vector<std::string> classes;
  LabelRule rule;
  std::vector<double> quantiles;
  std::string runs_by;  ///< "ONNX Runtime 1.31.1"
};
/// @throws Error kUnsupported when the library is absent or can not run the graph, or when what the graph
/// gives is no prediction: no numbers, or several that are no probabilities.
RuntimeGraph run_by_onnx_runtime(const OnnxModel& model, std::span<const std::byte> file);

/// What a graph gives for some rows.
struct GraphOutput {
  std::vector<double> scores;  ///< n_rows x width: the output of numbers
  std::size_t width = 0;
  std::vector<std::string> labels;  ///< empty when it gives none
};
/// Runs a graph once, whatever its numbers mean. rows: a table with its inputs as columns, by name.
/// @throws Error as above, kData when a column is absent or of another type.
GraphOutput run_graph(const OnnxModel& model, std::span<const std::byte> file, const data::Frame& rows);

}  // namespace kolosal::infer
