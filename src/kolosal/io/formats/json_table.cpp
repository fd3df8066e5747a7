#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/io/byte_finder_internal.hpp"
#include "kolosal/io/byte_source_internal.hpp"
#include "kolosal/io/formats/csv_head_internal.hpp"
#include "kolosal/io/formats/json_table_internal.hpp"

namespace kolosal::io {
namespace {

constexpr std::size_t kBlockRows = 64;

// Finds columns by name; rows mostly have their keys in the same order, so the next one is tried first.
class ColumnFinder {
 public:
  explicit ColumnFinder(const std::vector<std::string>& names) {
    for (const std::string& name : names) add(name);
  }
  std::size_t add(std::string_view name) {
    const std::string& stored = names_.emplace_back(name);
    places_.emplace(stored, names_.size() - 1);
    return names_.size() - 1;
  }
  std::size_t size() const { return names_.size(); }
  /// size() when there is none.
  std::size_t find(std::string_view name) {
    if (guess_ < names_.size() && names_[guess_] == name) return guess_++;
    const auto known = places_.find(name);
    if (known == places_.end()) return names_.size();
    guess_ = known->second + 1;
    return known->second;
  }
  void start_row() { guess_ = 0; }
  std::vector<std::string> names() const { return {names_.begin(), names_.end()}; }

