#include "kolosal/automl/proposals.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "kolosal/automl/memory_need.hpp"
#include "kolosal/core/memory.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/hpo/sampler.hpp"
#include "kolosal/model/estimator.hpp"

namespace kolosal::automl {
namespace {

/// Of the loss of a blend: what is less is no gain.
constexpr double kLeastGain = 5e-4;

/// The box in which the local search moves a booster.
struct Axis {
  const char* name;
  double low, high;
  bool log, integer;
  double start;  ///< where the entry does not set the parameter
};

constexpr std::array kLightgbmAxes = {
    Axis{"num_leaves", 4, 255, true, true, 31},         Axis{"min_data_in_leaf", 2, 128, true, true, 20},
    Axis{"feature_fraction", 0.3, 1, false, false, 1},  Axis{"bagging_fraction", 0.5, 1, false, false, 1},
    Axis{"lambda_l1", 1e-3, 10, true, false, 1e-3},     Axis{"lambda_l2", 1e-3, 10, true, false, 1e-3},
    Axis{"learning_rate", 0.015, 0.2, true, false, 0.1}};

constexpr std::array kXgboostAxes = {
    Axis{"max_depth", 2, 10, false, true, 6},           Axis{"min_child_weight", 0.5, 64, true, false, 1},
    Axis{"colsample_bynode", 0.3, 1, false, false, 1},  Axis{"subsample", 0.5, 1, false, false, 1},
    Axis{"reg_alpha", 1e-3, 10, true, false, 1e-3},     Axis{"reg_lambda", 1e-2, 30, true, false, 1},
    Axis{"learning_rate", 0.015, 0.2, true, false, 0.1}};

constexpr std::array kOrderedBoostingAxes = {
    Axis{"depth", 3, 8, false, true, 6}, Axis{"l2_leaf_reg", 0.5, 30, true, false, 3},
    Axis{"random_strength", 0, 3, false, false, 1}, Axis{"feature_fraction", 0.3, 1, false, false, 1},
    Axis{"learning_rate", 0.015, 0.2, true, false, 0.05}};

/// None for what is no booster. A random forest of LightGBM has neither a rate nor a path to it.
std::span<const Axis> axes_of(const Candidate& candidate) {
  const std::string& estimator = candidate.estimator;
  const auto boosting = candidate.params.find("boosting");
  if (boosting != candidate.params.end() && boosting->second == ParamValue(std::string("rf"))) return {};
  if (estimator == "lightgbm") return kLightgbmAxes;
  if (estimator == "xgboost") return kXgboostAxes;
  if (estimator == "ordered_boosting") return kOrderedBoostingAxes;
  return {};
}

double number_of(const ParamMap& params, const Axis& axis) {
  const auto found = params.find(axis.name);
  if (found == params.end()) return axis.start;
  if (const auto* i = std::get_if<std::int64_t>(&found->second)) return static_cast<double>(*i);
  return std::get<double>(found->second);
}

double to_unit(const Axis& axis, double value) {
  const double v = std::clamp(value, axis.low, axis.high);
  return axis.log ? std::log(v / axis.low) / std::log(axis.high / axis.low)
                  : (v - axis.low) / (axis.high - axis.low);
}

double from_unit(const Axis& axis, double unit) {
  const double u = std::clamp(unit, 0.0, 1.0);
  const double v =
      axis.log ? axis.low * std::pow(axis.high / axis.low, u) : axis.low + u * (axis.high - axis.low);
  return axis.integer ? std::round(v) : v;
}

std::string root_label(const std::string& label) { return label.substr(0, label.find(" / ")); }

std::vector<const TrialResult*> by_loss(const std::vector<TrialResult>& known, bool boosters_only) {
  std::vector<const TrialResult*> out;
  for (const TrialResult& result : known)
    if (!(boosters_only && axes_of(result.candidate).empty()) && !result.cut_short) out.push_back(&result);
  std::ranges::stable_sort(out, {}, [](const TrialResult* r) { return r->loss; });
  return out;
}

}  // namespace

double seconds_per_cost(const std::vector<TrialResult>& below, std::size_t n_rows_below, std::size_t n_rows) {
  double seconds = 0, cost = 0;
  for (const TrialResult& result : below) {
    if (result.candidate.estimator == "constant") continue;
    seconds += result.seconds;
    cost += result.candidate.cost;
  }
  return cost > 0 ? static_cast<double>(n_rows) / static_cast<double>(n_rows_below) * seconds / cost : 0;
}

double expected_bin_s(const std::string& estimator, std::size_t n_cells) {
  // Measured on 1,000,000 x 30: LightGBM takes 3 s, XGBoost 9 s.
  const double ns_per_cell = estimator == "xgboost" ? 300 : estimator == "constant" ? 0 : 100;
  return 1e-9 * ns_per_cell * static_cast<double>(n_cells);
}

Candidate with_lower_rate(const Candidate& candidate) {
  Candidate out = candidate;
  out.continues.reset();
  const auto axes = axes_of(candidate);
  const auto axis = std::ranges::find(axes, std::string_view("learning_rate"), &Axis::name);
  KOLOSAL_ASSERT(axis != axes.end(), "a lower rate is for boosters");
  const double rate = number_of(candidate.params, *axis) / 2;
  out.params["learning_rate"] = rate;
  const Axis rounds{"n_estimators", 1, 1e6, true, true, 1000};
  out.params["n_estimators"] = static_cast<std::int64_t>(2 * number_of(candidate.params, rounds));
  const Axis patience{"early_stopping_rounds", 1, 1e6, true, true, 40};
  out.params["early_stopping_rounds"] =
      static_cast<std::int64_t>(1.5 * number_of(candidate.params, patience));
  out.label = fmt::format("{} / rate {:.3g}", root_label(candidate.label), rate);
  out.cost = 2 * candidate.cost;
  return out;
}

std::optional<Candidate> random_point(const Candidate& centre, std::uint64_t seed) {
  const auto space = hpo::SearchSpace::from_specs(model::estimator_info(centre.estimator).params);
  if (space.size() == 0) return {};
  Candidate out = centre;
  out.continues.reset();
  const auto drawn = hpo::make_sampler("random", seed)->sample(space, 0, {});
  for (const auto& [name, value] : *drawn) out.params[name] = value;
  out.label = root_label(centre.label);
  return out;
}

Candidate local_step(const Candidate& centre, double length, std::uint64_t seed) {
  Candidate out = centre;
  out.continues.reset();
  Rng rng(seed);
  const auto axes = axes_of(centre);
  std::vector<double> direction(axes.size());
  double norm = 0;
  for (double& d : direction) {
    d = rng.normal();
    norm += d * d;
  }
  norm = std::sqrt(std::max(norm, 1e-12));
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const Axis& axis = axes[i];
    const double value =
        from_unit(axis, to_unit(axis, number_of(centre.params, axis)) + length * direction[i] / norm);
    if (axis.integer)
      out.params[axis.name] = static_cast<std::int64_t>(value);
    else
      out.params[axis.name] = value;
  }
  out.label = root_label(centre.label);
  return out;
}

