#pragma once

#include <string>

#include "kolosal/core/context.hpp"
#include "kolosal/data/column.hpp"
#include "kolosal/io/table_reader.hpp"

namespace kolosal::io {

/// A column of a typed file in the type that the user forces, or that its texts suggest.
struct Retyped {
  data::Column column;
  std::string reason;
};

/// Forced types are obeyed. With `infer`, a text column becomes date, timestamp, category or stays text by
/// the rules of read_table(): text that is quoted in JSON lines is treated alike. All else stays as the file
/// has it.
///
/// Missing: a typed file says itself what is missing, so "NA" is a text like any other, unless the user gave
/// missing tokens or forces another type.
/// @throws Error kData naming path, column and the first value that can not be read as the forced type.
Retyped retype(const data::Column& column, const std::string& name, const std::string& path, bool infer,
               const ReadOptions& options, const Context& context, ReadReport& report);

/// A column in another type without text in between: numbers, dates. @throws Error kData when values do not
/// fit.
data::Column convert(const data::Column& column, const std::string& name, const std::string& path,
                     data::ColumnType type);

}  // namespace kolosal::io
