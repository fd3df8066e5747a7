#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal {

/// XXH64 (Collet's xxHash, 64 bit), checked against its published vectors. Not cryptographic: it finds
/// damage, not malice.
std::uint64_t hash_bytes(const void* data, std::size_t n_bytes, std::uint64_t seed = 0) noexcept;

}  // namespace kolosal
