#include "kolosal/infer/exporters/onnx_ranks.hpp"

#include <bit>
#include <limits>

#include "kolosal/kernel/normal_quantile_terms.hpp"

namespace kolosal::infer::exporters {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNearest = 1e-8;  // of 0 and 1: what is nearer is cut anyway

std::string polynomial(std::span<const double> terms, const std::string& x, OnnxMath& m) {
  std::string out = m.row({terms.back()});
  for (std::size_t i = terms.size() - 1; i-- > 0;) out = m.add(m.mul(out, x), m.row({terms[i]}));
  return out;
}

}  // namespace

std::string onnx_rank(const RankOperation& o, const std::string& x, OnnxMath& m) {
  OnnxGraph& g = m.graph();
  const std::size_t size = std::bit_ceil(o.points.size());
  const auto n = static_cast<std::int64_t>(size);
  const auto table = [&](std::vector<double> values, double rest) {
    values.resize(size, rest);
    return g.constant({{n}, std::move(values)});
  };
  const auto whole = [&](std::int64_t value) {
    return g.constant({{1, 1}, std::vector<std::int64_t>{value}});
  };
  // The last point that is not above x, by halving. Of NaN it is some point.
  const std::string points = table(o.points, kInf);
  std::string place = g.cast(m.mul(g.cast(m.is_nan(x), OnnxType::kDouble), m.row({0})), OnnxType::kInt64);
  for (std::int64_t step = n / 2; step > 0; step /= 2) {
    const std::string next = m.add(place, whole(step));
    const std::string is_above = g.node("Less", {x, g.node("Gather", {points, next})});
    place = m.where(is_above, place, next);
  }
  const auto of_place = [&](const std::string& values) { return g.node("Gather", {values, place}); };
  const std::string point = of_place(points);
  const std::string between =
      m.add(of_place(table(o.start, 0)), m.mul(m.sub(x, point), of_place(table(o.slope, 0))));
  std::string out = m.where(g.node("Equal", {x, point}), of_place(table(o.at, 0)), between);
  const std::string first = m.row({o.points.front()}), last = m.row({o.points.back()}),
                    margin = m.row({o.margin});
  const std::string is_last =
      g.node("Or", {g.node("Greater", {m.add(x, margin), last}), g.node("Equal", {x, last})});
  out = m.where(is_last, m.row({1}), out);
  std::string is_first = g.node("Less", {m.sub(x, margin), first});
  if (o.margin == 0) is_first = g.node("Or", {is_first, g.node("Equal", {x, first})});
  out = m.where(is_first, m.row({0}), out);
  return m.where(m.is_nan(x), x, out);
}

std::string onnx_normal_of_rank(const std::string& x, OnnxMath& m) {
  namespace terms = kernel::normal_quantile_terms;
  OnnxGraph& g = m.graph();
  const std::string p = m.cut(x, m.row({kNearest}), m.row({1 - kNearest}));
  const std::string q = m.sub(p, m.row({0.5})), zero = m.row({0});
  const std::string square = m.sub(m.row({terms::kMiddleSquare}), m.mul(q, q));
  const std::string middle =
      m.mul(q, m.div(polynomial(terms::kMiddleOver, square, m), polynomial(terms::kMiddleUnder, square, m)));
  const std::string is_low = g.node("Less", {q, zero});
  const std::string tail = m.where(is_low, p, m.sub(m.row({1}), p));
  const std::string root =
      m.sub(g.node("Sqrt", {g.node("Neg", {g.node("Log", {tail})})}), m.row({terms::kTailRoot}));
  const std::string size =
      m.div(polynomial(terms::kTailOver, root, m), polynomial(terms::kTailUnder, root, m));
  const std::string far = m.where(is_low, g.node("Neg", {size}), size);
  const std::string is_tail = g.node("Greater", {g.node("Abs", {q}), m.row({terms::kMiddle})});
  return m.cut(m.where(is_tail, far, middle), m.row({-kMostNormal}), m.row({kMostNormal}));
}

}  // namespace kolosal::infer::exporters
