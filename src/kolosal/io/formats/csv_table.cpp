#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/io/byte_source_internal.hpp"
#include "kolosal/io/formats/csv_table_internal.hpp"
#include "kolosal/io/page_buffer_internal.hpp"
#include "kolosal/kernel/byte_index.hpp"

namespace kolosal::io {
namespace {

constexpr std::size_t kBlockCells = 2048;  // 32 KB of cells

// Cuts depend on the size of the file alone, never on the number of threads.
std::size_t chunk_bytes_for(std::size_t n_bytes, std::size_t wanted) {
  if (wanted > 0) return wanted;
  return std::clamp(n_bytes / 8, std::size_t{256} << 10, std::size_t{4} << 20);
}

void check_names_exist(const std::vector<std::string>& wanted, const std::vector<std::string>& names,
                       const std::string& path, std::string_view what, ErrorCode code) {
  for (const std::string& name : wanted) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::string nearest = nearest_name(name, names);
    throw Error(code, "{}: {} column '{}', which the file does not have{}", path, what, name,
                nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
  }
}

}  // namespace

CsvTable::CsvTable(CsvHead head, std::string path, const ReadOptions& options)
    : head_(std::move(head)), path_(std::move(path)), options_(options), missing_(options.missing_tokens) {
  check_names_exist(options_.columns, head_.names, path_, "asked for", ErrorCode::kData);
  std::vector<std::string> typed;
  for (const auto& [name, type] : options_.types)
    if (name != "*" && !options_.types_may_be_absent) typed.push_back(name);
  check_names_exist(typed, head_.names, path_, "a type is given for", ErrorCode::kInvalidParameter);
  names_ = options_.columns.empty() ? head_.names : options_.columns;
  for (const std::string& name : names_) {
    selected_.push_back(static_cast<std::size_t>(std::find(head_.names.begin(), head_.names.end(), name) -
                                                 head_.names.begin()));
    forced_.push_back(forced_plan(options_, name));
  }
}

std::size_t CsvTable::line_of(const CsvWindow& window, const char* where) const {
  return window.line + count_byte(window.begin, where, head_.dialect.newline);
}

// Cuts by a guess that analyze() verifies: with an even number of quotes before it, a newline ends a record.
// Where quotes do not come in pairs (5" pipe), every newline is taken for the end of a record.
std::vector<CsvPart> CsvTable::split(const CsvWindow& window, const Context& context) const {
  const std::size_t n_bytes = static_cast<std::size_t>(window.end - window.begin);
  const std::size_t chunk = chunk_bytes_for(n_bytes, options_.chunk_bytes);
  const std::size_t n = std::max<std::size_t>(1, (n_bytes + chunk - 1) / chunk);
  std::vector<kernel::LineCounts> counts(n);
  const auto start_of = [&](std::size_t i) { return window.begin + std::min(n_bytes, i * chunk); };
  context.parallel_blocks(n, 1, [&](std::size_t i, std::size_t) {
    counts[i] = kernel::count_lines(start_of(i), start_of(i + 1), head_.dialect.newline);
    if (window.is_mapped) release_pages(start_of(i), start_of(i + 1));
  });
  std::size_t n_quotes = 0;
  std::vector<bool> in_quotes(n + 1);
  for (std::size_t i = 0; i < n; ++i) {
    n_quotes += counts[i].n_quotes;
    in_quotes[i + 1] = n_quotes % 2 != 0;
  }
  const bool any_quotes = n_quotes > 0 && !(in_quotes[n] && window.is_last);
  if (!any_quotes) std::fill(in_quotes.begin(), in_quotes.end(), false);

  std::vector<CsvPart> parts(n);
  std::vector<std::size_t> rows_before(n + 1);
  std::size_t n_ends = 0;  // records that end before start_of(i)
  parts[0].begin = window.begin;
  for (std::size_t i = 0; i < n; ++i) {
    const auto [quotes, all, unquoted] = counts[i];
    if (i > 0)
      rows_before[i] = set_begin(window, start_of(i), in_quotes[i], any_quotes, n_ends, rows_before[i - 1],
                                 parts[i - 1], parts[i]);
    n_ends += !any_quotes ? all : in_quotes[i] ? all - unquoted : unquoted;
  }
  const bool cut = n_bytes > 0 && window.is_last && window.end[-1] != head_.dialect.newline;
  rows_before[n] = n_ends + cut;
  for (std::size_t i = 0; i < n; ++i) {
    parts[i].limit = i + 1 < n ? parts[i + 1].begin : window.end;
    parts[i].n_expected_rows =
        std::max(rows_before[i], std::min(rows_before[i + 1], rows_before[n])) - rows_before[i];
  }
  return parts;
}

// Finds where the first record of a part begins, at or after `start`. Returns how many begin before it.
std::size_t CsvTable::set_begin(const CsvWindow& window, const char* start, bool quoted, bool any_quotes,
                                std::size_t n_ends, std::size_t rows_before_previous, const CsvPart& previous,
                                CsvPart& part) const {
  if (previous.begin > start) {  // a record longer than a chunk: the part before is empty
    part.begin = previous.begin;
    return rows_before_previous;
  }
  part.begin = start;
  if (!quoted && start[-1] == head_.dialect.newline) return n_ends;
  const char* p = start;
  for (; p < window.end; ++p) {
    if (any_quotes && *p == '"') quoted = !quoted;
    if (*p == head_.dialect.newline && !quoted) break;
  }
  part.begin = p < window.end ? p + 1 : window.end;
  return n_ends + 1;
}

// Reads rows until the block is full. False when the part has no more, or a problem.
bool CsvTable::read_block(CsvScanner& scanner, const CsvWindow& window, CsvPart& part, std::vector<Cell>& row,
                          RowBlock& block) const {
  const std::size_t n_columns = head_.names.size();
  const std::size_t capacity = std::max<std::size_t>(1, kBlockCells / std::max<std::size_t>(1, n_columns));
  const bool all_columns = options_.columns.empty();
  block.clear();
  block.n_columns = n_columns;
  block.cells.resize(capacity * n_columns);
  while (block.n_rows < capacity) {
    const char* const start = scanner.position();
    part.end = start;
    if (start >= part.limit) return false;
    Cell* const cells = all_columns ? &block.cells[block.n_rows * n_columns] : row.data();
    const std::size_t n = scanner.next(cells, n_columns, block.unescaped);
    if (!scanner.complete() && !window.is_last) return false;
    if (scanner.open_quote()) {
      part.problem = CsvPart::Problem::kOpenQuote;
      part.where = scanner.open_quote();
      return false;
    }
    part.end = scanner.position();
    const bool blank =
        n == 1 && !cells[0].quoted && (n_columns > 1 ? trim(cells[0].text()).empty() : cells[0].size == 0);
    if (blank) continue;
    if (n != n_columns) {
      ++part.n_bad_rows;
      if (options_.on_bad_rows == OnBadRows::kSkip) continue;
      part.problem = CsvPart::Problem::kRagged;
      part.where = start;
      part.n_found = n;
      part.n_lines = count_byte(start, part.end, head_.dialect.newline);
      return false;
    }
    if (!all_columns) std::copy(row.begin(), row.end(), &block.cells[block.n_rows * n_columns]);
    ++block.n_rows;
  }
  return true;
}

void CsvTable::analyze_part(const CsvWindow& window, CsvPart& part) const {
  part.n_rows = part.n_bad_rows = 0;
  part.problem = CsvPart::Problem::kNone;
  part.stats.assign(names_.size(), {});
  CsvScanner scanner(part.begin, window.end, head_.dialect);
  RowBlock block;
  std::vector<Cell> row(head_.names.size());
  for (bool more = true; more;) {
    more = read_block(scanner, window, part, row, block);
    for (std::size_t i = 0; i < names_.size(); ++i)
      add_to_stats(block, selected_[i], forced_[i], missing_, part.stats[i]);
    part.n_rows += block.n_rows;
  }
  const char* const checked_end = part.problem == CsvPart::Problem::kNone ? part.end : part.where;
  if (const char* const bad = find_bad_byte(part.begin, checked_end)) {
    part.problem = CsvPart::Problem::kBadByte;
    part.where = bad;
  }
}

std::vector<CsvPart> CsvTable::analyze(const CsvWindow& window, const Context& context) const {
  std::vector<CsvPart> parts = split(window, context);
  context.parallel_blocks(parts.size(), 1,
                          [&](std::size_t i, std::size_t) { analyze_part(window, parts[i]); });
  // The first part starts at a record. If each part ends where the next one starts, all cuts were right; a
  // part that started elsewhere is read again from where it should have.
  const char* start = window.begin;
  for (CsvPart& part : parts) {
    if (part.begin != start) {
      part.begin = start;
      part.limit = std::max(part.limit, start);
      analyze_part(window, part);
    }
    if (part.problem != CsvPart::Problem::kNone) throw_problem(window, part);
    start = part.end;
  }
  return parts;
}

const char* CsvTable::end_of_rows(const CsvWindow& window, std::size_t n) const {
  CsvScanner scanner(window.begin, window.end, head_.dialect);
  std::deque<std::string> unescaped;
  Cell cell;
  for (std::size_t rows = 0; rows < n && !scanner.at_end();) {
    const std::size_t n_cells = scanner.next(&cell, 1, unescaped);
    unescaped.clear();
    const bool blank = n_cells == 1 && !cell.quoted && trim(cell.text()).empty();
    const bool skipped = n_cells != head_.names.size() && options_.on_bad_rows == OnBadRows::kSkip;
    rows += !blank && !skipped;
  }
  return scanner.position();
}

std::vector<ColumnStats> CsvTable::merge_stats(const CsvWindow& window,
                                               const std::vector<CsvPart>& parts) const {
  std::vector<ColumnStats> out(names_.size());
  for (const CsvPart& part : parts)
    for (std::size_t i = 0; i < out.size(); ++i) out[i].merge(part.stats[i]);
  // Lines are counted once, over the sorted places.
  std::vector<ColumnStats*> places;
  for (ColumnStats& stats : out)
    if (stats.first_text) places.push_back(&stats);
  std::sort(places.begin(), places.end(), [](auto* a, auto* b) { return a->first_text < b->first_text; });
  const char* counted = window.begin;
  std::size_t line = window.line;
  for (ColumnStats* stats : places) {
    line += count_byte(counted, stats->first_text, head_.dialect.newline);
    counted = stats->first_text;
    stats->first_text_line = line;
    stats->first_text = nullptr;
  }
  return out;
}

std::vector<ColumnPlan> CsvTable::plan(const std::vector<ColumnStats>& stats, ReadReport& report) const {
  report.decimal = options_.decimal;
  if (report.decimal == 0) report.decimal = head_.dialect.delimiter == ',' ? '.' : infer_decimal(stats);
  std::vector<ColumnPlan> out = forced_;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].forced)
      settle_forced_plan(stats[i], report.decimal, out[i]);
    else
      out[i] = plan_column(names_[i], stats[i], report.decimal, report.notes);
  }
  return out;
}

