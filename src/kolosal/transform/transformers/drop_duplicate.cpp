#include "kolosal/transform/cell_hash_internal.hpp"
#include "kolosal/transform/kept_columns_internal.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct DropDuplicateParams {
  std::int64_t max_columns = 5000;
};

std::uint64_t column_hash(const Column& column, std::span<const std::uint32_t> rows) {
  std::uint64_t hash = 0;
  for (const std::uint32_t row : rows) hash = (hash ^ cell_hash(column, row)) * 0x9e3779b97f4a7c15ULL + 1;
  return hash;
}

bool identical(const Column& a, const Column& b, std::span<const std::uint32_t> rows) {
  return std::ranges::all_of(rows, [&](std::uint32_t row) { return same_cell(a, b, row, row); });
}

/// Drops columns that equal an earlier one in every fitted row; the others pass untouched.
///
/// Equal:   the same numbers (whatever their types), the same times, or the same texts (category and text
/// too); missing
///          cells equal missing cells. Sparse columns are never dropped.
/// Edge:    without fitted rows nothing is dropped.
class DropDuplicate final : public KeptColumns {
 public:
  explicit DropDuplicate(DropDuplicateParams params) : params_(params) {}

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    const std::size_t n = x.n_columns();
    kept_.assign(n, 1);
    if (rows.empty() || n > static_cast<std::size_t>(params_.max_columns)) return;
    std::vector<std::uint64_t> hashes(n);
    context.parallel_blocks(n, 1, [&](std::size_t c, std::size_t) {
      if (x.column(c).type() != data::ColumnType::kSparse) hashes[c] = column_hash(x.column(c), rows);
    });
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    for (std::size_t c = 0; c < n; ++c) order.emplace_back(hashes[c], c);
    std::ranges::sort(order);
    for (std::size_t i = 0; i < n; ++i) {
      const Column& column = x.column(order[i].second);
      for (std::size_t j = i; j-- > 0 && order[j].first == order[i].first;) {
        const Column& earlier = x.column(order[j].second);
        if (!kept_[order[j].second] || !comparable(column.type(), earlier.type())) continue;
        if (!identical(column, earlier, rows)) continue;
        kept_[order[i].second] = 0;
        break;
      }
    }
  }

  DropDuplicateParams params_;
};

}  // namespace

TransformerInfo drop_duplicate_info() {
  return describe<DropDuplicate>("drop_duplicate",
                                 "Drop columns that equal an earlier one in every training row.", "all",
                                 ParamTable<DropDuplicateParams>()
                                     .param("max_columns", &DropDuplicateParams::max_columns,
                                            "A table with more columns is left as it is.")
                                     .limits(1, 1e9));
}

}  // namespace kolosal::transform
