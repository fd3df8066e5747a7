#include "kolosal/model/estimators/mlp.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/core/spares.hpp"
#include "kolosal/kernel/bf16_products.hpp"
#include "kolosal/model/mlp_training.hpp"
#include "kolosal/model/training_rows.hpp"

namespace kolosal::model {
namespace {

/// What is chosen by the number of training rows (see bench/mlp_vs_peer.py).
struct Plan {
  MlpInput::Options input;
  MlpShape shape;  // without the sizes of the input
  MlpTrainingOptions training;
};

Plan make_plan(const MlpParams& p, data::Task task, std::size_t n_rows) {
  const bool small = n_rows < 2500;
  const auto or_else = [](std::int64_t value, std::size_t automatic) {
    return value > 0 ? static_cast<std::size_t>(value) : automatic;
  };
  const std::string encoding = p.number_encoding != "auto" ? p.number_encoding
                               : small                     ? "plain"
                                                           : "piecewise";
  Plan out;
  if (encoding == "piecewise")
    out.input.n_bins = or_else(p.n_bins, std::clamp<std::size_t>(n_rows / 500, 8, 48));
  out.input.max_onehot = static_cast<std::size_t>(p.max_onehot);
  out.input.embedding_size = static_cast<std::size_t>(p.embedding_size);
  out.shape.n_frequencies = encoding == "periodic" ? static_cast<std::size_t>(p.n_frequencies) : 0;
  out.shape.width = or_else(p.hidden_size, small ? 128 : 256);
  out.shape.n_layers = static_cast<std::size_t>(p.n_layers);
  out.shape.norm = mlp_norm_from_name(p.normalization);
  out.training.in_bf16 = p.precision == "bf16" || (p.precision == "auto" && kernel::has_bf16_dot_products());
  out.training.learning_rate = p.learning_rate;
  out.training.weight_decay = p.weight_decay;
  const double automatic = task == data::Task::kRegression ? 0.05 : 0.4;
  out.training.dropout = p.dropout >= 0 ? p.dropout : automatic;
  out.training.batch_size = or_else(p.batch_size, small             ? 32
                                                  : n_rows < 5000   ? 64
                                                  : n_rows < 20'000 ? 128
                                                                    : 256);
  out.training.n_epochs = or_else(p.n_epochs, n_rows < 5000     ? 24
                                              : n_rows < 20'000 ? 16
                                              : n_rows < 50'000 ? 12
                                                                : 10);
  return out;
}

void check_params(const MlpParams& p) {
  if (p.precision != "float32" && p.precision != "bf16" && p.precision != "auto")
    throw Error(ErrorCode::kInvalidParameter, "precision of mlp must be float32, bf16 or auto: \"{}\"",
                p.precision);
  mlp_norm_from_name(p.normalization);
  is_balanced(p.class_weight, "mlp");
  for (const char* known : {"auto", "plain", "piecewise", "periodic"})
    if (p.number_encoding == known) return;
  throw Error(ErrorCode::kInvalidParameter,
              "number_encoding of mlp must be auto, plain, piecewise or periodic: \"{}\"", p.number_encoding);
}

struct Standard {
  double centre = 0, scale = 1;
};

/// Weighted mean and standard deviation of a regression's target.
Standard standard_of(const data::TargetView& y, std::span<const std::uint32_t> rows) {
  Standard out{mean_target(y, rows)[0], 1};
  double sum = 0, total = 0;
  for (const std::uint32_t row : rows) {
    const double error = y.values[row] - out.centre;
    sum += y.weight(row) * error * error;
    total += y.weight(row);
  }
  const double deviation = std::sqrt(sum / total);
  if (deviation > 0 && std::isfinite(deviation)) out.scale = deviation;
  return out;
}

MlpTarget make_target(const data::TargetView& y, std::span<const std::uint32_t> rows,
                      const Standard& standard, bool balanced) {
  MlpTarget out;
  out.task = y.task;
  for (const std::uint32_t row : rows)
    out.values.push_back(static_cast<float>((y.values[row] - standard.centre) / standard.scale));
  const std::vector<double> weights = weights_of(y, rows, balanced);
  double total = 0;
  for (const double weight : weights) total += weight;
  for (const double weight : weights)
    out.weights.push_back(static_cast<float>(weight / total * static_cast<double>(rows.size())));
  return out;
}

/// Outputs of a network that knows only the mean target: log odds, logarithms of shares, 0.
std::vector<double> first_outputs(const data::TargetView& y, std::span<const std::uint32_t> rows) {
  std::vector<double> out = mean_target(y, rows);
  const auto safe_log = [](double p) { return std::log(std::max(p, 1e-6)); };
  for (double& value : out)
    value = y.task == data::Task::kRegression ? 0
            : y.task == data::Task::kBinary   ? safe_log(value) - safe_log(1 - value)
                                              : safe_log(value);
  return out;
}

/// From sums of networks' predictions to their mean, in place.
void divide_sums(std::size_t n_networks, std::size_t n_outputs, data::Task task, std::span<double> out) {
  if (task != data::Task::kMulticlass) {
    for (double& value : out) value /= static_cast<double>(n_networks);
    return;
  }
  // Divided by their own sum: in float32 the probabilities of a row add up to 1 only within 1e-7.
  for (std::size_t i = 0; i < out.size(); i += n_outputs) {
    const std::span<double> row = out.subspan(i, n_outputs);
    const double sum = std::accumulate(row.begin(), row.end(), 0.0);
    for (double& value : row) value /= sum;
  }
}

/// Mean of the networks' predictions, after the link, in the network's unit.
void predict_mean(const std::vector<MlpPredictor>& networks, const MlpInput& input, const MlpRows& rows,
                  data::Task task, std::span<double> out, const Context& context) {
  std::ranges::fill(out, 0.0);
  std::vector<float> one(out.size());
  for (const MlpPredictor& network : networks) {
    std::ranges::fill(one, 0.0F);
    network.add_outputs(input, rows, one, context);
    apply_mlp_link(task, network.network().shape().n_outputs, one);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += static_cast<double>(one[i]);
  }
  divide_sums(networks.size(), networks.front().network().shape().n_outputs, task, out);
}

}  // namespace

/// A round is an epoch of all networks.
class MlpFit final : public RoundwiseFit {
 public:
  MlpFit(Mlp& owner, const TrainingData& data, RowSplit rows, const Context& context)
      : owner_(owner),
        plan_(make_plan(owner.params_, data.y.task, rows.train.size())),
        valid_values_(target_of(data.y, rows.valid)),
        valid_weights_(weights_of(data.y, rows.valid, false)),
        valid_{data.y.task, valid_values_, valid_weights_, data.y.n_classes},
        all_valid_(rows.valid.size()),
        standard_(data.y.task == data::Task::kRegression ? standard_of(data.y, rows.train) : Standard{}),
        target_(make_target(data.y, rows.train, standard_, is_balanced(owner.params_.class_weight, "mlp"))),
        input_(MlpInput::fit(*data.x, rows.train, plan_.input)),
        train_rows_(input_.encode(data.x->take(rows.train))),
        valid_rows_(input_.encode(data.x->take(rows.valid))) {
    std::iota(all_valid_.begin(), all_valid_.end(), 0U);
    MlpShape shape = MlpShape::of(input_);
    shape.n_frequencies = plan_.shape.n_frequencies;
    shape.width = plan_.shape.width;
    shape.n_layers = plan_.shape.n_layers;
    shape.norm = plan_.shape.norm;
    shape.n_outputs = data.y.n_outputs();
    const std::vector<double> start = first_outputs(data.y, rows.train);
    for (std::int64_t s = 0; s < owner.params_.n_seeds; ++s) {
      MlpTrainingOptions options = plan_.training;
      options.seed = derive_seed(context.seed, {"mlp", static_cast<std::uint64_t>(s)});
      MlpNetwork network(shape);
      network.draw(options.seed, owner.params_.frequency_scale, start);
      trainings_.emplace_back(std::move(network), input_, train_rows_, target_, options);
    }
  }

