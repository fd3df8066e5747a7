#include "kolosal/infer/importers/imported_learner.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/model/link_functions.hpp"

namespace kolosal::infer {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kBlockRows = 2048;

/// The inverse of the error function as ONNX Runtime has it: Winitzki (2008), "A handy approximation for the
/// error function and its inverse".
double inverse_erf(double x) {
  const double log_part = std::log((1 - x) * (1 + x));
  const double half = 2 / (3.14159 * 0.147) + 0.5 * log_part;
  return std::copysign(std::sqrt(-half + std::sqrt(half * half - log_part / 0.147)), x);
}

void softmax_of_others_than_zero(std::span<double> row) {
  const double top = *std::ranges::max_element(row);
  double sum = 0;
  for (double& v : row) {
    // ONNX Runtime's limit for "is zero".
    v = std::abs(v) > 1e-7 ? std::exp(v - top) : v * std::exp(-top);
    sum += v;
  }
  for (double& v : row) v /= sum;
}

void apply_step(const InputStep& step, std::span<double> row) {
  for (std::size_t c = 0; c < row.size(); ++c) {
    auto x = static_cast<float>(row[c]);
    if (step.kind == InputStep::Kind::kScale) x = (x - step.offset[c]) * step.scale[c];
    if (step.kind == InputStep::Kind::kImpute &&
        (std::isnan(step.replaced) ? std::isnan(x) : x == step.replaced))
      x = step.offset[c];
    row[c] = static_cast<double>(x);
  }
}

}  // namespace

void apply(PostTransform transform, std::span<double> row) {
  switch (transform) {
    case PostTransform::kSigmoid:
      for (double& v : row) v = model::sigmoid(v);
      return;
    case PostTransform::kSoftmax:
      model::softmax(row);
      return;
    case PostTransform::kSoftmaxZero:
      return softmax_of_others_than_zero(row);
    case PostTransform::kProbit:
      for (double& v : row) v = std::sqrt(2.0) * inverse_erf(2 * v - 1);
      return;
    case PostTransform::kSoftplus:
      for (double& v : row) v = std::max(v, 0.0) + std::log1p(std::exp(-std::abs(v)));
      return;
    case PostTransform::kSignedSquare:
      for (double& v : row) v *= std::abs(v);
      return;
    case PostTransform::kExp:
      for (double& v : row) v = std::exp(v);
      return;
    case PostTransform::kShares: {
      double sum = 0;
      for (const double v : row) sum += std::abs(v);
      if (sum != 0)
        for (double& v : row) v /= sum;
      return;
    }
  }
}

// ---- what all have in common ------------------------------------------------------------------------------

ImportedLearner::ImportedLearner(LearnerShape shape) : shape_(std::move(shape)) {
  std::vector<std::string> types;
  for (const data::ColumnType type : shape_.types) types.emplace_back(data::type_name(type));
  artifact::Node node;
  node.set("task", std::string(data::task_name(shape_.task)));
  node.set("n_outputs", shape_.n_outputs);
  node.set("feature_names", shape_.names);
  node.set("feature_types", std::move(types));
  node.add_child("state");
  load(node);
}

model::FitReport ImportedLearner::do_fit(const model::TrainingData&, const model::Prepared*, model::RowSplit,
                                         const Context&) {
  throw Error(ErrorCode::kUnsupported, "a model of another program can not be fitted here");
}

void ImportedLearner::do_save(artifact::Node&) const {
  throw Error(ErrorCode::kUnsupported,
              "this model of another program can not be written as a .kolosal file; use its own file");
}

void ImportedLearner::predict_rows(std::span<double> rows, std::size_t n, std::span<double> out,
                                   std::vector<double>& raw) const {
  for (const InputStep& step : steps)
    for (std::size_t r = 0; r < n; ++r) apply_step(step, rows.subspan(r * n_features(), n_features()));
  const std::size_t width = n_raw(), n_out = shape_.n_outputs;
  raw.resize(n * width);
  raw_sums(rows.data(), n, raw);
  for (std::size_t r = 0; r < n; ++r) {
    const std::span<double> row = std::span(raw).subspan(r * width, width);
    for (const PostTransform post : posts) apply(post, row);
    std::ranges::copy(row.last(n_out), out.begin() + static_cast<std::ptrdiff_t>(r * n_out));
  }
}

