#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/infer/importers/imported_model.hpp"
#include "kolosal/infer/importers/onnx_graph.hpp"
#include "kolosal/infer/importers/onnx_native.hpp"
#include "kolosal/infer/importers/onnx_notes.hpp"
#include "kolosal/infer/importers/onnx_runtime.hpp"

namespace kolosal::infer {

ImportedModel import_onnx(std::span<const std::byte> file) {
  const OnnxModel model = read_onnx(file);
  ImportedModel out;
  std::string reason;
  const auto version = model.opsets.find("");
  out.about = {{"version", version == model.opsets.end() ? "" : fmt::format("opset {}", version->second)}};
  if (!model.producer.empty()) out.about["producer"] = model.producer;
  if (auto native = convert_graph(model, reason)) {
    out.by_position = native->by_position;
    out.about["runs_by"] = "kolosal";
    if (native->n_trees > 0) {
      out.about["trees"] = native->n_trees;
      out.about["leaves"] = native->n_leaves;
    }
    out.model = single_learner_model(native->columns, native->task, native->classes, "onnx",
                                     pipeline::Pipeline("onnx", std::move(native->learner)));
    if (const OnnxNotes notes = OnnxNotes::of(model);
        notes.quantiles.size() == 1 && out.model.task == data::Task::kRegression)
      out.model.quantiles = notes.quantiles;
    return out;
  }
  RuntimeGraph graph = [&] {
    try {
      return run_by_onnx_runtime(model, file);
    } catch (const Error& error) {
      throw Error(error.code(), "{} (it is not run without ONNX Runtime because of {})", error.what(),
                  reason);
    }
  }();
  out.by_position = graph.by_position;
  out.about["runs_by"] = graph.runs_by;
  out.about["notes"].push_back(fmt::format("it is run by ONNX Runtime because of {}", reason));
  out.model = single_learner_model(graph.columns, graph.task, graph.classes, "onnx",
                                   pipeline::Pipeline("onnx", std::move(graph.learner)));
  out.model.threshold = graph.rule.threshold;
  out.model.decision_weights = graph.rule.weights;
  out.model.quantiles = graph.quantiles;
  return out;
}

}  // namespace kolosal::infer
