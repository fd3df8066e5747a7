#include "kolosal/cli/text_table.hpp"

#include <algorithm>
#include <cctype>

namespace kolosal::cli {
namespace {

bool looks_like_number(const std::string& cell) {
  return cell.empty() || cell == "-" || std::isdigit(static_cast<unsigned char>(cell[0])) ||
         (cell.size() > 1 && (cell[0] == '-' || cell[0] == '+') &&
          std::isdigit(static_cast<unsigned char>(cell[1])));
}

}  // namespace

std::size_t shown_width(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string TextTable::text(std::size_t indent) const {
  struct Layout {
    std::size_t width = 0;
    bool at_right = true;
    bool is_used = false;
  };
  std::vector<Layout> columns(rows_.front().size());
  for (std::size_t r = 0; r < rows_.size(); ++r)
    for (std::size_t c = 0; c < columns.size(); ++c) {
      columns[c].width = std::max(columns[c].width, shown_width(rows_[r][c]));
      if (r == 0) continue;
      columns[c].at_right = columns[c].at_right && looks_like_number(rows_[r][c]);
      columns[c].is_used = columns[c].is_used || !rows_[r][c].empty();
    }
  std::string out;
  for (const auto& row : rows_) {
    std::string line(indent, ' ');
    for (std::size_t c = 0; c < columns.size(); ++c) {
      if (!columns[c].is_used) continue;
      const std::string padding(columns[c].width - shown_width(row[c]), ' ');
      line += columns[c].at_right ? padding + row[c] : row[c] + padding;
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

}  // namespace kolosal::cli