void ImportedLearner::do_predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  const std::size_t width = n_features(), n_out = shape_.n_outputs;
  context.parallel_blocks(x.n_rows(), kBlockRows, [&](std::size_t begin, std::size_t end) {
    const std::size_t n = end - begin;
    std::vector<double> column(n), rows(n * width), raw;
    for (std::size_t c = 0; c < width; ++c) {
      x.column(c).slice(begin, n).copy_numbers(std::span<double>(column));
      const bool is_code = shape_.types[c] == data::ColumnType::kCategory;
      for (std::size_t r = 0; r < n; ++r) rows[r * width + c] = is_code && column[r] < 0 ? kNaN : column[r];
    }
    predict_rows(rows, n, out.subspan(begin * n_out, n * n_out), raw);
  });
}

class ImportedLearner::Row final : public model::RowEvaluator {
 public:
  explicit Row(const ImportedLearner& learner) : learner_(learner) {}
  void predict(std::span<const data::RowCell> row, std::span<double> out) const override {
    thread_local std::vector<double> numbers, raw;
    numbers.resize(row.size());
    for (std::size_t c = 0; c < row.size(); ++c) {
      const bool is_code = learner_.shape_.types[c] == data::ColumnType::kCategory;
      numbers[c] = is_code && row[c].number < 0 ? kNaN : row[c].number;
    }
    learner_.predict_rows(numbers, 1, out, raw);
  }

 private:
  const ImportedLearner& learner_;
};

std::unique_ptr<model::RowEvaluator> ImportedLearner::row_evaluator() const {
  return std::make_unique<Row>(*this);
}

// ---- trees ------------------------------------------------------------------------------------------------

ImportedForest::ImportedForest(LearnerShape shape, model::Forest forest, model::LinearLeaves leaves)
    : ImportedLearner(std::move(shape)), leaves_(std::move(leaves)) {
  // Through the check of every index that a file of our own has.
  artifact::Node node;
  forest.save(node);
  forest_ = model::Forest::load(node);
  divisors_ = forest_.divisors();
  if (static_cast<std::size_t>(forest_.n_features) != n_features())
    throw Error(ErrorCode::kModel, "the trees read {} columns and the model has {}", forest_.n_features,
                n_features());
}

const model::Forest* ImportedForest::trees() const {
  // Rounding to float32 is what the forest itself does.
  const bool only_rounds =
      std::ranges::all_of(steps, [](const InputStep& s) { return s.kind == InputStep::Kind::kRound; });
  const bool is_all = posts.empty() && leaves_.is_empty() && (steps.empty() || forest_.round_to_float) &&
                      only_rounds && n_raw() == shape().n_outputs;
  return is_all ? &forest_ : nullptr;
}

void ImportedForest::raw_sums(const double* rows, std::size_t n, std::span<double> out) const {
  if (!leaves_.is_empty()) {
    for (std::size_t r = 0; r < n; ++r)
      model::predict_linear_leaves(forest_, leaves_, divisors_, rows + r * n_features(),
                                   out.subspan(r * n_raw(), n_raw()));
    return;
  }
  std::call_once(once_, [&] { packed_.emplace(forest_); });
  if (n > 1 || !packed_->has_row_path()) return packed_->predict(rows, n, n_features(), out, {});
  thread_local ForestScratch scratch;
  packed_->predict_row(rows, out, scratch);
}

// ---- linear -----------------------------------------------------------------------------------------------

ImportedLinear::ImportedLinear(LearnerShape shape, std::vector<double> coefficient,
                               std::vector<double> intercept, bool is_missing_zero)
    : ImportedLearner(std::move(shape)),
      coefficient_(std::move(coefficient)),
      intercept_(std::move(intercept)),
      is_missing_zero_(is_missing_zero) {
  if (intercept_.empty() || coefficient_.size() != n_features() * intercept_.size())
    throw Error(ErrorCode::kModel, "a linear model is damaged: {} coefficients for {} columns and {} sums",
                coefficient_.size(), n_features(), intercept_.size());
}

void ImportedLinear::raw_sums(const double* rows, std::size_t n, std::span<double> out) const {
  const std::size_t width = n_raw();
  for (std::size_t r = 0; r < n; ++r) {
    double* const sums = out.data() + r * width;
    std::ranges::copy(intercept_, sums);
    for (std::size_t c = 0; c < n_features(); ++c) {
      const double x = rows[r * n_features() + c];
      if (is_missing_zero_ && std::isnan(x)) continue;
      for (std::size_t k = 0; k < width; ++k) sums[k] += x * coefficient_[c * width + k];
    }
  }
}

}  // namespace kolosal::infer
