#include "kolosal/core/hash.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace kolosal {
namespace {

std::uint64_t hash_of(std::string_view text, std::uint64_t seed = 0) {
  return hash_bytes(text.data(), text.size(), seed);
}

// Values of the reference implementation (xxhsum of xxHash 0.8).
TEST(Hash, IsXxh64) {
  EXPECT_EQ(hash_of(""), 0xEF46DB3751D8E999ULL);
  EXPECT_EQ(hash_of("a"), 0xD24EC4F1A98C6E5BULL);
  EXPECT_EQ(hash_of("abc"), 0x44BC2CF5AD770999ULL);
  EXPECT_EQ(hash_of("Nobody inspects the spammish repetition"), 0xFBCEA83C8A378BF1ULL);
}

TEST(Hash, PiecesOfAnyLengthGiveTheHashOfTheWhole) {
  std::string text;
  for (int i = 0; i < 333; ++i) text += static_cast<char>(i * 7);
  for (const std::size_t piece : {1, 3, 31, 32, 33, 64, 100, 333}) {
    StreamHash hash(5);
    for (std::size_t at = 0; at < text.size(); at += piece) {
      const std::string_view part = std::string_view(text).substr(at, piece);
      hash.add(part.data(), part.size());
      EXPECT_EQ(hash.value(), hash_of(std::string_view(text).substr(0, at + part.size()), 5)) << piece;
    }
  }
}

}  // namespace
}  // namespace kolosal
