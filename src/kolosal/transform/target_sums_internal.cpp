#include "kolosal/transform/target_sums_internal.hpp"

#include "kolosal/core/error.hpp"

namespace kolosal::transform {

using data::TargetView;
using data::Task;

void TargetSums::Gathered::grow(std::size_t n_outputs) {
  n_rows.resize(index.n_slots());
  weight.resize(index.n_slots());
  sums.resize(index.n_slots() * n_outputs);
}

void TargetSums::begin(std::size_t n_columns) {
  *this = {};
  columns_.resize(n_columns);
}

void TargetSums::start(Task task, std::size_t n_classes) {
  if (started_ && (task_ != task || n_classes_ != n_classes))
    throw Error(ErrorCode::kInvalidParameter,
                "the target of a batch is {} with {} classes, but was {} with {}", data::task_name(task),
                n_classes, data::task_name(task_), n_classes_);
  started_ = true;
  task_ = task;
  n_classes_ = n_classes;
  class_rows_.resize(n_classes);
}

void TargetSums::add(const data::Frame& x, const TargetView& y, const Context& context) {
  if (x.n_rows() == 0) return;
  const bool is_first = !started_;
  start(y.task, y.n_classes);
  if (is_first && y.task == Task::kRegression)
    for (const double value : y.values) shift_ += value / static_cast<double>(y.values.size());
  const bool by_class = y.task == Task::kMulticlass;
  const std::size_t n_outputs = this->n_outputs();
  if (by_class)
    for (const double value : y.values) ++class_rows_[static_cast<std::size_t>(value)];
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    Gathered& gathered = columns_[c];
    const auto slots = gathered.index.slots_of(x.column(c));
    gathered.grow(n_outputs);
    for (std::size_t row = 0; row < slots.size(); ++row) {
      const double weight = y.weight(row);
      const double value = by_class ? 1.0 : y.values[row] - shift_;
      ++gathered.n_rows[slots[row]];
      gathered.weight[slots[row]] += weight;
      Sum& sum =
          gathered.sums[slots[row] * n_outputs + (by_class ? static_cast<std::size_t>(y.values[row]) : 0)];
      sum.value += weight * value;
      sum.square += weight * value * value;
    }
  });
}

void TargetSums::merge(const TargetSums& other) {
  if (!other.started_) return;
  const bool is_first = !started_;
  start(other.task_, other.n_classes_);
  if (is_first) shift_ = other.shift_;
  for (std::size_t k = 0; k < class_rows_.size(); ++k) class_rows_[k] += other.class_rows_[k];
  const double moved = other.shift_ - shift_;
  const std::size_t n_outputs = this->n_outputs();
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    Gathered& gathered = columns_[c];
    const Gathered& theirs = other.columns_[c];
    const auto slots = gathered.index.merge(theirs.index);
    gathered.grow(n_outputs);
    for (std::size_t i = 0; i < theirs.n_rows.size(); ++i) {
      const double weight = theirs.weight[i];
      gathered.n_rows[slots[i]] += theirs.n_rows[i];
      gathered.weight[slots[i]] += weight;
      for (std::size_t k = 0; k < n_outputs; ++k) {
        const Sum& part = theirs.sums[i * n_outputs + k];
        Sum& sum = gathered.sums[slots[i] * n_outputs + k];
        sum.value += part.value + weight * moved;
        sum.square += part.square + 2 * moved * part.value + weight * moved * moved;
      }
    }
  }
}

TargetOutputs TargetSums::outputs(std::size_t max_classes) const {
  return task_ == Task::kMulticlass ? TargetOutputs(class_rows_, max_classes) : TargetOutputs(shift_);
}

TargetSums::OfColumn TargetSums::of_column(std::size_t c, const TargetOutputs& outputs) const {
  const Gathered& gathered = columns_[c];
  const std::size_t n_given = n_outputs();
  std::vector<std::uint32_t> new_slot;
  OfColumn out{gathered.index.sorted(new_slot), {}, {}, {}};
  out.n_rows.resize(out.levels.n_slots());
  out.weight.resize(out.levels.n_slots());
  out.sums.resize(out.levels.n_slots() * outputs.size());
  for (std::size_t slot = 0; slot < gathered.n_rows.size(); ++slot) {
    out.n_rows[new_slot[slot]] = gathered.n_rows[slot];
    out.weight[new_slot[slot]] = gathered.weight[slot];
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      const std::size_t given = outputs.by_class() ? static_cast<std::size_t>(outputs.classes()[k]) : 0;
      out.sums[new_slot[slot] * outputs.size() + k] = gathered.sums[slot * n_given + given];
    }
  }
  return out;
}

void TargetSums::OfColumn::fit_rules(std::size_t c, const std::string& name, LevelRules& rules) {
  rules.fit_counts(c, name, n_rows);
  rules.fit_sums(1, weight);
  rules.fit_sums(sums.size() / n_rows.size(), sums);
}

}  // namespace kolosal::transform
