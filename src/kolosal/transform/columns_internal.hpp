#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::transform {

/// Whether a column type is in a list as Selector::types holds it ("category,numeric").
/// @throws Error kInvalidParameter for a word that is no type, with the nearest one.
bool type_in_list(std::string_view types, data::ColumnType type);

/// @throws Error kData when a column of x has a type that is not in the list.
void require_types(const data::Frame& x, std::string_view step, std::string_view types);

void require_type(std::string_view step, std::string_view column, data::ColumnType type,
                  std::string_view types);

/// The words of a comma separated list, without blanks around them.
std::vector<std::string> split_list(std::string_view list);

/// Cells of a numeric or time column as doubles (NaN = missing), without a copy when it is float64 already.
class Numbers {
 public:
  explicit Numbers(const data::Column& column);
  std::size_t size() const { return values_.size(); }
  double operator[](std::size_t row) const { return values_[row]; }
  std::span<const double> values() const { return values_; }

 private:
  std::vector<double> copy_;
  std::span<const double> values_;
};

/// 0 ... n - 1.
std::vector<std::uint32_t> every_row(std::size_t n);

/// One per column of x.
std::vector<Numbers> numbers_of(const data::Frame& x);

/// The finite cells of the given rows.
std::vector<double> finite_cells(const Numbers& cells, std::span<const std::uint32_t> rows);

/// Codes of a category column in the dictionary of a fit; see Levels::codes().
class CodeView {
 public:
  explicit CodeView(std::span<const std::int32_t> codes) : codes_(codes) {}
  explicit CodeView(std::vector<std::int32_t> codes) : copy_(std::move(codes)), codes_(copy_) {}
  CodeView(const CodeView&) = delete;
  CodeView& operator=(const CodeView&) = delete;
  std::size_t size() const { return codes_.size(); }
  std::int32_t operator[](std::size_t row) const { return codes_[row]; }

 private:
  std::vector<std::int32_t> copy_;
  std::span<const std::int32_t> codes_;
};

/// The levels that a category column had when a step was fitted. Tables of a step are indexed by slot(code).
class Levels {
 public:
  Levels() = default;
  explicit Levels(std::shared_ptr<const data::Dictionary> dictionary) : dictionary_(std::move(dictionary)) {}

  std::size_t size() const { return dictionary_ ? static_cast<std::size_t>(dictionary_->size()) : 0; }
  const data::Dictionary& dictionary() const { return *dictionary_; }
  const std::shared_ptr<const data::Dictionary>& shared_dictionary() const { return dictionary_; }
  /// Codes in the fitted dictionary, whatever dictionary the column has; levels it lacks are kUnseenCode.
  CodeView codes(const data::Column& column) const;
  /// 0 for unseen, 1 for missing, 2 + code for a level: an index into a table of n_slots().
  static std::size_t slot(std::int32_t code) { return static_cast<std::size_t>(code + 2); }
  std::size_t n_slots() const { return size() + 2; }

  void save(artifact::Node& node) const;
  static Levels load(const artifact::Node& node);

 private:
  std::shared_ptr<const data::Dictionary> dictionary_;
};

/// Codes 0 .. size() - 1 in the order of their levels: by number when all levels are numbers, else by bytes.
std::vector<std::int32_t> codes_in_level_order(const data::Dictionary& dictionary);

/// Cells per slot among the rows.
std::vector<std::int64_t> count_slots(const CodeView& codes, std::span<const std::uint32_t> rows,
                                      std::size_t n_slots);

/// @throws Error kModel when a saved state has arrays of other sizes than its step needs.
void check_saved_size(std::string_view step, std::initializer_list<std::size_t> sizes, std::size_t wanted);

/// Rows per block of loops over the rows of one column.
inline constexpr std::size_t kRowGrain = 1 << 12;
/// Rows per task where many columns are worked on at once.
inline constexpr std::size_t kTaskRows = 16 * kRowGrain;

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

}  // namespace kolosal::transform
