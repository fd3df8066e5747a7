// Learners as operations of an ExportedModel.
#include <functional>
#include <map>

#include "kolosal/core/error.hpp"
#include "kolosal/infer/exporters/described_naive_bayes.hpp"
#include "kolosal/infer/exporters/described_neighbours.hpp"
#include "kolosal/infer/exporters/described_network.hpp"
#include "kolosal/infer/exporters/described_symmetric_trees.hpp"
#include "kolosal/infer/exporters/model_describer.hpp"
#include "kolosal/model/linear_model.hpp"
#include "kolosal/model/quantile_learner.hpp"

namespace kolosal::infer::exporters {
namespace {

ValueId describe_learner(ModelDescriber& to, const model::Estimator& learner, const std::string& name,
                         const DescribedTable& table);

using artifact::Node;
using data::ColumnType;

enum class LinearLink { kIdentity, kProbability, kExp, kShares };

const std::map<std::string, LinearLink, std::less<>>& linear_links() {
  static const std::map<std::string, LinearLink, std::less<>> links = {
      {"bernoulli_nb", LinearLink::kProbability},
      {"elastic_net", LinearLink::kIdentity},
      {"glm", LinearLink::kExp},
      {"huber", LinearLink::kIdentity},
      {"lasso", LinearLink::kIdentity},
      {"linear_svm", LinearLink::kShares},
      {"logistic_regression", LinearLink::kProbability},
      {"multinomial_nb", LinearLink::kProbability},
      {"quantile_regression", LinearLink::kIdentity},
      {"ridge", LinearLink::kIdentity},
  };
  return links;
}

ValueId describe_trees(ModelDescriber& to, const model::Forest& forest, const std::string& name,
                       const DescribedTable& table) {
  TreesOperation op;
  model::Forest raw = forest;
  raw.link = model::Link::kIdentity;
  op.forest = std::make_shared<const model::Forest>(std::move(raw));
  for (const DescribedColumn& column : table.columns) {
    if (column.values.size() != 1)
      throw Error(ErrorCode::kUnsupported,
                  "can not export: {} reads the sparse column \"{}\"; train with another learner", name,
                  column.name);
    op.features.push_back(column.values[0]);
  }
  const auto width = static_cast<std::size_t>(forest.n_outputs);
  op.first_out = to.add_numbers(name, width);
  const ValueId first = op.first_out;
  to.add(std::move(op));
  return describe_link(to, forest.link, forest.link_parameter, first, width);
}

/// A category column as numbers: one per level, then "missing".
void add_level_features(ModelDescriber& to, const DescribedColumn& column, std::int32_t n_slots,
                        std::vector<ValueId>& out) {
  const ValueId in = column.values.at(0);
  LevelOperation op{.kind = LevelOperation::Kind::kOneHot,
                    .in = in,
                    .first_out = to.add_numbers(column.name, static_cast<std::size_t>(n_slots)),
                    .width = static_cast<std::uint32_t>(n_slots)};
  op.codes.assign(to.value(in).n_slots(), -1);
  op.codes[1] = n_slots - 1;
  for (std::int32_t code = 0; code + 1 < n_slots && static_cast<std::size_t>(code) + 2 < op.codes.size();
       ++code)
    op.codes[static_cast<std::size_t>(code) + 2] = code;
  for (std::int32_t i = 0; i < n_slots; ++i) out.push_back(op.first_out + static_cast<ValueId>(i));
  to.add(std::move(op));
}

ValueId describe_linear(ModelDescriber& to, const Node& state, const model::Estimator& learner,
                        const std::string& name, const DescribedTable& table) {
  const model::LinearModel linear = model::LinearModel::load(state.child("linear"));
  LinearOperation op;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const auto n = linear.features.n_slots[c];
    switch (linear.features.kind[c]) {
      case model::FeatureMap::Kind::kNumber:
        op.features.push_back(table.columns[c].values.at(0));
        break;
      case model::FeatureMap::Kind::kCategory:
        add_level_features(to, table.columns[c], n, op.features);
        break;
      case model::FeatureMap::Kind::kSparse:
        for (std::size_t f = 0; f < static_cast<std::size_t>(n); ++f)
          op.features.push_back(f < table.columns[c].values.size() ? table.columns[c].values[f]
                                                                   : to.constant(0));
        break;
    }
  }
  // Levels are 0 or 1 already.
  if (state.has("binarize"))
    for (ValueId& feature : op.features)
      feature = to.apply(CellFunction::kAbove, feature, state.get_double("binarize"));
  op.coefficient = linear.coefficient;
  op.intercept = linear.intercept;
  op.first_out = to.add_numbers(name, linear.n_outputs);
  const ValueId first = op.first_out;
  const std::size_t width = linear.n_outputs;
  to.add(std::move(op));
  switch (linear_links().at(name)) {
    case LinearLink::kIdentity:
      break;
    case LinearLink::kProbability:
      return to.apply(width == 1 ? RowFunction::kSigmoid : RowFunction::kSoftmax, first, width);
    case LinearLink::kExp:
      return to.apply(RowFunction::kExp, first, width, {700});
    case LinearLink::kShares: {
      if (learner.task() == data::Task::kRegression) break;
      const ValueId each = to.apply(RowFunction::kSigmoid, first, width);
      return width == 1 ? each : to.apply(RowFunction::kNormalize, each, width);
    }
  }
  return first;
}

/// One learner per quantile, then in rising order.
ValueId describe_quantiles(ModelDescriber& to, const Node& state, const pipeline::Pipeline& pipeline,
                           std::span<const double> quantiles, const DescribedTable& table) {
  const std::size_t width = quantiles.size();
  LinearOperation gather;
  for (std::size_t k = 0; k < width; ++k) {
    ParamMap params = pipeline.params();
    model::set_quantile(pipeline.estimator_name(), params, quantiles[k]);
    const auto fit = model::make_estimator(pipeline.estimator_name(), params);
    fit->load(state.child(fmt::format("fit_{}", k)));
    gather.features.push_back(describe_learner(to, *fit, pipeline.estimator_name(), table));
    for (std::size_t j = 0; j < width; ++j) gather.coefficient.push_back(j == k ? 1 : 0);
  }
  gather.intercept.assign(width, 0.0);
  gather.first_out = to.add_numbers("quantiles", width);
  const ValueId first = gather.first_out;
  to.add(std::move(gather));
  return to.apply(RowFunction::kSort, first, width);
}

ValueId describe_constant(ModelDescriber& to, const Node& state) {
  const auto numbers = state.get_vector<double>("value");
  // By an operation of its own, since the outputs of a learner stand one after another.
  LinearOperation op{{}, {}, numbers, to.add_numbers("constant", numbers.size())};
  const ValueId first = op.first_out;
  to.add(std::move(op));
  return first;
}

ValueId describe_learner(ModelDescriber& to, const model::Estimator& learner, const std::string& name,
                         const DescribedTable& table) {
  if (const model::Forest* const forest = learner.trees()) return describe_trees(to, *forest, name, table);
  Node node;
  learner.save(node);
  const Node& state = node.child("state");
  if (state.has("linear") && linear_links().contains(name))
    return describe_linear(to, state, learner, name, table);
  if (name == "gaussian_nb" && state.has("log_prior")) return describe_naive_bayes(to, state, table);
  if (name == "constant") return describe_constant(to, state);
  if (name == "ordered_boosting" && state.has("trees"))
    return describe_symmetric_trees(to, state.child("trees"), learner, table);
  if (name == "mlp" && state.has("input")) return describe_network(to, state, learner, table);
  if (name == "knn" && state.has("cells")) return describe_neighbours(to, state, learner, table);
  throw Error(ErrorCode::kUnsupported,
              "can not export: learner {} has no exported form; train without it (--exclude-models {}), or "
              "use the model by kolosal.h",
              name, name);
}

}  // namespace

ValueId describe_link(ModelDescriber& to, model::Link link, double parameter, ValueId first,
                      std::size_t width) {
  switch (link) {
    case model::Link::kIdentity:
      return first;
    case model::Link::kSigmoid:
      return to.apply(RowFunction::kSigmoid, first, width);
    case model::Link::kSoftmax:
      return to.apply(width == 1 ? RowFunction::kSigmoid : RowFunction::kSoftmax, first, width);
    case model::Link::kExp:
      return to.apply(RowFunction::kExp, first, width, {1e4});
    case model::Link::kFocal:
      return to.apply(RowFunction::kFocal, first, width, {parameter});
  }
  KOLOSAL_ASSERT(false, "all links are described");
}

ValueId describe_learner(ModelDescriber& to, const pipeline::Pipeline& pipeline,
                         const DescribedTable& table) {
  const auto* const several = dynamic_cast<const model::QuantileLearner*>(&pipeline.estimator());
  if (!several) return describe_learner(to, pipeline.estimator(), pipeline.estimator_name(), table);
  Node node;
  several->save(node);
  return describe_quantiles(to, node.child("state"), pipeline, several->quantiles(), table);
}

}  // namespace kolosal::infer::exporters
