#include "kolosal/automl/run_keeper.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kolosal/automl/run_history.hpp"
#include "kolosal/core/error.hpp"

namespace kolosal::automl {

RunKeeper::RunKeeper(const RunStore& store, const RunOptions& options) : store_(store), options_(options) {}

double RunKeeper::reserve_s(const RunOptions& options) {
  return options.server.empty() || !options.time_budget_s
             ? 0
             : std::clamp(0.02 * *options.time_budget_s, 0.1, 0.5);
}

std::string RunKeeper::save_to_folder() const {
  try {
    RunHistory(options_.history).save(store_);
    return "";
  } catch (const std::exception& error) {
    return fmt::format("what this run does is not kept: {}", error.what());
  }
}

std::vector<std::string> RunKeeper::begin() {
  if (!options_.server.empty()) {
    RunMirrorOptions mirror;
    mirror.database = store_.database_file();
    mirror.run_id = store_.id();
    mirror.server = store::parse_server_url(options_.server);
    if (!options_.history.empty()) mirror.unsent = options_.history / (mirror.run_id + ".sqlite");
    mirror_ = std::make_unique<RunMirror>(std::move(mirror));
    mirror_->touch();
    return {};
  }
  if (options_.history.empty()) return {};
  const std::string why_not = save_to_folder();
  is_kept_ = why_not.empty();
  return is_kept_ ? std::vector<std::string>() : std::vector{why_not};
}

std::vector<std::string> RunKeeper::keep(double patience_s) {
  if (!options_.server.empty()) begin();
  return end(patience_s);
}

std::vector<std::string> RunKeeper::changed() {
  if (!mirror_) return {};
  mirror_->touch();
  return mirror_->take_notes();
}

std::vector<std::string> RunKeeper::end(double patience_s) {
  std::vector<std::string> out;
  if (mirror_) {
    const bool is_complete = mirror_->close(patience_s);
    out = mirror_->take_notes();
    const auto unsent = options_.history / (store_.id() + ".sqlite");
    if (is_complete) {
      std::error_code ignored;  // it would be sent again, which changes nothing
      if (!options_.history.empty()) std::filesystem::remove(unsent, ignored);
    } else if (options_.history.empty()) {
      out.emplace_back("the run store did not take the end of this run, and there is no folder to keep it");
    } else if (std::string why_not = save_to_folder(); !why_not.empty()) {
      out.push_back(std::move(why_not));
    } else {
      out.push_back(
          fmt::format("the run store did not take this run; it is kept in {}, and kolosal runs sync sends it",
                      unsent.string()));
    }
    mirror_.reset();
  } else if (is_kept_ && !options_.history.empty()) {
    if (std::string why_not = save_to_folder(); !why_not.empty()) out.push_back(std::move(why_not));
  }
  return out;
}

}  // namespace kolosal::automl
