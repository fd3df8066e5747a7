#include "kolosal/kernel/byte_index.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kolosal/core/random.hpp"

namespace kolosal::kernel {
namespace {

std::vector<CpuLevel> levels() {
  std::vector<CpuLevel> out{CpuLevel::kBaseline};
  if (cpu_level() >= CpuLevel::kAvx2) out.push_back(CpuLevel::kAvx2);
  if (cpu_level() >= CpuLevel::kAvx512) out.push_back(CpuLevel::kAvx512);
  return out;
}

std::string noise(std::size_t n, std::string_view letters, std::uint64_t seed) {
  Rng rng(seed);
  std::string out(n, ' ');
  for (char& c : out) c = letters[rng.below(letters.size())];
  return out;
}

// Byte by byte, by the definition of the plain form.
CellIndex plain_index(std::string_view text, char delimiter, char newline, std::vector<std::uint32_t>& ends) {
  CellIndex out;
  bool inside = false, may_open = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char before = i > 0 ? text[i - 1] : '\0';
    const bool after_close = !inside && before == '"' && i > 0;
    const bool is_end = !inside && (c == delimiter || c == newline);
    if (newline != '\r' && before == '\r' && i > 0 && c != newline) out.odd = true;
    if (after_close && c != '"' && c != delimiter && c != newline && (c != '\r' || newline == '\r'))
      out.odd = true;
    if (c == 0 || static_cast<unsigned char>(c) > 127) out.ascii = false;
    if (c == '"') {
      if (!inside && !may_open && !after_close) out.odd = true;
      inside = !inside;
    }
    if (is_end) {
      ends.push_back(static_cast<std::uint32_t>(i));
      out.n_newlines += c == newline;
    }
    may_open = is_end;
  }
  out.n_ends = ends.size();
  return out;
}

TEST(ByteIndex, CellsEndWhereThePlainLoopSays) {
  const std::string_view alphabets[] = {
      "ab,\n", "a,\n\"", "a,\n\"\r", std::string_view("a,\n\0\xC3", 5), "aaaaaaaaaaaaaaaa,\n\"", "\"\",\n"};
  std::size_t n_plain = 0;
  for (const std::string_view letters : alphabets)
    for (std::uint64_t seed = 0; seed < 40; ++seed)
      for (std::size_t n : {0, 1, 2, 5, 63, 64, 65, 127, 128, 200, 511}) {
        const std::string text = noise(n + 64, letters, seed);
        std::vector<std::uint32_t> want;
        const CellIndex wanted = plain_index(std::string_view(text).substr(0, n), ',', '\n', want);
        n_plain += !wanted.odd && n > 0;
        for (const CpuLevel level : levels()) {
          SCOPED_TRACE(testing::Message() << "level " << static_cast<int>(level) << " n " << n << " seed "
                                          << seed << " of " << letters);
          std::vector<std::uint32_t> got(n + 64);
          const CellIndex index = index_cells_on(level, text.data(), n, ',', '\n', got.data());
          EXPECT_EQ(index.odd, wanted.odd);
          EXPECT_EQ(index.ascii, wanted.ascii);
          ASSERT_EQ(index.n_ends, wanted.n_ends);
          EXPECT_EQ(index.n_newlines, wanted.n_newlines);
          got.resize(index.n_ends);
          EXPECT_EQ(got, want);
        }
      }
  EXPECT_GT(n_plain, 500U);
}

TEST(ByteIndex, LinesAreCountedByBothReadings) {
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (std::size_t n : {0, 1, 63, 64, 65, 300}) {
      const std::string text = noise(n, "a\n\"", seed);
      LineCounts want;
      for (const char c : text) {
        want.n_quotes += c == '"';
        want.n_newlines += c == '\n';
        want.n_newlines_unquoted += c == '\n' && want.n_quotes % 2 == 0;
      }
      for (const CpuLevel level : levels()) {
        const LineCounts got = count_lines_on(level, text.data(), text.data() + n, '\n');
        EXPECT_EQ(got.n_quotes, want.n_quotes);
        EXPECT_EQ(got.n_newlines, want.n_newlines);
        EXPECT_EQ(got.n_newlines_unquoted, want.n_newlines_unquoted) << n << " " << seed;
      }
    }
}

TEST(ByteIndex, BytesAreFoundAndCounted) {
  for (std::size_t n : {0, 1, 63, 64, 65, 200}) {
    const std::string text = noise(n + 3, "abc", n);
    const char* const begin = text.data() + 3;
    EXPECT_EQ(count_byte(begin, begin + n, 'b'), static_cast<std::size_t>(std::count(begin, begin + n, 'b')));
    std::vector<std::uint64_t> masks(n / 64);
    match_masks(begin, masks.size(), 'a', 'c', masks.data());
    for (std::size_t i = 0; i < 64 * masks.size(); ++i)
      EXPECT_EQ(masks[i / 64] >> (i % 64) & 1, static_cast<std::uint64_t>(begin[i] != 'b')) << i;
  }
}

TEST(ByteIndex, AsciiIsSkippedInBlocks) {
  std::string text(300, 'a');
  EXPECT_EQ(skip_ascii(text.data(), text.data() + 300) - text.data(), 256);
  for (const char odd : {'\0', '\x80', '\xff'}) {
    text[130] = odd;
    EXPECT_EQ(skip_ascii(text.data(), text.data() + 300) - text.data(), 128);
  }
  text[130] = '\x7f';
  text[131] = '\x01';
  EXPECT_EQ(skip_ascii(text.data(), text.data() + 300) - text.data(), 256);
}

}  // namespace
}  // namespace kolosal::kernel
