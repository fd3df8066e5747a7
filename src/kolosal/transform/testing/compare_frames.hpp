#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "kolosal/data/frame.hpp"

// What tests over the registry compare: frames to the byte or to rounding.

namespace kolosal::transform {

/// All cells of a column, in a form that two equal columns share.
inline std::string bytes_of(const data::Column& column) {
  std::string out(data::type_name(column.type()));
  const auto append = [&](const auto& span) {
    out.append(reinterpret_cast<const char*>(span.data()), span.size_bytes());
  };
  switch (column.type()) {
    case data::ColumnType::kFloat64:
      append(column.float64s());
      break;
    case data::ColumnType::kFloat32:
      append(column.float32s());
      break;
    case data::ColumnType::kCategory:
      append(column.codes());
      for (const auto& level : column.dictionary()->levels()) out += level + '\n';
      break;
    case data::ColumnType::kSparse: {
      const auto cells = column.sparse();
      const auto begin = cells.offsets.front(), end = cells.offsets.back();
      for (const auto offset : cells.offsets) out += std::to_string(offset - begin) + ",";
      append(std::span(cells.indices + begin, static_cast<std::size_t>(end - begin)));
      append(std::span(cells.values + begin, static_cast<std::size_t>(end - begin)));
      out += std::to_string(cells.width);
      break;
    }
    default:
      for (std::size_t i = 0; i < column.size(); ++i)
        out += column.cell_text(i) + (column.is_missing(i) ? "?\n" : "\n");
  }
  return out;
}

inline std::string bytes_of(const data::Frame& frame) {
  std::string out;
  for (std::size_t c = 0; c < frame.n_columns(); ++c)
    out += frame.name(c) + ":" + bytes_of(frame.column(c)) + ";";
  return out;
}

/// Says where two byte strings part, and not all of both.
inline ::testing::AssertionResult same(const std::string& a, const std::string& b) {
  const auto at = static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
  if (at == a.size() && at == b.size()) return ::testing::AssertionSuccess();
  const auto around = [&](const std::string& text) {
    return ::testing::PrintToString(
        text.substr(std::min(text.size(), at - std::min<std::size_t>(at, 60)), 120));
  };
  return ::testing::AssertionFailure() << "differ at byte " << at << ":\n" << around(a) << "\n" << around(b);
}

/// A dictionary of its own for each category column of a batch: the levels of its rows alone, last one first.
inline data::Frame with_own_dictionaries(const data::Frame& x) {
  data::Frame out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    if (x.column(c).type() != data::ColumnType::kCategory) {
      out.add(x.name(c), x.column(c));
      continue;
    }
    const auto& given = *x.column(c).dictionary();
    std::vector<std::string> levels;
    std::vector<std::int32_t> code_of(static_cast<std::size_t>(given.size()), -1), codes;
    for (std::size_t row = x.n_rows(); row-- > 0;) {
      const std::int32_t code = x.column(c).codes()[row];
      if (code < 0 || code_of[static_cast<std::size_t>(code)] >= 0) continue;
      code_of[static_cast<std::size_t>(code)] = static_cast<std::int32_t>(levels.size());
      levels.push_back(given.level(code));
    }
    for (const std::int32_t code : x.column(c).codes())
      codes.push_back(code < 0 ? code : code_of[static_cast<std::size_t>(code)]);
    out.add(x.name(c), data::Column::from_category(
                           std::move(codes), std::make_shared<const data::Dictionary>(std::move(levels))));
  }
  return out;
}

inline bool near_or_same(double a, double b, double tolerance) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return true;
  return std::isfinite(a) && std::isfinite(b) &&
         std::abs(a - b) <= tolerance * std::max({1.0, std::abs(a), std::abs(b)});
}

/// A missing cell is not an unknown level.
inline bool same_cell(const data::Column& a, const data::Column& b, std::size_t row) {
  const bool is_category = a.type() == data::ColumnType::kCategory;
  if (is_category && (a.codes()[row] < 0 || b.codes()[row] < 0)) return a.codes()[row] == b.codes()[row];
  return a.cell_text(row) == b.cell_text(row) && a.is_missing(row) == b.is_missing(row);
}

/// Numbers to rounding, all else exactly; categories by their levels, whatever the dictionary.
inline ::testing::AssertionResult same_to_rounding(const data::Frame& a, const data::Frame& b,
                                                   double tolerance = 1e-9) {
  if (a.names() != b.names())
    return ::testing::AssertionFailure() << "names: " << ::testing::PrintToString(a.names()) << " and "
                                         << ::testing::PrintToString(b.names());
  for (std::size_t c = 0; c < a.n_columns(); ++c) {
    const data::Column &left = a.column(c), &right = b.column(c);
    if (left.type() != right.type()) return ::testing::AssertionFailure() << a.name(c) << ": types differ";
    const bool number = left.is_numeric();
    if (left.type() == data::ColumnType::kSparse && bytes_of(left) != bytes_of(right))
      return ::testing::AssertionFailure() << a.name(c) << ": sparse cells differ";
    for (std::size_t row = 0; row < a.n_rows() && left.type() != data::ColumnType::kSparse; ++row)
      if (number ? !near_or_same(left.number(row), right.number(row), tolerance)
                 : !same_cell(left, right, row))
        return ::testing::AssertionFailure() << a.name(c) << " row " << row << ": " << left.cell_text(row)
                                             << " and " << right.cell_text(row);
  }
  return ::testing::AssertionSuccess();
}

}  // namespace kolosal::transform
