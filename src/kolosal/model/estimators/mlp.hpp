#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kolosal/model/estimator.hpp"
#include "kolosal/model/mlp_input.hpp"
#include "kolosal/model/mlp_predictor.hpp"
#include "kolosal/model/network_learner.hpp"

namespace kolosal::model {

class MlpFit;

/// 0 or "auto": chosen by the number of training rows; dropout -1: by the task.
struct MlpParams {
  std::int64_t hidden_size = 0;
  std::int64_t n_layers = 2;
  std::string normalization = "batch";
  double dropout = -1;
  std::string number_encoding = "auto";
  std::int64_t n_bins = 0;
  std::int64_t n_frequencies = 8;
  double frequency_scale = 0.1;
  std::int64_t max_onehot = 32;
  std::int64_t embedding_size = 0;
  double learning_rate = 3e-3;
  double weight_decay = 0.01;
  std::int64_t batch_size = 0;
  std::int64_t n_epochs = 0;
  std::int64_t early_stopping_rounds = 0;
  std::int64_t n_seeds = 1;
  std::string class_weight = "none";
  std::string precision = "float32";
};

/// A multilayer perceptron in float32: hidden layers of SiLU units with batch or layer norm and dropout,
/// trained by AdamW over one cycle of the learning rate. Its input is described at MlpInput.
///
/// Missing: see MlpInput. Infinities are cut like far outliers.
/// Precision: of training; float32, or products of the hidden layers in bfloat16 with sums, weights and
/// optimizer in
///          float32. `auto` is bfloat16 where the CPU multiplies such numbers (AVX-512 BF16), so the bytes of
///          a model depend on the machine then; the other two give the same on every one, but bf16 where the
///          CPU has the instruction. Predictions are in float32; the weights of all layers but the first are
///          rounded to float16 when an epoch is judged, so that a row alone reads half as much.
/// Units:   a regression's target is centred and scaled to standard deviation 1 for training.
/// Stops:   a round is an epoch of all n_seeds networks, whose mean is the prediction. The epoch with the
///          smallest loss on the validation rows is kept (without such rows: the last). The context is asked
///          at every batch.
/// Cost:    6 x rows x weights operations per epoch and network, some 30 GFLOP/s per thread.
class Mlp final : public Estimator, public NetworkLearner {
 public:
  using Params = MlpParams;
  /// @throws Error kInvalidParameter for an unknown normalization, number encoding or class weight.
  explicit Mlp(Params params);
  std::unique_ptr<RowEvaluator> row_evaluator() const override;

  const MlpInput& input() const override { return input_; }
  const std::vector<MlpPredictor>& networks() const override { return networks_; }

 private:
  friend class MlpFit;
  class Row;
  FitReport do_fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                   const Context& context) override;
  std::unique_ptr<RoundwiseFit> do_begin(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                                         const Context& context) override;
  void do_predict(const data::Frame& x, std::span<double> out, const Context& context) const override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

  Params params_;
  MlpInput input_;
  std::vector<MlpPredictor> networks_;
  double centre_ = 0, scale_ = 1;  // user's unit = centre + scale * network's unit
};

}  // namespace kolosal::model
