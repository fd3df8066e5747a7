#include "kolosal/profile/ranking.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace kolosal::profile {

std::vector<std::size_t> most_remarkable(const TableProfile& profile, std::size_t most) {
  std::vector<std::size_t> out(profile.columns.size());
  std::iota(out.begin(), out.end(), std::size_t{0});
  if (out.size() <= most) return out;
  std::ranges::stable_sort(out, std::greater<>(), [&](std::size_t i) {
    const ColumnProfile& column = profile.columns[i];
    int gravest = -1;
    for (const Flag& flag : column.flags) gravest = std::max(gravest, static_cast<int>(flag.severity));
    return std::tuple(column.is_target, gravest, column.target ? column.target->power : 0.0);
  });
  out.resize(most);
  std::ranges::sort(out);
  return out;
}

std::vector<Finding> ranked_findings(const TableProfile& profile) {
  std::vector<Finding> out;
  const auto add = [&](const std::string& subject, const std::vector<Flag>& flags) {
    for (const Severity severity : {Severity::kProblem, Severity::kWarning, Severity::kNote}) {
      std::string text;
      for (const Flag& flag : flags)
        if (flag.severity == severity) text += (text.empty() ? "" : "; ") + flag.text;
      if (!text.empty()) out.push_back({subject, severity, std::move(text)});
    }
  };
  add("rows", profile.flags);
  for (const ColumnProfile& column : profile.columns) add(column.name, column.flags);
  std::ranges::stable_sort(out, std::greater<>(), &Finding::severity);
  return out;
}

std::vector<const Association*> strongest_pairs(const TableProfile& profile, double least) {
  std::vector<const Association*> out;
  for (const Association& pair : profile.associations)
    if (pair.strength() >= least && profile.columns[pair.a].kind != Kind::kIdentifier &&
        profile.columns[pair.b].kind != Kind::kIdentifier)
      out.push_back(&pair);
  std::ranges::stable_sort(out, std::greater<>(), [](const Association* pair) { return pair->strength(); });
  return out;
}

}  // namespace kolosal::profile
