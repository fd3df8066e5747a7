#include "kolosal/transform/selection_internal.hpp"

#include <algorithm>
#include <numeric>

namespace kolosal::transform {
void ScoredColumns::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows,
                           const data::TargetView& y, const Context& context) {
  choose(scores(x, rows, y, context));
}

void ScoredColumns::choose(const std::vector<Score>& scores) {
  score_.clear();
  p_value_.clear();
  for (const Score& score : scores) {
    score_.push_back(score.value);
    p_value_.push_back(score.p);
  }
  kept_ = choose_columns(score_, p_value_, choice_);
}

void ScoredColumns::do_save(artifact::Node& node) const {
  node.set_array("kept", kept_);
  node.set_array("score", score_);
  node.set_array("p_value", p_value_);
}

void ScoredColumns::do_load(const artifact::Node& node) {
  kept_ = node.get_vector<std::uint8_t>("kept");
  score_ = node.get_vector<double>("score");
  p_value_ = node.get_vector<double>("p_value");
  check_saved_size("selection", {kept_.size(), score_.size(), p_value_.size()}, input_columns().size());
}

std::vector<std::uint32_t> class_of_rows(std::span<const std::uint32_t> rows, const data::TargetView& y,
                                         std::size_t n_bins) {
  std::vector<std::uint32_t> out(rows.size());
  if (y.task != data::Task::kRegression) {
    for (std::size_t i = 0; i < rows.size(); ++i) out[i] = static_cast<std::uint32_t>(y.values[rows[i]]);
    return out;
  }
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return y.values[rows[i]]; });
  std::size_t first_equal = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (y.values[rows[order[i]]] != y.values[rows[order[first_equal]]]) first_equal = i;
    out[order[i]] = static_cast<std::uint32_t>(first_equal * n_bins / order.size());
  }
  return out;
}

}  // namespace kolosal::transform
