#include <algorithm>
#include <bit>
#include <cmath>

#include "kolosal/profile/hyperloglog_internal.hpp"

namespace kolosal::profile {

void HyperLogLog::add(std::uint64_t hash) {
  const std::size_t index = hash >> (64 - kBits);
  // The position of the first 1 among the other bits; a bit at the end bounds it.
  const std::uint64_t rest = hash << kBits | std::uint64_t{1} << (kBits - 1);
  const auto rank = static_cast<std::uint8_t>(std::countl_zero(rest) + 1);
  registers_[index] = std::max(registers_[index], rank);
}

void HyperLogLog::merge(const HyperLogLog& other) {
  for (std::size_t i = 0; i < registers_.size(); ++i)
    registers_[i] = std::max(registers_[i], other.registers_[i]);
}

double HyperLogLog::estimate() const {
  const auto m = static_cast<double>(registers_.size());
  double sum = 0, n_empty = 0;
  for (const std::uint8_t value : registers_) {
    sum += std::ldexp(1.0, -value);
    n_empty += value == 0;
  }
  const double alpha = 0.7213 / (1 + 1.079 / m);
  const double raw = alpha * m * m / sum;
  return raw <= 2.5 * m && n_empty > 0 ? m * std::log(m / n_empty) : raw;
}

}  // namespace kolosal::profile
