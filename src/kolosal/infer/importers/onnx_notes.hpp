#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/data/column.hpp"
#include "kolosal/infer/importers/onnx_graph.hpp"

namespace kolosal::infer {

/// What a graph that this program wrote tells beside its operators: JSON among the file's metadata. Other
/// programs look over it.
struct OnnxNotes {
  static constexpr std::string_view kKey = "kolosal";

  std::vector<double> quantiles;  ///< that the outputs are; empty: a mean, or classes
  /// Columns whose inputs are seconds, and what they were in the table: date or timestamp.
  std::map<std::string, data::ColumnType, std::less<>> moments;
  /// Rows that are best run at a time, for their memory; 0: any number.
  std::size_t block_rows = 0;

  bool is_empty() const { return quantiles.empty() && moments.empty() && block_rows == 0; }
  std::string text() const;
  /// Of a graph of another program: nothing. @throws Error kModel when they are damaged.
  static OnnxNotes of(const OnnxModel& model);
};

}  // namespace kolosal::infer
