#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/target.hpp"
#include "kolosal/kernel/float_products.hpp"
#include "kolosal/kernel/network_ops.hpp"
#include "kolosal/model/mlp_network.hpp"

namespace kolosal::model {

/// Targets of the training rows in the network's unit: standardized numbers or classes.
struct MlpTarget {
  data::Task task = data::Task::kRegression;
  std::vector<float> values;
  std::vector<float> weights;  ///< Of mean 1; empty: all 1.
};

struct MlpTrainingOptions {
  double learning_rate = 3e-3;  ///< The largest one of the cycle.
  double weight_decay = 0.01;
  double dropout = 0.15;
  std::size_t batch_size = 256;
  std::size_t n_epochs = 12;
  std::uint64_t seed = 0;
  /// Products of the hidden layers of numbers rounded to bfloat16 (kernel/bf16_products.hpp), summed in
  /// float32. Weights, what the optimizer keeps, norms, the output layer and sparse features stay in float32.
  bool in_bf16 = false;
};

/// Turns outputs into probabilities in place (classes); leaves numbers.
void apply_mlp_link(data::Task task, std::size_t n_outputs, std::span<float> outputs);

/// Trains a network by AdamW on batches of rows, the learning rate going through one cycle over all epochs
/// (Smith and Topin, 2019): from a 25th up to the largest one in 30 % of the steps, then down to nothing,
/// both along a cosine.
///
/// Loss: half the squared error, or the log loss; weighted means over a batch.
/// Threads: products and activations of a batch are cut into blocks of rows or of inputs; the numbers do not
/// depend on the threads.
class MlpTraining {
 public:
  /// rows and input must outlive this.
  MlpTraining(MlpNetwork network, const MlpInput& input, const MlpRows& rows, const MlpTarget& target,
              const MlpTrainingOptions& options);

  /// Goes on to the end of the epoch; false when the context stopped it before. May be called again then.
  bool run_epoch(const Context& context);
  std::size_t n_epochs_done() const { return epoch_; }
  const MlpNetwork& network() const { return network_; }
  MlpNetwork& network() { return network_; }

  /// Loss of a batch as training sees it, and its gradient by parameters(). key: of the dropout.
  double evaluate(std::span<const std::uint32_t> rows, std::uint32_t key, const Context& context);
  std::span<const float> gradient() const { return gradient_; }

 private:
  struct Layer {
    std::vector<float> normalized;  // n_rows x width: the sums, after the norm
    std::vector<float> derivative;  // n_rows x width: of the activation, dropout taken in
    std::vector<float> hidden;      // n_rows x width: what the next layer reads
    std::vector<float> inverse;     // factors of the norm, per unit (batch) or row (layer)
    bool from_batch = false;        // the norm's averages are of the batch
  };

  void start_epoch();
  void step(std::span<const std::uint32_t> rows, const Context& context);
  void forward(std::span<const std::uint32_t> rows, std::uint32_t key, const Context& context);
  void normalize(std::size_t layer, std::size_t n);
  /// Replaces outputs_ by the gradient of the loss; returns the loss.
  double loss_gradient(std::span<const std::uint32_t> rows);
  void backward(std::span<const std::uint32_t> rows, const Context& context);
  void backward_hidden(std::size_t layer, std::span<const std::uint32_t> rows, const Context& context);
  void backward_norm(std::size_t layer, std::size_t n);
  void backward_input(std::span<const std::uint32_t> rows, const Context& context);
  /// out (n x n_columns) += x times the weights.
  void multiply(const float* x, std::size_t n, std::size_t depth, const float* weights, std::size_t n_columns,
                float* out, const Context& context);
  /// gradient += transposed x times g: the gradient of weights. x: n x depth, g: n x n_columns.
  void multiply_transposed(const float* x, const float* g, std::size_t n, std::size_t depth,
                           std::size_t n_columns, float* gradient, const Context& context);
  /// out (n x depth) = g times the transposed weights: the gradient of inputs.
  void multiply_back(const float* g, const float* weights, std::size_t n, std::size_t depth,
                     std::size_t n_columns, float* out, const Context& context);
  /// A right factor: the number at depth k in column j is values[k * depth_stride + j * column_stride].
  struct Right {
    const float* values;
    std::size_t depth_stride, column_stride;
    std::size_t depth, n_columns;
  };
  /// out (n_rows x n_columns) += left times right, `block` rows at a time by one thread.
  void multiply_blocks(kernel::LeftFactor left, std::size_t n_rows, std::size_t block, const Right& right,
                       float* out, const Context& context);
  bool is_in_bf16(std::size_t depth, std::size_t n_columns) const;
  std::span<float> gradient(MlpNetwork::Part part) {
    return std::span(gradient_).subspan(part.begin, part.size);
  }

  MlpNetwork network_;
  const MlpInput& input_;
  const MlpRows& rows_;
  const MlpTarget& target_;
  MlpTrainingOptions options_;
  std::size_t epoch_ = 0, n_batches_ = 1, next_batch_ = 0, n_steps_ = 0;
  std::vector<std::uint32_t> order_;  // of the rows in this epoch; empty between epochs
  std::vector<float> gradient_, mean_, square_;
  std::vector<Layer> layers_;
  std::vector<float> dense_, turns_, outputs_, back_, dense_back_, panels_, sums_;
  std::vector<std::uint16_t> bf16_panels_;
};

}  // namespace kolosal::model
