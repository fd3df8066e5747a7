#include <algorithm>
#include <cstring>
#include <limits>

#include "kolosal/data/text_value.hpp"
#include "kolosal/io/cell_words_internal.hpp"
#include "kolosal/io/column_parts_internal.hpp"

namespace kolosal::io {
namespace {

using data::ColumnType;

// Goes through one column of a block.
class PlainCells {
 public:
  PlainCells(const CellBlock& block, std::size_t column)
      : block_(block), end_(block.ends + column), is_last_(column + 1 == block.n_columns) {}
  const char* begin() const { return block_.base + static_cast<std::uint32_t>(end_[-1] + 1); }
  std::size_t size() const {
    const std::size_t n = *end_ - end_[-1] - 1;
    return n - (is_last_ && n > 0 && begin()[n - 1] == '\r');
  }
  void advance() { end_ += block_.n_columns; }

 private:
  const CellBlock& block_;
  const std::uint32_t* end_;
  bool is_last_;
};

// Undoes the quotes of a plain cell. `one` keeps the text when quotes in it were doubled.
Cell unquoted(const char* p, std::size_t n, RowBlock& one) {
  Cell cell;
  if (n < 2 || *p != '"') {
    cell.set_text(p, p + n);
    return cell;
  }
  cell.quoted = 1;
  cell.set_text(p + 1, p + n - 1);
  if (!std::memchr(cell.begin, '"', cell.size)) return cell;
  one.unescaped.clear();
  std::string& text = one.unescaped.emplace_back();
  for (const char* c = p + 1; c < p + n - 1; ++c) {
    text += *c;
    c += *c == '"';
  }
  cell.set_text(text.data(), text.data() + text.size());
  cell.transient = 1;
  return cell;
}

// Most texts are short: a copy of 32 bytes needs no count. Both sides have room for it.
void copy_text(char* to, const char* from, std::size_t n) {
  std::memcpy(to, from, 32);
  if (n > 32) std::memcpy(to + 32, from + 32, n - 32);
}

}  // namespace

ColumnBuilder::ColumnBuilder(ColumnPlan guess, const std::vector<std::size_t>& n_rows_of,
                             const std::vector<std::size_t>& n_bytes_of)
    : plan_(std::move(guess)), has_missing_(true), max_levels_(kMaxCategoryLevels), parts_(n_rows_of.size()) {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    parts_[i].first_row = n_rows_;
    parts_[i].n_rows = n_rows_of[i];
    n_rows_ += n_rows_of[i];
  }
  if (plan_.type == ColumnType::kCategory && !plan_.undecided)
    max_levels_ = std::numeric_limits<std::int32_t>::max();
  allocate();
  if (plan_.type != ColumnType::kText) return;
  if (plan_.undecided) distinct_texts_ = std::make_unique<DistinctHashes>();
  for (std::size_t i = 0; i < parts_.size(); ++i) parts_[i].text_capacity = n_bytes_of[i];
}

void ColumnBuilder::add_cell(Part& part, std::size_t row, const Cell& cell, const MissingTokens& missing,
                             ColumnStats& stats) {
  add_to_stats(cell, plan_, missing, stats);
  if (wrong_.load(std::memory_order_relaxed)) return;
  part.one.cells.resize(1);
  part.one.cells[0] = cell;
  part.one.n_rows = part.one.n_columns = 1;
  BadCell bad;
  fill(static_cast<std::size_t>(&part - parts_.data()), row, part.one, 0, missing, bad);
  if (bad.found) wrong_.store(true, std::memory_order_relaxed);
}

void ColumnBuilder::add(std::size_t part_index, std::size_t first_row, const RowBlock& block,
                        std::size_t column, const MissingTokens& missing, ColumnStats& stats) {
  Part& part = parts_[part_index];
  start_part(part);
  if (distinct_texts_) {
    for (std::size_t row = 0; row < block.n_rows; ++row)
      add_hashed(part, first_row + row, block.cell(row, column), missing, stats);
    return;
  }
  add_to_stats(block, column, plan_, missing, stats);
  if (wrong_.load(std::memory_order_relaxed)) return;
  BadCell bad;
  fill(part_index, first_row, block, column, missing, bad);
  if (bad.found) wrong_.store(true, std::memory_order_relaxed);
}

