#include "kolosal/transform/lazy_frame_internal.hpp"

namespace kolosal::transform {

std::vector<CellSource> LazyFrame::sources(const std::vector<std::string>& columns) const {
  std::vector<CellSource> out;
  out.reserve(columns.size());
  for (const auto& name : columns) {
    const auto found = maps_.find(name);
    out.emplace_back(frame_.column(name), found == maps_.end() ? std::vector<CellMap>() : found->second);
  }
  return out;
}

void LazyFrame::compute(const std::vector<std::string>& columns, const Context& context) {
  std::vector<std::string> waiting;
  for (const auto& name : columns)
    if (maps_.contains(name)) waiting.push_back(name);
  if (waiting.empty()) return;
  auto computed = make_columns(sources(waiting), context);
  std::vector<data::Column> all;
  all.reserve(frame_.n_columns());
  for (std::size_t c = 0; c < frame_.n_columns(); ++c) all.push_back(frame_.column(c));
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    all[*frame_.find(waiting[i])] = std::move(computed[i]);
    maps_.erase(waiting[i]);
  }
  frame_ = data::Frame(frame_.names(), std::move(all));
}

data::Frame LazyFrame::compute_all(const Context& context) {
  std::vector<std::string> waiting;
  for (const auto& [name, maps] : maps_) waiting.push_back(name);
  compute(waiting, context);
  return frame_;
}

}  // namespace kolosal::transform
