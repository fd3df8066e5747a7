#include "kolosal/track/mlflow_client.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

#include "kolosal/core/error.hpp"

namespace kolosal::track {
namespace {

using nlohmann::json;

constexpr std::size_t kMostValueBytes = 500;  // of a parameter, in every version of the server
constexpr std::size_t kMostTagBytes = 5000;
constexpr std::size_t kMostShown = 300;

std::string written(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

/// What a server said: the message of MLflow's errors, or the start of the text.
std::string message_of(const HttpResponse& response) {
  const json answer = json::parse(response.body, nullptr, false);
  std::string text = answer.is_object() && answer.contains("message") && answer["message"].is_string()
                         ? answer["message"].get<std::string>()
                         : response.body;
  if (text.size() > kMostShown) text = text.substr(0, kMostShown) + "...";
  return fmt::format("{} (HTTP {})", text, response.status);
}

std::string error_code_of(const std::string& body) {
  const json answer = json::parse(body, nullptr, false);
  // It may be a number, as of a proxy that answers in the server's place.
  return answer.is_object() && answer.contains("error_code") && answer["error_code"].is_string()
             ? answer["error_code"].get<std::string>()
             : "";
}

std::string_view status_name(Status status) {
  switch (status) {
    case Status::kFinished:
      return "FINISHED";
    case Status::kFailed:
      return "FAILED";
    case Status::kKilled:
      return "KILLED";
  }
  return "FINISHED";
}

json pairs(const std::map<std::string, std::string>& values, std::size_t most_bytes) {
  json out = json::array();
  for (const auto& [key, value] : values)
    out.push_back({{"key", mlflow_name(key)}, {"value", value.substr(0, most_bytes)}});
  return out;
}

Answer<void> without_value(Answer<std::string> answer) {
  if (!answer) return std::unexpected(std::move(answer.error()));
  return {};
}

/// A member of a member of an answer.
Answer<std::string> text_at(const std::string& body, std::initializer_list<const char*> path) {
  const json answer = json::parse(body, nullptr, false);
  const json* at = &answer;
  for (const char* key : path) {
    if (!at->is_object() || !at->contains(key))
      return std::unexpected(
          CallFailure{false, fmt::format("it does not answer like an MLflow server: no \"{}\"", key)});
    at = &(*at)[key];
  }
  return at->is_string() ? at->get<std::string>() : written(*at);
}

}  // namespace

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string mlflow_name(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (!std::isalnum(static_cast<unsigned char>(c)) &&
        std::string_view("_-. /").find(c) == std::string_view::npos)
      c = '_';
  return out;
}

Answer<std::string> MlflowClient::call(HttpRequest request) const {
  request.timeout_s = timeout_s_;
  auto response = send(server_, request);
  if (!response) return std::unexpected(CallFailure{true, response.error()});
  if (response->status >= 200 && response->status < 300) return std::move(response->body);
  // 429: too many calls. What lies between us and the server answers 5xx when the server is away.
  const bool may_pass = response->status >= 500 || response->status == 429;
  return std::unexpected(
      CallFailure{may_pass, message_of(*response), error_code_of(response->body), may_pass});
}

Answer<std::string> MlflowClient::experiment_id(const std::string& name) const {
  const HttpRequest get{.target = "/api/2.0/mlflow/experiments/get-by-name?experiment_name=" +
                                  percent_encoded(name)};
  auto found = call(get);
  if (found) return text_at(*found, {"experiment", "experiment_id"});
  if (found.error().code != "RESOURCE_DOES_NOT_EXIST") return found;
  auto made = call(
      {.method = "POST", .target = "/api/2.0/mlflow/experiments/create", .body = written({{"name", name}})});
  if (made) return text_at(*made, {"experiment_id"});
  auto again = call(get);  // another run may have made it at the same moment
  if (again) return text_at(*again, {"experiment", "experiment_id"});
  return made;
}

Answer<MlflowClient::RunPlace> MlflowClient::create_run(
    const std::string& experiment_id, const std::string& name, std::int64_t start_ms,
    const std::map<std::string, std::string>& tags) const {
  const auto answer = call({.method = "POST",
                            .target = "/api/2.0/mlflow/runs/create",
                            .body = written({{"experiment_id", experiment_id},
                                             {"run_name", name},
                                             {"start_time", start_ms},
                                             {"tags", pairs(tags, kMostTagBytes)}})});
  if (!answer) return std::unexpected(answer.error());
  const auto run_id = text_at(*answer, {"run", "info", "run_id"});
  if (!run_id) return std::unexpected(run_id.error());
  const auto artifacts = text_at(*answer, {"run", "info", "artifact_uri"});
  return RunPlace{experiment_id, *run_id, artifacts.value_or("")};
}

Answer<void> MlflowClient::log_batch(const std::string& run_id, const std::vector<Metric>& metrics,
                                     const std::map<std::string, std::string>& params,
                                     const std::map<std::string, std::string>& tags) const {
  json values = json::array();
  for (const Metric& m : metrics)
    values.push_back(
        {{"key", mlflow_name(m.key)}, {"value", m.value}, {"timestamp", m.timestamp_ms}, {"step", m.step}});
  return without_value(call({.method = "POST",
                             .target = "/api/2.0/mlflow/runs/log-batch",
                             .body = written({{"run_id", run_id},
                                              {"metrics", std::move(values)},
                                              {"params", pairs(params, kMostValueBytes)},
                                              {"tags", pairs(tags, kMostTagBytes)}})}));
}

Answer<void> MlflowClient::put(const RunPlace& run, const std::string& name, HttpRequest content) const {
  constexpr std::string_view kScheme = "mlflow-artifacts:";
  std::string_view place = run.artifact_uri;
  if (!place.starts_with(kScheme))
    return std::unexpected(CallFailure{
        false, fmt::format("the server keeps artifacts in {}, which only it can reach; start it with "
                           "--artifacts-destination to send them through it",
                           run.artifact_uri)});
  place.remove_prefix(kScheme.size());
  if (place.starts_with("//")) {
    place.remove_prefix(2);
    place.remove_prefix(std::min(place.size(), place.find('/')));
  }
  while (place.starts_with('/')) place.remove_prefix(1);
  content.method = "PUT";
  content.target = fmt::format("/api/2.0/mlflow-artifacts/artifacts/{}/{}", place, percent_encoded(name));
  return without_value(call(std::move(content)));
}

Answer<void> MlflowClient::upload(const RunPlace& run, const std::filesystem::path& file,
                                  const std::string& name) const {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    return std::unexpected(CallFailure{false, fmt::format("the file {} is no longer there", file.string())});
  return put(run, name, {.file = file});
}

Answer<void> MlflowClient::upload_text(const RunPlace& run, const std::string& text,
                                       const std::string& name) const {
  return put(run, name, {.body = text});
}

Answer<void> MlflowClient::reopen_run(const std::string& run_id) const {
  return without_value(call({.method = "POST",
                             .target = "/api/2.0/mlflow/runs/update",
                             .body = written({{"run_id", run_id}, {"status", "RUNNING"}})}));
}

Answer<void> MlflowClient::end_run(const std::string& run_id, Status status, std::int64_t end_ms) const {
  return without_value(
      call({.method = "POST",
            .target = "/api/2.0/mlflow/runs/update",
            .body = written({{"run_id", run_id}, {"status", status_name(status)}, {"end_time", end_ms}})}));
}

}  // namespace kolosal::track
