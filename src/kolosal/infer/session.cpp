#include "kolosal/infer/session.hpp"

#include <nlohmann/json.hpp>

#include "kolosal/core/error.hpp"

namespace kolosal::infer {

Session Session::open(const std::filesystem::path& path) { return open(nullptr, path); }

Session Session::open(std::shared_ptr<const artifact::Container> container,
                      const std::filesystem::path& path) {
  const std::optional<ForestKernel> forced = kernel_of_environment();
  Session out;
  try {
    out.container_ = container ? std::move(container)
                               : std::make_shared<const artifact::Container>(artifact::Container::open(path));
    if (out.container_->has("recipe") && !out.container_->has("model"))
      throw Error(ErrorCode::kModel,
                  "{} is a fitted recipe and no model; kolosal preprocess --recipe applies it",
                  path.string());
    out.model_ = std::make_shared<const pipeline::Model>(pipeline::Model::load(*out.container_));
    out.evaluators_ = std::make_shared<const pipeline::Evaluators>(serve_forests(*out.model_, forced));
    out.rows_ = std::make_shared<LazyRows>();
    out.manifest_ = std::make_shared<const nlohmann::json>(out.container_->json("manifest"));
  } catch (const Error& error) {
    // Messages of the layers below do not know the file.
    const std::string_view what = error.what();
    if (what.find(path.filename().string()) != std::string_view::npos) throw;
    throw Error(error.code(), "{}: {}", path.string(), what);
  }
  return out;
}

Prediction Session::predict(const data::Frame& table, const Context& context,
                            data::ConformReport* report) const {
  Prediction out;
  out.n_outputs = model_->n_outputs();
  out.values = model_->predict(table, context, report, *evaluators_);
  out.labels = model_->labels(out.values);
  return out;
}

const RowPredictor& Session::rows() const {
  std::call_once(rows_->once, [&] { rows_->predictor.emplace(*model_, *evaluators_); });
  return *rows_->predictor;
}

std::vector<LearnerTimings> Session::time_kernels() const { return infer::time_kernels(*model_); }

std::vector<double> Session::probabilities(const Prediction& prediction) const {
  KOLOSAL_ASSERT(model_->task != data::Task::kRegression, "numbers have no class probabilities");
  if (prediction.n_outputs > 1) return prediction.values;
  std::vector<double> out;
  out.reserve(2 * prediction.values.size());
  for (const double p : prediction.values) {
    out.push_back(1 - p);
    out.push_back(p);
  }
  return out;
}

}  // namespace kolosal::infer
