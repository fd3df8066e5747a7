#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/data/column.hpp"

namespace kolosal::data {

/// Named columns of equal length. Copying, selecting and slicing copy no cell.
class Frame {
 public:
  Frame() = default;
  /// @throws Error kInternal when lengths differ or a name is given twice.
  Frame(std::vector<std::string> names, std::vector<Column> columns);

  std::size_t n_rows() const { return n_rows_; }
  std::size_t n_columns() const { return columns_.size(); }
  const std::vector<std::string>& names() const { return names_; }
  const std::string& name(std::size_t i) const { return names_[i]; }
  const Column& column(std::size_t i) const { return columns_[i]; }
  /// The columns of a frame that is not needed any more.
  std::vector<Column> columns() && { return std::move(columns_); }
  /// @throws Error kData naming the column, with the nearest name that exists.
  const Column& column(std::string_view name) const;
  std::optional<std::size_t> find(std::string_view name) const;

  /// Adds a column at the end. @throws Error kInternal when the name exists or the length differs.
  void add(std::string name, Column column);
  Frame select(std::span<const std::string> names) const;
  Frame without(std::span<const std::string> names) const;
  Frame slice(std::size_t offset, std::size_t n) const;
  Frame take(std::span<const std::uint32_t> rows) const;
  std::size_t n_bytes() const;

 private:
  std::vector<std::string> names_;
  std::vector<Column> columns_;
  std::size_t n_rows_ = 0;
};

Frame concatenate(std::span<const Frame> parts);

}  // namespace kolosal::data
