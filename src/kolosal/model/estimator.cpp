#include "kolosal/model/estimator.hpp"

#include <algorithm>

#include "kolosal/core/error.hpp"

namespace kolosal::model {

#define KOLOSAL_PLUGIN(name) EstimatorInfo name##_info();
#include "kolosal/model/estimators_catalog.inc"
#undef KOLOSAL_PLUGIN

namespace {

void check_columns(const data::Frame& x) {
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    const data::ColumnType type = x.column(c).type();
    if (type == data::ColumnType::kText || type == data::ColumnType::kDate ||
        type == data::ColumnType::kTimestamp)
      throw Error(ErrorCode::kData, "column \"{}\" of type {} must be encoded before a learner can use it",
                  x.name(c), data::type_name(type));
  }
}

void check_target(const data::TargetView& y, std::size_t n_rows) {
  KOLOSAL_ASSERT(y.values.size() == n_rows, "the target has a value per row");
  KOLOSAL_ASSERT(y.weights.empty() || y.weights.size() == n_rows, "weights are absent or one per row");
  KOLOSAL_ASSERT(y.task == data::Task::kRegression || y.n_classes >= 2,
                 "a classification target has its classes");
}

void check_rows(std::span<const std::uint32_t> rows, std::size_t n_rows) {
  KOLOSAL_ASSERT(std::adjacent_find(rows.begin(), rows.end(), std::greater_equal<>()) == rows.end(),
                 "row numbers are ascending");
  KOLOSAL_ASSERT(rows.empty() || rows.back() < n_rows, "row numbers are below the number of rows");
}

std::vector<std::string> names_of(const std::vector<data::ColumnType>& types) {
  std::vector<std::string> out;
  for (const data::ColumnType type : types) out.emplace_back(data::type_name(type));
  return out;
}

}  // namespace

FitReport RoundwiseFit::finish() {
  do_finish();
  owner_->fitted_ = true;
  return report();
}

std::shared_ptr<const Prepared> Estimator::prepare(const TrainingData&, const Context&) const {
  return nullptr;
}

std::unique_ptr<RoundwiseFit> Estimator::do_begin(const TrainingData&, const Prepared*, RowSplit,
                                                  const Context&) {
  return nullptr;
}

void Estimator::start(const TrainingData& data, RowSplit rows) {
  KOLOSAL_ASSERT(data.x != nullptr, "training data holds a frame");
  check_columns(*data.x);
  check_target(data.y, data.x->n_rows());
  check_rows(rows.train, data.x->n_rows());
  check_rows(rows.valid, data.x->n_rows());
  if (rows.train.empty()) throw Error(ErrorCode::kData, "there is no row to train on");
  if (data.x->n_columns() == 0) throw Error(ErrorCode::kData, "there is no column to train on");

  fitted_ = false;
  feature_names_ = data.x->names();
  feature_types_.clear();
  for (std::size_t c = 0; c < data.x->n_columns(); ++c) feature_types_.push_back(data.x->column(c).type());
  task_ = data.y.task;
  n_outputs_ = data.y.n_outputs();
}

FitReport Estimator::fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                         const Context& context) {
  start(data, rows);
  FitReport report = do_fit(data, prepared, rows, context);
  KOLOSAL_ASSERT(report.valid_prediction.size() == rows.valid.size() * n_outputs_,
                 "a fit reports its predictions for every validation row");
  fitted_ = true;
  return report;
}

std::unique_ptr<RoundwiseFit> Estimator::begin(const TrainingData& data, const Prepared* prepared,
                                               RowSplit rows, const Context& context) {
  start(data, rows);
  auto fit = do_begin(data, prepared, rows, context);
  if (fit) fit->owner_ = this;
  return fit;
}

void Estimator::predict(const data::Frame& x, std::span<double> out, const Context& context,
                        const Evaluator* evaluator) const {
  if (!fitted_) throw Error(ErrorCode::kNotFitted, "the learner was not fitted: call fit() before predict()");
  KOLOSAL_ASSERT(out.size() == x.n_rows() * n_outputs_, "out has a number per row and output");
  const data::Frame selected = x.names() == feature_names_ ? x : x.select(feature_names_);
  for (std::size_t c = 0; c < feature_types_.size(); ++c) {
    if (selected.column(c).type() == feature_types_[c]) continue;
    throw Error(ErrorCode::kData, "column \"{}\" has another type than in fit: {} instead of {}",
                feature_names_[c], data::type_name(selected.column(c).type()),
                data::type_name(feature_types_[c]));
  }
  if (evaluator != nullptr)
    evaluator->predict(selected, out, context);
  else
    do_predict(selected, out, context);
}

void Estimator::save(artifact::Node& node) const {
  if (!fitted_) throw Error(ErrorCode::kNotFitted, "the learner was not fitted: call fit() before save()");
  node.set("task", std::string(data::task_name(task_)));
  node.set("n_outputs", n_outputs_);
  node.set("feature_names", feature_names_);
  node.set("feature_types", names_of(feature_types_));
  do_save(node.add_child("state"));
}

void Estimator::load(const artifact::Node& node) {
  fitted_ = false;
  const std::string& task = node.get_string("task");
  try {
    task_ = data::task_from_name(task);
  } catch (const Error&) {
    throw Error(ErrorCode::kModel, "the model has an unknown task: {}", task);
  }
  const std::int64_t n_outputs = node.get_int("n_outputs");
  const std::int64_t fewest = task_ == data::Task::kMulticlass ? 2 : 1;
  const std::int64_t most =
      task_ == data::Task::kBinary ? 1 : 1 << 30;  // a regression has a value per quantile
  if (n_outputs < fewest || n_outputs > most)
    throw Error(ErrorCode::kModel, "a {} model can not have this number of outputs: {}", task, n_outputs);
  n_outputs_ = static_cast<std::size_t>(n_outputs);

  feature_names_ = node.get_strings("feature_names");
  feature_types_.clear();
  for (const std::string& name : node.get_strings("feature_types")) {
    const auto type = data::type_from_name(name);
    if (!type) throw Error(ErrorCode::kModel, "the model has a column of an unknown type: {}", name);
    feature_types_.push_back(*type);
  }
  if (feature_types_.size() != feature_names_.size())
    throw Error(ErrorCode::kModel, "the model names {} columns but {} types", feature_names_.size(),
                feature_types_.size());
  do_load(node.child("state"));
  fitted_ = true;
}

const std::vector<EstimatorInfo>& estimators() {
  static const std::vector<EstimatorInfo> all = {
#define KOLOSAL_PLUGIN(name) name##_info(),
#include "kolosal/model/estimators_catalog.inc"
#undef KOLOSAL_PLUGIN
  };
  return all;
}

const EstimatorInfo& estimator_info(std::string_view name) {
  std::vector<std::string> known;
  for (const EstimatorInfo& info : estimators()) {
    if (info.name == name) return info;
    known.push_back(info.name);
  }
  const std::string near = nearest_name(name, known);
  if (!near.empty())
    throw Error(ErrorCode::kInvalidParameter, "unknown model \"{}\": did you mean {}?", name, near);
  throw Error(ErrorCode::kInvalidParameter, "unknown model \"{}\"; there are: {}", name,
              fmt::join(known, ", "));
}

std::unique_ptr<Estimator> make_estimator(std::string_view name, const ParamMap& params) {
  return estimator_info(name).make(params);
}

}  // namespace kolosal::model