 private:
  std::deque<std::string> names_;
  std::unordered_map<std::string_view, std::size_t> places_;
  std::size_t guess_ = 0;
};

Cell absent_cell() {
  Cell cell;
  cell.absent = 1;
  return cell;
}

std::string shown_name(const std::string& name) { return name.empty() ? "\"\"" : name; }

}  // namespace

JsonTable::JsonTable(std::string path, const ReadOptions& options, bool is_array)
    : path_(std::move(path)), options_(options), is_array_(is_array), missing_(options.missing_tokens) {}

// Calls row(members) for every object of the part, until it returns false.
template <typename Row>
void JsonTable::for_each_row(JsonPart& part, RowBlock& block, Row&& row) const {
  std::vector<JsonMember> members;
  const char* p = skip_json_blanks(part.begin, part.end);
  if (is_array_ && p < part.end && *p == ']') return;
  while (p < part.end) {
    const char* const start = p;
    // Without an array an object ends with its line: what is cut there must not run into the next one.
    const void* const newline =
        is_array_ ? nullptr : std::memchr(p, '\n', static_cast<std::size_t>(part.end - p));
    const char* const limit = newline ? static_cast<const char*>(newline) : part.end;
    p = read_json_object(p, limit, members, block.unescaped, part.problem);
    if (!p) return;
    p = skip_json_blanks(p, limit);
    if (is_array_) {
      if (p < limit && *p == ',') {
        p = skip_json_blanks(p + 1, limit);
        if (p < limit && *p == '{') {
          row(members);
          continue;
        }
      } else if (p < limit && *p == ']' && skip_json_blanks(p + 1, limit) == limit) {
        row(members);
        return;
      }
      part.problem = {p < limit ? p : start, "expected ',' and an object, or ']' at the end"};
      return;
    }
    if (p != limit) {
      part.problem = {p, "something follows the object; there must be one object per line"};
      return;
    }
    row(members);
    p = skip_json_blanks(limit, part.end);
  }
}

void JsonTable::analyze_part(JsonPart& part) const {
  ColumnFinder columns({});
  std::vector<ColumnPlan> forced;
  RowBlock block;
  const auto flush = [&] {
    for (std::size_t i = 0; i < columns.size(); ++i)
      add_to_stats(block, i, forced[i], missing_, part.stats[i]);
    block.clear();
  };
  for_each_row(part, block, [&](const std::vector<JsonMember>& members) {
    columns.start_row();
    std::vector<std::size_t> places;
    bool grown = false;
    for (const JsonMember& member : members) {
      std::size_t place = columns.find(member.key);
      if (place == columns.size()) {
        // Rows before have no such key. The escapes of this row must survive the flush, hence no
        // block.clear() here.
        if (!grown)
          for (std::size_t i = 0; i < columns.size(); ++i)
            add_to_stats(block, i, forced[i], missing_, part.stats[i]);
        if (!grown) block.n_rows = 0;
        grown = true;
        columns.add(member.key);
        forced.push_back(forced_plan(options_, std::string(member.key)));
        part.stats.emplace_back();
        part.stats.back().n_missing = part.n_rows;
      }
      places.push_back(place);
    }
    block.n_columns = columns.size();
    block.cells.resize(kBlockRows * columns.size(), absent_cell());
    const std::size_t base = block.n_rows * columns.size();
    std::fill_n(block.cells.begin() + static_cast<std::ptrdiff_t>(base), columns.size(), absent_cell());
    for (std::size_t i = 0; i < members.size(); ++i) block.cells[base + places[i]] = members[i].value;
    ++block.n_rows;
    ++part.n_rows;
    if (block.n_rows == kBlockRows) flush();
  });
  flush();
  part.names = columns.names();
  const char* const checked_end = part.problem.where ? part.problem.where : part.end;
  if (const char* const bad = find_bad_byte(part.begin, checked_end)) part.problem = {bad, ""};
}

std::vector<JsonPart> JsonTable::analyze(const JsonWindow& window, const Context& context) const {
  const std::size_t n_bytes = static_cast<std::size_t>(window.end - window.begin);
  std::size_t chunk = options_.chunk_bytes;
  if (chunk == 0) chunk = std::clamp(n_bytes / 8, std::size_t{256} << 10, std::size_t{4} << 20);
  if (is_array_) chunk = std::max<std::size_t>(n_bytes, 1);
  std::vector<JsonPart> parts;
  for (const char* p = window.begin; p < window.end;) {
    JsonPart part;
    part.begin = p;
    part.end = window.end;
    if (static_cast<std::size_t>(window.end - p) > chunk) {
      const char* const cut = p + chunk;
      const void* const newline = std::memchr(cut, '\n', static_cast<std::size_t>(window.end - cut));
      if (newline) part.end = static_cast<const char*>(newline) + 1;
    }
    p = part.end;
    parts.push_back(std::move(part));
  }
  context.parallel_blocks(parts.size(), 1, [&](std::size_t i, std::size_t) { analyze_part(parts[i]); });
  for (const JsonPart& part : parts)
    if (part.problem.where) throw_problem(window, part.problem);
  return parts;
}

void JsonTable::add(const JsonWindow& window, const std::vector<JsonPart>& parts, std::size_t n_rows,
                    std::vector<std::string>& names, std::vector<ColumnStats>& stats) const {
  ColumnFinder columns(names);
  for (const JsonPart& part : parts) {
    std::vector<bool> has(columns.size());
    for (std::size_t i = 0; i < part.names.size(); ++i) {
      std::size_t place = columns.find(part.names[i]);
      if (place == columns.size()) {
        columns.add(part.names[i]);
        stats.emplace_back();
        stats.back().n_missing = n_rows;
        has.push_back(false);
      }
      has[place] = true;
      const bool had_text = !stats[place].first_text_value.empty();
      stats[place].merge(part.stats[i]);
      if (!had_text && stats[place].first_text) {
        stats[place].first_text_line = window.line + count_byte(window.begin, stats[place].first_text, '\n');
        stats[place].first_text = nullptr;
      }
    }
    for (std::size_t i = 0; i < has.size(); ++i)
      if (!has[i]) stats[i].n_missing += part.n_rows;
    n_rows += part.n_rows;
  }
  names = columns.names();
}

std::vector<ColumnPlan> JsonTable::plan(std::vector<std::string>& names, std::vector<ColumnStats>& stats,
                                        ReadReport& report) const {
  const auto place_of = [&](const std::string& name, ErrorCode code, std::string_view what) {
    const auto place = std::find(names.begin(), names.end(), name);
    if (place != names.end()) return static_cast<std::size_t>(place - names.begin());
    const std::string nearest = nearest_name(name, names);
    throw Error(code, "{}: {} column '{}', which the file does not have{}", path_, what, name,
                nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
  };
  for (const auto& [name, type] : options_.types)
    if (name != "*" && !options_.types_may_be_absent)
      place_of(name, ErrorCode::kInvalidParameter, "a type is given for");
  if (!options_.columns.empty()) {
    std::vector<ColumnStats> chosen;
    for (const std::string& name : options_.columns)
      chosen.push_back(stats[place_of(name, ErrorCode::kData, "asked for")]);
    names = options_.columns;
    stats = std::move(chosen);
  }
  std::vector<ColumnPlan> out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    out.push_back(forced_plan(options_, names[i]));
    if (out.back().forced)
      settle_forced_plan(stats[i], '.', out.back());
    else
      out.back() = plan_column(names[i], stats[i], '.', report.notes);
  }
  return out;
}

data::Frame JsonTable::build(const JsonWindow& window, const std::vector<JsonPart>& parts,
                             const std::vector<std::string>& names, const std::vector<ColumnPlan>& plans,
                             const Context& context, ReadReport* report) const {
  std::vector<std::size_t> n_rows;
  std::vector<std::vector<ColumnStats>> stats(names.size());
  for (const JsonPart& part : parts) {
    n_rows.push_back(part.n_rows);
    ColumnFinder found(part.names);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::size_t place = found.find(names[i]);
      ColumnStats none;
      none.n_missing = part.n_rows;
      stats[i].push_back(place < part.names.size() ? part.stats[place] : none);
    }
  }
  const std::size_t limit =
      options_.memory_limit_bytes > 0 ? options_.memory_limit_bytes : context.memory_limit_bytes;
  std::size_t needed = 0;
  std::vector<ColumnBuilder> builders;
  for (std::size_t i = 0; i < names.size(); ++i)
    for (const ColumnStats& part : stats[i]) needed += estimated_bytes(plans[i], part);
  if (needed > limit)
    throw Error(ErrorCode::kMemory, "{} does not fit into memory: its columns need {} and the limit is {}",
                path_, shown_bytes(needed), shown_bytes(limit));
  for (std::size_t i = 0; i < names.size(); ++i) builders.emplace_back(plans[i], stats[i], n_rows);

