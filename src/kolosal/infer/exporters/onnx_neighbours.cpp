#include "kolosal/infer/exporters/onnx_neighbours.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/core/error.hpp"

namespace kolosal::infer::exporters {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

class NeighboursWriter {
 public:
  NeighboursWriter(const NeighboursOperation& o, OnnxValues& values, OnnxMath& math)
      : o_(o), values_(values), m_(math), g_(math.graph()) {}

  /// Rows x width.
  std::string write() {
    for (std::size_t f = 0; f < o_.numbers.size(); ++f) add_number(f);
    for (std::size_t f = 0; f < o_.levels.size(); ++f) add_level(f);
    const std::string count = g_.node("MatMul", {concat(has_), points_matrix(is_present_)});
    const std::string some = g_.node("Greater", {count, m_.row({0})});
    return vote(m_.where(some, m_.div(sum_, m_.where(some, count, m_.row({1}))), m_.row({kInf})));
  }

 private:
  std::string concat(const std::vector<std::string>& parts) {
    return parts.size() == 1 ? parts[0] : g_.node("Concat", parts, {{"axis", std::int64_t{1}}});
  }

  /// Features x points.
  std::string points_matrix(std::vector<double> values) {
    const auto n = static_cast<std::int64_t>(o_.n_points);
    return g_.constant({{static_cast<std::int64_t>(has_.size()), n}, std::move(values)});
  }

  void add_to_sum(const std::string& part) { sum_ = sum_.empty() ? part : m_.add(sum_, part); }

  std::string as_number(const std::string& condition) { return g_.cast(condition, OnnxType::kDouble); }

  /// Squared differences, 0 where one of the two lacks the number.
  void add_number(std::size_t f) {
    const std::span<const double> cells = std::span(o_.cells).subspan(f * o_.n_points, o_.n_points);
    std::vector<double> points, present;
    for (const double cell : cells) {
      points.push_back(std::isnan(cell) ? 0 : cell);
      present.push_back(std::isnan(cell) ? 0 : 1);
    }
    const std::string x = values_.columns({o_.numbers[f]});
    const std::string lacks = m_.is_nan(x);
    std::string filled = m_.where(lacks, m_.row({0}), x);
    if (std::ranges::find(present, 0.0) != present.end()) filled = m_.mul(filled, m_.row(present));
    const std::string rest = m_.sub(filled, m_.row(points));
    const std::string has = as_number(g_.node("Not", {lacks}));
    add_to_sum(m_.mul(m_.mul(rest, rest), has));
    has_.push_back(has);
    is_present_.insert(is_present_.end(), present.begin(), present.end());
  }

  /// 1 where levels differ.
  void add_level(std::size_t f) {
    const std::span<const std::int32_t> codes = std::span(o_.codes).subspan(f * o_.n_points, o_.n_points);
    constexpr std::int64_t kMissingSlot = 1;
    std::vector<std::int64_t> slots;
    std::vector<double> present;
    for (const std::int32_t code : codes) {
      slots.push_back(code + 2);
      present.push_back(code == data::kMissingCode ? 0 : 1);
    }
    const std::string slot = values_.slots(o_.levels[f]);
    const auto n = static_cast<std::int64_t>(o_.n_points);
    const std::string equal = g_.node("Equal", {slot, g_.constant({{1, n}, std::move(slots)})});
    const std::string missing =
        g_.node("Equal", {slot, g_.constant({{1, 1}, std::vector<std::int64_t>{kMissingSlot}})});
    const std::string has = as_number(g_.node("Not", {missing}));
    const std::string differ = m_.mul(as_number(g_.node("Not", {equal})), has);
    add_to_sum(m_.mul(differ, m_.row(present)));
    has_.push_back(has);
    is_present_.insert(is_present_.end(), present.begin(), present.end());
  }

