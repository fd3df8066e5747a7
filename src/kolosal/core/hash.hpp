#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal {

/// XXH64 (Collet's xxHash, 64 bit), checked against its published vectors. Not cryptographic: it finds
/// damage, not malice.
std::uint64_t hash_bytes(const void* data, std::size_t n_bytes, std::uint64_t seed = 0) noexcept;

/// The same of bytes that come in pieces.
class StreamHash {
 public:
  explicit StreamHash(std::uint64_t seed = 0) noexcept;
  void add(const void* data, std::size_t n_bytes) noexcept;
  std::uint64_t value() const noexcept;

 private:
  std::uint64_t seed_;
  std::uint64_t lanes_[4];
  unsigned char rest_[32];  ///< n_bytes_ % 32 bytes that fill no round yet
  std::uint64_t n_bytes_ = 0;
};

}  // namespace kolosal
