#pragma once

#include <cstddef>
#include <cstdint>

#include "kolosal/kernel/cpu.hpp"

namespace kolosal::kernel {

/// Bit i of masks[w]: whether byte 64 w + i of p is a or b. Reads 64 n_words bytes.
void match_masks(const char* p, std::size_t n_words, char a, char b, std::uint64_t* masks);

/// How often c stands in [begin, end).
std::size_t count_byte(const char* begin, const char* end, char c);

/// Goes on to a block of 64 bytes that holds a 0 or a byte that is not ASCII, or to the last 63 bytes.
const char* skip_ascii(const char* begin, const char* end);

/// What a stretch of text holds, by both readings of its start.
struct LineCounts {
  std::size_t n_quotes = 0;
  std::size_t n_newlines = 0;           ///< All of them.
  std::size_t n_newlines_unquoted = 0;  ///< With an even number of quotes before them in the stretch.
};
LineCounts count_lines(const char* begin, const char* end, char newline);

/// What index_cells() saw.
struct CellIndex {
  std::size_t n_ends = 0;
  std::size_t n_newlines = 0;  ///< Among the ends.
  bool odd = false;            ///< Not in the plain form, so that the ends mean nothing.
  bool ascii = true;           ///< Neither a 0 nor a byte above 127.
};

/// Finds where the cells of CSV text end: the places (from p) of all delimiters and newlines outside quotes.
///
/// p is the start of a record. Reads whole blocks of 64 bytes, so up to 63 bytes after p + n_bytes must be
/// readable. `ends` has room for n_bytes + 64 numbers.
/// Plain form: quotes open only at the start of a cell and close only at its end, quotes inside are doubled,
/// and a carriage return stands only before a line feed.
CellIndex index_cells(const char* p, std::size_t n_bytes, char delimiter, char newline, std::uint32_t* ends);

/// The same by the body for one CPU, for tests.
CellIndex index_cells_on(CpuLevel level, const char* p, std::size_t n_bytes, char delimiter, char newline,
                         std::uint32_t* ends);
LineCounts count_lines_on(CpuLevel level, const char* begin, const char* end, char newline);

}  // namespace kolosal::kernel
