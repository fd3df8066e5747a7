#include "kolosal/transform/murmur3_internal.hpp"

#include <bit>
#include <cstddef>

namespace kolosal::transform {
namespace {

std::uint32_t scramble(std::uint32_t block) { return std::rotl(block * 0xcc9e2d51U, 15) * 0x1b873593U; }

// n bytes (at most 4), the first one lowest, on any machine.
std::uint32_t read_bytes(std::string_view bytes, std::size_t at, std::size_t n) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < n; ++i)
    out |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return out;
}

}  // namespace

std::uint32_t murmur3_32(std::string_view bytes, std::uint32_t seed) {
  std::uint32_t hash = seed;
  const std::size_t whole = bytes.size() / 4 * 4;
  for (std::size_t at = 0; at < whole; at += 4)
    hash = std::rotl(hash ^ scramble(read_bytes(bytes, at, 4)), 13) * 5 + 0xe6546b64U;
  if (whole < bytes.size()) hash ^= scramble(read_bytes(bytes, whole, bytes.size() - whole));
  hash ^= static_cast<std::uint32_t>(bytes.size());
  hash = (hash ^ (hash >> 16)) * 0x85ebca6bU;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35U;
  return hash ^ (hash >> 16);
}

}  // namespace kolosal::transform
