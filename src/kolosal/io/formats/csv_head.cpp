#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <unordered_set>

#include "kolosal/core/error.hpp"
#include "kolosal/io/formats/csv_head_internal.hpp"

namespace kolosal::io {
namespace {

constexpr std::size_t kSampleBytes = 256 << 10;
constexpr std::size_t kSampleRows = 1000;
constexpr std::size_t kSampleCells = 50'000;

using Record = std::vector<std::string>;

bool is_blank_line(const Record& record) { return record.size() == 1 && trim(record[0]).empty(); }

// The first records of a text, without blank lines. A record that the end of the text cuts is left out unless
// it is all.
std::vector<Record> sample_records(std::string_view text, bool is_all, const CsvDialect& dialect) {
  std::vector<Record> out;
  CsvScanner scanner(text.data(), text.data() + text.size(), dialect);
  std::deque<std::string> unescaped;
  std::vector<Cell> cells(64);
  for (std::size_t n_cells = 0; !scanner.at_end() && out.size() < kSampleRows;) {
    CsvScanner start = scanner;
    std::size_t n = scanner.next(cells.data(), cells.size(), unescaped);
    if (n > cells.size()) {
      cells.resize(n);
      scanner = start;
      n = scanner.next(cells.data(), cells.size(), unescaped);
    }
    if (!scanner.complete() && !is_all) break;
    Record record;
    for (std::size_t i = 0; i < n; ++i) record.emplace_back(cells[i].text());
    if (is_blank_line(record) && !cells[0].quoted) continue;
    n_cells += n;
    out.push_back(std::move(record));
    unescaped.clear();
    if (n_cells > kSampleCells && out.size() > 5) break;
  }
  return out;
}

// How well a delimiter explains the sample: the share of the records with as many cells as the first one.
double fit_of(const std::vector<Record>& records) {
  if (records.empty() || records[0].size() < 2) return 0;
  const auto same = std::count_if(records.begin(), records.end(),
                                  [&](const Record& record) { return record.size() == records[0].size(); });
  return static_cast<double>(same) / static_cast<double>(records.size());
}

// A comma comes last: in a file of decimal commas it fits as well as the real delimiter.
char infer_delimiter(std::string_view text, bool is_all, const CsvDialect& dialect) {
  char best = ',';
  double best_fit = 0;
  for (const char delimiter : {'\t', ';', '|', ','}) {
    if (text.find(delimiter) == std::string_view::npos) continue;
    CsvDialect tried = dialect;
    tried.delimiter = delimiter;
    const double fit = fit_of(sample_records(text, is_all, tried));
    if (fit > best_fit) {
      best = delimiter;
      best_fit = fit;
    }
  }
  return best;
}

bool has_blank_before_quote(std::string_view text, char delimiter) {
  if (delimiter == '\t') return false;
  const std::array<char, 3> pattern{delimiter, ' ', '"'};
  return text.find(std::string_view(pattern.data(), pattern.size())) != std::string_view::npos;
}

// Whether the first record is names like 2019, 2020, 2021.
bool are_years(const Record& first) {
  long previous = 0;
  std::size_t n = 0;
  for (const std::string& cell : first) {
    const std::string_view text = trim(cell);
    if (text.empty() || classify(text) != kind::kInt) continue;
    long year = 0;
    std::from_chars(text.data(), text.data() + text.size(), year);
    if (year < 1800 || year > 2200 || (n > 0 && std::abs(year - previous) != 1)) return false;
    previous = year;
    ++n;
  }
  return n >= 2;
}

// A header is there unless the first line looks like the data below it: each column of numbers, dates or
// booleans votes by whether its first cell is one too. Without such columns, names hardly ever come back as
// values.
bool infer_header(const std::vector<Record>& records, const MissingTokens& missing) {
  const Record& first = records[0];
  constexpr std::uint32_t kTyped = kind::kNumber | kind::kMoment | kind::kHasTime;
  std::size_t votes_names = 0, votes_data = 0, n_recurring = 0;
  for (std::size_t column = 0; column < first.size(); ++column) {
    std::uint32_t kinds = 0;
    bool recurs = false;
    for (std::size_t row = 1; row < records.size(); ++row) {
      if (column >= records[row].size()) continue;
      const std::string_view cell = trim(records[row][column]);
      if (cell.empty() || missing.contains(cell)) continue;
      kinds |= classify(cell);
      recurs = recurs || cell == trim(first[column]);
    }
    const std::string_view name = trim(first[column]);
    if (name.empty() || missing.contains(name)) continue;
    n_recurring += recurs;
    const std::uint32_t name_kinds = classify(name);
    if (kinds == 0) {
      if (records.size() == 1 && (name_kinds & kTyped) != 0) ++votes_data;
    } else if ((kinds & ~kTyped) == 0) {
      ++((name_kinds & kTyped) != 0 ? votes_data : votes_names);
    }
  }
  if (votes_names + votes_data > 0) return votes_names >= votes_data || are_years(first);
  return !(records.size() > 5 && n_recurring * 2 >= first.size());
}

std::vector<std::string> names_of(const Record& header, bool has_header, const std::string& path,
                                  std::vector<std::string>& notes) {
  std::vector<std::string> names(header.size());
  std::unordered_map<std::string, std::size_t> position;
  for (std::size_t i = 0; has_header && i < header.size(); ++i) {
    names[i] = trim(header[i]);
    if (names[i].empty()) continue;
    const auto [other, is_new] = position.emplace(names[i], i);
    if (!is_new)
      throw Error(ErrorCode::kData,
                  "{}: the column name '{}' is used twice, for columns {} and {}; rename one of them (or, "
                  "when the first "
                  "line is data and no header, say so with --no-header)",
                  path, names[i], other->second + 1, i + 1);
  }
  std::vector<std::size_t> unnamed;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!names[i].empty()) continue;
    names[i] = fmt::format("column_{}", i + 1);
    while (!position.emplace(names[i], i).second) names[i] += '_';
    unnamed.push_back(i + 1);
  }
  if (has_header && !unnamed.empty())
    notes.push_back(fmt::format("the header has no name for column {}; it is called column_{} here",
                                fmt::join(unnamed, ", "), unnamed.front()));
  return names;
}

}  // namespace

