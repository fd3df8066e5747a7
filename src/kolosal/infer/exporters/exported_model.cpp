#include "kolosal/infer/exporters/exported_model.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/infer/exporters/model_describer.hpp"

namespace kolosal::infer::exporters {
namespace {

void append_range(std::vector<ValueId>& out, ValueId first, std::uint32_t n) {
  for (std::uint32_t i = 0; i < n; ++i) out.push_back(first + i);
}

struct Reads {
  std::vector<ValueId> operator()(const CellOperation& o) const {
    if (o.function == CellFunction::kConstant) return {};
    return is_of_two(o.function) ? std::vector<ValueId>{o.in, o.in2} : std::vector<ValueId>{o.in};
  }
  std::vector<ValueId> operator()(const LevelOperation& o) const {
    return o.is_pair ? std::vector<ValueId>{o.in, o.in2} : std::vector<ValueId>{o.in};
  }
  std::vector<ValueId> operator()(const RankOperation& o) const { return {o.in}; }
  std::vector<ValueId> operator()(const TreesOperation& o) const {
    std::vector<std::uint8_t> is_read(o.features.size(), 0);
    for (const std::int32_t f : o.forest->feature) is_read[static_cast<std::size_t>(f)] = 1;
    std::vector<ValueId> out;
    for (std::size_t f = 0; f < is_read.size(); ++f)
      if (is_read[f]) out.push_back(o.features[f]);
    return out;
  }
  std::vector<ValueId> operator()(const LinearOperation& o) const { return o.features; }
  std::vector<ValueId> operator()(const NetworkOperation& o) const { return o.features; }
  std::vector<ValueId> operator()(const NeighboursOperation& o) const {
    std::vector<ValueId> out = o.numbers;
    out.insert(out.end(), o.levels.begin(), o.levels.end());
    return out;
  }
  std::vector<ValueId> operator()(const BlendOperation& o) const {
    std::vector<ValueId> out;
    for (const ValueId first : o.first_in) append_range(out, first, o.width);
    return out;
  }
  std::vector<ValueId> operator()(const RowOperation& o) const {
    std::vector<ValueId> out;
    append_range(out, o.first_in, o.width);
    return out;
  }
};

struct Writes {
  using Range = std::pair<ValueId, std::uint32_t>;
  static std::uint32_t size_of(const auto& values) { return static_cast<std::uint32_t>(values.size()); }
  Range operator()(const CellOperation& o) const { return {o.out, 1}; }
  Range operator()(const LevelOperation& o) const { return {o.first_out, o.width}; }
  Range operator()(const RankOperation& o) const { return {o.out, 1}; }
  Range operator()(const TreesOperation& o) const {
    return {o.first_out, static_cast<std::uint32_t>(o.forest->n_outputs)};
  }
  Range operator()(const LinearOperation& o) const { return {o.first_out, size_of(o.intercept)}; }
  Range operator()(const NetworkOperation& o) const {
    return {o.first_out, static_cast<std::uint32_t>(o.layers.back().n_out)};
  }
  Range operator()(const NeighboursOperation& o) const { return {o.first_out, size_of(o.otherwise)}; }
  Range operator()(const BlendOperation& o) const { return {o.first_out, o.width}; }
  Range operator()(const RowOperation& o) const { return {o.first_out, o.width}; }
};

/// Leaves out operations that the prediction does not depend on, and marks the inputs that it does.
void drop_unused(ExportedModel& model) {
  std::vector<std::uint8_t> is_needed(model.values.size(), 0);
  std::fill_n(is_needed.begin() + model.first_output, model.n_outputs(), std::uint8_t{1});
  std::vector<ExportedOperation> kept;
  for (std::size_t i = model.operations.size(); i-- > 0;) {
    const auto [first, n] = values_written(model.operations[i]);
    if (!std::any_of(is_needed.begin() + first, is_needed.begin() + first + n,
                     [](std::uint8_t needed) { return needed != 0; }))
      continue;
    for (const ValueId value : values_read(model.operations[i])) is_needed[value] = 1;
    kept.push_back(std::move(model.operations[i]));
  }
  std::ranges::reverse(kept);
  model.operations = std::move(kept);
  for (std::size_t i = 0; i < model.inputs.size(); ++i) model.inputs[i].is_used = is_needed[i] != 0;
}

}  // namespace

bool is_moment(data::ColumnType type) {
  return type == data::ColumnType::kDate || type == data::ColumnType::kTimestamp;
}

double seconds_of(std::int64_t ns) {
  return static_cast<double>(ns / 1'000'000'000) + static_cast<double>(ns % 1'000'000'000) * 1e-9;
}

bool is_of_two(CellFunction function) {
  return function >= CellFunction::kMinus && function <= CellFunction::kOr;
}

double RankOperation::rank(double x) const {
  if (std::isnan(x)) return x;
  if (x - margin < points.front() || (margin == 0 && x == points.front())) return 0;
  if (x + margin > points.back() || x == points.back()) return 1;
  // The last point that is not above x; with a margin, x may be a little below the first.
  const auto above = std::ranges::upper_bound(points, x) - points.begin();
  const auto k = static_cast<std::size_t>(std::max<std::ptrdiff_t>(above - 1, 0));
  return x == points[k] ? at[k] : start[k] + (x - points[k]) * slope[k];
}

std::vector<ValueId> values_read(const ExportedOperation& operation) {
  return std::visit(Reads(), operation);
}

std::pair<ValueId, std::uint32_t> values_written(const ExportedOperation& operation) {
  return std::visit(Writes(), operation);
}

ExportedModel describe_model(const pipeline::Model& model) {
  ExportedModel out = ModelDescriber(model).finish();
  drop_unused(out);
  return out;
}

}  // namespace kolosal::infer::exporters
