#include <cstring>

#include "kolosal/io/formats/csv_scanner_internal.hpp"

namespace kolosal::io {
namespace {

// The text from the first byte after an opening quote to the end of the cell, without its quoting.
std::string unquote(const char* p, const char* end) {
  std::string out;
  bool quoted = true;
  for (; p < end; ++p) {
    if (*p != '"' || !quoted) {
      out += *p;
    } else if (p + 1 < end && p[1] == '"') {
      out += *p++;
    } else {
      quoted = false;
    }
  }
  return out;
}

}  // namespace

// position_ is at the opening quote. Returns the delimiter or newline that ends the cell, or end_.
const char* CsvScanner::read_quoted(Cell& cell, std::deque<std::string>& unescaped) {
  const char* const open = position_;
  const char* const text = position_ + 1;
  const char* p = text;
  bool plain = true;
  for (;;) {
    const void* const quote = p < end_ ? std::memchr(p, '"', static_cast<std::size_t>(end_ - p)) : nullptr;
    if (!quote) {
      open_quote_ = open;
      cell.set_text(text, end_);
      cell.quoted = 1;
      finder_.skip_to(end_);
      return end_;
    }
    p = static_cast<const char*>(quote) + 1;
    if (p == end_ || *p != '"') break;
    plain = false;
    ++p;
  }
  const char* const close = p - 1;
  finder_.skip_to(p);
  const char* const stop = finder_.next();
  const char* cell_end = stop;
  if (dialect_.newline == '\n' && cell_end > p && cell_end[-1] == '\r' && (stop == end_ || *stop == '\n'))
    --cell_end;
  cell.quoted = 1;
  if (plain && cell_end == p) {
    cell.set_text(text, close);
  } else {
    const std::string& copy = unescaped.emplace_back(unquote(text, cell_end));
    cell.set_text(copy.data(), copy.data() + copy.size());
    cell.transient = 1;
    // Text right after a closing quote is tolerated in a line. Over several lines it is another cell's
    // opening quote that was taken for the missing closing one.
    if (cell_end != p && std::memchr(text, dialect_.newline, static_cast<std::size_t>(close - text)))
      open_quote_ = open;
  }
  return stop;
}

std::size_t CsvScanner::next(Cell* cells, std::size_t capacity, std::deque<std::string>& unescaped) {
  open_quote_ = nullptr;
  Cell beyond;
  for (std::size_t n = 0;;) {
    Cell& cell = n < capacity ? cells[n] : beyond;
    ++n;
    cell = Cell{};
    const char* stop;
    if (dialect_.blank_before_quote && position_ < end_ && *position_ == ' ') {
      const char* p = position_;
      while (p < end_ && *p == ' ') ++p;
      if (p < end_ && *p == '"') position_ = p;
    }
    if (position_ < end_ && *position_ == '"') {
      stop = read_quoted(cell, unescaped);
    } else {
      stop = finder_.next();
      const char* cell_end = stop;
      if (dialect_.newline == '\n' && cell_end > position_ && cell_end[-1] == '\r' &&
          (stop == end_ || *stop == '\n'))
        --cell_end;
      cell.set_text(position_, cell_end);
    }
    if (stop == end_) {
      position_ = end_;
      complete_ = false;
      return n;
    }
    position_ = stop + 1;
    if (*stop == dialect_.newline) {
      complete_ = true;
      return n;
    }
  }
}

}  // namespace kolosal::io
