#pragma once

#include <optional>
#include <string>

#include "fuzz_target.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/io/table_reader.hpp"

namespace kolosal {

/// What reading gave: all cells, or the error.
inline std::string table_outcome(const std::string& path, const io::ReadOptions& options) {
  try {
    const data::Frame frame = io::read_table(path, options, {});
    std::string out;
    for (std::size_t i = 0; i < frame.n_columns(); ++i) {
      out += frame.name(i) + ":" + std::string(data::type_name(frame.column(i).type())) + "=";
      for (std::size_t row = 0; row < frame.n_rows(); ++row)
        out += frame.column(i).is_missing(row) ? "~|" : frame.column(i).cell_text(row) + "|";
    }
    return out;
  } catch (const Error& error) {
    return error.what();
  }
}

/// Reads in batches to the end.
inline void read_stream(const std::string& path, const io::ReadOptions& options) {
  try {
    const auto rows = io::open_table_stream(path, options, {});
    while (rows->next()) {
    }
  } catch (const Error&) {
  }
}

/// The first byte of an input chooses how the rest is read; the rest of a run must not depend on the cuts.
inline void check_table(const std::string& format, const std::uint8_t* data, std::size_t n_bytes) {
  if (n_bytes == 0) return;
  const MemoryFile file({reinterpret_cast<const char*>(data) + 1, n_bytes - 1});
  io::ReadOptions options;
  options.format = format;
  if (data[0] & 1) options.on_bad_rows = io::OnBadRows::kSkip;
  if (data[0] & 2) options.header = (data[0] & 4) != 0;
  if (data[0] & 8) options.types["*"] = (data[0] & 16) ? "text" : "float";
  options.memory_limit_bytes = 64 << 20;
  const std::string whole = table_outcome(file.path(), options);
  options.chunk_bytes = 1 + (data[0] >> 5) * 40;
  if (table_outcome(file.path(), options) != whole) std::abort();
  options.batch_bytes = 100;
  read_stream(file.path(), options);
}

}  // namespace kolosal
