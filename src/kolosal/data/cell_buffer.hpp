#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "kolosal/data/column.hpp"

namespace kolosal::data {

/// Memory for the cells of a column that is about to be written: not set to zero, aligned to a cache line, in
/// huge pages where the system has them. A std::vector would write every page twice and fault 512 times as
/// often, which took longer than the work itself for steps that only scale.
template <typename T>
class CellBuffer {
 public:
  explicit CellBuffer(std::size_t n) : bytes_(allocate(n * sizeof(T))), n_(n) {}

  /// Buffers of n cells for `count` columns of one table, in one piece of memory: columns too small for huge
  /// pages share them. It is freed with the last of the columns.
  static std::vector<CellBuffer> several(std::size_t count, std::size_t n) {
    constexpr std::size_t kCacheLine = 64 / sizeof(T);
    const std::size_t stride = (n + kCacheLine - 1) / kCacheLine * kCacheLine;
    const std::shared_ptr<void> bytes = allocate(count * stride * sizeof(T));
    std::vector<CellBuffer> out;
    for (std::size_t i = 0; i < count; ++i)
      out.push_back(CellBuffer({bytes, static_cast<T*>(bytes.get()) + i * stride}, n));
    return out;
  }

  T* data() { return static_cast<T*>(bytes_.get()); }
  std::span<T> cells() { return {data(), n_}; }
  std::size_t size() const { return n_; }
  T& operator[](std::size_t i) { return data()[i]; }

  /// The column of what was written; every cell must have been. The buffer is empty afterwards.
  Column to_column(ColumnType type, std::shared_ptr<const Dictionary> dictionary = nullptr) && {
    const void* cells = bytes_.get();
    return Column::wrap(type, cells, n_, nullptr, 0, std::move(bytes_), std::move(dictionary));
  }

 private:
  CellBuffer(std::shared_ptr<void> bytes, std::size_t n) : bytes_(std::move(bytes)), n_(n) {}
  static std::shared_ptr<void> allocate(std::size_t n_bytes);

  std::shared_ptr<void> bytes_;
  std::size_t n_;
};

namespace detail {
std::shared_ptr<void> allocate_cells(std::size_t n_bytes);
}

template <typename T>
std::shared_ptr<void> CellBuffer<T>::allocate(std::size_t n_bytes) {
  return detail::allocate_cells(n_bytes);
}

}  // namespace kolosal::data
