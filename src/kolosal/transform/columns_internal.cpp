#include "kolosal/transform/columns_internal.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace kolosal::transform {
namespace {

using data::ColumnType;

bool word_matches(const std::string& word, ColumnType type) {
  if (word == "all") return true;
  if (word == "time") return type == ColumnType::kDate || type == ColumnType::kTimestamp;
  if (word == "numeric")
    return type == ColumnType::kBool || type == ColumnType::kInt64 || type == ColumnType::kFloat64 ||
           type == ColumnType::kFloat32;
  const auto named = data::type_from_name(word);
  if (named) return *named == type;
  std::vector<std::string> known = {"all", "numeric", "time"};
  for (int t = 0; t <= static_cast<int>(ColumnType::kSparse); ++t)
    known.emplace_back(data::type_name(static_cast<ColumnType>(t)));
  const std::string near = nearest_name(word, known);
  throw Error(ErrorCode::kInvalidParameter, "\"{}\" is no column type; {}", word,
              near.empty() ? fmt::format("known are {}", fmt::join(known, ", "))
                           : fmt::format("did you mean \"{}\"?", near));
}

bool parse_whole(const std::string& text, double& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && std::isfinite(out);
}

}  // namespace

std::vector<std::string> split_list(std::string_view list) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  while (begin <= list.size()) {
    std::size_t end = std::min(list.find(',', begin), list.size());
    std::string_view word = list.substr(begin, end - begin);
    while (!word.empty() && word.front() == ' ') word.remove_prefix(1);
    while (!word.empty() && word.back() == ' ') word.remove_suffix(1);
    if (!word.empty()) out.emplace_back(word);
    begin = end + 1;
  }
  return out;
}

bool type_in_list(std::string_view types, ColumnType type) {
  bool found = false;
  for (const auto& word : split_list(types)) found |= word_matches(word, type);  // every word is checked
  return found;
}

void require_type(std::string_view step, std::string_view column, ColumnType type, std::string_view types) {
  if (!type_in_list(types, type))
    throw Error(ErrorCode::kData, "{} can not take column \"{}\" of type {}; it takes: {}", step, column,
                data::type_name(type), types);
}

void require_types(const data::Frame& x, std::string_view step, std::string_view types) {
  for (std::size_t c = 0; c < x.n_columns(); ++c) require_type(step, x.name(c), x.column(c).type(), types);
}

Numbers::Numbers(const data::Column& column) {
  if (column.type() == ColumnType::kFloat64) {
    values_ = column.float64s();
    return;
  }
  copy_.resize(column.size());
  column.copy_numbers(std::span<double>(copy_));
  values_ = copy_;
}

std::vector<std::uint32_t> every_row(std::size_t n) {
  std::vector<std::uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

std::vector<Numbers> numbers_of(const data::Frame& x) {
  std::vector<Numbers> out;
  out.reserve(x.n_columns());
  for (std::size_t c = 0; c < x.n_columns(); ++c) out.emplace_back(x.column(c));
  return out;
}

std::vector<double> finite_cells(const Numbers& cells, std::span<const std::uint32_t> rows) {
  std::vector<double> out;
  out.reserve(rows.size());
  for (const std::uint32_t row : rows)
    if (std::isfinite(cells[row])) out.push_back(cells[row]);
  return out;
}

CodeView Levels::codes(const data::Column& column) const {
  const auto codes = column.codes();
  const auto& theirs = column.dictionary();
  if (theirs == dictionary_) return CodeView(codes);
  // A short batch is translated cell by cell; a long one by a table over the levels.
  std::vector<std::int32_t> out(codes.size());
  if (codes.size() < static_cast<std::size_t>(theirs->size())) {
    for (std::size_t i = 0; i < codes.size(); ++i)
      out[i] = codes[i] < 0 ? codes[i] : dictionary_->find(theirs->level(codes[i]));
    return CodeView(std::move(out));
  }
  if (theirs->levels() == dictionary_->levels()) return CodeView(codes);
  std::vector<std::int32_t> table(static_cast<std::size_t>(theirs->size()));
  for (std::int32_t code = 0; code < theirs->size(); ++code)
    table[static_cast<std::size_t>(code)] = dictionary_->find(theirs->level(code));
  for (std::size_t i = 0; i < codes.size(); ++i)
    out[i] = codes[i] < 0 ? codes[i] : table[static_cast<std::size_t>(codes[i])];
  return CodeView(std::move(out));
}

void Levels::save(artifact::Node& node) const { node.set("levels", dictionary_->levels()); }

Levels Levels::load(const artifact::Node& node) {
  return Levels(std::make_shared<const data::Dictionary>(node.get_strings("levels")));
}

std::vector<std::int32_t> codes_in_level_order(const data::Dictionary& dictionary) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(dictionary.size()));
  std::iota(order.begin(), order.end(), 0);
  std::vector<double> numbers(order.size());
  bool all_numbers = true;
  for (std::size_t i = 0; i < order.size() && all_numbers; ++i)
    all_numbers = parse_whole(dictionary.levels()[i], numbers[i]);
  const auto& levels = dictionary.levels();
  std::ranges::sort(order, [&](std::int32_t left, std::int32_t right) {
    const auto a = static_cast<std::size_t>(left), b = static_cast<std::size_t>(right);
    if (all_numbers && numbers[a] != numbers[b]) return numbers[a] < numbers[b];
    return levels[a] < levels[b];
  });
  return order;
}

std::vector<std::int64_t> count_slots(const CodeView& codes, std::span<const std::uint32_t> rows,
                                      std::size_t n_slots) {
  std::vector<std::int64_t> out(n_slots);
  for (const std::uint32_t row : rows) ++out[Levels::slot(codes[row])];
  return out;
}

void check_saved_size(std::string_view step, std::initializer_list<std::size_t> sizes, std::size_t wanted) {
  for (const std::size_t size : sizes)
    if (size != wanted)
      throw Error(ErrorCode::kModel, "the saved state of step {} is damaged: {} values instead of {}", step,
                  size, wanted);
}

}  // namespace kolosal::transform
