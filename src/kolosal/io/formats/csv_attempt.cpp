#include <algorithm>
#include <atomic>
#include <limits>

#include "kolosal/io/column_parts_internal.hpp"
#include "kolosal/io/formats/csv_table_internal.hpp"
#include "kolosal/kernel/byte_index.hpp"

namespace kolosal::io {
namespace {

// Text that is indexed and then read column by column: it and its index stay in the caches.
constexpr std::size_t kSlabBytes = 32 << 10;
constexpr std::size_t kReadableBeyond = 64;

constexpr std::size_t kSamplePlaces = 16;
constexpr std::size_t kSampleRows = 4096;

// The rows at the start of an indexed text that are plain: as many cells as columns, no blank line. 0 when
// there is another row before the last newline.
std::size_t plain_rows(const char* text, const kernel::CellIndex& index, const std::uint32_t* ends,
                       std::size_t n_columns, char newline) {
  if (index.odd || index.n_newlines * n_columns > index.n_ends) return 0;
  for (std::size_t row = 0; row < index.n_newlines; ++row)
    if (text[ends[row * n_columns + n_columns - 1]] != newline) return 0;
  if (n_columns > 1) return index.n_newlines;
  for (std::size_t row = 0; row < index.n_newlines; ++row) {
    const std::uint32_t begin = *(ends + row - 1) + 1;
    if (ends[row] == begin || (ends[row] == begin + 1 && text[begin] == '\r')) return 0;
  }
  return index.n_newlines;
}

// How many different cells a string column seems to have, from the repetitions in a sample: n cells drawn
// from L levels meet in about n^2 / 2 L pairs.
double estimated_levels(std::size_t n_cells, std::size_t n_distinct) {
  if (n_distinct == n_cells) return std::numeric_limits<double>::infinity();
  const double n = static_cast<double>(n_cells);
  return std::max(static_cast<double>(n_distinct), n * n / (2 * static_cast<double>(n_cells - n_distinct)));
}

}  // namespace

std::vector<ColumnPlan> CsvTable::guess_plans(const CsvWindow& window,
                                              const std::vector<CsvPart>& parts) const {
  std::vector<ColumnStats> stats(names_.size());
  std::vector<HashSet> hashes(names_.size());
  std::vector<std::size_t> n_words(names_.size());
  std::size_t n_rows = 0;
  for (const CsvPart& part : parts) n_rows += part.n_expected_rows;
  const std::size_t step = (parts.size() + kSamplePlaces - 1) / kSamplePlaces;
  const std::size_t rows_of_place = kSampleRows / std::min(kSamplePlaces, parts.size());
  RowBlock block;
  std::vector<Cell> row(head_.names.size());
  for (std::size_t place = 0; place < parts.size(); place += step) {
    CsvPart part = parts[place];
    CsvScanner scanner(part.begin, window.end, head_.dialect);
    std::size_t n_read = 0;
    for (bool more = true; more && n_read < rows_of_place; n_read += block.n_rows) {
      more = read_block(scanner, window, part, row, block);
      for (std::size_t i = 0; i < names_.size(); ++i) {
        add_to_stats(block, selected_[i], forced_[i], missing_, stats[i]);
        if ((stats[i].kinds & (kind::kText | kind::kLeadingZero)) == 0) continue;
        for (std::size_t r = 0; r < block.n_rows; ++r) {
          const std::string_view text = block.cell(r, selected_[i]).text();
          if (missing_.contains(trim(text))) continue;
          hashes[i].add(LevelTable::hash_text(text));
          n_words[i] += count_words(text);
        }
      }
    }
  }
  ReadReport unused;
  std::vector<ColumnPlan> out = plan(stats, unused);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!out[i].undecided) continue;
    const double limit = std::min(static_cast<double>(kMaxCategoryLevels), static_cast<double>(n_rows) / 2);
    const bool category = n_rows >= kMinCategoryRows &&
                          n_words[i] <= kMaxCategoryWords * stats[i].n_present &&
                          estimated_levels(stats[i].n_present, hashes[i].hashes().size()) <= limit;
    out[i].type = category ? data::ColumnType::kCategory : data::ColumnType::kText;
  }
  return out;
}

