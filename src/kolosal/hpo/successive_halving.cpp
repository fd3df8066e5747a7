#include "kolosal/hpo/successive_halving.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/core/error.hpp"

namespace kolosal::hpo {
namespace {

constexpr double kWorst = std::numeric_limits<double>::infinity();
/// floor() of a quotient that is an integer in exact arithmetic must not fall below it.
constexpr double kRounding = 1e-9;

void check(const HalvingParams& params) {
  if (!(params.eta > 1)) throw Error(ErrorCode::kInvalidParameter, "eta must be above 1, not {}", params.eta);
  if (params.min_resource < 1 || params.max_resource < params.min_resource)
    throw Error(ErrorCode::kInvalidParameter, "the resource must rise from at least 1, not from {} to {}",
                params.min_resource, params.max_resource);
  if (!params.asynchronous && params.n_trials == std::numeric_limits<std::size_t>::max())
    throw Error(ErrorCode::kInvalidParameter, "synchronous halving needs a number of trials");
}

/// How often eta fits between the resources: one less than the number of rungs of s = 0.
std::size_t n_steps(double min_resource, double max_resource, double eta) {
  return static_cast<std::size_t>(
      std::floor(std::log(max_resource / min_resource) / std::log(eta) + kRounding));
}

}  // namespace

std::vector<std::size_t> rung_resources(const HalvingParams& params) {
  check(params);
  const auto low = static_cast<double>(params.min_resource), high = static_cast<double>(params.max_resource);
  const std::size_t last = n_steps(low, high, params.eta);
  if (params.early_stopping_rate > last)
    throw Error(ErrorCode::kInvalidParameter,
                "early_stopping_rate must be at most {} for resources {} to {}, not {}", last,
                params.min_resource, params.max_resource, params.early_stopping_rate);
  std::vector<std::size_t> out;
  for (std::size_t k = params.early_stopping_rate; k < last; ++k) {
    const auto resource =
        static_cast<std::size_t>(std::llround(low * std::pow(params.eta, static_cast<double>(k))));
    if (out.empty() || resource > out.back()) out.push_back(resource);  // eta near 1 rounds to equal ones
  }
  while (!out.empty() && out.back() >= params.max_resource) out.pop_back();
  out.push_back(params.max_resource);
  return out;
}

std::vector<Bracket> hyperband_brackets(std::size_t min_resource, std::size_t max_resource, double eta) {
  check({.min_resource = min_resource, .max_resource = max_resource, .eta = eta});
  const std::size_t s_max =
      n_steps(static_cast<double>(min_resource), static_cast<double>(max_resource), eta);
  std::vector<Bracket> out;
  for (std::size_t s = 0; s <= s_max; ++s) {
    const double n_halvings = static_cast<double>(s_max - s);
    const double n = static_cast<double>(s_max + 1) / (n_halvings + 1) * std::pow(eta, n_halvings);
    out.push_back({s, static_cast<std::size_t>(std::ceil(n - kRounding))});
  }
  return out;
}

SuccessiveHalving::SuccessiveHalving(HalvingParams params)
    : params_(params), resources_(rung_resources(params)), rungs_(resources_.size()) {}

std::vector<std::size_t> SuccessiveHalving::ranking(std::size_t rung) const {
  const auto& losses = rungs_[rung].losses;
  std::vector<std::size_t> out;
  for (const auto& [trial, loss] : losses) out.push_back(trial);
  std::ranges::stable_sort(out, {}, [&](std::size_t trial) { return losses.at(trial); });
  return out;
}

bool SuccessiveHalving::is_closed(std::size_t rung) const {
  const Rung& r = rungs_[rung];
  if (!r.running.empty()) return false;
  if (rung == 0) return next_trial_ >= params_.n_trials && again_.empty();
  const Rung& below = rungs_[rung - 1];
  return is_closed(rung - 1) && !promotable(rung - 1) &&
         std::ranges::all_of(below.promoted, [&](std::size_t trial) { return r.losses.contains(trial); });
}

std::size_t SuccessiveHalving::n_to_promote(std::size_t rung) const {
  const std::size_t n_seen = rungs_[rung].losses.size();
  const auto n = static_cast<std::size_t>(std::floor(static_cast<double>(n_seen) / params_.eta + kRounding));
  return params_.asynchronous || n_seen == 0 ? n : std::max<std::size_t>(1, n);
}

std::optional<std::size_t> SuccessiveHalving::promotable(std::size_t rung) const {
  if (rung + 1 >= n_rungs()) return {};
  if (!params_.asynchronous && !is_closed(rung)) return {};
  const std::size_t n = n_to_promote(rung);
  const Rung& r = rungs_[rung];
  if (params_.asynchronous && r.promoted.size() >= r.losses.size()) return {};
  const auto order = ranking(rung);
  for (std::size_t k = 0; k < std::min(n, order.size()); ++k)
    if (!r.promoted.contains(order[k]) && r.losses.at(order[k]) < kWorst) return order[k];
  return {};
}

SuccessiveHalving::Job SuccessiveHalving::start(std::size_t trial, std::size_t rung) {
  rungs_[rung].running.insert(trial);
  return {trial, rung, resources_[rung]};
}

std::optional<SuccessiveHalving::Job> SuccessiveHalving::next() {
  for (std::size_t rung = n_rungs() - 1; rung-- > 0;)
    if (const auto trial = promotable(rung)) {
      rungs_[rung].promoted.insert(*trial);
      return start(*trial, rung + 1);
    }
  if (!again_.empty()) return start(again_.extract(again_.begin()).value(), 0);
  if (next_trial_ < params_.n_trials) return start(next_trial_++, 0);
  return {};
}

void SuccessiveHalving::report(std::size_t trial, std::size_t rung, double loss) {
  KOLOSAL_ASSERT(rung < n_rungs(), "the rung is one of the bracket's");
  Rung& r = rungs_[rung];
  r.running.erase(trial);
  again_.erase(trial);
  r.losses[trial] = std::isnan(loss) ? kWorst : loss;
  // For reports of an earlier process: whoever is here was promoted from below, and new trials get new
  // numbers.
  for (std::size_t below = 0; below < rung; ++below) rungs_[below].promoted.insert(trial);
  for (; next_trial_ <= trial; ++next_trial_)
    if (next_trial_ < trial) again_.insert(next_trial_);
}

void SuccessiveHalving::report_failure(std::size_t trial, std::size_t rung) { report(trial, rung, kWorst); }

void SuccessiveHalving::take_back(const Job& job) {
  rungs_[job.rung].running.erase(job.trial);
  if (job.rung == 0)
    again_.insert(job.trial);
  else
    rungs_[job.rung - 1].promoted.erase(job.trial);
}

bool SuccessiveHalving::is_finished() const {
  if (next_trial_ < params_.n_trials || !again_.empty()) return false;
  for (std::size_t rung = 0; rung < n_rungs(); ++rung)
    if (!rungs_[rung].running.empty() || promotable(rung)) return false;
  return true;
}

}  // namespace kolosal::hpo