std::vector<Candidate> promoted(std::vector<TrialResult> known) {
  std::set<std::size_t> continued;
  for (const TrialResult& result : known)
    if (result.candidate.continues) continued.insert(*result.candidate.continues);
  std::erase_if(known, [&](const TrialResult& r) {
    return r.candidate.estimator == "constant" || continued.contains(r.number);
  });
  std::ranges::stable_sort(known, {}, &TrialResult::loss);
  std::vector<Candidate> out;
  std::map<std::string, int> families;
  for (std::size_t i = 0; i < known.size(); ++i) {
    // The better half, and the best of each learner that is not far behind.
    const bool first_of_family = families[known[i].candidate.estimator]++ == 0;
    if (2 * i < known.size() || (first_of_family && known[i].loss < 1.2 * known.front().loss))
      out.push_back(known[i].candidate);
  }
  for (Candidate& candidate : out) candidate.continues.reset();  // other rows, another fit
  return out;
}

Proposals::Proposals(std::vector<Candidate> portfolio, Settings settings)
    : portfolio_(std::move(portfolio)), settings_(std::move(settings)) {}

double Proposals::expected_s(const Candidate& candidate, const std::vector<TrialResult>& known) const {
  const double seen = seconds_per_cost(known, 1, 1);
  const double rate = seen > 0 ? seen : settings_.seconds_per_cost;
  return expected_bin_s(candidate.estimator, settings_.n_cells) +
         candidate.cost * rate / static_cast<double>(settings_.n_parallel);
}

bool Proposals::fits_in_time(const Candidate& candidate, const std::vector<TrialResult>& known) const {
  return expected_s(candidate, known) <= settings_.remaining_s();
}

std::string Proposals::obstacle(const Candidate& candidate, const std::vector<TrialResult>& known) const {
  if (!fits_in_time(candidate, known))
    return fmt::format("expected to take {:.1f} s, {:.1f} s are left", expected_s(candidate, known),
                       settings_.remaining_s());
  const std::size_t need = expected_bytes(candidate, settings_.n_cells);
  if (need > settings_.fit_bytes)
    return fmt::format("expected to take {} of memory, {} are there for a fit", format_bytes(need),
                       format_bytes(settings_.fit_bytes));
  return {};
}

