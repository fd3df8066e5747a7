#include "kolosal/model/linear_model.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/core/error.hpp"
#include "kolosal/kernel/vector_ops.hpp"

namespace kolosal::model {
namespace {

/// Adds one column's share to the raw scores of rows [begin, end).
class ColumnAdder {
 public:
  ColumnAdder(const LinearModel& model, const data::Frame& x, std::size_t begin, std::size_t end, double* out)
      : model_(model), x_(x), begin_(begin), n_(end - begin), k_(model.n_outputs), out_(out) {}

  void add(std::size_t column) {
    switch (model_.features.kind[column]) {
      case FeatureMap::Kind::kNumber:
        return add_number(column);
      case FeatureMap::Kind::kCategory:
        return add_category(column);
      case FeatureMap::Kind::kSparse:
        return add_sparse(column);
    }
  }

 private:
  const double* row_of(std::int32_t feature) const {
    return model_.coefficient.data() + static_cast<std::size_t>(feature) * k_;
  }

  void add_number(std::size_t column) {
    copy_present_numbers(x_, column, begin_, begin_ + n_, numbers_);
    const double* coefficient = row_of(model_.features.first[column]);
    if (k_ == 1) return kernel::axpy(coefficient[0], numbers_.data(), out_, n_);
    for (std::size_t i = 0; i < n_; ++i)
      if (numbers_[i] != 0) kernel::axpy(numbers_[i], coefficient, out_ + i * k_, k_);
  }

  void add_category(std::size_t column) {
    const auto codes = x_.column(column).codes();
    for (std::size_t i = 0; i < n_; ++i) {
      const std::int32_t feature = model_.features.category_feature(column, codes[begin_ + i]);
      if (feature < 0) continue;
      const double* coefficient = row_of(feature);
      for (std::size_t k = 0; k < k_; ++k) out_[i * k_ + k] += coefficient[k];
    }
  }

  void add_sparse(std::size_t column) {
    const data::SparseView sparse = x_.column(column).sparse();
    const std::int32_t width = model_.features.n_slots[column];
    for (std::size_t i = 0; i < n_; ++i)
      for (std::int64_t at = sparse.offsets[begin_ + i]; at < sparse.offsets[begin_ + i + 1]; ++at) {
        if (sparse.indices[at] >= width) continue;
        const double* coefficient = row_of(model_.features.first[column] + sparse.indices[at]);
        for (std::size_t k = 0; k < k_; ++k)
          out_[i * k_ + k] += static_cast<double>(sparse.values[at]) * coefficient[k];
      }
  }

  const LinearModel& model_;
  const data::Frame& x_;
  std::size_t begin_, n_, k_;
  double* out_;
  std::vector<double> numbers_;
};

}  // namespace

void LinearModel::predict_raw(const data::Frame& x, std::span<double> out, const Context& context) const {
  KOLOSAL_ASSERT(x.n_columns() == features.kind.size(), "the caller passes the columns of fit");
  KOLOSAL_ASSERT(out.size() == x.n_rows() * n_outputs, "out holds one number per row and output");
  context.parallel_blocks(x.n_rows(), 2048, [&](std::size_t begin, std::size_t end) {
    double* block = out.data() + begin * n_outputs;
    for (std::size_t i = 0; i < end - begin; ++i)
      for (std::size_t k = 0; k < n_outputs; ++k) block[i * n_outputs + k] = intercept[k];
    ColumnAdder adder(*this, x, begin, end, block);
    for (std::size_t c = 0; c < x.n_columns(); ++c) adder.add(c);
  });
}

void LinearModel::predict_raw(std::span<const data::RowCell> row, std::span<double> out) const {
  // Sums in the order of the columns, by the kernels that many rows use: the same bytes.
  std::ranges::copy(intercept, out.begin());
  const auto add = [&](std::int32_t feature, double value) {
    const double* coefficients = coefficient.data() + static_cast<std::size_t>(feature) * n_outputs;
    for (std::size_t k = 0; k < n_outputs; ++k) out[k] += value * coefficients[k];
  };
  for (std::size_t c = 0; c < row.size(); ++c) switch (features.kind[c]) {
      case FeatureMap::Kind::kNumber: {
        const double number = row[c].number;
        if (!std::isfinite(number))
          throw Error(ErrorCode::kData,
                      "a linear learner needs finite numbers: column {} is {}; impute it before", c + 1,
                      std::isnan(number) ? "missing" : "infinite");
        const double* coefficients =
            coefficient.data() + static_cast<std::size_t>(features.first[c]) * n_outputs;
        if (n_outputs == 1)
          kernel::axpy(coefficients[0], &number, out.data(), 1);
        else if (number != 0)
          kernel::axpy(number, coefficients, out.data(), n_outputs);
        break;
      }
      case FeatureMap::Kind::kCategory:
        if (const auto feature = features.category_feature(c, static_cast<std::int32_t>(row[c].number));
            feature >= 0)
          add(feature, 1);
        break;
      case FeatureMap::Kind::kSparse:
        for (const data::SparseEntry& entry : row[c].sparse())
          if (entry.index < features.n_slots[c])
            add(features.first[c] + entry.index, static_cast<double>(entry.value));
        break;
    }
}

void LinearModel::save(artifact::Node& node) const {
  features.save(node.add_child("features"));
  node.set("n_outputs", n_outputs);
  node.set_array("coefficient", coefficient);
  node.set_array("intercept", intercept);
}

LinearModel LinearModel::load(const artifact::Node& node) {
  LinearModel model;
  model.features = FeatureMap::load(node.child("features"));
  model.n_outputs = static_cast<std::size_t>(node.get_int("n_outputs"));
  model.coefficient = node.get_vector<double>("coefficient");
  model.intercept = node.get_vector<double>("intercept");
  const auto n_features = static_cast<std::size_t>(model.features.n_features);
  if (model.n_outputs == 0 || model.intercept.size() != model.n_outputs ||
      model.coefficient.size() % model.n_outputs != 0 ||
      model.coefficient.size() / model.n_outputs != n_features)
    throw Error(ErrorCode::kModel,
                "a linear model is damaged: {} coefficients for {} features and {} outputs",
                model.coefficient.size(), n_features, model.n_outputs);
  return model;
}

std::vector<double> column_importance(const LinearModel& model, std::span<const double> spread) {
  std::vector<double> importance(model.features.kind.size(), 0.0);
  double total = 0;
  for (std::size_t c = 0; c < importance.size(); ++c) {
    const auto first = static_cast<std::size_t>(model.features.first[c]);
    for (std::size_t f = first; f < first + static_cast<std::size_t>(model.features.n_slots[c]); ++f)
      for (std::size_t k = 0; k < model.n_outputs; ++k)
        importance[c] += std::fabs(model.coefficient[f * model.n_outputs + k]) * spread[f];
    total += importance[c];
  }
  // Nothing used: every column is equally unimportant.
  for (double& value : importance)
    value = total > 0 ? value / total : 1.0 / static_cast<double>(importance.size());
  return importance;
}

}  // namespace kolosal::model
