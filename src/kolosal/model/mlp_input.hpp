#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/data/row_cell.hpp"

namespace kolosal::model {

/// Rows as a network reads them.
struct MlpRows {
  std::size_t n_rows = 0;
  std::size_t n_numbers = 0;
  std::vector<float> numbers;            ///< n_rows x n_numbers, standardized; NaN where missing
  std::vector<std::int64_t> offsets{0};  ///< n_rows + 1
  std::vector<std::int32_t> indices;     ///< sparse features of each row: levels, entries of sparse columns
  std::vector<float> values;             ///< of those
  std::vector<std::int32_t> embedded;    ///< n_rows x embedded columns: the row of the column's table, or -1
};

/// An input of a row that is not 0.
struct MlpTerm {
  std::uint32_t input = 0;
  float factor = 1;
};

/// How the columns of a table become the input of a network; learnt from the training rows.
///
/// Numbers: shifted and scaled to mean 0 and standard deviation 1 of the present, finite cells and cut at 8
///          deviations (infinities too); a missing one is 0 and sets an indicator, when the training rows
///          have such. With piecewise-linear bins every number is also written as its way through bins
///          between quantiles: 1 for the bins below it, 0 for those above, its place in its own (Gorishniy,
///          Rubachev and Babenko, 2022). Numbers outside the training range count as its ends there.
/// Categories: columns of few levels are one-hot, others have a vector per level, which the network learns. A
///          missing cell is a level; a level that the training rows lack is none: zeros.
/// Sparse:  as they are; of one column at most kMaxSparse features, those that most training rows hold.
class MlpInput {
 public:
  struct Options {
    std::size_t n_bins = 0;          ///< Piecewise-linear bins per number; 0: none.
    std::size_t max_onehot = 32;     ///< Columns with more levels than this are embedded.
    std::size_t embedding_size = 0;  ///< Numbers of a level's vector; 0: chosen by the number of levels.
  };
  struct Embedding {
    std::size_t n_levels;
    std::size_t size;
  };
  static constexpr std::size_t kMaxSparse = 4096;

  /// @throws Error kData for columns that are not numbers, categories or sparse.
  static MlpInput fit(const data::Frame& x, std::span<const std::uint32_t> rows, const Options& options);

  MlpRows encode(const data::Frame& x) const;
  /// One row, from its cells by column, in place of the rows that `out` holds. types: by column.
  void encode_row(std::span<const data::RowCell> row, const std::vector<data::ColumnType>& types,
                  MlpRows& out) const;
  /// Numbers, indicators and bins of one row: n_fixed() of them.
  void write_fixed(const MlpRows& rows, std::size_t row, float* out) const;
  /// Adds what write_fixed() writes, without the zeros. The bins that are 1 are one term: the input n_fixed()
  /// + i stands for all bins of a number up to bin i (of those of all numbers).
  void add_terms(const MlpRows& rows, std::size_t row, std::vector<MlpTerm>& out) const;

  std::size_t n_numbers() const { return numbers_.size(); }
  std::size_t n_fixed() const { return n_fixed_; }
  std::size_t n_sparse() const { return n_sparse_; }
  /// Bins of each number.
  std::vector<std::size_t> n_bins() const;
  const std::vector<Embedding>& embeddings() const { return embeddings_; }

  void save(artifact::Node& node) const;
  /// @throws Error kModel when the parts do not fit together or to a table of n_columns columns.
  static MlpInput load(const artifact::Node& node, std::size_t n_columns);

 private:
  struct Number {
    std::int32_t column = 0;
    double centre = 0;
    double scale = 1;  // never 0
    bool has_indicator = false;
    std::vector<float> edges;  // of the bins, ascending; empty: no bins
  };
  /// Levels of a category column or features of a sparse one.
  struct Slots {
    std::int32_t column = 0;
    std::int32_t embedding = -1;     // >= 0: slots are rows of this table, not sparse features
    std::vector<std::int32_t> slot;  // by code (the last: missing) or index; -1: unknown
  };
  void add_number(const data::Column& column, std::int32_t c, const Options& options);
  void add_category(const data::Column& column, std::int32_t c, const Options& options);
  void add_sparse(const data::Column& column, std::int32_t c);
  void count_fixed();
  /// The slot of a code, or -1.
  static std::int32_t slot_of(const Slots& slots, std::int32_t code);
  void encode_number(const data::Column& column, std::size_t place, MlpRows& out) const;

  std::vector<Number> numbers_;
  std::vector<Slots> slots_;
  std::vector<Embedding> embeddings_;
  std::size_t n_sparse_ = 0;
  std::size_t n_fixed_ = 0;
};

}  // namespace kolosal::model
