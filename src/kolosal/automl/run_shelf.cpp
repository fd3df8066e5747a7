#include "kolosal/automl/run_shelf.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "kolosal/automl/run_tables.hpp"
#include "kolosal/core/error.hpp"

namespace kolosal::automl {
namespace {

using nlohmann::json;

class FolderShelf final : public RunShelf {
 public:
  explicit FolderShelf(std::filesystem::path folder) : folder_(std::move(folder)), name_(folder_.string()) {}

  const std::string& name() const override { return name_; }

  std::vector<std::string> ids() const override {
    std::vector<std::string> out;
    std::error_code error;  // no folder: no runs
    for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
      const auto& path = entry.path();
      if (path.extension() == ".sqlite" && !path.filename().string().starts_with('.'))
        out.push_back(path.stem().string());
    }
    std::ranges::sort(out);
    return out;
  }

  std::vector<std::string> newest_ids() const override {
    std::vector<std::string> out = ids();
    std::map<std::string, std::filesystem::file_time_type> kept_at;
    for (const std::string& id : out) {
      std::error_code error;  // gone meanwhile: reading it will tell
      kept_at[id] = std::filesystem::last_write_time(file(id), error);
    }
    std::ranges::stable_sort(out, std::greater(), [&](const std::string& id) { return kept_at[id]; });
    return out;
  }

  json read(const std::string& id) const override { return RunStore::describe(file(id)); }
  json read_head(const std::string& id) const override { return RunStore::describe_head(file(id)); }

  std::vector<json> heads() const override {
    std::vector<json> out;
    for (const std::string& id : ids()) {
      try {
        store::Database database(file(id), store::Database::Mode::kExisting);
        prepare_run_tables(database);
        auto runs = all_heads_json(database);
        out.push_back(runs.empty() ? json::object() : std::move(runs.begin()->second));
        out.back()["id"] = id;
      } catch (const std::exception& error) {
        out.push_back({{"id", id}, {"state", "damaged"}, {"error", error.what()}});
      }
    }
    return out;
  }

  void save(const RunStore& store) const override {
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    if (error)
      throw Error(ErrorCode::kIo, "can not make the folder {}: {}", folder_.string(), error.message());
    store.copy_to(file(store.id()));
  }

  void remove(const std::string& id) const override {
    for (const char* end : {"", "-wal", "-shm"}) {
      std::error_code error;
      std::filesystem::remove(file(id).string() + end, error);
      if (error)
        throw Error(ErrorCode::kIo, "can not remove {}{}: {}", file(id).string(), end, error.message());
    }
  }

  void export_to(const std::string& id, const std::filesystem::path& to) const override {
    RunStore::attach_copy(file(id)).copy_to(to);
  }

 private:
  std::filesystem::path file(const std::string& id) const { return folder_ / (id + ".sqlite"); }

  std::filesystem::path folder_;
  std::string name_;
};

class ServerShelf final : public RunShelf {
 public:
  ServerShelf(store::ServerUrl server, double timeout_s)
      : server_(std::move(server)), timeout_s_(timeout_s) {}

  const std::string& name() const override { return server_.text; }

  std::vector<std::string> ids() const override {
    return column("SELECT DISTINCT run_id FROM run ORDER BY run_id");
  }
  std::vector<std::string> newest_ids() const override {
    return column("SELECT run_id FROM run WHERE name = 'started_at' ORDER BY value DESC, run_id");
  }

  json read(const std::string& id) const override { return run_json(existing(id), id); }
  json read_head(const std::string& id) const override { return head_json(existing(id), id); }

  std::vector<json> heads() const override {
    std::vector<json> out;
    if (!is_empty())
      for (auto& [id, head] : all_heads_json(database())) {
        head["id"] = id;
        out.push_back(std::move(head));
      }
    return out;
  }

  void save(const RunStore& store) const override {
    KnownRows nothing;
    prepare_run_tables(database());
    store.copy_to(database(), nothing);
  }

  void remove(const std::string& id) const override { delete_run(existing(id), id); }

  void export_to(const std::string& id, const std::filesystem::path& to) const override {
    const auto unfinished = to.parent_path() / fmt::format(".{}.{}.export", to.filename().string(), getpid());
    std::error_code ignored;  // opening tells
    std::filesystem::remove(unfinished, ignored);
    try {
      {
        store::Database file(unfinished);
        prepare_run_tables(file);
        KnownRows nothing;
        copy_run(existing(id), id, file, kFileRun, nothing);
      }
      RunStore::attach_copy(unfinished).copy_to(to);
    } catch (...) {
      for (const char* end : {"", "-wal", "-shm"})
        std::filesystem::remove(unfinished.string() + end, ignored);
      throw;
    }
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(unfinished.string() + end, ignored);
  }

 private:
  store::Database& database() const {
    if (!database_) database_ = std::make_unique<store::Database>(server_, timeout_s_);
    return *database_;
  }

  /// A server that no run was sent to yet. Tables of an earlier version are brought up to date.
  bool is_empty() const {
    if (!has_run_tables(database())) return true;
    prepare_run_tables(database());
    return false;
  }

  store::Database& existing(const std::string& id) const {
    if (is_empty() || !fact_text(database(), id, "id"))
      throw Error(ErrorCode::kNotFound, "there is no run {} in {}", id, name());
    return database();
  }

  std::vector<std::string> column(std::string_view sql) const {
    std::vector<std::string> out;
    if (is_empty()) return out;
    auto rows = database().prepare(sql);
    while (rows.next()) out.push_back(rows.text(0));
    return out;
  }

  store::ServerUrl server_;
  double timeout_s_;
  mutable std::unique_ptr<store::Database> database_;
};

}  // namespace

std::shared_ptr<const RunShelf> folder_shelf(std::filesystem::path folder) {
  return std::make_shared<FolderShelf>(std::move(folder));
}

std::shared_ptr<const RunShelf> server_shelf(store::ServerUrl server, double timeout_s) {
  return std::make_shared<ServerShelf>(std::move(server), timeout_s);
}

}  // namespace kolosal::automl
