#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/infer/quantization/quantized_model.hpp"
#include "kolosal/io/table_reader.hpp"

namespace kolosal::service {

/// "int8", ...: what quantize_file() can store.
const std::vector<std::string>& quantized_types();
/// "dynamic", "min_max", ...: how the ranges of what layers of networks read are found.
const std::vector<std::string>& activation_ranges();

struct QuantizeRequest {
  std::filesystem::path model;
  std::filesystem::path data;  ///< Rows with targets, on which the cost is measured; empty: the kept rows.
  std::filesystem::path output;
  std::string type = "int8";
  double max_loss = 0.001;  ///< Most that the metric may get worse, in its own unit.
  std::string metric;       ///< Empty: the one that the model was trained for.
  std::string activations = "dynamic";
  io::ReadOptions read;
};

struct QuantizeReport {
  std::string type, metric;
  double score_before = 0, score_after = 0;
  double loss = 0;  ///< By how much the metric is worse; below 0: better.
  double max_loss = 0;
  std::size_t n_rows = 0;
  std::size_t bytes_before = 0, bytes_after = 0;       ///< of the files
  double us_per_row_before = 0, us_per_row_after = 0;  ///< of processor time, many rows at once
  double us_one_row_before = 0, us_one_row_after = 0;  ///< the same one at a time
  double largest_change = 0;                           ///< of a prediction
  std::vector<infer::QuantizedPart> parts;
};

nlohmann::json to_json(const QuantizeReport& report);

/// Stores a model in fewer bytes (infer::quantize_model) and measures what that costs. The rows are read
/// once, and held in memory.
/// @throws Error kData of evaluate_file(); kUsage without data when the model keeps no rows; kUnsupported
/// when the metric gets worse by more than max_loss: nothing is written then.
QuantizeReport quantize_file(const QuantizeRequest& request, const Context& context);

}  // namespace kolosal::service
