#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "kolosal/artifact/container.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/infer/quantization/quantizer.hpp"

namespace kolosal::infer {

/// What became of the arrays of one kind.
struct QuantizedPart {
  std::string name;  ///< "leaf values", "thresholds", ...
  std::string how;   ///< "int8, a step per 64", "table"
  std::size_t n_numbers = 0;
  std::size_t bytes_before = 0, bytes_after = 0;
  double squared_error = 0;            ///< a sum
  std::string computed = "as before";  ///< "whole numbers, 2 of 3 layers": what predictions compute with
};

/// Numbers that share a step.
inline constexpr std::size_t kQuantizedBlock = 64;

struct ModelQuantization {
  QuantizedType type = QuantizedType::kInt8;
  /// Rows as pipeline::Model::predict() takes them. Where a learner computes in whole numbers, the ranges of
  /// what it reads are found on them, by `rule` (static); null: of each row, by its own numbers (dynamic).
  const data::Frame* calibration = nullptr;
  RangeRule rule = RangeRule::kMinMax;
};

/// The file of a model whose learners are stored in fewer bytes: leaf values of trees, coefficients and
/// stored rows of neighbours as `type`, each block of kQuantizedBlock numbers with its own step; thresholds
/// by a table of the different ones, and the structure of trees, exactly. All else stays. What is read back
/// are the rounded numbers, and learners compute with them as with others.
///
/// Networks: as int8 and int4 a step for each output of a layer (model::QuantizedWeights), and layers are
/// computed in whole numbers where that pays (model::QuantizedLayer). As int16 and float16 like coefficients.
/// @throws Error kUnsupported for uint8 and bfloat16, which model files do not hold.
std::vector<std::byte> quantize_model(const artifact::Container& model, const ModelQuantization& options,
                                      std::vector<QuantizedPart>& parts);
inline std::vector<std::byte> quantize_model(const artifact::Container& model, QuantizedType type,
                                             std::vector<QuantizedPart>& parts) {
  return quantize_model(model, ModelQuantization{.type = type}, parts);
}

}  // namespace kolosal::infer
