#pragma once

#include <cstdint>
#include <string_view>

namespace kolosal::transform {

/// MurmurHash3_x86_32 (Appleby, 2011): the hash of scikit-learn's FeatureHasher, so that hashed columns
/// agree.
std::uint32_t murmur3_32(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace kolosal::transform