void CsvTable::check_memory(const std::vector<CsvPart>& parts, const std::vector<ColumnPlan>& plans,
                            const Context& context) const {
  const std::size_t limit =
      options_.memory_limit_bytes > 0 ? options_.memory_limit_bytes : context.memory_limit_bytes;
  std::size_t needed = 0;
  for (const CsvPart& part : parts)
    for (std::size_t i = 0; i < plans.size(); ++i) needed += estimated_bytes(plans[i], part.stats[i]);
  if (needed > limit)
    throw Error(ErrorCode::kMemory,
                "{} does not fit into memory: its columns need {} and the limit is {}; raise the limit, or "
                "read fewer "
                "columns or rows",
                path_, shown_bytes(needed), shown_bytes(limit));
}

data::Frame CsvTable::build(const CsvWindow& window, const std::vector<CsvPart>& parts,
                            const std::vector<ColumnPlan>& plans, const Context& context, ReadReport* report,
                            CsvAttempt* attempt) const {
  check_memory(parts, plans, context);
  std::vector<std::size_t> n_rows;
  for (const CsvPart& part : parts) n_rows.push_back(part.n_rows);
  std::vector<ColumnBuilder> builders;
  std::vector<std::size_t> missed;  // columns that are still to be filled
  for (std::size_t i = 0; i < names_.size(); ++i) {
    std::vector<ColumnStats> stats;
    for (const CsvPart& part : parts) stats.push_back(part.stats[i]);
    ColumnPlan plan = plans[i];
    using Settled = ColumnBuilder::Settled;
    if (attempt) {
      const Settled settled = attempt->builders[i].settle(plan, stats, n_rows, context);
      if (settled == Settled::kGood) {
        builders.push_back(std::move(attempt->builders[i]));
        continue;
      }
      ColumnBuilder wrong = std::move(attempt->builders[i]);  // its memory goes
      if (settled == Settled::kWrongIsText) plan.undecided = false;
    }
    missed.push_back(i);
    builders.emplace_back(plan, stats, n_rows);
  }
  std::vector<BadCell> bad(parts.size());
  const auto fill = [&](const std::vector<std::size_t>& columns) {
    context.parallel_blocks(parts.size(), 1, [&](std::size_t index, std::size_t) {
      CsvPart part = parts[index];
      CsvScanner scanner(part.begin, window.end, head_.dialect);
      RowBlock block;
      std::vector<Cell> row(head_.names.size());
      std::size_t first_row = 0;
      for (bool more = true; more; first_row += block.n_rows) {
        more = read_block(scanner, window, part, row, block);
        for (const std::size_t i : columns) {
          BadCell found;
          builders[i].fill(index, first_row, block, selected_[i], missing_, found);
          if (found.precedes(bad[index])) {
            bad[index] = found;
            bad[index].column = i;
          }
        }
      }
    });
  };
  if (!missed.empty()) fill(missed);
  for (const BadCell& cell : bad)
    if (cell.found) throw_bad_cell(window, cell, plans[cell.column]);

  std::vector<std::size_t> again;
  for (std::size_t i = 0; i < builders.size(); ++i)
    if (builders[i].needs_second_fill(context)) again.push_back(i);
  if (!again.empty()) fill(again);

  std::vector<data::Column> out;
  if (report) report->columns.clear();
  for (std::size_t i = 0; i < builders.size(); ++i) {
    if (report) {
      report->columns.push_back({names_[i], builders[i].type(), builders[i].reason()});
      if (builders[i].was_infinite())
        report->notes.push_back(
            fmt::format("column '{}' has infinite numbers (inf, or too large like 1e400)", names_[i]));
    }
    out.push_back(builders[i].finish());
  }
  return data::Frame(names_, std::move(out));
}

