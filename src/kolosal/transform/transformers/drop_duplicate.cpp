#include <map>
#include <numeric>
#include <unordered_map>

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
///          too); missing cells equal missing cells. Sparse columns are never dropped.
/// Streams: exactly: columns that have been equal so far are compared in every batch. (But whole numbers
/// beyond
///          2^53 that equal a float only to its precision may be taken for equal in another order.)
/// Edge:    without fitted rows nothing is dropped.
class DropDuplicate final : public KeptColumns {
 public:
  explicit DropDuplicate(DropDuplicateParams params) : params_(params) {}
  bool can_stream() const override { return true; }

 private:
  // Columns that are equal so far, ascending; a column that equals none is in no set.
  using EqualSets = std::vector<std::vector<std::size_t>>;

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    do_begin_stream();
    add(x, rows, context);
    do_finish_fit(context);
  }

  void do_begin_stream() override {
    any_rows_ = false;
    sets_.clear();
    std::vector<std::size_t> all;
    for (std::size_t c = 0; c < input_types().size(); ++c)
      if (input_types()[c] != data::ColumnType::kSparse) all.push_back(c);
    if (input_types().size() <= static_cast<std::size_t>(params_.max_columns)) sets_.push_back(all);
  }
  void do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) override {
    std::vector<std::uint32_t> all(x.n_rows());
    std::iota(all.begin(), all.end(), 0U);
    add(x, all, context);
  }
  void do_merge(const Transformer& other) override;
  void do_finish_fit(const Context&) override {
    kept_.assign(input_columns().size(), 1);
    for (const auto& set : sets_)
      for (std::size_t i = 1; any_rows_ && i < set.size(); ++i) kept_[set[i]] = 0;
    sets_.clear();
  }
  void add(const data::Frame& x, std::span<const std::uint32_t> rows, const Context& context);

  DropDuplicateParams params_;
  EqualSets sets_;  // within a fit
  bool any_rows_ = false;
};

// Only columns with the same hash are compared cell by cell.
void DropDuplicate::add(const data::Frame& x, std::span<const std::uint32_t> rows, const Context& context) {
  if (rows.empty()) return;
  any_rows_ = true;
  EqualSets parted;
  for (const auto& set : sets_) {
    std::vector<std::uint64_t> hashes(set.size());
    context.parallel_blocks(
        set.size(), 1, [&](std::size_t i, std::size_t) { hashes[i] = column_hash(x.column(set[i]), rows); });
    std::unordered_map<std::uint64_t, std::vector<std::size_t>> with_hash;  // hash -> sets in `parted`
    for (std::size_t i = 0; i < set.size(); ++i) {
      const Column& column = x.column(set[i]);
      auto& candidates = with_hash[hashes[i]];
      const auto equal = std::ranges::find_if(candidates, [&](std::size_t k) {
        const Column& first = x.column(parted[k].front());
        return comparable(column.type(), first.type()) && identical(column, first, rows);
      });
      if (equal != candidates.end()) {
        parted[*equal].push_back(set[i]);
        continue;
      }
      candidates.push_back(parted.size());
      parted.push_back({set[i]});
    }
  }
  std::erase_if(parted, [](const auto& set) { return set.size() < 2; });
  sets_ = std::move(parted);
}

// Columns are equal in all rows that are equal in those of both.
void DropDuplicate::do_merge(const Transformer& other) {
  const auto& theirs = dynamic_cast<const DropDuplicate&>(other);
  if (!theirs.any_rows_) return;
  any_rows_ = true;
  std::vector<std::size_t> set_of(input_columns().size());  // 0: in none of theirs
  for (std::size_t k = 0; k < theirs.sets_.size(); ++k)
    for (const std::size_t c : theirs.sets_[k]) set_of[c] = k + 1;
  EqualSets parted;
  for (const auto& set : sets_) {
    std::map<std::size_t, std::vector<std::size_t>> by_their_set;
    for (const std::size_t c : set)
      if (set_of[c] > 0) by_their_set[set_of[c]].push_back(c);
    for (auto& [k, columns] : by_their_set)
      if (columns.size() > 1) parted.push_back(std::move(columns));
  }
  sets_ = std::move(parted);
}

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
