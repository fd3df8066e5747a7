#pragma once

#include <string>
#include <vector>

namespace kolosal::cli {

/// Rows of cells as text in columns. Columns whose cells (but the first row's) all look like numbers stand at
/// the right.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::size_t n_rows() const { return rows_.size() - 1; }
  /// Columns that are empty in all rows are left out; each line starts with `indent` blanks.
  std::string text(std::size_t indent = 2) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Columns on the screen that UTF-8 text takes, where each code point takes one.
std::size_t shown_width(const std::string& text);

}  // namespace kolosal::cli
