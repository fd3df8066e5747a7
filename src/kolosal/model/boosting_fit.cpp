#include "kolosal/model/boosting_fit.hpp"

#include <algorithm>

#include "kolosal/core/error.hpp"

namespace kolosal::model {

BoostingFit::BoostingFit(Plan plan) : plan_(std::move(plan)) {
  if (plan_.loss.y.empty() || plan_.patience == 0) plan_.keep_best = false;
  current_.resize(plan_.loss.y.size() * plan_.n_outputs);
  if (plan_.keep_best) best_.resize(current_.size());
}

bool BoostingFit::is_out_of_time(const Context& context) const {
  if (context.should_stop()) return true;
  if (!context.deadline.is_set()) return false;
  // The cheapest of the last rounds: a busy moment of the machine must not end the fit.
  const std::size_t n_known = std::min(n_done_, last_costs_s_.size());
  const auto* cheapest = std::min_element(last_costs_s_.begin(), last_costs_s_.begin() + n_known);
  const double round_s = n_known == 0 ? 0 : *cheapest;
  return context.deadline.remaining_s() < round_s + install_cost_s(n_done_);
}

bool BoostingFit::advance(std::size_t n_rounds, const Context& context) {
  report_.stopped_by_deadline = false;
  for (std::size_t i = 0; i < n_rounds && !ended_; ++i) {
    if (is_out_of_time(context)) {
      if (n_done_ == 0)
        throw Error(ErrorCode::kBudget, "the time ended before the first round of {}", plan_.learner);
      report_.stopped_by_deadline = true;
      break;
    }
    const double before_s = context.deadline.is_set() ? context.deadline.remaining_s() : 0;
    if (!do_round()) ended_ = true;
    if (n_done_ > 0 && context.deadline.is_set())
      last_costs_s_[(n_done_ - 1) % last_costs_s_.size()] = before_s - context.deadline.remaining_s();
  }
  write_report();
  return !ended_;
}

bool BoostingFit::do_round() {
  const Update update = this->update();
  if (update.n_rounds > n_done_) {
    n_done_ = update.n_rounds;
    if (!current_.empty()) judge();
  }
  if (update.finished) return false;
  const bool patient = !plan_.keep_best || n_done_ - n_best_ < plan_.patience;
  return n_done_ < plan_.max_rounds && patient;
}

void BoostingFit::judge() {
  predict_valid(current_);
  const double loss = plan_.loss(current_);
  const bool better = losses_.empty() || loss < losses_[n_best_ - 1];
  losses_.push_back(loss);
  if (!better) return;
  n_best_ = n_done_;
  if (plan_.keep_best) std::swap(current_, best_);
}

void BoostingFit::write_report() {
  report_.n_rounds = plan_.keep_best ? n_best_ : n_done_;
  const std::vector<double>& kept = plan_.keep_best ? best_ : current_;
  report_.valid_prediction.resize(kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i)
    report_.valid_prediction[i] = plan_.center + plan_.scale * kept[i];
}

FitReport BoostingFit::run(const Context& context) {
  while (advance(plan_.max_rounds, context) && !report_.stopped_by_deadline) {
  }
  do_finish();
  return report_;
}

}  // namespace kolosal::model
