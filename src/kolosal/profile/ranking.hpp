#pragma once

#include <string>
#include <vector>

#include "kolosal/profile/profile.hpp"

namespace kolosal::profile {

// What a page shows first.

/// The indices of at most `most` columns, in the order of the table: the target, then those with the gravest
/// flags, then those that tell most about the target.
std::vector<std::size_t> most_remarkable(const TableProfile& profile, std::size_t most);

/// The flags of equal severity of a column, or of the "rows".
struct Finding {
  std::string subject;
  Severity severity = Severity::kNote;
  std::string text;  ///< Their texts, with semicolons.
};
/// The gravest first; those of equal severity in the order of the table.
std::vector<Finding> ranked_findings(const TableProfile& profile);

/// Pairs of a strength of at least `least`, strongest first. Identifiers are left out.
std::vector<const Association*> strongest_pairs(const TableProfile& profile, double least);

}  // namespace kolosal::profile
