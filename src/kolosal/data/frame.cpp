#include "kolosal/data/frame.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"

namespace kolosal::data {

Frame::Frame(std::vector<std::string> names, std::vector<Column> columns)
    : names_(std::move(names)), columns_(std::move(columns)) {
  KOLOSAL_ASSERT(names_.size() == columns_.size(), "every column has a name");
  if (columns_.empty()) return;
  n_rows_ = columns_.front().size();
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].size() != n_rows_)
      throw Error(ErrorCode::kInternal, "column '{}' has another length than column '{}': {} instead of {}",
                  names_[i], names_[0], columns_[i].size(), n_rows_);
    if (!seen.insert(names_[i]).second)
      throw Error(ErrorCode::kInternal, "two columns have the same name: '{}'", names_[i]);
  }
}

const Column& Frame::column(std::string_view name) const {
  if (const auto i = find(name)) return columns_[*i];
  const std::string nearest = nearest_name(name, names_);
  if (nearest.empty()) throw Error(ErrorCode::kData, "there is no column '{}'", name);
  throw Error(ErrorCode::kData, "there is no column '{}'; did you mean '{}'?", name, nearest);
}

std::optional<std::size_t> Frame::find(std::string_view name) const {
  const auto it = std::find(names_.begin(), names_.end(), name);
  if (it == names_.end()) return {};
  return static_cast<std::size_t>(it - names_.begin());
}

void Frame::add(std::string name, Column column) {
  if (find(name)) throw Error(ErrorCode::kInternal, "two columns have the same name: '{}'", name);
  if (columns_.empty() && n_rows_ == 0) n_rows_ = column.size();
  if (column.size() != n_rows_)
    throw Error(ErrorCode::kInternal, "column '{}' has another length than the table: {} instead of {}", name,
                column.size(), n_rows_);
  names_.push_back(std::move(name));
  columns_.push_back(std::move(column));
}

Frame Frame::select(std::span<const std::string> names) const {
  std::vector<Column> columns;
  columns.reserve(names.size());
  for (const auto& name : names) columns.push_back(column(name));
  Frame out({names.begin(), names.end()}, std::move(columns));
  out.n_rows_ = n_rows_;
  return out;
}

Frame Frame::without(std::span<const std::string> names) const {
  const std::unordered_set<std::string_view> dropped(names.begin(), names.end());
  Frame out;
  out.n_rows_ = n_rows_;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (dropped.contains(names_[i])) continue;
    out.names_.push_back(names_[i]);
    out.columns_.push_back(columns_[i]);
  }
  return out;
}

Frame Frame::slice(std::size_t offset, std::size_t n) const {
  KOLOSAL_ASSERT(offset <= n_rows_ && n <= n_rows_ - offset, "a slice lies inside its frame");
  Frame out;
  out.names_ = names_;
  out.n_rows_ = n;
  for (const auto& column : columns_) out.columns_.push_back(column.slice(offset, n));
  return out;
}

Frame Frame::take(std::span<const std::uint32_t> rows) const {
  Frame out;
  out.names_ = names_;
  out.n_rows_ = rows.size();
  for (const auto& column : columns_) out.columns_.push_back(column.take(rows));
  return out;
}

std::size_t Frame::n_bytes() const {
  std::size_t total = 0;
  for (const auto& column : columns_) total += column.n_bytes();
  return total;
}

Frame concatenate(std::span<const Frame> parts) {
  if (parts.empty()) return {};
  if (parts.size() == 1) return parts[0];
  Frame out;
  for (std::size_t c = 0; c < parts[0].n_columns(); ++c) {
    std::vector<Column> columns;
    for (const Frame& part : parts) {
      KOLOSAL_ASSERT(part.n_columns() == parts[0].n_columns() && part.name(c) == parts[0].name(c),
                     "frames to be joined have the same columns");
      columns.push_back(part.column(c));
    }
    out.add(parts[0].name(c), concatenate(columns));
  }
  return out;
}

}  // namespace kolosal::data
