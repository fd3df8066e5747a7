#include "kolosal/transform/gathered_numbers_internal.hpp"

namespace kolosal::transform {

void GatheredNumbers::add(const data::Frame& x, const Context& context) {
  n_rows_ += x.n_rows();
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    for_each_finite_block(CellSource(x.column(c)), [&](std::span<const double> cells) {
      moments_[c].add_block(cells.data(), cells.size());
      if (with_sketches_) sketches_[c].add(cells);
    });
  });
}

void GatheredNumbers::merge(const GatheredNumbers& other) {
  n_rows_ += other.n_rows_;
  for (std::size_t c = 0; c < moments_.size(); ++c) {
    moments_[c].add(other.moments_[c]);
    sketches_[c].merge(other.sketches_[c]);
  }
}

WeightedNumbers GatheredNumbers::numbers(std::size_t column) const {
  const WeightedNumbers kept = sketches_[column].sorted();
  std::vector<WeightedNumbers::Item> items(kept.items().begin(), kept.items().end());
  if (items.empty()) return kept;
  const auto put = [&](WeightedNumbers::Item& item, double number) {
    if (item.number == number) return;
    if (item.weight == 1) {
      item.number = number;
      return;
    }
    --item.weight;
    items.push_back({number, 1});
  };
  put(items.front(), moments_[column].low);
  put(items[kept.items().size() - 1], moments_[column].high);
  return WeightedNumbers(std::move(items));
}

}  // namespace kolosal::transform
