#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/data/column.hpp"
#include "kolosal/transform/ngrams_internal.hpp"
#include "kolosal/transform/term_table_internal.hpp"

namespace kolosal::transform {

/// Which terms of the fitted texts become features.
struct VocabularyOptions {
  std::int64_t min_rows = 1;
  double min_share = 0, max_share = 1;
  std::int64_t max_features = 0;  ///< 0: no limit; else those that occur most often.
};

/// The terms that are features, in the order of their bytes (which is that of their characters), and in
/// how many of the fitted texts each is.
struct Vocabulary {
  TermTable terms;
  std::vector<std::int64_t> n_rows;  // by term
  std::int64_t n_texts = 0;

  void save(artifact::Node& node) const;
  /// @throws Error kModel when the saved arrays do not fit each other.
  static Vocabulary load(const artifact::Node& node);
};

/// The terms of a run of texts: what each text holds, by the number of the term in this block.
struct TermBlock {
  TermTable terms;
  std::vector<std::uint32_t> n_rows, n_times;  // by term, of the fitted texts
  std::vector<std::uint32_t> cells;            // terms of one text after another, as often as they occur
  std::vector<std::size_t> ends;               // by text: where it ends in cells
  std::int64_t n_texts = 0;                    // fitted ones
};

/// How often the terms of the fitted texts occur. Sums of whole numbers: neither blocks nor their order
/// matter.
class TermCounts {
 public:
  /// Returns the number here of each term of the block.
  std::vector<std::uint32_t> add(const TermBlock& block);
  void merge(const TermCounts& other);
  /// The features, and for each term counted here its feature (TermTable::kNone: none).
  Vocabulary choose(const VocabularyOptions& options, std::vector<std::uint32_t>& feature_of,
                    const Context& context) const;

 private:
  TermTable terms_;
  std::vector<std::int64_t> n_rows_, n_times_;
  std::int64_t n_texts_ = 0;
};

/// Reads the given rows in blocks, on many threads. fitted: by row, whether it counts; empty: all do.
/// Missing cells count as empty texts. keep_cells: fill TermBlock::cells. @throws Error kMemory naming
/// the column when the blocks would take more than the context allows.
std::vector<TermBlock> read_terms(const std::string& name, const data::Column& column,
                                  std::span<const std::uint32_t> rows, std::span<const std::uint8_t> fitted,
                                  bool keep_cells, const NgramOptions& options, const Context& context);

}  // namespace kolosal::transform
