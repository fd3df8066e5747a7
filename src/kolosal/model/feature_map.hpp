#pragma once

#include <cstdint>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::model {

/// How the columns of a frame become the features of a linear learner: a number is one feature, a category
/// one feature per level and one more for "missing", a sparse column its width.
///
/// Missing: a missing category cell is its own level; an unseen level is all zeros. Numbers have no missing
/// form.
struct FeatureMap {
  enum class Kind : std::uint8_t { kNumber, kCategory, kSparse };

  std::vector<Kind> kind;             ///< per column
  std::vector<std::int32_t> first;    ///< per column: its first feature
  std::vector<std::int32_t> n_slots;  ///< per column: how many features it has
  std::int32_t n_features = 0;

  /// @throws Error kData for a column that is no number, category or sparse vector (text, date).
  static FeatureMap of(const data::Frame& x);

  /// The feature of a category code of a column, or -1 when it is none (unseen level).
  std::int32_t category_feature(std::size_t column, std::int32_t code) const {
    const std::int32_t missing_slot = n_slots[column] - 1;
    if (code >= 0 && code < missing_slot) return first[column] + code;
    return code == data::kMissingCode ? first[column] + missing_slot : -1;
  }

  void save(artifact::Node& node) const;
  /// @throws Error kModel when the parts do not fit together.
  static FeatureMap load(const artifact::Node& node);
};

/// Rows [begin, end) of a numeric column as numbers.
/// @throws Error kData naming the column when a cell is missing or infinite.
void copy_present_numbers(const data::Frame& x, std::size_t column, std::size_t begin, std::size_t end,
                          std::vector<double>& out);

}  // namespace kolosal::model