  bool advance(std::size_t n_rounds, const Context& context) override {
    report_.stopped_by_deadline = false;
    for (std::size_t i = 0; i < n_rounds && !is_at_end(); ++i) {
      if (!run_epoch(context)) {
        if (n_done_ == 0) throw Error(ErrorCode::kBudget, "the time ended before the first epoch of mlp");
        report_.stopped_by_deadline = true;
        break;
      }
      judge(context);
    }
    return !is_at_end();
  }

  std::size_t n_rounds_done() const override { return n_done_; }
  const std::vector<double>& valid_losses() const override { return losses_; }
  const FitReport& report() const override { return report_; }

  FitReport run(const Context& context) {
    while (advance(plan_.training.n_epochs, context) && !report_.stopped_by_deadline) {
    }
    do_finish();
    return report_;
  }

 private:
  bool is_at_end() const {
    const auto patience = static_cast<std::size_t>(owner_.params_.early_stopping_rounds);
    const bool patient = patience == 0 || losses_.empty() || n_done_ - report_.n_rounds < patience;
    return n_done_ >= plan_.training.n_epochs || !patient;
  }

  /// Brings every network to the end of its next epoch; false when the context stopped one before.
  bool run_epoch(const Context& context) {
    const bool side_by_side = trainings_.size() >= context.n_threads;
    const Context inner = side_by_side ? context.single_threaded() : context;
    const auto train = [&](std::size_t begin, std::size_t) {
      if (trainings_[begin].n_epochs_done() == n_done_) trainings_[begin].run_epoch(inner);
    };
    if (side_by_side)
      context.parallel_blocks(trainings_.size(), 1, train);
    else
      for (std::size_t s = 0; s < trainings_.size(); ++s) train(s, s + 1);
    if (std::ranges::any_of(trainings_, [&](const MlpTraining& t) { return t.n_epochs_done() == n_done_; }))
      return false;
    ++n_done_;
    return true;
  }

