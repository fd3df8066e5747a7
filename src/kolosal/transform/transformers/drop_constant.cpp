#include <numeric>
#include <optional>

#include "kolosal/transform/cell_hash_internal.hpp"
#include "kolosal/transform/kept_columns_internal.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct DropConstantParams {
  bool missing_is_value = true;
};

// Whether at least two different cells are among those seen.
class Variation {
 public:
  void add(const Column& column, std::span<const std::uint32_t> rows, bool missing_is_value) {
    if (varies_) return;
    if (column.type() == data::ColumnType::kSparse) {
      const auto cells = column.sparse();
      varies_ = std::ranges::any_of(
          rows, [&](std::uint32_t row) { return cells.offsets[row + 1] > cells.offsets[row]; });
      return;
    }
    for (const std::uint32_t row : rows) {
      if (!missing_is_value && column.is_missing(row)) continue;
      if (!first_) first_ = column.take({&row, 1});  // a copy: it outlives the batch
      varies_ = !same_cell(*first_, column, 0, row);
      if (varies_) return;
    }
  }
  void merge(const Variation& other) {
    varies_ |= other.varies_ || (first_ && other.first_ && !same_cell(*first_, *other.first_, 0, 0));
    if (!first_) first_ = other.first_;
  }
  bool varies() const { return varies_; }

 private:
  std::optional<Column> first_;  // one row
  bool varies_ = false;
};

/// Drops columns that are constant or all missing in the fitted rows; the others pass untouched.
///
/// Missing: a value and missing cells are two values, unless missing_is_value is off.
/// Edge:    a sparse column is constant when it has no entries. With fewer than two fitted rows nothing is
/// dropped.
/// Streams: exactly.
class DropConstant final : public KeptColumns {
 public:
  explicit DropConstant(DropConstantParams params) : params_(params) {}
  bool can_stream() const override { return true; }

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    gathered_.assign(x.n_columns(), {});
    n_rows_ = 0;
    add(x, rows, context);
    choose();
  }

  void add(const data::Frame& x, std::span<const std::uint32_t> rows, const Context& context) {
    n_rows_ += rows.size();
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      gathered_[c].add(x.column(c), rows, params_.missing_is_value);
    });
  }
  void choose() {
    kept_.clear();
    for (const Variation& column : gathered_) kept_.push_back(n_rows_ < 2 || column.varies() ? 1 : 0);
    gathered_.clear();
  }

  void do_begin_stream() override {
    gathered_.assign(input_columns().size(), {});
    n_rows_ = 0;
  }
  void do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) override {
    std::vector<std::uint32_t> all(x.n_rows());
    std::iota(all.begin(), all.end(), 0U);
    add(x, all, context);
  }
  void do_merge(const Transformer& other) override {
    const auto& theirs = dynamic_cast<const DropConstant&>(other);
    n_rows_ += theirs.n_rows_;
    for (std::size_t c = 0; c < gathered_.size(); ++c) gathered_[c].merge(theirs.gathered_[c]);
  }
  void do_finish_fit(const Context&) override { choose(); }

  DropConstantParams params_;
  std::vector<Variation> gathered_;  // by column, within a fit
  std::size_t n_rows_ = 0;
};

}  // namespace

TransformerInfo drop_constant_info() {
  return describe<DropConstant>("drop_constant", "Drop columns that are constant or all missing in training.",
                                "all",
                                ParamTable<DropConstantParams>().param(
                                    "missing_is_value", &DropConstantParams::missing_is_value,
                                    "Keep a column whose only variation is that some cells are missing."));
}

}  // namespace kolosal::transform
