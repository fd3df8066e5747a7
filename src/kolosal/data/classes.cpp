#include "kolosal/data/classes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <set>
#include <unordered_map>
#include <utility>

namespace kolosal::data {
namespace {

/// An integer target with at most this many values is a class; with more it is a number.
constexpr std::size_t kMaxIntegerClasses = 20;

bool looks_like_classes(const Column& column, std::size_t n_distinct) {
  switch (column.type()) {
    case ColumnType::kBool:
    case ColumnType::kCategory:
    case ColumnType::kText:
      return true;
    case ColumnType::kInt64:
      return n_distinct <= 2 || (n_distinct <= kMaxIntegerClasses && n_distinct * 3 <= column.size() + 2);
    case ColumnType::kFloat64:
    case ColumnType::kFloat32:
      return n_distinct <= 2;
    default:
      return false;
  }
}

std::size_t count_distinct_numbers(const Column& column, std::size_t enough) {
  std::set<double> seen;
  for (std::size_t i = 0; i < column.size() && seen.size() < enough; ++i)
    if (!column.is_missing(i)) seen.insert(column.number(i));
  return seen.size();
}

std::uint64_t number_bits(const Column& column, std::size_t row) {
  if (column.type() == ColumnType::kInt64) return static_cast<std::uint64_t>(column.int64s()[row]);
  return std::bit_cast<std::uint64_t>(column.number(row) + 0.0);  // -0 becomes 0
}

/// The value of a key, `value` when it is new.
template <typename Map, typename Key>
std::pair<std::int32_t, bool> inserted(Map& map, Key key, std::int32_t value) {
  const auto [position, added] = map.try_emplace(std::move(key), value);
  return {position->second, added};
}

}  // namespace

ClassLevels class_levels(const Column& column) {
  ClassLevels out;
  out.codes.assign(column.size(), -1);
  std::vector<double> sort_key;
  if (column.type() == ColumnType::kCategory) {
    out.names = column.dictionary()->levels();
    out.counts.assign(out.names.size(), 0);
    const auto codes = column.codes();
    for (std::size_t i = 0; i < codes.size(); ++i)
      if ((out.codes[i] = codes[i]) >= 0) ++out.counts[static_cast<std::size_t>(codes[i])];
  } else {
    std::unordered_map<std::string, std::int32_t> texts;
    std::unordered_map<std::uint64_t, std::int32_t> numbers;  // by bits: no text is made per cell
    const bool numeric = column.is_numeric();
    for (std::size_t i = 0; i < column.size(); ++i) {
      if (column.is_missing(i)) continue;
      const auto next = static_cast<std::int32_t>(out.names.size());
      const auto [code, added] = numeric ? inserted(numbers, number_bits(column, i), next)
                                         : inserted(texts, column.cell_text(i), next);
      if (added) {
        out.names.push_back(column.cell_text(i));
        out.counts.push_back(0);
        sort_key.push_back(numeric ? column.number(i) : 0);
      }
      out.codes[i] = code;
      ++out.counts[static_cast<std::size_t>(code)];
    }
  }
  // Classes in the order a person expects: numbers by value, texts by bytes; levels that never occur are left
  // out.
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < out.names.size(); ++i)
    if (out.counts[i] > 0) order.push_back(i);
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    if (!sort_key.empty() && sort_key[a] != sort_key[b]) return sort_key[a] < sort_key[b];
    return out.names[a] < out.names[b];
  });
  std::vector<std::int32_t> position(out.names.size(), -1);
  ClassLevels sorted;
  for (const std::size_t i : order) {
    position[i] = static_cast<std::int32_t>(sorted.names.size());
    sorted.names.push_back(out.names[i]);
    sorted.counts.push_back(out.counts[i]);
  }
  sorted.codes.resize(out.codes.size());
  for (std::size_t i = 0; i < out.codes.size(); ++i)
    sorted.codes[i] = out.codes[i] < 0 ? -1 : position[static_cast<std::size_t>(out.codes[i])];
  return sorted;
}

TaskChoice choose_task(const Column& column) {
  const std::size_t n_distinct =
      column.is_numeric() ? count_distinct_numbers(column, kMaxIntegerClasses + 2) : 0;
  if (looks_like_classes(column, n_distinct))
    return {Task::kMulticlass, fmt::format("{} values", type_name(column.type()))};
  return {Task::kRegression, fmt::format("{} values, more than {} distinct", type_name(column.type()),
                                         std::min(n_distinct, kMaxIntegerClasses + 1) - 1)};
}

}  // namespace kolosal::data