void CsvTable::throw_problem(const CsvWindow& window, const CsvPart& part) const {
  const std::size_t line = line_of(window, part.where);
  const std::size_t n_columns = head_.names.size();
  switch (part.problem) {
    case CsvPart::Problem::kOpenQuote:
      throw Error(ErrorCode::kData,
                  "{} line {}: a quote (\") opens here and is never closed; add the closing quote, or double "
                  "a quote that "
                  "belongs to the text (\"\")",
                  path_, line);
    case CsvPart::Problem::kRagged:
      throw Error(
          ErrorCode::kData,
          "{} line {}: expected {} cells, found {}{}; repair the line, or leave such lines out "
          "with --on-bad-rows skip",
          path_, line, n_columns, part.n_found,
          part.n_lines > 1
              ? fmt::format(" (the row goes on for {} lines: is the end of a quote missing?)", part.n_lines)
              : "");
    default:
      throw_bad_byte(part.where, path_, window.offset + static_cast<std::size_t>(part.where - window.begin),
                     line);
  }
}

void CsvTable::throw_bad_cell(const CsvWindow& window, const BadCell& bad, const ColumnPlan& plan) const {
  // A cell whose quotes were undone is not in the window; its line is not known then.
  const bool in_window = bad.where >= window.begin && bad.where <= window.end;
  const std::string place = in_window ? fmt::format("{} line {}", path_, line_of(window, bad.where)) : path_;
  const std::string& name = names_[bad.column];
  const std::string advice =
      plan.forced && options_.types_may_be_absent ? std::string(
                                                        "the column held such values in training; correct "
                                                        "the cell, or empty it if the value is not known")
      : plan.forced
          ? fmt::format("that type was asked for; take another, such as --types '{}=text'", name)
          : fmt::format(
                "the rows before it look like {0}; say what it is with --types '{1}=text' (or another type)",
                data::type_name(plan.type), name);
  throw Error(ErrorCode::kData, "{}, column '{}': cannot read '{}' as {}; {}", place, name, bad.value,
              data::type_name(plan.type), advice);
}

}  // namespace kolosal::io
