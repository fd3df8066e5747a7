#include "kolosal/infer/exporters/described_naive_bayes.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <utility>

namespace kolosal::infer::exporters {
namespace {

// Where the learner cuts what a cell takes from a score, and the largest square that is told here.
constexpr double kMostTaken = 1e290, kMostSquare = 1e300;

/// Scores of all classes as sums over features.
class Scores {
 public:
  Scores(ModelDescriber& to, std::vector<double> log_prior)
      : to_(to), n_classes_(log_prior.size()), intercept_(std::move(log_prior)) {}

  /// state: means of the classes, then variances.
  void add_number(ValueId cell, std::span<const double> state) {
    std::vector<double> constants;
    for (std::size_t g = 0; g < n_classes_; ++g) {
      constants.push_back(std::log(2 * std::numbers::pi * state[n_classes_ + g]) / 2);
      intercept_[g] -= constants[g];
    }
    add(to_.apply(CellFunction::kIsNotFinite, cell), constants);
    // By functions, so that the ONNX writer carries them out for all classes together.
    std::vector<ValueId> values;
    for (std::size_t g = 0; g < n_classes_; ++g)
      values.push_back(to_.apply(CellFunction::kFill, cell, state[g]));
    for (std::size_t g = 0; g < n_classes_; ++g)
      values[g] = to_.apply(CellFunction::kScale, values[g], state[g], 1);
    const std::string name = to_.value(cell).name;  // values that are added move the others
    for (ValueId& value : values) value = to_.combine(CellFunction::kTimes, value, value, name);
    const auto most = [&](std::size_t g) {
      return std::min(kMostSquare, 2 * state[n_classes_ + g] * kMostTaken);
    };
    for (std::size_t g = 0; g < n_classes_; ++g)  // a square that is no number any more
      values[g] = to_.apply(CellFunction::kFill, values[g], most(g));
    for (std::size_t g = 0; g < n_classes_; ++g)
      values[g] = to_.apply(CellFunction::kClip, values[g], 0, most(g));
    for (std::size_t g = 0; g < n_classes_; ++g) {
      std::vector<double> taken(n_classes_, 0.0);
      taken[g] = -1 / (2 * state[n_classes_ + g]);
      add(values[g], taken);
    }
  }

  /// shares: logarithms, levels x classes. A missing or unseen level says nothing.
  void add_level(ValueId level, std::span<const double> shares) {
    const std::size_t n_slots = to_.value(level).n_slots();
    LevelOperation op{.kind = LevelOperation::Kind::kNumbers,
                      .in = level,
                      .first_out = to_.add_numbers(to_.value(level).name, n_classes_),
                      .width = static_cast<std::uint32_t>(n_classes_)};
    op.numbers.assign(n_slots * n_classes_, 0.0);
    const std::size_t n_known = std::min(shares.size(), (n_slots - 2) * n_classes_);
    std::copy_n(shares.begin(), n_known, op.numbers.begin() + static_cast<std::ptrdiff_t>(2 * n_classes_));
    for (std::size_t g = 0; g < n_classes_; ++g) {
      std::vector<double> own(n_classes_, 0.0);
      own[g] = 1;
      add(op.first_out + static_cast<ValueId>(g), own);
    }
    to_.add(std::move(op));
  }

  /// Probabilities: of two classes of the second.
  ValueId finish() && {
    const bool is_pair = n_classes_ == 2;
    LinearOperation op{.features = std::move(features_)};
    const auto write = [&](const std::vector<double>& from, std::vector<double>& out) {
      for (std::size_t i = 0; i < from.size(); i += n_classes_) {
        if (is_pair)
          out.push_back(from[i + 1] - from[i]);
        else
          out.insert(out.end(), from.begin() + static_cast<std::ptrdiff_t>(i),
                     from.begin() + static_cast<std::ptrdiff_t>(i + n_classes_));
      }
    };
    write(coefficient_, op.coefficient);
    write(intercept_, op.intercept);
    const std::size_t width = op.intercept.size();
    const ValueId first = op.first_out = to_.add_numbers("gaussian_nb", width);
    to_.add(std::move(op));
    return to_.apply(is_pair ? RowFunction::kSigmoid : RowFunction::kSoftmax, first, width);
  }

 private:
  void add(ValueId feature, const std::vector<double>& by_class) {
    features_.push_back(feature);
    coefficient_.insert(coefficient_.end(), by_class.begin(), by_class.end());
  }

  ModelDescriber& to_;
  std::size_t n_classes_;
  std::vector<ValueId> features_;
  std::vector<double> coefficient_;  // features x classes
  std::vector<double> intercept_;
};

}  // namespace

ValueId describe_naive_bayes(ModelDescriber& to, const artifact::Node& state, const DescribedTable& table) {
  const auto log_prior = state.get_vector<double>("log_prior");
  const auto n_levels = state.get_vector<std::int64_t>("n_levels");
  const auto numbers = state.get_vector<double>("state");
  const std::size_t k = log_prior.size();
  Scores scores(to, log_prior);
  std::size_t at = 0;
  for (std::size_t c = 0; c < n_levels.size(); ++c) {
    const std::size_t n = k * (n_levels[c] < 0 ? 2 : static_cast<std::size_t>(n_levels[c]));
    const auto own = std::span(numbers).subspan(at, n);
    const ValueId value = table.columns[c].values.at(0);
    if (n_levels[c] < 0)
      scores.add_number(value, own);
    else
      scores.add_level(value, own);
    at += n;
  }
  return std::move(scores).finish();
}

}  // namespace kolosal::infer::exporters