std::optional<CsvHead> read_csv_head(std::string_view text, bool is_all, const std::string& path,
                                     const ReadOptions& options, std::vector<std::string>& notes) {
  std::string_view sample = text.substr(0, kSampleBytes);
  CsvHead head;
  if (sample.find('\n') == std::string_view::npos && sample.find('\r') != std::string_view::npos)
    head.dialect.newline = '\r';
  head.dialect.delimiter = options.delimiter;
  std::vector<Record> records;
  // The sample grows until it holds two whole records, for tables with very long lines.
  for (;;) {
    const bool sample_is_all = is_all && sample.size() == text.size();
    if (options.delimiter == 0) head.dialect.delimiter = infer_delimiter(sample, sample_is_all, head.dialect);
    head.dialect.blank_before_quote = has_blank_before_quote(sample, head.dialect.delimiter);
    records = sample_records(sample, sample_is_all, head.dialect);
    if (records.size() > 1 || sample.size() == text.size()) break;
    sample = text.substr(0, sample.size() * 8);
  }
  // A file that is no text at all should say so before anything else. The last bytes looked at may be half a
  // character.
  const char* const looked_at = text.data() + std::min(text.size(), std::size_t{4096});
  if (const char* const bad = find_bad_byte(text.data(), looked_at); bad && looked_at - bad >= 4)
    throw_bad_byte(bad, path, static_cast<std::size_t>(bad - text.data()),
                   1 + count_byte(text.data(), bad, head.dialect.newline));
  if (records.size() < 2 && !is_all) return {};
  if (records.empty())
    throw Error(ErrorCode::kData, "{} is empty: there is no table in it{}", path,
                text.empty() ? "" : ", only blank lines or a record that never ends");
  head.has_header =
      options.header ? *options.header : infer_header(records, MissingTokens(options.missing_tokens));
  head.names = names_of(records[0], head.has_header, path, notes);
  if (!head.has_header) return head;
  // Skip the header, and the blank lines before it.
  CsvScanner scanner(text.data(), text.data() + text.size(), head.dialect);
  std::deque<std::string> unescaped;
  for (Cell first;;) {
    const std::size_t n = scanner.next(&first, 1, unescaped);
    if (n > 1 || first.quoted || !trim(first.text()).empty()) break;
  }
  head.data_begin = static_cast<std::size_t>(scanner.position() - text.data());
  return head;
}

const char* find_bad_byte(const char* begin, const char* end) {
  const auto byte = [](const char* p) { return static_cast<unsigned char>(*p); };
  const auto follows = [&](const char* p) { return p < end && (byte(p) & 0xC0) == 0x80; };
  for (const char* p = begin; p < end;) {
    p = kernel::skip_ascii(p, end);
    // Up to the end of this block byte by byte, then by blocks again.
    const char* const stop = end - p > 64 ? p + 64 : end;
    while (p < stop) {
      const unsigned char c = byte(p);
      if (c < 0x80) {
        if (c == 0) return p;
        ++p;
      } else if (c >= 0xC2 && c <= 0xDF) {
        if (!follows(p + 1)) return p;
        p += 2;
      } else if (c >= 0xE0 && c <= 0xEF) {
        if (!follows(p + 1) || !follows(p + 2)) return p;
        const unsigned char second = byte(p + 1);
        if ((c == 0xE0 && second < 0xA0) || (c == 0xED && second > 0x9F)) return p;
        p += 3;
      } else if (c >= 0xF0 && c <= 0xF4) {
        if (!follows(p + 1) || !follows(p + 2) || !follows(p + 3)) return p;
        const unsigned char second = byte(p + 1);
        if ((c == 0xF0 && second < 0x90) || (c == 0xF4 && second > 0x8F)) return p;
        p += 4;
      } else {
        return p;
      }
    }
  }
  return nullptr;
}

void throw_bad_byte(const char* byte, const std::string& path, std::size_t offset, std::size_t line) {
  if (*byte == 0)
    throw Error(ErrorCode::kData,
                "{} is no text: there is a NUL byte at offset {} (line {}); is it a binary file, or UTF-16 "
                "without a byte "
                "order mark?",
                path, offset, line);
  throw Error(
      ErrorCode::kData,
      "{} is not UTF-8: byte 0x{:02X} at offset {} (line {}); it looks like latin-1: pass --encoding latin-1",
      path, static_cast<unsigned char>(*byte), offset, line);
}

}  // namespace kolosal::io
