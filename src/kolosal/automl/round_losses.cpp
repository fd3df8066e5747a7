#include "kolosal/automl/round_losses.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

namespace kolosal::automl {
namespace {

using nlohmann::json;

constexpr std::size_t kMostPoints = 60;

/// For people and plots: 6 digits take half of the bytes of all 17.
json rounded(double loss) {
  if (!std::isfinite(loss)) return nullptr;
  return std::strtod(fmt::format("{:.6g}", loss).c_str(), nullptr);
}

/// Of a round counted from 1; null where there is none.
json loss_at(const FoldResult& fold, std::size_t round) {
  return round >= 1 && round <= fold.round_losses.size() ? rounded(fold.round_losses[round - 1]) : json();
}

}  // namespace

json round_losses_json(std::span<const FoldResult> folds) {
  std::size_t n_rounds = 0;
  for (const FoldResult& fold : folds) n_rounds = std::max(n_rounds, fold.round_losses.size());
  if (n_rounds == 0) return nullptr;
  const std::size_t step = (n_rounds + kMostPoints - 1) / kMostPoints;
  std::vector<std::size_t> rounds;
  for (std::size_t round = 1; round < n_rounds; round += step) rounds.push_back(round);
  rounds.push_back(n_rounds);
  json out = {{"round", rounds},
              {"folds", json::array()},
              {"kept_round", json::array()},
              {"kept_loss", json::array()}};
  for (const FoldResult& fold : folds) {
    json losses = json::array();
    for (const std::size_t round : rounds) losses.push_back(loss_at(fold, round));
    out["folds"].push_back(std::move(losses));
    out["kept_round"].push_back(fold.n_rounds);
    out["kept_loss"].push_back(loss_at(fold, fold.n_rounds));
  }
  return out;
}

}  // namespace kolosal::automl
