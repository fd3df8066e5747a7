#pragma once

#include <cstdint>
#include <vector>

#include "kolosal/profile/profile.hpp"

namespace kolosal::profile {

/// Rows that equal an earlier one; and, given a target, rows whose features equal those of a row with another
/// target.
struct RepeatedRows {
  std::size_t n_repeated = 0;
  std::size_t n_contradicting = 0;
};
/// target: the index of its column, or the number of columns.
RepeatedRows count_repeated_rows(const data::Frame& table, std::size_t target, const Context& context);

/// missing: bits per column, as missing_bits() gives them.
MissingSummary summarize_missing(std::size_t n_rows, const std::vector<std::vector<std::uint64_t>>& missing,
                                 std::size_t& n_mostly_missing_rows, const Context& context);

/// The circular serial correlation of lag 1, and how many standard deviations it is from its mean over all
/// orders of the values (Wald and Wolfowitz 1943).
struct SerialCorrelation {
  double value = kNoNumber;
  double z = kNoNumber;
};
SerialCorrelation serial_correlation(const std::vector<double>& values);

}  // namespace kolosal::profile