bool Proposals::patience_ended(const std::vector<TrialResult>& known) {
  const std::size_t n_first = portfolio_.size();
  if (settings_.patience == 0 || known.size() < n_first + settings_.patience) return false;
  // Results come by number, so fewer of them are the first ones of more.
  while (n_first + blend_losses_.size() <= known.size())
    blend_losses_.push_back(settings_.blend_loss(std::span(known).first(n_first + blend_losses_.size())));
  double best = blend_losses_.front();
  std::size_t n_at_gain = n_first;
  for (std::size_t n = n_first + 1; n <= known.size(); ++n) {
    const double loss = blend_losses_[n - n_first];
    if (!(loss < best - kLeastGain * std::abs(best))) continue;
    best = loss;
    n_at_gain = n;
  }
  return known.size() >= n_at_gain + settings_.patience;
}

std::optional<Candidate> Proposals::continued(const std::vector<TrialResult>& known) {
  const auto was_continued = [&](const TrialResult& paused) {
    return continued_.contains(paused.number) || std::ranges::any_of(known, [&](const TrialResult& r) {
             return r.candidate.continues == paused.number;
           });
  };
  for (const TrialResult* result : by_loss(known, true)) {
    if (!result->paused || was_continued(*result)) continue;
    continued_.insert(result->number);
    Candidate out = result->candidate;
    out.continues = result->number;
    out.label = fmt::format("{} / continued {}", root_label(out.label), result->number);
    return out;
  }
  return {};
}

std::optional<Candidate> Proposals::refine(std::size_t number, const std::vector<TrialResult>& known) {
  const auto best = by_loss(known, true);
  const std::uint64_t seed = derive_seed(settings_.seed, {"proposal", number});
  const std::size_t turn = (number - portfolio_.size()) % 4;
  // A curve may have deceived.
  if ((number - portfolio_.size()) % 8 == 7)
    if (auto out = continued(known)) return out;
  if (turn == 3 || best.empty()) {
    // Far from all that is known; without boosters there is nothing else to draw.
    for (const TrialResult* centre : best.empty() ? by_loss(known, false) : best)
      if (auto out = random_point(centre->candidate, seed)) {
        if (!settings_.views.empty() && !axes_of(*out).empty())
          out->view = settings_.views[Rng(derive_seed(seed, {"view"})).below(settings_.views.size())];
        out->label += fmt::format(" / random {}", number);
        return out;
      }
    return {};
  }
  if (turn == 0) {
    for (std::size_t i = 0; i < std::min<std::size_t>(best.size(), 3); ++i) {
      const Candidate slower = with_lower_rate(best[i]->candidate);
      const bool was_tried =
          std::ranges::any_of(known, [&](const TrialResult& r) { return r.candidate.label == slower.label; });
      if (std::get<double>(slower.params.at("learning_rate")) > 0.004 && !was_tried &&
          slowed_.insert(slower.label).second)
        return slower;
    }
  }
  // The step shrinks as the search goes on.
  const double length = 0.5 / std::sqrt(1 + static_cast<double>(number - portfolio_.size()) / 8);
  Candidate out = local_step(best[std::min(turn % 2, best.size() - 1)]->candidate, length, seed);
  out.label += fmt::format(" / local {}", number);
  return out;
}

std::optional<Candidate> Proposals::cut_short_booster(std::size_t number,
                                                      const std::vector<TrialResult>& known) const {
  const double remaining_s = settings_.remaining_s();
  for (std::size_t i = number; i < portfolio_.size(); ++i) {
    const Candidate& candidate = portfolio_[i];
    if (candidate.estimator == "lightgbm" &&
        expected_bytes(candidate, settings_.n_cells) <= settings_.fit_bytes &&
        expected_s(candidate, known) <= 4 * remaining_s &&
        remaining_s >= 1 + 2 * expected_bin_s(candidate.estimator, settings_.n_cells))
      return candidate;
  }
  return {};
}

std::optional<Candidate> Proposals::operator()(std::size_t number, const std::vector<TrialResult>& known) {
  for (std::size_t i = number; i < portfolio_.size(); ++i) {
    // A dear entry that no longer fits makes room for a later, cheaper one.
    const std::string why_not = obstacle(portfolio_[i], known);
    if (why_not.empty()) {
      const Candidate chosen = portfolio_[i];
      portfolio_.erase(portfolio_.begin() + static_cast<std::ptrdiff_t>(i));
      portfolio_.insert(portfolio_.begin() + static_cast<std::ptrdiff_t>(number), chosen);
      return chosen;
    }
    if (settings_.skipped && passed_over_.insert(portfolio_[i].label).second)
      settings_.skipped(portfolio_[i], why_not);
  }
  const auto anytime = cut_short_booster(number, known);
  if (number < portfolio_.size()) portfolio_.resize(number);
  if (anytime) {
    portfolio_.push_back(*anytime);
    return anytime;
  }
  if (patience_ended(known)) return {};
  auto out = refine(number, known);
  if (out && !obstacle(*out, known).empty()) return {};
  return out;
}

}  // namespace kolosal::automl
