#include "kolosal/infer/session.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "kolosal/artifact/file_mapping.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/infer/importers/imported_model.hpp"
#include "kolosal/pipeline/kept_rows.hpp"

namespace kolosal::infer {

Session Session::open(const std::filesystem::path& path) { return open(nullptr, path); }

Session Session::open(std::shared_ptr<const artifact::Container> container,
                      const std::filesystem::path& path) {
  const std::optional<ForestKernel> forced = kernel_of_environment();
  Session out;
  try {
    if (container || !foreign_format(path))
      out.read_own(path, std::move(container));
    else
      out.read_foreign(path);
    out.evaluators_ =
        std::make_shared<const pipeline::Evaluators>(serve_forests(*out.model_, forced, out.kernel_rows_));
    out.rows_ = std::make_shared<LazyRows>();
  } catch (const Error& error) {
    // Messages of the layers below do not know the file.
    const std::string_view what = error.what();
    if (what.find(path.filename().string()) != std::string_view::npos) throw;
    throw Error(error.code(), "{}: {}", path.string(), what);
  }
  return out;
}

void Session::read_own(const std::filesystem::path& path, std::shared_ptr<const artifact::Container> mapped) {
  container_ = mapped ? std::move(mapped)
                      : std::make_shared<const artifact::Container>(artifact::Container::open(path));
  if (container_->has("recipe") && !container_->has("model"))
    throw Error(ErrorCode::kModel,
                "{} is a fitted recipe and no model; kolosal preprocess --recipe applies it", path.string());
  model_ = std::make_shared<const pipeline::Model>(pipeline::Model::load(*container_));
  manifest_ = std::make_shared<const nlohmann::json>(container_->json("manifest"));
  if (pipeline::n_kept_rows(*container_) > 0)
    kernel_rows_ = std::make_shared<const KernelRows>(model_, container_);
}

void Session::read_foreign(const std::filesystem::path& path) {
  const artifact::FileMapping file = artifact::map_model_file(path);
  const auto format = foreign_format(file.bytes);
  if (!format) throw Error(ErrorCode::kModel, "the file changed while it was opened");
  ImportedModel imported = import_model(*format, file.bytes);
  model_ = std::make_shared<const pipeline::Model>(std::move(imported.model));
  manifest_ = std::make_shared<const nlohmann::json>(std::move(imported.about));
  is_by_position_ = imported.by_position;
}

const artifact::Container& Session::container() const {
  KOLOSAL_ASSERT(container_ != nullptr, "only models of our own are in a container");
  return *container_;
}

namespace {

bool has_all(const std::vector<std::string>& names, const std::vector<std::string>& wanted) {
  return std::ranges::all_of(
      wanted, [&](const std::string& name) { return std::ranges::find(names, name) != names.end(); });
}

}  // namespace

void Session::check_positions(const std::vector<std::string>& names) const {
  const auto wanted = model_->schema.names_with(data::Role::kFeature);
  if (names.size() == wanted.size() || has_all(names, wanted)) return;
  constexpr std::size_t kShown = 8;
  const auto shown = std::span(names).first(std::min(names.size(), kShown));
  throw Error(
      ErrorCode::kData,
      "the model's file names no columns, so its {} columns are taken by position, and the table has {}: "
      "{}{}. Leave out what the model was not trained with, or name the columns {} ... {}",
      wanted.size(), names.size(), fmt::join(shown, ", "), names.size() > kShown ? ", ..." : "",
      wanted.front(), wanted.back());
}

data::Frame Session::named(const data::Frame& table) const {
  check_positions(table.names());
  const auto wanted = model_->schema.names_with(data::Role::kFeature);
  if (has_all(table.names(), wanted)) return table;
  data::Frame copy = table;
  return {wanted, std::move(copy).columns()};
}

Prediction Session::predict(const data::Frame& table, const Context& context,
                            data::ConformReport* report) const {
  Prediction out;
  out.n_outputs = model_->n_outputs();
  out.values = values(table, context, report);
  out.labels = model_->labels(out.values);
  return out;
}

std::vector<double> Session::values(const data::Frame& table, const Context& context,
                                    data::ConformReport* report) const {
  return model_->predict(is_by_position_ ? named(table) : table, context, report, *evaluators_);
}

const RowPredictor& Session::rows() const {
  std::call_once(rows_->once, [&] { rows_->predictor.emplace(*model_, *evaluators_); });
  return *rows_->predictor;
}

std::optional<data::Frame> Session::kept_rows() const {
  return container_ ? pipeline::load_kept_rows(*container_) : std::nullopt;
}

std::vector<LearnerTimings> Session::time_kernels() const {
  return infer::time_kernels(*model_, kernel_rows_.get());
}

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