  void judge(const Context& context) {
    std::vector<MlpPredictor> networks;
    for (const MlpTraining& training : trainings_) {
      MlpNetwork network = training.network();
      network.round_to_float16();
      networks.emplace_back(std::move(network));
    }
    std::vector<double> prediction(all_valid_.size() * valid_.n_outputs());
    if (!all_valid_.empty()) {
      predict_mean(networks, input_, valid_rows_, valid_.task, prediction, context);
      for (double& value : prediction) value = standard_.centre + standard_.scale * value;
      const double loss = mean_loss(valid_, all_valid_, prediction);
      // A loss that is no number is worse than any other.
      const bool better = losses_.empty() || loss < losses_[report_.n_rounds - 1] ||
                          std::isnan(losses_[report_.n_rounds - 1]);
      losses_.push_back(loss);
      if (!better) return;
    }
    best_ = std::move(networks);
    report_.valid_prediction = std::move(prediction);
    report_.n_rounds = n_done_;
  }

  void do_finish() override {
    owner_.input_ = input_;
    owner_.networks_ = best_;
    owner_.centre_ = standard_.centre;
    owner_.scale_ = standard_.scale;
  }

  Mlp& owner_;
  Plan plan_;
  std::vector<double> valid_values_, valid_weights_;
  data::TargetView valid_;                // of these
  std::vector<std::uint32_t> all_valid_;  // 0, 1, 2, ... for each of them
  Standard standard_;
  MlpTarget target_;
  MlpInput input_;
  MlpRows train_rows_, valid_rows_;
  std::vector<MlpTraining> trainings_;  // look at what is above
  std::size_t n_done_ = 0;
  std::vector<MlpPredictor> best_;
  std::vector<double> losses_;
  FitReport report_;
};

Mlp::Mlp(Params params) : params_(std::move(params)) { check_params(params_); }

FitReport Mlp::do_fit(const TrainingData& data, const Prepared*, RowSplit rows, const Context& context) {
  return MlpFit(*this, data, rows, context).run(context);
}

std::unique_ptr<RoundwiseFit> Mlp::do_begin(const TrainingData& data, const Prepared*, RowSplit rows,
                                            const Context& context) {
  return std::make_unique<MlpFit>(*this, data, rows, context);
}

void Mlp::do_predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  predict_mean(networks_, input_, input_.encode(x), task(), out, context);
  for (double& value : out) value = centre_ + scale_ * value;
}

class Mlp::Row final : public RowEvaluator {
 public:
  explicit Row(const Mlp& mlp) : mlp_(mlp) {}

  void predict(std::span<const data::RowCell> row, std::span<double> out) const override {
    const auto scratch = spares_.take();
    mlp_.input_.encode_row(row, mlp_.feature_types(), scratch->buffers.row);
    std::ranges::fill(out, 0.0);
    for (const MlpPredictor& network : mlp_.networks_) {
      scratch->outputs.assign(out.size(), 0.0F);
      network.add_row(mlp_.input_, scratch->buffers, scratch->outputs);
      apply_mlp_link(mlp_.task(), out.size(), scratch->outputs);
      for (std::size_t k = 0; k < out.size(); ++k) out[k] += static_cast<double>(scratch->outputs[k]);
    }
    divide_sums(mlp_.networks_.size(), out.size(), mlp_.task(), out);
    for (double& value : out) value = mlp_.centre_ + mlp_.scale_ * value;
  }

 private:
  struct Scratch {
    MlpRowBuffers buffers;
    std::vector<float> outputs;
  };

  const Mlp& mlp_;
  mutable Spares<Scratch> spares_;
};

std::unique_ptr<RowEvaluator> Mlp::row_evaluator() const { return std::make_unique<Row>(*this); }

void Mlp::do_save(artifact::Node& node) const {
  const MlpShape& shape = networks_.front().network().shape();
  input_.save(node.add_child("input"));
  node.set("width", shape.width);
  node.set("n_layers", shape.n_layers);
  node.set("n_frequencies", shape.n_frequencies);
  node.set("normalization", static_cast<std::int64_t>(shape.norm));
  node.set("centre", centre_);
  node.set("scale", scale_);
  node.set("n_networks", networks_.size());
  for (std::size_t i = 0; i < networks_.size(); ++i)
    networks_[i].network().save(node.add_child(fmt::format("network {}", i)));
}

