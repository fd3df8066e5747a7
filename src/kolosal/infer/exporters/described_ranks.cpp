#include "kolosal/infer/exporters/described_ranks.hpp"

#include <cmath>
#include <span>

#include "kolosal/core/error.hpp"

namespace kolosal::infer::exporters {
namespace {

/// Numbers are told from the ends by so much, in the normal distribution (as scikit-learn does).
constexpr double kMargin = 1e-7;
constexpr double kMostQuantile = 1e300;  // from here on the step halves all numbers

/// quantiles: even, rising, some of them equal.
RankOperation rank_among(std::span<const double> quantiles) {
  RankOperation out;
  const std::size_t n = quantiles.size();
  const auto reference = [n](std::size_t i) {
    return n == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(n - 1);
  };
  for (std::size_t begin = 0, end = 0; begin < n; begin = end) {
    while (end < n && quantiles[end] == quantiles[begin]) ++end;
    const double last = reference(end - 1);
    out.points.push_back(quantiles[begin]);
    out.at.push_back((reference(begin) + last) / 2);
    out.start.push_back(last);
    out.slope.push_back(end < n ? (reference(end) - last) / (quantiles[end] - quantiles[begin]) : 0);
  }
  return out;
}

}  // namespace

std::vector<DescribedColumn> describe_ranks(ModelDescriber& to, const transform::Transformer& step,
                                            const DescribedTable& inputs) {
  artifact::Node node;
  step.save(node);
  const artifact::Node& state = node.child("state");
  const auto quantiles = state.get_vector<double>("quantiles");
  const auto sizes = state.get_vector<std::int64_t>("sizes");
  const bool is_normal = to_string(step.all_params().at("output_distribution")) == "normal";
  std::vector<DescribedColumn> out = inputs.columns;
  std::size_t begin = 0;
  for (std::size_t c = 0; c < out.size(); ++c) {
    const auto size = static_cast<std::size_t>(sizes[c]);
    const auto part = std::span(quantiles).subspan(begin, size);
    begin += size;
    const ValueId in = out[c].values.at(0);
    ValueId rank;
    if (part.empty()) {
      rank = to.apply(CellFunction::kClip, in, 0.5, 0.5);
    } else {
      if (std::fabs(part.front()) > kMostQuantile || std::fabs(part.back()) > kMostQuantile)
        throw Error(ErrorCode::kUnsupported,
                    "can not export: step {} ranks numbers beyond 1e300 of column \"{}\"; train without it "
                    "(--ignore {})",
                    step.name(), out[c].name, out[c].name);
      RankOperation op = rank_among(part);
      op.margin = is_normal ? kMargin : 0;
      op.in = in;
      op.out = rank = to.add_number(out[c].name);
      to.add(std::move(op));
    }
    if (is_normal) rank = to.apply(CellFunction::kNormalOfRank, rank);
    if (inputs.header.column(c).type() == data::ColumnType::kFloat32)
      rank = to.apply(CellFunction::kFloat, rank);
    out[c].values = {rank};
  }
  return out;
}

}  // namespace kolosal::infer::exporters