void ColumnBuilder::add_hashed(Part& part, std::size_t row, const Cell& cell, const MissingTokens& missing,
                               ColumnStats& stats) {
  const std::size_t n_missing = stats.n_missing;
  add_cell(part, row, cell, missing, stats);
  if (part.hashes && stats.n_missing == n_missing) part.hashes->add(LevelTable::hash_text(cell.text()));
}

// The memory of a part is taken by the thread that fills it.
void ColumnBuilder::start_part(Part& part) {
  if (plan_.type != ColumnType::kText || part.text_data) return;
  part.text = PageBuffer(part.text_capacity + 64, false);
  part.text_data = reinterpret_cast<char*>(part.text.data());
  if (distinct_texts_) part.hashes = std::make_unique<HashSet>();
}

void ColumnBuilder::end_part(std::size_t part_index) {
  Part& part = parts_[part_index];
  if (part.hashes && !distinct_texts_->too_many()) distinct_texts_->add(*part.hashes);
  part.hashes.reset();
  part.memo.reset();
}

void ColumnBuilder::add(std::size_t part_index, std::size_t first_row, const CellBlock& block,
                        std::size_t column, const MissingTokens& missing, ColumnStats& stats) {
  Part& part = parts_[part_index];
  start_part(part);
  const std::size_t row = part.first_row + first_row;
  const bool plain =
      !wrong_.load(std::memory_order_relaxed) && !too_many_levels_.load(std::memory_order_relaxed);
  const std::uint32_t point = plan_.decimal == ',' ? kind::kFloatComma : kind::kFloatPoint;
  if (plain) switch (plan_.type) {
      case ColumnType::kInt64:
        return add_plain(part, first_row, block, column, missing, stats,
                         [values = buffers_->as<std::int64_t>() + row](std::size_t i, const char* p,
                                                                       std::size_t n, std::uint32_t& kinds) {
                           kinds |= kind::kInt;
                           return read_plain_int(p, n, values[i]);
                         });
      case ColumnType::kFloat64:
        return add_plain(part, first_row, block, column, missing, stats,
                         [values = buffers_->as<double>() + row, decimal = plan_.decimal, point](
                             std::size_t i, const char* p, std::size_t n, std::uint32_t& kinds) {
                           if (read_plain_float(p, n, decimal, values[i])) {
                             kinds |= point;
                             return true;
                           }
                           std::int64_t whole = 0;
                           // Not 0: a float knows -0.
                           if (!read_plain_int(p, n, whole) || whole == 0) return false;
                           kinds |= kind::kInt;
                           values[i] = static_cast<double>(whole);
                           return true;
                         });
      case ColumnType::kDate:
        return add_plain(part, first_row, block, column, missing, stats,
                         [values = buffers_->as<std::int64_t>() + row](std::size_t i, const char* p,
                                                                       std::size_t n, std::uint32_t& kinds) {
                           std::int64_t days = 0;
                           if (n != 10 || !read_plain_day(p, days)) return false;
                           kinds |= kind::kYmd;
                           values[i] = days * data::kNanosecondsPerDay;
                           return true;
                         });
      case ColumnType::kTimestamp:
        return add_plain(part, first_row, block, column, missing, stats,
                         [values = buffers_->as<std::int64_t>() + row](std::size_t i, const char* p,
                                                                       std::size_t n, std::uint32_t& kinds) {
                           std::int64_t days = 0, seconds = 0;
                           if (n != 19 && (n != 20 || p[19] != 'Z')) return false;
                           if ((p[10] != ' ' && p[10] != 'T') || !read_plain_day(p, days) ||
                               !read_plain_time(p + 11, seconds))
                             return false;
                           kinds |= kind::kYmd | kind::kHasTime;
                           values[i] = (days * 86'400 + seconds) * data::kNanosecondsPerSecond;
                           return true;
                         });
      case ColumnType::kBool:
      case ColumnType::kCategory:
        return add_memorized(part, first_row, block, column, missing, stats);
      case ColumnType::kText:
        return add_text(part, first_row, block, column, missing, stats);
      default:
        break;
    }
  PlainCells cells(block, column);
  for (std::size_t i = 0; i < block.n_rows; ++i, cells.advance())
    add_cell(part, first_row + i, unquoted(cells.begin(), cells.size(), part.one), missing, stats);
}

// read(i, begin, size, kinds) reads a cell of the usual form, or leaves it to add_cell().
template <typename Read>
void ColumnBuilder::add_plain(Part& part, std::size_t first_row, const CellBlock& block, std::size_t column,
                              const MissingTokens& missing, ColumnStats& stats, Read&& read) {
  PlainCells cells(block, column);
  std::size_t n_plain = 0, n_missing = 0, n_bytes = 0;
  std::uint32_t kinds = 0;
  const bool empty_is_missing = missing.contains_empty();
  for (std::size_t i = 0; i < block.n_rows; ++i, cells.advance()) {
    const char* const p = cells.begin();
    const std::size_t n = cells.size();
    if (n == 0 && empty_is_missing) {
      set_missing(part.first_row + first_row + i);
      ++n_missing;
    } else if (std::uint32_t found = 0; n > 0 && read(i, p, n, found)) {
      kinds |= found;
      ++n_plain;
      n_bytes += n;
    } else {
      add_cell(part, first_row + i, unquoted(p, n, part.one), missing, stats);
    }
  }
  stats.n_present += n_plain;
  stats.n_missing += n_missing;
  stats.text_bytes += n_bytes;
  stats.kinds |= kinds;
}

// Columns of few different cells: what a cell became once, it becomes again.
void ColumnBuilder::add_memorized(Part& part, std::size_t first_row, const CellBlock& block,
                                  std::size_t column, const MissingTokens& missing, ColumnStats& stats) {
  using State = CellMemo::State;
  if (!part.memo) part.memo = std::make_unique<CellMemo>();
  PlainCells cells(block, column);
  const std::size_t row = part.first_row + first_row;
  const bool is_bool = plan_.type == ColumnType::kBool;
  std::uint8_t* const bools = buffers_->as<std::uint8_t>() + (is_bool ? row : 0);
  std::int32_t* const codes = buffers_->as<std::int32_t>() + (is_bool ? 0 : row);
  std::size_t n_of[3] = {}, n_bytes = 0;
  const bool empty_is_missing = missing.contains_empty();
  for (std::size_t i = 0; i < block.n_rows; ++i, cells.advance()) {
    const char* const p = cells.begin();
    const std::size_t n = cells.size();
    if (n == 0 && empty_is_missing) {
      set_missing(row + i);
      ++n_of[static_cast<std::size_t>(State::kMissing)];
      continue;
    }
    if (n - 1 >= CellMemo::kMaxBytes) {
      add_cell(part, first_row + i, unquoted(p, n, part.one), missing, stats);
      continue;
    }
    CellMemo::Entry& entry = part.memo->find(p, n);
    if (entry.size != 0) {
      ++n_of[static_cast<std::size_t>(entry.state)];
      n_bytes += entry.text_size;
      if (!is_bool)
        codes[i] = entry.code;
      else if (entry.state == State::kPresent)
        bools[i] = static_cast<std::uint8_t>(entry.code);
      else
        set_missing(row + i);
      continue;
    }
    const std::size_t n_missing = stats.n_missing, n_empty = stats.n_empty;
    const Cell cell = unquoted(p, n, part.one);
    add_cell(part, first_row + i, cell, missing, stats);
    if (wrong_.load(std::memory_order_relaxed) || too_many_levels_.load(std::memory_order_relaxed)) continue;
    entry.size = static_cast<std::uint8_t>(n);
    entry.code = is_bool ? bools[i] : codes[i];
    entry.state = stats.n_missing > n_missing ? State::kMissing
                  : stats.n_empty > n_empty   ? State::kEmpty
                                              : State::kPresent;
    entry.text_size = entry.state == State::kMissing ? 0 : static_cast<std::uint8_t>(cell.size);
    part.memo->added();
  }
  stats.n_present += n_of[static_cast<std::size_t>(State::kPresent)];
  stats.n_empty += n_of[static_cast<std::size_t>(State::kEmpty)];
  stats.n_missing += n_of[static_cast<std::size_t>(State::kMissing)];
  stats.text_bytes += n_bytes;
}

void ColumnBuilder::add_text(Part& part, std::size_t first_row, const CellBlock& block, std::size_t column,
                             const MissingTokens& missing, ColumnStats& stats) {
  PlainCells cells(block, column);
  if (part.hashes && distinct_texts_->too_many()) part.hashes.reset();
  const bool hashed = part.hashes != nullptr;
  if (first_row == 0) part.text_size = 0;
  std::int64_t* const ends = buffers_->as<std::int64_t>() + part.first_row + first_row + 1;
  for (std::size_t i = 0; i < block.n_rows; ++i, cells.advance()) {
    const Cell cell = unquoted(cells.begin(), cells.size(), part.one);
    const bool known = (stats.kinds & kind::kText) != 0 || plan_.verbatim;
    if (!known || cell.transient || cell.size == 0 || (!plan_.verbatim && missing.may_start(*cell.begin))) {
      add_hashed(part, first_row + i, cell, missing, stats);
      continue;
    }
    if (hashed) part.hashes->add(LevelTable::hash_text(cell.text()));
    ++stats.n_present;
    stats.text_bytes += cell.size;
    copy_text(part.text_data + part.text_size, cell.begin, cell.size);
    part.text_size += cell.size;
    ends[i] = static_cast<std::int64_t>(part.text_begin + part.text_size);
  }
}

ColumnBuilder::Settled ColumnBuilder::settle(const ColumnPlan& plan, const std::vector<ColumnStats>& parts,
                                             const std::vector<std::size_t>& n_rows_of,
                                             const Context& context) {
  const bool is_string = plan_.type == ColumnType::kText || plan_.type == ColumnType::kCategory;
  if (too_many_levels_ && plan.undecided) return Settled::kWrongIsText;
  if (wrong_ || too_many_levels_ || plan.forced != plan_.forced || plan.undecided != plan_.undecided ||
      (!plan.undecided && plan.type != plan_.type) || plan.order != plan_.order ||
      (plan.type == ColumnType::kFloat64 && plan.decimal != plan_.decimal))
    return Settled::kWrong;
  const ColumnType guessed = plan_.type;
  n_rows_ = text_bytes_ = 0;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    parts_[i].n_rows = n_rows_of[i];
    parts_[i].text_begin = text_bytes_;  // a category may still become text
    n_rows_ += n_rows_of[i];
    text_bytes_ += parts[i].text_bytes;
  }
  plan_ = plan;
  plan_.type = guessed;
  if (plan_.undecided && n_rows_ < kMinCategoryRows) {
    if (guessed == ColumnType::kCategory) return Settled::kWrong;
    plan_.undecided = false;
  }
  take_totals(parts);
  if (!has_missing_) buffers_->bits.clear();
  if (is_string && guessed == ColumnType::kText) {
    if (plan_.undecided && !distinct_texts_->too_many() && distinct_texts_->size() <= max_levels_)
      return Settled::kWrong;
    plan_.undecided = false;
    join_texts(context);
  }
  return Settled::kGood;
}

void ColumnBuilder::join_texts(const Context& context) {
  text_bytes_ = 0;
  for (Part& part : parts_) {
    part.text_begin = text_bytes_;
    text_bytes_ += part.text_size;
  }
  buffers_->text = PageBuffer(text_bytes_);
  context.parallel_blocks(parts_.size(), 1, [&](std::size_t i, std::size_t) {
    Part& part = parts_[i];
    std::copy_n(part.text_data, part.text_size, buffers_->text_at(part.text_begin));
    part.text.reset();
    std::int64_t* const ends = buffers_->as<std::int64_t>() + part.first_row + 1;
    for (std::size_t row = 0; row < part.n_rows; ++row)
      ends[row] += static_cast<std::int64_t>(part.text_begin);
  });
}

}  // namespace kolosal::io