void Mlp::do_load(const artifact::Node& node) {
  input_ = MlpInput::load(node.child("input"), feature_names().size());
  const auto size = [&](const char* name, std::int64_t low, std::int64_t high) {
    const std::int64_t value = node.get_int(name);
    if (value < low || value > high)
      throw Error(ErrorCode::kModel, "a network is damaged: {} is {}", name, value);
    return static_cast<std::size_t>(value);
  };
  MlpShape shape = MlpShape::of(input_);
  shape.width = size("width", 1, 1 << 16);
  shape.n_layers = size("n_layers", 1, 64);
  shape.n_frequencies = size("n_frequencies", 0, 1 << 12);
  shape.norm = static_cast<MlpNorm>(size("normalization", 0, 2));
  shape.n_outputs = n_outputs();
  centre_ = node.get_double("centre");
  scale_ = node.get_double("scale");
  networks_.clear();
  const std::size_t n_networks = size("n_networks", 1, 1 << 10);
  for (std::size_t i = 0; i < n_networks; ++i)
    networks_.emplace_back(MlpNetwork::load(node.child(fmt::format("network {}", i)), shape));
}

namespace {

ParamTable<MlpParams> param_table() {
  using P = MlpParams;
  return ParamTable<P>()
      .param("hidden_size", &P::hidden_size,
             "Units of a hidden layer; 0: 256, and 128 for fewer than 2500 training rows.",
             log_range(64, 512))
      .limits(0, 8192)
      .param("n_layers", &P::n_layers, "Hidden layers.", linear_range(1, 3))
      .limits(1, 64)
      .param("normalization", &P::normalization, "batch, layer or none: what each hidden layer is scaled by.",
             choice({"batch", "layer", "none"}))
      .param("dropout", &P::dropout,
             "Share of the hidden units left out at random in training; -1: 0.4 for classes, 0.05 for "
             "regression.",
             linear_range(0, 0.5))
      .limits(-1, 0.95)
      .param(
          "number_encoding", &P::number_encoding,
          "What is added to each standardized number: plain (nothing), piecewise (its way through quantile "
          "bins), periodic (sines and cosines), or auto: piecewise from 2500 training rows on.",
          choice({"auto", "plain", "piecewise", "periodic"}))
      .param("n_bins", &P::n_bins, "piecewise: bins per number; 0: 8 to 48, one per 500 training rows.",
             log_range(4, 64))
      .limits(0, 1024)
      .param("n_frequencies", &P::n_frequencies, "periodic: learnt frequencies per number.", log_range(4, 32))
      .limits(1, 4096)
      .param("frequency_scale", &P::frequency_scale, "periodic: standard deviation of the first frequencies.",
             log_range(0.02, 2))
      .limits(1e-6, 1e3)
      .param(
          "max_onehot", &P::max_onehot,
          "Category columns with more levels than this get a learnt vector per level, others one input each.")
      .limits(0, 1e6)
      .param("embedding_size", &P::embedding_size,
             "Numbers of a level's vector; 0: 1.6 times levels^0.56, at most 32.")
      .limits(0, 4096)
      .param("learning_rate", &P::learning_rate, "Largest learning rate of the cycle.", log_range(3e-4, 2e-2))
      .limits(1e-8, 10)
      .param("weight_decay", &P::weight_decay, "Share by which weights shrink per step and learning rate.",
             log_range(1e-4, 0.3))
      .limits(0, 100)
      .param("batch_size", &P::batch_size, "Rows per step; 0: 32 to 256 by the number of training rows.")
      .limits(0, 1 << 20)
      .param("n_epochs", &P::n_epochs,
             "Passes over the training rows; 0: 24 to 10, fewer for more training rows.", log_range(8, 48))
      .limits(0, 100000)
      .param("early_stopping_rounds", &P::early_stopping_rounds,
             "Epochs without a smaller loss on the validation rows after which it stops; 0: it does not. The "
             "best "
             "epoch is kept in any case.")
      .limits(0, 100000)
      .param("n_seeds", &P::n_seeds, "Networks that differ by their seed; the prediction is their mean.")
      .limits(1, 64)
      .param("class_weight", &P::class_weight, "none, or balanced: every class counts the same in sum.")
      .param("precision", &P::precision,
             "Of products in training: float32; bf16, emulated and slower where the processor has no "
             "instruction for it; or "
             "auto: bf16 where it has (the bytes of the model then depend on the machine).");
}

}  // namespace

EstimatorInfo mlp_info() {
  return describe<Mlp>(
      {.name = "mlp",
       .summary = "Multilayer perceptron with piecewise-linear or periodic numbers and embedded categories.",
       .tasks = {data::Task::kBinary, data::Task::kMulticlass, data::Task::kRegression},
       .handles_missing = true,
       .handles_categories = true,
       .handles_sparse = true,
       .has_rounds = true},
      param_table());
}

}  // namespace kolosal::model
