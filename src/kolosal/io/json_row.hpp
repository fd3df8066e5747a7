#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kolosal/data/field_reader.hpp"

namespace kolosal::io {

/// Reads JSON objects as rows of a table whose fields are known, without frames.
///
/// Values are read as Schema::conform() reads a table of one row; names that are no field are passed over; of
/// a name that comes twice the last value counts.
/// Threads: const use is safe from many threads, each with a scratch of its own.
class JsonRowReader {
 public:
  /// What a thread keeps from row to row, so that a row allocates nothing (unless strings have escapes).
  class Scratch {
   public:
    Scratch();
    ~Scratch();

   private:
    friend class JsonRowReader;
    struct Parts;
    std::unique_ptr<Parts> parts_;
  };

  explicit JsonRowReader(const std::vector<data::Field>& fields);

  std::size_t n_fields() const { return names_.size(); }
  const std::vector<std::string>& names() const { return names_; }
  const data::FieldReader& field(std::size_t i) const { return readers_[i]; }

  /// Reads the object at the start of text and returns what follows it. cells: by field; texts in them live
  /// as long as `text`, the arena and the next use of the scratch.
  /// @throws Error kData for a text that is no object (with the byte), a field that is absent, or a value
  /// that can not be read as the field's type (with both).
  std::string_view read(std::string_view text, std::span<data::RowCell> cells, data::RowArena& arena,
                        Scratch& scratch) const;

 private:
  std::size_t find(std::string_view name, std::size_t expected) const;
  /// An object of all fields in their order and nothing else, of plain values: most objects are. Null for any
  /// other, and for what is wrong.
  const char* read_in_order(std::string_view text, std::span<data::RowCell> cells,
                            data::RowArena& arena) const;

  std::vector<std::string> names_;
  std::vector<data::ColumnType> types_;
  std::vector<data::FieldReader> readers_;
  std::unordered_map<std::string_view, std::size_t> positions_;  // views into names_
  bool names_are_plain_ = true;                                  // as JSON writes them
};

}  // namespace kolosal::io
