#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "kolosal/artifact/container.hpp"
#include "kolosal/infer/quantization/quantizer.hpp"

namespace kolosal::infer {

/// What became of the arrays of one kind.
struct QuantizedPart {
  std::string name;  ///< "leaf values", "thresholds", ...
  std::string how;   ///< "int8, a step per 64", "table"
  std::size_t n_numbers = 0;
  std::size_t bytes_before = 0, bytes_after = 0;
  double squared_error = 0;  ///< a sum
};

/// Numbers that share a step.
inline constexpr std::size_t kQuantizedBlock = 64;

/// The file of a model whose learners are stored in fewer bytes: leaf values of trees, coefficients, weights
/// of networks and stored rows of neighbours as `type`, each block of kQuantizedBlock numbers with its own
/// step; thresholds by a table of the different ones, and the structure of trees, exactly. All else stays.
/// What is read back are the rounded numbers: learners and kernels are the same.
/// @throws Error kUnsupported for uint8 and bfloat16, which model files do not hold.
std::vector<std::byte> quantize_model(const artifact::Container& model, QuantizedType type,
                                      std::vector<QuantizedPart>& parts);

}  // namespace kolosal::infer
