#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace kolosal::model {

/// How a network whose weights are whole numbers computes.
struct MlpQuantization {
  int bits = 0;  ///< Of a weight: 8 or 4; 0: float32, all is computed so.
  /// By layer, the output among them: the largest input, which 127 stands for; greater ones are cut (static).
  /// Empty: each row has the limit of its own numbers (dynamic).
  std::vector<float> limits;

  bool is_on() const { return bits > 0; }
};

/// Weights of a layer (depth x n_columns) as whole numbers times steps. A column has its own step, of 4 bits
/// one for each kQuantizedDepth inputs; the numbers go from -127 to 127, or from -7 to 7. Weights that were
/// rounded so before give the same whole numbers again.
struct QuantizedWeights {
  static constexpr std::size_t kQuantizedDepth = 64;
  std::size_t depth = 0, n_columns = 0;
  int bits = 8;
  std::vector<std::int8_t> numbers;  ///< depth x n_columns
  std::vector<float> steps;          ///< n_groups() x n_columns

  /// Inputs that share the steps of their columns.
  std::size_t group_depth() const { return bits == 8 ? depth : kQuantizedDepth; }
  std::size_t n_groups() const { return depth == 0 ? 0 : (depth + group_depth() - 1) / group_depth(); }
  /// Back, row by row.
  std::vector<float> rounded() const;

  static QuantizedWeights of(std::span<const float> weights, std::size_t depth, std::size_t n_columns,
                             int bits);
};

/// Buffers of QuantizedLayer::add().
struct QuantizedScratch {
  std::vector<std::int8_t> inputs;
  std::vector<std::int32_t> sums;
  std::vector<float> steps;
};

/// A layer that is computed in whole numbers (kernel/integer_products.hpp): its inputs are rounded to 8 bits,
/// the sums are exact, and only the steps are multiplied in float32. The same numbers on every CPU, and for a
/// row whatever rows are around it.
class QuantizedLayer {
 public:
  /// Smaller layers are faster in float32: rounding the inputs and multiplying by the steps cost what the
  /// sums save. Measured on Zen 3 with AVX2 (bench/quantized_products.py): 128 x 128 as fast, 256 x 256 1.4
  /// times (a row alone 1.6 times) as fast.
  static constexpr std::size_t kLeastColumns = 64, kLeastWeights = 32'768;
  static bool pays(std::size_t depth, std::size_t n_columns) {
    return n_columns >= kLeastColumns && depth * n_columns >= kLeastWeights;
  }

  /// limit: of its inputs (static), or 0 (dynamic).
  QuantizedLayer(const QuantizedWeights& weights, float limit);
  /// out (n_rows x n_columns) += x (n_rows x depth) times the weights.
  void add(const float* x, std::size_t n_rows, float* out, QuantizedScratch& scratch) const;

 private:
  void add_rows(const float* x, std::size_t n_rows, float* out, QuantizedScratch& scratch) const;
  void multiply(std::size_t group, const QuantizedScratch& scratch, std::size_t n_rows,
                std::int32_t* sums) const;

  std::size_t depth_, n_columns_, group_depth_, n_groups_;
  int bits_;
  float limit_;
  std::vector<std::int8_t> panels8_;   // group by group
  std::vector<std::uint8_t> panels4_;  // the same of 4 bits
  std::vector<float> steps_;
};

}  // namespace kolosal::model
