#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "kolosal/data/row_cell.hpp"
#include "kolosal/data/schema.hpp"

namespace kolosal::data {

/// Single values into cells of a field, as Schema::conform() reads them in a column. What can not be read as
/// the field's type becomes missing.
/// Threads: const use is safe from many threads.
class FieldReader {
 public:
  explicit FieldReader(const Field& field);
  FieldReader(FieldReader&&) noexcept;
  ~FieldReader();

  struct Read {
    RowCell cell;
    bool is_unreadable = false;  ///< The value was there, and is of no use.
  };
  RowCell missing() const;
  /// arena: holds the text that a text field gets.
  Read number(double value, RowArena& arena) const;
  Read boolean(bool value, RowArena& arena) const;
  /// text must live as long as the cell.
  Read text(std::string_view text) const;

 private:
  struct Levels;
  Read written(std::string_view text, RowArena& arena) const;
  Read code(std::int32_t code) const;
  template <typename T>
  Read present(const std::optional<T>& value) const;

  ColumnType type_;
  std::shared_ptr<const Dictionary> dictionary_;
  std::unique_ptr<const Levels> levels_;  // of a category
};

}  // namespace kolosal::data
