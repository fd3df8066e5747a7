#include "kolosal/pipeline/conformal.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/core/error.hpp"

namespace kolosal::pipeline {
namespace {

using data::Task;

constexpr std::size_t kAllRanks = 1000;  // of so many scores all are kept
constexpr std::size_t kHighRanks = 100;  // and of more these, for levels near 1
constexpr double kRounding = 1e-9;       // (n + 1) * level may come out above the whole number that it is

double score_of(const data::TargetView& y, std::span<const double> row, std::size_t i) {
  if (y.task == Task::kRegression) return std::fabs(y.values[i] - row[0]);
  if (y.task == Task::kBinary) return y.values[i] > 0.5 ? 1 - row[0] : row[0];
  return 1 - row[static_cast<std::size_t>(y.values[i])];
}

}  // namespace

Conformal::Conformal(const data::TargetView& y, std::span<const double> prediction) {
  std::vector<double> all;
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const double score = score_of(y, prediction.subspan(i * y.n_outputs(), y.n_outputs()), i);
    if (y.weight(i) > 0 && std::isfinite(score)) all.push_back(score);
  }
  std::ranges::sort(all);
  n_rows_ = all.size();
  for (std::size_t rank = 1; rank <= n_rows_; ++rank) {
    const bool is_wanted = n_rows_ <= kAllRanks || rank + kHighRanks > n_rows_ ||
                           rank * kAllRanks / n_rows_ != (rank - 1) * kAllRanks / n_rows_;
    if (!is_wanted) continue;
    ranks_.push_back(rank);
    scores_.push_back(all[rank - 1]);
  }
}

double Conformal::score_at(double level) const {
  KOLOSAL_ASSERT(!is_empty(), "the caller has asked is_empty()");
  if (!(level > 0 && level < 1))
    throw Error(ErrorCode::kInvalidParameter, "the level of an interval must be between 0 and 1, not {}",
                level);
  const double wanted = std::ceil(static_cast<double>(n_rows_ + 1) * level - kRounding);
  if (wanted > static_cast<double>(n_rows_))
    throw Error(ErrorCode::kInvalidParameter,
                "the level {} is more than the {} validation rows of this model can promise; the highest is "
                "{:.4f}",
                level, n_rows_,
                std::floor(1e4 * static_cast<double>(n_rows_) / static_cast<double>(n_rows_ + 1)) / 1e4);
  const auto at = std::ranges::lower_bound(ranks_, static_cast<std::uint64_t>(wanted)) - ranks_.begin();
  return scores_[static_cast<std::size_t>(at)];
}

void Conformal::save(artifact::Node& node) const {
  node.set("n_rows", n_rows_);
  node.set_array("ranks", ranks_);
  node.set_array("scores", scores_);
}

Conformal Conformal::load(const artifact::Node& node) {
  Conformal out;
  out.n_rows_ = static_cast<std::size_t>(node.get_int("n_rows"));
  out.ranks_ = node.get_vector<std::uint64_t>("ranks");
  out.scores_ = node.get_vector<double>("scores");
  if (out.ranks_.size() != out.scores_.size() || out.ranks_.empty() || out.ranks_.back() != out.n_rows_ ||
      !std::ranges::is_sorted(out.ranks_) || !std::ranges::is_sorted(out.scores_))
    throw Error(ErrorCode::kModel, "the model's conformal scores are damaged");
  return out;
}

std::vector<std::size_t> conformal_set(std::span<const double> row, double score) {
  const bool is_binary = row.size() == 1;
  const std::size_t n_classes = is_binary ? 2 : row.size();
  const auto probability = [&](std::size_t c) { return !is_binary ? row[c] : c == 1 ? row[0] : 1 - row[0]; };
  std::size_t best = 0;
  for (std::size_t c = 1; c < n_classes; ++c)
    if (probability(c) > probability(best)) best = c;
  std::vector<std::size_t> out;
  for (std::size_t c = 0; c < n_classes; ++c)
    // As the scores are computed, so that a row with the very score is inside.
    if (c == best || (is_binary && c == 0 ? row[0] : 1 - probability(c)) <= score) out.push_back(c);
  return out;
}

std::string joined_set(const std::vector<std::string>& classes, std::span<const std::size_t> members) {
  std::string out;
  for (const std::size_t c : members) {
    if (!out.empty()) out += '|';
    for (const char letter : classes[c]) {
      if (letter == '|' || letter == '\\') out += '\\';
      out += letter;
    }
  }
  return out;
}

}  // namespace kolosal::pipeline
