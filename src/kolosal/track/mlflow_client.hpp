#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "kolosal/track/http_client.hpp"

namespace kolosal::track {

/// Why a call had no effect.
struct CallFailure {
  bool is_gone = false;      ///< The server did not answer, or is in trouble itself: it may be asked again.
  std::string text;          ///< What it said, or what the system said.
  std::string code = {};     ///< MLflow's error code, if any.
  bool is_troubled = false;  ///< With is_gone: it did answer, so the trouble may be with this one call.
};

template <typename T>
using Answer = std::expected<T, CallFailure>;

struct Metric {
  std::string key;
  double value = 0;  ///< Finite.
  std::int64_t timestamp_ms = 0;
  std::int64_t step = 0;
};

enum class Status { kFinished, kFailed, kKilled };

/// Milliseconds since 1970.
std::int64_t now_ms();

/// The calls of MLflow's REST API 2.0 that a run needs.
class MlflowClient {
 public:
  struct RunPlace {
    std::string experiment_id;
    std::string run_id;
    std::string artifact_uri;
  };

  MlflowClient(Url server, double timeout_s) : server_(std::move(server)), timeout_s_(timeout_s) {}

  /// Of the experiment of this name, which is made when there is none.
  Answer<std::string> experiment_id(const std::string& name) const;
  /// A run that was ended, or whose process was killed, goes on.
  Answer<void> reopen_run(const std::string& run_id) const;
  Answer<RunPlace> create_run(const std::string& experiment_id, const std::string& name,
                              std::int64_t start_ms, const std::map<std::string, std::string>& tags) const;
  /// At most 1,000 in all, of which 100 parameters and 100 tags.
  Answer<void> log_batch(const std::string& run_id, const std::vector<Metric>& metrics,
                         const std::map<std::string, std::string>& params,
                         const std::map<std::string, std::string>& tags) const;
  /// A file, or a text, through the server's own place for artifacts (mlflow-artifacts:); other places can
  /// not be reached.
  Answer<void> upload(const RunPlace& run, const std::filesystem::path& file, const std::string& name) const;
  Answer<void> upload_text(const RunPlace& run, const std::string& text, const std::string& name) const;
  Answer<void> end_run(const std::string& run_id, Status status, std::int64_t end_ms) const;

  const Url& server() const { return server_; }

 private:
  Answer<std::string> call(HttpRequest request) const;
  Answer<void> put(const RunPlace& run, const std::string& name, HttpRequest content) const;

  Url server_;
  double timeout_s_;
};

/// A name as MLflow takes it for metrics and parameters: other characters become "_".
std::string mlflow_name(std::string_view name);

}  // namespace kolosal::track
