#include "kolosal/core/hash.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace kolosal {
namespace {

constexpr std::uint64_t kPrime1 = 0x9E3779B185EBCA87ULL;
constexpr std::uint64_t kPrime2 = 0xC2B2AE3D27D4EB4FULL;
constexpr std::uint64_t kPrime3 = 0x165667B19E3779F9ULL;
constexpr std::uint64_t kPrime4 = 0x85EBCA77C2B2AE63ULL;
constexpr std::uint64_t kPrime5 = 0x27D4EB2F165667C5ULL;

template <typename T>
T load(const unsigned char* at) {
  T out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

std::uint64_t round_of(std::uint64_t lane, std::uint64_t input) {
  return std::rotl(lane + input * kPrime2, 31) * kPrime1;
}

std::uint64_t merge(std::uint64_t hash, std::uint64_t lane) {
  return (hash ^ round_of(0, lane)) * kPrime1 + kPrime4;
}

/// The hash of n_bytes of which the last n_bytes % 32 are at `at` and the others went into the lanes.
std::uint64_t finish(const std::uint64_t* lanes, std::uint64_t seed, std::uint64_t n_bytes,
                     const unsigned char* at) {
  const unsigned char* const end = at + n_bytes % 32;
  std::uint64_t hash = seed + kPrime5;
  if (n_bytes >= 32) {
    hash =
        std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) + std::rotl(lanes[3], 18);
    for (int i = 0; i < 4; ++i) hash = merge(hash, lanes[i]);
  }
  hash += n_bytes;
  for (; end - at >= 8; at += 8)
    hash = std::rotl(hash ^ round_of(0, load<std::uint64_t>(at)), 27) * kPrime1 + kPrime4;
  if (end - at >= 4) {
    hash = std::rotl(hash ^ (load<std::uint32_t>(at) * kPrime1), 23) * kPrime2 + kPrime3;
    at += 4;
  }
  for (; at != end; ++at) hash = std::rotl(hash ^ (*at * kPrime5), 11) * kPrime1;
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

/// Whole rounds of 32 bytes.
void add_rounds(std::uint64_t* lanes, const unsigned char* at, std::size_t n_rounds) {
  std::array<std::uint64_t, 4> own;  // in registers: bytes may alias what lanes points to
  std::copy_n(lanes, 4, own.begin());
  for (; n_rounds > 0; --n_rounds, at += 32)
    for (std::size_t i = 0; i < 4; ++i) own[i] = round_of(own[i], load<std::uint64_t>(at + 8 * i));
  std::ranges::copy(own, lanes);
}

}  // namespace

StreamHash::StreamHash(std::uint64_t seed) noexcept
    : seed_(seed), lanes_{seed + kPrime1 + kPrime2, seed + kPrime2, seed, seed - kPrime1} {}

void StreamHash::add(const void* data, std::size_t n_bytes) noexcept {
  if (n_bytes == 0) return;
  const auto* at = static_cast<const unsigned char*>(data);
  const std::size_t n_rest = n_bytes_ % 32;
  n_bytes_ += n_bytes;
  if (n_rest > 0) {
    const std::size_t n = std::min(n_bytes, 32 - n_rest);
    std::memcpy(rest_ + n_rest, at, n);
    if (n_rest + n < 32) return;
    add_rounds(lanes_, rest_, 1);
    at += n;
    n_bytes -= n;
  }
  add_rounds(lanes_, at, n_bytes / 32);
  std::memcpy(rest_, at + n_bytes / 32 * 32, n_bytes % 32);
}

std::uint64_t StreamHash::value() const noexcept { return finish(lanes_, seed_, n_bytes_, rest_); }

std::uint64_t hash_bytes(const void* data, std::size_t n_bytes, std::uint64_t seed) noexcept {
  StreamHash hash(seed);
  hash.add(data, n_bytes);
  return hash.value();
}

}  // namespace kolosal
