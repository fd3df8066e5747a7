#pragma once

#include <map>
#include <string>
#include <vector>

#include "kolosal/infer/exporters/exported_model.hpp"
#include "kolosal/infer/exporters/onnx_graph.hpp"

namespace kolosal::infer::exporters {

/// Where the values of a model are in an ONNX graph: numbers are columns of double tensors, levels are
/// tensors (rows x 1, int64) of slots.
class OnnxValues {
 public:
  OnnxValues(const ExportedModel& model, OnnxGraph& graph);

  void set(ValueId id, std::string tensor) { set_range(id, 1, std::move(tensor)); }
  /// Values one after another as the columns of a tensor.
  void set_range(ValueId first, std::size_t n, std::string tensor);
  /// A value as a column of a tensor of `width` columns.
  void set_column(ValueId id, const std::string& tensor, std::size_t column, std::size_t width) {
    places_[id] = {tensor, static_cast<std::int64_t>(column), static_cast<std::int64_t>(width)};
  }
  /// A tensor of numbers, one column each; a level is its code, NaN below 0.
  std::string columns(const std::vector<ValueId>& ids);
  std::string range(ValueId first, std::size_t n);
  const std::string& slots(ValueId id) const { return places_[id].tensor; }
  /// Rows x 1 of something that is there for every row, to take the number of rows from.
  const std::string& any_input() const { return any_input_; }

 private:
  struct Place {
    std::string tensor;
    std::int64_t column = 0;
    std::int64_t width = 1;  // of the tensor
  };
  Place number_place(ValueId id);

  const ExportedModel& model_;
  OnnxGraph& graph_;
  std::vector<Place> places_;
  std::map<ValueId, std::string> codes_;  // levels as numbers
  std::map<std::vector<ValueId>, std::string> made_;
  std::string any_input_;
};

/// Row vectors and element-wise functions that operations are made of.
class OnnxMath {
 public:
  explicit OnnxMath(OnnxGraph& graph) : g_(graph) {}
  std::string row(const std::vector<double>& values) { return g_.row(values); }
  std::string add(const std::string& a, const std::string& b) { return g_.node("Add", {a, b}); }
  std::string sub(const std::string& a, const std::string& b) { return g_.node("Sub", {a, b}); }
  std::string mul(const std::string& a, const std::string& b) { return g_.node("Mul", {a, b}); }
  std::string div(const std::string& a, const std::string& b) { return g_.node("Div", {a, b}); }
  std::string where(const std::string& condition, const std::string& a, const std::string& b) {
    return g_.node("Where", {condition, a, b});
  }
  std::string is_nan(const std::string& x) { return g_.node("IsNaN", {x}); }
  std::string is_not_finite(const std::string& x) {
    return g_.node("Or", {is_nan(x), g_.node("IsInf", {x})});
  }
  /// NaN stays.
  std::string cut(const std::string& x, const std::string& low, const std::string& high);
  std::string sigmoid(const std::string& x);
  std::string logit(const std::string& p);  ///< of p kept away from 0 and 1 as the engine does
  std::string cut_probability(const std::string& p);
  std::string sum(const std::string& x);  ///< over the columns: rows x 1
  std::string through_float(const std::string& x) {
    return g_.cast(g_.cast(x, OnnxType::kFloat), OnnxType::kDouble);
  }
  OnnxGraph& graph() { return g_; }

 private:
  OnnxGraph& g_;
};

}  // namespace kolosal::infer::exporters