  std::vector<BadCell> bad(parts.size());
  std::vector<JsonProblem> unknown(parts.size());
  const auto fill = [&](const std::vector<std::size_t>& wanted) {
    context.parallel_blocks(parts.size(), 1, [&](std::size_t index, std::size_t) {
      JsonPart part = parts[index];
      ColumnFinder columns(names);
      RowBlock block;
      block.n_columns = names.size();
      block.cells.resize(kBlockRows * names.size());
      std::size_t first_row = 0;
      const auto flush = [&] {
        for (const std::size_t i : wanted) {
          BadCell found;
          builders[i].fill(index, first_row, block, i, missing_, found);
          if (found.precedes(bad[index])) {
            bad[index] = found;
            bad[index].column = i;
          }
        }
        first_row += block.n_rows;
        block.clear();
      };
      for_each_row(part, block, [&](const std::vector<JsonMember>& members) {
        columns.start_row();
        const std::size_t base = block.n_rows * names.size();
        std::fill_n(block.cells.begin() + static_cast<std::ptrdiff_t>(base), names.size(), absent_cell());
        for (const JsonMember& member : members) {
          const std::size_t place = columns.find(member.key);
          if (place < names.size())
            block.cells[base + place] = member.value;
          else if (options_.columns.empty() && !unknown[index].where)
            unknown[index] = {member.value.begin, ""};
        }
        if (++block.n_rows == kBlockRows) flush();
      });
      flush();
    });
  };
  std::vector<std::size_t> columns(names.size());
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = i;
  fill(columns);
  for (std::size_t part = 0; part < parts.size(); ++part) {
    if (unknown[part].where)
      throw Error(ErrorCode::kData,
                  "{}: a key comes up after the first 64 MB that no row before had; read it from a file "
                  "instead of a pipe, "
                  "or name the columns to read",
                  path_);
    if (!bad[part].found) continue;
    const BadCell& cell = bad[part];
    const bool in_window = cell.where >= window.begin && cell.where <= window.end;
    throw Error(
        ErrorCode::kData,
        "{}{}, column '{}': cannot read '{}' as {}; take another type, such as --types '{}=text'", path_,
        in_window ? fmt::format(" line {}", window.line + count_byte(window.begin, cell.where, '\n')) : "",
        shown_name(names[cell.column]), cell.value, data::type_name(plans[cell.column].type),
        names[cell.column]);
  }
  std::vector<std::size_t> again;
  for (std::size_t i = 0; i < builders.size(); ++i)
    if (builders[i].needs_second_fill(context)) again.push_back(i);
  if (!again.empty()) fill(again);

  std::vector<data::Column> out;
  for (std::size_t i = 0; i < builders.size(); ++i) {
    if (report) report->columns.push_back({names[i], builders[i].type(), builders[i].reason()});
    if (report && builders[i].was_infinite())
      report->notes.push_back(
          fmt::format("column '{}' has infinite numbers (inf, or too large like 1e400)", names[i]));
    out.push_back(builders[i].finish());
  }
  return data::Frame(names, std::move(out));
}

void JsonTable::throw_problem(const JsonWindow& window, const JsonProblem& problem) const {
  const std::size_t line = window.line + count_byte(window.begin, problem.where, '\n');
  if (*problem.reason == '\0')
    throw_bad_byte(problem.where, path_,
                   window.offset + static_cast<std::size_t>(problem.where - window.begin), line);
  const char* line_start = problem.where;
  while (line_start > window.begin && line_start[-1] != '\n') --line_start;
  throw Error(ErrorCode::kData, "{} line {}, character {}: {}", path_, line, problem.where - line_start + 1,
              problem.reason);
}

}  // namespace kolosal::io
