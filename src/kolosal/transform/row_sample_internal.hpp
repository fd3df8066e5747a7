#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace kolosal::transform {

/// `wanted` of the rows, each as likely as any other, in their order; all of them when wanted is 0 or not
/// less than their number. The same for the same seed and name.
std::vector<std::uint32_t> sample_rows(std::span<const std::uint32_t> rows, std::size_t wanted,
                                       std::uint64_t seed, std::string_view name);

}  // namespace kolosal::transform
