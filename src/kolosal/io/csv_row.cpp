#include "kolosal/io/csv_row.hpp"

#include <algorithm>
#include <deque>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/data/text_value.hpp"
#include "kolosal/io/formats/csv_scanner_internal.hpp"

namespace kolosal::io {

using data::ColumnType;

struct CsvRowReader::Scratch::Parts {
  std::vector<Cell> cells;
  std::deque<std::string> unescaped;
};

CsvRowReader::Scratch::Scratch() : parts_(std::make_unique<Parts>()) {}
CsvRowReader::Scratch::~Scratch() = default;

struct CsvRowReader::Dialect {
  explicit Dialect(const CsvRowOptions& options)
      : csv{options.delimiter, '\n', options.delimiter != '\t'},
        decimal(options.decimal),
        missing(options.missing_tokens) {}
  CsvDialect csv;
  char decimal;
  MissingTokens missing;
};

namespace {

/// The next record that is no blank line: its number of cells, of which `cells` gets as many as it holds; 0
/// when only blank lines are left.
std::size_t next_record(CsvScanner& scanner, std::span<Cell> cells, std::deque<std::string>& unescaped) {
  while (!scanner.at_end()) {
    const std::size_t n = scanner.next(cells.data(), cells.size(), unescaped);
    if (n > 1 || cells[0].quoted || !trim(cells[0].text()).empty()) return n;
  }
  return 0;
}

DateOrder order_of(std::string_view text) {
  const std::uint32_t kinds = classify(text);
  return (kinds & (kind::kDayFirst | kind::kEitherOther)) != 0 ? DateOrder::kDayFirst
                                                               : DateOrder::kMonthFirst;
}

data::FieldReader::Read read_moment_cell(const data::FieldReader& reader, ColumnType type,
                                         std::string_view text) {
  data::FieldReader::Read out{reader.missing()};
  std::int64_t nanoseconds = 0;
  out.is_unreadable = !read_moment(text, order_of(text), nanoseconds);
  if (out.is_unreadable) return out;
  out.cell.time = type == ColumnType::kDate ? data::floor_to_day(nanoseconds) : nanoseconds;
  out.cell.is_missing = false;
  return out;
}

/// As ColumnBuilder reads the cell for the type that predictions force, and Schema::conform() its value.
data::FieldReader::Read read_cell(const data::FieldReader& reader, ColumnType type, const Cell& cell,
                                  char decimal, const MissingTokens& missing, data::RowArena& arena) {
  const std::string_view text = trim(cell.text());
  const bool is_string = type == ColumnType::kCategory || type == ColumnType::kText;
  if (text.empty() ? !(is_string && (cell.quoted || !missing.contains_empty())) : missing.contains(text))
    return {reader.missing()};
  switch (type) {
    case ColumnType::kCategory:
    case ColumnType::kText:
      return reader.text(cell.text());  // blanks are part of a level
    case ColumnType::kBool: {
      std::uint8_t value = 0;
      if (!read_bool(text, value)) return {reader.missing(), true};
      return reader.boolean(value != 0, arena);
    }
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      return read_moment_cell(reader, type, text);
    default: {
      double value = 0;
      if (!read_float(text, decimal, value)) return {reader.missing(), true};
      return reader.number(value, arena);
    }
  }
}

}  // namespace

CsvRowReader::CsvRowReader(const std::vector<data::Field>& fields, const CsvRowOptions& options)
    : fields_(fields), dialect_(std::make_unique<const Dialect>(options)) {
  for (const data::Field& field : fields) {
    field_of_.push_back(readers_.size());
    readers_.emplace_back(field);
  }
}

CsvRowReader::CsvRowReader(const std::vector<data::Field>& fields, std::string_view header,
                           const CsvRowOptions& options)
    : CsvRowReader(fields, options) {
  std::deque<std::string> unescaped;
  const char* const end = header.data() + header.size();
  std::vector<Cell> cells(1);
  {  // how many there are
    CsvScanner scanner(header.data(), end, dialect_->csv);
    cells.resize(std::max<std::size_t>(next_record(scanner, cells, unescaped), 1));
  }
  CsvScanner scanner(header.data(), end, dialect_->csv);
  cells.resize(next_record(scanner, cells, unescaped));
  header_end_ = {scanner.position(), static_cast<std::size_t>(end - scanner.position())};
  std::vector<std::string> names;
  for (const Cell& cell : cells) names.emplace_back(trim(cell.text()));
  field_of_.assign(names.size(), fields_.size());
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const std::string& name = fields_[i].name;
    const auto at = std::ranges::find(names, name);
    if (at == names.end()) {
      const std::string near = nearest_name(name, names);
      throw Error(ErrorCode::kData, "column \"{}\" is not in the header{}", name,
                  near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
    }
    if (std::find(at + 1, names.end(), name) != names.end())
      throw Error(ErrorCode::kData, "the header names column \"{}\" twice", name);
    field_of_[static_cast<std::size_t>(at - names.begin())] = i;
  }
}

CsvRowReader::CsvRowReader(CsvRowReader&&) noexcept = default;
CsvRowReader::~CsvRowReader() = default;

std::optional<std::string_view> CsvRowReader::read(std::string_view text, std::span<data::RowCell> cells,
                                                   data::RowArena& arena, Scratch& scratch) const {
  auto& [found, unescaped] = *scratch.parts_;
  unescaped.clear();
  found.resize(std::max<std::size_t>(n_cells(), 1));
  const char* const end = text.data() + text.size();
  CsvScanner scanner(text.data(), end, dialect_->csv);
  const std::size_t n = next_record(scanner, found, unescaped);
  if (n == 0) return {};
  if (scanner.open_quote() != nullptr)
    throw Error(ErrorCode::kData, "the quote at byte {} is not closed",
                scanner.open_quote() - text.data() + 1);
  if (n != n_cells())
    throw Error(ErrorCode::kData, "the line has {} cells instead of {}: {} ... {}", n, n_cells(),
                fields_.front().name, fields_.back().name);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t field = field_of_[i];
    if (field == fields_.size()) continue;
    const ColumnType type = fields_[field].type;
    const auto read = read_cell(readers_[field], type, found[i], dialect_->decimal, dialect_->missing, arena);
    if (read.is_unreadable)
      throw Error(ErrorCode::kData, "\"{}\" is {} in training, which \"{}\" can not be read as (cell {}{})",
                  fields_[field].name, data::type_name(type), found[i].text(), i + 1,
                  found[i].transient ? "" : fmt::format(", byte {}", found[i].begin - text.data() + 1));
    cells[field] = read.cell;
  }
  return std::string_view(scanner.position(), static_cast<std::size_t>(end - scanner.position()));
}

}  // namespace kolosal::io
