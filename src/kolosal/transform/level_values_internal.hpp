#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kolosal/transform/level_rules_internal.hpp"
#include "kolosal/transform/target_sums_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {

/// Base of the steps that replace each level of a category column by one number, or by one per class of the
/// target. do_fit() fills tables_; a fitted row may get another number than its level (see encode()).
///
/// Streams: to rounding, in memory by levels times classes. Afterwards all rows are encoded by their level,
///          the fitted ones too.
/// Types:   category becomes float64 <name><suffix>, or <name><suffix>_<class>.
/// Unknown, missing: as the rules of the step say.
class LevelValues : public Transformer {
 public:
  bool uses_target() const override { return true; }
  bool can_stream() const override { return true; }
  std::string made_types() const override { return "float"; }
  std::unique_ptr<RowStep> row_step(const data::Frame& inputs) const override;

 protected:
  /// `step` and `suffix` outlive the object (literals).
  LevelValues(const char* step, const char* suffix, std::int64_t max_classes, LevelRules rules)
      : rules_(std::move(rules)),
        max_classes_(static_cast<std::size_t>(max_classes)),
        step_(step),
        suffix_(suffix) {}

  struct Table {
    Levels levels;
    std::vector<double> value;  // slot x output
  };
  /// Changes the cells that output k of column c made of all rows.
  using Edit = std::function<void(std::size_t c, std::size_t k, std::vector<double>& cells)>;

  std::vector<Named> encode(const data::Frame& x, const Context& context, const Edit& edit = {}) const;

  /// Starts a fit in memory: tables_ have levels and rules_ know them. counts: fitted rows by slot.
  CodeView begin_column(const data::Frame& x, std::size_t c, std::span<const std::uint32_t> rows,
                        std::vector<std::int64_t>& counts);

  /// Of a stream: the numbers of all slots of a column (slot x output), before rules are applied.
  virtual std::vector<double> values_of(const TargetSums::OfColumn& gathered,
                                        const TargetOutputs& outputs) const = 0;

  void do_partial_fit(const data::Frame& x, const data::TargetView& y, const Context& context) override {
    require_types(x, step_, "category");
    gathered_.add(x, y, context);
  }

  LevelRules rules_;
  const std::size_t max_classes_;      // with more, only the most frequent get a number
  std::vector<Table> tables_;          // by column
  std::vector<std::int64_t> classes_;  // of the outputs; empty: one output
  std::size_t n_outputs() const { return classes_.empty() ? 1 : classes_.size(); }

 private:
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    return encode(x, context);
  }
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;
  void do_begin_stream() override { gathered_.begin(input_columns().size()); }
  void do_merge(const Transformer& other) override {
    gathered_.merge(dynamic_cast<const LevelValues&>(other).gathered_);
  }
  void do_finish_fit(const Context& context) override;

  const char* step_;
  const char* suffix_;
  TargetSums gathered_;  // within a fit over a stream
};

}  // namespace kolosal::transform
