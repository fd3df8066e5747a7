#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "kolosal/core/arena.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::data {

struct SparseEntry {
  std::int32_t index;
  float value;
};

/// One cell of one row, for work without columns. Which fields count is told by the column's type:
///   bool, int, float, float32   number, NaN where missing
///   category                    number: the code, kMissingCode and kUnseenCode included
///   date, timestamp             time, unless is_missing
///   text                        bytes, unless is_missing
///   sparse                      entries, n of them, indices rising
struct RowCell {
  double number = 0;
  std::int64_t time = 0;
  union {
    const char* bytes = nullptr;
    const SparseEntry* entries;
  };
  std::uint32_t n = 0;
  bool is_missing = false;

  std::string_view text() const { return {bytes, n}; }
  std::span<const SparseEntry> sparse() const { return {entries, n}; }
};

/// Memory for what cells of one row point to. Kept from row to row, so that a row allocates nothing once the
/// largest one has been seen. One thread at a time.
class RowArena {
 public:
  /// For plain old data; what it holds is unspecified.
  template <typename T>
  std::span<T> take(std::size_t n) {
    return {static_cast<T*>(memory_.take(n * sizeof(T), alignof(T))), n};
  }
  /// Keeps a frame, for cells that point into it.
  const Frame& keep(Frame frame) {
    return *frames_.emplace_back(std::make_unique<const Frame>(std::move(frame)));
  }
  /// Everything that was taken is free again.
  void clear() {
    memory_.reset();
    frames_.clear();
  }

 private:
  Arena memory_;
  std::vector<std::unique_ptr<const Frame>> frames_;
};

/// A frame of one row. header: names, types and dictionaries; cells: by column.
Frame frame_of_cells(const Frame& header, std::span<const RowCell> cells);

/// Row `row` of a column. Texts point into the column, sparse entries into the arena.
RowCell cell_of(const Column& column, std::size_t row, RowArena& arena);

}  // namespace kolosal::data