// False: unusual.
bool CsvTable::attempt_part(const CsvWindow& window, CsvAttempt& attempt, std::size_t index) const {
  CsvPart& part = attempt.parts[index];
  const std::size_t n_columns = head_.names.size();
  const char newline = head_.dialect.newline;
  part.stats.assign(names_.size(), {});
  part.end = part.begin;
  std::vector<std::uint32_t> ends(kSlabBytes + kReadableBeyond + 1);
  ends[0] = ~std::uint32_t{0};  // the byte before the text
  RowBlock block;
  std::vector<Cell> row;
  const auto use = [&](const auto& rows) {
    for (std::size_t i = 0; i < names_.size(); ++i)
      attempt.builders[i].add(index, part.n_rows, rows, selected_[i], missing_, part.stats[i]);
    part.n_rows += rows.n_rows;
  };
  while (part.end < part.limit) {
    const char* const text = part.end;
    const std::size_t n_bytes = std::min(kSlabBytes, static_cast<std::size_t>(part.limit - text));
    if (newline == '\n' && static_cast<std::size_t>(window.end - text) >= n_bytes + kReadableBeyond) {
      const kernel::CellIndex cells =
          kernel::index_cells(text, n_bytes, head_.dialect.delimiter, newline, ends.data() + 1);
      const std::size_t n_rows = plain_rows(text, cells, ends.data() + 1, n_columns, newline);
      if (part.n_rows + n_rows > part.n_expected_rows) return false;
      if (n_rows > 0) {
        part.end = text + ends[n_rows * n_columns] + 1;
        if (!cells.ascii && find_bad_byte(text, part.end)) return false;
        use(CellBlock{text, ends.data() + 1, n_rows, n_columns});
        continue;
      }
    }
    // Something is not plain in this stretch, or it is the end of the file.
    row.resize(n_columns);
    CsvScanner scanner(text, window.end, head_.dialect);
    for (bool more = true; more && scanner.position() < text + n_bytes;) {
      more = read_block(scanner, window, part, row, block);
      if (part.problem != CsvPart::Problem::kNone || part.end > part.limit ||
          part.n_rows + block.n_rows > part.n_expected_rows)
        return false;
      use(block);
      if (!more) {
        if (find_bad_byte(text, part.end)) return false;
        for (ColumnBuilder& builder : attempt.builders) builder.end_part(index);
        return true;
      }
    }
    part.end = scanner.position();
    if (find_bad_byte(text, part.end)) return false;
  }
  for (ColumnBuilder& builder : attempt.builders) builder.end_part(index);
  if (window.is_mapped) release_pages(part.begin, part.end);
  return true;
}

std::optional<CsvAttempt> CsvTable::attempt(const CsvWindow& window, const std::vector<ColumnPlan>* guess,
                                            const Context& context) const {
  CsvAttempt out;
  out.parts = split(window, context);
  const std::vector<ColumnPlan> plans = guess ? *guess : guess_plans(window, out.parts);
  std::vector<std::size_t> n_rows, n_bytes;
  for (const CsvPart& part : out.parts) {
    n_rows.push_back(part.n_expected_rows);
    n_bytes.push_back(static_cast<std::size_t>(part.limit - part.begin));
  }
  for (const ColumnPlan& plan : plans) out.builders.emplace_back(plan, n_rows, n_bytes);
  std::atomic<bool> usual{true};
  context.parallel_blocks(out.parts.size(), 1, [&](std::size_t i, std::size_t) {
    if (usual.load(std::memory_order_relaxed) && !attempt_part(window, out, i)) usual = false;
  });
  if (!usual) return {};
  // Each part must have ended where the next one begins, with the rows that were foreseen; at the end of the
  // file blank lines may be missing among them.
  const char* start = window.begin;
  for (std::size_t i = 0; i < out.parts.size(); ++i) {
    const CsvPart& part = out.parts[i];
    if (part.begin != start) return {};
    if (part.n_rows != part.n_expected_rows && i + 1 < out.parts.size()) return {};
    start = part.end;
  }
  return out;
}

}  // namespace kolosal::io
