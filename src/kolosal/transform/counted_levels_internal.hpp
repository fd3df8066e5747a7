#pragma once

#include <vector>

#include "kolosal/transform/level_counts_internal.hpp"
#include "kolosal/transform/level_rules_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {

/// Base of the steps whose state is a table per category column that depends on its levels alone and on how
/// many fitted rows have each. table_of() makes it, of a frame in memory and of a stream alike.
///
/// Unknown, missing: as the rules say, which table_of() applies; do_transform() checks them, and they are
/// saved
///          with the tables.
/// Streams: exactly, in memory by the number of levels.
/// Threads: table_of() is called for several columns at once.
template <typename Table>
class CountedLevels : public Transformer {
 public:
  bool can_stream() const override { return true; }

 protected:
  /// `step` outlives the object (a literal).
  CountedLevels(const char* step, LevelRules rules) : rules_(std::move(rules)), step_(step) {}

  /// counts: fitted rows by slot of the levels, as LevelRules::fit_counts() left them.
  virtual Table table_of(Levels levels, const std::vector<std::int64_t>& counts) const = 0;

  LevelRules rules_;
  std::vector<Table> tables_;  // by column

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    require_types(x, step_, "category");
    begin_tables();
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const Levels levels(x.column(c).dictionary());
      fit_table(c, levels, count_slots(levels.codes(x.column(c)), rows, levels.n_slots()));
    });
  }

  void do_begin_stream() override { gathered_.assign(input_columns().size(), {}); }
  void do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) override {
    require_types(x, step_, "category");
    context.parallel_blocks(x.n_columns(), 1,
                            [&](std::size_t c, std::size_t) { gathered_[c].add(x.column(c)); });
  }
  void do_merge(const Transformer& other) override {
    const auto& theirs = dynamic_cast<const CountedLevels&>(other).gathered_;
    for (std::size_t c = 0; c < gathered_.size(); ++c) gathered_[c].merge(theirs[c]);
  }
  void do_finish_fit(const Context& context) override {
    begin_tables();
    context.parallel_blocks(gathered_.size(), 1, [&](std::size_t c, std::size_t) {
      std::vector<std::int64_t> counts;
      Levels levels = gathered_[c].levels(counts);
      fit_table(c, std::move(levels), std::move(counts));
    });
    gathered_.clear();
  }

  void begin_tables() {
    tables_.assign(input_columns().size(), {});
    rules_.begin_fit(input_columns().size());
  }
  void fit_table(std::size_t c, Levels levels, std::vector<std::int64_t> counts) {
    rules_.fit_counts(c, input_columns()[c], counts);
    tables_[c] = table_of(std::move(levels), counts);
  }

  const char* step_;
  std::vector<LevelCounts> gathered_;  // within a fit over a stream
};

}  // namespace kolosal::transform