  std::string column(const std::string& x, std::size_t c) {
    return g_.node("Gather", {x, g_.constant({{1}, std::vector<std::int64_t>{static_cast<std::int64_t>(c)}})},
                   {{"axis", std::int64_t{1}}});
  }

  std::string vote(const std::string& distance) {
    const std::size_t k = std::min(o_.k, o_.n_points);
    const std::string sorted = g_.node(
        "TopK", {distance, g_.constant({{1}, std::vector<std::int64_t>{static_cast<std::int64_t>(k)}})},
        {{"axis", std::int64_t{1}}, {"largest", std::int64_t{0}}, {"sorted", std::int64_t{1}}});
    const std::string last = column(sorted, k - 1);
    const std::string is_finite = g_.node("Less", {distance, m_.row({kInf})});
    const std::string nearer = as_number(g_.node("Less", {distance, last}));
    const std::string tied = as_number(g_.node("And", {g_.node("Equal", {distance, last}), is_finite}));
    // Places that are left for those exactly as far as the last.
    const std::string n_tied = m_.sum(tied), left = m_.sub(m_.row({static_cast<double>(k)}), m_.sum(nearer));
    const std::string is_shared = g_.node("Greater", {n_tied, m_.row({0})});
    const std::string share = m_.div(left, m_.where(is_shared, n_tied, m_.row({1})));
    std::string weight = m_.add(nearer, m_.mul(tied, share));
    if (o_.by_distance) weight = m_.mul(weight, weight_at(distance, column(sorted, 0), is_finite));
    const auto n = static_cast<std::int64_t>(o_.n_points), width = static_cast<std::int64_t>(o_.width());
    const std::string sums = g_.node("MatMul", {weight, g_.constant({{n, width + 1}, o_.votes})});
    std::vector<std::int64_t> places;
    for (std::int64_t j = 0; j < width; ++j) places.push_back(j);
    const std::string outputs =
        g_.node("Gather", {sums, g_.constant({{width}, std::move(places)})}, {{"axis", std::int64_t{1}}});
    const std::string total = column(sums, o_.width());
    const std::string has_votes = g_.node("Greater", {total, m_.row({0})});
    return m_.where(has_votes, m_.div(outputs, m_.where(has_votes, total, m_.row({1}))),
                    m_.row(o_.otherwise));
  }

  /// 1 / root of the distance up to a factor; where the nearest is at 0, those that are.
  std::string weight_at(const std::string& distance, const std::string& nearest,
                        const std::string& is_finite) {
    const std::string zero = m_.row({0});
    const std::string is_here = g_.node("Equal", {distance, zero});
    const std::string safe = m_.where(is_here, m_.row({1}), distance);
    const std::string finite_nearest = m_.where(g_.node("Less", {nearest, m_.row({kInf})}), nearest, zero);
    const std::string far = m_.where(is_finite, g_.node("Sqrt", {m_.div(finite_nearest, safe)}), zero);
    return m_.where(g_.node("Equal", {nearest, zero}), as_number(is_here), far);
  }

  const NeighboursOperation& o_;
  OnnxValues& values_;
  OnnxMath& m_;
  OnnxGraph& g_;
  std::string sum_;                 // rows x points
  std::vector<std::string> has_;    // rows x 1 each
  std::vector<double> is_present_;  // features x points
};

}  // namespace

std::size_t block_rows_of(const NeighboursOperation& o) {
  return std::clamp<std::size_t>((std::size_t{1} << 22) / std::max<std::size_t>(o.n_points, 1), 1, 1024);
}

void add_onnx_neighbours(const NeighboursOperation& o, OnnxValues& values, OnnxMath& math) {
  if (o.numbers.empty() && o.levels.empty())
    throw Error(ErrorCode::kUnsupported,
                "can not export: knn has no columns, and predicts the same for every row");
  values.set_range(o.first_out, o.width(), NeighboursWriter(o, values, math).write());
}

}  // namespace kolosal::infer::exporters
